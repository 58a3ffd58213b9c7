//! Follows one search expression through the element definitions to the datatypes at its ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::super::{Package, list_of, text_of};

const STRUCTURE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// Element paths of every type with what a walk needs to know about them.
pub struct Definitions<'p> {
    elements: BTreeMap<&'p str, Element<'p>>,
    extensions: BTreeMap<&'p str, Vec<&'p str>>,
    value_sets: BTreeMap<&'p str, &'p Value>,
    pub resource_types: BTreeSet<&'p str>,
}

struct Element<'p> {
    types: Vec<&'p str>,
    single: bool,
    same_as: Option<&'p str>,
    value_set: Option<&'p str>,
    /// Types that references here may name; empty: any.
    targets: BTreeSet<&'p str>,
}

impl<'p> Definitions<'p> {
    pub fn new(package: &'p Package) -> Self {
        let mut new = Self {
            elements: BTreeMap::new(),
            extensions: BTreeMap::new(),
            value_sets: BTreeMap::new(),
            resource_types: BTreeSet::new(),
        };
        for definition in package.of_type("StructureDefinition") {
            let elements = list_of(&definition["snapshot"], "element");
            if text_of(definition, "derivation") == "constraint" {
                if text_of(definition, "type") == "Extension" {
                    let value = elements.iter().find(|e| text_of(e, "path").starts_with("Extension.value"));
                    let types = value.map(|e| type_codes(e)).unwrap_or_default();
                    new.extensions.insert(text_of(definition, "url"), types);
                }
                continue;
            }
            if text_of(definition, "kind") == "resource" && definition["abstract"] != true {
                new.resource_types.insert(text_of(definition, "type"));
            }
            for element in elements {
                let required = element["binding"]["strength"] == "required";
                new.elements.insert(
                    text_of(element, "path"),
                    Element {
                        types: type_codes(element),
                        single: text_of(element, "max") == "1",
                        same_as: element["contentReference"].as_str().map(|r| r.trim_start_matches('#')),
                        value_set: if required { element["binding"]["valueSet"].as_str() } else { None },
                        targets: target_types(element),
                    },
                );
            }
        }
        for set in package.of_type("ValueSet") {
            new.value_sets.insert(text_of(set, "url"), set);
        }
        new
    }

    /// The one code system of a value set, if it has only one.
    fn system_of(&self, value_set: &str) -> Option<&'p str> {
        let url = value_set.split('|').next().unwrap_or_default();
        let includes = list_of(&self.value_sets.get(url)?["compose"], "include");
        let systems: BTreeSet<&str> = includes.iter().map(|i| text_of(i, "system")).collect();
        match systems.into_iter().collect::<Vec<_>>().as_slice() {
            [one] if !one.is_empty() => Some(one),
            _ => None,
        }
    }
}

/// Datatypes of an element; `Quantity` profiles (SimpleQuantity) and the FHIRPath string of ids count as what they are.
fn type_codes(element: &Value) -> Vec<&str> {
    list_of(element, "type")
        .iter()
        .map(|t| text_of(t, "code").trim_start_matches("http://hl7.org/fhirpath/System."))
        .map(|code| if code == "String" { "string" } else { code })
        .collect()
}

fn target_types(element: &Value) -> BTreeSet<&str> {
    let profiles = list_of(element, "type").iter().flat_map(|t| list_of(t, "targetProfile")).filter_map(Value::as_str);
    let types: BTreeSet<&str> = profiles.filter_map(|p| p.strip_prefix(STRUCTURE)).collect();
    if types.contains("Resource") { BTreeSet::new() } else { types }
}

pub struct End {
    pub text: String,
    /// The path before the choice of a datatype.
    pub stem: String,
    pub single: bool,
    pub system: Option<String>,
    pub targets: BTreeSet<String>,
}

pub struct Walk<'d, 'p> {
    pub definitions: &'d Definitions<'p>,
    pub kind: &'d str,
    pub ends: Vec<End>,
    pub dropped: BTreeSet<String>,
}

/// Where a walk stands: the members so far and the type or element path to look the next one up in.
#[derive(Clone)]
struct At {
    text: String,
    stem: String,
    context: String,
    /// Datatypes of the present element when it is a choice not yet narrowed: the member carries the type's name.
    choice: Vec<String>,
    single: bool,
    value_set: Option<String>,
    target: Option<String>,
    targets: BTreeSet<String>,
}

