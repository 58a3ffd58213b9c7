//! Security labels: the sensitive categories a resource falls into.

/// A set of sensitive categories. Each is sealed under its own key and opened only by a permit that names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(u32);

impl Labels {
    pub const NONE: Labels = Labels(0);
    /// Notes of counseling sessions kept apart (45 CFR 164.501).
    pub const PSYCHOTHERAPY: Labels = Labels(1);
    pub const HIV: Labels = Labels(1 << 1);
    /// Substance use by what it says, wherever it was recorded.
    pub const SUBSTANCE_USE: Labels = Labels(1 << 2);
    /// From a federally assisted substance use program (42 CFR Part 2): closed without consent.
    pub const PART2: Labels = Labels(1 << 3);
    pub const GENETIC: Labels = Labels(1 << 4);
    pub const REPRODUCTIVE: Labels = Labels(1 << 5);
    pub const MENTAL_HEALTH: Labels = Labels(1 << 6);
    /// Social security, licence and passport numbers: hides the element, not the resource.
    pub const GOVERNMENT_ID: Labels = Labels(1 << 7);
    /// Confidentiality R.
    pub const RESTRICTED: Labels = Labels(1 << 8);
    /// Confidentiality V: clinicians break the glass.
    pub const VERY_RESTRICTED: Labels = Labels(1 << 9);
    /// Kept from the patient by the clinician who wrote it, for a reason that is on file (refrain policy NOPAT).
    pub const KEPT_FROM_PATIENT: Labels = Labels(1 << 10);
    /// Labels that close single elements; every other label closes the resource.
    pub const OF_ELEMENTS: Labels = Labels::GOVERNMENT_ID;
    pub const ALL: Labels = Labels((1 << NAMES.len()) - 1);

    pub const fn bits(self) -> u32 {
        self.0
    }
    /// None if a bit names no label, which a newer version may have written.
    pub const fn from_bits(bits: u32) -> Option<Labels> {
        if bits & !Labels::ALL.0 == 0 { Some(Labels(bits)) } else { None }
    }
    pub const fn union(self, other: Labels) -> Labels {
        Labels(self.0 | other.0)
    }
    pub const fn without(self, other: Labels) -> Labels {
        Labels(self.0 & !other.0)
    }
    pub const fn contains(self, other: Labels) -> bool {
        self.0 & other.0 == other.0
    }
    pub const fn intersects(self, other: Labels) -> bool {
        self.0 & other.0 != 0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    pub fn from_name(name: &str) -> Option<Labels> {
        NAMES.iter().position(|known| *known == name).map(|bit| Labels(1 << bit))
    }
    /// The single labels of the set.
    pub fn iter(self) -> impl Iterator<Item = Labels> {
        (0..NAMES.len()).map(|bit| Labels(1 << bit)).filter(move |label| self.contains(*label))
    }
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, name)| *name)
    }
}

/// In the order of the bits; the words of policies and label tables.
const NAMES: [&str; 11] = [
    "psychotherapy",
    "hiv",
    "substance_use",
    "part2",
    "genetic",
    "reproductive",
    "mental_health",
    "government_id",
    "restricted",
    "very_restricted",
    "kept_from_patient",
];

// A decision key keeps labels in 16 bits.
const _: () = assert!(NAMES.len() <= 16);
