//! Orders as FHIR JSON: US Core 6.1.0 ServiceRequests, the Task that stands open behind each, and the Provenance of who signed.

use fhir::{Json, Object};

use super::catalogue::{Kind, Priority, Specialty};
use crate::clinic::moves::{coding, object};
use crate::clinic::read::{LOINC, extension, text, words};

/// Each draft bears the name of its form and its own place in it: a form sent twice makes it once.
pub const ORDER_SYSTEM: &str = "urn:wardstone:order";
/// What was signed together.
pub const REQUISITION_SYSTEM: &str = "urn:wardstone:requisition";
/// The Task behind an order, by the id of the order.
pub const FOLLOW_SYSTEM: &str = "urn:wardstone:order-follow";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-servicerequest";
const SNOMED: &str = "http://snomed.info/sct";
const STATUS_REASON: &str = "http://hl7.org/fhir/StructureDefinition/request-statusReason";

/// What is ordered, as somebody fills it in.
pub struct Wish<'a> {
    pub kind: Kind,
    pub name: String,
    /// LOINC, of the catalogue.
    pub code: Option<(&'static str, &'static str)>,
    pub priority: Priority,
    /// A Condition of the problem list: with its code the order is as sensitive as the problem.
    pub reason: Option<&'a Json<'a>>,
    pub reason_text: &'a str,
    /// `2026-12-20`, or empty.
    pub wanted: &'a str,
    pub note: &'a str,
    pub patient_note: &'a str,
    pub to: &'a str,
    pub specialty: Option<&'static Specialty>,
    /// Notes that go along, by id.
    pub attached: &'a [&'a str],
}

/// For whom and by whom.
pub struct Of<'a> {
    pub patient_id: &'a str,
    pub practitioner: Option<&'a str>,
    pub encounter: Option<&'a str>,
    pub now: &'a str,
}

impl Wish<'_> {
    /// Puts what was filled in into an order; what is empty goes.
    pub fn put(&self, order: &mut Object<'static>) {
        let mut put = |name: &'static str, value: Option<Json<'static>>| match value {
            Some(value) => order.set(name, value),
            None => drop(order.remove(name)),
        };
        let (category, display) = self.kind.category();
        put("category", Some(list([concept(coding(SNOMED, category, display), "")])));
        let named = owned(&self.name);
        let code = match (self.kind, self.code) {
            (_, Some((code, display))) => object([("coding", list([coding(LOINC, code, display)])), ("text", named)]),
            (Kind::Referral, None) => object([("coding", list([coding(SNOMED, category, display)])), ("text", named)]),
            _ => object([("text", named)]),
        };
        put("code", Some(code));
        put("priority", Some(Json::string(self.priority.code())));
        let problem = self.reason.and_then(|condition| Some((text(condition, "id")?, condition.get("code")?)));
        // A diagnosis of a note that is not signed is no resource yet.
        let referred = problem.filter(|(id, _)| record::ResourceKey::parse("Condition", id).is_some());
        put("reasonReference", referred.map(|(id, _)| list([refer(format!("Condition/{id}"))])));
        let typed = self.reason_text.trim();
        let reasons = problem.map(|(_, code)| code.clone().into_owned()).into_iter();
        let reasons: Vec<Json<'static>> =
            reasons.chain((!typed.is_empty()).then(|| object([("text", owned(typed))]))).collect();
        put("reasonCode", (!reasons.is_empty()).then_some(Json::Array(reasons)));
        put("occurrenceDateTime", said(self.wanted));
        put("note", said(self.note).map(|text| list([object([("text", text)])])));
        put("patientInstruction", said(self.patient_note));
        put("performer", said(self.to).map(|to| list([object([("display", to)])])));
        let specialty = self.specialty.map(|one| concept(coding(SNOMED, one.code, one.name), one.name));
        put("performerType", specialty);
        let attached = self.attached.iter().map(|id| refer(format!("DocumentReference/{id}")));
        put("supportingInfo", (!self.attached.is_empty()).then(|| Json::Array(attached.collect())));
    }

    /// A draft of it; `name` names it once among all orders.
    pub fn draft(&self, of: &Of<'_>, name: &str) -> Json<'static> {
        let mut order = object([
            ("resourceType", Json::string("ServiceRequest")),
            ("meta", object([("profile", list([Json::string(PROFILE)]))])),
            ("identifier", list([identifier(ORDER_SYSTEM, name)])),
            ("status", Json::string("draft")),
            ("intent", Json::string("order")),
            ("subject", refer(format!("Patient/{}", of.patient_id))),
            ("authoredOn", owned(of.now)),
        ]);
        if let Some(members) = order.as_object_mut() {
            if let Some(encounter) = of.encounter {
                members.set("encounter", refer(format!("Encounter/{encounter}")));
            }
            if let Some(by) = of.practitioner {
                members.set("requester", refer(format!("Practitioner/{by}")));
            }
            self.put(members);
        }
        order
    }
}

