//! What is left to do and what was done about it, as Task and Communication (R4). An answer to something has a name that follows from
//! what it answers, so that it is there once however many people send it at the same time.

use access::Action;
use fhir::Json;

use super::ask::Asking;
use super::moves::{coding, object};
use super::read::{all, at, extension, reference, text};

pub const SYSTEM: &str = "urn:wardstone:task";
/// Completed: somebody looked at this version of a result, and took it over.
pub const ACKNOWLEDGE: (&str, &str) = ("acknowledge-result", "Result acknowledged");
pub const FOLLOW_UP: (&str, &str) = ("follow-up", "Follow-up");
/// Begun by itself, and of no result.
pub const BARE: (&str, &str) = ("to-do", "Task");
/// Open or completed: what became of a message.
pub const HANDLE: (&str, &str) = ("handle-message", "Message");
/// Open until its owner has co-signed the note.
pub const COSIGN: &str = record::COSIGN[1];
/// By when a task is due, while it sleeps for longer: a Period does not end before it begins.
const DUE: &str = "urn:wardstone:due";
const DAY_CHARS: usize = "2026-12-20".len();
/// Letters of an id that a name holds whole; a name has 64.
const ID_CHARS_MAX: usize = 44;
/// FNV-1a, 128 bits (draft-eastlake-fnv).
const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The Task that acknowledges this version of a result.
pub fn acknowledges(id: &str, version: u32) -> String {
    format!("ack.{}.{version}", short(id))
}

/// The Task of what becomes of a message; a message stays what it was, whatever its version.
pub fn handles(id: &str) -> String {
    format!("msg.{}", short(id))
}

/// The Provenance of a note's co-signature: one a note.
pub fn cosigns(note_id: &str) -> String {
    format!("cosign.{}", short(note_id))
}

/// So much of an id as fits into a name.
pub fn short(id: &str) -> String {
    if id.len() <= ID_CHARS_MAX {
        return id.to_owned();
    }
    let hash = id.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME));
    format!("{}.{hash:032x}", id.get(..8).unwrap_or_default())
}

/// Whether the caller's roles ever change tasks that somebody made.
pub fn may_change(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Update, "Task")
}

/// Whether they ever make some, too.
pub fn may_act(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "Task") && may_change(asking)
}

/// The order whose answer a task waits for: a ServiceRequest's id.
pub fn order<'j>(task: &'j Json<'_>) -> Option<&'j str> {
    reference(task.get("focus")?).filter(|(kind, _)| *kind == "ServiceRequest").map(|(_, id)| id)
}

/// By when it is due, asleep or not.
pub fn due<'j>(task: &'j Json<'_>) -> Option<&'j str> {
    let kept = extension(task, DUE, "valueDateTime").and_then(Json::as_str);
    kept.or_else(|| text(at(task, &["restriction", "period"])?, "end"))
}

/// From when on it is in the list again, if it sleeps. By when it is due stays as it is.
pub fn restrict(task: &mut Json<'static>, start: Option<String>) {
    let due = due(task).map(str::to_owned);
    let others: Vec<Json<'static>> =
        { all(task, "extension").iter() }.filter(|one| text(one, "url") != Some(DUE)).cloned().collect();
    let Some(members) = task.as_object_mut() else { return };
    let is_kept = due.as_deref().zip(start.as_deref()).is_some_and(|(due, start)| !begins_before(start, due));
    let mut period = Vec::new();
    period.extend(start.map(|start| ("start", Json::string(start))));
    period.extend(due.clone().filter(|_| !is_kept).map(|due| ("end", Json::string(due))));
    let mut restriction = members.get("restriction").and_then(Json::as_object).cloned().unwrap_or_default();
    match period.is_empty() {
        true => drop(restriction.remove("period")),
        false => restriction.set("period", object(period)),
    }
    match restriction.is_empty() {
        true => drop(members.remove("restriction")),
        false => members.set("restriction", Json::Object(restriction)),
    }
    let kept = due.filter(|_| is_kept);
    let kept = kept.map(|due| object([("url", Json::string(DUE)), ("valueDateTime", Json::string(due))]));
    let extensions: Vec<Json<'static>> = others.into_iter().chain(kept).collect();
    match extensions.is_empty() {
        true => drop(members.remove("extension")),
        false => members.set("extension", Json::Array(extensions)),
    }
}

