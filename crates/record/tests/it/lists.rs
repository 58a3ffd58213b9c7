//! Lists equal the checks of their items, whoever asks and whatever the chart says.

use access::{Caller, CallerParts, Role};
use record::{HistoryOf, SearchRequest, Unless, types};

use crate::clinic::{NOW_MS, caller, parts};
use crate::world::*;

#[tokio::test]
async fn in_any_small_world_a_list_equals_the_checks_of_its_items() {
    for seed in 1..=4 {
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

#[tokio::test]
async fn what_was_answered_is_left_out_before_anything_is_disclosed() {
    let clinic = clinic().await;
    patient(&clinic, "p1", "").await;
    patient(&clinic, "p2", "").await;
    for id in ["open", "done", "asleep", "elsewhere"] {
        observation(&clinic, id, "p1", "").await;
    }
    let task = async |id: &str, patient: &str, status: &str, meta: &str| {
        let members =
            format!(r#"{meta}"status":"{status}","intent":"order","for":{{"reference":"Patient/{patient}"}}"#);
        put(&clinic, "Task", id, &members).await;
    };
    // What is sealed apart answers as everything else.
    let hiv = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"#;
    task("seen.done.1", "p1", "completed", hiv).await;
    task("seen.asleep.1", "p1", "on-hold", "").await;
    task("seen.elsewhere.1", "p2", "completed", "").await;
    let name = |id: &str, version: u32| format!("seen.{id}.{version}");
    let answered = [("status".into(), "completed".into())];
    let unless = Unless { kind: "Task", name: &name, pairs: &answered };
    let ids = async || {
        let pairs = [("patient".into(), "p1".into()), ("_sort".into(), "_id".into())];
        let kind = types::parse("Observation").unwrap();
        let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
        let caller = caller(Role::Integration);
        let page = clinic.record.search_unless(&caller, &request, Some(&unless)).await.unwrap();
        assert_eq!(page.get().total, Some(page.get().entries.len() as u64));
        page.get().entries.iter().map(|(_, one)| one.id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, ["asleep", "elsewhere", "open", "p1-pulse"]);
    // Another version is another question.
    observation(&clinic, "done", "p1", r#""language":"en""#).await;
    assert!(ids().await.contains(&"done".to_owned()));
}
