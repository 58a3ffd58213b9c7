//! What is left to do and what was done about it, as Task and Communication (R4). An answer to something has a name that follows from
//! what it answers, so that it is there once however many people send it at the same time.

use access::Action;
use fhir::Json;

use super::ask::Asking;
use super::moves::{coding, object};

pub const SYSTEM: &str = "urn:wardstone:task";
/// Completed: somebody looked at this version of a result, and took it over.
pub const ACKNOWLEDGE: (&str, &str) = ("acknowledge-result", "Result acknowledged");
pub const FOLLOW_UP: (&str, &str) = ("follow-up", "Follow-up");
/// Open or completed: what became of a message.
pub const HANDLE: (&str, &str) = ("handle-message", "Message");
/// Open until its owner has co-signed the note.
pub const COSIGN: &str = record::COSIGN[1];
/// HL7 Structured Data Capture: the patient is asked to fill in a form.
pub const SDC: &str = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp";
pub const QUESTIONNAIRE: &str = "complete-questionnaire";
/// The form that made it: the same form sent twice is told from another of the same person.
pub const FORM_SYSTEM: &str = "urn:wardstone:form";
/// Statuses of what is still to be done.
pub const OPEN: &str = "requested,received,accepted,in-progress,on-hold,ready";
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

/// Whether the caller's roles ever write tasks.
pub fn may_act(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "Task") && asking.may_ever(Action::Update, "Task")
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
    fn an_answer_has_one_name_that_is_an_id_however_long_that_of_the_question_is() {
        assert_eq!((acknowledges("r-1", 3).as_str(), handles("c").as_str()), ("ack.r-1.3", "msg.c"));
        let (a, b) = ("a".repeat(63) + "b", "a".repeat(64));
        assert_ne!(acknowledges(&a, 1), acknowledges(&b, 1));
        for name in [acknowledges(&a, u32::MAX), handles(&b)] {
            assert!(record::ResourceKey::parse("Task", &name).is_some(), "{name}");
        }
    }
}
