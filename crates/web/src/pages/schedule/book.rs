//! Booking a time, moving an appointment to it, and walking in: find the patient by two fields, then confirm who and when. The slot and
//! the appointment are one transaction: of two who book one time one wins, and the other is told with all they typed. An appointment has
//! the name of its form, so that a form sent twice makes one.

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{RecordError, ResourceKey};

use super::also::{self, Also};
use super::hold::{is_free, slot};
use super::{Calendar, calendars, may_book};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner;
use crate::clinic::book::{Around, Person, Status, Visit, actors};
use crate::clinic::day::{self, Day};
use crate::clinic::demographics::INTERPRETER;
use crate::clinic::moves::{self, Act, Change, May, object};
use crate::clinic::read::{extension, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::slots::{self, SLOT_MINUTES};
use crate::clinic::time;
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::Answer;
use crate::pages::patients::{sounding, wanted};
use crate::pages::today::{asking, query};
use crate::pages::visit::{self, Visited};
use crate::refusal::Refusal;
use crate::searches::{GONE, Searched};

const MINUTE_MS: i64 = 60_000;
const FOUND_MAX: usize = 10;
/// Of why somebody comes.
const REASON_CHARS_MAX: usize = 120;
/// Often said by who books.
const REASONS: [&str; 8] = [
    "Check-up",
    "Follow-up",
    "New problem",
    "Medicine review",
    "Results",
    "Vaccination",
    "Procedure",
    "Form or certificate",
];
const SNOMED: &str = "http://snomed.info/sct";

#[derive(Template)]
#[template(path = "schedule_book.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    once: &'static Asset,
    /// Names the appointment that the form makes.
    token: String,
    asked_for: Wanted<'a>,
    said: Option<&'static str>,
    error: Option<&'static str>,
    typed: [String; 2],
    /// Found by what was typed; none before anything was.
    found: Option<Vec<Found>>,
    is_more: bool,
    /// Who was chosen among them.
    chosen: String,
    /// One came with them from their chart, so nobody is looked for.
    is_known: bool,
    /// What they have booked already.
    also: Option<Also>,
    /// Why they come, as it was typed.
    reason: String,
}

impl Page<'_> {
    fn is_chosen(&self, id: &str) -> bool {
        // Who only sounds alike is chosen by a person.
        let is_only = |found: &Vec<Found>| matches!(&found[..], [one] if !one.is_alike);
        (!self.is_more && self.found.as_ref().is_some_and(is_only)) || self.chosen == id
    }

    /// Nobody is written as it was typed.
    fn only_alike(&self) -> bool {
        self.found.as_ref().is_some_and(|found| !found.is_empty() && found.iter().all(|one| one.is_alike))
    }

    /// Behind an address of the calendar.
    fn with_patient(&self) -> String {
        let known = self.found.as_ref().filter(|_| self.is_known).and_then(|found| found.first());
        known.map_or_else(String::new, |one| format!("&patient={}", one.person.id))
    }
}

pub struct Found {
    pub person: Person,
    mrn: String,
    sex: String,
    /// Written otherwise than what was typed, and sounds like it.
    is_alike: bool,
}

impl Found {
    fn of(patient: &Json<'_>, today: &Day) -> Option<Self> {
        let person = Person::of(text(patient, "id")?.to_owned(), patient, today);
        let mrn = banner::record_number(patient).unwrap_or_default().to_owned();
        Some(Self { person, mrn, sex: banner::sex(patient), is_alike: false })
    }
}

/// Which time of which calendar, and for what.
struct Wanted<'c> {
    calendar: &'c Calendar,
    calendars: &'c [Calendar],
    /// Minutes since 1970; none for who walks in now.
    at: Option<i64>,
    when: String,
    day: String,
    is_video: bool,
    /// Nobody said yet whom they see who walk in.
    is_unchosen: bool,
    /// Who books reads why people come, too.
    sees_reasons: bool,
    /// Who is moved here, instead of somebody who is to be found.
    moved: Option<(Visit, u32)>,
    moved_from: String,
}

