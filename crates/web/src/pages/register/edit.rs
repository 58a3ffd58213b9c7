//! Editing who a patient is. The form says which version it began with: who comes second sees both, field by field, and chooses.

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{Preconditions, RecordError, ResourceKey, Target};

use super::fields;
use super::view::{FormView, Input, Who};
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::day::Day;
use crate::clinic::demographics::{Field, Slip, Values, apply, check, read};
use crate::clinic::shell::{Place, Shell};
use crate::forms::Form;
use crate::pages::Answer;
use crate::pages::patients::asking;
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "patient_edit.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    who: Who,
    form: FormView,
    version: u32,
    /// Nothing of the form differs from the record.
    is_same: bool,
}

/// What somebody else saved meanwhile, beside what was typed.
#[derive(Template)]
#[template(path = "patient_choose.html")]
struct Choose<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    who: Who,
    version: u32,
    changed_at: String,
    fields: Vec<Difference>,
    /// What is the same in both, to be sent again.
    same: Vec<(&'static str, String)>,
}

struct Difference {
    name: &'static str,
    label: &'static str,
    before: String,
    mine: Side,
    theirs: Side,
    /// Both changed it: nothing is chosen for anybody.
    is_conflict: bool,
}

struct Side {
    value: String,
    said: String,
    is_chosen: bool,
}

/// A patient as the caller may edit them.
struct Held {
    patient: Json<'static>,
    version: u32,
    updated_ms: i64,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = editing(asked, &session)?;
    let held = held(&asking, asked.ids[0]).await?;
    let values = read(&held.patient);
    Ok(shown(asked, &session, &asking, &held, &values, Vec::new(), false, StatusCode::OK))
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = editing(asked, &session)?;
    let began: u32 = form.text("version").parse().map_err(|_| Refusal::Invalid("the version is missing"))?;
    let held = held(&asking, asked.ids[0]).await?;
    let fields = fields(&asking, Action::Update);
    let current = read(&held.patient);
    let typed = typed(&form, &fields, &current);
    let slips = check(&typed, &fields, Day::of(asking.record.now_ms(), asked.web.zone()).date());
    if !slips.is_empty() {
        return Ok(shown(asked, &session, &asking, &held, &typed, slips, false, StatusCode::UNPROCESSABLE_ENTITY));
    }
    if is_same(&fields, &typed, &current) {
        // Sent twice, or nothing was changed: there is nothing to save, whoever saved it.
        let saved = if began < held.version { "?saved" } else { "" };
        return match saved {
            "" => Ok(shown(asked, &session, &asking, &held, &typed, Vec::new(), true, StatusCode::OK)),
            saved => Ok(answer::see(&format!("/patients/{}{saved}", asked.ids[0]))),
        };
    }
    if began != held.version {
        return choose(asked, &session, &asking, &fields, held, began, typed).await;
    }
    let mut patient = held.patient.clone();
    apply(&mut patient, &current, &typed);
    let key = ResourceKey::parse("Patient", asked.ids[0]).ok_or(Refusal::NotFound)?;
    let preconditions = Preconditions { if_match: Some(began), if_none_match: false };
    match asking.record.update(asking.caller, Target::Id(key), &patient.to_vec(), preconditions).await {
        Ok(_) => Ok(answer::see(&format!("/patients/{}?saved", asked.ids[0]))),
        Err(error) if error.is_overtaken() => {
            let now = self::held(&asking, asked.ids[0]).await?;
            choose(asked, &session, &asking, &fields, now, began, typed).await
        }
        Err(error) => Err(error.into()),
    }
}

fn editing<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_edit(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

pub fn may_edit(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Update, "Patient")
}

/// What was typed; of fields that are not asked, what the record says.
fn typed(form: &Form, fields: &[&'static Field], current: &Values) -> Values {
    let mut typed = current.clone();
    let own = Values::typed(form, fields);
    for field in fields {
        typed.set(field.name, own.text(field.name));
    }
    typed
}

/// Dates are compared as dates: 7/14/1968 is what 14-Jul-1968 says.
fn is_same(fields: &[&'static Field], a: &Values, b: &Values) -> bool {
    fields.iter().all(|field| field.said(a.text(field.name)) == field.said(b.text(field.name)))
}

async fn held(asking: &Asking<'_>, id: &str) -> Result<Held, Refusal> {
    let read = asking.read("Patient", id).await?;
    let version = read.get();
    let patient = version.tree()?.into_owned();
    Ok(Held { patient, version: version.version(), updated_ms: version.last_updated_ms() })
}

/// Both versions, with what each changed since the one that the form began with.
async fn choose(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    fields: &[&'static Field],
    held: Held,
    began: u32,
    typed: Values,
) -> Answer {
    let key = ResourceKey::parse("Patient", asked.ids[0]).ok_or(Refusal::NotFound)?;
    // Who may not look back chooses without it.
    let before = match asking.record.vread(asking.caller, &key, began).await {
        Ok(version) => Json::parse(version.get().json()).ok().map(|patient| read(&patient)),
        Err(RecordError::Denied(_) | RecordError::NotFound | RecordError::Gone) => None,
        Err(error) => return Err(error.into()),
    };
    let now = read(&held.patient);
    let mut differing = Vec::new();
    let mut same = Vec::new();
    for field in fields {
        let says = |values: &Values| field.said(values.text(field.name));
        let (mine, theirs) = (says(&typed), says(&now));
        if mine == theirs {
            same.push((field.name, now.text(field.name).to_owned()));
            continue;
        }
        let began = before.as_ref().map(&says);
        let only_mine = began.as_ref() == Some(&theirs);
        let only_theirs = began.as_ref() == Some(&mine);
        let side = |values: &Values, said: String, is_chosen: bool| Side {
            value: values.text(field.name).to_owned(),
            said,
            is_chosen,
        };
        differing.push(Difference {
            name: field.name,
            label: field.label,
            before: began.unwrap_or_default(),
            mine: side(&typed, mine, only_mine),
            theirs: side(&now, theirs, only_theirs),
            is_conflict: !only_mine && !only_theirs,
        });
    }
    let page = Choose {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        who: Who::of(&held.patient),
        version: held.version,
        changed_at: day::moment(held.updated_ms, asked.web.zone()),
        fields: differing,
        same,
    };
    Ok(answer::page(StatusCode::CONFLICT, &page))
}

#[expect(clippy::too_many_arguments, reason = "one page in each of its states")]
fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: &Held,
    values: &Values,
    slips: Vec<Slip>,
    is_same: bool,
    status: StatusCode,
) -> Response<Body> {
    let fields = fields(asking, Action::Update);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        who: Who::of(&held.patient),
        form: FormView::of(&fields, values, slips),
        version: held.version,
        is_same,
    };
    answer::page(status, &page)
}
