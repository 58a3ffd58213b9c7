//! The hospitals in the shared data: all of them come in, and come out as they went in.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use fhir::Json;

use crate::house::{House, files_below, wardstone_ok};

const SEARCHES: usize = 1_000;
const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";

/// What went in: one entry of a bundle.
struct Input {
    type_name: String,
    canonical: [u8; 32],
    /// System and code of each coding in `code`, status, and the value of the first identifier.
    codes: Vec<(String, String)>,
    identifiers: Vec<String>,
    birth_date: Option<String>,
    /// `fullUrl` of the patient it is about.
    subject: Option<String>,
    full_url: String,
}

#[test]
fn shared_hospitals_come_out_as_they_went_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folders: Vec<PathBuf> = ["synthea", "uscore-150", "uscore-rich"].iter().map(|name| folder.join(name)).collect();
    if folders.iter().any(|folder| !folder.is_dir()) {
        println!("SKIP: shared data absent");
        return;
    }
    let mut house = House::start(0);
    house.stop();
    let data = house.path("data");
    let mut arguments = vec!["import", "--data", &data];
    arguments.extend(folders.iter().map(|folder| folder.to_str().unwrap()));
    wardstone_ok(&arguments);

    let inputs: Vec<Input> =
        folders.iter().flat_map(|folder| files_below(folder)).flat_map(|file| read(&file)).collect();
    assert!(inputs.len() > 38_000, "{} resources to compare", inputs.len());
    let clear = house.path("clear");
    wardstone_ok(&["export", "--data", &data, "--plaintext", "--operator", "ana", "--reason", "test", &clear]);
    let mut went_in: HashMap<(String, [u8; 32]), i64> = HashMap::new();
    for input in &inputs {
        *went_in.entry((input.type_name.clone(), input.canonical)).or_default() += 1;
    }
    for file in files_below(Path::new(&clear)) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let resource = Json::parse(line.as_bytes()).unwrap();
            let key = (resource.resource_type().unwrap().to_owned(), canonical(&resource));
            *went_in.entry(key).or_default() -= 1;
        }
    }
    let mut differing: BTreeMap<&str, i64> = BTreeMap::new();
    for ((type_name, _), balance) in &went_in {
        *differing.entry(type_name).or_default() += balance.abs();
    }
    differing.retain(|_, balance| *balance != 0);
    assert!(differing.is_empty(), "not the same coming out: {differing:?}");

    house.start_again();
    searches_agree(&house, &inputs);
}

/// Counts that the server answers against counts over the input files.
fn searches_agree(house: &House, inputs: &[Input]) {
    let mut client = house.integration();
    let patients: HashMap<&str, &Input> = inputs
        .iter()
        .filter(|input| input.type_name == "Patient")
        .map(|input| (input.full_url.as_str(), input))
        .collect();
    let mut ids: HashMap<&str, String> = HashMap::new();
    let mut count = |query: &str| {
        let answer = client.get(&format!("/fhir/{query}")).unwrap();
        assert_eq!(answer.status, 200, "{query}");
        answer.json()
    };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut done = 0;
    while done < SEARCHES {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let input = &inputs[(random % inputs.len() as u64) as usize];
        let kind = &input.type_name;
        let of_kind = || inputs.iter().filter(|other| other.type_name == *kind);
        let (query, expected) = match ((random >> 40) % 4, input.codes.first(), &input.subject) {
            (0, Some(code), _) if kind == "Observation" || kind == "Condition" || kind == "Procedure" => (
                format!("{kind}?code={}|{}&_summary=count", code.0, code.1),
                of_kind().filter(|other| other.codes.contains(code)).count(),
            ),
            (1, Some(code), Some(subject)) if kind == "Observation" || kind == "Condition" => {
                let Some(patient) = patients.get(subject.as_str()) else { continue };
                let Some(identifier) = patient.identifiers.first() else { continue };
                let id = ids.entry(&patient.full_url).or_insert_with(|| {
                    let found = count(&format!("Patient?identifier={identifier}"));
                    found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned()
                });
                let of_patient = |other: &&Input| other.subject.as_ref() == Some(subject) && other.codes.contains(code);
                let query = format!("{kind}?subject=Patient/{id}&code={}&_summary=count", code.1);
                (query, of_kind().filter(of_patient).count())
            }
            (2, ..) if !input.identifiers.is_empty() && kind != "Claim" => {
                let identifier = &input.identifiers[0];
                if identifier.contains([' ', '|', ',', '&', '#', '+', '%']) {
                    continue;
                }
                let query = format!("{kind}?identifier={identifier}&_summary=count");
                (query, of_kind().filter(|other| other.identifiers.contains(identifier)).count())
            }
            (3, ..) => {
                let patient = patients.values().nth((random >> 20) as usize % patients.len()).unwrap();
                let Some(birth_date) = &patient.birth_date else { continue };
                let query = format!("Patient?birthdate=le{birth_date}&_summary=count");
                let is_before = |other: &&&Input| other.birth_date.as_ref().is_some_and(|date| date <= birth_date);
                (query, patients.values().filter(is_before).count())
            }
            _ => continue,
        };
        assert_eq!(count(&query)["total"].as_u64(), Some(expected as u64), "{query}");
        done += 1;
    }
}