/// The page of a time: `?who=…&at=…`, with `move=…` for an appointment that moves there, or `walk-in=yes`.
pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let pairs = query(asked);
    let value = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let calendars = calendars(asked, &asking).await?;
    let wanted = Wanted::of(asked, &asking, &calendars, &value).await?;
    let known = match value("patient") {
        "" => None,
        _ if wanted.moved.is_some() => None,
        id => Some((vec![one(asked, &asking, id).await?], false)),
    };
    let is_known = known.is_some();
    let said = match asked.searched(&session) {
        Searched::For(form) if wanted.moved.is_none() && !is_known => {
            return match wanted.is_unchosen {
                true => unchosen(asked, &session, &asking, wanted, &form).await,
                false => found(asked, &session, &asking, wanted, &form, None).await,
            };
        }
        Searched::Gone => Some(GONE),
        _ => None,
    };
    Ok(shown(asked, &session, StatusCode::OK, Shown { found: known, is_known, said, ..Shown::of(wanted) }))
}

/// The patient whose chart one comes from.
pub async fn one(asked: &Asked<'_>, asking: &Asking<'_>, id: &str) -> Result<Found, Refusal> {
    let sheet = asking.search("Patient", &[("_id", id)]).await?;
    let today = Day::of(asked.web.record().now_ms(), asked.web.zone());
    sheet.resources().first().and_then(|patient| Found::of(patient, &today)).ok_or(Refusal::NotFound)
}

/// Leads to who was found; nothing is booked yet.
pub async fn find(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let calendars = calendars(asked, &asking).await?;
    let wanted = Wanted::of(asked, &asking, &calendars, &|name| form.text(name)).await?;
    let search = asked.keep_search(&session, &form, &["name", "number", "reason"])?;
    Ok(answer::see(&format!("/schedule/book?{}&{search}", wanted.page())))
}

