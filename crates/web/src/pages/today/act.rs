//! One act on one appointment: a form with the version that its person saw. The appointment, the encounter of the visit and the slot
//! change together or not at all; who was overtaken is shown by what, and sends the same form again or leaves it.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{RecordError, ResourceKey};

use super::{Answer, Whose, asking, back as taking_back};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Person, Status, Visit, actors};
use crate::clinic::day::{self, Day};
use crate::clinic::moves::{self, Act, Change, Follow, May, REASONS, Reason};
use crate::clinic::read::{text, version};
use crate::clinic::shell::{Place, Shell};
use crate::forms::Form;
use crate::pages::visit;
use crate::refusal::Refusal;

/// Letters of what is typed beside a reason.
pub const NOTE_CHARS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "today_stale.html")]
struct Stale<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    patient: Option<Person>,
    when: String,
    changed_at: String,
    changes: Vec<(&'static str, String, String)>,
    /// It is as was asked for, and for another reason: what was asked for.
    other_reason: Option<String>,
    /// The same act again, where it still fits.
    again: Option<Act>,
    id: &'a str,
    version: u32,
    day: String,
    who: String,
    reason: String,
    note: String,
    back: String,
}

pub async fn act(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let act = Act::parse(form.text("act")).ok_or(Refusal::Invalid("the page did not say what to do"))?;
    let seen = form.version()?;
    let reason = reason_of(&form)?;
    if act == Act::Cancel && reason.is_none() {
        return Err(Refusal::Invalid("say why the appointment is cancelled"));
    }
    let id = form.text("id");
    let held = asking.read("Appointment", id).await?;
    if held.get().version() == seen {
        let mut appointment = held.get().tree()?.into_owned();
        let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
        let now = day::instant(now_ms);
        let mut again = Vec::new();
        if act == Act::Wait && taking_back::is_written(&asking, &appointment).await? {
            let words = "A note of this visit is signed, so it did begin. It goes on, or it is done.";
            return Err(Refusal::Invalid(words));
        }
        if matches!(act, Act::Reopen | Act::Rebook | Act::Wait)
            && let Some(visit) = Visit::of(&appointment, &Around::default(), now_ms, zone)
        {
            if let Some(why) = taking_back::barred(act, &visit, &Day::of(now_ms, zone)) {
                return Err(Refusal::Invalid(why));
            }
            if act == Act::Rebook && act.fits(visit.status, May::of(&asking)) {
                match taking_back::taken_again(asked, &asking, &mut appointment, &visit, &now).await? {
                    Some(slots) => again = slots,
                    None => return overtaken(asked, &session, &asking, &form, act, seen).await,
                }
            }
        }
        let (mut changes, status) = changes(&asking, &appointment, seen, act, reason, &now).await?;
        changes.extend(again);
        if !act.fits(status, May::of(&asking)) {
            return overtaken(asked, &session, &asking, &form, act, seen).await;
        }
        match asking.transact(&moves::transaction(changes)).await {
            Ok(_) => {
                let back = back(asked, &form)?;
                let with = |said: &str| back.replace('#', &format!("&{said}#"));
                return Ok(answer::see(&match (act, Visit::of(&appointment, &Around::default(), now_ms, zone)) {
                    (Act::Cancel | Act::Miss, Some(was)) => {
                        let (start_ms, end_ms) = (was.start_ms, was.end_ms());
                        let of = visit::Visited { visit: id, version: seen + 1, start_ms, end_ms };
                        let told = visit::called_off(asked.web, of, act == Act::Cancel).await;
                        match act == Act::Cancel && was.is_video {
                            true => with(&format!("cancelled={id}&told={}", told.name())),
                            false => back,
                        }
                    }
                    (Act::Rebook, _) => with(&format!("rebooked={id}")),
                    _ => back,
                }));
            }
            Err(error) if error.is_overtaken() => {}
            Err(error) => return Err(error.into()),
        }
    }
    overtaken(asked, &session, &asking, &form, act, seen).await
}

