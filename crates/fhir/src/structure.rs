//! The shape of every R4 resource and datatype, read once from the embedded tables (`cargo xtask codegen` makes them).

use std::cmp::Ordering;
use std::sync::OnceLock;

use crate::primitive::Primitive;

const STRUCTURES: &str = include_str!("../tables/structures.txt");
const CODES: &str = include_str!("../tables/codes.txt");

/// Elements of one structure; their presence is tracked in the bits of a `u128`.
pub const ELEMENTS_MAX: usize = 128;
/// Resource types that fit a [`Targets`] set.
pub const RESOURCE_TYPES_MAX: usize = 192;

/// A resource type, a datatype, or a part of one (`Patient.contact`), with the elements it inherits.
pub struct Structure {
    pub name: &'static str,
    pub kind: Kind,
    pub is_abstract: bool,
    pub elements: Vec<Element>,
    /// JSON member names in the order of [`by_length`]; a choice element has one for each of its types.
    slots: Vec<Slot>,
    /// Bit `i` is set when `elements[i]` must be there.
    pub required: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Primitive,
    Complex,
    Resource,
    Part,
}

#[derive(Clone)]
pub struct Element {
    /// Without `[x]`.
    pub name: &'static str,
    pub is_choice: bool,
    pub is_required: bool,
    /// `..*`: an array in JSON. The few `..2` style limits of R4 core do not exist, so this is all of `max`.
    pub is_list: bool,
    pub is_summary: bool,
    pub is_modifier: bool,
    /// Its Quantity is a SimpleQuantity: no comparator.
    pub is_simple_quantity: bool,
    pub value_set: Option<&'static ValueSet>,
}

/// One JSON member name of a structure.
#[derive(Clone)]
pub struct Slot {
    pub name: &'static str,
    /// Index into [`Structure::elements`].
    pub element: usize,
    pub shape: Shape,
    /// The type as FHIR names it: `Quantity`, `dateTime`, a part's path.
    pub type_name: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Primitive(Primitive),
    /// Index for [`by_index`].
    Complex(usize),
    Reference(Targets),
    /// Any resource: `contained`, `Bundle.entry.resource`.
    Resource,
}

/// The resource types a reference may point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    Any,
    /// Bits by position in [`resource_types`].
    Only([u64; RESOURCE_TYPES_MAX / 64]),
}

/// A value set all of whose codes are known.
pub struct ValueSet {
    pub url: &'static str,
    /// Code system and its codes in byte order.
    pub systems: Vec<(&'static str, Vec<&'static str>)>,
}

/// All 146 resource types that can be instantiated, in name order.
pub fn resource_types() -> &'static [&'static str] {
    &tables().resource_types
}

pub fn is_resource_type(name: &str) -> bool {
    resource_types().binary_search(&name).is_ok()
}

/// The concrete datatypes, primitive and complex.
pub fn datatypes() -> impl Iterator<Item = &'static Structure> {
    tables().structures.iter().filter(|s| matches!(s.kind, Kind::Primitive | Kind::Complex) && !s.is_abstract)
}

/// A type or part by its name: `Patient`, `HumanName`, `Patient.contact`.
pub fn named(name: &str) -> Option<&'static Structure> {
    let tables = tables();
    let at = tables.by_name.binary_search_by(|(held, _)| (*held).cmp(name)).ok()?;
    Some(&tables.structures[tables.by_name[at].1])
}

/// The structure a [`Shape::Complex`] names.
pub fn by_index(index: usize) -> &'static Structure {
    &tables().structures[index]
}

/// A concrete resource type's structure.
pub fn resource(resource_type: &str) -> Option<&'static Structure> {
    named(resource_type).filter(|s| s.kind == Kind::Resource && !s.is_abstract)
}

/// The structure of every reference.
pub fn reference() -> &'static Structure {
    by_index(tables().reference)
}

/// What stands beside a primitive: id and extensions.
pub fn element() -> &'static Structure {
    by_index(tables().element)
}

/// Is `name` a top-level element of the type: `name`, `value`, `value[x]` or `valueQuantity`?
pub fn is_element(resource_type: &str, name: &str) -> bool {
    resource(resource_type).is_some_and(|s| s.element_named(name).is_some())
}

