//! Who interprets at an appointment: to be found, booked, declined, or not needed, on a page of its own. The name of an interpreter or of a
//! house that sends one is words, and no entry of the directory.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;

use super::{Answer, Whose, asking, query};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{self, Around, Visit};
use crate::clinic::day::Day;
use crate::clinic::moves::{self, Change, May, object};
use crate::clinic::read::{has_code, text};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

/// Letters of who interprets.
const WHO_CHARS_MAX: usize = 80;
const PARTICIPANT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/participant-type";
/// Participation statuses, and the words for them; without one nobody interprets.
const STATES: [(&str, &str); 4] =
    [("needs-action", "To be found"), ("accepted", "Booked"), ("declined", "Declined"), ("", "None is asked for")];

#[derive(Template)]
#[template(path = "today_interpreter.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    visit: Visit,
    when: String,
    /// What is chosen and typed.
    state: String,
    name: String,
    /// Somebody else changed the appointment meanwhile.
    is_overtaken: bool,
    /// What is wrong with the name.
    wrong: Option<&'static str>,
    states: &'static [(&'static str, &'static str)],
    /// The record of the patient says so: then one is to be found, whatever the appointment says.
    is_needed: bool,
    who: String,
    who_max: usize,
    back: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let whose = Whose::asked(&query(asked))?.unwrap_or_default();
    shown(asked, &session, &asking, whose, None, StatusCode::OK).await
}

/// Asked again with what was typed.
struct Again {
    state: String,
    name: String,
    wrong: Option<&'static str>,
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !May::of(&asking).book {
        return Err(Refusal::NotYours);
    }
    let (state, name) = (form.text("state"), form.text("name").trim());
    if STATES.iter().all(|(known, _)| *known != state) {
        return Err(Refusal::Invalid("the page did not say how it stands with the interpreter"));
    }
    let whose = Whose::sent(&form);
    let again = |wrong| Again { state: state.to_owned(), name: name.to_owned(), wrong };
    if name.chars().count() > WHO_CHARS_MAX || name.chars().any(char::is_control) {
        let again = again(Some("Who interprets: a name or a house, in at most 80 letters."));
        return shown(asked, &session, &asking, whose, Some(again), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let seen = form.version()?;
    let held = asking.read("Appointment", asked.ids[0]).await?;
    if held.get().version() == seen {
        let mut appointment = held.get().tree()?.into_owned();
        set(&mut appointment, state, name);
        let url = format!("Appointment/{}", asked.ids[0]);
        let change = Change { method: "PUT", url, if_match: Some(seen), is_new: false, resource: appointment };
        match asking.transact(&moves::transaction(vec![change])).await {
            Ok(_) => {
                let (visit, _) = read(asked, &asking).await?;
                return Ok(answer::see(&back(asked, &whose, &visit)));
            }
            Err(error) if error.is_overtaken() => {}
            Err(error) => return Err(error.into()),
        }
    }
    shown(asked, &session, &asking, whose, Some(again(None)), StatusCode::CONFLICT).await
}

/// The appointment, and how it stands with its interpreter.
async fn read(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<(Visit, (String, String)), Refusal> {
    let pairs = [("_id", asked.ids[0]), ("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")];
    let sheet = asking.search("Appointment", &pairs).await?;
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let around = Around::of(&[&sheet], &Day::of(now_ms, zone));
    let resources = sheet.resources();
    let held = resources.iter().find(|one| one.resource_type() == Some("Appointment")).ok_or(Refusal::NotFound)?;
    let visit = Visit::of(held, &around, now_ms, zone).ok_or(Refusal::NotFound)?;
    Ok((visit, named(held)))
}

fn back(asked: &Asked<'_>, whose: &Whose, visit: &Visit) -> String {
    let day = Day::of(visit.start_ms, asked.web.zone());
    format!("{}#a-{}", whose.address(&day.iso()), visit.id)
}

async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    whose: Whose,
    again: Option<Again>,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    if !May::of(asking).book {
        return Err(Refusal::NotYours);
    }
    let (visit, (state, name)) = read(asked, asking).await?;
    let day = Day::of(visit.start_ms, asked.web.zone());
    let is_again = again.is_some();
    let is_needed = visit.patient.as_ref().is_some_and(|patient| patient.needs_interpreter);
    let again = again.unwrap_or(Again { state, name, wrong: None });
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Today),
        when: format!("{} {}", day.title(), visit.time),
        back: back(asked, &whose, &visit),
        who: whose.to_string(),
        states: if is_needed { &STATES[..3] } else { &STATES },
        is_needed,
        who_max: WHO_CHARS_MAX,
        is_overtaken: is_again && again.wrong.is_none(),
        wrong: again.wrong,
        state: again.state,
        name: again.name,
        visit,
    };
    Ok(answer::page(status, &page))
}

fn is_interpreter(participant: &Json<'_>) -> bool {
    has_code(participant, "type", book::TRANSLATOR)
}

/// How it stands, and who it is. Where nobody was thought of yet, one is to be found.
fn named(appointment: &Json<'_>) -> (String, String) {
    let participants = appointment.get("participant").map_or(&[][..], Json::items);
    let Some(one) = participants.iter().find(|one| is_interpreter(one)) else {
        return ("needs-action".to_owned(), String::new());
    };
    let state = text(one, "status").filter(|state| STATES.iter().any(|(known, _)| known == state));
    let name = one.get("actor").and_then(|actor| text(actor, "display"));
    (state.unwrap_or("needs-action").to_owned(), name.unwrap_or_default().to_owned())
}

/// One participant who interprets, or none; what else is said of them stays.
pub fn set(appointment: &mut Json<'static>, state: &str, name: &str) {
    let Some(participants) =
        appointment.as_object_mut().and_then(|members| members.get_mut("participant")).and_then(Json::as_array_mut)
    else {
        return;
    };
    if state.is_empty() {
        participants.retain(|one| !is_interpreter(one));
        return;
    }
    if !participants.iter().any(is_interpreter) {
        let coding = object([
            ("system", Json::string(PARTICIPANT_TYPE)),
            ("code", Json::string(book::TRANSLATOR)),
            ("display", Json::string("Translator")),
        ]);
        let kind = object([("coding", Json::Array(vec![coding])), ("text", Json::string("Interpreter"))]);
        participants.push(object([("type", Json::Array(vec![kind])), ("required", Json::string("required"))]));
    }
    let Some(one) = participants.iter_mut().find(|one| is_interpreter(one)).and_then(Json::as_object_mut) else {
        return;
    };
    one.set("status", Json::string(state.to_owned()));
    match name.is_empty() {
        true => drop(one.remove("actor")),
        false => one.set("actor", object([("display", Json::string(name.to_owned()))])),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_interpreter_is_named_changed_and_taken_away() {
        let before = r#"{"resourceType":"Appointment","status":"booked","participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"}]}"#;
        let mut appointment = Json::parse_str(before).unwrap().into_owned();
        assert_eq!(named(&appointment), ("needs-action".to_owned(), String::new()));
        set(&mut appointment, "accepted", "Ines Vidal");
        assert_eq!(named(&appointment), ("accepted".to_owned(), "Ines Vidal".to_owned()));
        assert!(fhir::validate(&appointment).is_empty());
        set(&mut appointment, "declined", "");
        assert_eq!(named(&appointment), ("declined".to_owned(), String::new()));
        set(&mut appointment, "", "nobody");
        assert_eq!(String::from_utf8(appointment.to_vec()).unwrap(), before);
    }
}
