//! Visits of who is signed in as a patient, or stands for one: they need no link. Which are theirs the record decides.

use std::time::Duration;

use access::Role;
use identity::{Hold, Session};
use telehealth::Secret;
use telehealth::guests::{GuestError, SignedIn, key_of, person_of};
use telehealth::link::{CLOSES_AFTER_MS, OPENS_BEFORE_MS, Purpose};
use telehealth::sheets::{self, Patient};

use super::guest::{hold, note, refused};
use super::host::LOOK_EVERY;
use super::{Answer, GUEST_PATH, account_of, unread};
use crate::Web;
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::book::{Around, Status, Visit};
use crate::clinic::day::{Day, instant};
use crate::refusal::Refusal;

const MINUTE_MS: i64 = 60_000;
const AHEAD_MS: i64 = 24 * 60 * MINUTE_MS;
const BACK_MS: i64 = 12 * 60 * MINUTE_MS;
const SHOWN_MAX: &str = "20";
const STATUSES: &str = "pending,booked,arrived,checked-in";

/// One that is open now, or opens within a day.
pub struct Mine {
    pub id: String,
    pub when: String,
    pub is_open: bool,
}

/// For the page of one's own account. Nobody else has any.
pub async fn visits(asked: &Asked<'_>, session: &Session) -> Result<Vec<Mine>, Refusal> {
    let Some((asking, _)) = asking(asked, session) else { return Ok(Vec::new()) };
    let now_ms = asked.web.record().now_ms();
    let (from, until) = (format!("ge{}", instant(now_ms - BACK_MS)), format!("lt{}", instant(now_ms + AHEAD_MS)));
    let pairs = [("date", from.as_str()), ("date", until.as_str()), ("status", STATUSES), ("_count", SHOWN_MAX)];
    let sheet = asking.search_if_ever("Appointment", &pairs).await?;
    let mut mine = read(asked, &sheet);
    mine.sort_by_key(|visit| visit.start_ms);
    let shown = |visit: Visit| {
        let (opens_ms, closes_ms) = window(&visit);
        let day = Day::of(visit.start_ms, asked.web.zone());
        let is_open = (opens_ms..closes_ms).contains(&now_ms);
        (now_ms < closes_ms).then(|| Mine { when: format!("{} {}", day.title(), visit.time), id: visit.id, is_open })
    };
    Ok(mine.into_iter().filter_map(shown).collect())
}

/// Into one of them: from here on like somebody who came by a link and said who they are.
pub async fn enter(asked: &Asked<'_>) -> Answer {
    let session = asked.writer(&asked.form()).await?;
    let (asking, purpose) = asking(asked, &session).ok_or(Refusal::NotYours)?;
    let sheet = asking.search("Appointment", &[("_id", asked.ids[0]), ("_include", "Appointment:patient")]).await?;
    let visit = read(asked, &sheet).pop().ok_or(Refusal::NotFound)?;
    let (_, closes_ms) = window(&visit);
    let new = SignedIn {
        visit: &visit.id,
        purpose,
        label: if purpose == Purpose::Patient { "The patient" } else { "Who stands for the patient" },
        start_ms: visit.start_ms,
        end_ms: visit.end_ms(),
        account: &account_of(session.user),
    };
    let (link, binding, known) = asked.web.guests().welcome(new).await.map_err(refused)?;
    note(asked, &known)?;
    belongs(asked, &asking, &visit).await?;
    let person = person_of(&account_of(session.user));
    watch(asked.web, &visit.id, person, &link, closes_ms, asked.web.identity().hold(&session));
    let mut response = answer::see(GUEST_PATH);
    hold(&mut response, &link, &binding);
    Ok(response)
}

/// Whose chart the visit is of stands on its sheet, as where a clinician opened the room before.
async fn belongs(asked: &Asked<'_>, asking: &Asking<'_>, visit: &Visit) -> Result<(), Refusal> {
    let Some(person) = &visit.patient else { return Ok(()) };
    let chart = asking.record.chart_number(asking.caller, &person.id).await?.0;
    let patient = Patient { id: person.id.clone(), chart };
    let change = |sheet: &mut sheets::Sheet| {
        sheet.patient.get_or_insert(patient);
    };
    asked.web.sheets().change(&visit.id, change).map_err(unread)
}

/// Like the clinician's, their place hangs on them and not on their session: a screen may lock, and who is signed out everywhere, or has lost
/// the device, is out at once and does not come back with what that browser holds.
fn watch(web: &Web, visit: &str, person: String, link: &Secret, closes_ms: i64, hold: Hold) {
    let (hall, guests, visit) = (web.hall().clone(), web.guests().clone(), visit.to_owned());
    let (name, link) = (Secret::new(key_of(link)).text(), link.clone());
    let left = u64::try_from(closes_ms - web.record().now_ms()).unwrap_or_default();
    tokio::spawn(async move {
        let mut wait = Duration::from_millis(left);
        loop {
            tokio::select! {
                () = hold.over() => break,
                // A visit may take longer than it was planned, or be moved: as long as they are there or may come, their hold is.
                () = tokio::time::sleep(wait) => match guests.open_for_ms(&link).ok().flatten() {
                    Some(left) => wait = Duration::from_millis(left),
                    None if hall.knows(&visit, &person) => wait = LOOK_EVERY,
                    None => return,
                },
            }
        }
        match guests.revoke(&visit, &name).await {
            Ok(_) => hall.expel(&visit, &person),
            // They came in anew from elsewhere since: that is another hold's.
            Err(GuestError::Link(_)) => {}
            Err(error) => {
                tracing::error!(%error, "a way into a visit could not be closed");
                hall.expel(&visit, &person);
            }
        }
    });
}

/// As whom somebody asks. Who is both comes as the patient.
fn asking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Option<(Asking<'a>, Purpose)> {
    let caller = session.caller.as_ref()?;
    let has = |wanted| caller.roles().iter().any(|role| role == wanted);
    let purpose = match (has(Role::Patient), has(Role::Proxy)) {
        (true, _) => Purpose::Patient,
        (false, true) => Purpose::Proxy,
        (false, false) => return None,
    };
    Some((Asking { record: asked.web.record(), caller }, purpose))
}

/// Those by video that are still to be.
fn read(asked: &Asked<'_>, sheet: &Sheet) -> Vec<Visit> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let around = Around::of(&[sheet], &Day::of(now_ms, zone));
    let all = sheet.resources();
    let held = all.iter().filter(|one| one.resource_type() == Some("Appointment"));
    let visits = held.filter_map(|one| Visit::of(one, &around, now_ms, zone));
    visits.filter(|visit| visit.is_video && is_to_come(visit.status)).collect()
}

fn is_to_come(status: Status) -> bool {
    matches!(status, Status::Expected | Status::Arrived | Status::CheckedIn | Status::WithClinician)
}

fn window(visit: &Visit) -> (i64, i64) {
    (visit.start_ms - OPENS_BEFORE_MS, visit.end_ms() + CLOSES_AFTER_MS)
}
