//! Booking a time, moving an appointment to it, and walking in: find the patient by two fields, then confirm who and when. The slot and
//! the appointment are one transaction: of two who book one time one wins, and the other is told with all they typed. An appointment has
//! the name of its form, so that a form sent twice makes one.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{RecordError, ResourceKey};

use super::{Calendar, Taken, calendars, may_book};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner;
use crate::clinic::book::{Around, Person, Status, Visit, actors};
use crate::clinic::day::{self, Day};
use crate::clinic::moves::{self, Act, Change, May, object};
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::slots::{self, SLOT_MINUTES};
use crate::clinic::time;
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::Answer;
use crate::pages::patients::{sounding, wanted};
use crate::pages::today::{asking, query};
use crate::refusal::Refusal;

const MINUTE_MS: i64 = 60_000;
const FOUND_MAX: usize = 10;
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
    error: Option<&'static str>,
    typed: [String; 2],
    /// Found by what was typed; none before anything was.
    found: Option<Vec<Found>>,
    is_more: bool,
}

struct Found {
    person: Person,
    mrn: String,
    sex: String,
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
    Ok(shown(asked, &session, StatusCode::OK, Shown { wanted, error: None, typed: Default::default(), found: None }))
}

/// Looks for the patient; nothing is booked yet.
pub async fn find(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let calendars = calendars(asked, &asking).await?;
    let wanted = Wanted::of(asked, &asking, &calendars, &|name| form.text(name)).await?;
    found(asked, &session, &asking, wanted, &form, None).await
}

