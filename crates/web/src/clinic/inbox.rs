//! Tasks and messages that wait for somebody, in one list. What becomes of a message is a Task of its own, named after it; the message
//! stays as it was written.

use std::collections::{BTreeSet, HashMap};

use fhir::Json;
use jiff::tz::TimeZone;

use super::addressed::{Addressed, Persons, is_for_us, searches};
use super::ask::{Asking, Sheet};
use super::day::{self, Day};
use super::duty::{Limits, List, Owner, Standing};
use super::names::Names;
use super::read::{all, at, has_code, reference, text, version, words};
use super::reports::{Subject, age, covers};
use super::task;
use super::ties::Tie;
use super::time;
use crate::refusal::Refusal;

/// What lies longer with its owner is also the team's.
pub const LIMITS: Limits = Limits { critical_hours: 0, other_days: 3 };
const TASKS_MAX: &str = "300";
const MESSAGES_MAX: &str = "300";
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// Statuses of a message that was sent (R4, event-status).
pub const SENT: &str = "completed,in-progress";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Message,
    Refill,
    Cosign,
    /// Ends with its order.
    Order,
    Task,
}

pub struct Item {
    /// Of the Task, or of the Communication.
    pub id: String,
    pub kind: Kind,
    /// Of the Task; none yet for a message with which nobody did anything.
    pub version: u32,
    pub patient: Option<Subject>,
    pub title: String,
    pub words: String,
    pub from: String,
    pub received: String,
    pub age: String,
    pub due: Option<String>,
    pub is_overdue: bool,
    pub standing: Standing,
    pub owner: String,
    pub cover: Option<String>,
    pub escalated: Option<String>,
    /// Until when it is out of sight.
    pub snoozed: Option<String>,
    /// The prescription that a refill is asked of: a MedicationRequest's id.
    pub refill_of: Option<String>,
    /// The note to be co-signed: a DocumentReference's id.
    pub note: Option<String>,
    /// Who asked for it: a Practitioner's id.
    pub asked_by: Option<String>,
    /// The note to be co-signed is open to whoever looks, or was written by them: see [`look_at_notes`].
    pub may_read: bool,
    pub is_own: bool,
    /// The order whose answer is waited for: a ServiceRequest's id.
    pub order: Option<String>,
    /// What was said when it went from one to the other.
    pub notes: Vec<String>,
    since_ms: i64,
    due_ms: Option<i64>,
}

pub struct Gathered {
    pub items: Vec<Item>,
    pub covers: Vec<Tie>,
    pub names: Names,
    pub is_cut: bool,
    pub is_part2: bool,
}

impl Kind {
    pub fn is_message(self) -> bool {
        self == Kind::Message
    }

    pub fn is_refill(self) -> bool {
        self == Kind::Refill
    }

    /// Done by signing, and by nothing else.
    pub fn is_cosign(self) -> bool {
        self == Kind::Cosign
    }

    /// A co-signature is given to the note, and an order ends with its answer or with a reason.
    pub fn is_done_here(self) -> bool {
        !matches!(self, Kind::Cosign | Kind::Order)
    }

    pub fn words(self) -> &'static str {
        match self {
            Kind::Message => "Message",
            Kind::Refill => "Refill request",
            Kind::Cosign => "Note to co-sign",
            Kind::Order => "Order",
            Kind::Task => "Task",
        }
    }
}

impl Item {
    /// Patient and note, for who may read it.
    pub fn to_cosign(&self) -> Option<(&str, &str)> {
        if !self.may_read {
            return None;
        }
        Some((self.patient.as_ref()?.id.as_str(), self.note.as_deref()?))
    }

    /// Patient and order.
    pub fn to_order(&self) -> Option<(&str, &str)> {
        Some((self.patient.as_ref()?.id.as_str(), self.order.as_deref()?))
    }

    pub fn address(&self) -> String {
        format!("/inbox/{}/{}", if self.kind.is_message() { "messages" } else { "tasks" }, self.id)
    }
}

