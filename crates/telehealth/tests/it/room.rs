//! What happens in a visit, told as facts.

use serde_json::json;
use wardstone_telehealth::room::{
    AWAY_IN_MS, AWAY_TOLD_MS, AWAY_WAITING_MS, Audit, BACKLOG_MESSAGES_MAX, GRACE_MS, HELLO_MS_MAX, Input,
    SILENCE_MS_MAX, TICKET_MS, TOLD_MAX,
};
use wardstone_telehealth::signal::Role::{Clinician, Family, Guest, Interpreter, Patient};
use wardstone_telehealth::status::{EndReason, VisitEvent};

use crate::people::{KEYS, Stage};

/// A clinician on connection 1 and an admitted patient on 2.
fn visit() -> (Stage, String, String) {
    let mut stage = Stage::new();
    let host = stage.join(1, "dr", Clinician);
    let patient = stage.join(2, "ana", Patient);
    stage.say(1, json!({"type": "admit", "who": patient}));
    (stage, host, patient)
}

#[test]
fn a_patient_waits_until_the_host_admits_and_the_visit_follows() {
    let mut stage = Stage::new();
    stage.join(1, "dr", Clinician);
    let patient = stage.join(2, "ana", Patient);
    assert_eq!(stage.last(2, "waiting")["place"], 1);
    assert_eq!(stage.last(2, "welcome")["ice"], json!([]));
    assert!(stage.all(2, "present").is_empty());
    assert_eq!(stage.last(1, "present")["members"][1]["admitted"], false);
    let outputs = stage.room.delay(2, 15);
    stage.take(&outputs);
    assert_eq!(
        (&stage.last(2, "waiting")["place"], &stage.last(2, "waiting")["late_minutes"]),
        (&3.into(), &15.into())
    );
    stage.say(1, json!({"type": "admit", "who": patient}));
    assert_eq!(stage.last(2, "present")["members"][1]["id"], patient.as_str());
    assert_eq!(stage.last(2, "ice")["servers"][0]["urls"][0], "turn:turn.example.org:3478");
    stage.say(1, json!({"type": "hold", "who": patient}));
    stage.say(1, json!({"type": "admit", "who": patient}));
    stage.say(1, json!({"type": "end"}));
    assert_eq!(stage.last(2, "ended")["reason"], "ended");
    let expected = [VisitEvent::Arrive, VisitEvent::Start, VisitEvent::Hold, VisitEvent::Resume, VisitEvent::Finish];
    assert_eq!(stage.visits, expected);
    assert!(stage.over && stage.closed.contains(&1) && stage.closed.contains(&2));
}

#[test]
fn what_is_relayed_has_the_servers_from() {
    let (mut stage, host, patient) = visit();
    stage.say(2, json!({"type": "signal", "to": host, "body": {"sdp": "x", "from": "eve"}}));
    let signal = stage.last(1, "signal");
    assert_eq!((&signal["from"], &signal["body"]["sdp"]), (&patient.as_str().into(), &"x".into()));
    stage.say(2, json!({"type": "signal", "to": host, "body": {}, "from": host}));
    assert_eq!(stage.error(2), "malformed");
    assert!(stage.closed.contains(&2));
}

#[test]
fn a_ticket_is_good_once_and_for_half_a_minute() {
    let mut stage = Stage::new();
    let ticket = stage.ticket(1, "dr", Clinician);
    let hello = json!({"type": "hello", "ticket": ticket, "keys": KEYS()});
    stage.open(1);
    stage.say(1, hello.clone());
    stage.open(2);
    stage.say(2, hello);
    assert_eq!(stage.error(2), "ticket");
    let late = stage.ticket(3, "ana", Patient);
    stage.now_ms += TICKET_MS;
    stage.open(3);
    stage.say(3, json!({"type": "hello", "ticket": late, "keys": KEYS()}));
    assert_eq!(stage.error(3), "ticket");
    assert_eq!(stage.audit.iter().filter(|what| **what == Audit::TicketRefused).count(), 2);
}

