//! What is done with an appointment, as changes of FHIR JSON: each act asks for a status, sets another, and notes when.

use std::borrow::Cow;

use fhir::Json;

use super::book::Status;
use super::read::{all, reference, text};

/// Reasons that a form offers, of HL7's appointment-cancellation-reason; the text is what people read.
pub const REASONS: [(&str, &str); 6] = [
    ("pat", "Patient cancelled"),
    ("pat-cpp", "Patient feels better"),
    ("pat-mt", "Patient has no transport"),
    ("prov", "Clinician cannot come"),
    ("oth-err", "Booked by mistake"),
    ("other", "Another reason"),
];
const REASON_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Arrive,
    CheckIn,
    Start,
    Finish,
    Miss,
    Cancel,
    /// Takes back what was entered by mistake.
    Expect,
    /// Takes back that the visit is over.
    Reopen,
    /// Takes back that it was cancelled.
    Rebook,
    /// Takes back that it began.
    Wait,
}

/// What the caller's roles are ever permitted to do with what a visit is made of.
#[derive(Clone, Copy, Default)]
pub struct May {
    pub book: bool,
    pub treat: bool,
    /// Sees what is free.
    pub offer: bool,
}

impl Act {
    pub const ALL: [Act; 10] = [
        Act::Arrive,
        Act::CheckIn,
        Act::Start,
        Act::Finish,
        Act::Miss,
        Act::Cancel,
        Act::Expect,
        Act::Reopen,
        Act::Rebook,
        Act::Wait,
    ];

    pub fn parse(name: &str) -> Option<Act> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// As forms say it.
    pub fn name(self) -> &'static str {
        match self {
            Act::Arrive => "arrive",
            Act::CheckIn => "check-in",
            Act::Start => "start",
            Act::Finish => "finish",
            Act::Miss => "miss",
            Act::Cancel => "cancel",
            Act::Expect => "expect",
            Act::Reopen => "reopen",
            Act::Rebook => "rebook",
            Act::Wait => "wait",
        }
    }

    /// As buttons say it.
    pub fn words(self) -> &'static str {
        match self {
            Act::Arrive => "Arrived",
            Act::CheckIn => "Check in",
            Act::Start => "Start visit",
            Act::Finish => "Visit done",
            Act::Miss => "No-show",
            Act::Cancel => "Cancel the appointment",
            Act::Expect => "Back to expected",
            Act::Reopen => "Back to with clinician",
            Act::Rebook => "Book again",
            Act::Wait => "Back to waiting",
        }
    }

    /// What it leads to: who asks for what is so already has what they want.
    pub fn goal(self) -> Status {
        match self {
            Act::Arrive => Status::Arrived,
            Act::CheckIn | Act::Wait => Status::CheckedIn,
            Act::Start | Act::Reopen => Status::WithClinician,
            Act::Finish => Status::Done,
            Act::Miss => Status::Missed,
            Act::Cancel => Status::Cancelled,
            Act::Expect | Act::Rebook => Status::Expected,
        }
    }

    pub fn fits(self, status: Status, may: May) -> bool {
        use Status::{Arrived, Cancelled, CheckedIn, Done, Expected, Missed, WithClinician};
        match self {
            Act::Arrive => may.book && status == Expected,
            Act::CheckIn => may.book && matches!(status, Expected | Arrived),
            Act::Start => may.treat && matches!(status, Expected | Arrived | CheckedIn),
            Act::Finish | Act::Wait => may.treat && status == WithClinician,
            Act::Miss | Act::Cancel => may.book && matches!(status, Expected | Arrived | CheckedIn),
            Act::Expect => may.book && matches!(status, Arrived | CheckedIn | Missed),
            Act::Reopen => may.treat && status == Done,
            Act::Rebook => may.book && may.offer && status == Cancelled,
        }
    }

    /// The step that comes next for this person, and the others.
    pub fn offered(status: Status, may: May) -> (Option<Act>, Vec<Act>) {
        let fitting: Vec<Act> = Self::ALL.into_iter().filter(|act| act.fits(status, may)).collect();
        let order: [Act; 3] = match (may.treat, status.waits()) {
            (true, true) => [Act::Finish, Act::Start, Act::CheckIn],
            _ => [Act::Finish, Act::CheckIn, Act::Start],
        };
        let first = order.into_iter().find(|act| fitting.contains(act));
        (first, fitting.into_iter().filter(|act| Some(*act) != first).collect())
    }
}

