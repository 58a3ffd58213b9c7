//! A visit of high risk: who is let in, with which keys, and what everybody is told of it.

use serde_json::json;
use wardstone_telehealth::room::{Audit, Input};
use wardstone_telehealth::signal::{ParticipantId, Role};

use crate::people::{KEYS, Stage};

/// A room of high risk with its host (1) and a patient who waits (2).
fn visit() -> (Stage, String, String) {
    let mut stage = Stage::new();
    let host = stage.join(1, "asha", Role::Clinician);
    let patient = stage.join(2, "ana", Role::Patient);
    ask(&mut stage, true);
    (stage, host, patient)
}

fn ask(stage: &mut Stage, high: bool) {
    let outputs = stage.room.ask(high);
    stage.take(&outputs);
}

fn vouch(stage: &mut Stage, person: &str) -> bool {
    let Some((id, keys)) = stage.room.keys_of(person) else { return false };
    let outputs = stage.room.vouch(&id, keys);
    stage.take(outputs.as_deref().unwrap_or_default());
    outputs.is_some()
}

fn admit(stage: &mut Stage, who: &str) -> bool {
    let before = stage.all(1, "error").len();
    stage.say(1, json!({"type": "admit", "who": who}));
    stage.all(1, "error").len() == before
}

#[test]
fn a_hostile_host_client_lets_nobody_into_a_room_of_high_risk_whose_keys_no_passkey_signed() {
    let (mut stage, _, patient) = visit();
    assert_eq!(stage.last(1, "risk")["high"], true);
    assert!(!admit(&mut stage, &patient));
    assert_eq!((stage.error(1).as_str(), stage.audit.last()), ("risk", Some(&Audit::RiskRefused)));
    assert!(stage.all(2, "ice").is_empty(), "nor are they told of the relay");
    assert!(vouch(&mut stage, "ana"));
    assert_eq!(stage.last(1, "risk")["vouched"][0]["who"], patient.as_str());
    assert!(admit(&mut stage, &patient));
    assert!(!stage.all(2, "ice").is_empty());
}

#[test]
fn an_interpreter_is_let_in_without_a_passkey_and_learns_nothing_of_anothers() {
    let (mut stage, _, _) = visit();
    let interpreter = stage.join(3, "ida", Role::Interpreter);
    assert!(vouch(&mut stage, "ana"));
    assert!(admit(&mut stage, &interpreter));
    assert_eq!(stage.last(3, "risk")["vouched"], json!([]));
}

#[test]
fn who_is_in_waits_again_when_the_risk_is_raised_and_when_they_come_back_with_other_keys() {
    let mut stage = Stage::new();
    stage.join(1, "asha", Role::Clinician);
    let patient = stage.join(2, "ana", Role::Patient);
    assert!(admit(&mut stage, &patient));
    ask(&mut stage, true);
    let admitted = |stage: &Stage| stage.last(1, "present")["members"].as_array().unwrap()[1]["admitted"].clone();
    assert_eq!((admitted(&stage), stage.last(2, "waiting")["place"].clone()), (json!(false), json!(1)));
    assert!(vouch(&mut stage, "ana") && admit(&mut stage, &patient));

    // The same browser again keeps its place; another one, with the same token, does not.
    let mut back = |connection: u64, keys: serde_json::Value, from: u64| {
        let resume = stage.last(from, "welcome")["resume"].clone();
        stage.input(Input::Closed { connection: from });
        stage.open(connection);
        stage.say(connection, json!({"type": "hello", "resume": resume, "keys": keys}));
        admitted(&stage)
    };
    assert_eq!(back(3, KEYS(), 2), true);
    assert_eq!(back(4, json!({"sign": "b3RoZXI", "seal": "c2VhbA", "commit": "Y29tbWl0"}), 3), false);
    assert!(stage.last(4, "welcome")["ice"].as_array().unwrap().is_empty());
    assert!(!admit(&mut stage, &patient), "what signed the keys before says nothing of these");
}

#[test]
fn a_passkey_that_signed_keys_that_somebody_held_before_vouches_for_nothing() {
    let (mut stage, _, patient) = visit();
    let (id, keys) = stage.room.keys_of("ana").unwrap();
    let resume = stage.last(2, "welcome")["resume"].clone();
    stage.open(3);
    let other = json!({"sign": "b3RoZXI", "seal": "c2VhbA", "commit": "Y29tbWl0"});
    stage.say(3, json!({"type": "hello", "resume": resume, "keys": other}));
    assert!(stage.room.vouch(&id, keys).is_none());
    assert!(stage.room.vouch(&ParticipantId::new([9; 8]), keys).is_none());
    assert!(!admit(&mut stage, &patient));
}

#[test]
fn it_is_clear_when_both_said_that_the_words_are_the_same_and_not_when_one_did_twice() {
    let (mut stage, host, patient) = visit();
    assert!(vouch(&mut stage, "ana") && admit(&mut stage, &patient));
    let said = |stage: &mut Stage, connection: u64, of: &str| {
        stage.say(connection, json!({"type": "event", "what": "sas-confirmed", "detail": of}));
    };
    assert_eq!(stage.last(2, "risk")["clear"], false);
    said(&mut stage, 1, &patient);
    said(&mut stage, 1, &patient);
    said(&mut stage, 2, &patient);
    assert_eq!(stage.last(2, "risk")["clear"], false);
    said(&mut stage, 2, &host);
    assert_eq!(
        (stage.last(1, "risk")["clear"].clone(), stage.last(2, "risk")["clear"].clone()),
        (json!(true), json!(true))
    );
    assert!(stage.audit.contains(&Audit::RiskCleared));
}

#[test]
fn with_a_reason_nothing_more_is_asked_and_an_ordinary_room_says_nothing_of_risk() {
    let (mut stage, _, patient) = visit();
    ask(&mut stage, false);
    assert_eq!(
        (stage.last(2, "risk")["high"].clone(), stage.last(2, "risk")["clear"].clone()),
        (json!(false), json!(true))
    );
    assert!(admit(&mut stage, &patient));
    let mut ordinary = Stage::new();
    ordinary.join(1, "asha", Role::Clinician);
    let patient = ordinary.join(2, "ana", Role::Patient);
    assert!(admit(&mut ordinary, &patient) && ordinary.all(2, "risk").is_empty());
}

#[test]
fn a_passkey_that_is_removed_vouches_no_longer_and_who_was_let_in_by_it_waits_again() {
    let (mut stage, _, patient) = visit();
    assert!(vouch(&mut stage, "ana") && admit(&mut stage, &patient));
    let outputs = stage.room.unvouch(Role::Proxy);
    assert!(outputs.is_empty(), "of somebody else");
    let outputs = stage.room.unvouch(Role::Patient);
    stage.take(&outputs);
    assert!(stage.audit.contains(&Audit::Unvouched) && stage.audit.contains(&Audit::Held));
    assert_eq!(stage.last(1, "risk")["vouched"], json!([]));
    assert_eq!(stage.last(1, "present")["members"][1]["admitted"], false);
    assert_eq!(stage.last(2, "waiting")["place"], 1);
    assert!(!admit(&mut stage, &patient));
    assert!(vouch(&mut stage, "ana") && admit(&mut stage, &patient));
}
