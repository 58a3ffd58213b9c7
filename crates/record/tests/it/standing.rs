//! Who treats whom, and until when; what consents close and open; who wrote it; whose chart it is: alike through every door.

use access::{Caller, CallerParts, ChartNo, Labels, ProxyCategories, ProxyGrant, Purpose, Relations, Role, Traits};
use record::{HistoryOf, RecordError, Refusal, types};

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
    put(&clinic, "CareTeam", "team", &team("active", r#""start":"2026-11-01""#)).await;
    assert!(sees(&clinic, &on, "Observation", "ana-pulse").await);
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

fn consent(members: &str) -> String {
    format!(
        r#""status":"active","scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},
        "category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],
        "policyRule":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIPAAConsentCD"}}]}},
        "patient":{},{members}"#,
        reference("Patient", "ana")
    )
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

#[tokio::test]
async fn the_privacy_officer_learns_what_a_denial_hung_on() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    let ben = physician(&clinic, "ben").await;
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
    let event = (clinic.record.store().log_reader().size() - 1).to_string();
    let officer = caller(Role::PrivacyOfficer);
    let explained = clinic.record.explain(&officer, &event).await.unwrap();
    let decision = &explained.decisions[0];
    assert_eq!((decision.action, decision.type_name, decision.allowed_then), ("read", "Observation", false));
    assert!(decision.attributes.contains(&"relation") && !decision.allowed_now, "{decision:?}");
    assert_eq!(last_event(&clinic, |event| event.subject.map(str::to_owned)), Some(format!("event {event}")));
    // Another policy version answers for itself.
    clinic
        .record
        .set_policies(access::Policies::load(&[access::PolicySource { file: "open.cedar", text: OPEN }]).unwrap());
    assert!(clinic.record.explain(&officer, &event).await.unwrap().decisions[0].allowed_now);
    let denied = clinic.record.explain(&ben, &event).await;
    assert!(matches!(denied, Err(RecordError::Denied(Refusal::Never))));
    assert!(matches!(clinic.record.explain(&officer, "999999").await, Err(RecordError::NotFound)));
}

const OPEN: &str = r#"
@id("open") @description("everything") @view("full")
permit (principal, action in Action::"look", resource);
@id("open-officer") @description("reasons") @view("full")
permit (principal in Role::"privacy_officer", action == Action::"explain", resource);
"#;

#[tokio::test]
async fn a_corrected_label_outlives_writes_and_leaves_a_trace() {
    let clinic = clinic().await;
    patient(&clinic, "ana", "").await;
    let members =
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}"#;
    observation(&clinic, "note", "ana", members).await;
    let (asha, officer) = (physician(&clinic, "asha").await, caller(Role::PrivacyOfficer));
    let note = key("Observation", "note");
    assert!(!sees(&clinic, &asha, "Observation", "note").await);
    let why = "entered on the wrong patient's form";
    let change = (Labels::NONE, Labels::VERY_RESTRICTED);
    let denied = clinic.record.correct_labels(&asha, &note, change, why).await;
    assert!(matches!(denied, Err(RecordError::Denied(_))));
    assert!(matches!(
        clinic.record.correct_labels(&officer, &note, change, "because").await,
        Err(RecordError::Malformed(_))
    ));
    assert_eq!(clinic.record.correct_labels(&officer, &note, change, why).await.unwrap().version, 2);
    let trace = last_trace(&clinic).await;
    assert_eq!(trace, Some(format!("very_restricted to none: {why}")));
    let shown = clinic.record.read(&asha, &note).await.unwrap();
    assert!(!String::from_utf8_lossy(shown.get().json()).contains("security"));
    // The version before keeps what it was under.
    assert!(matches!(clinic.record.vread(&asha, &note, 1).await, Err(RecordError::Denied(_))));

    // Content gives a label; taken off, it does not come back with the next write.
    let hiv = r#""valueCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"Z21"}]}"#;
    observation(&clinic, "other", "ana", hiv).await;
    let other = key("Observation", "other");
    clinic.record.correct_labels(&officer, &other, (Labels::PART2, Labels::HIV), why).await.unwrap();
    assert!(!sees(&clinic, &asha, "Observation", "other").await);
    observation(&clinic, "other", "ana", hiv).await;
    clinic.record.correct_labels(&officer, &other, (Labels::GENETIC, Labels::PART2), why).await.unwrap();
    let trace = last_trace(&clinic).await;
    assert_eq!(trace, Some(format!("part2 to genetic: {why}")));
    assert!(sees(&clinic, &asha, "Observation", "other").await);
    // And no writer takes off what was put on, nor is one kept from naming what was taken off.
    observation(
        &clinic,
        "other",
        "ana",
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#,
    )
    .await;
    clinic.record.correct_labels(&officer, &other, (Labels::RESTRICTED, Labels::NONE), why).await.unwrap();
    let trace = last_trace(&clinic).await;
    assert_eq!(trace, Some(format!("hiv,genetic to hiv,genetic,restricted: {why}")));
}

#[tokio::test]
async fn a_broken_glass_is_in_the_log_with_its_reason_and_the_patient_sees_it() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    let ben = practitioner(&clinic, Role::Physician, "ben").await;
    let plain = at(clone(&ben), NOW_MS);
    assert!(!sees(&clinic, &plain, "Observation", "ana-pulse").await);
    for reason in ["", "emergency", "          ......"] {
        assert!(matches!(clinic.record.break_glass(&plain, "ana", reason).await, Err(RecordError::Malformed(_))));
    }
    let reason = "found unconscious at the bus stop";
    let glass = clinic.record.break_glass(&plain, "ana", reason).await.unwrap();
    let said = last_event(&clinic, |e| (e.action, e.break_glass.map(str::to_owned), e.objects[0].chart));
    assert_eq!(said, (audit::Action::BreakGlass, Some(reason.to_owned()), glass.chart.0));
    let mut broken = CallerParts { broken_glass: vec![glass.chart], ..ben };
    broken.facts.glass_broken = true;
    assert!(sees(&clinic, &at(broken, NOW_MS), "Observation", "ana-pulse").await);
    let nurse = clinic.record.break_glass(&caller(Role::Nurse), "ana", reason).await;
    assert!(matches!(nurse, Err(RecordError::Denied(_))));
    assert!(matches!(clinic.record.break_glass(&plain, "nobody", reason).await, Err(RecordError::NotFound)));

    let ana = Caller::established(CallerParts { own_chart: Some(glass.chart), ..parts(Role::Patient) }).unwrap();
    let page = clinic.record.audit_events(&ana, &[]).await.unwrap().into_inner();
    let texts: Vec<String> = page.entries.iter().map(|e| String::from_utf8_lossy(e).into_owned()).collect();
    // DICOM 110127: emergency override started.
    assert!(texts.iter().any(|text| text.contains("110127")), "{texts:?}");
}