/// A draft that becomes an order of who signs.
pub fn signed(order: &mut Json<'static>, by: &str, requisition: &str, now: &str) {
    let Some(members) = order.as_object_mut() else { return };
    members.set("status", Json::string("active"));
    members.set("requester", refer(format!("Practitioner/{by}")));
    members.set("authoredOn", owned(now));
    members.set("requisition", identifier(REQUISITION_SYSTEM, requisition));
}

/// Stands open until the order is answered or somebody closes it. It says nothing of what is ordered: who sees the order reads it there.
pub fn follow(order_id: &str, of: &Of<'_>, due: &str) -> Json<'static> {
    let by = of.practitioner.map(|by| format!("Practitioner/{by}")).unwrap_or_default();
    let period = object([("start", owned(of.now)), ("end", owned(due))]);
    object([
        ("resourceType", Json::string("Task")),
        ("identifier", list([identifier(FOLLOW_SYSTEM, order_id)])),
        ("status", Json::string("requested")),
        ("intent", Json::string("order")),
        ("code", object([("text", Json::string("See the answer to an order"))])),
        ("focus", refer(format!("ServiceRequest/{order_id}"))),
        ("for", refer(format!("Patient/{}", of.patient_id))),
        ("authoredOn", owned(of.now)),
        ("lastModified", owned(of.now)),
        ("requester", refer(by.clone())),
        ("owner", refer(by)),
        ("restriction", object([("period", period)])),
    ])
}

/// Who signed what.
pub fn provenance<'a>(orders: impl Iterator<Item = &'a str>, of: &Of<'_>) -> Json<'static> {
    let targets = orders.map(|id| refer(format!("ServiceRequest/{id}")));
    // The patient is named so that it lies in the patient's chart.
    let targets = targets.chain([refer(format!("Patient/{}", of.patient_id))]).collect();
    let by = of.practitioner.map(|by| format!("Practitioner/{by}")).unwrap_or_default();
    let role = coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author");
    let completion =
        coding("http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion", "LA", "legally authenticated");
    object([
        ("resourceType", Json::string("Provenance")),
        ("target", Json::Array(targets)),
        ("recorded", owned(of.now)),
        ("activity", concept(completion, "")),
        ("agent", list([object([("type", concept(role, "")), ("who", refer(by))])])),
    ])
}

/// An order that ends: `revoked` or `completed`, with why where somebody said so.
pub fn ended(order: &mut Json<'static>, status: &'static str, why: &str) {
    let Some(members) = order.as_object_mut() else { return };
    members.set("status", Json::string(status));
    let Some(why) = said(why) else { return };
    let reason = object([("url", Json::string(STATUS_REASON)), ("valueCodeableConcept", object([("text", why)]))]);
    let held = members.remove("extension").map(|held| match held {
        Json::Array(items) => items,
        _ => Vec::new(),
    });
    let others = held.into_iter().flatten().filter(|one| text(one, "url") != Some(STATUS_REASON));
    let all: Vec<Json<'static>> = others.chain([reason]).collect();
    members.set("extension", Json::Array(all));
}

/// Why an order ended, where somebody said so.
pub fn ended_because(order: &Json<'_>) -> Option<String> {
    extension(order, STATUS_REASON, "valueCodeableConcept").and_then(words)
}

/// The Task of an order that is answered and seen (`completed`), or closed (`cancelled`) with a reason.
pub fn followed(task: &mut Json<'static>, status: &'static str, why: &str, answer: Option<(&str, &str)>, now: &str) {
    let Some(members) = task.as_object_mut() else { return };
    members.set("status", Json::string(status));
    members.set("lastModified", owned(now));
    if let Some(why) = said(why) {
        members.set("statusReason", object([("text", why)]));
    }
    if let Some((kind, id)) = answer {
        let output = object([
            ("type", object([("text", Json::string("Result"))])),
            ("valueReference", refer(format!("{kind}/{id}"))),
        ]);
        members.set("output", list([output]));
    }
}

pub fn identifier(system: &'static str, value: &str) -> Json<'static> {
    object([("system", Json::string(system)), ("value", owned(value))])
}

pub fn refer(to: String) -> Json<'static> {
    object([("reference", Json::string(to))])
}

pub fn list(items: impl IntoIterator<Item = Json<'static>>) -> Json<'static> {
    Json::Array(items.into_iter().collect())
}

pub fn owned(text: &str) -> Json<'static> {
    Json::string(text.to_owned())
}

/// A text that says something.
fn said(text: &str) -> Option<Json<'static>> {
    let text = text.trim();
    (!text.is_empty()).then(|| owned(text))
}

fn concept(coding: Json<'static>, text: &'static str) -> Json<'static> {
    let mut members = vec![("coding", list([coding]))];
    if !text.is_empty() {
        members.push(("text", Json::string(text)));
    }
    object(members)
}