/// The names of the elements the type cannot be without.
pub fn mandatory(resource_type: &str) -> impl Iterator<Item = &'static str> {
    let elements = resource(resource_type).map(|s| s.elements.as_slice()).unwrap_or_default();
    elements.iter().filter(|e| e.is_required).map(|e| e.name)
}

impl Structure {
    /// The slot of a JSON member name (without a leading `_`).
    pub fn slot(&self, member: &str) -> Option<&Slot> {
        let at = self.slots.binary_search_by(|s| by_length(s.name, member)).ok()?;
        Some(&self.slots[at])
    }

    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// An element by its name, with or without `[x]`, or by one of its JSON member names.
    pub fn element_named(&self, name: &str) -> Option<&Element> {
        let plain = name.strip_suffix("[x]").unwrap_or(name);
        self.elements
            .iter()
            .find(|e| e.name == plain)
            .or_else(|| self.slot(name).map(|slot| &self.elements[slot.element]))
    }
}

impl Targets {
    pub fn allows(&self, resource_type: &str) -> bool {
        match (self, resource_types().binary_search(&resource_type)) {
            (Targets::Any, Ok(_)) => true,
            (Targets::Only(bits), Ok(at)) => bits[at / 64] >> (at % 64) & 1 == 1,
            (_, Err(_)) => false,
        }
    }

    /// The allowed types, all of them for [`Targets::Any`].
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        resource_types().iter().copied().filter(|t| self.allows(t))
    }
}

impl ValueSet {
    pub fn has_code(&self, code: &str) -> bool {
        self.systems.iter().any(|(_, codes)| codes.binary_search(&code).is_ok())
    }

    pub fn has_coding(&self, system: &str, code: &str) -> bool {
        self.systems.iter().any(|(held, codes)| *held == system && codes.binary_search(&code).is_ok())
    }

    pub fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.systems.iter().flat_map(|(_, codes)| codes.iter().copied())
    }
}

struct Tables {
    structures: Vec<Structure>,
    by_name: Vec<(&'static str, usize)>,
    resource_types: Vec<&'static str>,
    /// Indices of two structures the walks need at every turn.
    reference: usize,
    element: usize,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| load(STRUCTURES))
}

fn value_sets() -> &'static [ValueSet] {
    static VALUE_SETS: OnceLock<Vec<ValueSet>> = OnceLock::new();
    VALUE_SETS.get_or_init(|| {
        let mut sets: Vec<ValueSet> = Vec::new();
        for line in CODES.lines().filter(|l| !l.starts_with('#')) {
            if let Some(url) = line.strip_prefix('=') {
                sets.push(ValueSet { url, systems: Vec::new() });
            } else if let (Some(set), Some((system, codes))) = (sets.last_mut(), line.split_once('\t')) {
                set.systems.push((system, codes.split('\t').collect()));
            }
        }
        sets
    })
}

/// A section of the table before its types are resolved.
struct Section {
    name: &'static str,
    kind: Kind,
    is_abstract: bool,
    base: &'static str,
    rows: Vec<[&'static str; 5]>,
}

fn load(text: &'static str) -> Tables {
    let sections = sections(text);
    let mut by_name: Vec<(&str, usize)> = sections.iter().enumerate().map(|(i, s)| (s.name, i)).collect();
    by_name.sort_unstable();
    let resource_types: Vec<&str> = by_name
        .iter()
        .filter(|n| sections[n.1].kind == Kind::Resource && !sections[n.1].is_abstract)
        .map(|n| n.0)
        .collect();
    debug_assert!(resource_types.len() <= RESOURCE_TYPES_MAX);
    let loader = Loader { sections: &sections, by_name: &by_name, resource_types: &resource_types };
    let structures = sections.iter().map(|section| loader.structure(section)).collect();
    // INVARIANT: the embedded table has both types; tests/it/structure.rs loads it.
    let index = |name| loader.index(name).unwrap_or_default();
    let (reference, element) = (index("Reference"), index("Element"));
    Tables { structures, by_name, resource_types, reference, element }
}

fn sections(text: &'static str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::with_capacity(1024);
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        if let Some(name) = line.strip_prefix('=') {
            let name = name.split('\t').next().unwrap_or_default();
            field();
            let kind = field();
            let is_abstract = kind.starts_with('~');
            let kind = match kind.trim_start_matches('~') {
                "primitive" => Kind::Primitive,
                "complex" => Kind::Complex,
                "resource" => Kind::Resource,
                _ => Kind::Part,
            };
            sections.push(Section { name, kind, is_abstract, base: field(), rows: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.rows.push([field(), field(), field(), field(), field()]);
        }
    }
    sections
}

struct Loader<'l> {
    sections: &'l [Section],
    by_name: &'l [(&'static str, usize)],
    resource_types: &'l [&'static str],
}

