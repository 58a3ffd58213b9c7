//! What a form does to a chart: one transaction, made once however often the form is sent, and from the version that its page showed.

use access::Action;
use fhir::Json;
use http::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::ask::Asking;
use super::day;
use super::moves::object;
use super::read::{all, text};
use super::token::FORM_SYSTEM;
use crate::client::Asked;
use crate::refusal::Refusal;

pub enum Done {
    Saved,
    /// Somebody was faster: a version has changed, or what must not be there is there.
    Overtaken,
}

/// Changes of one form.
#[derive(Default)]
pub struct Deed {
    entries: Vec<Json<'static>>,
}

impl Deed {
    /// Made unless a resource of the condition is there, whoever else sends the same form at the same time.
    pub fn create(&mut self, kind: &'static str, condition: String, full_url: Option<String>, resource: Value) {
        let request =
            [("method", Json::string("POST")), ("url", Json::string(kind)), ("ifNoneExist", Json::string(condition))];
        self.add(request, full_url, fhir_of(&resource));
    }

    /// From this version on.
    pub fn update(&mut self, resource: Json<'static>) -> Result<(), Refusal> {
        let (kind, id) = (text(&resource, "resourceType"), text(&resource, "id"));
        let url = format!("{}/{}", kind.ok_or(Refusal::Defect)?, id.ok_or(Refusal::Defect)?);
        let version = format!("W/\"{}\"", version_of(&resource));
        self.add(
            [("method", Json::string("PUT")), ("url", Json::string(url)), ("ifMatch", Json::string(version))],
            None,
            resource,
        );
        Ok(())
    }

    /// Under an id of ours, where nothing may be yet.
    pub fn found(&mut self, kind: &str, id: &str, resource: Value) {
        let url = Json::string(format!("{kind}/{id}"));
        self.add(
            [("method", Json::string("PUT")), ("url", url), ("ifNoneMatch", Json::string("*"))],
            None,
            fhir_of(&resource),
        );
    }

    fn add<const N: usize>(
        &mut self,
        request: [(&'static str, Json<'static>); N],
        full_url: Option<String>,
        resource: Json<'static>,
    ) {
        let mut entry = Vec::with_capacity(3);
        entry.extend(full_url.map(|url| ("fullUrl", Json::string(url))));
        entry.extend([("resource", resource), ("request", object(request))]);
        self.entries.push(object(entry));
    }

    pub async fn commit(self, asking: &Asking<'_>) -> Result<Done, Refusal> {
        let bundle = object([
            ("resourceType", Json::string("Bundle")),
            ("type", Json::string("transaction")),
            ("entry", Json::Array(self.entries)),
        ]);
        match asking.transact(&bundle.to_vec()).await {
            Ok(_) => Ok(Done::Saved),
            Err(error) if error.is_overtaken() => Ok(Done::Overtaken),
            Err(error) => Err(error.into()),
        }
    }
}

pub fn identifier(token: &str, part: &str) -> Value {
    json!([{ "system": FORM_SYSTEM, "value": format!("{token}.{part}") }])
}

pub fn condition(token: &str, part: &str, patient_id: &str) -> String {
    format!("identifier={FORM_SYSTEM}|{token}.{part}&patient={patient_id}")
}

/// What this form made before, if it was sent before.
pub async fn made_before(
    asking: &Asking<'_>,
    kind: &str,
    token: &str,
    part: &str,
    patient_id: &str,
) -> Result<Option<Json<'static>>, Refusal> {
    let named = format!("{FORM_SYSTEM}|{token}.{part}");
    let found = asking.search_if_ever(kind, &[("patient", patient_id), ("identifier", &named)]).await?;
    Ok(found.resources().into_iter().next().map(Json::into_owned))
}

/// Whether what was made says all that would be made now; times of writing apart.
pub fn says_the_same(held: &Json<'_>, made: &Value) -> bool {
    says_all_of(held, &fhir_of(made))
}