/// The list that the form came from, at the line.
fn back(asked: &Asked<'_>, form: &Form) -> Result<String, Refusal> {
    let day = Day::parse(form.text("day"), asked.web.zone()).ok_or(Refusal::Invalid("a day is written 2026-11-26"))?;
    let id = ResourceKey::parse("Appointment", form.text("id")).ok_or(Refusal::NotFound)?.id;
    Ok(format!("{}#a-{id}", Whose::sent(form).address(&day.iso())))
}

fn reason_of(form: &Form) -> Result<Option<Reason<'_>>, Refusal> {
    let (code, note) = (form.text("reason"), form.text("note"));
    if code.is_empty() {
        return Ok(None);
    }
    if note.chars().count() > NOTE_CHARS_MAX {
        return Err(Refusal::Invalid("what is typed beside the reason is too long"));
    }
    let is_known = REASONS.iter().any(|(known, _)| *known == code);
    is_known.then_some(Some(Reason { code, note })).ok_or(Refusal::Invalid("there is no such reason"))
}

/// All that the act changes, each from the version that was read; and the status it starts from.
pub async fn changes(
    asking: &Asking<'_>,
    appointment: &Json<'_>,
    version: u32,
    act: Act,
    reason: Option<Reason<'_>>,
    now: &str,
) -> Result<(Vec<Change>, Status), Refusal> {
    let own = asking.record.own_practitioner(asking.caller).await?;
    let id = text(appointment, "id").ok_or(Refusal::Defect)?;
    let mut status = Status::of(appointment).ok_or(Refusal::Invalid("this is no appointment any more"))?;
    let mut changes = Vec::new();
    if May::of(asking).treat {
        let held = encounter(asking, appointment).await?;
        let held_status = held.as_ref().and_then(|(_, encounter)| text(encounter, "status"));
        match held_status {
            Some("in-progress" | "onleave") => status = Status::WithClinician,
            Some("finished") => status = Status::Done,
            _ => {}
        }
        match (moves::follow(act, held_status), held) {
            (Follow::Create(begins), _) => changes.push(Change {
                method: "POST",
                url: "Encounter".to_owned(),
                if_match: None,
                is_new: false,
                resource: moves::encounter(appointment, begins, now, own.as_deref()),
            }),
            (Follow::Set(becomes), Some((version, mut encounter))) => {
                moves::encounter_moved(&mut encounter, becomes, now);
                let url = format!("Encounter/{}", text(&encounter, "id").unwrap_or_default());
                changes.push(Change {
                    method: "PUT",
                    url,
                    if_match: Some(version),
                    is_new: false,
                    resource: encounter,
                });
            }
            _ => {}
        }
    }
    if act == Act::Cancel {
        changes.extend(freed(asking, appointment).await?);
    }
    let mut moved = appointment.clone().into_owned();
    moves::moved(&mut moved, act, now, own.as_deref(), reason.filter(|_| act == Act::Cancel));
    let url = format!("Appointment/{id}");
    changes.push(Change { method: "PUT", url, if_match: Some(version), is_new: false, resource: moved });
    Ok((changes, status))
}

/// The encounter of the visit, if one was opened and not called off.
pub async fn encounter(asking: &Asking<'_>, appointment: &Json<'_>) -> Result<Option<(u32, Json<'static>)>, Refusal> {
    let (Some(patient), Some(id)) = (actors(appointment, "Patient").next(), text(appointment, "id")) else {
        return Ok(None);
    };
    let visit = format!("Appointment/{id}");
    let pairs =
        [("patient", patient), ("appointment", &visit), ("status:not", "cancelled"), ("_sort", "-_lastUpdated")];
    let sheet = asking.search_if_ever("Encounter", &pairs).await?;
    let found = sheet.resources().into_iter().find(|one| text(one, "status") != Some("entered-in-error"));
    Ok(found.map(|one| (version(&one), one.into_owned())))
}

