//! Each interaction does what R4 says, for who may, and leaves its audit record.

use std::borrow::Cow;

use access::Role;
use fhir::Json;
use record::{
    Effect, EntryAnswer, HistoryOf, HistoryRequest, Preconditions, RecordError, Refusal, ResourceKey, SearchRequest,
    Target, types,
};

use crate::clinic::{Clinic, caller, patient};

const PATIENT: &str = r#"{"resourceType":"Patient","meta":{"tag":[{"system":"urn:t","code":"x"}]},"identifier":[{"system":"urn:mrn","value":"M-1"},{"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-12-3456"}],"name":[{"family":"Okafor","given":["Ada"]}],"gender":"female","birthDate":"1980-02-03"}"#;

fn observation(patient: &str, code: &str, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2026-01-02","valueQuantity":{{"value":{value},"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}}}"#
    )
}

fn pairs(query: &[(&'static str, &str)]) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    query.iter().map(|(n, v)| (Cow::Borrowed(*n), Cow::Owned((*v).to_owned()))).collect()
}

async fn ids(clinic: &Clinic, role: Role, type_name: &str, query: &[(&'static str, &str)]) -> Vec<String> {
    let pairs = pairs(query);
    let request =
        SearchRequest { kind: types::parse(type_name).unwrap(), compartment: None, pairs: &pairs, lenient: false };
    let page = clinic.record.search(&caller(role), &request).await.unwrap().into_inner();
    page.entries.iter().map(|(_, v)| v.id().to_owned()).collect()
}

#[tokio::test]
async fn what_is_created_is_read_back_to_the_digit_without_what_the_collection_policy_drops() {
    let clinic = Clinic::new().await;
    let nurse = caller(Role::Physician);
    let kind = types::parse("Patient").unwrap();
    let written = clinic.record.create(&nurse, kind, PATIENT.as_bytes(), None).await.unwrap();
    assert_eq!(written.effect, Effect::Created);
    assert_eq!(written.issues.len(), 1, "the dropped SSN is said");
    assert_eq!(written.issues[0].expression, "Patient.identifier[1]");

    let weight = observation(&written.id, "29463-7", "70.50");
    let kind = types::parse("Observation").unwrap();
    let second = clinic.record.create(&nurse, kind, weight.as_bytes(), None).await.unwrap();
    let key = ResourceKey::parse("Observation", &second.id).unwrap();
    let read = clinic.record.read(&nurse, &key).await.unwrap();
    let text = String::from_utf8(read.get().json().to_vec()).unwrap();
    assert!(text.contains(r#""value":70.50,"#), "{text}");
    assert!(text.contains(r#""meta":{"versionId":"1","lastUpdated":"2026-"#), "{text}");

    let key = ResourceKey::parse("Patient", &written.id).unwrap();
    let read = clinic.record.read(&nurse, &key).await.unwrap();
    let text = String::from_utf8(read.get().json().to_vec()).unwrap();
    assert!(!text.contains("999-12") && text.contains("M-1") && text.contains(r#""tag":[{"system":"urn:t""#));
}

#[tokio::test]
async fn searches_find_by_patient_by_keyword_and_by_scan_before_and_after_a_restart() {
    let mut clinic = Clinic::new().await;
    let physician = caller(Role::Physician);
    let kind = types::parse("Patient").unwrap();
    let mut patients = Vec::new();
    for i in 0..30 {
        let body =
            PATIENT.replace("M-1", &format!("M-{i}")).replace("Okafor", if i % 3 == 0 { "Okafor" } else { "Reyes" });
        patients.push(clinic.record.create(&physician, kind, body.as_bytes(), None).await.unwrap().id);
    }
    let kind = types::parse("Observation").unwrap();
    for id in &patients[..3] {
        for code in ["29463-7", "8867-4"] {
            let body = observation(id, code, "70.5");
            clinic.record.create(&physician, kind, body.as_bytes(), None).await.unwrap();
        }
    }
    for round in 0..3 {
        assert_eq!(ids(&clinic, Role::Physician, "Patient", &[("name", "oka"), ("_count", "50")]).await.len(), 10);
        assert_eq!(
            ids(&clinic, Role::Physician, "Patient", &[("identifier", "urn:mrn|M-7")]).await,
            [patients[7].clone()]
        );
        let subject = format!("Patient/{}", patients[1]);
        let query = [("subject", subject.as_str()), ("code", "http://loinc.org|8867-4")];
        assert_eq!(ids(&clinic, Role::Physician, "Observation", &query).await.len(), 1);
        assert_eq!(ids(&clinic, Role::Physician, "Observation", &[("value-quantity", "gt70")]).await.len(), 6);
        assert_eq!(ids(&clinic, Role::Physician, "Patient", &[("_id", &patients[4])]).await, [patients[4].clone()]);
        if round == 0 {
            clinic = clinic.restart().await;
        } else {
            clinic.record.flush_index(1).await.unwrap();
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let clinic = Clinic::new().await;
    let physician = caller(Role::Physician);
    let kind = types::parse("Patient").unwrap();
    for i in 0..25 {
        let body = PATIENT.replace("M-1", &format!("M-{i}"));
        clinic.record.create(&physician, kind, body.as_bytes(), None).await.unwrap();
        if i == 12 {
            clinic.record.flush_index(1).await.unwrap();
        }
    }
    for sort in [None, Some("-_lastUpdated"), Some("identifier")] {
        let mut query = pairs(&[("family", "okafor"), ("_count", "7")]);
        query.extend(sort.map(|s| (Cow::from("_sort"), Cow::from(s))));
        let mut seen = std::collections::BTreeSet::new();
        let mut sizes = Vec::new();
        loop {
            let request = SearchRequest { kind, compartment: None, pairs: &query, lenient: false };
            let page = clinic.record.search(&physician, &request).await.unwrap().into_inner();
            sizes.push(page.entries.len());
            for (_, version) in &page.entries {
                assert!(seen.insert(version.id().to_owned()), "seen twice");
            }
            match page.next {
                Some(next) => query = pairs(&[("_cursor", next.as_str())]),
                None => break,
            }
        }
        assert_eq!(sizes, [7, 7, 7, 4], "{sort:?}");
        // A link is good for its caller only.
    }
    let query = pairs(&[("family", "okafor"), ("_count", "7")]);
    let request = SearchRequest { kind, compartment: None, pairs: &query, lenient: false };
    let next = clinic.record.search(&physician, &request).await.unwrap().into_inner().next.unwrap();
    let query = pairs(&[("_cursor", &next)]);
    let request = SearchRequest { kind, compartment: None, pairs: &query, lenient: false };
    let other = clinic.record.search(&caller(Role::Nurse), &request).await;
    assert!(matches!(other, Err(RecordError::Cursor)));
}

#[tokio::test]
async fn versions_rise_conflicts_are_told_and_history_keeps_all() {
    let clinic = Clinic::new().await;
    let physician = caller(Role::Physician);
    let kind = types::parse("Patient").unwrap();
    let id = clinic.record.create(&physician, kind, PATIENT.as_bytes(), None).await.unwrap().id;
    let key = ResourceKey::parse("Patient", &id).unwrap();
    let body = PATIENT.replace(r#""resourceType":"Patient","#, &format!(r#""resourceType":"Patient","id":"{id}","#));
    let target = || Target::Id(key.clone());
    let if_match = |v| Preconditions { if_match: Some(v), if_none_match: false };
    let second = clinic.record.update(&physician, target(), body.as_bytes(), if_match(1)).await.unwrap();
    assert_eq!((second.version, second.effect), (2, Effect::Updated));
    let stale = clinic.record.update(&physician, target(), body.as_bytes(), if_match(1)).await;
    assert!(matches!(stale, Err(RecordError::PreconditionFailed { held: 2 })));
    let patch = br#"[{"op":"replace","path":"/gender","value":"other"}]"#;
    assert_eq!(clinic.record.patch(&physician, target(), patch, Preconditions::default()).await.unwrap().version, 3);
    let deleted = clinic.record.delete(&physician, target(), Preconditions::default()).await.unwrap();
    assert_eq!((deleted.version, deleted.effect), (4, Effect::Deleted));
    assert!(matches!(clinic.record.read(&physician, &key).await, Err(RecordError::Gone)));
    assert!(ids(&clinic, Role::Physician, "Patient", &[("family", "okafor")]).await.is_empty());
    for of in [HistoryOf::Instance(key.clone()), HistoryOf::Type(kind), HistoryOf::System] {
        let request = HistoryRequest { of, count: Some(3), since_ms: None, cursor: None };
        let page = clinic.record.history(&caller(Role::Integration), &request).await.unwrap().into_inner();
        let versions: Vec<u32> = page.entries.iter().map(|(_, v)| v.version()).collect();
        assert_eq!(versions, [4, 3, 2]);
        let request = HistoryRequest { cursor: page.next.as_deref(), ..request };
        let page = clinic.record.history(&caller(Role::Integration), &request).await.unwrap().into_inner();
        assert_eq!(page.entries.iter().map(|(_, v)| v.version()).collect::<Vec<_>>(), [1]);
        assert!(page.next.is_none());
    }
    let first = clinic.record.vread(&physician, &key, 1).await.unwrap();
    assert!(String::from_utf8_lossy(first.get().json()).contains(r#""gender":"female""#));
    let back = clinic.record.update(&physician, target(), body.as_bytes(), Preconditions::default()).await.unwrap();
    assert_eq!(back.version, 5);
    assert!(clinic.record.read(&physician, &key).await.is_ok());
}

#[tokio::test]
async fn a_transaction_links_its_entries_and_is_all_or_nothing() {
    let clinic = Clinic::new().await;
    let integration = caller(Role::Integration);
    let observation =
        observation("X", "8867-4", "60").replace("Patient/X", "urn:uuid:00000000-0000-0000-0000-000000000001");
    let bundle = |tail: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[
            {{"fullUrl":"urn:uuid:00000000-0000-0000-0000-000000000002","resource":{observation},"request":{{"method":"POST","url":"Observation"}}}},
            {{"fullUrl":"urn:uuid:00000000-0000-0000-0000-000000000001","resource":{PATIENT},"request":{{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:mrn|M-1"}}}}{tail}]}}"#
        )
    };
    let bad =
        r#",{"resource":{"resourceType":"Patient","gender":"no such"},"request":{"method":"POST","url":"Patient"}}"#;
    let error = clinic.record.bundle(&integration, bundle(bad).as_bytes()).await.err().unwrap();
    assert!(matches!(error, RecordError::Entry { index: 2, .. }));
    assert!(ids(&clinic, Role::Integration, "Patient", &[("family", "okafor")]).await.is_empty());

    let get = r#",{"request":{"method":"GET","url":"Observation?code=8867-4"}}"#;
    let answer = clinic.record.bundle(&integration, bundle(get).as_bytes()).await.unwrap();
    let [first, second, third] = answer.entries.as_slice() else { panic!("three answers") };
    let (Ok(EntryAnswer::Written(first)), Ok(EntryAnswer::Written(second))) = (&first.result, &second.result) else {
        panic!("two writes")
    };
    let json = Json::parse(first.resource.as_ref().unwrap().get().json()).unwrap();
    let subject = json.get("subject").and_then(|s| s.get("reference")).and_then(Json::as_str).unwrap();
    assert_eq!(subject, format!("Patient/{}", second.id));
    let Ok(EntryAnswer::Page(page, _)) = &third.result else { panic!("a page") };
    assert_eq!(page.get().entries.len(), 1, "a transaction's reads see its writes");

    // Again: the patient exists already, so only the observation is new.
    let again = clinic.record.bundle(&integration, bundle("").as_bytes()).await.unwrap();
    let Ok(EntryAnswer::Written(patient)) = &again.entries[1].result else { panic!("a write") };
    assert_eq!((&patient.id, patient.effect), (&second.id, Effect::Unchanged));
    assert_eq!(ids(&clinic, Role::Integration, "Patient", &[("identifier", "urn:mrn|M-1")]).await.len(), 1);
}

#[tokio::test]
async fn ten_conditional_creates_at_once_make_one_patient() {
    let clinic = Clinic::new().await;
    let kind = types::parse("Patient").unwrap();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let record = clinic.record.clone();
            tokio::spawn(async move {
                let condition = pairs(&[("identifier", "urn:mrn|M-1")]);
                record.create(&caller(Role::Integration), kind, PATIENT.as_bytes(), Some(&condition)).await.unwrap().id
            })
        })
        .collect();
    let mut made = std::collections::BTreeSet::new();
    for task in tasks {
        made.insert(task.await.unwrap());
    }
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn who_may_not_gets_403_or_sees_nothing_there() {
    let clinic = Clinic::new().await;
    let physician = caller(Role::Physician);
    let kind = types::parse("Patient").unwrap();
    let ana = clinic.record.create(&physician, kind, PATIENT.as_bytes(), None).await.unwrap().id;
    let ben = clinic.record.create(&physician, kind, PATIENT.replace("M-1", "M-2").as_bytes(), None).await.unwrap().id;
    let pulse = observation(&ana, "8867-4", "60");
    let observation = types::parse("Observation").unwrap();
    let pulse = clinic.record.create(&physician, observation, pulse.as_bytes(), None).await.unwrap().id;
    let key = |type_name, id: &str| ResourceKey::parse(type_name, id).unwrap();
    let refused = |result: Result<_, RecordError>| match result {
        Err(RecordError::Denied(refusal)) => Some(refusal),
        Err(RecordError::NotFound) => Some(Refusal::Absent),
        _ => None::<Refusal>,
    };
    // Charts of patients begin at 16, in order of creation.
    let (as_ana, as_ben) = (patient(16), patient(17));
    assert!(clinic.record.read(&as_ana, &key("Observation", &pulse)).await.is_ok());
    assert_eq!(refused(clinic.record.read(&as_ben, &key("Observation", &pulse)).await), Some(Refusal::Absent));
    assert_eq!(refused(clinic.record.read(&as_ben, &key("Patient", &ana)).await), Some(Refusal::Absent));
    assert!(clinic.record.read(&as_ben, &key("Patient", &ben)).await.is_ok());
    for role in [Role::Admin, Role::Auditor, Role::FrontDesk, Role::Billing] {
        let answer = clinic.record.read(&caller(role), &key("Observation", &pulse)).await;
        assert_eq!(refused(answer), Some(Refusal::Never), "{role:?}");
        let absent = clinic.record.read(&caller(role), &key("Observation", "nobody")).await;
        assert_eq!(refused(absent), Some(Refusal::Never), "{role:?}: existence must not show");
    }
    // What the front desk sees of a patient is less than everything.
    let shown = clinic.record.read(&caller(Role::FrontDesk), &key("Patient", &ana)).await.unwrap();
    assert!(String::from_utf8_lossy(shown.get().json()).contains("Okafor"));
}
