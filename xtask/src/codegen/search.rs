//! search.txt: what every R4 search parameter looks at, from the SearchParameters and StructureDefinitions of the core
//! package. Expressions become member paths whose ends have a known datatype, so that nothing is interpreted later.

mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use self::walk::{Definitions, End, Walk, split};
use super::{Package, Table, list_of, text_of};

const PARAMETER: &str = "http://hl7.org/fhir/SearchParameter/";

/// Parameters of R5 whose element R4 has and no parameter of R4 finds: base, code, kind, system, program. Their ids come last, so that
/// those of R4 stay.
const LATER: [(&str, &str, &str, &str, &str); 1] =
    [("DocumentReference", "doc-status", "token", "http://hl7.org/fhir/composition-status", "docStatus:code")];

const LEGEND: &str = "\
# =resource type, in the order that stored references number them
# id (one per code), type (Resource: every type), code, kind, 1 or * values, targets, systems implied for plain codes, program, name in
# http://hl7.org/fhir/SearchParameter/
# program: paths by |; a path is members by '.', [member=value] a condition, :how the end is read, ?Type the type referred to;
# else:false is the value when no path has one
";

/// Codes whose meaning is not their expression: `phonetic` promises sound-alike matching, which plain text is not.
const NOT_PLAIN: &[(&str, &str)] = &[("phonetic", "sound-alike matching")];

pub fn tables(package: &Package) -> Result<Vec<Table>, String> {
    let definitions = Definitions::new(package);
    let mut rows = BTreeMap::new();
    let mut skipped: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut supported = BTreeSet::new();
    let mut published = 0;
    for parameter in package.of_type("SearchParameter") {
        // Examples repeat real parameters; the extension packs of CodeSystem and ValueSet name no base.
        if text_of(parameter, "id").starts_with("example") {
            continue;
        }
        published += 1;
        match compile(&definitions, parameter) {
            Ok(compiled) => {
                supported.insert(text_of(parameter, "id").to_owned());
                for row in compiled.rows {
                    rows.insert((row.base.clone(), row.code.clone()), row);
                }
                for dropped in compiled.dropped {
                    skipped.entry("an end whose datatype the kind cannot read".into()).or_default().insert(dropped);
                }
            }
            Err(reason) => {
                let name = format!("{} ({})", text_of(parameter, "code"), text_of(parameter, "id"));
                skipped.entry(reason).or_default().insert(name);
            }
        }
    }
    let codes: BTreeSet<&str> = rows.keys().map(|(_, code)| code.as_str()).collect();
    let ids: BTreeMap<&str, usize> = codes.into_iter().enumerate().map(|(i, c)| (c, i + 1)).collect();

    let mut out = String::new();
    let _ = writeln!(
        out,
        "# {} of {published} parameters, {} rows, and {} of R5",
        supported.len(),
        rows.len(),
        LATER.len()
    );
    for (reason, names) in &skipped {
        let _ = writeln!(out, "# left out, {reason}: {}", names.len());
        for name in names {
            let _ = writeln!(out, "#   {name}");
        }
    }
    out.push_str(LEGEND);
    for name in &definitions.resource_types {
        let _ = writeln!(out, "={name}");
    }
    for ((base, code), row) in &rows {
        let id = ids[code.as_str()];
        let (kind, many, targets) = (&row.kind, if row.single { "1" } else { "*" }, &row.targets);
        let (systems, program, name) = (&row.systems, &row.program, &row.name);
        let _ = writeln!(out, "{id}\t{base}\t{code}\t{kind}\t{many}\t{targets}\t{systems}\t{program}\t{name}");
    }
    for (after, (base, code, kind, system, program)) in (1..).zip(LATER) {
        let id = ids.len() + after;
        let _ = writeln!(out, "{id}\t{base}\t{code}\t{kind}\t1\t-\t{system}\t{program}\t{base}-{code}");
    }
    Ok(vec![Table { file: "search.txt", text: out }])
}

struct Row {
    base: String,
    code: String,
    kind: String,
    single: bool,
    targets: String,
    systems: String,
    program: String,
    name: String,
}

struct Compiled {
    rows: Vec<Row>,
    dropped: Vec<String>,
}

fn compile(definitions: &Definitions<'_>, parameter: &Value) -> Result<Compiled, String> {
    let (code, kind) = (text_of(parameter, "code"), text_of(parameter, "type"));
    if matches!(kind, "composite" | "special") {
        return Err(format!("kind {kind}"));
    }
    if let Some((_, reason)) = NOT_PLAIN.iter().find(|(name, _)| *name == code) {
        return Err((*reason).to_owned());
    }
    let expression = text_of(parameter, "expression");
    if expression.is_empty() || list_of(parameter, "base").is_empty() {
        return Err("no expression".into());
    }
    if expression.contains("http://example.org/") {
        return Err("an example".into());
    }
    let mut compiled = Compiled { rows: Vec::new(), dropped: Vec::new() };
    for base in list_of(parameter, "base").iter().filter_map(Value::as_str) {
        let mut walk = Walk { definitions, kind, ends: Vec::new(), dropped: BTreeSet::new() };
        for alternative in split(expression, '|') {
            walk.alternative(base, alternative.trim())?;
        }
        compiled.dropped.extend(walk.dropped.iter().map(|d| format!("{base}.{code}: {d}")));
        if walk.ends.is_empty() {
            if list_of(parameter, "base").len() == 1 {
                return Err("no end whose datatype the kind can read".into());
            }
            continue;
        }
        compiled.rows.push(row(definitions, parameter, base, &walk.ends));
    }
    Ok(compiled)
}

fn row(definitions: &Definitions<'_>, parameter: &Value, base: &str, ends: &[End]) -> Row {
    let mut program: Vec<&str> = Vec::new();
    for end in ends {
        if !program.contains(&end.text.as_str()) {
            program.push(&end.text);
        }
    }
    let mut targets: BTreeSet<&str> = list_of(parameter, "target").iter().filter_map(Value::as_str).collect();
    // A parameter of many types lists the targets of all; the elements know those of this one.
    if ends.iter().all(|e| !e.targets.is_empty()) {
        let here: BTreeSet<&str> = ends.iter().flat_map(|e| e.targets.iter().map(String::as_str)).collect();
        targets.retain(|t| here.contains(t));
    }
    let targets = match targets.len() {
        0 => "-".to_owned(),
        n if n >= definitions.resource_types.len() => "*".to_owned(),
        _ => targets.into_iter().collect::<Vec<_>>().join(" "),
    };
    let systems: BTreeSet<&str> = ends.iter().filter_map(|e| e.system.as_deref()).collect();
    let systems = systems.into_iter().collect::<Vec<_>>().join(" ");
    // Several ends stay single-valued only as the variants of one choice element.
    let stems: BTreeSet<&str> = ends.iter().map(|e| e.stem.as_str()).collect();
    Row {
        base: base.to_owned(),
        code: text_of(parameter, "code").to_owned(),
        kind: text_of(parameter, "type").to_owned(),
        single: stems.len() == 1 && ends.iter().all(|e| e.single),
        targets,
        systems: if systems.is_empty() { "-".to_owned() } else { systems },
        program: program.join(" | "),
        name: text_of(parameter, "url").trim_start_matches(PARAMETER).to_owned(),
    }
}