/// The same of FHIR JSON.
pub fn says_all_of(held: &Json<'_>, made: &Json<'_>) -> bool {
    const WRITTEN: [&str; 7] =
        ["meta", "recordedDate", "authoredOn", "dateAsserted", "recorded", "sent", "lastModified"];
    let Some(members) = made.as_object() else { return false };
    let mut wanted = members.iter().filter(|(name, _)| !WRITTEN.contains(name) && *name != "note");
    wanted.all(|(name, value)| held.get(name).map(Json::to_vec).as_deref() == Some(&value.to_vec()))
        && noted(held) == noted(made)
}

fn noted(resource: &Json<'_>) -> Vec<String> {
    all(resource, "note").iter().filter_map(|note| text(note, "text")).map(str::to_owned).collect()
}

/// What is held under this id in this patient's chart, or in one that was merged with it, as the caller sees it.
pub async fn held(asking: &Asking<'_>, kind: &str, id: &str, patient_id: &str) -> Result<Json<'static>, Refusal> {
    let held = asking.read(kind, id).await?;
    let json = held.get().tree()?.into_owned();
    asking.whose(&json, patient_id).await?;
    Ok(json)
}

pub fn version_of(resource: &Json<'_>) -> u32 {
    let version = resource.get("meta").and_then(|meta| text(meta, "versionId"));
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

pub fn set(resource: &mut Json<'static>, name: &'static str, value: Value) {
    if let Some(members) = resource.as_object_mut() {
        members.set(name, fhir_of(&value));
    }
}

pub fn remove(resource: &mut Json<'static>, name: &str) {
    if let Some(members) = resource.as_object_mut() {
        members.remove(name);
    }
}

/// Another element behind those that are there.
pub fn add(resource: &mut Json<'static>, name: &'static str, value: &Value) {
    let mut elements: Vec<Json<'static>> = all(resource, name).to_vec();
    elements.push(fhir_of(value));
    if let Some(members) = resource.as_object_mut() {
        members.set(name, Json::Array(elements));
    }
}

/// Another note behind those that are there.
pub fn add_note(resource: &mut Json<'static>, words: &str, author: &Author) {
    if words.trim().is_empty() {
        return;
    }
    add(resource, "note", &author.note(words));
}

/// Notes as people read them, each with its day.
pub fn notes_of(resource: &Json<'_>, zone: &TimeZone) -> Vec<String> {
    let said = |note: &Json<'_>| {
        let day = text(note, "time").map(|at| day::day_of(at, zone));
        let words = text(note, "text")?;
        Some(day.map_or_else(|| words.to_owned(), |day| format!("{words} ({day})")))
    };
    all(resource, "note").iter().filter_map(said).collect()
}

/// Who writes, and when: as FHIR writes it, with the clinic's offset.
pub struct Author {
    pub practitioner: Option<String>,
    pub now: String,
}

impl Author {
    pub async fn of(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Self, Refusal> {
        let practitioner = asking.record.own_practitioner(asking.caller).await?;
        let at =
            Timestamp::from_millisecond(asking.record.now_ms()).unwrap_or_default().to_zoned(asked.web.zone().clone());
        Ok(Self { practitioner, now: at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() })
    }

    pub fn reference(&self) -> Option<Value> {
        self.practitioner.as_ref().map(|id| json!({ "reference": format!("Practitioner/{id}") }))
    }

    /// Sets the member to who writes; an account without a practitioner leaves it out, and the log knows.
    pub fn sign(&self, resource: &mut Value, member: &str) {
        if let Some(reference) = self.reference() {
            resource[member] = reference;
        }
    }

    pub fn note(&self, words: &str) -> Value {
        let mut note = json!({ "time": self.now, "text": words.trim() });
        self.sign(&mut note, "authorReference");
        note
    }
}

pub fn coded(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": display }], "text": display })
}

/// What `serde_json` wrote is JSON.
/// FHIR JSON of a value.
pub fn fhir_of(value: &Value) -> Json<'static> {
    Json::parse_str(&value.to_string()).map_or(Json::Null, Json::into_owned)
}

/// A place of this chart, with what was done there.
pub fn to(asked: &Asked<'_>, page: &str, done: &str) -> Response<axum::body::Body> {
    crate::answer::see(&format!("/patients/{}/{page}?{done}", asked.ids[0]))
}

pub fn may_write(asking: &Asking<'_>, kind: &str) -> bool {
    asking.may_ever(Action::Create, kind) && asking.may_ever(Action::Update, kind)
}
