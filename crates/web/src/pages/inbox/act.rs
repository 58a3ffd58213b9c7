//! What is done with a message or a task, from the version that its person saw: whoever comes second is told, and loses nothing.

use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::RecordError;

use super::item::{Draft, WHY_CHARS_MAX, WORDS_CHARS_MAX, given, may_act, shown};
use super::reopen::{Undo, before, may_reopen};
use super::{Answer, asking};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::{self, Day};
use crate::clinic::duty::List;
use crate::clinic::hands::people;
use crate::clinic::moves::{self, Change, object};
use crate::clinic::read::{all, has_code, reference, text};
use crate::clinic::task::{self, annotation, concept, refer, security};
use crate::clinic::token;
use crate::refusal::Refusal;

/// Who sleeps longer is done.
const SNOOZE_DAYS_MAX: i64 = 366;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Done,
    Snooze,
    Wake,
    Assign,
    /// A note is not co-signed: it goes back to who asked.
    Decline,
    /// Who asked for a co-signature does not ask any more.
    Withdraw,
    Answer,
    AnswerAndDone,
    /// Who was done with it is not.
    Reopen,
}

impl Act {
    const EACH: [(&str, Act); 9] = [
        ("done", Act::Done),
        ("reopen", Act::Reopen),
        ("snooze", Act::Snooze),
        ("wake", Act::Wake),
        ("assign", Act::Assign),
        ("decline", Act::Decline),
        ("withdraw", Act::Withdraw),
        ("answer", Act::Answer),
        ("answer-done", Act::AnswerAndDone),
    ];

    fn answers(self) -> bool {
        matches!(self, Act::Answer | Act::AnswerAndDone)
    }
}

pub async fn task(asked: &Asked<'_>) -> Answer {
    act(asked, "Task").await
}

pub async fn message(asked: &Asked<'_>) -> Answer {
    act(asked, "Communication").await
}

