//! The search parameters of R4 and the tree that finds their values: tables/search.txt, read once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const SEARCH: &str = include_str!("../../tables/search.txt");
/// What `_security` looks at: of `meta`, which everybody sees, the part that a view can hide.
const LABELS: &str = "meta.security";
const DOCUMENTATION: &str = "http://hl7.org/fhir/SearchParameter/";

/// Kinds of search parameters that this server evaluates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Token,
    String,
    Date,
    Reference,
    Number,
    Quantity,
    Uri,
}

/// One parameter on one resource type.
#[derive(Debug)]
pub struct Param {
    /// Names the code in stored values, the same for every type.
    pub id: u16,
    pub resource_type: &'static str,
    pub code: &'static str,
    pub kind: Kind,
    /// Cardinalities allow at most one value in a resource.
    pub single: bool,
    /// Types that a reference may point to; empty: any.
    targets: Vec<&'static str>,
    /// Code systems of elements of type `code`, which carry none.
    pub(super) systems: Vec<&'static str>,
    pub(super) paths: Vec<Path>,
    pub(super) else_false: bool,
    elements: Vec<&'static str>,
    name: &'static str,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Path {
    pub steps: Vec<Step>,
    pub reader: Reader,
    /// Number of the type that a reference must name.
    pub target: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub member: &'static str,
    /// A member of the element and the string it must hold.
    pub condition: Option<(&'static str, &'static str)>,
}

/// How the end of a path is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Reader {
    Concept,
    Coding,
    Identifier,
    Contact,
    Boolean,
    Exists,
    Code,
    Text,
    ConceptText,
    Name,
    Address,
    Date,
    Period,
    Timing,
    Reference,
    Canonical,
    Number,
    NumberRange,
    Quantity,
    QuantityRange,
    Money,
    Uri,
}

/// Finds the values of all parameters of a type in one walk over a resource.
#[derive(Default)]
pub(super) struct Node {
    /// Ordered by member.
    pub edges: Vec<(Step, Node)>,
    pub ends: Vec<End>,
}

/// One way of reading an element, with the parameters it serves.
pub(super) struct End {
    pub reader: Reader,
    pub params: Vec<(u16, Option<u8>)>,
}

pub(super) struct TypeEntry {
    /// Ordered by code, the parameters of every resource included.
    pub params: Vec<Param>,
    pub tree: Node,
    /// Parameters that are false where nothing is found.
    pub else_false: Vec<u16>,
}

pub(super) struct Table {
    pub types: Vec<&'static str>,
    pub entries: Vec<TypeEntry>,
}

/// Every parameter of a resource type in code order; none for an unknown type.
pub fn parameters(resource_type: &str) -> impl Iterator<Item = &'static Param> + use<> {
    entry(resource_type).map(|e| e.params.iter()).into_iter().flatten()
}

pub fn find(resource_type: &str, code: &str) -> Option<&'static Param> {
    let params = &entry(resource_type)?.params;
    params.binary_search_by(|p| p.code.cmp(code)).ok().map(|at| &params[at])
}

/// The parameter that `phonetic` listens to: R4 names it and leaves the algorithm open (individual-phonetic). For patients alone,
/// whom people look for by a name they heard.
pub fn sounding(resource_type: &str, code: &str) -> Option<&'static Param> {
    if code == "phonetic" && resource_type == "Patient" { find(resource_type, "name") } else { None }
}

/// Names of all concrete resource types, in order.
pub fn resource_types() -> &'static [&'static str] {
    &table().types
}

impl Param {
    pub fn targets(&self) -> &[&'static str] {
        &self.targets
    }

    /// Top-level elements of the resource that this parameter looks at, and `meta.security`: who may not see one may not search on it.
    pub fn elements(&self) -> &[&'static str] {
        &self.elements
    }

    /// The canonical URL of the SearchParameter.
    pub fn documentation(&self) -> String {
        format!("{DOCUMENTATION}{}", self.name)
    }

    /// Whether every reference found by this parameter is to a Patient.
    pub(super) fn only_patients(&self) -> bool {
        self.targets.as_slice() == ["Patient"]
    }
}

pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(SEARCH))
}

pub(super) fn entry(resource_type: &str) -> Option<&'static TypeEntry> {
    let table = table();
    type_number(resource_type).map(|n| &table.entries[usize::from(n)])
}

/// The number that stored references use for a type.
pub(super) fn type_number(resource_type: &str) -> Option<u8> {
    number_in(&table().types, resource_type)
}

pub(super) fn type_name(number: u8) -> Option<&'static str> {
    table().types.get(usize::from(number)).copied()
}

fn number_in(types: &[&'static str], name: &str) -> Option<u8> {
    types.binary_search(&name).ok().and_then(|at| u8::try_from(at).ok())
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut types = Vec::new();
        let mut rows: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            match line.strip_prefix('=') {
                Some(name) => types.push(name),
                None => rows.entry(line.split('\t').nth(1).unwrap_or_default()).or_default().push(line),
            }
        }
        let none = Vec::new();
        let common = rows.get("Resource").unwrap_or(&none);
        let entries = types.iter().map(|name| {
            let own = rows.get(name).unwrap_or(&none);
            TypeEntry::new(own.iter().chain(common).filter_map(|line| Param::read(line, name, &types)).collect())
        });
        Self { entries: entries.collect(), types: types.clone() }
    }
}

impl TypeEntry {
    fn new(mut params: Vec<Param>) -> Self {
        params.sort_by_key(|p| p.code);
        let mut tree = Node::default();
        // `_id` and `_lastUpdated` are matched on the head itself.
        for param in params.iter().filter(|p| !matches!(p.code, "_id" | "_lastUpdated")) {
            for path in &param.paths {
                tree.insert(&path.steps, path.reader, (param.id, path.target));
            }
        }
        tree.order();
        let else_false = params.iter().filter(|p| p.else_false).map(|p| p.id).collect();
        Self { params, tree, else_false }
    }
}

impl Node {
    fn insert(&mut self, steps: &[Step], reader: Reader, served: (u16, Option<u8>)) {
        let Some((first, rest)) = steps.split_first() else {
            match self.ends.iter_mut().find(|e| e.reader == reader) {
                Some(end) => end.params.push(served),
                None => self.ends.push(End { reader, params: vec![served] }),
            }
            return;
        };
        let at = match self.edges.iter().position(|(step, _)| step == first) {
            Some(at) => at,
            None => {
                self.edges.push((*first, Node::default()));
                self.edges.len() - 1
            }
        };
        self.edges[at].1.insert(rest, reader, served);
    }

    fn order(&mut self) {
        self.edges.sort_by_key(|(step, _)| step.member);
        self.edges.iter_mut().for_each(|(_, node)| node.order());
    }
}

impl Param {
    /// The table is checked by a test: every line reads.
    fn read(line: &'static str, resource_type: &'static str, types: &[&'static str]) -> Option<Self> {
        let mut columns = line.split('\t');
        let id = columns.next()?.parse().ok()?;
        let _base = columns.next()?;
        let code = columns.next()?;
        let kind = Kind::read(columns.next()?)?;
        let single = columns.next()? == "1";
        let targets = columns.next()?;
        let systems = columns.next()?;
        let program = columns.next()?;
        let name = columns.next()?;
        let ends: Vec<&str> = program.split(" | ").collect();
        let else_false = ends.contains(&"else:false");
        let paths: Vec<Path> = ends
            .into_iter()
            .filter(|e| *e != "else:false")
            .map(|e| Path::read(e, kind, types))
            .collect::<Option<_>>()?;
        let narrowed: Vec<Option<u8>> = paths.iter().map(|p| p.target).collect();
        let targets = match narrowed.first() {
            Some(Some(one)) if narrowed.iter().all(|t| *t == Some(*one)) => vec![types[usize::from(*one)]],
            _ if targets == "-" || targets == "*" => Vec::new(),
            _ => targets.split(' ').collect(),
        };
        let mut elements: Vec<&str> = paths.iter().filter_map(|p| p.steps.first()).map(|s| s.member).collect();
        elements.sort_unstable();
        elements.dedup();
        if code == "_security" {
            elements = vec![LABELS];
        }
        let systems = if systems == "-" { Vec::new() } else { systems.split(' ').collect() };
        Some(Self { id, resource_type, code, kind, single, targets, systems, paths, else_false, elements, name })
    }
}

impl Kind {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "token" => Kind::Token,
            "string" => Kind::String,
            "date" => Kind::Date,
            "reference" => Kind::Reference,
            "number" => Kind::Number,
            "quantity" => Kind::Quantity,
            "uri" => Kind::Uri,
            _ => return None,
        })
    }

    /// The code of SearchParamType.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::String => "string",
            Kind::Date => "date",
            Kind::Reference => "reference",
            Kind::Number => "number",
            Kind::Quantity => "quantity",
            Kind::Uri => "uri",
        }
    }
}