#[tokio::test]
async fn a_proxy_reads_who_opened_each_of_their_charts_and_no_other() {
    let clinic = clinic().await;
    let mut charts = Vec::new();
    for id in ["ana", "ben-jr", "cyd"] {
        patient(&clinic, id, "").await;
        charts.push(clinic.record.patient_link(&caller(Role::Admin), id).await.unwrap().chart);
        sees(&clinic, &physician(&clinic, "asha").await, "Observation", &format!("{id}-pulse")).await;
    }
    let grant = |chart: ChartNo| ProxyGrant {
        chart,
        categories: ProxyCategories::ALL,
        labels: Labels::NONE,
        adolescent: false,
    };
    let proxies = vec![grant(charts[0]), grant(charts[1])];
    let proxy = Caller::established(CallerParts { proxies, ..parts(Role::Proxy) }).unwrap();
    // One event about all three charts.
    found(&clinic, &caller(Role::Integration), "Observation", &[]).await;
    let page = clinic.record.audit_events(&proxy, &[]).await.unwrap();
    let texts: Vec<String> =
        page.into_inner().entries.iter().map(|e| String::from_utf8_lossy(e).into_owned()).collect();
    let about = |id: &str| texts.iter().filter(|text| text.contains(&format!("{id}-pulse"))).count();
    assert!(about("ana") >= 2 && about("ben-jr") >= 2, "{texts:?}");
    assert_eq!(about("cyd"), 0);
}

#[tokio::test]
async fn accounts_are_tied_to_rows_by_who_manages_accounts_alone() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""birthDate":"2012-05-05""#).await;
    let admin = caller(Role::Admin);
    let link = clinic.record.patient_link(&admin, "ana").await.unwrap();
    assert!(link.is_adolescent(NOW_MS) && !link.is_adolescent(NOW_MS + 1_500 * DAY_MS));
    assert_eq!(last_event(&clinic, |e| (e.action, e.objects[0].row)), (audit::Action::AccountChange, link.row));
    assert!(matches!(clinic.record.patient_link(&admin, "nobody").await, Err(RecordError::NotFound)));
    let denied = clinic.record.patient_link(&caller(Role::Physician), "ana").await;
    assert!(matches!(denied, Err(RecordError::Denied(Refusal::Never))));
    assert!(
        clinic.record.practitioner_link(&admin, "asha").await.unwrap().family == Some(clinic.record.family(" rao"))
    );
}

