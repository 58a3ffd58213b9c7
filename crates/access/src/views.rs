//! Views: which elements of which type a permit shows (45 CFR 164.502(b), minimum necessary). `policies/views/*.view`.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The elements a permit shows: one view, or the union of the views of several roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View(u8);

/// A view of one type, looked up once for many elements.
#[derive(Clone, Copy, Debug)]
pub struct TypeView {
    full: bool,
    lists: &'static [Vec<&'static str>; SOURCES.len()],
    mask: u8,
}

impl View {
    pub const FULL: View = View(1);

    /// Whether the view shows a top-level element (its JSON name) of a type.
    pub fn allows(self, type_name: &str, element: &str) -> bool {
        self.is_full() || self.of_type(type_name).allows(element)
    }

    /// Whether nothing is hidden of any type.
    pub const fn is_full(self) -> bool {
        self.0 & View::FULL.0 != 0
    }

    pub fn of_type(self, type_name: &str) -> TypeView {
        // Asked of every candidate of a search.
        if self.is_full() {
            return TypeView { full: true, lists: &NO_LISTS, mask: self.0 };
        }
        let elements = table().get(type_name).unwrap_or(&table()[""]);
        TypeView { full: elements.full & self.0 != 0, lists: &elements.lists, mask: self.0 }
    }

    /// The id that an audit record keeps.
    pub const fn id(self) -> u8 {
        self.0
    }

    pub const fn from_id(id: u8) -> Option<View> {
        if id as usize >> SOURCES.len() == 0 { Some(View(id)) } else { None }
    }

    /// The names of the views it is made of.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        SOURCES.iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, (name, _))| *name)
    }

    pub fn from_name(name: &str) -> Option<View> {
        SOURCES.iter().position(|(known, _)| *known == name).map(|bit| View(1 << bit))
    }

    /// Whether this view shows at least what the other shows.
    pub const fn covers(self, other: View) -> bool {
        self.is_full() || self.0 & other.0 == other.0
    }

    pub(crate) const NOTHING: View = View(0);

    pub(crate) const fn union(self, other: View) -> View {
        let union = View(self.0 | other.0);
        if union.is_full() { View::FULL } else { union }
    }
}

impl TypeView {
    pub const fn is_full(&self) -> bool {
        self.full
    }

    pub fn allows(&self, element: &str) -> bool {
        if element == LABELS {
            return self.shows_labels();
        }
        // A primitive's extensions lie beside it under the same name with an underscore.
        let element = element.strip_prefix('_').unwrap_or(element);
        self.full || ALWAYS.contains(&element) || self.listed(element)
    }

    /// Whether `meta.security` is shown: what a label is may tell what the elements that a view hides would.
    pub fn shows_labels(&self) -> bool {
        let hides = |list: &Vec<&str>| list.contains(&NO_LABELS);
        let shows = |list: &Vec<&str>| !list.is_empty() && !list.contains(&NO_LABELS);
        self.full || !self.seen_by().any(hides) || self.seen_by().any(shows)
    }

    fn seen_by(&self) -> impl Iterator<Item = &'static Vec<&'static str>> {
        self.lists.iter().enumerate().filter(|(bit, _)| self.mask & 1 << bit != 0).map(|(_, list)| list)
    }

    fn listed(&self, element: &str) -> bool {
        self.seen_by().flatten().any(|listed| match listed.strip_suffix("[x]") {
            Some(stem) => element.strip_prefix(stem).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()) || rest == "[x]"
            }),
            None => *listed == element,
        })
    }
}

pub(crate) fn sources() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(_, text)| *text)
}

/// In the order of the bits. `full` is the first.
const SOURCES: [(&str, &str); 8] = [
    ("full", include_str!("../../../policies/views/full.view")),
    ("directory", include_str!("../../../policies/views/directory.view")),
    ("billing", include_str!("../../../policies/views/billing.view")),
    ("outline", include_str!("../../../policies/views/outline.view")),
    ("accounting", include_str!("../../../policies/views/accounting.view")),
    ("care", include_str!("../../../policies/views/care.view")),
    ("research", include_str!("../../../policies/views/research.view")),
    ("label", include_str!("../../../policies/views/label.view")),
];

// A view is a byte wherever it is kept; a ninth view needs a wider one, in the audit log's format too.
const _: () = assert!(SOURCES.len() <= u8::BITS as usize);

/// What every view shows: without these a resource is not one, or would be misread.
const ALWAYS: [&str; 6] = ["resourceType", "id", "meta", "implicitRules", "modifierExtension", "language"];

/// How `_security` names what it looks at: an element of `meta` that a view can hide.
pub const LABELS: &str = "meta.security";

/// In a view's list: this view does not show `meta.security` of the type.
const NO_LABELS: &str = "-labels";

/// Of what is shown whole.
static NO_LISTS: [Vec<&str>; SOURCES.len()] = [const { Vec::new() }; SOURCES.len()];

#[derive(Default)]
struct Elements {
    full: u8,
    lists: [Vec<&'static str>; SOURCES.len()],
}

/// By type; the empty name stands for a type that no view lists.
fn table() -> &'static HashMap<&'static str, Elements> {
    static TABLE: OnceLock<HashMap<&'static str, Elements>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: HashMap<&'static str, Elements> = HashMap::from([("", Elements::default())]);
        for (bit, (_, source)) in SOURCES.iter().enumerate() {
            for line in source.lines().filter(|line| !line.starts_with('#')) {
                let Some((type_name, elements)) = line.split_once(':') else { continue };
                let row = table.entry(type_name).or_default();
                match elements.trim() {
                    "full" => row.full |= 1 << bit,
                    list => row.lists[bit] = list.split_whitespace().collect(),
                }
            }
        }
        table
    })
}