#[test]
fn a_refresh_keeps_the_place_and_a_resume_token_is_good_until_the_next_one_is_known_to_have_come() {
    let (mut stage, _, patient) = visit();
    let resume = stage.last(2, "welcome")["resume"].clone();
    stage.input(Input::Closed { connection: 2 });
    stage.tick(GRACE_MS - 1);
    let hello = json!({"type": "hello", "resume": resume, "keys": KEYS()});
    stage.open(3);
    stage.say(3, hello.clone());
    assert_eq!(stage.last(3, "welcome")["you"], patient.as_str());
    assert_eq!(stage.last(3, "welcome")["ice"][0]["urls"][0], "turn:turn.example.org:3478");
    // The line died before its welcome came: the token that the browser has is still the old one.
    stage.input(Input::Closed { connection: 3 });
    stage.open(4);
    stage.say(4, hello.clone());
    assert_eq!(stage.last(4, "welcome")["you"], patient.as_str());
    stage.say(4, json!({"type": "beat"}));
    stage.open(5);
    stage.say(5, hello);
    assert_eq!(stage.error(5), "ticket");
}

#[test]
fn who_comes_back_is_told_up_to_where_they_were_heard_and_a_beat_is_answered() {
    let (mut stage, host, _) = visit();
    stage.say(2, json!({"type": "signal", "to": host, "body": 1}));
    stage.say(2, json!({"type": "beat"}));
    assert_eq!(stage.last(2, "beat")["heard"], 3);
    stage.say(2, json!({"type": "signal", "to": host, "body": 2}));
    let resume = stage.last(2, "welcome")["resume"].clone();
    stage.input(Input::Closed { connection: 2 });
    for connection in [3, 4] {
        stage.open(connection);
        stage.say(connection, json!({"type": "hello", "resume": resume, "keys": KEYS()}));
        assert_eq!(stage.last(connection, "welcome")["heard"], 4, "a hello alone changes nothing of it");
        stage.input(Input::Closed { connection });
    }
}

#[test]
fn a_guest_who_is_away_is_said_to_be_and_comes_back_into_the_call_within_five_minutes() {
    let (mut stage, _, patient) = visit();
    let resume = stage.last(2, "welcome")["resume"].clone();
    stage.input(Input::Closed { connection: 2 });
    let told = |stage: &Stage| stage.last(1, "present")["members"][1]["away"].clone();
    stage.tick(AWAY_TOLD_MS - 1);
    assert!(told(&stage).is_null(), "a refresh is told to nobody");
    stage.tick(1);
    assert_eq!(told(&stage), true);
    pass(&mut stage, AWAY_IN_MS - AWAY_TOLD_MS - 1);
    assert!(stage.audit.contains(&Audit::Away) && !stage.audit.contains(&Audit::Lost));
    stage.open(3);
    stage.say(3, json!({"type": "hello", "resume": resume, "keys": KEYS()}));
    assert_eq!(stage.last(3, "welcome")["you"], patient.as_str());
    assert!(stage.all(3, "waiting").is_empty(), "they are in");
    assert!(told(&stage).is_null());
}

#[test]
fn who_waits_keeps_their_place_for_a_quarter_of_an_hour_and_does_not_count_as_waiting_meanwhile() {
    let mut stage = Stage::new();
    stage.join(1, "dr", Clinician);
    let first = stage.join(2, "ana", Patient);
    let came_ms = stage.now_ms;
    stage.join(3, "ida", Interpreter);
    assert_eq!(stage.last(3, "waiting")["place"], 2);
    let resume = stage.last(2, "welcome")["resume"].clone();
    stage.input(Input::Closed { connection: 2 });
    let most_ms = AWAY_WAITING_MS - 1;
    for _ in 0..most_ms / 10_000 {
        stage.tick(10_000);
        for connection in [1, 3] {
            stage.say(connection, json!({"type": "beat"}));
        }
    }
    assert_eq!(stage.room.waits_since(), None, "nobody is told to let in who is not there");
    stage.open(4);
    stage.say(4, json!({"type": "hello", "resume": resume, "keys": KEYS()}));
    assert_eq!((&stage.last(4, "welcome")["you"], &stage.last(4, "waiting")["place"]), (&json!(first), &json!(1)));
    assert_eq!(stage.room.waits_since(), Some(came_ms), "and when they came is not forgotten");
    stage.input(Input::Closed { connection: 4 });
    pass(&mut stage, AWAY_WAITING_MS);
    assert!(stage.audit.contains(&Audit::Lost));
}

