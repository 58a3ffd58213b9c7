//! How a patient is insured: each Coverage, one more, and the end of one. Nothing is deleted.

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{Effect, Preconditions, ResourceKey, Target, types};

use super::Answer;
use super::patients::asking;
use super::register::{FormView, Input, Who, organization};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::day::Day;
use crate::clinic::deed::says_all_of;
use crate::clinic::demographics::{self, Field, Slip, Values, check, coverage};
use crate::clinic::names::Names;
use crate::clinic::read::{all, has_code, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::clinic::token;
use crate::forms::Form;
use crate::refusal::Refusal;

/// Names the form that a Coverage was made with, so that a form sent twice makes one.
const FORM: &str = "urn:wardstone:registration";

#[derive(Template)]
#[template(path = "patient_insurance.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    once: &'static Asset,
    who: Who,
    rows: Vec<Row>,
    /// None for who only reads.
    form: Option<FormView>,
    token: String,
    today: String,
    error: Option<&'static str>,
}

struct Row {
    id: String,
    version: String,
    payer: String,
    member: String,
    group: String,
    relation: String,
    period: String,
    is_in_force: bool,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = looking(asked, &session)?;
    shown(asked, &session, &asking, &Values::default(), token::fresh(asked), Vec::new(), None, StatusCode::OK).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = looking(asked, &session)?;
    if !may_keep(&asking) {
        return Err(Refusal::NotYours);
    }
    if form.text("act") == "end" {
        return end(asked, &session, &asking, &form).await;
    }
    let fields = fields(&asking);
    let values = Values::typed(&form, &fields);
    let token = token::sent(asked, &form);
    let mut slips = check(&values, &fields, Day::of(asking.record.now_ms(), asked.web.zone()).date());
    if values.text("payer").is_empty() && slips.is_empty() {
        slips.push(Slip { field: "payer", words: "Type the name of the insurance company.".to_owned() });
    }
    if !slips.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return shown(asked, &session, &asking, &values, token, slips, None, status).await;
    }
    // Nobody records a coverage of whom they may not see.
    asking.read("Patient", asked.ids[0]).await?;
    let payer = organization(&asking, values.text("payer")).await?;
    let beneficiary = format!("Patient/{}", asked.ids[0]);
    let Some(mut made) = coverage(&values, &beneficiary, payer.as_deref()) else { return Err(Refusal::Defect) };
    demographics::name(&mut made, FORM, &token);
    let pairs = [("identifier".into(), format!("{FORM}|{token}").into())];
    let kind = types::parse("Coverage").ok_or(Refusal::Defect)?;
    let written = asking.record.create(asking.caller, kind, &made.to_vec(), Some(&pairs)).await?;
    if written.effect != Effect::Created && !is_unchanged(&asking, &written.id, &made).await? {
        let words = "This form was sent before, and what it said then is saved. What is typed below says something else and is not saved: add it as another insurance, or leave it.";
        let status = StatusCode::CONFLICT;
        return shown(asked, &session, &asking, &values, token::fresh(asked), Vec::new(), Some(words), status).await;
    }
    Ok(answer::see(&format!("/patients/{}/insurance", asked.ids[0])))
}

/// Whether a form sent again says what it said; what became of the insurance since does not count.
async fn is_unchanged(asking: &Asking<'_>, id: &str, made: &Json<'_>) -> Result<bool, Refusal> {
    let key = ResourceKey::parse("Coverage", id).ok_or(Refusal::Defect)?;
    let first = asking.record.vread(asking.caller, &key, 1).await?;
    let held = first.get().tree()?;
    Ok(says_all_of(&held, made))
}