#[tokio::test]
async fn in_any_small_world_a_list_equals_the_checks_of_its_items() {
    for seed in 1..=6 {
        small_world(seed).await;
    }
}

async fn small_world(seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = move |n: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % n
    };
    let clinic = clinic().await;
    let codes = ["", "HIV", "42CFRPart2", "SEX", "PSYTHPN"];
    let mut rows: Vec<(&str, String)> = Vec::new();
    for n in 0..4 {
        let id = format!("p{n}");
        let gp = [
            "",
            r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#,
            r#""generalPractitioner":[{"reference":"Practitioner/ben"}]"#,
        ];
        patient(&clinic, &id, gp[below(3) as usize]).await;
        rows.push(("Patient", id.clone()));
        rows.push(("Observation", format!("{id}-pulse")));
        for m in 0..4 {
            let code = codes[below(codes.len() as u64) as usize];
            let meta = match code {
                "" => String::new(),
                code => format!(
                    r#""meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}}"#
                ),
            };
            let row = format!("{id}-{m}");
            observation(&clinic, &row, &id, &meta).await;
            if below(3) == 0 {
                observation(&clinic, &row, &id, "").await;
            }
            rows.push(("Observation", row));
        }
        let provisions = [
            r#""provision":{"type":"deny"}"#,
            r#""provision":{"type":"permit"}"#,
            r#""provision":{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"reference":"Practitioner/ben"}}]}"#,
            r#""provision":{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#,
        ];
        if below(2) == 0 {
            let provision = provisions[below(4) as usize];
            let rule = ["HIPAAConsentCD", "42CFRPart2", "HIPAASelfPay"][below(3) as usize];
            let consent =
                consent(provision).replace("HIPAAConsentCD", rule).replace("Patient/ana", &format!("Patient/{id}"));
            put(&clinic, "Consent", &format!("{id}-consent"), &consent).await;
            rows.push(("Consent", format!("{id}-consent")));
        }
    }
    let glass = clinic.record.patient_link(&caller(Role::Admin), "p1").await.unwrap().chart;
    let mut broken = CallerParts { broken_glass: vec![glass], ..practitioner(&clinic, Role::Physician, "ben").await };
    broken.facts.glass_broken = true;
    let callers = [
        physician(&clinic, "asha").await,
        physician(&clinic, "ben").await,
        at(broken, NOW_MS),
        Caller::established(practitioner(&clinic, Role::Nurse, "asha").await).unwrap(),
        caller(Role::Physician),
        caller(Role::Billing),
        caller(Role::Research),
        caller(Role::Integration),
        Caller::established(CallerParts { own_chart: Some(glass), ..parts(Role::Patient) }).unwrap(),
    ];
    for who in &callers {
        let mut allowed: Vec<String> = Vec::new();
        for (type_name, id) in &rows {
            if sees(&clinic, who, type_name, id).await {
                allowed.push(format!("{type_name}/{id}"));
            }
        }
        allowed.sort();
        let role = format!("{} in world {seed}", who.login());
        for kind in ["Patient", "Observation", "Consent"] {
            let of_kind: Vec<_> = allowed.iter().filter(|id| id.starts_with(kind)).cloned().collect();
            assert_eq!(found(&clinic, who, kind, &[]).await, of_kind, "search {kind} by {role}");
            let instance = changed(&clinic, who, HistoryOf::Type(types::parse(kind).unwrap())).await;
            assert!(instance.iter().all(|id| of_kind.contains(id)), "history of {kind} by {role}");
        }
        for n in 0..4 {
            let own = |id: &&String| id.split('/').nth(1).is_some_and(|id| id.starts_with(&format!("p{n}")));
            let chart: Vec<_> = allowed.iter().filter(own).cloned().collect();
            let all: Vec<_> = everything(&clinic, who, &format!("p{n}"))
                .await
                .into_iter()
                .filter(|id| !id.starts_with("Practitioner/"))
                .collect();
            if allowed.contains(&format!("Patient/p{n}")) {
                assert_eq!(all, chart, "everything of p{n} by {role}");
            } else {
                assert!(all.is_empty(), "everything of p{n} by {role}");
            }
        }
    }
}

fn clone(parts: &CallerParts) -> CallerParts {
    CallerParts {
        login: parts.login.clone(),
        proxies: parts.proxies.clone(),
        broken_glass: parts.broken_glass.clone(),
        scopes: parts.scopes.clone(),
        user_agent: parts.user_agent.clone(),
        ..*parts
    }
}