fn read(file: &Path) -> Vec<Input> {
    let text = std::fs::read(file).unwrap();
    let bundle = Json::parse(&text).unwrap();
    let entries = bundle.get("entry").unwrap().items();
    entries.iter().map(input).collect()
}

fn input(entry: &Json<'_>) -> Input {
    let resource = entry.get("resource").unwrap();
    let text = |json: Option<&Json<'_>>| json.and_then(Json::as_str).map(str::to_owned);
    let codings = resource.get("code").and_then(|code| code.get("coding")).map(Json::items).unwrap_or_default();
    let identifiers = resource.get("identifier").map(Json::items).unwrap_or_default();
    let subject =
        resource.get("subject").or_else(|| resource.get("patient")).and_then(|subject| subject.get("reference"));
    Input {
        type_name: resource.resource_type().unwrap().to_owned(),
        canonical: canonical(resource),
        codes: codings.iter().filter_map(|c| Some((text(c.get("system"))?, text(c.get("code"))?))).collect(),
        identifiers: identifiers.iter().filter(|i| !is_ssn(i)).filter_map(|i| text(i.get("value"))).collect(),
        birth_date: text(resource.get("birthDate")),
        subject: text(subject),
        full_url: text(entry.get("fullUrl")).unwrap_or_default(),
    }
}

/// A digest that is the same for resources that differ only in order of members, in what the server sets (id, version,
/// time), in how references between them are written, and in what the collection policy leaves out. Numbers are text.
fn canonical(resource: &Json<'_>) -> [u8; 32] {
    let mut out = Vec::new();
    write(resource, true, &mut out);
    crypto::hash::sha256(&out)
}

fn write(json: &Json<'_>, is_resource: bool, out: &mut Vec<u8>) {
    if let Some(object) = json.as_object() {
        let mut members: Vec<(&str, &Json<'_>)> = object.iter().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        out.push(b'{');
        for (name, value) in members {
            if is_resource && name == "id" {
                continue;
            }
            let mut below = Vec::new();
            if is_resource && name == "meta" {
                for (name, value) in value.as_object().unwrap().iter() {
                    if name != "versionId" && name != "lastUpdated" {
                        below.extend_from_slice(name.as_bytes());
                        write(value, false, &mut below);
                    }
                }
            } else if name == "identifier" {
                for item in value.items().iter().filter(|item| !is_ssn(item)) {
                    write(item, false, &mut below);
                }
                if value.as_object().is_some() {
                    write(value, false, &mut below);
                }
            } else {
                write(value, false, &mut below);
            }
            if !below.is_empty() {
                out.extend_from_slice(name.as_bytes());
                out.push(b':');
                out.extend_from_slice(&below);
            }
        }
        out.push(b'}');
    } else if let Some(items) = json.as_array() {
        out.push(b'[');
        for item in items {
            write(item, false, out);
            out.push(b',');
        }
        out.push(b']');
    } else if let Some(text) = json.as_str() {
        let is_reference = text.starts_with("urn:uuid:") || is_local_reference(text);
        fhir::json::write_string(if is_reference { "a reference" } else { text }, out);
    } else {
        json.write(out);
    }
}

fn is_local_reference(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, id)| record::ResourceKey::parse(kind, id).is_some())
}

fn is_ssn(identifier: &Json<'_>) -> bool {
    identifier.get("system").and_then(Json::as_str) == Some(SSN)
}
