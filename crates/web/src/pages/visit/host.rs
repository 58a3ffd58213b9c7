//! The clinician's side: the room of one appointment, and the links of those who are asked to come.

use access::Action;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::RecordError;
use serde::Deserialize;
use serde_json::json;
use telehealth::guests::{GuestError, Listed, NewGuest};
use telehealth::link::Purpose;
use telehealth::room::{Invite, Settings};
use telehealth::signal::Role;

use super::{Answer, GUEST_PATH};
use crate::answer;
use crate::assets::{Asset, Frame, VISIT, VISIT_CSS, modules};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::record_number;
use crate::clinic::book::{Around, Visit};
use crate::clinic::day::Day;
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::pages::today;
use crate::refusal::Refusal;

const MINUTE_MS: i64 = 60_000;
/// Of an appointment that names no end.
const MINUTES: i64 = 30;
const PURPOSES: [(&str, &str, Purpose); 5] = [
    ("patient", "The patient", Purpose::Patient),
    ("proxy", "Who stands for the patient", Purpose::Proxy),
    ("interpreter", "An interpreter", Purpose::Interpreter),
    ("family", "Family", Purpose::Family),
    ("guest", "Somebody else", Purpose::Guest),
];

#[derive(Template)]
#[template(path = "visit_host.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    script: &'static Asset,
    visit: Visit,
    when: String,
    purposes: Vec<(&'static str, &'static str)>,
}

#[derive(Deserialize)]
struct NewLink {
    purpose: String,
    #[serde(default)]
    label: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The appointment of the address, as its clinician sees it.
struct Room {
    visit: Visit,
    birth_date: Option<String>,
    number: Option<String>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    let day = Day::of(room.visit.start_ms, asked.web.zone());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Today),
        css: &VISIT_CSS,
        script: &VISIT,
        when: format!("{} {}", day.title(), room.visit.time),
        visit: room.visit,
        purposes: PURPOSES.map(|(code, words, _)| (code, words)).into(),
    };
    Ok(answer::calling(StatusCode::OK, &page))
}

/// A way into the room, for half a minute and once.
pub async fn ticket(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    let invite = Invite {
        person: format!("user-{}", session.user.0),
        role: Role::Clinician,
        label: session.display_name.clone(),
    };
    let settings = Settings { visit: room.visit.id.clone(), relay_only: false, high_risk: false };
    let secret = asked.web.hall().invite(settings, invite).ok_or(Refusal::Defect)?;
    Ok(answer::json(StatusCode::OK, &json!({ "ticket": secret.text(), "visit": room.visit.id })))
}

/// A link for one guest, shown once; and who was asked already.
pub async fn invite(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let sent: NewLink = asked.json()?;
    let room = Room::of(asked, &asking).await?;
    let known = PURPOSES.iter().find(|(code, ..)| *code == sent.purpose);
    let (_, words, purpose) = *known.ok_or(Refusal::Invalid("nobody of this kind is asked to a visit"))?;
    let is_checked = matches!(purpose, Purpose::Patient | Purpose::Proxy);
    if is_checked && (room.birth_date.is_none() || room.number.is_none()) {
        return Err(Refusal::Invalid(
            "the chart has no birth date or no record number to compare: ask the patient to sign in instead",
        ));
    }
    // What those in the room see: never a patient's name, which the server would keep beside a link.
    let label = if is_checked || sent.label.trim().is_empty() { words } else { sent.label.trim() };
    let minutes = if room.visit.minutes > 0 { room.visit.minutes } else { MINUTES };
    let new = NewGuest {
        visit: &room.visit.id,
        purpose,
        label,
        start_ms: room.visit.start_ms,
        end_ms: room.visit.start_ms + minutes * MINUTE_MS,
        birth_date: room.birth_date.filter(|_| is_checked),
        number: room.number.filter(|_| is_checked),
    };
    let secret = asked.web.guests().invite(new).await.map_err(refused)?;
    let link = format!("{}{GUEST_PATH}#{}", asked.web.0.origin, secret.text());
    Ok(answer::json(StatusCode::CREATED, &json!({ "link": link, "links": listed(asked, &room.visit.id)? })))
}

pub async fn revoke(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let sent: Named = asked.json()?;
    let room = Room::of(asked, &asking).await?;
    asked.web.guests().revoke(&room.visit.id, &sent.name).await.map_err(refused)?;
    Ok(answer::json(StatusCode::OK, &json!({ "links": listed(asked, &room.visit.id)? })))
}

fn listed(asked: &Asked<'_>, visit: &str) -> Result<serde_json::Value, Refusal> {
    let all = asked.web.guests().of_visit(visit).map_err(refused)?;
    let shown = |one: Listed| json!({ "name": one.name, "label": one.label, "revoked": one.is_revoked, "checked": one.checked });
    Ok(all.into_iter().map(shown).collect())
}

fn refused(error: GuestError) -> Refusal {
    match error {
        GuestError::TooMany => Refusal::Invalid("there are sixteen links into this visit already: close one first"),
        GuestError::Label => Refusal::Invalid("say in at most 80 letters who comes"),
        GuestError::Link(telehealth::TelehealthError::LinkRefused) => Refusal::NotFound,
        GuestError::Link(_) => Refusal::Invalid("this appointment has no time in which a link could open"),
        error => {
            tracing::error!(%error, "a link of a visit");
            Refusal::Defect
        }
    }
}

/// Who writes encounters and is somebody of the directory.
fn hosting<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = today::asking(asked, session)?;
    if may_host(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

pub fn may_host(asking: &Asking<'_>) -> bool {
    asking.caller.practitioner().is_some() && asking.may_ever(Action::Create, "Encounter")
}

impl Page<'_> {
    fn modules(&self) -> impl Iterator<Item = &'static Asset> {
        modules()
    }
}

impl Room {
    async fn of(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Self, Refusal> {
        let id = asked.ids[0];
        let pairs = [("_id", id), ("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")];
        let sheet = asking.search("Appointment", &pairs).await?;
        let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
        let around = Around::of(&[&sheet], &Day::of(now_ms, zone));
        let resources = sheet.resources();
        let held = resources.iter().find(|one| one.resource_type() == Some("Appointment"));
        let visit = held.and_then(|held| Visit::of(held, &around, now_ms, zone)).ok_or(RecordError::NotFound)?;
        let Some(person) = visit.patient.as_ref() else { return Err(Refusal::NotYours) };
        let is_patient =
            |one: &&Json<'_>| one.resource_type() == Some("Patient") && text(one, "id") == Some(person.id.as_str());
        let patient = resources.iter().find(is_patient);
        let birth_date = patient.and_then(|one| text(one, "birthDate")).map(str::to_owned);
        let number = patient.and_then(record_number).map(str::to_owned);
        Ok(Self { visit, birth_date, number })
    }
}
