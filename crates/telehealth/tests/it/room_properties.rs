//! Whatever people do in whatever order: who was not admitted hears nothing of the room, who was removed hears nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use wardstone_telehealth::room::{Input, Output};
use wardstone_telehealth::signal::{Role, ToClient};

use crate::people::{KEYS, Stage};

#[derive(Debug, Clone)]
enum Act {
    Join(u8),
    Resume(u8),
    Drop(u8),
    Leave(u8),
    Admit(u8, u8),
    Hold(u8, u8),
    Remove(u8, u8),
    Lock(u8, bool),
    Signal(u8, u8),
    Say(u8),
    State(u8),
    Roster(u8, u64),
    Wait(i64),
    Ask(bool),
    Vouch(u8),
    OtherKeys(u8),
}

/// People 0 and 1 are hosts.
const PEOPLE: u8 = 6;

fn acts() -> impl Strategy<Value = Act> {
    // The patient more often: of them more is asked.
    let one = || prop_oneof![4 => Just(2u8), 3 => 0..PEOPLE];
    prop_oneof![
        6 => one().prop_map(Act::Join),
        2 => one().prop_map(Act::Resume),
        2 => one().prop_map(Act::Drop),
        1 => one().prop_map(Act::Leave),
        6 => (0..3u8, one()).prop_map(|(a, b)| Act::Admit(a, b)),
        2 => (0..3u8, one()).prop_map(|(a, b)| Act::Hold(a, b)),
        1 => (0..3u8, one()).prop_map(|(a, b)| Act::Remove(a, b)),
        1 => (0..3u8, any::<bool>()).prop_map(|(a, on)| Act::Lock(a, on)),
        4 => (one(), one()).prop_map(|(a, b)| Act::Signal(a, b)),
        3 => one().prop_map(Act::Say),
        2 => one().prop_map(Act::State),
        2 => (0..3u8, 1..9u64).prop_map(|(a, epoch)| Act::Roster(a, epoch)),
        2 => (0..40_000i64).prop_map(Act::Wait),
        2 => prop::bool::weighted(0.7).prop_map(Act::Ask),
        3 => one().prop_map(Act::Vouch),
        2 => one().prop_map(Act::OtherKeys),
    ]
}

/// What the test itself believes: it follows the audit events, not the room's insides.
#[derive(Default)]
struct Belief {
    connection: BTreeMap<u8, u64>,
    id: BTreeMap<u8, String>,
    resume: BTreeMap<u8, Value>,
    person: BTreeMap<u64, u8>,
    admitted: BTreeSet<String>,
    removed: BTreeSet<u8>,
    next: u64,
    tickets: u8,
    is_high: bool,
    /// Keys of each person, and those that a passkey signed.
    keys: BTreeMap<u8, String>,
    signed: BTreeSet<(String, String)>,
}