async fn act(asked: &Asked<'_>, kind: &'static str) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let Some(own) = own.filter(|_| may_act(&asking, kind)) else { return Err(Refusal::NotYours) };
    let known = Act::EACH.iter().find(|(name, _)| *name == form.text("act"));
    let (name, act) = *known.ok_or(Refusal::Invalid("the page did not say what to do"))?;
    let seen = form.version()?;
    let mut draft = Draft::read(&form);
    let is_message = kind == "Communication";
    if act.answers() && !(is_message && token::parse(&draft.token).is_some()) {
        return Err(Refusal::Invalid("only a message is answered, by its form"));
    }
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let held = asking.read(kind, asked.ids[0]).await?;
    let about = held.get().tree()?;
    let subject = about.get(if is_message { "subject" } else { "for" });
    let Some(("Patient", patient)) = subject.and_then(reference) else { return Err(RecordError::NotFound.into()) };
    let is_cosign = !is_message && has_code(&about, "code", task::COSIGN);
    let asker = about.get("requester").and_then(reference).filter(|(kind, _)| *kind == "Practitioner");
    let asker = asker.map(|(_, id)| id.to_owned());
    if matches!(act, Act::Decline | Act::Withdraw) && !is_cosign {
        return Err(Refusal::Invalid("only a co-signature is declined"));
    }
    let may_end = asker.as_ref().is_none_or(|asker| *asker == own);
    if act == Act::Withdraw && !may_end || act == Act::Decline && may_end {
        return Err(Refusal::Invalid("who asked for a co-signature withdraws it, and everybody else declines it"));
    }
    let people = people(asked.web, &asking, patient, Some(&own), &given(kind, asked.ids[0], &about)).await?;
    if act == Act::Assign && is_cosign && draft.owner.is_empty() {
        draft.slips.push(("owner", "Choose who is to co-sign it instead: a team signs nothing."));
    }
    if act == Act::Decline {
        draft.owner = asker.unwrap_or_default();
    }
    let until = weigh(&mut draft, act, &people, &Day::of(now_ms, zone), zone);
    if !draft.slips.is_empty() {
        return shown(asked, &session, &asking, kind, &draft, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let now = day::instant(now_ms);
    // The Task that changes, and the version it is at.
    let task_id = if is_message { task::handles(asked.ids[0]) } else { asked.ids[0].to_owned() };
    let current = match asking.read("Task", &task_id).await {
        Ok(current) => Some(current),
        Err(RecordError::NotFound | RecordError::Gone) if is_message => None,
        Err(error) => return Err(error.into()),
    };
    let at = current.as_ref().map_or(0, |current| current.get().version());
    let mut one = match &current {
        Some(current) => current.get().tree()?.into_owned(),
        None => handling(&about, asked.ids[0], patient, &now, &own),
    };
    let is_open = text(&one, "status").is_some_and(record::is_task_open);
    let is_reached = match act {
        Act::Done => text(&one, "status") == Some("completed"),
        Act::Reopen => is_open,
        // The same person, for the same reason: the form was sent twice.
        Act::Assign | Act::Decline => {
            one.get("owner").and_then(reference).map_or("", |(_, id)| id) == draft.owner && said_last(&one, &draft.why)
        }
        Act::Withdraw => text(&one, "status") == Some("cancelled") && said_last(&one, &draft.why),
        _ => false,
    };
    if matches!(act, Act::Done | Act::Reopen) && is_cosign {
        return Err(Refusal::Invalid("a note is co-signed on its own page"));
    }
    if matches!(act, Act::Done | Act::Reopen) && task::order(&one).is_some() {
        return Err(Refusal::Invalid("an order ends on its own page: when its answer is seen, or with a reason"));
    }
    if at != seen && is_reached {
        return Ok(back(&draft, name, &undo(act, kind, asked.ids[0], at)));
    }
    let is_ready = if act == Act::Reopen { may_reopen(&one, &own) } else { is_open };
    if at != seen || !is_ready {
        return late(asked, &session, &asking, kind, draft, (name, act)).await;
    }
    let mut changes = Vec::new();
    if act == Act::Reopen {
        let before = match at {
            // Nobody had seen to the message before.
            1 if is_message => Some(handling(&about, asked.ids[0], patient, &now, &own)),
            _ => before(&asking, &task_id, at - 1).await?,
        };
        let Some(before) = before else {
            return late(asked, &session, &asking, kind, draft, (name, act)).await;
        };
        one = before;
        one.as_object_mut().ok_or(Refusal::Defect)?.set("lastModified", Json::string(now.clone()));
    } else if act != Act::Answer {
        moved(&mut one, act, &draft, until.as_ref(), &now, &own);
    }
    if act != Act::Answer {
        changes.push(Change {
            method: "PUT",
            url: format!("Task/{task_id}"),
            if_match: Some(at).filter(|at| *at > 0),
            is_new: at == 0,
            resource: one,
        });
    }
    if act.answers() {
        changes.push(answered(&about, asked.ids[0], patient, &draft, &now, &own));
    }
    match asking.transact(&moves::transaction(changes)).await {
        Ok(_) => Ok(back(&draft, name, &undo(act, kind, asked.ids[0], at + 1))),
        Err(error) if error.is_overtaken() => late(asked, &session, &asking, kind, draft, (name, act)).await,
        Err(error) => Err(error.into()),
    }
}

fn said_last(task: &Json<'_>, why: &str) -> bool {
    all(task, "note").last().and_then(|note| text(note, "text")) == Some(why)
}

/// Somebody was here before, which is said; or this form was, with the same words or with others.
async fn late(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    kind: &'static str,
    mut draft: Draft,
    (name, act): (&'static str, Act),
) -> Answer {
    let sent = if act.answers() { sent(asking, &draft.token).await? } else { None };
    if let Some(words) = sent {
        let is_same = words == draft.answer;
        if is_same && (act == Act::Answer || is_done(asking, asked.ids[0]).await?) {
            return Ok(back(&draft, name, ""));
        }
        // What was sent is not typed once more.
        if is_same {
            draft.answer.clear();
        }
        draft.sent = Some(match is_same {
            true => "The answer is in the patient’s record. The message is not done yet.",
            false => "With other words: those are in the patient’s record. What is typed below was not sent.",
        });
    }
    // A form that found its name taken has another one from here on.
    draft.token = token::fresh(asked);
    shown(asked, session, asking, kind, &draft, StatusCode::CONFLICT).await
}

/// What a form of this name answered.
async fn sent(asking: &Asking<'_>, token: &str) -> Result<Option<String>, Refusal> {
    let held = match asking.read("Communication", &format!("msg.{token}")).await {
        Ok(held) => held,
        Err(RecordError::NotFound | RecordError::Gone) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let one = held.get().tree()?;
    Ok(all(&one, "payload").iter().find_map(|part| text(part, "contentString")).map(str::to_owned))
}

/// Whether somebody is done with a message.
async fn is_done(asking: &Asking<'_>, message: &str) -> Result<bool, Refusal> {
    let held = match asking.read("Task", &task::handles(message)).await {
        Ok(held) => held,
        Err(RecordError::NotFound | RecordError::Gone) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let one = held.get().tree()?;
    Ok(text(&one, "status") == Some("completed"))
}

/// What the list offers to take back, of what was done in this version.
fn undo(act: Act, kind: &str, id: &str, version: u32) -> String {
    let is_done = matches!(act, Act::Done | Act::AnswerAndDone);
    if is_done { Undo::asked(kind, id, version) } else { String::new() }
}

fn back(draft: &Draft, name: &str, undo: &str) -> http::Response<axum::body::Body> {
    let show = List::parse(&draft.show).map(|list| format!("show={}&", list.name()));
    answer::see(&format!("/inbox?{}done={name}{undo}", show.unwrap_or_default()))
}

/// The day until which it sleeps, if what was typed can be done.
fn weigh(
    draft: &mut Draft,
    act: Act,
    people: &[(String, String)],
    today: &Day,
    zone: &jiff::tz::TimeZone,
) -> Option<Day> {
    match act {
        Act::Snooze => match Day::parse(&draft.until, zone) {
            None => draft.slips.push(("until", "Say on which day it is to come back.")),
            Some(day) if day.date() <= today.date() => draft.slips.push(("until", "Choose a day after today.")),
            Some(day) if day.date() > today.plus(SNOOZE_DAYS_MAX).date() => {
                draft.slips.push(("until", "Choose a day within a year."));
            }
            Some(day) => return Some(day),
        },
        Act::Assign | Act::Decline | Act::Withdraw => {
            if act == Act::Assign && !draft.owner.is_empty() && !people.iter().any(|(id, _)| *id == draft.owner) {
                draft.slips.push(("owner", "Choose who takes it over from the list."));
            }
            if draft.why.is_empty() {
                draft.slips.push(("why", "Say why: who takes it over reads it."));
            } else if draft.why.chars().count() > WHY_CHARS_MAX {
                draft.slips.push(("why", "The reason is too long."));
            }
        }
        Act::Answer | Act::AnswerAndDone => {
            if draft.answer.is_empty() {
                draft.slips.push(("answer", "Write the answer first."));
            } else if draft.answer.chars().count() > WORDS_CHARS_MAX {
                draft.slips.push(("answer", "The answer is too long."));
            }
        }
        Act::Done | Act::Wake | Act::Reopen => {}
    }
    None
}

/// What becomes of a message, before anything did.
fn handling(message: &Json<'_>, id: &str, patient: &str, now: &str, own: &str) -> Json<'static> {
    let mut members = vec![("resourceType", Json::string("Task")), ("id", Json::string(task::handles(id)))];
    members.extend(security(message));
    members.extend([
        ("status", Json::string("requested")),
        ("intent", Json::string("order")),
        ("code", concept(task::HANDLE)),
        ("focus", refer("Communication", id)),
        ("for", refer("Patient", patient)),
        ("authoredOn", Json::string(now.to_owned())),
        ("requester", refer("Practitioner", own)),
    ]);
    // It stays with whom it was written to until somebody gives it on.
    let to = all(message, "recipient").iter().find_map(|one| match reference(one) {
        Some((kind @ ("Practitioner" | "PractitionerRole"), id)) => Some(refer(kind, id)),
        _ => None,
    });
    members.extend(to.map(|to| ("owner", to)));
    object(members)
}

fn moved(task: &mut Json<'static>, act: Act, draft: &Draft, until: Option<&Day>, now: &str, own: &str) {
    let Some(members) = task.as_object_mut() else { return };
    let status = match act {
        Act::Done | Act::AnswerAndDone => "completed",
        Act::Snooze => "on-hold",
        Act::Wake | Act::Assign | Act::Decline | Act::Answer | Act::Reopen => "requested",
        Act::Withdraw => "cancelled",
    };
    members.set("status", Json::string(status));
    members.set("lastModified", Json::string(now.to_owned()));
    task::restrict(task, until.map(|day| day::instant(day.begins_ms())));
    let Some(members) = task.as_object_mut() else { return };
    match act {
        Act::Assign | Act::Decline | Act::Withdraw => {
            match draft.owner.as_str() {
                _ if act == Act::Withdraw => {}
                "" => drop(members.remove("owner")),
                owner => members.set("owner", refer("Practitioner", owner)),
            }
            let note = annotation(own, now, &draft.why);
            match members.get_mut("note").and_then(Json::as_array_mut) {
                Some(notes) => notes.push(note),
                None => members.set("note", Json::Array(vec![note])),
            }
        }
        // Who ended it.
        Act::Done | Act::AnswerAndDone => members.set("owner", refer("Practitioner", own)),
        _ => {}
    }
}

fn answered(message: &Json<'_>, id: &str, patient: &str, draft: &Draft, now: &str, own: &str) -> Change {
    let name = format!("msg.{}", draft.token);
    let to = message.get("sender").map_or_else(|| refer("Patient", patient), |to| to.clone().into_owned());
    let mut members = vec![("resourceType", Json::string("Communication")), ("id", Json::string(name.clone()))];
    members.extend(security(message));
    members.extend([
        ("inResponseTo", Json::Array(vec![refer("Communication", id)])),
        ("status", Json::string("completed")),
        ("subject", refer("Patient", patient)),
        ("sent", Json::string(now.to_owned())),
        ("recipient", Json::Array(vec![to])),
        ("sender", refer("Practitioner", own)),
        ("payload", Json::Array(vec![object([("contentString", Json::string(draft.answer.clone()))])])),
    ]);
    let url = format!("Communication/{name}");
    Change { method: "PUT", url, if_match: None, is_new: true, resource: object(members) }
}