impl Walk<'_, '_> {
    pub fn alternative(&mut self, base: &str, text: &str) -> Result<(), String> {
        if let Some((member, _)) = text.split_once(".exists() and ") {
            return self.exists(base, member);
        }
        let normal = match text.strip_prefix('(') {
            Some(rest) => {
                let (inner, after) = rest.split_once(')').ok_or("unbalanced expression")?;
                match inner.split_once(" as ") {
                    Some((path, datatype)) => format!("{}.as({}){after}", path.trim(), datatype.trim()),
                    None => format!("{inner}{after}"),
                }
            }
            None => text.to_owned(),
        };
        let steps = split(&normal, '.');
        if steps[0] != base {
            return Ok(());
        }
        let mut at = At {
            text: String::new(),
            stem: String::new(),
            context: base.to_owned(),
            choice: Vec::new(),
            single: true,
            value_set: None,
            target: None,
            targets: BTreeSet::new(),
        };
        for step in &steps[1..] {
            at = self.step(at, step)?;
        }
        self.end(at)
    }

    fn step(&self, mut at: At, step: &str) -> Result<At, String> {
        let Some((function, argument)) = step.split_once('(') else {
            return self.member(at, step);
        };
        let argument = argument.trim_end_matches(')');
        match function {
            "as" | "ofType" => {
                if at.choice.is_empty() {
                    at.context = argument.to_owned();
                    return Ok(at);
                }
                if !at.choice.iter().any(|t| t == argument) {
                    return Err(format!("{} is never {argument}", at.text));
                }
                narrow(&mut at, argument);
                Ok(at)
            }
            "where" => {
                if let Some(target) = argument.strip_prefix("resolve() is ").or(argument.strip_prefix("resolve(")) {
                    at.target = Some(target.trim_start_matches(") is ").to_owned());
                    return Ok(at);
                }
                match argument.split_once('=') {
                    Some((name, value)) if !argument.contains('(') => {
                        let _ = write!(at.text, "[{}={}]", name.trim(), value.trim().trim_matches('\''));
                        Ok(at)
                    }
                    _ => Err("a condition beyond a comparison".into()),
                }
            }
            "extension" => {
                let url = argument.trim_matches('\'');
                let mut at = self.member(at, "extension")?;
                let _ = write!(at.text, "[url={url}]");
                at = self.member(at, "value")?;
                at.single = true;
                let types = self.definitions.extensions.get(url).filter(|t| !t.is_empty());
                at.choice = match types {
                    Some(types) => types.iter().map(|t| (*t).to_owned()).collect(),
                    None => default_types(self.kind).iter().map(|t| (*t).to_owned()).collect(),
                };
                Ok(at)
            }
            _ => Err(format!("function {function}")),
        }
    }

    fn member(&self, mut at: At, name: &str) -> Result<At, String> {
        if name.contains('[') {
            return Err("an index".into());
        }
        let held = &self.definitions.elements;
        let plain = format!("{}.{name}", at.context);
        let choice = format!("{plain}[x]");
        let (path, element) = match (held.get(plain.as_str()), held.get(choice.as_str())) {
            (Some(element), _) => (plain, element),
            (None, Some(element)) => (choice.clone(), element),
            (None, None) => return Err(format!("no element {plain}")),
        };
        if !at.text.is_empty() {
            at.text.push('.');
        }
        at.text.push_str(name);
        at.stem.clone_from(&at.text);
        at.single &= element.single;
        at.targets = element.targets.iter().map(|t| (*t).to_owned()).collect();
        at.value_set = element.value_set.map(str::to_owned);
        if path == choice {
            at.choice = element.types.iter().map(|t| (*t).to_owned()).collect();
            return Ok(at);
        }
        at.context = match (element.same_as, element.types.as_slice()) {
            (Some(same), _) => same.to_owned(),
            (None, ["BackboneElement" | "Element"]) => path,
            (None, [one]) => (*one).to_owned(),
            _ => return Err(format!("{path} has no single type")),
        };
        Ok(at)
    }

    fn end(&mut self, at: At) -> Result<(), String> {
        if at.choice.is_empty() {
            return self.typed_end(at);
        }
        for datatype in at.choice.clone() {
            let mut one = at.clone();
            narrow(&mut one, &datatype);
            self.typed_end(one)?;
        }
        Ok(())
    }