/// Books, moves or lets in.
pub async fn book(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let calendars = calendars(asked, &asking).await?;
    let wanted = Wanted::of(asked, &asking, &calendars, &|name| form.text(name)).await?;
    if let Some((visit, version)) = wanted.moved.as_ref().filter(|_| wanted.stands()) {
        // Whoever sent an older page has what they wanted; whoever sent this one changes nothing.
        let done = if form.version()? == *version { "stands" } else { "moved" };
        return Ok(answer::see(&wanted.address(done, &visit.id)));
    }
    if wanted.is_unchosen {
        return unchosen(asked, &session, &asking, wanted, &form).await;
    }
    if wanted.moved.is_none() && ResourceKey::parse("Patient", form.text("patient")).is_none() {
        return found(asked, &session, &asking, wanted, &form, Some("Choose who it is for.")).await;
    }
    if wanted.moved.is_none() && reason(&form).chars().count() > REASON_CHARS_MAX {
        let error =
            Some("The reason is too long: 120 letters at most. Nothing was booked; what you typed is still here.");
        return found(asked, &session, &asking, wanted, &form, error).await;
    }
    let token = token::sent(asked, &form);
    if wanted.moved.is_none()
        && let Some(made) = made_before(&asking, &token).await?
    {
        return sent_before(asked, &session, &asking, wanted, &form, &made).await;
    }
    let taken = "Somebody has this time already. Nothing was booked; choose another one, what you typed stays.";
    if let Some(at) = wanted.at
        && !is_free(asked, &asking, wanted.calendar, at * MINUTE_MS, wanted.moved.as_ref().map(|(visit, _)| visit))
            .await?
    {
        return conflict(asked, &session, &asking, wanted, &form, taken).await;
    }
    if wanted.moved.is_none() {
        let start_ms = wanted.at_ms(asked.web.record().now_ms());
        let (patient, with) = (form.text("patient"), wanted.calendar.practitioner.as_str());
        let also = also::of(asked, &asking, patient, with, start_ms).await?;
        // Said of exactly these: what was booked since is asked about again.
        if let Some(also) = also.filter(|also| also.names != form.text("also")) {
            return asks(asked, &session, &asking, wanted, &form, also).await;
        }
    }
    let changes = match &wanted.moved {
        Some((visit, _)) => moved(asked, &asking, &wanted, visit, &form).await,
        None => booked(asked, &asking, &wanted, &form, &token).await,
    };
    let done = match changes {
        Ok(changes) => asking.transact(&moves::transaction(changes)).await.map(drop),
        Err(Refusal::Record(error)) => Err(error),
        Err(other) => return Err(other),
    };
    match done {
        Ok(()) => {
            if let Some((visit, _)) = wanted.moved.as_ref().filter(|(visit, _)| visit.is_video) {
                let start_ms = wanted.at_ms(asked.web.record().now_ms());
                let end_ms = start_ms + visit.end_ms() - visit.start_ms;
                visit::put_off(asked.web, Visited { visit: &visit.id, start_ms, end_ms }).await;
            }
            Ok(answer::see(&match &wanted.moved {
                Some((visit, _)) => wanted.address("moved", &visit.id),
                None => wanted.address("booked", &name_of(&token)),
            }))
        }
        Err(error) if error.is_overtaken() => {
            // The same form, sent twice at once.
            if wanted.moved.is_none()
                && let Some(made) = made_before(&asking, &token).await?
            {
                return sent_before(asked, &session, &asking, wanted, &form, &made).await;
            }
            let error = match wanted.moved {
                Some(_) => {
                    "The time was taken, or the appointment was changed, by somebody else just now. Nothing was moved; look again."
                }
                None => taken,
            };
            conflict(asked, &session, &asking, wanted, &form, error).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Why somebody comes, on one line.
fn reason(form: &Form) -> String {
    form.text("reason")
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn name_of(token: &str) -> String {
    format!("book.{token}")
}

/// The appointment that a form of this name made.
async fn made_before(asking: &Asking<'_>, token: &str) -> Result<Option<Json<'static>>, Refusal> {
    let found = asking.search("Appointment", &[("_id", &name_of(token))]).await?;
    Ok(found.resources().into_iter().next().map(Json::into_owned))
}

/// The answer to a form that is sent again: what it made, or what of it was not done.
async fn sent_before(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    wanted: Wanted<'_>,
    form: &Form,
    made: &Json<'_>,
) -> Answer {
    let is_of = |kind: &str, id: &str| actors(made, kind).any(|actor| actor == id);
    // A walk-in is of the minute in which it was sent first.
    let is_then = wanted.at.is_none_or(|at| text(made, "start") == Some(&day::instant(at * MINUTE_MS)));
    if is_of("Patient", form.text("patient")) && is_of("Practitioner", &wanted.calendar.practitioner) && is_then {
        return Ok(answer::see(&wanted.address("booked", text(made, "id").unwrap_or_default())));
    }
    let error = "This form was sent before, for somebody else or another time: that is booked. Nothing more was; look again, and choose once more.";
    conflict(asked, session, asking, wanted, form, error).await
}

impl<'c> Wanted<'c> {
    async fn of<'v>(
        asked: &Asked<'_>,
        asking: &Asking<'_>,
        calendars: &'c [Calendar],
        value: &impl Fn(&str) -> &'v str,
    ) -> Result<Wanted<'c>, Refusal> {
        if !may_book(asking) {
            return Err(Refusal::NotYours);
        }
        let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
        let who = value("who");
        let first = calendars.first().filter(|_| matches!(who, "" | "all"));
        let named = calendars.iter().find(|one| one.practitioner == who);
        let calendar = named.or(first).ok_or(Refusal::Invalid("there is no such calendar"))?;
        // There is nothing to choose among one.
        let is_unchosen = named.is_none() && calendars.len() > 1;
        let at = match value("at") {
            "" if value("walk-in") == "yes" => None,
            text => Some(text.parse::<i64>().map_err(|_| Refusal::Invalid("there is no such time"))?),
        };
        let start_ms = at.map_or(now_ms - now_ms.rem_euclid(MINUTE_MS), |at| at.saturating_mul(MINUTE_MS));
        let day = Day::of(start_ms, zone);
        let is_open =
            || slots::open_minutes(&day, asked.web.hours(), &calendar.rules).contains(&day.minute_of(start_ms));
        if at.is_some_and(|_| !is_open()) {
            return Err(Refusal::Invalid(
                "this time is not for booking: the organization is closed, or the clinician not there",
            ));
        }
        let moved = match value("move") {
            "" => None,
            id => Some(visit(asked, asking, id).await?),
        };
        let when = format!("{} {}", day.title(), day::clock(start_ms, zone));
        let is_video = match &moved {
            Some((visit, _)) => visit.is_video,
            None => value("kind") == "video",
        };
        let moved_from = moved
            .as_ref()
            .map_or_else(String::new, |(visit, _)| format!("{} {}", Day::of(visit.start_ms, zone).title(), visit.time));
        let sees_reasons = asking.shows(Action::Search, "Appointment", "reasonCode");
        let day = day.iso();
        Ok(Wanted { calendar, calendars, at, when, day, is_video, is_unchosen, sees_reasons, moved, moved_from })
    }

    /// The list of that day, which says what was done with which appointment.
    fn address(&self, done: &str, id: &str) -> String {
        format!("/today?day={}&who={}&{done}={id}", self.day, self.calendar.practitioner)
    }

    /// Behind the address of the page of this time.
    fn page(&self) -> String {
        let who = if self.is_unchosen { "" } else { self.calendar.practitioner.as_str() };
        let time = self.at.map_or_else(|| "walk-in=yes".to_owned(), |at| format!("at={at}"));
        let kind = if self.is_video { "&kind=video" } else { "" };
        format!("who={who}&{time}{kind}")
    }

    /// The appointment that is to move is there.
    fn stands(&self) -> bool {
        let Some((visit, _)) = &self.moved else { return false };
        self.at.is_some_and(|at| at * MINUTE_MS == visit.start_ms)
            && visit.clinicians.first().is_some_and(|one| one.id == self.calendar.practitioner)
    }

    fn at_ms(&self, now_ms: i64) -> i64 {
        self.at.map_or(now_ms - now_ms.rem_euclid(MINUTE_MS), |at| at * MINUTE_MS)
    }

    fn at_text(&self) -> String {
        self.at.map_or_else(String::new, |at| at.to_string())
    }

    fn is_of(&self, calendar: &Calendar) -> bool {
        !self.is_unchosen && calendar.practitioner == self.calendar.practitioner
    }
}

/// An appointment by id, with its version.
pub async fn visit(asked: &Asked<'_>, asking: &Asking<'_>, id: &str) -> Result<(Visit, u32), Refusal> {
    let pairs = [("_id", id), ("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")];
    let sheet = asking.search("Appointment", &pairs).await?;
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let around = Around::of(&[&sheet], &Day::of(now_ms, zone));
    let resources = sheet.resources();
    let held = resources.iter().find(|one| one.resource_type() == Some("Appointment"));
    let visit = held.and_then(|held| Visit::of(held, &around, now_ms, zone)).ok_or(Refusal::NotFound)?;
    if visit.status != Status::Expected || !Act::Cancel.fits(visit.status, May::of(asking)) {
        return Err(Refusal::Invalid("only an appointment that is still to come can be moved"));
    }
    let version = visit.version;
    Ok((visit, version))
}

async fn booked(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    wanted: &Wanted<'_>,
    form: &Form,
    token: &str,
) -> Result<Vec<Change>, Refusal> {
    let now_ms = asked.web.record().now_ms();
    let (now, start_ms) = (day::instant(now_ms), wanted.at_ms(now_ms));
    let refer = |to: String| object([("reference", Json::string(to))]);
    let accepted = || ("status", Json::string("accepted"));
    let mut patient = vec![("actor", refer(format!("Patient/{}", form.text("patient")))), accepted()];
    if wanted.at.is_none() {
        patient.push(("period", object([("start", Json::string(now.clone()))])));
    }
    let clinician = [("actor", refer(format!("Practitioner/{}", wanted.calendar.practitioner))), accepted()];
    let (code, display) = match wanted.is_video {
        true => ("448337001", "Telemedicine consultation with patient (procedure)"),
        false => ("185349003", "Encounter for check up (procedure)"),
    };
    let service = object([("coding", Json::Array(vec![moves::coding(SNOMED, code, display)]))]);
    let (kind, display) = if wanted.at.is_none() {
        ("WALKIN", "A previously unscheduled walk-in visit")
    } else {
        ("ROUTINE", "Routine appointment - default if not valued")
    };
    let kind = object([(
        "coding",
        Json::Array(vec![moves::coding("http://terminology.hl7.org/CodeSystem/v2-0276", kind, display)]),
    )]);
    let mut members = vec![
        ("resourceType", Json::string("Appointment")),
        ("id", Json::string(name_of(token))),
        ("status", Json::string(if wanted.at.is_none() { "arrived" } else { "booked" })),
        ("serviceType", Json::Array(vec![service])),
        ("appointmentType", kind),
        ("start", Json::string(day::instant(start_ms))),
        ("end", Json::string(day::instant(start_ms + i64::from(SLOT_MINUTES) * MINUTE_MS))),
        ("created", Json::string(now.clone())),
        ("participant", Json::Array(vec![object(patient), object(clinician)])),
    ];
    let reason = reason(form);
    if !reason.is_empty() {
        members.push(("reasonCode", Json::Array(vec![object([("text", Json::string(reason))])])));
    }
    let mut changes = Vec::new();
    if wanted.at.is_some() {
        let (id, change) = slot(asking, wanted.calendar, start_ms, &now).await?;
        members.push(("slot", Json::Array(vec![refer(format!("Slot/{id}"))])));
        changes.push(change);
    }
    let mut resource = object(members);
    // What the record of the patient says of it is not in every list of who comes.
    if needs_interpreter(asking, form.text("patient")).await? {
        crate::pages::today::interpreted(&mut resource, "needs-action", "");
    }
    let url = format!("Appointment/{}", name_of(token));
    changes.push(Change { method: "PUT", url, if_match: None, is_new: true, resource });
    Ok(changes)
}

async fn needs_interpreter(asking: &Asking<'_>, patient: &str) -> Result<bool, Refusal> {
    match asking.read("Patient", patient).await {
        Ok(held) => {
            let needs = extension(&held.get().tree()?, INTERPRETER, "valueBoolean").and_then(Json::as_bool);
            Ok(needs == Some(true))
        }
        Err(RecordError::Denied(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn moved(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    wanted: &Wanted<'_>,
    visit: &Visit,
    form: &Form,
) -> Result<Vec<Change>, Refusal> {
    let now_ms = asked.web.record().now_ms();
    let (now, start_ms) = (day::instant(now_ms), wanted.at_ms(now_ms));
    let seen = form.version()?;
    let held = asking.read("Appointment", &visit.id).await?;
    let mut appointment = held.get().tree()?.into_owned();
    let mut changes = crate::pages::today::freed(asking, &appointment).await?;
    let (id, change) = slot(asking, wanted.calendar, start_ms, &now).await?;
    // Moved away and back: one slot is not both given back and taken.
    changes.retain(|freed| freed.url != change.url);
    changes.push(change);
    let with: Vec<String> = actors(&appointment, "Practitioner").map(str::to_owned).collect();
    let to = format!("Practitioner/{}", wanted.calendar.practitioner);
    if let Some(members) = appointment.as_object_mut() {
        members.set("start", Json::string(day::instant(start_ms)));
        members.set("end", Json::string(day::instant(start_ms + visit.end_ms() - visit.start_ms)));
        let slot = object([("reference", Json::string(format!("Slot/{id}")))]);
        members.set("slot", Json::Array(vec![slot]));
        for participant in members.get_mut("participant").and_then(Json::as_array_mut).into_iter().flatten() {
            let Some(actor) = participant.as_object_mut().and_then(|one| one.get_mut("actor")) else { continue };
            let is_first =
                text(actor, "reference").is_some_and(|held| with.first().is_some_and(|id| held.ends_with(id)));
            if let Some(actor) = actor.as_object_mut().filter(|_| is_first) {
                actor.set("reference", Json::string(to.clone()));
                actor.remove("display");
            }
        }
    }
    let url = format!("Appointment/{}", visit.id);
    changes.push(Change { method: "PUT", url, if_match: Some(seen), is_new: false, resource: appointment });
    Ok(changes)
}

struct Shown<'c> {
    wanted: Wanted<'c>,
    said: Option<&'static str>,
    error: Option<&'static str>,
    typed: [String; 2],
    found: Option<(Vec<Found>, bool)>,
    chosen: String,
    is_known: bool,
    also: Option<Also>,
    reason: String,
}

impl<'c> Shown<'c> {
    fn of(wanted: Wanted<'c>) -> Self {
        Self {
            wanted,
            said: None,
            error: None,
            typed: Default::default(),
            found: None,
            chosen: String::new(),
            is_known: false,
            also: None,
            reason: String::new(),
        }
    }
}

/// A name of more than an initial, and a whole birth date or a number.
fn names_one([name, number]: [&str; 2]) -> bool {
    const DAY: usize = "1968-07-14".len();
    name.chars().filter(|letter| letter.is_alphabetic()).count() > 1
        && time::typed(number).is_none_or(|date| date.len() == DAY)
}

/// The page with who was found by what the form says.
async fn found(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    wanted_time: Wanted<'_>,
    form: &Form,
    error: Option<&'static str>,
) -> Result<Response<Body>, Refusal> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let begun = Shown { error, ..Shown::of(wanted_time) };
    found_with(asked, session, asking, form, status, begun).await
}

/// The same page, which says what the patient has already and asks once.
async fn asks(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    wanted: Wanted<'_>,
    form: &Form,
    also: Also,
) -> Result<Response<Body>, Refusal> {
    let begun = Shown { also: Some(also), ..Shown::of(wanted) };
    found_with(asked, session, asking, form, StatusCode::CONFLICT, begun).await
}

/// Who walks in sees somebody whom a person chose.
async fn unchosen(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    wanted: Wanted<'_>,
    form: &Form,
) -> Result<Response<Body>, Refusal> {
    let error = Some("Choose which clinician they see. What you typed is still here.");
    if form.text("known") == "yes" {
        return found(asked, session, asking, wanted, form, error).await;
    }
    let typed = [form.text("name"), form.text("number")].map(|text| text.trim().to_owned());
    let begun = Shown { error, typed, reason: form.text("reason").to_owned(), ..Shown::of(wanted) };
    Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, begun))
}

async fn found_with(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    form: &Form,
    status: StatusCode,
    begun: Shown<'_>,
) -> Result<Response<Body>, Refusal> {
    let typed = [form.text("name").trim(), form.text("number").trim()];
    let (chosen, reason) = (form.text("patient").to_owned(), form.text("reason").to_owned());
    let begun = Shown { typed: typed.map(str::to_owned), chosen, reason, ..begun };
    if form.text("known") == "yes" && !begun.chosen.is_empty() {
        let found = Some((vec![one(asked, asking, &begun.chosen).await?], false));
        return Ok(shown(asked, session, status, Shown { found, is_known: true, ..begun }));
    }
    let refused = |begun, error| Shown { error: Some(error), also: None, ..begun };
    // One field finds too many, and the wrong one.
    if typed.iter().any(|text| text.is_empty()) {
        let error = "Type the name, and the birth date or the record number: two things that only this patient has.";
        return Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused(begun, error)));
    }
    if !names_one(typed) {
        let error = "Type more of the name than one letter, and the whole birth date or the record number.";
        return Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused(begun, error)));
    }
    let pairs = wanted(typed);
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sheet = match asking.search("Patient", &pairs).await {
        Err(Refusal::Record(RecordError::TooCostly { .. })) => {
            let error = "Too many patients match. Type more letters of the name.";
            return Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused(begun, error)));
        }
        other => other?,
    };
    let today = Day::of(asked.web.record().now_ms(), asked.web.zone());
    // Beside whom letters find: who sounds like it with the same number, so that nobody is taken for somebody else, or registered twice.
    let alike = match sounding(typed) {
        Some(pairs) => {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            match asking.search("Patient", &pairs).await {
                Err(Refusal::Record(RecordError::TooCostly { .. })) => None,
                other => Some(other?),
            }
        }
        None => None,
    };
    let mut patients = sheet.resources();
    let written = patients.len();
    for other in alike.iter().flat_map(|sheet| sheet.resources()) {
        if !patients.iter().any(|held| text(held, "id") == text(&other, "id")) {
            patients.push(other);
        }
    }
    let people = patients
        .iter()
        .take(FOUND_MAX)
        .enumerate()
        .filter_map(|(at, patient)| Some(Found { is_alike: at >= written, ..Found::of(patient, &today)? }));
    let found = Some((people.collect(), patients.len() > FOUND_MAX || sheet.next().is_some()));
    Ok(shown(asked, session, status, Shown { found, ..begun }))
}

async fn conflict(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    wanted: Wanted<'_>,
    form: &Form,
    error: &'static str,
) -> Result<Response<Body>, Refusal> {
    let mut response = match wanted.moved {
        Some(_) => shown(asked, session, StatusCode::CONFLICT, Shown { error: Some(error), ..Shown::of(wanted) }),
        None => found(asked, session, asking, wanted, form, Some(error)).await?,
    };
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

fn shown(asked: &Asked<'_>, session: &Session, status: StatusCode, shown: Shown<'_>) -> Response<Body> {
    let Shown { wanted, said, error, typed, found, chosen, is_known, also, reason } = shown;
    let is_more = found.as_ref().is_some_and(|(_, is_more)| *is_more);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Schedule),
        once: &ONCE,
        token: token::fresh(asked),
        asked_for: wanted,
        said,
        error,
        typed,
        found: found.map(|(people, _)| people),
        is_more,
        chosen,
        is_known,
        also,
        reason,
    };
    answer::page(status, &page)
}
