//! What a resource is beside its labels, as policies and alerts ask it: whether it holds now, whether it is a vital sign.

use access::Traits;
use fhir::Json;

/// Types whose status may say that they no longer hold: the element, and the codes that say so.
const OVER: [(&str, &str, &[&str]); 17] = [
    ("MedicationRequest", "status", &["cancelled", "completed", "entered-in-error", "stopped"]),
    ("MedicationStatement", "status", &["completed", "entered-in-error", "stopped"]),
    ("MedicationDispense", "status", &["cancelled", "declined", "entered-in-error", "stopped"]),
    ("MedicationAdministration", "status", &["entered-in-error", "not-done", "stopped"]),
    ("ServiceRequest", "status", &["revoked", "completed", "entered-in-error"]),
    ("DeviceRequest", "status", &["revoked", "completed", "entered-in-error"]),
    ("NutritionOrder", "status", &["revoked", "completed", "entered-in-error"]),
    ("SupplyRequest", "status", &["cancelled", "completed", "entered-in-error"]),
    ("CarePlan", "status", &["revoked", "completed", "entered-in-error"]),
    ("CareTeam", "status", &["inactive", "entered-in-error"]),
    ("Goal", "lifecycleStatus", &["completed", "cancelled", "rejected", "entered-in-error"]),
    ("Flag", "status", &["inactive", "entered-in-error"]),
    ("Task", "status", &["completed", "cancelled", "failed", "rejected", "entered-in-error"]),
    ("AllergyIntolerance", "clinicalStatus", &["inactive", "resolved"]),
    ("AllergyIntolerance", "verificationStatus", &["refuted", "entered-in-error"]),
    ("Condition", "clinicalStatus", &["inactive", "remission", "resolved"]),
    ("Condition", "verificationStatus", &["refuted", "entered-in-error"]),
];
const VITAL_SIGNS: &str = "vital-signs";

pub fn of(resource: &Json<'_>, type_name: &str) -> Traits {
    let is_over = OVER.iter().any(|(name, element, codes)| {
        *name == type_name
            && resource.get(element).is_some_and(|status| {
                let plain = status.as_str().into_iter();
                plain.chain(codings(status)).any(|code| codes.contains(&code))
            })
    });
    let mut traits = if is_over { Traits::NONE } else { Traits::CURRENT };
    let categories = resource.get("category").map_or(&[][..], Json::items);
    if type_name == "Observation" && categories.iter().flat_map(codings).any(|code| code == VITAL_SIGNS) {
        traits = traits.union(Traits::VITAL_SIGNS);
    }
    traits
}

/// The codes of a CodeableConcept.
fn codings<'j>(concept: &'j Json<'_>) -> impl Iterator<Item = &'j str> {
    let codings = concept.get("coding").map_or(&[][..], Json::items);
    codings.iter().filter_map(|coding| coding.get("code")?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(type_name: &str, json: &str) -> Traits {
        Json::parse_str(json).map(|tree| of(&tree, type_name)).unwrap_or_else(|_| panic!("{json}"))
    }

    #[test]
    fn what_is_stopped_or_resolved_holds_no_longer() {
        let both = Traits::CURRENT.union(Traits::VITAL_SIGNS);
        for (type_name, json, expected) in [
            ("MedicationRequest", r#"{"status":"active"}"#, Traits::CURRENT),
            ("MedicationRequest", r#"{"status":"stopped"}"#, Traits::NONE),
            ("Condition", r#"{"clinicalStatus":{"coding":[{"code":"active"}]}}"#, Traits::CURRENT),
            ("Condition", r#"{"clinicalStatus":{"coding":[{"code":"resolved"}]}}"#, Traits::NONE),
            ("Condition", r#"{"verificationStatus":{"coding":[{"code":"refuted"}]}}"#, Traits::NONE),
            ("Encounter", r#"{"status":"finished"}"#, Traits::CURRENT),
            ("Observation", r#"{"category":[{"coding":[{"code":"vital-signs"}]}]}"#, both),
            ("Observation", r#"{"category":[{"coding":[{"code":"laboratory"}]}]}"#, Traits::CURRENT),
            ("Condition", r#"{"category":[{"coding":[{"code":"vital-signs"}]}]}"#, Traits::CURRENT),
        ] {
            assert_eq!(traits(type_name, json), expected, "{type_name} {json}");
        }
    }
}