impl Loader<'_> {
    fn index(&self, name: &str) -> Option<usize> {
        let at = self.by_name.binary_search_by(|(held, _)| (*held).cmp(name)).ok()?;
        Some(self.by_name[at].1)
    }

    fn structure(&self, section: &Section) -> Structure {
        let mut structure = Structure {
            name: section.name,
            kind: section.kind,
            is_abstract: section.is_abstract,
            elements: Vec::new(),
            slots: Vec::new(),
            required: 0,
        };
        self.inherit(section, &mut structure);
        debug_assert!(structure.elements.len() <= ELEMENTS_MAX, "{} has too many elements", section.name);
        structure.slots.sort_unstable_by(|a, b| by_length(a.name, b.name));
        for (i, element) in structure.elements.iter().enumerate() {
            structure.required |= u128::from(element.is_required) << i;
        }
        structure
    }

    /// The base type's elements first, as in the snapshots.
    fn inherit(&self, section: &Section, structure: &mut Structure) {
        if let Some(base) = self.index(section.base) {
            self.inherit(&self.sections[base], structure);
        }
        for row in &section.rows {
            self.element(row, structure);
        }
    }

    fn element(&self, [name, cardinality, flags, types, value_set]: &[&'static str; 5], structure: &mut Structure) {
        let plain = name.strip_suffix("[x]");
        let at = structure.elements.len();
        structure.elements.push(Element {
            name: plain.unwrap_or(name),
            is_choice: plain.is_some(),
            is_required: !cardinality.starts_with('0'),
            is_list: !cardinality.ends_with("..1"),
            is_summary: flags.contains('S'),
            is_modifier: flags.contains('M'),
            is_simple_quantity: flags.contains('Q'),
            value_set: find_value_set(value_set),
        });
        for kind in types.split('|') {
            let code = kind.split('(').next().unwrap_or(kind);
            let Some(shape) = self.shape(kind, code) else { continue };
            let name = match plain {
                Some(stem) => choice_name(stem, code),
                None => name,
            };
            structure.slots.push(Slot { name, element: at, shape, type_name: code.trim_start_matches('@') });
        }
    }

    fn shape(&self, kind: &str, code: &str) -> Option<Shape> {
        if code == "Reference" {
            return Some(Shape::Reference(self.targets(kind)));
        }
        if code == "Resource" {
            return Some(Shape::Resource);
        }
        if let Some(primitive) = Primitive::named(code) {
            return Some(Shape::Primitive(primitive));
        }
        self.index(code.strip_prefix('@').unwrap_or(code)).map(Shape::Complex)
    }

    fn targets(&self, kind: &str) -> Targets {
        let Some(names) = kind.strip_prefix("Reference(").and_then(|k| k.strip_suffix(')')) else {
            return Targets::Any;
        };
        let mut bits = [0; RESOURCE_TYPES_MAX / 64];
        for name in names.split(' ') {
            if let Ok(at) = self.resource_types.binary_search(&name) {
                bits[at / 64] |= 1 << (at % 64);
            }
        }
        Targets::Only(bits)
    }
}

/// Short names first: most comparisons of a search end at the length.
fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn find_value_set(url: &str) -> Option<&'static ValueSet> {
    if url.is_empty() {
        return None;
    }
    let sets = value_sets();
    let at = sets.binary_search_by(|s| s.url.cmp(url)).ok()?;
    Some(&sets[at])
}

/// `value` and `dateTime` make `valueDateTime`. About 2,000 short names, made once and kept for good.
fn choice_name(stem: &str, code: &str) -> &'static str {
    let mut name = String::with_capacity(stem.len() + code.len());
    name.push_str(stem);
    let mut letters = code.chars();
    name.extend(letters.next().map(|c| c.to_ascii_uppercase()));
    name.push_str(letters.as_str());
    name.leak()
}
