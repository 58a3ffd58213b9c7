//! Acknowledging: the trail, a message to the patient and a follow-up are there together or not at all.
//!
//! The trail is a Task whose name follows from the result and its version, so that one of several wins, and a result that the laboratory
//! changes waits again.

use fhir::Json;
use record::{RecordError, ResourceKey};

use super::one::{Draft, Why, acknowledged, follow_up as asked_for, shown};
use super::{Answer, asking};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::{self, Day};
use crate::clinic::deed::says_all_of;
use crate::clinic::hands::people;
use crate::clinic::moves::{self, Change, object};
use crate::clinic::read::reference;
use crate::clinic::task::{self, concept, identifier, refer, security};
use crate::clinic::token;
use crate::refusal::Refusal;

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/communication-category";

/// About what, by whom, when.
struct Of<'a> {
    report: &'a Json<'a>,
    report_id: &'a str,
    version: u32,
    patient: &'a str,
    own: &'a str,
    now: &'a str,
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let Some(own) = own.filter(|_| task::may_act(&asking)) else { return Err(Refusal::NotYours) };
    let seen = form.version()?;
    let mut draft = Draft::read(&form);
    if token::parse(&draft.token).is_none() {
        return Err(Refusal::Invalid("the form did not say which one it is"));
    }
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let held = asking.read("DiagnosticReport", asked.ids[0]).await?;
    let report = held.get().tree()?;
    let Some(("Patient", patient)) = report.get("subject").and_then(reference) else {
        return Err(Refusal::Invalid("this result is no patient’s"));
    };
    // The rest of a form whose result somebody else acknowledged.
    let is_rest = form.text("act") == "rest";
    if held.get().version() != seen && !is_rest {
        return shown(asked, &session, &asking, &draft, Why::Changed).await;
    }
    let people = people(asked.web, &asking, patient, Some(&own), &asked_for(asked.ids[0])).await?;
    let due = draft.weigh(&people, &Day::of(now_ms, zone), zone);
    if is_rest && !draft.has_more() {
        draft.slips.push(("message", "There is neither a message nor a follow-up to save.".to_owned()));
    }
    if !draft.slips.is_empty() {
        return shown(asked, &session, &asking, &draft, Why::Refused).await;
    }
    let now = day::instant(now_ms);
    let of = Of { report: &report, report_id: asked.ids[0], version: seen, patient, own: &own, now: &now };
    let made = [
        (!is_rest).then(|| trail(&of, &draft)),
        (!draft.message.is_empty()).then(|| message(&of, &draft)),
        due.as_ref().map(|due| follow_up(&of, &draft, due)),
    ];
    let changes: Vec<Change> = made.into_iter().flatten().collect();
    let words: Vec<(String, Json<'static>)> =
        { changes.iter() }.map(|change| (change.url.clone(), change.resource.clone())).collect();
    match asking.transact(&moves::transaction(changes)).await {
        Ok(_) => return Ok(done(&draft)),
        Err(error) if error.is_overtaken() => {}
        Err(error) => return Err(error.into()),
    }
    // Made before: by this form, or by somebody else.
    let by = acknowledged(&asking, asked.ids[0], seen, zone).await?;
    let is_own = is_rest || by.as_ref().is_some_and(|by| by.token.as_deref() == Some(&draft.token));
    if is_own && says_what_it_said(&asking, &draft.token, &words).await? {
        return Ok(done(&draft));
    }
    if !is_own && !draft.has_more() && by.is_some_and(|by| by.by_id.as_deref() == Some(&own)) {
        return Ok(done(&draft));
    }
    draft.token = token::fresh(asked);
    shown(asked, &session, &asking, &draft, if is_own { Why::Resent } else { Why::Overtaken }).await
}