/// A reason to cancel, as the form has it.
#[derive(Clone, Copy)]
pub struct Reason<'f> {
    pub code: &'f str,
    pub note: &'f str,
}

/// Changes the appointment for the act at this instant. `own` is the Practitioner of who acts, if they are one.
pub fn moved(appointment: &mut Json<'_>, act: Act, now: &str, own: Option<&str>, reason: Option<Reason<'_>>) {
    let status = match act {
        Act::Arrive => "arrived",
        Act::CheckIn | Act::Start | Act::Reopen | Act::Wait => "checked-in",
        Act::Finish => "fulfilled",
        Act::Miss => "noshow",
        Act::Cancel => "cancelled",
        Act::Expect | Act::Rebook => "booked",
    };
    // The clinician who starts, if they take part; else whom the appointment is with.
    let is_mine = own.is_some_and(|own| super::book::actors(appointment, "Practitioner").any(|id| id == own));
    let caller = own.filter(|_| is_mine).map(str::to_owned);
    let Some(members) = appointment.as_object_mut() else { return };
    members.set("status", Json::string(status.to_owned()));
    if let Some(reason) = reason {
        members.set("cancelationReason", cancellation(reason));
    }
    if act == Act::Rebook {
        members.remove("cancelationReason");
    }
    let Some(participants) = members.get_mut("participant").and_then(Json::as_array_mut) else { return };
    let mut is_called_in = false;
    for participant in participants {
        let actor = participant.get("actor").and_then(reference).map(|(kind, id)| (kind.to_owned(), id.to_owned()));
        let kind = actor.as_ref().map_or("", |(kind, _)| kind.as_str());
        let Some(members) = participant.as_object_mut() else { continue };
        match (act, kind) {
            (Act::Arrive | Act::CheckIn | Act::Start, "Patient") => begin(members, now),
            (Act::Start, "Practitioner") if !is_called_in => {
                let is_this = caller.as_ref().is_none_or(|caller| actor.is_some_and(|(_, id)| id == *caller));
                if is_this {
                    begin(members, now);
                    is_called_in = true;
                }
            }
            (Act::Finish, _) => end(members, now),
            (Act::Reopen, _) => reopen(members, None),
            (Act::Wait, "Practitioner") | (Act::Expect | Act::Rebook, _) => drop(members.remove("period")),
            _ => {}
        }
    }
    // What was ended without having begun begins now.
    if act == Act::Reopen && super::book::period(appointment, "Practitioner").0.is_none() {
        moved(appointment, Act::Start, now, own, None);
    }
}

fn begin(participant: &mut fhir::json::Object<'_>, now: &str) {
    if participant.get("period").is_none() {
        participant.set("period", object([("start", Json::string(now.to_owned()))]));
    }
}

fn end(participant: &mut fhir::json::Object<'_>, now: &str) {
    let Some(period) = participant.get_mut("period").and_then(Json::as_object_mut) else { return };
    if period.get("end").is_none() {
        period.set("end", Json::string(now.to_owned()));
    }
}

/// Takes the end from a period, if it is the one given.
fn reopen(holder: &mut fhir::json::Object<'_>, ended: Option<&str>) {
    let Some(period) = holder.get_mut("period").and_then(Json::as_object_mut) else { return };
    let is_it = |held: &str| ended.is_none_or(|ended| ended == held);
    if period.get("end").and_then(Json::as_str).is_some_and(is_it) {
        period.remove("end");
    }
}

fn coded(reason: Reason<'_>) -> (&'static str, &'static str) {
    REASONS.iter().copied().find(|(code, _)| *code == reason.code).unwrap_or(("other", "Another reason"))
}

/// As people read it.
pub fn reason_words(reason: Reason<'_>) -> String {
    let (_, words) = coded(reason);
    match reason.note.trim() {
        "" => words.to_owned(),
        note => format!("{words}: {note}"),
    }
}

