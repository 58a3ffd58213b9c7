//! Registering a patient: the form, whoever may be the same person, and the record made once. Editing is beside it.

mod doubles;
pub mod edit;
mod view;

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{BundleAnswer, EntryAnswer, RecordError};

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::Day;
use crate::clinic::demographics::{self, Field, Slip, Values, apply, check, coverage};
use crate::clinic::moves::object;
use crate::clinic::read::{all, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::clinic::token;
use crate::refusal::Refusal;

pub use doubles::{Double, Row, find as doubles_of, rows};
pub use view::{FormView, Input, Who};

/// Names the form a patient was registered with, so that a form sent twice makes one patient.
const REGISTRATION: &str = "urn:wardstone:registration";
/// Patients who were compared with this one when it was registered, and are somebody else.
pub const DISTINCT: &str = "urn:wardstone:distinct-from";
const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient";
/// Record numbers drawn until one is free.
const NUMBERS_MAX: u8 = 8;

#[derive(Template)]
#[template(path = "patient_new.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    form: FormView,
    token: String,
    /// This form was saved before, and says something else now.
    saved: Option<Who>,
}

pub async fn blank(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = registering(asked, &session)?;
    Ok(shown(asked, &session, &asking, &Values::default(), token::fresh(asked), Vec::new(), None, StatusCode::OK))
}

pub async fn register(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = registering(asked, &session)?;
    let fields = fields(&asking, Action::Create);
    let values = Values::typed(&form, &fields);
    let token = token::sent(asked, &form);
    // From the list of those found, or back from those who may be the same: nothing is to be saved yet.
    if form.text("step") == "type" {
        return Ok(shown(asked, &session, &asking, &values, token, Vec::new(), None, StatusCode::OK));
    }
    let slips = check(&values, &fields, Day::of(asking.record.now_ms(), asked.web.zone()).date());
    if !slips.is_empty() {
        return Ok(shown(asked, &session, &asking, &values, token, slips, None, StatusCode::UNPROCESSABLE_ENTITY));
    }
    // Before anything is asked: who sends a form twice is not warned of the patient it made.
    if let Some(answer) = saved_before(asked, &session, &asking, &values, &token).await? {
        return Ok(answer);
    }
    let found = doubles::find(&asking, &values).await?;
    if !found.is_empty() && form.text("another") != doubles::names(&found) {
        // The same form may have been saved while this looked.
        if let Some(answer) = saved_before(asked, &session, &asking, &values, &token).await? {
            return Ok(answer);
        }
        return Ok(doubles::page(asked, &session, &values, &fields, token, found));
    }
    let payer = payer(&asking, &values).await?;
    let distinct: Vec<String> = found.into_iter().map(|one| one.who.id).collect();
    for attempt in 0..NUMBERS_MAX {
        let number = asking.record.record_number(asked.from.request_id, attempt);
        let bundle = bundle(asked, &values, &token, &number, &distinct, payer.as_deref());
        let answered = asking.transact(&bundle).await?;
        match made(&answered, &token) {
            Some(id) => return Ok(answer::see(&format!("/patients/{id}?registered"))),
            // The number was taken, by whoever it is: another is drawn.
            None => continue,
        }
    }
    Err(Refusal::Record(RecordError::Conflict))
}

/// Whoever registers patients here asks as themselves.
fn registering<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_register(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

pub fn may_register(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "Patient")
}

/// What is asked of whom: as policy shows it to who writes, and no more than the organization keeps.
fn fields(asking: &Asking<'_>, action: Action) -> Vec<&'static Field> {
    let shows = |kind: &str, element: &str| match (kind, action) {
        // How a patient is insured has a page of its own once there is a patient.
        ("Coverage", Action::Update) => false,
        (kind, action) => asking.shows(action, kind, element),
    };
    demographics::asked(asking.record.collection(), shows)
}

/// The transaction that makes the patient, unless the form did before or the number is taken.
fn bundle(
    asked: &Asked<'_>,
    values: &Values,
    token: &str,
    number: &str,
    distinct: &[String],
    payer: Option<&str>,
) -> Vec<u8> {
    let identifier =
        |system: String, value: &str| vec![("system", Json::string(system)), ("value", Json::string(value.to_owned()))];
    let coding = object([("system", Json::string(IDENTIFIER_TYPE)), ("code", Json::string("MR"))]);
    let kind = object([("coding", Json::Array(vec![coding])), ("text", Json::string("Medical record number"))]);
    let mut mrn = vec![("use", Json::string("usual")), ("type", kind)];
    mrn.extend(identifier(format!("{}/id/mrn", asked.web.0.origin), number));
    let mut form = vec![("use", Json::string("secondary"))];
    form.extend(identifier(REGISTRATION.to_owned(), token));
    let mut patient = object([
        ("resourceType", Json::string("Patient")),
        ("meta", object([("profile", Json::Array(vec![Json::string(PROFILE)]))])),
        ("identifier", Json::Array(vec![object(mrn), object(form)])),
        ("active", Json::Bool(true)),
    ]);
    apply(&mut patient, &Values::default(), values);
    if !distinct.is_empty() {
        set_distinct(&mut patient, distinct);
    }
    let full_url = format!("urn:uuid:{}", uuid(asked.from.request_id));
    let condition = format!("identifier={REGISTRATION}|{token},{number}");
    let request = |kind: &'static str| vec![("method", Json::string("POST")), ("url", Json::string(kind))];
    let mut create = request("Patient");
    create.push(("ifNoneExist", Json::string(condition)));
    let insured = coverage(values, &full_url, payer);
    let mut entries =
        vec![object([("fullUrl", Json::string(full_url)), ("resource", patient), ("request", object(create))])];
    if let Some(coverage) = insured {
        entries.push(object([("resource", coverage), ("request", object(request("Coverage")))]));
    }
    object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", Json::Array(entries)),
    ])
    .to_vec()
}

