//! The clinician's side: the room of one appointment, and the links of those who are asked to come.

use std::time::Duration;

use access::Action;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::{Hold, Session};
use outward::{EmailAddress, MessageId, Phone, Recipient};
use record::RecordError;
use serde::Deserialize;
use serde_json::json;
use telehealth::guests::{GuestError, Listed, NewGuest, place_of};
use telehealth::hall::Slot;
use telehealth::link::Purpose;
use telehealth::room::Invite;
use telehealth::signal::Role;
use telehealth::status::EndReason;

use super::letters::Visited;
use super::{Answer, GUEST_PATH, account_of, letters, recent, risk};
use crate::Web;
use crate::answer;
use crate::assets::{Asset, Frame, VISIT, VISIT_CSS, call_modules, check_modules, host_modules, workspace};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::record_number;
use crate::clinic::book::{Around, Visit};
use crate::clinic::day::Day;
use crate::clinic::read::{all, text};
use crate::clinic::shell::{Place, Shell};
use crate::pages::documents::{TYPES, shown_type};
use crate::pages::today;
use crate::refusal::Refusal;

/// How often a hold looks whether what it was for is over.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(30);
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
    /// Marks whose page it is, and does not say who.
    whose: String,
    visit: Visit,
    when: String,
    purposes: Vec<(&'static str, &'static str)>,
    has_photo: bool,
}

#[derive(Deserialize)]
struct NewLink {
    purpose: String,
    #[serde(default)]
    label: String,
    /// `email` or `sms`, to what is on file; else the clinician hands it over.
    #[serde(default)]
    by: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The appointment of the address, as its clinician sees it.
pub(super) struct Room {
    pub visit: Visit,
    birth_date: Option<String>,
    number: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    pub told: risk::Told,
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
        whose: asked.web.identity().place_label(session.user),
        when: format!("{} {}", day.title(), room.visit.time),
        has_photo: room.told.has_photo,
        visit: room.visit,
        purposes: PURPOSES.map(|(code, words, _)| (code, words)).into(),
    };
    Ok(answer::hosting(StatusCode::OK, &page))
}

/// A way into the room, for half a minute and once.
pub async fn ticket(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    let invite =
        Invite { person: account_of(session.user), role: Role::Clinician, label: session.display_name.clone() };
    let settings = risk::prepare(asked, &asking, &room).await?.settings(&room.visit.id);
    let (person, place) = (invite.person.clone(), place_of(&room.visit.id, &invite));
    let secret = asked.web.hall().invite(settings, invite).ok_or(Refusal::Defect)?;
    asked.web.hall().plan(&room.visit.id, room.slot());
    asked.web.0.hosts.put(&room.visit.id, asking.caller);
    watch(asked.web, &room.visit.id, person, asked.web.identity().hold(&session));
    Ok(answer::json(StatusCode::OK, &json!({ "ticket": secret.text(), "visit": room.visit.id, "place": place })))
}

/// Whose session there is now, for a page whose screen was locked beside a call and is unlocked in place.
pub async fn session(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let session = asked.watcher().await?;
    let asking = hosting(asked, &session)?;
    Room::of(asked, &asking).await?;
    let whose = asked.web.identity().place_label(session.user);
    Ok(answer::json(StatusCode::OK, &json!({ "csrf": session.csrf, "whose": whose })))
}

/// The line of a clinician hangs on no session, so that a screen may lock beside a call. It hangs on its person: who is signed out, told to
/// leave or has lost the device is out of the room at once, and with them everybody, since nobody else may let in.
fn watch(web: &Web, visit: &str, person: String, hold: Hold) {
    let (hall, hosts, visit) = (web.hall().clone(), web.0.hosts.clone(), visit.to_owned());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = hold.over() => {
                    if hall.knows(&visit, &person) {
                        hall.close(&visit, EndReason::Revoked);
                        hosts.forget(&visit);
                    }
                    return;
                }
                () = tokio::time::sleep(LOOK_EVERY) => if !hall.knows(&visit, &person) {
                    return;
                },
            }
        }
    });
}