/// Books, moves or lets in.
pub async fn book(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let calendars = calendars(asked, &asking).await?;
    let wanted = Wanted::of(asked, &asking, &calendars, &|name| form.text(name)).await?;
    if wanted.moved.is_none() && ResourceKey::parse("Patient", form.text("patient")).is_none() {
        return found(asked, &session, &asking, wanted, &form, Some("Choose who it is for.")).await;
    }
    let token = token::sent(asked, &form);
    if wanted.moved.is_none()
        && let Some(made) = made_before(&asking, &token).await?
    {
        return sent_before(asked, &session, &asking, wanted, &form, &made).await;
    }
    let taken = "Somebody has this time already. Nothing was booked; choose another one, what you typed stays.";
    if let Some(at) = wanted.at
        && !is_free(asked, &asking, wanted.calendar, at * MINUTE_MS).await?
    {
        return conflict(asked, &session, &asking, wanted, &form, taken).await;
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
                super::super::visit::put_off(asked.web, &visit.id, start_ms, end_ms).await;
            }
            Ok(answer::see(&address(&wanted)))
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

fn address(wanted: &Wanted<'_>) -> String {
    format!("/today?day={}&who={}", wanted.day, wanted.calendar.practitioner)
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
        return Ok(answer::see(&address(&wanted)));
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
        let calendar = calendars.iter().find(|one| one.practitioner == who).or(first);
        let calendar = calendar.ok_or(Refusal::Invalid("there is no such calendar"))?;
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
        Ok(Wanted { calendar, calendars, at, when, day: day.iso(), is_video, moved, moved_from })
    }

    fn at_ms(&self, now_ms: i64) -> i64 {
        self.at.map_or(now_ms - now_ms.rem_euclid(MINUTE_MS), |at| at * MINUTE_MS)
    }

    fn at_text(&self) -> String {
        self.at.map_or_else(String::new, |at| at.to_string())
    }

    fn is_of(&self, calendar: &Calendar) -> bool {
        calendar.practitioner == self.calendar.practitioner
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

async fn is_free(asked: &Asked<'_>, asking: &Asking<'_>, calendar: &Calendar, start_ms: i64) -> Result<bool, Refusal> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let day = Day::of(start_ms, zone);
    let taken = Taken::between(asking, &day, &day, Some(calendar)).await?;
    let around = Around::of(&[&taken.booked], &day);
    let resources = taken.booked.resources();
    let visits: Vec<Visit> = resources.iter().filter_map(|one| Visit::of(one, &around, now_ms, zone)).collect();
    let visits: Vec<&Visit> = visits.iter().collect();
    let minute = day.minute_of(start_ms);
    let open = slots::open_minutes(&day, asked.web.hours(), &calendar.rules);
    let cells = slots::column(&day, &[minute], &open, &visits, &taken.held(&calendar.schedule), now_ms);
    Ok(cells.iter().all(slots::Cell::is_free))
}

/// The slot of the time, taken by this transaction: made, or made busy again from the version that is free now. Whoever took it after
/// the calendar was looked at has it.
async fn slot(asking: &Asking<'_>, calendar: &Calendar, start_ms: i64, now: &str) -> Result<(String, Change), Refusal> {
    let id = slots::id(&calendar.schedule, start_ms);
    let held = match asking.read("Slot", &id).await {
        Ok(held) => {
            let slot = held.get().tree()?;
            if slots::is_busy(&slot) {
                return Err(RecordError::ExistsAlready.into());
            }
            Some(held.get().version())
        }
        Err(RecordError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let change = Change {
        method: "PUT",
        url: format!("Slot/{id}"),
        if_match: held,
        is_new: held.is_none(),
        resource: slots::busy(&calendar.schedule, start_ms, now),
    };
    Ok((id, change))
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
    let mut changes = Vec::new();
    if wanted.at.is_some() {
        let (id, change) = slot(asking, wanted.calendar, start_ms, &now).await?;
        members.push(("slot", Json::Array(vec![refer(format!("Slot/{id}"))])));
        changes.push(change);
    }
    let url = format!("Appointment/{}", name_of(token));
    changes.push(Change { method: "PUT", url, if_match: None, is_new: true, resource: object(members) });
    Ok(changes)
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
    error: Option<&'static str>,
    typed: [String; 2],
    found: Option<(Vec<Found>, bool)>,
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
    let typed = [form.text("name").trim(), form.text("number").trim()];
    let owned = typed.map(str::to_owned);
    let refused = |wanted, error| Shown { wanted, error: Some(error), typed: owned.clone(), found: None };
    // One field finds too many, and the wrong one.
    if typed.iter().any(|text| text.is_empty()) {
        let error = "Type the name, and the birth date or the record number: two things that only this patient has.";
        return Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused(wanted_time, error)));
    }
    if !names_one(typed) {
        let error = "Type more of the name than one letter, and the whole birth date or the record number.";
        return Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused(wanted_time, error)));
    }
    let pairs = wanted(typed);
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sheet = match asking.search("Patient", &pairs).await {
        Err(Refusal::Record(RecordError::TooCostly { .. })) => {
            let error = "Too many patients match. Type more letters of the name.";
            return Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused(wanted_time, error)));
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
    for other in alike.iter().flat_map(|sheet| sheet.resources()) {
        if !patients.iter().any(|held| text(held, "id") == text(&other, "id")) {
            patients.push(other);
        }
    }
    let people = patients.iter().take(FOUND_MAX).filter_map(|patient| {
        let person = Person::of(text(patient, "id")?.to_owned(), patient, &today);
        let mrn = banner::record_number(patient).unwrap_or_default().to_owned();
        Some(Found { person, mrn, sex: banner::sex(patient) })
    });
    let found = Some((people.collect(), patients.len() > FOUND_MAX || sheet.next().is_some()));
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(shown(asked, session, status, Shown { wanted: wanted_time, error, typed: owned, found }))
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
        Some(_) => shown(
            asked,
            session,
            StatusCode::CONFLICT,
            Shown { wanted, error: Some(error), typed: Default::default(), found: None },
        ),
        None => found(asked, session, asking, wanted, form, Some(error)).await?,
    };
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

fn shown(asked: &Asked<'_>, session: &Session, status: StatusCode, shown: Shown<'_>) -> Response<Body> {
    let Shown { wanted, error, typed, found } = shown;
    let is_more = found.as_ref().is_some_and(|(_, is_more)| *is_more);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Schedule),
        once: &ONCE,
        token: token::fresh(asked),
        asked_for: wanted,
        error,
        typed,
        found: found.map(|(people, _)| people),
        is_more,
    };
    answer::page(status, &page)
}
