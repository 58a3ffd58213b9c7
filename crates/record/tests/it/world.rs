//! A clinic whose policies ask every relation and trait, with short ways to fill and to ask it.

use std::borrow::Cow;

use access::{Caller, CallerParts, DecisionKey, PackedKey, Policies, PolicySource, Role};
use audit::Event;
use record::{
    EverythingRequest, HistoryOf, HistoryRequest, Preconditions, RecordError, ResourceKey, SearchRequest, Target, types,
};

use crate::clinic::{Clinic, caller, parts};

const PROBE: &str = r#"
@id("probe-care") @description("who treats") @view("full")
@categories("hiv, substance_use, genetic, reproductive, mental_health, restricted")
permit (principal in Role::"physician", action in [Action::"look", Action::"survey", Action::"write", Action::"delete"], resource)
when { context.treating || context.unassigned || context.originator || context.glass_broken };

@id("probe-directory") @description("people can be found") @view("directory")
permit (principal in Role::"physician", action in Action::"look", resource == Type::"Patient");

@id("probe-shared") @description("what is nobody's chart") @view("full")
permit (principal in Role::"physician", action in Action::"look", resource in Group::"directory");

@id("probe-part2") @description("consented") @view("full") @categories("part2, substance_use, restricted")
permit (principal in Role::"physician", action in Action::"look", resource) when { context.part2_consent };

@id("probe-nurse") @description("what holds now") @view("full")
permit (principal in Role::"nurse", action in Action::"look", resource)
when { context.treating && (context.current || context.vital_signs) };

@id("probe-billing") @description("claims") @view("full")
permit (principal in Role::"billing", action in Action::"look", resource) unless { context.self_pay };

@id("probe-research") @description("authorized") @view("full")
permit (principal in Role::"research", action in Action::"look", resource) when { context.research_consent };

@id("probe-proxy-log") @description("who looked") @view("accounting")
permit (principal in Role::"proxy", action in Action::"look", resource == Type::"AuditEvent") when { context.proxy };

@id("probe-officer") @description("labels and reasons") @view("full")
@categories("psychotherapy, hiv, substance_use, part2, genetic, reproductive, mental_health, government_id, restricted, very_restricted")
permit (principal in Role::"privacy_officer", action in [Action::"label", Action::"explain"], resource);

@id("probe-glass") @description("may break it") @view("full")
permit (principal in Role::"physician", action == Action::"break-glass", resource == Type::"Patient");

@id("probe-accounts") @description("keeps accounts") @view("full")
permit (principal in Role::"admin", action == Action::"manage-accounts", resource);

@id("probe-consent") @description("a refusal binds")
forbid (principal, action, resource) when { context.consent_denies };
"#;

pub fn probe() -> Policies {
    let held = ["patient.cedar", "auditor.cedar", "integration.cedar"];
    let mut sources: Vec<_> =
        Policies::sources().iter().copied().filter(|source| held.contains(&source.file)).collect();
    sources.push(PolicySource { file: "probe.cedar", text: PROBE });
    Policies::load(&sources).unwrap()
}