/// Whether a form that is sent again makes just what it made: what became of its task since does not count.
pub async fn says_what_it_said(
    asking: &Asking<'_>,
    token: &str,
    words: &[(String, Json<'static>)],
) -> Result<bool, Refusal> {
    for (kind, id) in [("Communication", format!("msg.{token}")), ("Task", format!("do.{token}"))] {
        let key = ResourceKey::parse(kind, &id).ok_or(Refusal::Defect)?;
        let held = match asking.record.vread(asking.caller, &key, 1).await {
            Ok(held) => Some(held),
            Err(RecordError::NotFound | RecordError::Gone) => None,
            Err(error) => return Err(error.into()),
        };
        let said = words.iter().find(|(url, _)| *url == format!("{kind}/{id}")).map(|(_, said)| said);
        let is_same = match (&held, said) {
            (Some(held), Some(said)) => {
                let held = held.get().tree()?;
                says_all_of(&held, said)
            }
            (held, said) => held.is_none() && said.is_none(),
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn done(draft: &Draft) -> http::Response<axum::body::Body> {
    let what = match (draft.message.is_empty(), draft.what.is_empty()) {
        (true, true) => "plain",
        (false, true) => "message",
        (true, false) => "task",
        (false, false) => "both",
    };
    let show = crate::clinic::duty::List::parse(&draft.show).map(|list| format!("show={}&", list.name()));
    answer::see(&format!("/results?{}done={what}", show.unwrap_or_default()))
}

fn new(kind: &'static str, id: String, members: Vec<(&'static str, Json<'static>)>) -> Change {
    let head = [("resourceType", Json::string(kind)), ("id", Json::string(id.clone()))];
    let resource = object(head.into_iter().chain(members));
    Change { method: "PUT", url: format!("{kind}/{id}"), if_match: None, is_new: true, resource }
}

fn text(words: &str) -> Json<'static> {
    Json::string(words.to_owned())
}

fn reason(of: &Of<'_>) -> impl Iterator<Item = (&'static str, Json<'static>)> {
    of.report.get("code").map(|code| ("reasonCode", code.clone().into_owned())).into_iter()
}

fn trail(of: &Of<'_>, draft: &Draft) -> Change {
    let mut members: Vec<_> = security(of.report).collect();
    members.extend([
        ("identifier", identifier(token::FORM_SYSTEM, &draft.token)),
        ("status", Json::string("completed")),
        ("intent", Json::string("order")),
        ("code", concept(task::ACKNOWLEDGE)),
        ("focus", refer("DiagnosticReport", of.report_id)),
        ("for", refer("Patient", of.patient)),
        ("authoredOn", text(of.now)),
        ("lastModified", text(of.now)),
        ("requester", refer("Practitioner", of.own)),
        ("owner", refer("Practitioner", of.own)),
    ]);
    // The reason bears the code of the result, and with it what is sensitive about it.
    members.extend(reason(of));
    new("Task", task::acknowledges(of.report_id, of.version), members)
}

fn message(of: &Of<'_>, draft: &Draft) -> Change {
    let category = object([("coding", Json::Array(vec![moves::coding(CATEGORY, "notification", "Notification")]))]);
    let payload = object([("contentString", text(&draft.message))]);
    let mut members: Vec<_> = security(of.report).collect();
    members.extend([
        ("status", Json::string("completed")),
        ("category", Json::Array(vec![category])),
        ("subject", refer("Patient", of.patient)),
        ("about", Json::Array(vec![refer("DiagnosticReport", of.report_id)])),
        ("sent", text(of.now)),
        ("recipient", Json::Array(vec![refer("Patient", of.patient)])),
        ("sender", refer("Practitioner", of.own)),
        ("payload", Json::Array(vec![payload])),
    ]);
    members.extend(reason(of).map(|(name, code)| (name, Json::Array(vec![code]))));
    new("Communication", format!("msg.{}", draft.token), members)
}

fn follow_up(of: &Of<'_>, draft: &Draft, due: &Day) -> Change {
    let until = object([("end", text(&day::instant(due.ends_ms() - 1)))]);
    let mut members: Vec<_> = security(of.report).collect();
    members.extend([
        ("identifier", identifier(token::FORM_SYSTEM, &draft.token)),
        ("partOf", Json::Array(vec![refer("Task", &task::acknowledges(of.report_id, of.version))])),
        ("status", Json::string("requested")),
        ("intent", Json::string("order")),
        ("priority", Json::string("routine")),
        ("code", concept(task::FOLLOW_UP)),
        ("description", text(&draft.what)),
        ("focus", refer("DiagnosticReport", of.report_id)),
        ("for", refer("Patient", of.patient)),
        ("authoredOn", text(of.now)),
        ("lastModified", text(of.now)),
        ("requester", refer("Practitioner", of.own)),
        ("restriction", object([("period", until)])),
    ]);
    if !draft.owner.is_empty() {
        members.push(("owner", refer("Practitioner", &draft.owner)));
    }
    members.extend(reason(of));
    new("Task", format!("do.{}", draft.token), members)
}
