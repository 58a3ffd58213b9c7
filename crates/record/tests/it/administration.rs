//! Acts of administration: explanations, corrected labels, broken glass, links for accounts, and who may read of them.

use access::{Caller, CallerParts, ChartNo, Labels, ProxyCategories, ProxyGrant, Role};
use record::{RecordError, Refusal};

use crate::clinic::{NOW_MS, caller, parts};
use crate::world::*;

const DAY_MS: i64 = 86_400_000;

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
    assert!(decision.attributes.contains(&"treating") && !decision.allowed_now, "{decision:?}");
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
