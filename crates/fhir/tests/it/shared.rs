//! The published resources beside the checkout: every one of them is valid R4, and projections of it stay valid.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use wardstone_fhir::project::{self, SummaryMode};
use wardstone_fhir::{Issue, IssueCode, Json, Severity, validate};

/// The folder beside the workspace, when it is there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    skip();
    None
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skip() {
    println!("SKIP: shared data absent");
}

/// Every JSON file of a package with a resourceType, by name. `package/other` is left out: it is the publisher's own
/// report, and holds OperationOutcomes without the issue R4 requires.
fn package(name: &str) -> Option<Vec<(String, String)>> {
    let path = shared(&format!("definitions/{name}.tgz"))?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()));
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".json") && !name.starts_with("package/other/") && !name.starts_with("package/openapi/") {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            if text.contains("\"resourceType\"") {
                files.push((name, text));
            }
        }
    }
    Some(files)
}

fn errors(resource: &Json<'_>) -> Vec<Issue> {
    validate(resource).into_iter().filter(|i| i.severity == Severity::Error).collect()
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "{} invalid:\n{}", faults.len(), faults[..faults.len().min(60)].join("\n"));
}

#[test]
fn shared_us_core_resources_are_valid() {
    let Some(files) = package("hl7.fhir.us.core-6.1.0") else { return };
    assert!(files.len() > 300, "the package has {} resources", files.len());
    let mut faults = Vec::new();
    for (name, text) in &files {
        let resource = Json::parse(text.as_bytes()).unwrap();
        if resource.resource_type().is_some() {
            faults.extend(errors(&resource).iter().map(|issue| format!("{name} {issue}")));
        }
    }
    report(&faults);
}

#[test]
fn shared_r4_definitions_are_valid() {
    let Some(files) = package("hl7.fhir.r4.core-4.0.1") else { return };
    assert!(files.len() > 4_500, "the package has {} resources", files.len());
    let mut faults: Vec<String> = Vec::new();
    for (name, text) in &files {
        let resource = Json::parse(text.as_bytes()).unwrap();
        if resource.resource_type().is_some() {
            let short = name.trim_start_matches("package/").trim_end_matches(".json");
            faults.extend(errors(&resource).iter().map(|i| format!("{short} {}", i.expression)));
        }
    }
    faults.sort();
    // R4 published these with an id of 66 characters, and without the required base.
    let mut known = vec![
        "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject SearchParameter.id"
            .to_owned(),
    ];
    for (file, kind) in [("codesystem", "CodeSystem"), ("valueset", "ValueSet")] {
        for name in ["author", "effective", "end", "keyword", "workflow"] {
            known.push(format!("SearchParameter-{file}-extensions-{kind}-{name} SearchParameter.base"));
        }
    }
    known.sort();
    assert_eq!(faults, known);
}

#[test]
fn shared_patient_bundles_are_valid() {
    for folder in ["data/synthea", "data/uscore-rich", "data/uscore-150"] {
        let Some(folder) = shared(folder) else { return };
        let mut faults = Vec::new();
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let text = std::fs::read(&path).unwrap();
            let bundle = Json::parse(&text).unwrap();
            count += 1;
            faults.extend(errors(&bundle).iter().map(|issue| format!("{} {issue}", path.display())));
        }
        assert!(count > 0);
        report(&faults);
    }
}

/// Parts that were left out may be what a local reference pointed to; nothing else becomes wrong.
#[test]
fn shared_parts_of_resources_stay_valid() {
    let Some(folder) = shared("data/uscore-rich") else { return };
    let mut faults = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        let bundle = Json::parse(&text).unwrap();
        for entry in bundle.get("entry").map(Json::items).unwrap_or_default() {
            let resource = entry.get("resource").unwrap();
            for part in [
                project::summary(resource, SummaryMode::True),
                project::summary(resource, SummaryMode::Text),
                project::elements(resource, &["identifier"]),
                project::view(resource, |name| matches!(name, "subject" | "text")),
            ] {
                let found = errors(&part).into_iter().filter(|issue| issue.code != IssueCode::NotFound);
                faults.extend(found.map(|issue| issue.to_string()));
            }
        }
    }
    report(&faults);
}
