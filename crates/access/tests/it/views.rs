//! Views hide elements by default.

use wardstone_access::View;

#[test]
fn the_directory_view_says_who_and_not_why() {
    let directory = View::from_name("directory").unwrap();
    for shown in ["name", "_birthDate", "telecom", "deceasedBoolean", "deceased[x]", "id", "meta", "modifierExtension"]
    {
        assert!(directory.allows("Patient", shown), "{shown}");
    }
    for hidden in ["text", "contained", "extension", "deceasedly"] {
        assert!(!directory.allows("Patient", hidden), "{hidden}");
    }
    assert!(directory.allows("Appointment", "start"));
    for hidden in ["reasonCode", "comment", "description", "patientInstruction", "text"] {
        assert!(!directory.allows("Appointment", hidden), "{hidden}");
    }
    assert!(!directory.allows("Observation", "code"), "a type that no line names is hidden");
    assert!(directory.allows("Observation", "id"));
}

#[test]
fn the_full_view_hides_nothing() {
    assert!(View::FULL.is_full() && View::FULL.allows("Observation", "text") && View::FULL.of_type("X").is_full());
}

#[test]
fn a_view_can_be_full_for_one_type() {
    let outline = View::from_name("outline").unwrap();
    assert!(outline.of_type("Location").is_full());
    assert!(!outline.allows("Practitioner", "address"));
    assert!(!outline.is_full());
}

#[test]
fn a_view_is_named_by_its_id() {
    let billing = View::from_name("billing").unwrap();
    assert_eq!(View::from_id(billing.id()), Some(billing));
    assert_eq!(billing.names().collect::<Vec<_>>(), ["billing"]);
    assert!(View::FULL.covers(billing) && !billing.covers(View::FULL));
}

/// Against the published definitions: every type is in a group, every element of a view exists.
#[test]
fn shared_types_and_elements_are_those_of_r4() {
    let package =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/definitions/hl7.fhir.r4.core-4.0.1.tgz");
    let Ok(file) = std::fs::File::open(package) else {
        eprintln!("SKIP: shared data absent");
        return;
    };
    let mut elements: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if !path.starts_with("package/StructureDefinition-") {
            continue;
        }
        let definition: serde_json::Value = serde_json::from_reader(entry).unwrap();
        if definition["kind"] == "resource"
            && definition["derivation"] == "specialization"
            && definition["abstract"] == false
        {
            let paths = definition["snapshot"]["element"].as_array().unwrap().iter();
            let top =
                paths.filter_map(|element| element["path"].as_str()?.split_once('.').map(|(_, rest)| rest.to_string()));
            elements.insert(definition["type"].as_str().unwrap().to_string(), top.collect());
        }
    }
    let grouped: Vec<&str> =
        wardstone_access::resource_types().map(|(name, _)| name).filter(|name| *name != "System").collect();
    assert_eq!(grouped, elements.keys().map(String::as_str).collect::<Vec<_>>());

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/views");
    for entry in std::fs::read_dir(folder).unwrap() {
        for line in
            std::fs::read_to_string(entry.unwrap().path()).unwrap().lines().filter(|line| !line.starts_with('#'))
        {
            let (type_name, listed) = line.split_once(':').unwrap();
            for element in listed.split_whitespace().filter(|element| !["full", "-labels"].contains(element)) {
                assert!(elements[type_name].iter().any(|known| known == element), "{type_name}.{element}");
            }
        }
    }
}