#[test]
fn a_room_that_everybody_left_is_empty_after_the_grace_and_one_that_no_host_came_into_keeps_who_waits() {
    let (mut stage, ..) = visit();
    for connection in [1, 2] {
        stage.input(Input::Closed { connection });
    }
    stage.tick(GRACE_MS);
    assert!(stage.room.is_empty());
    let mut stage = Stage::new();
    stage.join(2, "ana", Patient);
    stage.input(Input::Closed { connection: 2 });
    stage.tick(AWAY_WAITING_MS - 1);
    assert!(!stage.room.is_empty());
    stage.tick(1);
    assert!(stage.room.is_empty());
}

/// Time in which the host's line goes on.
fn pass(stage: &mut Stage, ms: i64) {
    for _ in 0..ms / 10_000 {
        stage.tick(10_000);
        stage.say(1, json!({"type": "beat"}));
    }
    stage.tick(ms % 10_000);
}

#[test]
fn who_is_away_longer_than_that_is_out_and_waits_again() {
    let (mut stage, _, patient) = visit();
    stage.input(Input::Closed { connection: 2 });
    pass(&mut stage, AWAY_IN_MS);
    assert!(stage.audit.contains(&Audit::Lost));
    assert_eq!(stage.last(1, "present")["members"].as_array().unwrap().len(), 1);
    let again = stage.join(3, "ana", Patient);
    assert_ne!(again, patient);
    assert_eq!(stage.last(3, "waiting")["place"], 1);
}

#[test]
fn a_newer_connection_of_the_same_person_replaces_the_older() {
    let (mut stage, _, patient) = visit();
    assert_eq!(stage.join(3, "ana", Patient), patient);
    assert_eq!(stage.error(2), "replaced");
    assert!(stage.closed.contains(&2));
    stage.input(Input::Closed { connection: 2 });
    stage.say(1, json!({"type": "signal", "to": patient, "body": 1}));
    assert_eq!(stage.last(3, "signal")["body"], 1);
}

#[test]
fn who_was_removed_receives_nothing_more_and_does_not_come_back() {
    let (mut stage, _, patient) = visit();
    let resume = stage.last(2, "welcome")["resume"].clone();
    stage.say(1, json!({"type": "remove", "who": patient}));
    assert_eq!(stage.got[&2].last().unwrap()["type"], "removed");
    let ticket = stage.ticket(7, "ana", Patient);
    for (connection, hello) in [(3, json!({"resume": resume})), (4, json!({"ticket": ticket}))] {
        let mut hello = hello;
        hello["type"] = "hello".into();
        hello["keys"] = KEYS();
        stage.open(connection);
        stage.say(connection, hello);
        assert_eq!(stage.error(connection), "ticket");
    }
}

#[test]
fn only_a_host_admits_holds_removes_locks_ends_and_signs_rosters() {
    let (mut stage, host, patient) = visit();
    let family = stage.join(3, "son", Family);
    for message in [
        json!({"type": "admit", "who": family}),
        json!({"type": "hold", "who": host}),
        json!({"type": "remove", "who": host}),
        json!({"type": "lock", "on": true}),
        json!({"type": "end"}),
        json!({"type": "roster", "epoch": 9, "members": [], "signature": "c2ln"}),
    ] {
        stage.say(2, message);
        assert_eq!(stage.error(2), "not-host");
    }
    stage.say(3, json!({"type": "signal", "to": patient, "body": 1}));
    assert_eq!(stage.error(3), "not-admitted");
    assert_eq!(stage.audit.iter().filter(|what| **what == Audit::NotHost).count(), 6);
    assert!(!stage.over);
}

#[test]
fn a_locked_room_takes_nobody_new_and_keeps_who_is_in() {
    let (mut stage, _, patient) = visit();
    stage.say(1, json!({"type": "lock", "on": true}));
    let ticket = stage.ticket(9, "eve", Guest);
    stage.open(5);
    stage.say(5, json!({"type": "hello", "ticket": ticket, "keys": KEYS()}));
    assert_eq!(stage.error(5), "locked");
    assert_eq!(stage.join(3, "ana", Patient), patient);
}