fn cancellation(reason: Reason<'_>) -> Json<'static> {
    let (code, words) = coded(reason);
    let coding = object([
        ("system", Json::string(REASON_SYSTEM)),
        ("code", Json::string(code)),
        ("display", Json::string(words)),
    ]);
    object([("coding", Json::Array(vec![coding])), ("text", Json::string(reason_words(reason)))])
}

/// What an act does to the encounter of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    Nothing,
    Create(&'static str),
    Set(&'static str),
}

/// By the status of the encounter there is, if one is.
pub fn follow(act: Act, held: Option<&str>) -> Follow {
    let has_not_begun = matches!(held, Some("planned" | "arrived" | "triaged"));
    match act {
        Act::CheckIn if held.is_none() => Follow::Create("arrived"),
        Act::Start if held.is_none() => Follow::Create("in-progress"),
        Act::Start if has_not_begun => Follow::Set("in-progress"),
        Act::Reopen if held == Some("finished") => Follow::Set("in-progress"),
        Act::Wait if held == Some("in-progress") => Follow::Set("arrived"),
        Act::Finish if has_not_begun || matches!(held, Some("in-progress" | "onleave")) => Follow::Set("finished"),
        Act::Miss | Act::Cancel | Act::Expect if has_not_begun => Follow::Set("cancelled"),
        _ => Follow::Nothing,
    }
}

/// The encounter of a visit, from its appointment.
pub fn encounter(appointment: &Json<'_>, status: &'static str, now: &str, own: Option<&str>) -> Json<'static> {
    let is_video = super::book::is_video(appointment);
    let (class, display) = if is_video { ("VR", "virtual") } else { ("AMB", "ambulatory") };
    let mut members = vec![
        ("resourceType", Json::string("Encounter")),
        ("status", Json::string(status)),
        ("class", coding(ACT_CODE, class, display)),
    ];
    let copied = |name: &str| appointment.get(name).map(|held| held.clone().into_owned());
    if let Some(kind) = copied("serviceType") {
        members.push(("type", kind));
    }
    if let Some(reason) = copied("reasonCode") {
        members.push(("reasonCode", reason));
    }
    let refer = |to: String| object([("reference", Json::string(to))]);
    if let Some(patient) = super::book::actors(appointment, "Patient").next() {
        members.push(("subject", refer(format!("Patient/{patient}"))));
    }
    let performer = own.or_else(|| super::book::actors(appointment, "Practitioner").next());
    let since = || object([("start", Json::string(now.to_owned()))]);
    if let Some(performer) = performer {
        let role = object([("coding", Json::Array(vec![coding(PARTICIPATION, "PPRF", "primary performer")]))]);
        let participant = object([
            ("type", Json::Array(vec![role])),
            ("period", since()),
            ("individual", refer(format!("Practitioner/{performer}"))),
        ]);
        members.push(("participant", Json::Array(vec![participant])));
    }
    if let Some(id) = text(appointment, "id") {
        members.push(("appointment", Json::Array(vec![refer(format!("Appointment/{id}"))])));
    }
    members.push(("period", since()));
    if let Some(place) = super::book::actors(appointment, "Location").next() {
        members.push(("location", Json::Array(vec![object([("location", refer(format!("Location/{place}")))])])));
    }
    object(members)
}

/// An encounter that begins, is over, does not come about, or was not over after all.
pub fn encounter_moved(encounter: &mut Json<'_>, status: &'static str, now: &str) {
    if text(encounter, "status") == Some("finished") && status == "in-progress" {
        return encounter_reopened(encounter, status);
    }
    let Some(members) = encounter.as_object_mut() else { return };
    // It is as it was when they came.
    if status == "arrived" {
        members.set("status", Json::string(status));
        return;
    }
    // Who had only arrived begins now.
    let begins = status == "in-progress";
    members.set("status", Json::string(status));
    if begins || members.get("period").is_none() {
        members.set("period", object([("start", Json::string(now.to_owned()))]));
    }
    let is_over = status != "in-progress";
    if let Some(period) = members.get_mut("period").and_then(Json::as_object_mut).filter(|_| is_over) {
        period.set("end", Json::string(now.to_owned()));
    }
    for participant in members.get_mut("participant").and_then(Json::as_array_mut).into_iter().flatten() {
        let Some(participant) = participant.as_object_mut() else { continue };
        match is_over {
            true => end(participant, now),
            false => participant.set("period", object([("start", Json::string(now.to_owned()))])),
        }
    }
}

/// As it was before it ended: whoever had left earlier stays away.
fn encounter_reopened(encounter: &mut Json<'_>, status: &'static str) {
    let ended = encounter.get("period").and_then(|period| text(period, "end")).map(str::to_owned);
    let Some(members) = encounter.as_object_mut() else { return };
    members.set("status", Json::string(status));
    reopen(members, None);
    for participant in members.get_mut("participant").and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(participant) = participant.as_object_mut() {
            reopen(participant, ended.as_deref());
        }
    }
}