/// Whether a Period may have both: an instant and a day, or two instants. A day without a zone is on the safe side of it.
fn begins_before(start: &str, due: &str) -> bool {
    if due.len() <= DAY_CHARS {
        return start.get(..due.len()).is_some_and(|day| day < due);
    }
    let at = super::time::instant_ms;
    at(start).zip(at(due)).is_some_and(|(start, due)| start <= due)
}

pub fn concept((code, words): (&'static str, &'static str)) -> Json<'static> {
    object([("coding", Json::Array(vec![coding(SYSTEM, code, words)])), ("text", Json::string(words))])
}

pub fn refer(kind: &str, id: &str) -> Json<'static> {
    object([("reference", Json::string(format!("{kind}/{id}")))])
}

pub fn identifier(system: &'static str, value: &str) -> Json<'static> {
    let one = object([("system", Json::string(system)), ("value", Json::string(value.to_owned()))]);
    Json::Array(vec![one])
}

/// What is sensitive about a thing is so about what is written of it.
pub fn security<'j>(of: &'j Json<'_>) -> impl Iterator<Item = (&'static str, Json<'static>)> + use<'j> {
    let labels = of.get("meta").and_then(|meta| meta.get("security")).map(|labels| labels.clone().into_owned());
    labels.map(|labels| ("meta", object([("security", labels)]))).into_iter()
}

/// A note of somebody at a time.
pub fn annotation(by: &str, now: &str, words: &str) -> Json<'static> {
    object([
        ("authorReference", refer("Practitioner", by)),
        ("time", Json::string(now.to_owned())),
        ("text", Json::string(words.to_owned())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sleeps_past_its_day_keeps_the_day_beside_the_period() {
        let start = "2027-01-18T05:00:00Z";
        for (due, is_kept) in [
            ("2027-01-19", false),
            ("2027-01-18", true),
            ("2027-01-17", true),
            ("2027-01-18T05:00:00Z", false),
            ("2027-01-18T04:59:59.999Z", true),
        ] {
            let said = format!(
                r#"{{"extension":[{{"url":"u","valueString":"x"}}],"restriction":{{"repetitions":2,"period":{{"start":"2026-12-01","end":"{due}"}}}}}}"#
            );
            let held = Json::parse_str(&said).unwrap_or(Json::Null).into_owned();
            let mut task = held.clone();
            restrict(&mut task, Some(start.to_owned()));
            let period = at(&task, &["restriction", "period"]).cloned().unwrap_or(Json::Null);
            assert_eq!((text(&period, "start"), text(&period, "end")), (Some(start), Some(due).filter(|_| !is_kept)));
            assert_eq!(super::due(&task), Some(due));
            restrict(&mut task, None);
            let said = said.replace(r#""start":"2026-12-01","#, "");
            assert_eq!(String::from_utf8_lossy(&task.to_vec()), said, "awake it is as it was");
        }
    }

    #[test]
    fn an_answer_has_one_name_that_is_an_id_however_long_that_of_the_question_is() {
        assert_eq!((acknowledges("r-1", 3).as_str(), handles("c").as_str()), ("ack.r-1.3", "msg.c"));
        let (a, b) = ("a".repeat(63) + "b", "a".repeat(64));
        assert_ne!(acknowledges(&a, 1), acknowledges(&b, 1));
        for name in [acknowledges(&a, u32::MAX), handles(&b)] {
            assert!(record::ResourceKey::parse("Task", &name).is_some(), "{name}");
        }
    }
}