#[test]
fn a_room_holds_eight() {
    let (mut stage, _, _) = visit();
    for number in 3..=9u64 {
        let id = stage.join(number, &format!("guest {number}"), Guest);
        stage.say(1, json!({"type": "admit", "who": id}));
    }
    assert_eq!(stage.error(1), "full");
    assert_eq!(
        stage.last(1, "present")["members"].as_array().unwrap().iter().filter(|m| m["admitted"] == true).count(),
        8
    );
}

#[test]
fn late_comers_get_the_roster_states_and_the_bounded_sealed_chat() {
    let (mut stage, host, _) = visit();
    stage.say(1, json!({"type": "roster", "epoch": 2, "members": [{"id": host}], "signature": "c2ln"}));
    stage.say(1, json!({"type": "roster", "epoch": 2, "members": [], "signature": "c2ln"}));
    assert_eq!(stage.error(1), "epoch");
    stage.say(1, json!({"type": "state", "audio": true, "video": true, "screen": false, "modality": "video"}));
    for number in 0..BACKLOG_MESSAGES_MAX + 5 {
        stage.now_ms += 100;
        stage.say(2, json!({"type": "say", "box": format!("c{number}")}));
    }
    let late = stage.join(3, "amr", Interpreter);
    stage.say(1, json!({"type": "beat"}));
    assert!(stage.all(3, "say").is_empty() && stage.all(3, "roster").is_empty());
    stage.say(1, json!({"type": "admit", "who": late}));
    let says = stage.all(3, "say");
    assert_eq!((says.len(), &says[0]["box"], &says[0]["n"]), (BACKLOG_MESSAGES_MAX, &"c5".into(), &6.into()));
    assert_eq!(stage.last(3, "roster")["epoch"], 2);
    assert_eq!(stage.last(3, "state")["from"], host.as_str());
    assert_eq!(stage.last(3, "present")["epoch"], 2);
}

#[test]
fn silence_and_a_missing_hello_close_a_connection() {
    let (mut stage, _, patient) = visit();
    stage.open(9);
    stage.tick(HELLO_MS_MAX);
    assert_eq!(stage.error(9), "silent");
    stage.say(1, json!({"type": "beat"}));
    stage.tick(SILENCE_MS_MAX - HELLO_MS_MAX);
    assert!(stage.closed.contains(&2) && !stage.closed.contains(&1));
    let still = stage.last(1, "present")["members"].as_array().unwrap().iter().any(|one| one["id"] == patient.as_str());
    assert!(still, "a refresh survives");
}

