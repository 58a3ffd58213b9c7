//! Booking a time, moving an appointment to it, and walking in: find the patient by two fields, then confirm who and when. The slot and
//! the appointment are one transaction: of two who book one time one wins, and the other is told with all they typed. An appointment has
//! the name of its form, so that a form sent twice makes one.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{RecordError, ResourceKey};

use super::also::{self, Also};
use super::calendars;
use super::hold::is_free;
use super::make::{booked, moved, name_of, reason};
use super::wanted::{LENGTHS, MINUTE_MS, Wanted};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner;
use crate::clinic::book::{Person, actors};
use crate::clinic::day::{self, Day};
use crate::clinic::moves;
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::Answer;
use crate::pages::patients::{sounding, wanted};
use crate::pages::today::{asking, query};
use crate::pages::visit::{self, Visited};
use crate::refusal::Refusal;
use crate::searches::{GONE, Searched};

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
    let taken = wanted.is_taken();
    if let Some(at) = wanted.at
        && !is_free(asked, &asking, &wanted, at * MINUTE_MS).await?
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
            let now_ms = asked.web.record().now_ms();
            let (start_ms, end_ms) = (wanted.at_ms(now_ms), wanted.end_ms(now_ms));
            Ok(answer::see(&match &wanted.moved {
                // With another clinician at the same time, the visit of who has a link is what it was.
                Some((visit, version)) if visit.is_video && visit.start_ms != start_ms => {
                    let of = Visited { visit: &visit.id, version: version + 1, start_ms, end_ms };
                    let told = visit::put_off(asked.web, of).await;
                    format!("{}&told={}", wanted.address("moved", &visit.id), told.name())
                }
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