/// What lies in the lists of somebody: their own, those they cover, the team's; and all that they may see, where that is asked for.
pub async fn waiting(
    asking: &Asking<'_>,
    own: Option<&str>,
    is_all: bool,
    zone: &TimeZone,
) -> Result<Gathered, Refusal> {
    let (cover_sheet, covers) = covers(asking).await?;
    let now_ms = asking.record.now_ms();
    let covered = covers.iter().filter(|cover| Some(cover.by.as_str()) == own && cover.holds(now_ms));
    let people: Vec<String> = { own.map(str::to_owned).into_iter() }
        .chain(covered.map(|cover| cover.whose.clone()))
        .map(|id| format!("Practitioner/{id}"))
        .collect();
    let named = Addressed::of(asking, own, &people).await?;
    let (here, anybody): (Vec<String>, Vec<String>) =
        (searches(&named.here).collect(), searches(&named.anybody).collect());
    // What lay too long with anybody is the team's, too.
    let late = format!("lt{}", day::instant(now_ms - LIMITS.other_days * DAY_MS));
    let mut asked: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    if !is_all {
        asked = vec![vec![("owner:missing", "true")], vec![("authored-on", &late)]];
        asked.extend(here.iter().map(|names| vec![("owner", &**names)]));
    }
    let base = [("status", record::TASK_OPEN), ("_sort", "_lastUpdated"), ("_count", TASKS_MAX)];
    let mut sheets = Vec::new();
    for more in asked {
        let pairs: Vec<_> = base.iter().copied().chain(more).collect();
        sheets.push(asking.search_if_ever("Task", &pairs).await?);
    }
    // What went to patients waits for nobody here, so that whom it was written to is always named, or nobody is.
    let mut asked: Vec<Vec<(&str, &str)>> = vec![vec![("recipient:missing", "true")]];
    match is_all {
        true => asked.extend(anybody.iter().map(|names| vec![("recipient", &**names)])),
        false => {
            asked.extend(here.iter().map(|names| vec![("recipient", &**names)]));
            asked.extend(anybody.iter().map(|names| vec![("recipient", &**names), ("sent", &*late)]));
        }
    }
    let base = [("status", SENT), ("_sort", "-sent"), ("_count", MESSAGES_MAX)];
    let name = |id: &str, _: u32| task::handles(id);
    let mut messages = Vec::new();
    for more in asked {
        let pairs: Vec<_> = base.iter().copied().chain(more).collect();
        messages.push(asking.search_unless("Communication", &pairs, &name, "completed").await?);
    }
    let is_cut = named.is_cut || sheets.iter().chain(&messages).any(|sheet| sheet.next().is_some());
    let mut gathered = gather(asking, zone, sheets, messages, cover_sheet, covers).await?;
    gathered.is_cut = is_cut;
    Ok(gathered)
}

/// One of them, by itself.
pub async fn one(asking: &Asking<'_>, kind: &str, id: &str, zone: &TimeZone) -> Result<Option<Item>, Refusal> {
    let (cover_sheet, covers) = covers(asking).await?;
    let sheet = asking.search(kind, &[("_id", id)]).await?;
    let (tasks, messages) = if kind == "Task" { (vec![sheet], Vec::new()) } else { (Vec::new(), vec![sheet]) };
    Ok(gather(asking, zone, tasks, messages, cover_sheet, covers).await?.items.into_iter().find(|item| item.id == id))
}

/// Of notes to co-sign whether whoever looks may read them: how many there are for them, and nothing of what they say.
pub async fn look_at_notes(asking: &Asking<'_>, own: Option<&str>, items: &mut [Item]) -> Result<(), Refusal> {
    for item in items {
        let Some(note) = &item.note else { continue };
        let found = asking.search_if_ever("DocumentReference", &[("_id", note), ("_summary", "count")]).await?;
        item.may_read = found.total().is_some_and(|total| total > 0);
        // Nobody co-signs what they asked others to co-sign.
        item.is_own = own.is_some() && item.asked_by.as_deref() == own;
    }
    Ok(())
}

