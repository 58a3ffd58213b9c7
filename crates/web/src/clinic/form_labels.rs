//! How sensitive a form is: by its own code and what its questions are coded with. The definition is nobody's data and open to all; that
//! somebody was asked for it is theirs, and so a Task that asks for it says so in the words of HL7.

use access::{Labeler, Labels};
use fhir::Json;
use serde_json::{Value, json};

use super::read::{all, text};

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// Numbers of a government close elements, and no form.
const CODES: [(Labels, &str, &str); 10] = [
    (Labels::PSYCHOTHERAPY, ACT_CODE, "PSYTHPN"),
    (Labels::HIV, ACT_CODE, "HIV"),
    (Labels::SUBSTANCE_USE, ACT_CODE, "SUD"),
    (Labels::PART2, ACT_CODE, "42CFRPart2"),
    (Labels::GENETIC, ACT_CODE, "GDIS"),
    (Labels::REPRODUCTIVE, ACT_CODE, "SEX"),
    (Labels::MENTAL_HEALTH, ACT_CODE, "PSY"),
    (Labels::RESTRICTED, CONFIDENTIALITY, "R"),
    (Labels::VERY_RESTRICTED, CONFIDENTIALITY, "V"),
    (Labels::KEPT_FROM_PATIENT, ACT_CODE, "NOPAT"),
];

/// Of a Questionnaire. What may be chosen is not looked at: a list of illnesses is no secret, which of them was chosen is.
pub fn labels_of(form: &Json<'_>) -> Labels {
    let mut labeler = Labeler::default();
    if let Some(meta) = form.get("meta") {
        take(meta, "security", &mut labeler);
    }
    walk(form, &mut labeler);
    labeler.labels()
}

/// For `meta.security`.
pub fn security(labels: Labels) -> Vec<Value> {
    let held = CODES.iter().filter(|(label, ..)| labels.contains(*label));
    held.map(|(_, system, code)| json!({ "system": system, "code": code })).collect()
}

/// What a Task of a patient may not show to who stands for them with this grant. The policies say the same of what is labelled in the record.
pub fn is_within(labels: Labels, grant: &access::ProxyGrant) -> bool {
    let never = Labels::PSYCHOTHERAPY.union(Labels::PART2).union(Labels::KEPT_FROM_PATIENT);
    let own = Labels::REPRODUCTIVE.union(Labels::MENTAL_HEALTH).union(Labels::SUBSTANCE_USE).union(Labels::HIV);
    let is_theirs_alone = labels.intersects(never) || grant.adolescent && labels.intersects(own);
    labels.is_empty() || !is_theirs_alone && labels.without(grant.labels).is_empty()
}

fn walk(holder: &Json<'_>, labeler: &mut Labeler) {
    take(holder, "code", labeler);
    all(holder, "item").iter().for_each(|item| walk(item, labeler));
}

fn take(holder: &Json<'_>, name: &str, labeler: &mut Labeler) {
    for coding in all(holder, name) {
        if let (Some(system), Some(code)) = (text(coding, "system"), text(coding, "code")) {
            labeler.label(system, code);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_category_is_said_in_a_code_that_is_read_as_that_category_alone() {
        for label in Labels::ALL.without(Labels::OF_ELEMENTS).iter() {
            let said = security(label);
            let mut labeler = Labeler::default();
            labeler.label(said[0]["system"].as_str().unwrap(), said[0]["code"].as_str().unwrap());
            assert_eq!((said.len(), labeler.labels()), (1, label));
        }
    }

    #[test]
    fn a_form_is_as_sensitive_as_what_it_asks_wherever_that_stands() {
        let of = |members: &str| labels_of(&Json::parse_str(&format!("{{{members}}}")).unwrap());
        let audit_c = r#""code":[{"system":"http://loinc.org","code":"75626-2"}]"#;
        assert_eq!(of(audit_c), Labels::SUBSTANCE_USE);
        assert_eq!(of(&format!(r#""item":[{{"item":[{{{audit_c}}}]}}]"#)), Labels::SUBSTANCE_USE);
        assert_eq!(
            of(r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#),
            Labels::HIV
        );
        let options = r#""item":[{"answerOption":[{"valueCoding":{"system":"http://loinc.org","code":"75626-2"}}]}]"#;
        assert_eq!(of(options), Labels::NONE);
    }

    #[test]
    fn who_stands_for_a_patient_is_within_what_the_grant_names() {
        let grant = |labels, adolescent| access::ProxyGrant {
            chart: access::ChartNo(1),
            categories: access::ProxyCategories::CLINICAL,
            labels,
            adolescent,
        };
        let (hiv, none) = (Labels::HIV, Labels::NONE);
        assert!(is_within(none, &grant(none, true)) && is_within(hiv, &grant(hiv, false)));
        assert!(!is_within(hiv, &grant(none, false)) && !is_within(hiv, &grant(hiv, true)));
        assert!(!is_within(Labels::PART2, &grant(Labels::ALL, false)));
    }
}