/// A transaction of entries: what is done to what, from which version on.
pub struct Change {
    pub method: &'static str,
    pub url: String,
    pub if_match: Option<u32>,
    /// Nothing may be there yet.
    pub is_new: bool,
    pub resource: Json<'static>,
}

pub fn transaction(changes: Vec<Change>) -> Vec<u8> {
    let entries = changes.into_iter().map(|change| {
        let mut request = vec![("method", Json::string(change.method)), ("url", Json::string(change.url))];
        if let Some(version) = change.if_match {
            request.push(("ifMatch", Json::string(format!("W/\"{version}\""))));
        }
        if change.is_new {
            request.push(("ifNoneMatch", Json::string("*")));
        }
        object([("resource", change.resource), ("request", object(request))])
    });
    let bundle = object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", Json::Array(entries.collect())),
    ]);
    bundle.to_vec()
}

/// What of two versions of an appointment differs, in words: what one saw, and what is so now.
pub fn differences(
    seen: &[(&'static str, String)],
    now: &[(&'static str, String)],
) -> Vec<(&'static str, String, String)> {
    let pairs = seen.iter().zip(now);
    pairs.filter(|(a, b)| a.1 != b.1).map(|(a, b)| (a.0, a.1.clone(), b.1.clone())).collect()
}

pub fn coding(system: &'static str, code: &'static str, display: &'static str) -> Json<'static> {
    object([("system", Json::string(system)), ("code", Json::string(code)), ("display", Json::string(display))])
}

pub fn object<'a>(members: impl IntoIterator<Item = (&'static str, Json<'a>)>) -> Json<'a> {
    Json::Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
}

/// Slots that an appointment holds.
pub fn slots<'j>(appointment: &'j Json<'_>) -> impl Iterator<Item = &'j str> {
    all(appointment, "slot").iter().filter_map(reference).filter(|(kind, _)| *kind == "Slot").map(|(_, id)| id)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CAME: &str = "2026-11-26T15:18:00Z";
    const LATER: &str = "2026-11-26T15:42:00Z";

    fn appointment() -> Json<'static> {
        let text = r#"{"resourceType":"Appointment","id":"a","status":"booked","participant":[
            {"actor":{"reference":"Patient/p"}},{"actor":{"reference":"Practitioner/d"}},
            {"actor":{"reference":"Practitioner/e"}},{"actor":{"reference":"Location/l"}}]}"#;
        Json::parse_str(text).unwrap().into_owned()
    }

    fn told(appointment: &Json<'_>) -> (Status, String) {
        let of = |kind| super::super::book::period(appointment, kind);
        (Status::of(appointment).unwrap(), format!("{:?} {:?}", of("Patient"), of("Practitioner")))
    }

    #[test]
    fn each_act_leads_to_its_goal_and_taking_back_leaves_no_trace() {
        for act in Act::ALL {
            let mut one = appointment();
            if matches!(act, Act::Finish | Act::Wait) {
                moved(&mut one, Act::Start, CAME, None, None);
            }
            moved(&mut one, act, LATER, None, None);
            assert_eq!(Status::of(&one), Some(act.goal()), "{act:?}");
            assert_eq!(Act::parse(act.name()), Some(act));
        }
        let mut one = appointment();
        moved(&mut one, Act::CheckIn, CAME, None, None);
        let waits = one.clone();
        moved(&mut one, Act::Start, LATER, Some("e"), None);
        moved(&mut one, Act::Wait, LATER, Some("d"), None);
        assert_eq!(one.to_vec(), waits.to_vec());
        moved(&mut one, Act::Expect, LATER, None, None);
        assert_eq!(one.to_vec(), appointment().to_vec());
    }

    #[test]
    fn who_came_first_waits_since_then() {
        let mut one = appointment();
        moved(&mut one, Act::Arrive, CAME, None, None);
        moved(&mut one, Act::CheckIn, LATER, None, None);
        assert!(told(&one).1.starts_with("(Some(1795706280000), None) (None, None)"), "{:?}", told(&one));
        moved(&mut one, Act::Start, LATER, Some("e"), None);
        let text = String::from_utf8(one.to_vec()).unwrap();
        let (before, after) = text.split_once("Practitioner/e").unwrap();
        assert!(!before.contains(LATER) && after.contains(LATER), "{text}");
    }

    #[test]
    fn what_is_offered_is_what_may_be_done() {
        let desk = May { book: true, treat: false, offer: true };
        let doctor = May { book: true, treat: true, offer: false };
        assert_eq!(Act::offered(Status::Expected, desk).0, Some(Act::CheckIn));
        assert_eq!(Act::offered(Status::CheckedIn, desk), (None, vec![Act::Miss, Act::Cancel, Act::Expect]));
        assert_eq!(Act::offered(Status::CheckedIn, doctor).0, Some(Act::Start));
        assert_eq!(Act::offered(Status::WithClinician, doctor), (Some(Act::Finish), vec![Act::Wait]));
        assert_eq!(Act::offered(Status::WithClinician, desk), (None, Vec::new()));
        for status in [Status::Expected, Status::CheckedIn, Status::Missed] {
            assert_eq!(Act::offered(status, May::default()), (None, Vec::new()));
        }
        assert_eq!(Act::offered(Status::Cancelled, doctor), (None, Vec::new()));
        assert_eq!(Act::offered(Status::Cancelled, desk), (None, vec![Act::Rebook]));
        assert_eq!(Act::offered(Status::Done, doctor), (None, vec![Act::Reopen]));
        assert_eq!(Act::offered(Status::Done, desk), (None, Vec::new()));
    }

    #[test]
    fn what_was_not_over_is_as_it_was_before_it_ended() {
        let mut begun = appointment();
        moved(&mut begun, Act::Start, CAME, Some("e"), None);
        let mut one = begun.clone();
        moved(&mut one, Act::Finish, LATER, Some("e"), None);
        moved(&mut one, Act::Reopen, LATER, Some("d"), None);
        assert_eq!(one.to_vec(), begun.to_vec());
        // Another program ended it and kept no times.
        let mut one = appointment();
        one.as_object_mut().unwrap().set("status", Json::string("fulfilled"));
        moved(&mut one, Act::Reopen, LATER, None, None);
        assert_eq!(Status::of(&one), Some(Status::WithClinician));

        let text = r#"{"resourceType":"Encounter","status":"in-progress","period":{"start":"2026-11-26T15:18:00Z"},"participant":[
            {"period":{"start":"2026-11-26T15:18:00Z"}},
            {"period":{"start":"2026-11-26T15:18:00Z","end":"2026-11-26T15:30:00Z"}}]}"#;
        let begun = Json::parse_str(text).unwrap();
        let mut one = begun.clone();
        assert_eq!(follow(Act::Reopen, Some("finished")), Follow::Set("in-progress"));
        assert_eq!(follow(Act::Reopen, Some("cancelled")), Follow::Nothing);
        encounter_moved(&mut one, "finished", LATER);
        assert!(one.to_vec() != begun.to_vec());
        encounter_moved(&mut one, "in-progress", LATER);
        assert_eq!(one.to_vec(), begun.to_vec(), "who left earlier stays away");
    }

    #[test]
    fn what_is_booked_again_says_nothing_of_having_been_cancelled() {
        let mut one = appointment();
        moved(&mut one, Act::Arrive, CAME, None, None);
        moved(&mut one, Act::Cancel, CAME, None, Some(Reason { code: "pat", note: "" }));
        moved(&mut one, Act::Rebook, LATER, None, None);
        assert_eq!(one.to_vec(), appointment().to_vec());
    }

    #[test]
    fn a_reason_keeps_what_was_typed() {
        let mut one = appointment();
        moved(&mut one, Act::Cancel, CAME, None, Some(Reason { code: "pat", note: " on holiday " }));
        let reason = one.get("cancelationReason").unwrap();
        assert_eq!(text(reason, "text"), Some("Patient cancelled: on holiday"));
    }
}
