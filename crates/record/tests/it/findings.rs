//! What was once wrong stays mended: one test a finding (docs/findings).

use std::borrow::Cow;
use std::collections::BTreeSet;

use access::Role;
use audit::Event;
use fhir::Json;
use record::{EntryAnswer, Preconditions, RecordError, ResourceKey, SearchRequest, Target, types};

use crate::clinic::{Clinic, caller, patient};

fn pairs(query: &[(&'static str, &str)]) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    query.iter().map(|(n, v)| (Cow::Borrowed(*n), Cow::Owned((*v).to_owned()))).collect()
}

fn patient_json(mrn: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:mrn","value":"{mrn}"}}],"name":[{{"family":"Sato"}}]}}"#
    )
}

async fn created(clinic: &Clinic, role: Role, json: &str) -> String {
    let kind = types::parse(json.split('"').nth(3).unwrap()).unwrap();
    clinic.record.create(&caller(role), kind, json.as_bytes(), None).await.unwrap().id
}

async fn put(clinic: &Clinic, role: Role, key: &ResourceKey, json: &str) -> u32 {
    let target = Target::Id(key.clone());
    clinic.record.update(&caller(role), target, json.as_bytes(), Preconditions::default()).await.unwrap().version
}

async fn count(clinic: &Clinic, type_name: &str, query: &[(&'static str, &str)]) -> u64 {
    let mut pairs = pairs(query);
    pairs.push(("_summary".into(), "count".into()));
    let kind = types::parse(type_name).unwrap();
    let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
    clinic.record.search(&caller(Role::Integration), &request).await.unwrap().into_inner().total.unwrap()
}

async fn read(clinic: &Clinic, role: Role, key: &ResourceKey) -> String {
    let version = clinic.record.read(&caller(role), key).await.unwrap();
    String::from_utf8(version.get().json().to_vec()).unwrap()
}

#[tokio::test]
async fn f0001_a_patient_reads_the_audit_of_the_own_chart_and_no_other() {
    let clinic = Clinic::new().await;
    let ana = created(&clinic, Role::Physician, &patient_json("A-1")).await;
    let ben = created(&clinic, Role::Physician, &patient_json("B-1")).await;
    for id in [&ana, &ben] {
        read(&clinic, Role::Physician, &ResourceKey::parse("Patient", id).unwrap()).await;
    }
    count(&clinic, "Patient", &[("identifier", "urn:mrn|B-1")]).await;
    let as_ana = patient(16);
    let page = clinic.record.audit_events(&as_ana, &[]).await.unwrap().into_inner();
    assert!(!page.entries.is_empty());
    for entry in &page.entries {
        let text = String::from_utf8_lossy(entry);
        assert!(!text.contains(&ben) && !text.contains("B-1") && !text.contains("\"query\""), "{text}");
    }
    let everyone = clinic.record.audit_events(&caller(Role::Auditor), &[]).await.unwrap().into_inner();
    assert!(everyone.entries.len() > page.entries.len());
    let (mut own, mut foreign) = (0, 0);
    for index in 0..everyone.entries.len() {
        match clinic.record.audit_event(&as_ana, &index.to_string()).await {
            Ok(event) => {
                own += 1;
                assert!(!String::from_utf8_lossy(&event.get().entries[0]).contains(&ben));
            }
            Err(RecordError::Denied(_) | RecordError::NotFound) => foreign += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(own >= 2 && foreign >= 2, "{own} own, {foreign} foreign");
    let physician = clinic.record.audit_events(&caller(Role::Physician), &[]).await;
    assert!(matches!(physician, Err(RecordError::Denied(record::Refusal::Never))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f0002_f0005_nothing_is_missing_while_runs_are_written_and_merged_or_after_a_restart() {
    let clinic = Clinic::new().await;
    let bundle = |from: usize, count: usize| {
        let entries: Vec<String> = (from..from + count)
            .map(|n| format!(r#"{{"resource":{{"resourceType":"Organization","identifier":[{{"system":"urn:o","value":"{n}"}}],"name":"Kiln {n}"}},"request":{{"method":"POST","url":"Organization"}}}}"#))
            .collect();
        format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","))
    };
    let integration = caller(Role::Integration);
    clinic.record.bundle(&integration, bundle(0, 40).as_bytes()).await.unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let searching = {
        let (record, stop) = (clinic.record.clone(), stop.clone());
        tokio::spawn(async move {
            let kind = types::parse("Organization").unwrap();
            let mut rounds = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) || rounds < 20 {
                for n in [0, 17, 39] {
                    let pairs = pairs(&[("identifier", &format!("urn:o|{n}"))]);
                    let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
                    let page = record.search(&caller(Role::Integration), &request).await.unwrap();
                    assert_eq!(page.get().entries.len(), 1, "organization {n} in round {rounds}");
                }
                rounds += 1;
            }
        })
    };
    // Far more runs than stay alive, each ending where a transaction ends.
    for n in 1..=24 {
        clinic.record.bundle(&integration, bundle(n * 40, 40).as_bytes()).await.unwrap();
        clinic.record.flush_index(1).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    searching.await.unwrap();
    assert_eq!(count(&clinic, "Organization", &[("name", "kiln")]).await, 1_000);
    let clinic = clinic.restart().await;
    assert_eq!(count(&clinic, "Organization", &[("name", "kiln")]).await, 1_000);
}

#[tokio::test]
async fn f0004_a_read_that_fails_leaves_the_transaction_standing() {
    let clinic = Clinic::new().await;
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"request":{{"method":"GET","url":"Patient/nobody"}}}},{{"resource":{},"request":{{"method":"POST","url":"Patient"}}}}]}}"#,
        patient_json("A-1")
    );
    let answer = clinic.record.bundle(&caller(Role::Integration), bundle.as_bytes()).await.unwrap();
    assert!(matches!(answer.entries[0].result, Err(RecordError::NotFound)));
    assert!(matches!(answer.entries[1].result, Ok(EntryAnswer::Written(_))));
    assert_eq!(count(&clinic, "Patient", &[("identifier", "A-1")]).await, 1);
}

#[tokio::test]
async fn f0006_what_comes_before_its_patient_is_in_the_patients_chart() {
    let clinic = Clinic::new().await;
    let pulse = |id: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/ana"}}}}"#
        )
    };
    for id in ["one", "two"] {
        put(&clinic, Role::Integration, &ResourceKey::parse("Observation", id).unwrap(), &pulse(id)).await;
    }
    let json = patient_json("A-1").replacen('{', r#"{"id":"ana","#, 1);
    put(&clinic, Role::Integration, &ResourceKey::parse("Patient", "ana").unwrap(), &json).await;
    put(&clinic, Role::Integration, &ResourceKey::parse("Observation", "three").unwrap(), &pulse("three")).await;
    assert_eq!(count(&clinic, "Observation", &[("subject", "Patient/ana")]).await, 3);
    // The first chart that was made is the patient's own.
    let as_ana = patient(16);
    for id in ["one", "two", "three"] {
        assert!(clinic.record.read(&as_ana, &ResourceKey::parse("Observation", id).unwrap()).await.is_ok(), "{id}");
    }
}

#[tokio::test]
async fn f0007_two_entries_for_one_new_id_are_refused() {
    let clinic = Clinic::new().await;
    let entry = format!(
        r#"{{"resource":{},"request":{{"method":"PUT","url":"Patient/ana"}}}}"#,
        patient_json("A-1").replacen('{', r#"{"id":"ana","#, 1)
    );
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{entry},{entry}]}}"#);
    let answer = clinic.record.bundle(&caller(Role::Integration), bundle.as_bytes()).await;
    assert!(matches!(answer, Err(RecordError::Entry { index: 1, .. })));
    assert_eq!(count(&clinic, "Patient", &[]).await, 0);
}