async fn gather(
    asking: &Asking<'_>,
    zone: &TimeZone,
    tasks: Vec<Sheet>,
    mut messages: Vec<Sheet>,
    cover_sheet: Sheet,
    covers: Vec<Tie>,
) -> Result<Gathered, Refusal> {
    // What the patient is to do waits for nobody here.
    let is_ours =
        |one: &Json<'_>| !matches!(one.get("owner").and_then(reference), Some(("Patient" | "RelatedPerson", _)));
    let held: Vec<Json<'_>> = tasks.iter().flat_map(Sheet::resources).filter(is_ours).collect();
    // A message that was given to somebody is found by the Task of what becomes of it.
    let is_handling = |one: &Json<'_>| has_code(one, "code", task::HANDLE.0);
    let focus = |one: &Json<'_>| reference(one.get("focus")?).map(|(_, id)| id.to_owned());
    let known: BTreeSet<String> = ids(&messages);
    let given: Vec<String> =
        { held.iter() }.filter(|one| is_handling(one)).filter_map(focus).filter(|id| !known.contains(id)).collect();
    messages.extend(asking.by_ids("Communication", &given).await?);
    let texts: Vec<Json<'_>> = messages.iter().flat_map(Sheet::resources).filter(is_for_us).collect();
    let names: Vec<String> = texts.iter().filter_map(|one| Some(task::handles(text(one, "id")?))).collect();
    let handling = asking.by_ids("Task", &names).await?;
    let handling: HashMap<String, Json<'_>> = { handling.iter().flat_map(Sheet::resources) }
        .filter_map(|one| Some((text(&one, "id")?.to_owned(), one)))
        .collect();
    let of = |one: &Json<'_>, element: &str| reference(one.get(element)?).map(|(_, id)| id.to_owned());
    let patients: Vec<String> = { held.iter().filter_map(|one| of(one, "for")) }
        .chain(texts.iter().filter_map(|one| of(one, "subject")))
        .collect();
    let patient_sheets = asking.by_ids("Patient", &patients).await?;
    let now_ms = asking.record.now_ms();
    let patients: HashMap<String, Subject> = { patient_sheets.iter().flat_map(Sheet::resources) }
        .filter_map(|one| Some((text(&one, "id")?.to_owned(), Subject::of(&one, now_ms))))
        .collect();
    let persons = {
        let owners = held.iter().chain(handling.values()).filter_map(|one| one.get("owner"));
        Persons::of(asking, owners.chain(texts.iter().flat_map(|one| all(one, "recipient")))).await?
    };
    let mut about: Vec<Json<'_>> = handling.values().cloned().collect();
    about.extend(persons.ids().map(|id| task::refer("Practitioner", id)));
    let names = Names::of(asking, &about, tasks.iter().chain(&messages).chain([&cover_sheet])).await?;
    let see = See { names: &names, persons: &persons, patients: &patients, covers: &covers, now_ms, zone };
    let mut seen = BTreeSet::new();
    let tasks_shown = held.iter().filter(|one| !is_handling(one)).filter_map(|one| see.task(one));
    let messages_shown = texts.iter().filter_map(|one| {
        let handling = handling.get(&task::handles(text(one, "id")?));
        see.message(one, handling)
    });
    let mut items: Vec<Item> = tasks_shown.chain(messages_shown).filter(|item| seen.insert(item.id.clone())).collect();
    // What is overdue first, then by the day it is due; among what has none, what waits longest.
    items.sort_by_key(|item| (!item.is_overdue, item.due_ms.unwrap_or(item.since_ms), item.since_ms));
    let is_part2 = tasks.iter().chain(&messages).chain(&patient_sheets).any(Sheet::is_part2);
    Ok(Gathered { items, covers, names, is_cut: false, is_part2 })
}

fn ids(sheets: &[Sheet]) -> BTreeSet<String> {
    let each = sheets.iter().flat_map(Sheet::resources);
    each.filter_map(|one| text(&one, "id").map(str::to_owned)).collect()
}

struct See<'s> {
    names: &'s Names,
    persons: &'s Persons,
    patients: &'s HashMap<String, Subject>,
    covers: &'s [Tie],
    now_ms: i64,
    zone: &'s TimeZone,
}