#[test]
fn a_flood_and_a_sequence_that_stands_close_a_connection() {
    let (mut stage, _, _) = visit();
    for _ in 0..200 {
        stage.say(2, json!({"type": "beat"}));
    }
    assert_eq!(stage.error(2), "rate");
    assert!(stage.audit.contains(&Audit::RateLimited));
    stage.input(Input::Text { connection: 1, text: r#"{"v":1,"seq":1,"type":"beat"}"# });
    assert_eq!(stage.error(1), "sequence");
}

#[test]
fn relay_credentials_are_renewed_at_half_of_their_life_for_those_who_are_in() {
    let (mut stage, _, _) = visit();
    stage.join(3, "son", Family);
    let before = stage.all(2, "ice").len();
    for _ in 0..91 {
        stage.tick(20_000);
        for connection in [1, 2, 3] {
            stage.say(connection, json!({"type": "beat"}));
        }
    }
    assert_eq!(stage.all(2, "ice").len(), before + 1);
    assert!(stage.all(3, "ice").is_empty());
}

#[test]
fn the_server_closes_a_room_for_good() {
    let (mut stage, _, _) = visit();
    let outputs = stage.room.close(EndReason::Expired);
    stage.take(&outputs);
    assert_eq!(stage.last(2, "ended")["reason"], "closed");
    stage.open(5);
    assert!(stage.closed.contains(&5));
}

#[test]
fn reports_reach_the_audit_trail_and_nobody_else() {
    let (mut stage, _, _) = visit();
    let outputs = stage.say(2, json!({"type": "event", "what": "fingerprint-mismatch", "detail": "epoch=3"}));
    assert_eq!(outputs.len(), 1);
    assert!(matches!(
        stage.audit.last(),
        Some(Audit::Reported(wardstone_telehealth::signal::Report::FingerprintMismatch))
    ));
}

#[test]
fn who_waits_says_nothing_of_a_call_that_they_are_not_in_and_nobody_fills_the_log() {
    let mut stage = Stage::new();
    stage.join(1, "dr", Clinician);
    stage.join(2, "ines", Interpreter);
    for what in ["switched-to-audio", "sas-confirmed"] {
        stage.say(2, json!({"type": "event", "what": what, "detail": "loss"}));
        assert_eq!(stage.error(2), "not-admitted", "{what}");
    }
    assert!(!stage.audit.iter().any(|what| matches!(what, Audit::Reported(_))));
    stage.join(4, "tom", Family);
    stage.say(4, json!({"type": "event", "what": "roster-forged", "detail": "a name and more"}));
    assert_eq!(stage.error(4), "malformed", "no sentence goes into the log");
    for (number, message) in
        [(2, json!({"type": "event", "what": "roster-forged", "detail": "host-key a1"})), (3, json!({"type": "end"}))]
    {
        if number > 2 {
            stage.join(number, "another", Guest);
        }
        let before = stage.audit.len();
        for _ in 0..TOLD_MAX {
            stage.tick(100);
            stage.say(number, message.clone());
        }
        assert_eq!(stage.audit.len() - before, TOLD_MAX as usize);
        stage.say(number, message);
        assert_eq!(stage.error(number), "rate");
        assert_eq!(stage.audit.len() - before, TOLD_MAX as usize);
    }
}

#[test]
fn who_says_nothing_keeps_nobody_out_and_no_room_open() {
    let (mut stage, _, _) = visit();
    for connection in 10..40 {
        stage.open(connection);
    }
    stage.join(50, "tom", Family);
    assert_eq!(stage.last(50, "waiting")["place"], 1);
    assert!(!stage.closed.contains(&1) && !stage.closed.contains(&2) && stage.closed.contains(&10));
    stage.open(60);
    stage.say(2, json!({"type": "leave"}));
    stage.say(50, json!({"type": "leave"}));
    assert!(!stage.room.is_empty());
    stage.say(1, json!({"type": "leave"}));
    assert!(stage.room.is_empty());
}

#[test]
fn a_host_who_is_away_finds_the_call_again_and_one_who_comes_after_them_signs_a_list_of_their_own() {
    let (mut stage, host, patient) = visit();
    let list = |epoch: u64| json!({"type": "roster", "epoch": epoch, "members": [], "signature": "c2ln"});
    stage.say(1, list(7));
    stage.say(1, json!({"type": "say", "box": "c2VhbGVk"}));
    let resume = stage.last(1, "welcome")["resume"].clone();
    stage.input(Input::Closed { connection: 1 });
    let pass = |stage: &mut Stage, ms: i64| {
        for _ in 0..ms / 10_000 {
            stage.tick(10_000);
            stage.say(2, json!({"type": "beat"}));
        }
    };
    pass(&mut stage, AWAY_IN_MS - 10_000);
    stage.open(3);
    stage.say(3, json!({"type": "hello", "resume": resume, "keys": KEYS()}));
    assert_eq!((&stage.last(3, "welcome")["you"], &stage.last(3, "roster")["epoch"]), (&json!(host), &json!(7)));
    stage.input(Input::Closed { connection: 3 });
    pass(&mut stage, AWAY_IN_MS + 10_000);
    assert!(stage.audit.contains(&Audit::Lost));
    assert_ne!(stage.join(4, "dr", Clinician), host);
    assert!(stage.all(4, "say").is_empty(), "nor what they said");
    assert!(stage.all(4, "roster").is_empty(), "what another signed is not given to them as theirs");
    stage.say(4, list(1));
    assert!(stage.all(4, "error").is_empty(), "and theirs begins where it likes");
    assert_eq!(stage.last(2, "roster")["epoch"], 1);
    assert_eq!(stage.last(4, "present")["members"][0]["id"], patient.as_str());
}