#[tokio::test]
async fn f0008_conditions_and_patches_leave_their_audit_record() {
    let clinic = Clinic::new().await;
    for mrn in ["A-1", "A-1"] {
        created(&clinic, Role::Physician, &patient_json(mrn)).await;
    }
    let events = || {
        let reader = clinic.record.store().log_reader();
        reader.forwards(0, u64::MAX).map(|entry| entry.unwrap().detail.unwrap()).collect::<Vec<_>>()
    };
    let physician = caller(Role::Physician);
    let kind = types::parse("Patient").unwrap();
    clinic.record.store().log_reader().caught_up().await;
    let before = events().len();
    let condition = pairs(&[("identifier", "urn:mrn|A-1")]);
    let twice = clinic.record.create(&physician, kind, patient_json("A-1").as_bytes(), Some(&condition)).await;
    assert!(matches!(twice, Err(RecordError::MultipleMatches)));
    let target = Target::Matching(kind, pairs(&[("identifier", "urn:mrn|nobody")]).into());
    let none = clinic.record.delete(&physician, target, Preconditions::default()).await;
    assert!(matches!(none, Err(RecordError::NotFound)));
    let id = created(&clinic, Role::Physician, &patient_json("A-2")).await;
    let target = Target::Id(ResourceKey::parse("Patient", &id).unwrap());
    let test = br#"[{"op":"test","path":"/name/0/family","value":"Guess"}]"#;
    assert!(clinic.record.patch(&physician, target, test, Preconditions::default()).await.is_err());
    let condition = pairs(&[("identifier", "urn:mrn|A-3")]);
    clinic.record.create(&physician, kind, patient_json("A-3").as_bytes(), Some(&condition)).await.unwrap();
    clinic.record.store().log().checkpoint_now().unwrap();
    let since: Vec<Vec<u8>> = events().split_off(before);
    let actions: Vec<_> = since.iter().map(|detail| Event::decode(detail).unwrap().action).collect();
    use audit::Action as A;
    for action in [A::Search, A::Delete, A::Patch, A::Create] {
        assert!(actions.contains(&action), "{action:?} in {actions:?}");
    }
    let asked = since.iter().filter_map(|d| Event::decode(d).unwrap().search.map(|s| s.query.to_owned()));
    assert!(asked.collect::<Vec<_>>().contains(&"identifier=urn:mrn|A-3".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f0009_reads_beside_updates_always_answer() {
    let clinic = Clinic::new().await;
    let id = created(&clinic, Role::Physician, &patient_json("A-1")).await;
    let key = ResourceKey::parse("Patient", &id).unwrap();
    let json = patient_json("A-1").replacen('{', &format!(r#"{{"id":"{id}","#), 1);
    let writing = {
        let (record, key) = (clinic.record.clone(), key.clone());
        tokio::spawn(async move {
            for _ in 0..100 {
                let target = Target::Id(key.clone());
                record.update(&caller(Role::Nurse), target, json.as_bytes(), Preconditions::default()).await.unwrap();
            }
        })
    };
    let mut last = 0;
    while !writing.is_finished() {
        let version = clinic.record.read(&caller(Role::Physician), &key).await.unwrap().into_inner().version();
        assert!(version >= last, "version {version} after {last}");
        last = version;
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn f0010_an_id_of_ours_that_names_no_row_gets_its_own_row() {
    let clinic = Clinic::new().await;
    let mut ids = BTreeSet::new();
    for n in 0..3 {
        ids.insert(created(&clinic, Role::Physician, &patient_json(&format!("A-{n}"))).await);
    }
    // Another clinic with the same keys, as after a restore of an older backup.
    let restored = Clinic::new().await;
    for id in &ids {
        let json = patient_json("R-1").replacen('{', &format!(r#"{{"id":"{id}","#), 1);
        put(&restored, Role::Integration, &ResourceKey::parse("Patient", id).unwrap(), &json).await;
    }
    for n in 0..5 {
        let id = created(&restored, Role::Physician, &patient_json(&format!("N-{n}"))).await;
        assert!(ids.insert(id), "an id was given twice");
    }
    for id in ids.iter().take(3) {
        assert_eq!(count(&restored, "Patient", &[("_id", id)]).await, 1);
    }
    assert_eq!(count(&restored, "Patient", &[]).await, 8);
}

#[tokio::test]
async fn f0014_an_update_keeps_the_numbers_that_its_writer_does_not_see() {
    let clinic = Clinic::new().await;
    let passport = r#""identifier":[{"system":"http://hl7.org/fhir/sid/passport-USA","value":"P-77"},{"system":"urn:mrn","value":"A-1"}]"#;
    let json = format!(r#"{{"resourceType":"Patient",{passport},"name":[{{"family":"Sato"}}]}}"#);
    let id = created(&clinic, Role::FrontDesk, &json).await;
    let key = ResourceKey::parse("Patient", &id).unwrap();
    assert!(read(&clinic, Role::FrontDesk, &key).await.contains("P-77"));
    let seen = read(&clinic, Role::Physician, &key).await;
    assert!(!seen.contains("P-77") && seen.contains("A-1"));
    put(&clinic, Role::Physician, &key, &seen.replace("Sato", "Sato-Ito")).await;
    let patch = br#"[{"op":"replace","path":"/identifier/0/value","value":"A-2"}]"#;
    let target = Target::Id(key.clone());
    clinic.record.patch(&caller(Role::Physician), target, patch, Preconditions::default()).await.unwrap();
    let whole = read(&clinic, Role::Integration, &key).await;
    let at = |needle: &str| whole.find(needle).unwrap_or_else(|| panic!("{needle} is lost"));
    assert!(at("P-77") < at("A-2") && whole.contains("Sato-Ito"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_found_although_others_fill_the_caches_meanwhile() {
    let clinic = Clinic::new().await;
    let json = |family: &str| patient_json("A-1").replace("Sato", family);
    let id = created(&clinic, Role::Integration, &json("Zero")).await;
    let key = ResourceKey::parse("Patient", &id).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let find = async |record: &record::Record, family: &str| {
        let pairs = pairs(&[("identifier", "urn:mrn|A-1"), ("family:exact", family)]);
        let kind = types::parse("Patient").unwrap();
        let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
        record.search(&caller(Role::Integration), &request).await.unwrap().into_inner().entries.len()
    };
    let others: Vec<_> = (0..3)
        .map(|_| {
            let (record, stop) = (clinic.record.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    find(&record, "Nobody").await;
                }
            })
        })
        .collect();
    for n in 0..150 {
        let family = format!("Name{n}");
        let body = json(&family).replacen('{', &format!(r#"{{"id":"{id}","#), 1);
        put(&clinic, Role::Integration, &key, &body).await;
        assert_eq!(find(&clinic.record, &family).await, 1, "update {n}");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for other in others {
        other.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f0019_a_patient_and_its_first_observation_at_once_share_a_chart() {
    let clinic = Clinic::new().await;
    for n in 0..40 {
        let patient = patient_json("A").replacen('{', &format!(r#"{{"id":"p{n}","#), 1);
        let pulse = format!(
            r#"{{"resourceType":"Observation","id":"o{n}","status":"final","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/p{n}"}}}}"#
        );
        let writes = [("Patient", format!("p{n}"), patient), ("Observation", format!("o{n}"), pulse)];
        let writing: Vec<_> = writes
            .into_iter()
            .map(|(type_name, id, json)| {
                let record = clinic.record.clone();
                tokio::spawn(async move {
                    let target = Target::Id(ResourceKey::parse(type_name, &id).unwrap());
                    let integration = caller(Role::Integration);
                    record.update(&integration, target, json.as_bytes(), Preconditions::default()).await.unwrap();
                })
            })
            .collect();
        for write in writing {
            write.await.unwrap();
        }
        assert_eq!(count(&clinic, "Observation", &[("subject", &format!("Patient/p{n}"))]).await, 1, "patient {n}");
    }
}

#[tokio::test]
async fn f0020_a_patient_learns_nothing_of_others_by_asking_for_them() {
    let clinic = Clinic::new().await;
    let ana = created(&clinic, Role::Physician, &patient_json("A-1")).await;
    let ben = created(&clinic, Role::Physician, &patient_json("B-1")).await;
    // One event that names both charts.
    count(&clinic, "Patient", &[]).await;
    let pairs_all = pairs(&[("_count", "50")]);
    let kind = types::parse("Patient").unwrap();
    let request = SearchRequest { kind, compartment: None, pairs: &pairs_all, lenient: false };
    clinic.record.search(&caller(Role::Physician), &request).await.unwrap();
    let as_ana = patient(16);
    let about = async |id: &str| {
        let pairs = pairs(&[("patient", &format!("Patient/{id}"))]);
        clinic.record.audit_events(&as_ana, &pairs).await.unwrap().into_inner().entries
    };
    assert!(about(&ben).await.is_empty());
    let own = about(&ana).await;
    assert!(!own.is_empty());
    // Each can be read by the id it shows.
    for entry in &own {
        let id = Json::parse(entry).unwrap().get("id").and_then(Json::as_str).unwrap().to_owned();
        assert!(clinic.record.audit_event(&as_ana, &id).await.is_ok(), "{id}");
    }
}

#[tokio::test]
async fn who_sees_a_part_updates_that_part_and_the_rest_stays() {
    let clinic = Clinic::new().await;
    let json = r#"{"resourceType":"Patient","active":true,"name":[{"family":"Sato"}],"telecom":[{"system":"phone","value":"555-0100"}],"extension":[{"url":"urn:faith","valueString":"quaker"}],"birthDate":"1980-01-01"}"#;
    let id = created(&clinic, Role::Physician, json).await;
    let key = ResourceKey::parse("Patient", &id).unwrap();
    let seen = read(&clinic, Role::MedicalAssistant, &key).await;
    assert!(!seen.contains("quaker") && seen.contains("SUBSETTED"));
    put(&clinic, Role::MedicalAssistant, &key, &seen.replace("555-0100", "555-0177")).await;
    let whole = read(&clinic, Role::Physician, &key).await;
    assert!(whole.contains("quaker") && whole.contains("555-0177") && !whole.contains("SUBSETTED"), "{whole}");
    let patch = br#"[{"op":"replace","path":"/telecom/0/value","value":"555-0188"}]"#;
    let target = Target::Id(key.clone());
    clinic.record.patch(&caller(Role::MedicalAssistant), target, patch, Preconditions::default()).await.unwrap();
    let whole = read(&clinic, Role::Physician, &key).await;
    assert!(whole.contains("quaker") && whole.contains("555-0188"));
    // What one does not see one cannot write, not even by guessing that it is there.
    let guess = seen.replacen('{', r#"{"extension":[{"url":"urn:faith","valueString":"none"}],"#, 1);
    let target = Target::Id(key.clone());
    let assistant = caller(Role::MedicalAssistant);
    let refused = clinic.record.update(&assistant, target, guess.as_bytes(), Preconditions::default());
    assert!(matches!(refused.await, Err(RecordError::NotSupported(_))));
}

#[tokio::test]
async fn f0021_audit_events_cannot_be_forged_or_read_past_their_doors() {
    let clinic = Clinic::new().await;
    let forged = r#"{"resourceType":"AuditEvent","type":{"code":"rest"},"recorded":"2026-01-01T00:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"forged"}}}"#;
    for kind in ["batch", "transaction"] {
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"resource":{forged},"request":{{"method":"POST","url":"AuditEvent"}}}}]}}"#
        );
        match clinic.record.bundle(&caller(Role::Integration), bundle.as_bytes()).await {
            Ok(answer) => assert!(answer.entries[0].result.is_err(), "{kind}"),
            Err(error) => assert!(matches!(error, RecordError::Entry { .. })),
        }
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"request":{{"method":"GET","url":"AuditEvent"}}}}]}}"#
        );
        let answer = clinic.record.bundle(&caller(Role::Auditor), bundle.as_bytes()).await.unwrap();
        assert!(matches!(answer.entries[0].result, Err(RecordError::NotSupported(_))), "{kind}");
    }
    let key = ResourceKey::parse("AuditEvent", "own").unwrap();
    let json = forged.replacen('{', r#"{"id":"own","#, 1);
    let integration = caller(Role::Integration);
    let put = clinic.record.update(&integration, Target::Id(key), json.as_bytes(), Preconditions::default());
    assert!(put.await.is_err());
}

#[tokio::test]
async fn f0022_what_a_view_hides_is_reached_by_no_detour() {
    let clinic = Clinic::new().await;
    let doctor =
        created(&clinic, Role::Integration, r#"{"resourceType":"Practitioner","name":[{"family":"Rao"}]}"#).await;
    let json =
        format!(r#"{{"resourceType":"Patient","generalPractitioner":[{{"reference":"Practitioner/{doctor}"}}]}}"#);
    let ana = created(&clinic, Role::Physician, &json).await;
    let json = format!(
        r#"{{"resourceType":"Coverage","status":"active","beneficiary":{{"reference":"Patient/{ana}"}},"payor":[{{"display":"A"}}]}}"#
    );
    created(&clinic, Role::Integration, &json).await;
    let billing = caller(Role::Billing);
    let include = pairs(&[("_include", "Coverage:beneficiary"), ("_include:iterate", "Patient:general-practitioner")]);
    let kind = types::parse("Coverage").unwrap();
    let request = SearchRequest { kind, compartment: None, pairs: &include, lenient: false };
    let page = clinic.record.search(&billing, &request).await.unwrap().into_inner();
    let found: Vec<_> = page.entries.iter().map(|(_, v)| v.type_name()).collect();
    assert_eq!(found, ["Coverage", "Patient"]);
    let of_doctor = ResourceKey::parse("Practitioner", &doctor);
    let kind = types::parse("Patient").unwrap();
    let request = SearchRequest { kind, compartment: of_doctor, pairs: &[], lenient: false };
    let refused = clinic.record.search(&billing, &request).await;
    assert!(matches!(refused, Err(RecordError::HiddenParameter { .. })));
    let everything =
        record::EverythingRequest { patient_id: &ana, count: None, since_ms: None, types: Vec::new(), cursor: None };
    let page = clinic.record.everything(&billing, &everything).await.unwrap().into_inner();
    assert!(page.entries.iter().all(|(_, v)| v.type_name() != "Practitioner"));
}

#[tokio::test]
async fn f0023_deleting_what_is_deleted_is_recorded_and_answers_like_a_deletion() {
    let clinic = Clinic::new().await;
    let id = created(&clinic, Role::Physician, &patient_json("A-1")).await;
    let target = || Target::Id(ResourceKey::parse("Patient", &id).unwrap());
    let physician = caller(Role::Physician);
    let mut effects = Vec::new();
    for _ in 0..3 {
        let deleted = clinic.record.delete(&physician, target(), Preconditions::default()).await.unwrap();
        effects.push((deleted.effect, deleted.version));
    }
    assert_eq!(effects, [(record::Effect::Deleted, 2); 3]);
    clinic.record.store().log().checkpoint_now().unwrap();
    assert_eq!(clinic.record.store().log().size(), 4, "one creation, three deletions");
}

#[tokio::test]
async fn f0024_a_conditional_put_on_an_id_that_exists_is_an_update_of_it() {
    let clinic = Clinic::new().await;
    let json = patient_json("A-1").replacen('{', r#"{"id":"ana","#, 1);
    put(&clinic, Role::Physician, &ResourceKey::parse("Patient", "ana").unwrap(), &json).await;
    let target = Target::Matching(types::parse("Patient").unwrap(), pairs(&[("identifier", "urn:mrn|nobody")]).into());
    let physician = caller(Role::Physician);
    let written = clinic.record.update(&physician, target, json.as_bytes(), Preconditions::default()).await;
    assert_eq!(written.unwrap().version, 2);
}

#[tokio::test]
async fn f0025_what_speaks_of_a_hidden_resource_is_hidden_with_it() {
    let clinic = Clinic::new().await;
    let ana = created(&clinic, Role::Physician, &patient_json("A-1")).await;
    let note = format!(
        r#"{{"resourceType":"DocumentReference","status":"current","type":{{"coding":[{{"system":"http://loinc.org","code":"11510-5"}}],"text":"Psychotherapy note"}},"subject":{{"reference":"Patient/{ana}"}},"content":[{{"attachment":{{"contentType":"text/plain","data":"QQ=="}}}}],"meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSYTHPN"}}]}}}}"#
    );
    let note = created(&clinic, Role::Integration, &note).await;
    let source = format!(
        r#"{{"resourceType":"Provenance","target":[{{"reference":"DocumentReference/{note}"}}],"recorded":"2026-01-01T00:00:00Z","agent":[{{"who":{{"display":"Dr. White"}}}}]}}"#
    );
    let source = created(&clinic, Role::Integration, &source).await;
    for (type_name, id) in [("DocumentReference", &note), ("Provenance", &source)] {
        let key = ResourceKey::parse(type_name, id).unwrap();
        assert!(clinic.record.read(&caller(Role::Integration), &key).await.is_ok(), "{type_name}");
        let read = clinic.record.read(&caller(Role::Physician), &key).await;
        assert!(matches!(read, Err(RecordError::Denied(record::Refusal::Absent))), "{type_name}");
    }
}

const LICENCE: &str = "urn:oid:2.16.840.1.113883.4.3.25";

#[tokio::test]
async fn f0034_a_government_number_is_found_by_whom_it_is_shown_to_and_refused_to_others() {
    let clinic = Clinic::new().await;
    let json = format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:mrn","value":"G-1"}},{{"system":"{LICENCE}","value":"S99970001"}}],"name":[{{"family":"Sato"}}]}}"#
    );
    let id = created(&clinic, Role::Integration, &json).await;
    created(&clinic, Role::Integration, &patient_json("G-2")).await;
    let (by_system, by_value) = (format!("{LICENCE}|S99970001"), "S99970001");
    // Before and after a restart, in the tail and in a run.
    let mut clinic = clinic;
    for _ in 0..2 {
        for asked in [by_system.as_str(), by_value] {
            assert_eq!(count(&clinic, "Patient", &[("identifier", asked)]).await, 1, "{asked}");
        }
        assert_eq!(count(&clinic, "Patient", &[("identifier", "urn:mrn|G-1"), ("identifier", by_value)]).await, 1);
        assert_eq!(count(&clinic, "Patient", &[("identifier:not", by_value)]).await, 1);
        assert_eq!(count(&clinic, "Patient", &[("family", "Sato")]).await, 2);
        clinic.record.flush_index(1).await.unwrap();
        clinic = clinic.restart().await;
    }

    // Who is shown no such number is told so; asking by the value alone finds what is seen to bear it: nothing.
    let kind = types::parse("Patient").unwrap();
    let ask = async |value: &str| {
        let pairs = pairs(&[("identifier", value)]);
        let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
        clinic.record.search(&caller(Role::Physician), &request).await.map(|page| page.into_inner().entries.len())
    };
    assert!(matches!(ask(&by_system).await, Err(RecordError::HiddenParameter { .. })));
    assert_eq!(ask(by_value).await.ok(), Some(0));
    assert_eq!(ask("urn:mrn|G-1").await.ok(), Some(1));

    // A condition on it holds: nobody is made twice.
    let condition = pairs(&[("identifier", &by_system)]);
    let again =
        clinic.record.create(&caller(Role::Integration), kind, json.as_bytes(), Some(&condition)).await.unwrap();
    assert_eq!((again.id.as_str(), again.version), (id.as_str(), 1));
    let refused = clinic.record.create(&caller(Role::Physician), kind, json.as_bytes(), Some(&condition)).await;
    assert!(matches!(refused, Err(RecordError::HiddenParameter { .. })));

    // Whoever does not see it and writes keeps it findable; whoever sees it and takes it away does not.
    let key = ResourceKey::parse("Patient", &id).unwrap();
    let unseen = format!(
        r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"system":"urn:mrn","value":"G-3"}}],"name":[{{"family":"Sato"}}]}}"#
    );
    put(&clinic, Role::Physician, &key, &unseen).await;
    assert_eq!(count(&clinic, "Patient", &[("identifier", &by_system)]).await, 1);
    assert_eq!(count(&clinic, "Patient", &[("identifier", "urn:mrn|G-3"), ("identifier", by_value)]).await, 1);
    put(&clinic, Role::Integration, &key, &unseen).await;
    assert_eq!(count(&clinic, "Patient", &[("identifier", &by_system)]).await, 0);
}
