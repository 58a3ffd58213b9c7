//! The green bar: where one is, where one may go, who one is. A place is there only if policy lets its people do something in it.

use access::{Action, Caller, Charts, Object, TypeRef};
use identity::Session;

use crate::Web;

/// The rooms of the clinic that have an entry in the bar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Today,
    Schedule,
    Results,
    Inbox,
    Patients,
    Orders,
    Agreements,
    /// One's own account: no entry, but the name in the bar is marked.
    Me,
    /// A page beside the rooms.
    Elsewhere,
}

pub struct Shell<'a> {
    pub places: Vec<Entry>,
    pub name: &'a str,
    pub roles: String,
    pub csrf: &'a str,
    pub is_me: bool,
    /// Single letters are no keys to this person.
    pub letters_off: bool,
}

pub struct Entry {
    pub name: &'static str,
    pub address: &'static str,
    /// The letter that leads there after `g`.
    pub letter: char,
    pub is_here: bool,
}

impl<'a> Shell<'a> {
    pub fn of(web: &Web, session: &'a Session, here: Place) -> Self {
        let names = session.caller.iter().flat_map(|caller| caller.roles().iter());
        let names: Vec<String> = names.map(|role| role.name().replace('_', " ")).collect();
        Self {
            places: places(web, session, here),
            name: &session.display_name,
            roles: names.join(", "),
            csrf: &session.csrf,
            is_me: here == Place::Me,
            letters_off: session.letters_off,
        }
    }
}

/// Where this person may go.
pub fn places(web: &Web, session: &Session, here: Place) -> Vec<Entry> {
    let Some(caller) = &session.caller else { return Vec::new() };
    let sees_the_day = sees_the_day(web, caller);
    let all = [
        ("Today", "/today", 't', Place::Today, sees_the_day),
        ("Calendar", "/schedule", 'c', Place::Schedule, sees_the_day),
        ("Results", "/results", 'r', Place::Results, reviews_results(web, caller)),
        ("Inbox", "/inbox", 'i', Place::Inbox, keeps_tasks(web, caller)),
        ("Patients", "/patients", 'p', Place::Patients, finds_patients(web, caller)),
        ("Orders", "/orders", 'o', Place::Orders, orders(web, caller)),
        ("Agreements", "/agreements", 'b', Place::Agreements, reads_agreements(web, caller)),
    ];
    let open = all.into_iter().filter(|(.., is_open)| *is_open);
    open.map(|(name, address, letter, place, _)| Entry { name, address, letter, is_here: place == here }).collect()
}

/// Whether somebody looks at the register of business associate agreements.
fn reads_agreements(web: &Web, caller: &Caller) -> bool {
    let system = Object::of(TypeRef::SYSTEM, None, None);
    web.record().policies().decide(caller, Action::ReadAgreements, &system).is_ok()
}

/// Whether somebody looks for patients other than themselves and those they stand for.
pub fn finds_patients(web: &Web, caller: &Caller) -> bool {
    let Some(kind) = record::types::parse("Patient") else { return false };
    reaches(web, caller, kind)
}

/// Whether somebody looks at appointments of others.
pub fn sees_the_day(web: &Web, caller: &Caller) -> bool {
    let Some(kind) = record::types::parse("Appointment") else { return false };
    reaches(web, caller, kind)
}

/// Whether somebody looks through results of others, and says what became of them.
pub fn reviews_results(web: &Web, caller: &Caller) -> bool {
    let kinds = record::types::parse("DiagnosticReport").zip(record::types::parse("Task"));
    let may_say = |kind| web.record().policies().ever(caller, Action::Create, kind).is_ok();
    kinds.is_some_and(|(report, task)| reaches(web, caller, report) && may_say(task))
}

/// Whether somebody signs documents of others about the patients whom they treat: who orders for them, and looks through what comes in.
/// Who only signs what they filed themselves has no list of it.
pub fn signs_documents(web: &Web, caller: &Caller) -> bool {
    let Some(kind) = record::types::parse("DocumentReference") else { return false };
    let may_sign = web.record().policies().ever(caller, Action::Update, kind).is_ok();
    may_sign && reaches(web, caller, kind) && reviews_results(web, caller) && orders(web, caller)
}

/// Whether somebody looks through tasks about others, and ends them.
pub fn keeps_tasks(web: &Web, caller: &Caller) -> bool {
    let Some(kind) = record::types::parse("Task") else { return false };
    reaches(web, caller, kind) && web.record().policies().ever(caller, Action::Update, kind).is_ok()
}

/// Whether somebody orders for patients, and so waits for answers.
fn orders(web: &Web, caller: &Caller) -> bool {
    let Some(kind) = record::types::parse("ServiceRequest") else { return false };
    web.record().policies().ever(caller, Action::Create, kind).is_ok() && reaches(web, caller, kind)
}

/// Whether somebody looks at things of this type in charts of others.
fn reaches(web: &Web, caller: &Caller, kind: TypeRef) -> bool {
    let scope = web.record().policies().scope(caller, Action::Search, kind);
    scope.is_ok_and(|scope| !matches!(scope.charts(), Charts::Only(_)))
}
