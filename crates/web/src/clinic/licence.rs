//! Where somebody may treat: the licence that stands with the account, which an administrator entered, and what the qualifications of
//! the Practitioner say.

use fhir::Json;
use identity::Licence;

use super::read::{all, at, code, extension, text};
use super::time::instant_ms;

/// Of a qualification: its status, and the states where it is valid (HL7 Da Vinci PDEX Plan-Net 1.2.0).
const QUALIFICATION: &str =
    "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/practitioner-qualification";
const STATES: &str = "https://www.usps.com/";
const DAY_MS: i64 = 86_400_000;

/// Whether a licence for this state, two letters, is on record and in force.
pub fn is_licensed_in(state: &str, account: Option<&Licence>, practitioner: Option<&Json<'_>>, now_ms: i64) -> bool {
    let by_account = account.is_some_and(|held| held.state == state && (held.from_ms..held.until_ms).contains(&now_ms));
    let qualifications = practitioner.map_or(&[][..], |one| all(one, "qualification"));
    by_account || qualifications.iter().any(|one| is_in_force(one, now_ms) && is_valid_in(one, state))
}

fn is_in_force(qualification: &Json<'_>, now_ms: i64) -> bool {
    let day = |name| at(qualification, &["period"]).and_then(|period| text(period, name)).and_then(instant_ms);
    let has_begun = day("start").is_none_or(|start_ms| start_ms <= now_ms);
    has_begun && day("end").is_none_or(|end_ms| now_ms < end_ms + DAY_MS)
}

fn is_valid_in(qualification: &Json<'_>, state: &str) -> bool {
    all(qualification, "extension").iter().filter(|one| text(one, "url") == Some(QUALIFICATION)).any(|one| {
        let is_active = extension(one, "status", "valueCode").and_then(Json::as_str) == Some("active");
        let places = all(one, "extension").iter().filter(|part| text(part, "url") == Some("whereValid"));
        let mut states =
            places.filter_map(|part| part.get("valueCodeableConcept").and_then(|place| code(place, STATES)));
        is_active && states.any(|held| held == state)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NOON: &str = "2027-01-04T12:00:00Z";

    fn practitioner(status: &str, state: &str, end: &str) -> String {
        format!(
            r#"{{"resourceType":"Practitioner","qualification":[{{"code":{{"text":"MD"}},"period":{{"start":"2020-01-01","end":"{end}"}},
            "extension":[{{"url":"{QUALIFICATION}","extension":[{{"url":"status","valueCode":"{status}"}},
            {{"url":"whereValid","valueCodeableConcept":{{"coding":[{{"system":"{STATES}","code":"{state}"}}]}}}}]}}]}}]}}"#
        )
    }

    #[test]
    fn a_licence_counts_where_it_is_valid_and_until_its_last_day() {
        let now_ms = instant_ms(NOON).unwrap();
        let by = |text: &str, state: &str| {
            let json = Json::parse(text.as_bytes()).unwrap();
            is_licensed_in(state, None, Some(&json), now_ms)
        };
        assert!(by(&practitioner("active", "TX", "2027-01-04"), "TX"));
        assert!(!by(&practitioner("active", "TX", "2027-01-03"), "TX"), "over");
        assert!(!by(&practitioner("active", "TX", "2027-01-04"), "NY"), "elsewhere");
        assert!(!by(&practitioner("inactive", "TX", "2027-01-04"), "TX"), "not in force");
        let account = Licence::new("A-1", "NY", "2026-01-01", "2028-12-31").unwrap();
        assert!(is_licensed_in("NY", Some(&account), None, now_ms));
        assert!(!is_licensed_in("TX", Some(&account), None, now_ms));
        assert!(!is_licensed_in("NY", Some(&account), None, account.until_ms));
    }
}