impl Path {
    fn read(text: &'static str, kind: Kind, types: &[&'static str]) -> Option<Self> {
        let (mut steps, mut rest) = (Vec::new(), text);
        loop {
            let end = rest.find(['.', '[', ':'])?;
            let mut step = Step { member: &rest[..end], condition: None };
            rest = &rest[end..];
            if let Some(inner) = rest.strip_prefix('[') {
                let (condition, after) = inner.split_once(']')?;
                step.condition = Some(condition.split_once('=')?);
                rest = after;
            }
            steps.push(step);
            match rest.split_at_checked(1)? {
                (".", after) => rest = after,
                (":", after) => {
                    rest = after;
                    break;
                }
                _ => return None,
            }
        }
        let (reader, target) = match rest.split_once('?') {
            Some((reader, target)) => (reader, Some(number_in(types, target)?)),
            None => (rest, None),
        };
        Some(Self { steps, reader: Reader::read(reader, kind)?, target })
    }
}

impl Reader {
    fn read(text: &str, kind: Kind) -> Option<Self> {
        Some(match (text, kind) {
            ("concept", _) => Reader::Concept,
            ("coding", _) => Reader::Coding,
            ("identifier", _) => Reader::Identifier,
            ("contact", _) => Reader::Contact,
            ("boolean", _) => Reader::Boolean,
            ("exists", _) => Reader::Exists,
            ("code", _) => Reader::Code,
            ("text", _) => Reader::Text,
            ("concept-text", _) => Reader::ConceptText,
            ("name", _) => Reader::Name,
            ("address", _) => Reader::Address,
            ("date", _) => Reader::Date,
            ("period", _) => Reader::Period,
            ("timing", _) => Reader::Timing,
            ("reference", _) => Reader::Reference,
            ("canonical", _) => Reader::Canonical,
            ("number", _) => Reader::Number,
            ("range", Kind::Number) => Reader::NumberRange,
            ("range", _) => Reader::QuantityRange,
            ("quantity", _) => Reader::Quantity,
            ("money", _) => Reader::Money,
            ("uri", _) => Reader::Uri,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_reads() {
        let lines = SEARCH.lines().filter(|l| !l.starts_with(['#', '='])).collect::<Vec<_>>();
        let common = lines.iter().filter(|l| l.split('\t').nth(1) == Some("Resource")).count();
        let read: usize = table().entries.iter().map(|e| e.params.len()).sum();
        assert_eq!(read, lines.len() - common + common * table().types.len());
        assert!(table().types.is_sorted());
        assert!(table().types.len() < 256);
    }

    /// Stored values hold these numbers: whoever changes one raises `VALUES_VERSION`, then this sum (FNV-1a). One that is added at the
    /// end changes the sum alone.
    #[test]
    fn numbers_of_types_and_codes_hold_for_version_1() {
        let mut sum = 0xcbf2_9ce4_8422_2325u64;
        let mut add = |text: &str| text.bytes().for_each(|b| sum = (sum ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        table().types.iter().for_each(|t| add(t));
        let codes: BTreeMap<u16, &str> =
            table().entries.iter().flat_map(|e| e.params.iter().map(|p| (p.id, p.code))).collect();
        codes.iter().for_each(|(id, code)| add(&format!("{id}{code};")));
        assert_eq!((super::super::VALUES_VERSION, sum), (1, 4_585_245_837_297_453_806));
    }
}