impl See<'_> {
    fn task(&self, one: &Json<'_>) -> Option<Item> {
        let code = one.get("code");
        let is_refill = has_code(one, "code", "refill-request");
        let title = text(one, "description").map(str::to_owned).or_else(|| words(code?));
        let by = one.get("requester");
        let kind = match () {
            () if is_refill => Kind::Refill,
            () if has_code(one, "code", task::COSIGN) => Kind::Cosign,
            () if task::order(one).is_some() => Kind::Order,
            () => Kind::Task,
        };
        let mut item = self.item(one, kind, "for", by, text(one, "authoredOn"))?;
        item.version = version(one);
        item.title = title.unwrap_or_else(|| "Task without a name".to_owned());
        item.refill_of = match one.get("focus").and_then(reference) {
            Some(("MedicationRequest", id)) if is_refill => Some(id.to_owned()),
            _ => None,
        };
        item.note = match one.get("focus").and_then(reference) {
            Some(("DocumentReference", id)) if kind.is_cosign() => Some(id.to_owned()),
            _ => None,
        };
        item.order = task::order(one).map(str::to_owned);
        self.stands(&mut item, one);
        let owner = one.get("owner").and_then(|owner| self.persons.named(owner));
        self.owned(&mut item, owner);
        Some(item)
    }

    fn message(&self, one: &Json<'_>, handling: Option<&Json<'_>>) -> Option<Item> {
        let mut item = self.item(one, Kind::Message, "subject", one.get("sender"), text(one, "sent"))?;
        let said: Vec<&str> = all(one, "payload").iter().filter_map(|part| text(part, "contentString")).collect();
        item.words = said.join("\n\n");
        let topic = one.get("topic").and_then(words);
        item.title = match topic {
            Some(topic) => format!("Message from {}: {topic}", item.from),
            None => format!("Message from {}", item.from),
        };
        let mut owner = all(one, "recipient").iter().find_map(|to| self.persons.named(to));
        if let Some(handling) = handling {
            if text(handling, "status") == Some("completed") {
                return None;
            }
            item.version = version(handling);
            self.stands(&mut item, handling);
            owner = handling.get("owner").and_then(|owner| self.persons.named(owner));
        }
        self.owned(&mut item, owner);
        Some(item)
    }

    fn item(
        &self,
        one: &Json<'_>,
        kind: Kind,
        subject: &str,
        by: Option<&Json<'_>>,
        when: Option<&str>,
    ) -> Option<Item> {
        let patient = one.get(subject).and_then(reference).and_then(|(_, id)| self.patients.get(id));
        let updated = one.get("meta").and_then(|meta| text(meta, "lastUpdated"));
        let since_ms = when.or(updated).and_then(time::instant_ms).unwrap_or(self.now_ms);
        let from = match by.and_then(reference) {
            Some(("Patient", _)) => "the patient".to_owned(),
            Some(("RelatedPerson", _)) => "somebody who stands for the patient".to_owned(),
            _ => by.and_then(|by| self.names.name(by)).unwrap_or_else(|| "somebody not named".to_owned()),
        };
        Some(Item {
            id: text(one, "id")?.to_owned(),
            kind,
            version: 0,
            patient: patient.cloned(),
            title: String::new(),
            words: String::new(),
            from,
            received: format!("{} {}", Day::of(since_ms, self.zone).short(), day::clock(since_ms, self.zone)),
            age: age(((self.now_ms - since_ms) / MINUTE_MS).max(0)),
            due: None,
            is_overdue: false,
            standing: Standing { owner: Owner::Pool, cover: None, escalated: None },
            owner: String::new(),
            cover: None,
            escalated: None,
            snoozed: None,
            refill_of: None,
            note: None,
            asked_by: by.and_then(reference).filter(|(kind, _)| *kind == "Practitioner").map(|(_, id)| id.to_owned()),
            may_read: false,
            is_own: false,
            order: None,
            notes: Vec::new(),
            since_ms,
            due_ms: None,
        })
    }

    /// When it is due, until when it sleeps, and what was said of it.
    fn stands(&self, item: &mut Item, task: &Json<'_>) {
        // A day without an hour is the clinic's day: a task is due until its end, and back at its beginning.
        let day = |said: &str| Day::parse(said, self.zone);
        item.due_ms =
            task::due(task).and_then(|due| day(due).map(|day| day.ends_ms() - 1).or_else(|| time::instant_ms(due)));
        item.due = item.due_ms.map(|ms| Day::of(ms, self.zone).short());
        item.is_overdue = item.due_ms.is_some_and(|ms| ms < self.now_ms);
        let start = at(task, &["restriction", "period"]).and_then(|period| text(period, "start"));
        let start = start.and_then(|from| day(from).map(|day| day.begins_ms()).or_else(|| time::instant_ms(from)));
        let sleeps = start.filter(|ms| text(task, "status") == Some("on-hold") && *ms > self.now_ms);
        item.snoozed = sleeps.map(|ms| Day::of(ms, self.zone).short());
        item.notes = { all(task, "note").iter() }
            .filter_map(|note| {
                let said = text(note, "text")?;
                let by = note.get("authorReference").and_then(|by| self.names.name(by));
                Some(by.map_or_else(|| said.to_owned(), |by| format!("{by}: {said}")))
            })
            .collect();
    }

    fn owned(&self, item: &mut Item, owner: Option<String>) {
        let owner = owner.map_or(Owner::Pool, Owner::Person);
        let since = item.due_ms.unwrap_or(item.since_ms);
        item.standing = Standing::of(owner, since, false, self.covers, self.now_ms, LIMITS);
        let person = |id: &str| {
            self.names.person(id).unwrap_or_else(|| "a clinician whom the directory does not name".to_owned())
        };
        item.owner = match &item.standing.owner {
            Owner::Person(id) => person(id),
            Owner::Pool => "The team".to_owned(),
        };
        item.cover = item.standing.cover.as_deref().map(person);
        let lies = if item.due_ms.is_some() { "Overdue" } else { "Waits" };
        item.escalated = item.standing.escalated.as_ref().filter(|to| **to != item.standing.owner).map(|to| match to {
            Owner::Person(id) => {
                format!("{lies} for over {} days: now also with {}, who covers", LIMITS.other_days, person(id))
            }
            Owner::Pool => format!("{lies} for over {} days: now also the team’s", LIMITS.other_days),
        });
    }
}

impl Gathered {
    /// Those of a list, awake and asleep.
    pub fn of(self, list: List, own: Option<&str>) -> (Vec<Item>, Vec<Item>) {
        let here = self.items.into_iter().filter(|item| item.standing.is_in(list, own));
        here.partition(|item| item.snoozed.is_none())
    }
}
