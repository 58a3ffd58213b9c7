//! Who treats whom, and until when; what consents close and open; who wrote it; whose chart it is: alike through every door.

use access::{Caller, CallerParts, Purpose, Relations, Role, Traits};
use record::RecordError;

use crate::clinic::{NOW_MS, caller, parts};
use crate::world::*;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

#[tokio::test]
async fn a_chart_that_nobody_was_attributed_to_is_open_and_closes_with_the_first_attribution() {
    let clinic = clinic().await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    patient(&clinic, "ana", "").await;
    assert!(
        sees(&clinic, &asha, "Observation", "ana-pulse").await && sees(&clinic, &ben, "Observation", "ana-pulse").await
    );
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    assert!(sees(&clinic, &asha, "Observation", "ana-pulse").await);
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
    // Taking the practitioner off makes it nobody's chart, not everybody's.
    patient(&clinic, "ana", "").await;
    assert!(
        !sees(&clinic, &asha, "Observation", "ana-pulse").await
            && !sees(&clinic, &ben, "Observation", "ana-pulse").await
    );
}

#[tokio::test]
async fn a_care_team_treats_while_it_is_active_and_each_member_while_their_period_runs() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let team = |status: &str, period: &str| {
        format!(
            r#""status":"{status}","subject":{},"participant":[{{"member":{},"period":{{{period}}}}}]"#,
            reference("Patient", "ana"),
            reference("Practitioner", "asha")
        )
    };
    let asha = practitioner(&clinic, Role::Physician, "asha").await;
    let (before, on, after) =
        (at(clone(&asha), NOW_MS - 31 * DAY_MS), at(clone(&asha), NOW_MS), at(asha, NOW_MS + 40 * DAY_MS));
    put(&clinic, "CareTeam", "team", &team("active", r#""start":"2026-11-01","end":"2026-12-01""#)).await;
    for (who, open) in [(&before, false), (&on, true), (&after, false)] {
        assert_eq!(sees(&clinic, who, "Observation", "ana-pulse").await, open, "{}", who.time_ms());
    }
    put(&clinic, "CareTeam", "team", &team("inactive", r#""start":"2026-11-01""#)).await;
    assert!(!sees(&clinic, &on, "Observation", "ana-pulse").await);
    assert!(clinic.record.teams_of(&on, "Practitioner/asha", 9).await.unwrap().0.is_empty(), "none is active");
    put(&clinic, "CareTeam", "team", &team("active", r#""start":"2026-11-01""#)).await;
    assert!(sees(&clinic, &on, "Observation", "ana-pulse").await);
}

#[tokio::test]
async fn ones_teams_are_known_to_a_search_without_a_look_at_any_chart() {
    let clinic = clinic().await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    for id in ["ana", "eva"] {
        patient(&clinic, id, "").await;
        let team = format!(
            r#""status":"active","subject":{},"participant":[{{"member":{}}}]"#,
            reference("Patient", id),
            reference("Practitioner", "asha")
        );
        put(&clinic, "CareTeam", &format!("{id}-team"), &team).await;
    }
    let log = clinic.record.store().log_reader();
    log.caught_up().await;
    let before = log.size();
    let of = async |caller, named, max| clinic.record.teams_of(caller, named, max).await.unwrap();
    let both = (vec!["ana-team".to_owned(), "eva-team".to_owned()], false);
    assert_eq!(of(&asha, "Practitioner/asha", 9).await, both);
    assert_eq!(of(&asha, "Practitioner/asha", 1).await, (vec!["ana-team".to_owned()], true));
    assert!(of(&ben, "Practitioner/ben", 9).await.0.is_empty());
    assert!(of(&ben, "Practitioner/asha", 9).await.0.is_empty(), "and those of charts that are closed to him are none");
    assert_eq!(log.size(), before, "nothing was disclosed, so that nothing is written");
}

#[tokio::test]
async fn a_role_leads_to_its_practitioner_also_when_the_directory_learns_of_it_later() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"PractitionerRole/role"}]"#).await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    assert!(!sees(&clinic, &asha, "Observation", "ana-pulse").await);
    put(&clinic, "PractitionerRole", "role", &format!(r#""practitioner":{}"#, reference("Practitioner", "asha"))).await;
    assert!(sees(&clinic, &asha, "Observation", "ana-pulse").await);
    put(&clinic, "PractitionerRole", "role", &format!(r#""practitioner":{}"#, reference("Practitioner", "ben"))).await;
    assert!(
        !sees(&clinic, &asha, "Observation", "ana-pulse").await
            && sees(&clinic, &ben, "Observation", "ana-pulse").await
    );
}

#[tokio::test]
async fn an_appointment_opens_a_day_before_it_starts_and_closes_a_day_after_it_ends() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let appointment = |status: &str, answer: &str| {
        format!(
            r#""status":"{status}","start":"2026-11-24T12:00:00Z","end":"2026-11-24T13:00:00Z","participant":[
            {{"actor":{},"status":"accepted"}},{{"actor":{},"status":"{answer}"}}]"#,
            reference("Patient", "ana"),
            reference("Practitioner", "asha")
        )
    };
    put(&clinic, "Appointment", "visit", &appointment("booked", "accepted")).await;
    let asha = practitioner(&clinic, Role::Physician, "asha").await;
    let (opens, closes) = (NOW_MS + DAY_MS, NOW_MS + 3 * DAY_MS + HOUR_MS + 1_000);
    for (time_ms, open) in [(opens - 1, false), (opens, true), (closes - 2_000, true), (closes, false)] {
        let who = at(clone(&asha), time_ms);
        assert_eq!(sees(&clinic, &who, "Observation", "ana-pulse").await, open, "{}", time_ms - opens);
    }
    for (status, answer) in [("cancelled", "accepted"), ("booked", "declined")] {
        put(&clinic, "Appointment", "visit", &appointment(status, answer)).await;
        let who = at(clone(&asha), opens);
        assert!(!sees(&clinic, &who, "Observation", "ana-pulse").await, "{status} {answer}");
    }
}

#[tokio::test]
async fn an_encounter_treats_until_thirty_days_after_its_end() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let encounter = |status: &str, period: &str| {
        format!(
            r#""status":"{status}","class":{{"code":"AMB"}},"subject":{},"participant":[{{"individual":{}}}],"period":{{{period}}}"#,
            reference("Patient", "ana"),
            reference("Practitioner", "asha")
        )
    };
    let asha = practitioner(&clinic, Role::Physician, "asha").await;
    put(&clinic, "Encounter", "visit", &encounter("in-progress", r#""start":"2026-11-20T08:00:00Z""#)).await;
    assert!(sees(&clinic, &at(clone(&asha), NOW_MS + 90 * DAY_MS), "Observation", "ana-pulse").await);
    let over = r#""start":"2026-11-20T08:00:00Z","end":"2026-11-20T12:00:00Z""#;
    put(&clinic, "Encounter", "visit", &encounter("finished", over)).await;
    for (days, open) in [(-4, false), (0, true), (27, true), (29, false)] {
        let who = at(clone(&asha), NOW_MS + days * DAY_MS);
        assert_eq!(sees(&clinic, &who, "Observation", "ana-pulse").await, open, "{days} days");
    }
    // One of long ago attributes the chart and treats no more.
    put(&clinic, "Encounter", "visit", &encounter("finished", r#""start":"2020-01-01","end":"2020-01-02""#)).await;
    assert!(!sees(&clinic, &at(asha, NOW_MS), "Observation", "ana-pulse").await);
}

#[tokio::test]
async fn the_first_writer_is_the_originator_of_every_version() {
    let clinic = clinic().await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    patient(&clinic, "ana", "").await;
    let note = |text: &str| {
        format!(r#""status":"final","code":{{"text":"{text}"}},"subject":{}"#, reference("Patient", "ana"))
    };
    put_as(&clinic, &ben, "Observation", "note", &note("one")).await.unwrap();
    put(&clinic, "Observation", "note", &note("two")).await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    assert!(sees(&clinic, &ben, "Observation", "note").await && sees(&clinic, &asha, "Observation", "note").await);
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
    // Who entered an encounter took part in it, whoever else is named.
    patient(&clinic, "cyd", "").await;
    let visit = format!(r#""status":"in-progress","class":{{"code":"AMB"}},"subject":{}"#, reference("Patient", "cyd"));
    put_as(&clinic, &ben, "Encounter", "visit", &visit).await.unwrap();
    patient(&clinic, "cyd", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    assert!(sees(&clinic, &ben, "Observation", "cyd-pulse").await);
    for version in [1, 2] {
        clinic.record.vread(&ben, &key("Observation", "note"), version).await.unwrap();
    }
    let clinic = clinic.restart().await;
    clinic.record.set_policies(probe());
    assert!(sees(&clinic, &ben, "Observation", "note").await && !sees(&clinic, &ben, "Observation", "ana-pulse").await);
}

#[tokio::test]
async fn a_nurse_sees_what_holds_now_and_a_past_version_no_longer_than_the_current_one() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    let order = |status: &str| {
        format!(
            r#""status":"{status}","intent":"order","medicationCodeableConcept":{{"text":"x"}},"subject":{}"#,
            reference("Patient", "ana")
        )
    };
    let nurse = Caller::established(practitioner(&clinic, Role::Nurse, "asha").await).unwrap();
    put(&clinic, "MedicationRequest", "order", &order("active")).await;
    assert!(sees(&clinic, &nurse, "MedicationRequest", "order").await);
    put(&clinic, "MedicationRequest", "order", &order("stopped")).await;
    assert!(!sees(&clinic, &nurse, "MedicationRequest", "order").await);
    let past = clinic.record.vread(&nurse, &key("MedicationRequest", "order"), 1).await;
    assert!(matches!(past, Err(RecordError::Denied(_))));
}

#[tokio::test]
async fn a_restriction_closes_what_it_names_to_whom_it_names_and_nothing_else() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let hiv = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
    observation(&clinic, "load", "ana", hiv).await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    let deny = format!(
        r#""provision":{{"type":"deny","actor":[{{"role":{{"text":"x"}},"reference":{}}}]}}"#,
        reference("Practitioner", "ben")
    );
    put(&clinic, "Consent", "no", &consent(&deny)).await;
    assert!(
        sees(&clinic, &asha, "Observation", "ana-pulse").await
            && !sees(&clinic, &ben, "Observation", "ana-pulse").await
    );
    // Who is bound by it may know of it.
    assert!(sees(&clinic, &ben, "Consent", "no").await);

    let of_label = r#""provision":{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
    put(&clinic, "Consent", "no", &consent(of_label)).await;
    assert!(sees(&clinic, &ben, "Observation", "ana-pulse").await && !sees(&clinic, &ben, "Observation", "load").await);

    let of_type = r#""provision":{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}],"purpose":[{"code":"TREAT"}],
        "provision":[{"type":"permit","purpose":[{"code":"ETREAT"}]}]}"#;
    put(&clinic, "Consent", "no", &consent(of_type)).await;
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await && sees(&clinic, &ben, "Patient", "ana").await);
    let emergency =
        CallerParts { purpose: Purpose::EmergencyTreatment, ..practitioner(&clinic, Role::Physician, "ben").await };
    assert!(sees(&clinic, &at(emergency, NOW_MS), "Observation", "ana-pulse").await);

    let one = format!(
        r#""provision":{{"type":"deny","data":[{{"meaning":"instance","reference":{}}}]}}"#,
        reference("Observation", "load")
    );
    put(&clinic, "Consent", "no", &consent(&one)).await;
    assert!(sees(&clinic, &ben, "Observation", "ana-pulse").await && !sees(&clinic, &ben, "Observation", "load").await);

    // Not understood in full: it refuses the more.
    put(&clinic, "Consent", "no", &consent(r#""provision":{"type":"deny","purpose":[{"code":"WHATEVER"}]}"#)).await;
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
    let over = consent(r#""provision":{"type":"deny","period":{"end":"2026-11-21"}}"#);
    put(&clinic, "Consent", "no", &over).await;
    assert!(sees(&clinic, &ben, "Observation", "ana-pulse").await);
    put(&clinic, "Consent", "no", &consent(r#""provision":{"type":"deny"}"#).replace("active", "inactive")).await;
    assert!(sees(&clinic, &ben, "Observation", "ana-pulse").await);
    // What a patient asks of others binds others.
    put(&clinic, "Consent", "no", &consent(r#""provision":{"type":"deny"}"#)).await;
    let chart = clinic.record.patient_link(&caller(Role::Admin), "ana").await.unwrap().chart;
    let ana = Caller::established(CallerParts { own_chart: Some(chart), ..parts(Role::Patient) }).unwrap();
    assert!(
        sees(&clinic, &ana, "Observation", "ana-pulse").await
            && !sees(&clinic, &asha, "Observation", "ana-pulse").await
    );
}

#[tokio::test]
async fn what_was_paid_in_full_is_kept_from_billing() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let visit = format!(r#""status":"finished","class":{{"code":"AMB"}},"subject":{}"#, reference("Patient", "ana"));
    for id in ["paid", "billed"] {
        put(&clinic, "Encounter", id, &visit).await;
        observation(&clinic, &format!("in-{id}"), "ana", &format!(r#""encounter":{}"#, reference("Encounter", id)))
            .await;
    }
    let billing = caller(Role::Billing);
    assert!(sees(&clinic, &billing, "Observation", "in-paid").await);
    let data = format!(
        r#""provision":{{"type":"deny","data":[{{"meaning":"related","reference":{}}}]}}"#,
        reference("Encounter", "paid")
    );
    put(&clinic, "Consent", "self-pay", &consent(&data).replace("HIPAAConsentCD", "HIPAASelfPay")).await;
    for (type_name, id, open) in [
        ("Encounter", "paid", false),
        ("Observation", "in-paid", false),
        ("Encounter", "billed", true),
        ("Observation", "in-billed", true),
    ] {
        assert_eq!(sees(&clinic, &billing, type_name, id).await, open, "{id}");
    }
    // The same as a refusal of payment to the health plan.
    let plan = r#""provision":{"type":"deny","purpose":[{"code":"HPAYMT"}],"actor":[{"role":{"text":"plan"},"reference":{"reference":"Organization/plan"}}]}"#;
    put(&clinic, "Consent", "self-pay", &consent(plan)).await;
    assert!(!sees(&clinic, &billing, "Encounter", "billed").await);
    assert!(sees(&clinic, &physician(&clinic, "asha").await, "Encounter", "billed").await);
}

#[tokio::test]
async fn part_2_records_open_with_consent_for_its_purposes_and_carry_the_notice() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let part2 =
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}"#;
    observation(&clinic, "program", "ana", part2).await;
    let ben = practitioner(&clinic, Role::Physician, "ben").await;
    let treating = at(clone(&ben), NOW_MS);
    assert!(!sees(&clinic, &treating, "Observation", "program").await);
    let permit = consent(r#""provision":{"type":"permit"}"#).replace("HIPAAConsentCD", "42CFRPart2");
    put(&clinic, "Consent", "yes", &permit).await;
    let version = clinic.record.read(&treating, &key("Observation", "program")).await.unwrap();
    assert!(version.get().is_part2());
    assert!(!clinic.record.read(&treating, &key("Observation", "ana-pulse")).await.unwrap().get().is_part2());
    for (purpose, open) in
        [(Purpose::Payment, true), (Purpose::Legal, false), (Purpose::Research, false), (Purpose::Threat, false)]
    {
        let who = at(CallerParts { purpose, ..clone(&ben) }, NOW_MS);
        assert_eq!(sees(&clinic, &who, "Observation", "program").await, open, "{}", purpose.name());
    }
    let narrow = consent(r#""provision":{"type":"permit","purpose":[{"code":"TREAT"}],"period":{"end":"2026-11-30"}}"#);
    put(&clinic, "Consent", "yes", &narrow.replace("HIPAAConsentCD", "42CFRPart2")).await;
    assert!(sees(&clinic, &treating, "Observation", "program").await);
    assert!(!sees(&clinic, &at(clone(&ben), NOW_MS + 9 * DAY_MS), "Observation", "program").await);
    // A permission that is not understood in full permits nothing.
    let odd = consent(r#""provision":{"type":"permit","class":[{"system":"urn:odd","code":"X"}]}"#);
    put(&clinic, "Consent", "yes", &odd.replace("HIPAAConsentCD", "42CFRPart2")).await;
    assert!(!sees(&clinic, &treating, "Observation", "program").await);
}

#[tokio::test]
async fn research_sees_who_authorized_it_and_only_for_research() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let app = caller(Role::Research);
    assert!(!sees(&clinic, &app, "Observation", "ana-pulse").await);
    put(
        &clinic,
        "Consent",
        "study",
        &consent(r#""provision":{"type":"permit"}"#).replace("patient-privacy", "research"),
    )
    .await;
    assert!(sees(&clinic, &app, "Observation", "ana-pulse").await);
    let other = at(CallerParts { purpose: Purpose::Operations, ..parts(Role::Research) }, NOW_MS);
    assert!(!sees(&clinic, &other, "Observation", "ana-pulse").await);
    put(&clinic, "Consent", "study", &consent(r#""provision":{"type":"deny"}"#).replace("patient-privacy", "research"))
        .await;
    assert!(!sees(&clinic, &app, "Observation", "ana-pulse").await);
}

#[tokio::test]
async fn events_name_the_decisions_with_who_the_patient_is() {
    let clinic = clinic().await;
    let vip = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"CEL"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"EMP"}]},
        "generalPractitioner":[{"reference":"Practitioner/asha"}]"#;
    patient(&clinic, "ana", vip).await;
    patient(&clinic, "cyd", r#""generalPractitioner":[{"reference":"Practitioner/ben"}]"#).await;
    put(&clinic, "Practitioner", "asha", r#""name":[{"family":"SATO"}]"#).await;
    let asha = physician(&clinic, "asha").await;
    assert!(sees(&clinic, &asha, "Observation", "ana-pulse").await);
    let decisions = last_decisions(&clinic);
    let (key, allowed, count) = decisions[0];
    assert_eq!((decisions.len(), allowed, count), (1, true, 1));
    for known in [Traits::VIP, Traits::EMPLOYEE, Traits::SAME_NAME] {
        assert!(key.traits.contains(known));
    }
    assert!(key.relations.contains(Relations::TREATING) && !key.relations.contains(Relations::UNASSIGNED));
    let ben = physician(&clinic, "ben").await;
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
    let (key, allowed, _) = last_decisions(&clinic)[0];
    assert!(!allowed && key.traits.contains(Traits::VIP) && !key.traits.contains(Traits::SAME_NAME));
    // Hits that were denied are counted too.
    assert_eq!(found(&clinic, &asha, "Observation", &[]).await, ["Observation/ana-pulse"]);
    let mut counts: Vec<_> = last_decisions(&clinic).iter().map(|(_, allowed, count)| (*allowed, *count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(false, 1), (true, 1)]);
}