/// Its slots become free again, where this role keeps them.
pub async fn freed(asking: &Asking<'_>, appointment: &Json<'_>) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::new();
    if !asking.may_ever(access::Action::Update, "Slot") {
        return Ok(changes);
    }
    for id in moves::slots(appointment) {
        let held = match asking.read("Slot", id).await {
            Ok(held) => held,
            // A slot that is gone is nobody's.
            Err(RecordError::NotFound | RecordError::Gone) => continue,
            Err(error) => return Err(error.into()),
        };
        let slot = held.get().tree()?;
        if text(&slot, "status") != Some("busy") {
            continue;
        }
        let mut slot = slot.into_owned();
        if let Some(members) = slot.as_object_mut() {
            members.set("status", Json::string("free"));
        }
        let (url, if_match) = (format!("Slot/{id}"), Some(held.get().version()));
        changes.push(Change { method: "PUT", url, if_match, is_new: false, resource: slot });
    }
    Ok(changes)
}

/// Somebody was faster. Who wanted what is so now has it; others see what changed, and nothing of theirs is lost.
async fn overtaken(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    form: &Form,
    act: Act,
    seen: u32,
) -> Result<Response<Body>, Refusal> {
    let id = form.text("id");
    let pairs = [("_id", id), ("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")];
    let sheet = asking.search("Appointment", &pairs).await?;
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let around = Around::of(&[&sheet], &Day::of(now_ms, zone));
    let resources = sheet.resources();
    let held = resources.iter().find(|one| one.resource_type() == Some("Appointment")).ok_or(RecordError::NotFound)?;
    let now = Visit::of(held, &around, now_ms, zone).ok_or(Refusal::Invalid("this is no appointment any more"))?;
    let back = back(asked, form)?;
    // Two may want the same for different reasons. One is kept, and who said the other is told.
    let asked_for = reason_of(form)?.filter(|_| act == Act::Cancel).map(moves::reason_words);
    let other_reason = asked_for.filter(|asked_for| now.cancelled.as_ref().is_none_or(|kept| kept != asked_for));
    if now.status == act.goal() && other_reason.is_none() {
        return Ok(answer::see(&back));
    }
    // Nobody touched the appointment: it is the time that somebody has.
    if act == Act::Rebook && now.version == seen && act.fits(now.status, May::of(asking)) {
        return Ok(taking_back::taken(asked, session, now, back));
    }
    let day_of = |visit: &Visit| Day::of(visit.start_ms, zone).short();
    let key = ResourceKey::parse("Appointment", id).ok_or(Refusal::NotFound)?;
    let changes = match seen < now.version {
        true => {
            let before = asking.record.vread(asking.caller, &key, seen).await?;
            let before = before.get().tree()?;
            let before = Visit::of(&before, &around, now_ms, zone);
            before.map_or_else(Vec::new, |before| {
                moves::differences(&before.told(&day_of(&before)), &now.told(&day_of(&now)))
            })
        }
        false => Vec::new(),
    };
    let changed = held.get("meta").and_then(|meta| text(meta, "lastUpdated")).and_then(crate::clinic::time::instant_ms);
    let page = Stale {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Today),
        when: format!("{} {}", day_of(&now), now.time),
        changed_at: changed.map_or_else(String::new, |ms| day::clock(ms, zone)),
        changes,
        other_reason: other_reason.filter(|_| now.status == act.goal()),
        again: Some(act).filter(|act| act.fits(now.status, May::of(asking))),
        version: now.version,
        patient: now.patient,
        id: &key.id,
        day: form.text("day").to_owned(),
        who: form.text("who").to_owned(),
        reason: form.text("reason").to_owned(),
        note: form.text("note").to_owned(),
        back,
    };
    Ok(answer::page(StatusCode::CONFLICT, &page))
}