impl Belief {
    fn check(&mut self, outputs: &[Output], actor: Option<u8>) -> Result<(), TestCaseError> {
        // Admissions are audited before what they open is sent, and removals before others hear of them.
        for output in outputs {
            match output {
                Output::Audit { who: Some(who), role, what, .. } => match format!("{what:?}").as_str() {
                    "Admitted" => drop(self.admitted.insert(who.as_str().to_owned())),
                    "Joined" if *role == Some(Role::Clinician) => drop(self.admitted.insert(who.as_str().to_owned())),
                    "Held" | "Left" | "Lost" => drop(self.admitted.remove(who.as_str())),
                    "Removed" => {
                        self.admitted.remove(who.as_str());
                        let person = self.id.iter().find(|(_, id)| *id == who.as_str()).map(|(person, _)| *person);
                        self.removed.extend(person);
                    }
                    _ => {}
                },
                Output::Send { connection, message, .. } => {
                    let person = self.person.get(connection).copied();
                    if let ToClient::Welcome { you, resume, .. } = message {
                        let person = person.expect("a welcome answers somebody");
                        prop_assert!(!self.removed.contains(&person));
                        self.id.insert(person, you.as_str().to_owned());
                        self.resume.insert(person, resume.as_str().into());
                    }
                    if let (Some(person), false) = (person, matches!(message, ToClient::Error { .. })) {
                        prop_assert!(!self.removed.contains(&person), "a removed one got {message:?}");
                    }
                    if is_of_the_room(message) {
                        let id = person.and_then(|person| self.id.get(&person)).cloned().unwrap_or_default();
                        prop_assert!(self.admitted.contains(&id), "{message:?} reached one who is not in");
                        let person = person.unwrap_or_default();
                        let keys = self.keys.get(&person).cloned().unwrap_or_default();
                        let is_asked = self.is_high && role(person).is_visited();
                        prop_assert!(!is_asked || self.signed.contains(&(id, keys)), "no passkey signed their keys");
                    }
                    let from = match message {
                        ToClient::Signal { from, .. } => Some(from),
                        _ => None,
                    };
                    if let (Some(from), Some(actor)) = (from, actor) {
                        prop_assert_eq!(Some(from.as_str()), self.id.get(&actor).map(String::as_str));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether only those who are in may see it.
fn is_of_the_room(message: &ToClient) -> bool {
    use ToClient::{Ice, Present, Roster, Say, Signal, State};
    matches!(message, Present { .. } | Signal { .. } | Say { .. } | Roster { .. } | State { .. } | Ice { .. })
}

fn role(person: u8) -> Role {
    [Role::Clinician, Role::Clinician, Role::Patient, Role::Interpreter, Role::Family, Role::Guest][usize::from(person)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn who_is_not_in_hears_nothing_of_the_room(acts in prop::collection::vec(acts(), 1..80)) {
        let mut stage = Stage::new();
        let mut belief = Belief::default();
        for act in acts {
            let id = |belief: &Belief, person: u8| belief.id.get(&person).cloned().unwrap_or("0000000000000000".into());
            let (actor, message) = match act {
                Act::Ask(high) => {
                    belief.is_high = high;
                    let outputs = stage.room.ask(high);
                    stage.take(&outputs);
                    belief.check(&outputs, None)?;
                    continue;
                }
                Act::Vouch(person) => {
                    let Some((id, keys)) = stage.room.keys_of(&format!("p{person}")) else { continue };
                    let held = belief.keys.get(&person).cloned().unwrap_or_default();
                    belief.signed.insert((id.as_str().to_owned(), held));
                    let outputs = stage.room.vouch(&id, keys).expect("the keys of now");
                    stage.take(&outputs);
                    belief.check(&outputs, None)?;
                    continue;
                }
                Act::Join(person) | Act::Resume(person) | Act::OtherKeys(person) => {
                    let mut hello = json!({"type": "hello", "keys": KEYS()});
                    if matches!(act, Act::OtherKeys(_)) {
                        hello["keys"]["sign"] = "b3RoZXI".into();
                    }
                    belief.keys.insert(person, hello["keys"]["sign"].as_str().unwrap().to_owned());
                    match (&act, belief.resume.get(&person)) {
                        (Act::Resume(_), Some(resume)) => hello["resume"] = resume.clone(),
                        _ => {
                            belief.tickets = belief.tickets.wrapping_add(1);
                            hello["ticket"] = stage.ticket(belief.tickets, &format!("p{person}"), role(person)).into();
                        }
                    }
                    belief.next += 1;
                    belief.connection.insert(person, belief.next);
                    belief.person.insert(belief.next, person);
                    stage.open(belief.next);
                    (person, hello)
                }
                Act::Drop(person) => {
                    if let Some(connection) = belief.connection.remove(&person) {
                        let outputs = stage.input(Input::Closed { connection });
                        belief.check(&outputs, None)?;
                    }
                    continue;
                }
                Act::Wait(passed) => {
                    stage.now_ms += passed;
                    let outputs = stage.input(Input::Tick);
                    belief.check(&outputs, None)?;
                    continue;
                }
                Act::Leave(person) => (person, json!({"type": "leave"})),
                Act::Admit(person, other) => (person, json!({"type": "admit", "who": id(&belief, other)})),
                Act::Hold(person, other) => (person, json!({"type": "hold", "who": id(&belief, other)})),
                Act::Remove(person, other) => (person, json!({"type": "remove", "who": id(&belief, other)})),
                Act::Lock(person, on) => (person, json!({"type": "lock", "on": on})),
                Act::Signal(person, other) => (person, json!({"type": "signal", "to": id(&belief, other), "body": 1})),
                Act::Say(person) => (person, json!({"type": "say", "box": "YQ"})),
                Act::State(person) => {
                    (person, json!({"type": "state", "audio": true, "video": true, "screen": false, "modality": "video"}))
                }
                Act::Roster(person, epoch) => {
                    (person, json!({"type": "roster", "epoch": epoch, "members": [], "signature": "c2ln"}))
                }
            };
            let Some(connection) = belief.connection.get(&actor).copied() else { continue };
            let actor = (message["type"] == "signal").then_some(actor);
            let outputs = stage.say(connection, message);
            belief.check(&outputs, actor)?;
        }
    }
}
