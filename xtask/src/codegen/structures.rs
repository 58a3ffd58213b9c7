//! structures.txt, codes.txt and compartments.txt from the StructureDefinitions, ValueSets, CodeSystems and
//! CompartmentDefinitions of the core package.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::{Package, Table, list_of, text_of};

const STRUCTURE: &str = "http://hl7.org/fhir/StructureDefinition/";

const STRUCTURES_LEGEND: &str = "\
# =name, kind (resource, complex, primitive, part; a leading ~ marks an abstract type), base type
# element, min..max, flags (S summary, M modifier, Q quantity without comparator, - none), types by |, [required value set, see codes.txt]
# a type Reference(A B) names its targets, Reference alone takes any; @path is a part; inherited elements are not repeated
";
const CODES_LEGEND: &str = "\
# =value set with a required binding and enumerable codes
# code system, codes
";
const COMPARTMENTS_LEGEND: &str = "\
# =compartment
# resource type, search parameters ({def}: the resource is the compartment itself)
";

pub fn tables(package: &Package) -> Result<Vec<Table>, String> {
    let terminology = Terminology::new(package);
    let mut bound = BTreeMap::new();
    let structures = structures(package, &terminology, &mut bound)?;
    Ok(vec![
        Table { file: "structures.txt", text: structures },
        Table { file: "codes.txt", text: codes(&bound) },
        Table { file: "compartments.txt", text: compartments(package) },
    ])
}

/// Value set URL to its codes, by system.
type Codes<'p> = BTreeMap<&'p str, BTreeSet<&'p str>>;
type Bound<'p> = BTreeMap<&'p str, Codes<'p>>;

fn structures<'p>(package: &'p Package, terms: &Terminology<'p>, bound: &mut Bound<'p>) -> Result<String, String> {
    let mut types: Vec<&Value> = package
        .of_type("StructureDefinition")
        .filter(|d| text_of(d, "derivation") != "constraint" && text_of(d, "kind") != "logical")
        .collect();
    types.sort_by_key(|d| (rank(text_of(d, "kind")), text_of(d, "type")));
    let mut out = String::from(STRUCTURES_LEGEND);
    for definition in types {
        let kind = text_of(definition, "kind").trim_end_matches("-type");
        let name = text_of(definition, "type");
        let base = text_of(definition, "baseDefinition").trim_start_matches(STRUCTURE);
        let mark = if definition["abstract"] == true { "~" } else { "" };
        line(&mut out, &[&format!("={name}"), &format!("{mark}{kind}"), base]);
        if kind != "primitive" {
            elements(&mut out, definition, name, terms, bound)?;
        }
    }
    Ok(out)
}

fn rank(kind: &str) -> usize {
    ["primitive-type", "complex-type", "resource"].iter().position(|k| *k == kind).unwrap_or(usize::MAX)
}

/// The type's own elements, then each of its parts (elements with children) as a section of its own.
fn elements<'p>(
    out: &mut String,
    definition: &'p Value,
    name: &str,
    terms: &Terminology<'p>,
    bound: &mut Bound<'p>,
) -> Result<(), String> {
    let snapshot = list_of(&definition["snapshot"], "element");
    let own: Vec<&Value> = snapshot.iter().filter(|e| text_of(&e["base"], "path") == text_of(e, "path")).collect();
    let is_part = |path: &str| own.iter().any(|e| parent(text_of(e, "path")) == path);
    let parts = own.iter().filter(|e| text_of(e, "path") != name && is_part(text_of(e, "path")));
    let mut sections = vec![name];
    for part in parts.clone() {
        sections.push(text_of(part, "path"));
    }
    for section in sections {
        if section != name {
            let base = own
                .iter()
                .find(|e| text_of(e, "path") == section)
                .map(|e| text_of(&list_of(e, "type")[0], "code"))
                .unwrap_or_default();
            line(out, &[&format!("={section}"), "part", base]);
        }
        for element in own.iter().filter(|e| parent(text_of(e, "path")) == section) {
            let path = text_of(element, "path");
            let types = if is_part(path) { format!("@{path}") } else { types(element)? };
            let flags = flags(element);
            let cardinality = format!("{}..{}", element["min"], text_of(element, "max"));
            let binding = binding(element, terms, bound);
            let leaf = path.rsplit('.').next().unwrap_or_default();
            line(out, &[leaf, &cardinality, &flags, &types, binding]);
        }
    }
    Ok(())
}

fn flags(element: &Value) -> String {
    let simple = |t: &Value| list_of(t, "profile").iter().any(|p| *p == format!("{STRUCTURE}SimpleQuantity"));
    let mut flags = String::new();
    if element["isSummary"] == true {
        flags.push('S');
    }
    if element["isModifier"] == true {
        flags.push('M');
    }
    if list_of(element, "type").iter().any(simple) {
        flags.push('Q');
    }
    if flags.is_empty() { "-".to_owned() } else { flags }
}