/// The act of saying that those who look the same are somebody else: who did it, and when, says the version it came with.
fn set_distinct(patient: &mut Json<'static>, distinct: &[String]) {
    let others = distinct.iter().map(|id| {
        let reference = object([("reference", Json::string(format!("Patient/{id}")))]);
        object([("url", Json::string(DISTINCT)), ("valueReference", reference)])
    });
    let Some(members) = patient.as_object_mut() else { return };
    let mut held = match members.remove("extension") {
        Some(Json::Array(held)) => held,
        _ => Vec::new(),
    };
    held.extend(others);
    members.set("extension", Json::Array(held));
}

/// The patient that the form made; none if the record answered with somebody else's, who has the number.
fn made(answered: &BundleAnswer, token: &str) -> Option<String> {
    let first = answered.entries.first()?.result.as_ref().ok()?;
    let EntryAnswer::Written(written) = first else { return None };
    if written.effect == record::Effect::Created {
        return Some(written.id.clone());
    }
    let held = Json::parse(written.resource.as_ref()?.get().json()).ok()?;
    is_of_form(&held, token).then(|| written.id.clone())
}

fn is_of_form(patient: &Json<'_>, token: &str) -> bool {
    let own = |one: &Json<'_>| text(one, "system") == Some(REGISTRATION) && text(one, "value") == Some(token);
    all(patient, "identifier").iter().any(own)
}

/// The answer to a form that was saved before: the patient, or what of the form was not saved.
async fn saved_before(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    values: &Values,
    token: &str,
) -> Result<Option<Response<Body>>, Refusal> {
    let found = asking.search("Patient", &[("identifier", &format!("{REGISTRATION}|{token}"))]).await?;
    let held = found.resources();
    let Some(patient) = held.first() else { return Ok(None) };
    let who = Who::of(patient);
    // What a list shows of a patient is enough to tell whether the form was changed since.
    let before = demographics::read(patient);
    let same = |name: &&str| match *name {
        "birth" => time::typed(values.text("birth")) == time::typed(before.text("birth")),
        name => values.text(name) == before.text(name),
    };
    if ["family", "given", "middle", "birth", "gender", "mobile", "phone", "email", "line", "city", "zip"]
        .iter()
        .all(same)
    {
        return Ok(Some(answer::see(&format!("/patients/{}?registered", who.id))));
    }
    let status = StatusCode::CONFLICT;
    Ok(Some(shown(asked, session, asking, values, token::fresh(asked), Vec::new(), Some(who), status)))
}

/// The Organization that has the payer's name, if the directory knows one.
async fn payer(asking: &Asking<'_>, values: &Values) -> Result<Option<String>, Refusal> {
    organization(asking, values.text("payer")).await
}

pub async fn organization(asking: &Asking<'_>, name: &str) -> Result<Option<String>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    let asked = super::patients::literal(name);
    let found = asking.search_if_ever("Organization", &[("name", &asked), ("_count", "20")]).await?;
    let wanted = fhir::search::folded(name);
    let held = found.resources();
    let one = held.iter().find(|one| text(one, "name").is_some_and(|name| fhir::search::folded(name) == wanted));
    Ok(one.and_then(|one| text(one, "id")).map(str::to_owned))
}

#[expect(clippy::too_many_arguments, reason = "one page in each of its states")]
fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    values: &Values,
    token: String,
    slips: Vec<Slip>,
    saved: Option<Who>,
    status: StatusCode,
) -> Response<Body> {
    let fields = fields(asking, Action::Create);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        form: FormView::of(&fields, values, slips),
        token,
        saved,
    };
    answer::page(status, &page)
}

fn uuid(number: u128) -> String {
    let hex = format!("{number:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}