/// A link for one guest, shown once; and who was asked already.
pub async fn invite(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let sent: NewLink = asked.json()?;
    let room = Room::of(asked, &asking).await?;
    risk::prepare(asked, &asking, &room).await?;
    let known = PURPOSES.iter().find(|(code, ..)| *code == sent.purpose);
    let (_, words, purpose) = *known.ok_or(Refusal::Invalid("nobody of this kind is asked to a visit"))?;
    let is_checked = purpose.is_visited();
    let choices = match &room.visit.patient {
        Some(person) if is_checked => recent::choices(asked, &asking, &person.id).await?,
        _ => None,
    };
    if is_checked && (room.birth_date.is_none() || (room.number.is_none() && choices.is_none())) {
        return Err(Refusal::Invalid(
            "the chart has no birth date or no record number to compare: ask the patient to sign in instead",
        ));
    }
    let to = match sent.by.as_str() {
        "" => None,
        by => Some(room.recipient(by, is_checked)?),
    };
    // What those in the room see: never a patient's name, which the server would keep beside a link.
    let label = if is_checked || sent.label.trim().is_empty() { words } else { sent.label.trim() };
    let new = NewGuest {
        visit: &room.visit.id,
        purpose,
        label,
        start_ms: room.visit.start_ms,
        end_ms: room.visit.end_ms(),
        birth_date: room.birth_date.clone().filter(|_| is_checked),
        number: room.number.clone().filter(|_| is_checked),
        choices,
        email: room.email.clone().filter(|email| is_checked && email.parse::<EmailAddress>().is_ok()),
        phone: room.phone.clone().filter(|phone| is_checked && phone.parse::<Phone>().is_ok()),
    };
    let secret = asked.web.guests().invite(new).await.map_err(refused)?;
    let said = match to {
        Some(to) => letters::invite(asked.web, room.visited(), &secret, to).await?,
        None => "",
    };
    let link = format!("{}{GUEST_PATH}#{}", asked.web.0.origin, secret.text());
    let told = json!({ "link": link, "said": said, "links": listed(asked, &room.visit.id)? });
    Ok(answer::json(StatusCode::CREATED, &told))
}

pub async fn revoke(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let sent: Named = asked.json()?;
    let room = Room::of(asked, &asking).await?;
    let person = asked.web.guests().revoke(&room.visit.id, &sent.name).await.map_err(refused)?;
    asked.web.hall().expel(&room.visit.id, &person);
    Ok(answer::json(StatusCode::OK, &json!({ "links": listed(asked, &room.visit.id)? })))
}

pub(super) fn listed(asked: &Asked<'_>, visit: &str) -> Result<serde_json::Value, Refusal> {
    let all = asked.web.guests().of_visit(visit).map_err(refused)?;
    let shown = |one: Listed| {
        let of = |name| asked.web.outbox().delivery(MessageId(name));
        let delivery = one.letter.and_then(of).or_else(|| of(one.key));
        json!({ "name": one.name, "label": one.label, "revoked": one.is_revoked, "checked": one.checked,
        "sent": delivery.map(|delivery| delivery.state.name()) })
    };
    Ok(all.into_iter().map(shown).collect())
}

pub(super) fn refused(error: GuestError) -> Refusal {
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
pub(super) fn hosting<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = today::asking(asked, session)?;
    if may_host(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

pub fn may_host(asking: &Asking<'_>) -> bool {
    asking.caller.practitioner().is_some() && asking.may_ever(Action::Create, "Encounter")
}

impl Page<'_> {
    /// Of documents that are filed.
    fn kinds(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        TYPES.iter().map(|(code, display)| (*code, shown_type(display)))
    }

    fn call_modules(&self) -> impl Iterator<Item = &'static Asset> {
        call_modules()
    }

    fn check_modules(&self) -> impl Iterator<Item = &'static Asset> {
        check_modules()
    }

    fn workspace(&self) -> [&'static Asset; 2] {
        workspace()
    }

    fn visit_modules(&self) -> impl Iterator<Item = &'static Asset> {
        host_modules()
    }
}

impl Room {
    pub async fn of(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Self, Refusal> {
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
        let telecom = |system: &str| {
            let all = patient.map_or(&[][..], |one| all(one, "telecom"));
            let of = all.iter().find(|one| text(one, "system") == Some(system) && text(one, "use") != Some("old"))?;
            text(of, "value").map(str::to_owned)
        };
        let (email, phone) = (telecom("email"), telecom("phone"));
        let told = risk::Told::of(held, patient);
        Ok(Self { visit, birth_date, number, email, phone, told })
    }

    fn visited(&self) -> Visited<'_> {
        let visit = &self.visit;
        Visited { visit: &visit.id, version: visit.version, start_ms: visit.start_ms, end_ms: visit.end_ms() }
    }

    pub(super) fn slot(&self) -> Slot {
        let clinician = self.visit.clinicians.first().map(|one| one.id.clone()).unwrap_or_default();
        Slot { start_ms: self.visit.start_ms, clinician }
    }

    /// Of the patient alone: nobody else's address is on file with the visit.
    fn recipient(&self, by: &str, is_patient: bool) -> Result<Recipient, Refusal> {
        const NOWHERE: Refusal =
            Refusal::Invalid("no address that can be written to is on file: hand the link over yourself");
        if !is_patient {
            return Err(Refusal::Invalid("only the patient's address is on file: hand this link over yourself"));
        }
        let (email, phone) = (self.email.as_deref().unwrap_or_default(), self.phone.as_deref().unwrap_or_default());
        match by {
            "email" => email.parse().map(Recipient::Email).map_err(|_| NOWHERE),
            "sms" => phone.parse().map(Recipient::Sms).map_err(|_| NOWHERE),
            _ => Err(Refusal::Invalid("links are sent by e-mail or as a text message")),
        }
    }
}
