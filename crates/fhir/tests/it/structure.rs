//! The embedded tables: what R4 defines is all there.

use wardstone_fhir::compartment;
use wardstone_fhir::structure::{self, Kind, Shape, Targets};

#[test]
fn every_type_of_r4_is_there() {
    assert_eq!(structure::resource_types().len(), 146);
    assert!(structure::resource_types().is_sorted());
    assert!(structure::is_resource_type("Patient") && structure::is_resource_type("VisionPrescription"));
    assert!(!structure::is_resource_type("DomainResource") && !structure::is_resource_type("HumanName"));
    let primitives = structure::datatypes().filter(|t| t.kind == Kind::Primitive).count();
    let complex = structure::datatypes().filter(|t| t.kind == Kind::Complex).count();
    assert_eq!((primitives, complex), (20, 39));
}

#[test]
fn elements_are_those_of_the_snapshots() {
    let patient = structure::resource("Patient").unwrap();
    let names: Vec<&str> = patient.elements.iter().map(|e| e.name).collect();
    assert_eq!(
        names.join(" "),
        "id meta implicitRules language text contained extension modifierExtension identifier active name telecom gender \
         birthDate deceased address maritalStatus multipleBirth photo contact communication generalPractitioner \
         managingOrganization link"
    );
    let value = structure::named("Extension").unwrap().element_named("value[x]").unwrap();
    assert!(value.is_choice && !value.is_list && !value.is_required);
    assert!(structure::named("Patient.contact").unwrap().slot("modifierExtension").is_some());
    assert_eq!(structure::named("Extension").unwrap().slots().len(), 50 + 3);
}

#[test]
fn references_know_their_targets() {
    let observation = structure::resource("Observation").unwrap();
    let targets = |name| match observation.slot(name).unwrap().shape {
        Shape::Reference(targets) => targets,
        _ => Targets::Only([0; 3]),
    };
    let subjects: Vec<&str> = targets("subject").names().collect();
    assert_eq!(subjects, ["Device", "Group", "Location", "Patient"]);
    assert_eq!(targets("focus"), Targets::Any);
    assert!(!Targets::Any.allows("Nothing"));
}

#[test]
fn parts_defined_elsewhere_are_followed() {
    let item = structure::named("Questionnaire.item").unwrap();
    let Shape::Complex(below) = item.slot("item").unwrap().shape else { panic!("item has items") };
    assert_eq!(structure::by_index(below).name, "Questionnaire.item");
}

#[test]
fn views_can_ask_for_elements() {
    for name in ["status", "value", "value[x]", "valueQuantity", "meta", "extension"] {
        assert!(structure::is_element("Observation", name), "{name}");
    }
    for name in ["valueAddress", "name", "", "_status"] {
        assert!(!structure::is_element("Observation", name), "{name}");
    }
    assert!(!structure::is_element("Nothing", "id"));
    assert_eq!(structure::mandatory("Observation").collect::<Vec<_>>(), ["status", "code"]);
    assert_eq!(
        structure::mandatory("MedicationRequest").collect::<Vec<_>>(),
        ["status", "intent", "medication", "subject"]
    );
    assert_eq!(structure::mandatory("Nothing").count(), 0);
}

#[test]
fn compartments_are_those_of_r4() {
    assert_eq!(compartment::params("Patient", "Observation"), ["subject", "performer"]);
    assert_eq!(compartment::params("Patient", "Patient"), ["link"]);
    assert_eq!(compartment::params("Encounter", "Encounter"), ["{def}"]);
    assert!(
        compartment::params("Patient", "Medication").is_empty()
            && compartment::params("Nobody", "Observation").is_empty()
    );
    assert_eq!(compartment::members("Patient").count(), 66);
    for name in ["Device", "Encounter", "Practitioner", "RelatedPerson"] {
        assert!(compartment::members(name).all(structure::is_resource_type) && compartment::members(name).count() > 20);
    }
}