/// From the day on it counts no more; it stays for the claims of before.
async fn end(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, form: &Form) -> Answer {
    let (id, version) = (form.text("id"), form.text("version").parse().ok());
    let key = ResourceKey::parse("Coverage", id).ok_or(Refusal::NotFound)?;
    let refused = async |words: &'static str, status| {
        shown(asked, session, asking, &Values::default(), token::fresh(asked), Vec::new(), Some(words), status).await
    };
    let Some(until) = time::typed(form.text("until-end").trim()).filter(|date| date.len() == 10) else {
        return refused("Type the last day of the insurance, such as 31-Dec-2026.", StatusCode::UNPROCESSABLE_ENTITY)
            .await;
    };
    let read = asking.read("Coverage", id).await?;
    let mut held = read.get().tree()?.into_owned();
    asking.whose(&held, asked.ids[0]).await?;
    let since = held.get("period").and_then(|period| text(period, "start")).unwrap_or_default();
    if !since.is_empty() && until.as_str() < since {
        return refused("The insurance would end before it begins.", StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let Some(members) = held.as_object_mut() else { return Err(Refusal::Defect) };
    let mut period = members.get("period").and_then(Json::as_object).cloned().unwrap_or_default();
    period.set("end", Json::string(until));
    members.set("period", Json::Object(period));
    let preconditions = Preconditions { if_match: version, if_none_match: false };
    match asking.record.update(asking.caller, Target::Id(key), &held.to_vec(), preconditions).await {
        Ok(_) => Ok(answer::see(&format!("/patients/{}/insurance", asked.ids[0]))),
        Err(error) if error.is_overtaken() => {
            refused(
                "Somebody changed this insurance before you. It is shown as it is now; nothing of yours was saved.",
                StatusCode::CONFLICT,
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

fn looking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_look(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

pub fn may_look(asking: &Asking<'_>) -> bool {
    asking.ever("Coverage")
}

fn may_keep(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "Coverage")
}

fn fields(asking: &Asking<'_>) -> Vec<&'static Field> {
    demographics::asked(asking.record.collection(), |kind, element| {
        kind == "Coverage" && asking.shows(Action::Create, kind, element)
    })
}

#[expect(clippy::too_many_arguments, reason = "one page in each of its states")]
async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    values: &Values,
    token: String,
    slips: Vec<Slip>,
    error: Option<&'static str>,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    let read = asking.read("Patient", asked.ids[0]).await?;
    let patient = read.get().tree()?;
    let pairs = [("beneficiary", asked.ids[0]), ("_count", "50")];
    let sheet = asking.search("Coverage", &pairs).await?;
    let names = Names::of(asking, &[], std::iter::once(&sheet)).await?;
    let today = Day::of(asking.record.now_ms(), asked.web.zone()).iso();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        once: &ONCE,
        who: Who::of(&patient),
        rows: rows(&sheet, &names, &today),
        form: may_keep(asking).then(|| FormView::of(&fields(asking), values, slips)),
        token,
        today: time::day(&today),
        error,
    };
    Ok(answer::page(status, &page))
}

/// Those in force first.
fn rows(sheet: &Sheet, names: &Names, today: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = sheet.resources().iter().map(|one| Row::of(one, names, today)).collect();
    rows.sort_by_key(|row| !row.is_in_force);
    rows
}

impl Row {
    fn of(one: &Json<'_>, names: &Names, today: &str) -> Self {
        let bound = |name: &str| one.get("period").and_then(|period| text(period, name));
        let (start, end) = (bound("start"), bound("end"));
        let period = match (start.map(time::day), end.map(time::day)) {
            (Some(start), Some(end)) => format!("{start} to {end}"),
            (Some(start), None) => format!("since {start}"),
            (None, Some(end)) => format!("until {end}"),
            (None, None) => "not recorded".to_owned(),
        };
        let group = all(one, "class").iter().find(|class| has_code(class, "type", "group"));
        let version = one.get("meta").and_then(|meta| text(meta, "versionId")).unwrap_or_default();
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            version: version.to_owned(),
            payer: names.first(one, "payor").unwrap_or_else(|| "Not recorded".to_owned()),
            member: text(one, "subscriberId").unwrap_or("Not recorded").to_owned(),
            group: group.and_then(|class| text(class, "value")).unwrap_or_default().to_owned(),
            relation: one.get("relationship").and_then(words).unwrap_or_default(),
            is_in_force: text(one, "status") == Some("active") && end.is_none_or(|end| end >= today),
            period,
        }
    }
}
