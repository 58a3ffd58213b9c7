//! Automatic labels: which codes put a resource into a sensitive category. `policies/labels.txt`.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

use crate::labels::Labels;

/// Collects the labels of one resource while its codings are walked.
#[derive(Clone, Copy, Default)]
pub struct Labeler {
    labels: Labels,
}

impl Labeler {
    /// Starts with what the resource type itself says.
    pub fn of_type(type_name: &str) -> Labeler {
        Labeler { labels: table().types.get(type_name).copied().unwrap_or_default() }
    }

    /// Takes one coding, of the resource's content or of `meta.security`.
    pub fn label(&mut self, system: &str, code: &str) {
        let Some(system) = table().systems.iter().find(|known| known.uri == system) else { return };
        if let Some(found) = system.exact.get(code) {
            self.labels = self.labels.union(*found);
        }
        let mut lengths = system.prefix_lengths;
        while lengths != 0 {
            let length = lengths.trailing_zeros() as usize;
            lengths &= lengths - 1;
            let Some(prefix) = code.get(..length) else { break };
            if let Some(found) = system.prefixes.get(prefix) {
                self.labels = self.labels.union(*found);
            }
        }
    }

    /// An identifier, by its system and the codes of its type.
    pub fn identifier<'a>(&mut self, system: &str, type_codes: impl IntoIterator<Item = &'a str>) {
        if is_government_id(system, type_codes) {
            self.labels = self.labels.union(Labels::GOVERNMENT_ID);
        }
    }

    pub fn labels(self) -> Labels {
        self.labels
    }
}

/// Whether an identifier is a social security, licence, passport or other number that a government gives a person.
pub fn is_government_id<'a>(system: &str, type_codes: impl IntoIterator<Item = &'a str>) -> bool {
    GOVERNMENT_SYSTEMS.contains(&system)
        || GOVERNMENT_SYSTEM_ROOTS.iter().any(|root| system.starts_with(root))
        || type_codes.into_iter().any(|code| GOVERNMENT_TYPES.contains(&code))
}

/// HL7 registered: SSN (URI and OID), individual taxpayer number, US passport; and what Synthea writes for a passport.
const GOVERNMENT_SYSTEMS: [&str; 5] = [
    "http://standardhealthrecord.org/fhir/StructureDefinition/passportNumber",
    "http://hl7.org/fhir/sid/us-ssn",
    "urn:oid:2.16.840.1.113883.4.1",
    "urn:oid:2.16.840.1.113883.4.2",
    "urn:oid:2.16.840.1.113883.4.330",
];
/// Driver's licences, one OID per state; passports, one per country.
const GOVERNMENT_SYSTEM_ROOTS: [&str; 3] =
    ["urn:oid:2.16.840.1.113883.4.3.", "urn:oid:2.16.840.1.113883.4.330.", "http://hl7.org/fhir/sid/passport-"];
/// HL7 v2 table 0203: social security, driver's licence, passport, military, tax, permanent resident, national person.
const GOVERNMENT_TYPES: [&str; 7] = ["SS", "DL", "PPN", "MI", "TAX", "PRC", "NI"];

const LABELS: &str = include_str!("../../../policies/labels.txt");

#[derive(Default)]
struct Table {
    systems: Vec<System>,
    types: HashMap<&'static str, Labels>,
}

struct System {
    uri: &'static str,
    exact: Codes,
    prefixes: Codes,
    /// Bit n: some prefix has n bytes.
    prefix_lengths: u32,
}

type Codes = HashMap<&'static str, Labels, BuildHasherDefault<Fnv>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Table::default();
        let mut current = 0..0;
        for line in LABELS.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("system"), Some(uri)) => {
                    let start = table.systems.len();
                    for uri in std::iter::once(uri).chain(words) {
                        let (exact, prefixes) = (Codes::default(), Codes::default());
                        table.systems.push(System { uri, exact, prefixes, prefix_lengths: 0 });
                    }
                    current = start..table.systems.len();
                }
                (Some("type"), Some(name)) => {
                    table.types.insert(name, words.map(category).fold(Labels::NONE, Labels::union));
                }
                (Some(names), Some(kind)) => {
                    let labels = names.split('+').map(category).fold(Labels::NONE, Labels::union);
                    for code in words {
                        for system in &mut table.systems[current.clone()] {
                            system.add(kind, code, labels);
                        }
                    }
                }
                _ => {}
            }
        }
        table
    })
}

impl System {
    fn add(&mut self, kind: &str, code: &'static str, labels: Labels) {
        let codes = match kind {
            "^" => {
                self.prefix_lengths |= 1 << code.len();
                &mut self.prefixes
            }
            _ => &mut self.exact,
        };
        let held = codes.entry(code).or_default();
        *held = held.union(labels);
    }
}

fn category(name: &str) -> Labels {
    // INVARIANT: the table is embedded, and a test reads every line of it against the known names.
    #[expect(clippy::expect_used, reason = "embedded table")]
    Labels::from_name(name).expect("labels.txt names known categories")
}

/// Short trusted table keys, looked up for every coding: FNV-1a. Clients choose what is looked up, never what is stored.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_label_table_names_known_categories() {
        let table = table();
        assert!(table.systems.iter().all(|system| !system.exact.is_empty() || !system.prefixes.is_empty()));
        for system in &table.systems {
            assert!(system.prefixes.keys().all(|prefix| prefix.len() < 32), "prefix lengths are bits of a u32");
        }
    }
}