fn types(element: &Value) -> Result<String, String> {
    let content = text_of(element, "contentReference");
    if let Some(path) = content.strip_prefix('#') {
        return Ok(format!("@{path}"));
    }
    let mut names = Vec::new();
    for kind in list_of(element, "type") {
        let code = text_of(kind, "code");
        let name = match (text_of(element, "path"), code) {
            // The ids of resources keep to the rules of `id`; the package only says System.String.
            ("Resource.id", _) => "id".to_owned(),
            ("Extension.url", _) => "uri".to_owned(),
            (_, "http://hl7.org/fhirpath/System.String") => "string".to_owned(),
            (_, "Reference") => reference(kind),
            (path, code) if code.contains('/') => return Err(format!("{path}: unknown type {code}")),
            (_, code) => code.to_owned(),
        };
        names.push(name);
    }
    Ok(names.join("|"))
}

fn reference(kind: &Value) -> String {
    let targets: Vec<&str> =
        list_of(kind, "targetProfile").iter().filter_map(|t| t.as_str()?.strip_prefix(STRUCTURE)).collect();
    if targets.is_empty() || targets.contains(&"Resource") {
        return "Reference".to_owned();
    }
    format!("Reference({})", targets.join(" "))
}

/// The value set of a required binding, when all its codes are known.
fn binding<'p>(element: &'p Value, terms: &Terminology<'p>, bound: &mut Bound<'p>) -> &'p str {
    let binding = &element["binding"];
    if text_of(binding, "strength") != "required" {
        return "";
    }
    let url = without_version(text_of(binding, "valueSet"));
    if bound.contains_key(url) {
        return url;
    }
    match terms.expand(url) {
        Some(codes) => {
            bound.insert(url, codes);
            url
        }
        None => "",
    }
}

fn codes(bound: &Bound<'_>) -> String {
    let mut out = String::from(CODES_LEGEND);
    for (url, systems) in bound {
        line(&mut out, &[&format!("={url}")]);
        for (system, codes) in systems {
            let mut fields = vec![*system];
            fields.extend(codes);
            line(&mut out, &fields);
        }
    }
    out
}

fn compartments(package: &Package) -> String {
    let mut out = String::from(COMPARTMENTS_LEGEND);
    for definition in package.of_type("CompartmentDefinition").filter(|d| !text_of(d, "url").ends_with("/example")) {
        line(&mut out, &[&format!("={}", text_of(definition, "code"))]);
        for member in list_of(definition, "resource") {
            let params: Vec<&str> = list_of(member, "param").iter().filter_map(Value::as_str).collect();
            if !params.is_empty() {
                let mut fields = vec![text_of(member, "code")];
                fields.extend(params);
                line(&mut out, &fields);
            }
        }
    }
    out
}

struct Terminology<'p> {
    value_sets: BTreeMap<&'p str, &'p Value>,
    code_systems: BTreeMap<&'p str, &'p Value>,
}

impl<'p> Terminology<'p> {
    fn new(package: &'p Package) -> Self {
        let by_url = |kind| package.of_type(kind).map(|v| (text_of(v, "url"), v)).collect();
        Self { value_sets: by_url("ValueSet"), code_systems: by_url("CodeSystem") }
    }

    /// Enumerated concepts, whole complete code systems and other such value sets; `None` for what needs a terminology server.
    fn expand(&self, url: &str) -> Option<Codes<'p>> {
        let compose = self.value_sets.get(without_version(url))?.get("compose")?;
        if compose.get("exclude").is_some() {
            return None;
        }
        let mut all = Codes::new();
        for include in list_of(compose, "include") {
            for (system, codes) in self.include(include)? {
                all.entry(system).or_default().extend(codes);
            }
        }
        Some(all)
    }

    fn include(&self, include: &'p Value) -> Option<Codes<'p>> {
        if include.get("filter").is_some() {
            return None;
        }
        let imported = list_of(include, "valueSet");
        if let [one] = imported
            && include.get("system").is_none()
        {
            return self.expand(one.as_str()?);
        }
        if !imported.is_empty() {
            return None;
        }
        let system = text_of(include, "system");
        let mut codes = BTreeSet::new();
        if include.get("concept").is_some() {
            codes.extend(list_of(include, "concept").iter().map(|c| text_of(c, "code")));
        } else {
            let whole = self.code_systems.get(system).filter(|s| text_of(s, "content") == "complete")?;
            collect(list_of(whole, "concept"), &mut codes);
        }
        Some(Codes::from([(system, codes)]))
    }
}

/// A code system's concepts with their descendants.
fn collect<'p>(concepts: &'p [Value], into: &mut BTreeSet<&'p str>) {
    for concept in concepts {
        into.insert(text_of(concept, "code"));
        collect(list_of(concept, "concept"), into);
    }
}

fn without_version(url: &str) -> &str {
    url.split('|').next().unwrap_or(url)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// Tab-separated fields; empty ones at the end are left out.
fn line(out: &mut String, fields: &[&str]) {
    let text = fields.join("\t");
    // INVARIANT: writing to a String cannot fail.
    let _ = writeln!(out, "{}", text.trim_end());
}