    fn typed_end(&mut self, at: At) -> Result<(), String> {
        let Some(reader) = reader(self.kind, &at.context) else {
            self.dropped.insert(format!("{} {}", at.text, at.context));
            return Ok(());
        };
        let mut text = format!("{}:{reader}", at.text);
        if let Some(target) = &at.target {
            let _ = write!(text, "?{target}");
        }
        let system = match (reader, &at.value_set) {
            ("boolean", _) => Some("http://terminology.hl7.org/CodeSystem/special-values"),
            ("code", Some(set)) => self.definitions.system_of(set),
            _ => None,
        };
        let targets = at.target.map_or(at.targets, |one| BTreeSet::from([one]));
        self.ends.push(End { text, stem: at.stem, single: at.single, system: system.map(str::to_owned), targets });
        Ok(())
    }

    /// `X.exists() and X != false` on a choice of boolean and a date.
    fn exists(&mut self, base: &str, member: &str) -> Result<(), String> {
        let name = member.strip_prefix(base).and_then(|m| m.strip_prefix('.')).ok_or("exists() elsewhere")?;
        let end = |text: String, system: Option<&str>| End {
            text,
            stem: name.to_owned(),
            single: true,
            system: system.map(str::to_owned),
            targets: BTreeSet::new(),
        };
        let booleans = Some("http://terminology.hl7.org/CodeSystem/special-values");
        self.ends.push(end(format!("{name}Boolean:boolean"), booleans));
        self.ends.push(end(format!("{name}DateTime:exists"), None));
        self.ends.push(end("else:false".into(), None));
        Ok(())
    }
}

/// Takes one datatype of a choice: the member gets the type's name behind it.
fn narrow(at: &mut At, datatype: &str) {
    let mut letters = datatype.chars();
    if let Some(first) = letters.next() {
        at.text.extend(first.to_uppercase());
        at.text.push_str(letters.as_str());
    }
    at.context = datatype.to_owned();
    at.choice.clear();
}

/// How search reads a datatype (FHIR R4 search.html, one table per kind); `None` where it defines nothing.
fn reader(kind: &str, datatype: &str) -> Option<&'static str> {
    Some(match (kind, datatype) {
        ("token", "CodeableConcept") => "concept",
        ("token", "Coding") => "coding",
        ("token", "Identifier") => "identifier",
        ("token", "ContactPoint") => "contact",
        ("token", "boolean") => "boolean",
        ("token", "code" | "id" | "string" | "uri" | "canonical") => "code",
        ("string", "string" | "markdown") => "text",
        ("string", "HumanName") => "name",
        ("string", "Address") => "address",
        ("string", "CodeableConcept") => "concept-text",
        ("date", "date" | "dateTime" | "instant") => "date",
        ("date", "Period") => "period",
        ("date", "Timing") => "timing",
        ("reference", "Reference") => "reference",
        ("reference", "canonical" | "uri") => "canonical",
        ("number", "decimal" | "integer" | "positiveInt" | "unsignedInt") => "number",
        ("number", "Range") => "range",
        ("quantity", "Quantity" | "Age" | "Duration" | "Count" | "Distance") => "quantity",
        ("quantity", "Money") => "money",
        ("quantity", "Range") => "range",
        ("uri", "uri" | "url" | "canonical" | "oid" | "uuid") => "uri",
        _ => return None,
    })
}

/// Datatypes to try behind an extension that the package does not define.
fn default_types(kind: &str) -> &'static [&'static str] {
    match kind {
        "token" => &["CodeableConcept", "Coding", "code", "Identifier", "boolean"],
        "string" => &["string"],
        "date" => &["date", "dateTime", "Period"],
        "reference" => &["Reference"],
        "quantity" => &["Quantity"],
        "uri" => &["uri"],
        _ => &["decimal", "integer"],
    }
}

/// Splits outside of parentheses and quotes.
pub fn split(text: &str, at: char) -> Vec<&str> {
    let (mut depth, mut quoted, mut from) = (0, false, 0);
    let mut parts = Vec::new();
    for (i, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            c if c == at && depth == 0 && !quoted => {
                parts.push(&text[from..i]);
                from = i + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}