/// A clinic under the probing policies, with the practitioners `asha` and `ben`.
pub async fn clinic() -> Clinic {
    let clinic = Clinic::new().await;
    clinic.record.set_policies(probe());
    for id in ["asha", "ben"] {
        put(&clinic, "Practitioner", id, r#""name":[{"family":"Rao"}]"#).await;
    }
    clinic
}

pub fn key(type_name: &str, id: &str) -> ResourceKey {
    ResourceKey::parse(type_name, id).unwrap()
}

/// Writes as the integration client: members without the braces.
pub async fn put(clinic: &Clinic, type_name: &str, id: &str, members: &str) {
    put_as(clinic, &caller(Role::Integration), type_name, id, members).await.unwrap();
}

pub async fn put_as(
    clinic: &Clinic,
    caller: &Caller,
    type_name: &str,
    id: &str,
    members: &str,
) -> Result<record::Written, RecordError> {
    let json = format!(r#"{{"resourceType":"{type_name}","id":"{id}",{members}}}"#);
    let target = Target::Id(key(type_name, id));
    clinic.record.update(caller, target, json.as_bytes(), Preconditions::default()).await
}

/// A patient with one pulse of theirs, `{id}-pulse`.
pub async fn patient(clinic: &Clinic, id: &str, members: &str) {
    let comma = if members.is_empty() { "" } else { "," };
    put(clinic, "Patient", id, &format!(r#""name":[{{"family":"Sato"}}]{comma}{members}"#)).await;
    observation(clinic, &format!("{id}-pulse"), id, "").await;
}

pub async fn observation(clinic: &Clinic, id: &str, patient: &str, members: &str) {
    let comma = if members.is_empty() { "" } else { "," };
    let all = format!(
        r#""status":"final","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/{patient}"}}{comma}{members}"#
    );
    put(clinic, "Observation", id, &all).await;
}

pub fn reference(type_name: &str, id: &str) -> String {
    format!(r#"{{"reference":"{type_name}/{id}"}}"#)
}

/// The account of a practitioner: its row as the administrator's link tells.
pub async fn practitioner(clinic: &Clinic, role: Role, id: &str) -> CallerParts {
    let link = clinic.record.practitioner_link(&caller(Role::Admin), id).await.unwrap();
    CallerParts { practitioner: Some(link.row), family: link.family, ..parts(role) }
}

pub async fn physician(clinic: &Clinic, id: &str) -> Caller {
    Caller::established(practitioner(clinic, Role::Physician, id).await).unwrap()
}

pub fn at(parts: CallerParts, time_ms: i64) -> Caller {
    Caller::established(CallerParts { time_ms, ..parts }).unwrap()
}

pub async fn sees(clinic: &Clinic, caller: &Caller, type_name: &str, id: &str) -> bool {
    match clinic.record.read(caller, &key(type_name, id)).await {
        Ok(_) => true,
        Err(RecordError::Denied(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

pub async fn found(clinic: &Clinic, caller: &Caller, type_name: &str, query: &[(&'static str, &str)]) -> Vec<String> {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        query.iter().map(|(name, value)| (Cow::from(*name), Cow::from((*value).to_owned()))).collect();
    pairs.push(("_count".into(), "1000".into()));
    let kind = types::parse(type_name).unwrap();
    let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
    match clinic.record.search(caller, &request).await {
        Ok(page) => ids(page.get()),
        Err(RecordError::Denied(_)) => Vec::new(),
        Err(other) => panic!("{other}"),
    }
}

pub async fn everything(clinic: &Clinic, caller: &Caller, patient_id: &str) -> Vec<String> {
    let request = EverythingRequest { patient_id, count: None, since_ms: None, types: Vec::new(), cursor: None };
    match clinic.record.everything(caller, &request).await {
        Ok(page) => ids(page.get()),
        Err(RecordError::Denied(_)) => Vec::new(),
        Err(other) => panic!("{other}"),
    }
}

pub async fn changed(clinic: &Clinic, caller: &Caller, of: HistoryOf) -> Vec<String> {
    let request = HistoryRequest { of, count: Some(1_000), since_ms: None, cursor: None };
    match clinic.record.history(caller, &request).await {
        Ok(page) => ids(page.get()),
        Err(RecordError::Denied(_)) => Vec::new(),
        Err(other) => panic!("{other}"),
    }
}

fn ids(page: &record::Page) -> Vec<String> {
    let mut ids: Vec<String> = page.entries.iter().map(|(_, v)| format!("{}/{}", v.type_name(), v.id())).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The last correction of labels. A write's event reaches the log behind its answer, and before that of any later read.
pub async fn last_trace(clinic: &Clinic) -> Option<String> {
    assert!(sees(clinic, &caller(Role::Integration), "Practitioner", "asha").await);
    let reader = clinic.record.store().log_reader();
    reader.backwards(0, reader.size()).find_map(|entry| {
        let detail = entry.unwrap().detail?;
        let event = Event::decode(&detail).unwrap();
        (event.action == audit::Action::LabelChange).then(|| event.subject.map(str::to_owned))
    })?
}

/// The last event of the log, by what it says.
pub fn last_event<T>(clinic: &Clinic, look: impl FnOnce(&Event<'_>) -> T) -> T {
    let reader = clinic.record.store().log_reader();
    let entry = reader.get(reader.size() - 1).unwrap().unwrap();
    let detail = entry.detail.unwrap();
    look(&Event::decode(&detail).unwrap())
}

/// The decisions of the last event.
pub fn last_decisions(clinic: &Clinic) -> Vec<(DecisionKey, bool, u32)> {
    last_event(clinic, |event| {
        let decided = event.decisions.iter();
        decided.map(|d| (DecisionKey::unpack(PackedKey(d.key), record::kind).unwrap(), d.allowed, d.count)).collect()
    })
}

/// A Consent of `ana` in force, with its provision.
pub fn consent(members: &str) -> String {
    format!(
        r#""status":"active","scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},
        "category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],
        "policyRule":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIPAAConsentCD"}}]}},
        "patient":{},{members}"#,
        reference("Patient", "ana")
    )
}

pub fn clone(parts: &CallerParts) -> CallerParts {
    CallerParts {
        login: parts.login.clone(),
        proxies: parts.proxies.clone(),
        broken_glass: parts.broken_glass.clone(),
        scopes: parts.scopes.clone(),
        user_agent: parts.user_agent.clone(),
        ..*parts
    }
}
