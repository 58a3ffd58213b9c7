//! Orders as people read them: what is ordered, why, how soon, and whether anything came back. An order is a ServiceRequest; a Task
//! whose focus it is stands open until it is answered.

pub mod catalogue;
pub mod confirm;
pub mod write;

use std::collections::HashMap;

use fhir::Json;
use jiff::tz::TimeZone;

use super::day;
use super::names::Names;
use super::read::{all, any_code, at, reference, text, words};
use super::time;
use catalogue::{Kind, Priority};

pub struct Order {
    pub id: String,
    pub version: u32,
    pub patient_id: String,
    pub kind: Option<Kind>,
    pub name: String,
    /// LOINC or other code, for telling what is ordered twice.
    pub code: Option<String>,
    pub status: String,
    pub priority: Option<Priority>,
    pub reason: String,
    pub reason_id: String,
    pub wanted: String,
    pub note: String,
    pub patient_note: String,
    /// To whom, as it was typed.
    pub to: String,
    pub specialty: String,
    pub attached: Vec<String>,
    /// When it was written, as FHIR has it.
    /// The day on the clinic’s calendar; empty if nobody said.
    pub authored: String,
    pub by: String,
}

/// What follows an order: the Task that stands open until it is answered.
#[derive(Clone)]
pub struct Follow {
    pub id: String,
    pub version: u32,
    pub order_id: String,
    pub status: String,
    /// `2026-12-20`, a day of the clinic.
    pub due: String,
    pub owner: String,
    /// Why it was closed without an answer.
    pub why: String,
}

/// What came back.
#[derive(Clone)]
pub struct Answered {
    pub kind: &'static str,
    pub id: String,
    pub name: String,
    /// On the clinic’s calendar; empty if nobody said.
    pub day: String,
    at_ms: Option<i64>,
    /// More is to come.
    pub is_partial: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Draft,
    Open,
    Overdue,
    Partial,
    Answered,
    OnHold,
    /// Answered and seen.
    Done,
    /// Closed without an answer, with a reason.
    Closed,
    Cancelled,
}

impl State {
    pub fn words(self) -> &'static str {
        match self {
            State::Draft => "not signed",
            State::Open => "waiting",
            State::Overdue => "overdue",
            State::Partial => "partial result in",
            State::Answered => "result in",
            State::OnHold => "on hold",
            State::Done => "done",
            State::Closed => "closed without a result",
            State::Cancelled => "cancelled",
        }
    }

    pub fn class(self) -> &'static str {
        match self {
            State::Overdue => "warning",
            State::Partial | State::Answered | State::Draft | State::OnHold => "low",
            State::Done => "done",
            State::Open | State::Closed | State::Cancelled => "",
        }
    }

    pub fn is_open(self) -> bool {
        matches!(self, State::Open | State::Overdue | State::Partial | State::Answered | State::OnHold)
    }
}

impl Order {
    pub fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let kind = all(one, "category").iter().flat_map(|concept| all(concept, "coding")).find_map(|coding| {
            let code = text(coding, "code")?;
            Kind::ALL.into_iter().find(|kind| kind.category().0 == code)
        });
        let reason = at(one, &["reasonCode"]).and_then(words);
        let reason_reference = at(one, &["reasonReference"]);
        let reason_id = reason_reference.and_then(reference).filter(|(kind, _)| *kind == "Condition");
        let attached = all(one, "supportingInfo").iter().filter_map(reference);
        let notes: Vec<&str> = all(one, "note").iter().filter_map(|note| text(note, "text")).collect();
        Self {
            id: owned(text(one, "id")),
            version: version_of(one),
            patient_id: owned(one.get("subject").and_then(reference).map(|(_, id)| id)),
            kind,
            name: one.get("code").and_then(words).unwrap_or_else(|| "Order without a name".to_owned()),
            code: one.get("code").and_then(any_code).map(str::to_owned),
            status: owned(text(one, "status")),
            priority: text(one, "priority").and_then(Priority::parse),
            reason: reason
                .or_else(|| reason_reference.and_then(|one| text(one, "display").map(str::to_owned)))
                .unwrap_or_default(),
            reason_id: owned(reason_id.map(|(_, id)| id)),
            wanted: owned(
                text(one, "occurrenceDateTime")
                    .or_else(|| text(at(one, &["occurrencePeriod"])?, "end"))
                    .map(|day| day.get(..10).unwrap_or(day)),
            ),
            note: notes.join("\n"),
            patient_note: owned(text(one, "patientInstruction")),
            to: all(one, "performer").iter().find_map(|one| names.name(one)).unwrap_or_default(),
            specialty: owned(one.get("performerType").and_then(any_code)),
            attached: attached.filter(|(kind, _)| *kind == "DocumentReference").map(|(_, id)| id.to_owned()).collect(),
            authored: text(one, "authoredOn").map(|at| day::day_of(at, zone)).unwrap_or_default(),
            by: one.get("requester").and_then(|by| names.name(by)).unwrap_or_default(),
        }
    }

    /// How it stands on a day of the clinic.
    pub fn state(&self, follow: Option<&Follow>, answered: &[Answered], today: &str) -> State {
        match self.status.as_str() {
            "draft" => return State::Draft,
            "revoked" | "entered-in-error" => return State::Cancelled,
            _ => {}
        }
        let is_ended = self.status == "completed";
        match follow.map(|follow| follow.status.as_str()) {
            Some("cancelled" | "failed" | "rejected") => return State::Closed,
            Some("completed") => return State::Done,
            None if is_ended => return State::Done,
            _ => {}
        }
        if let Some(last) = answered.first() {
            return if answered.iter().all(|one| one.is_partial) && last.is_partial {
                State::Partial
            } else {
                State::Answered
            };
        }
        if self.status == "on-hold" {
            return State::OnHold;
        }
        let due = self.due(follow);
        if !due.is_empty() && due < today { State::Overdue } else { State::Open }
    }

    /// The day by which an answer is expected; empty if nobody said.
    pub fn due<'a>(&'a self, follow: Option<&'a Follow>) -> &'a str {
        follow.map(|follow| follow.due.as_str()).filter(|due| !due.is_empty()).unwrap_or(&self.wanted)
    }

    pub fn kind_words(&self) -> &'static str {
        self.kind.map_or("Order", Kind::words)
    }

    pub fn is_referral(&self) -> bool {
        self.kind == Some(Kind::Referral)
    }

    pub fn is_hurried(&self) -> bool {
        self.priority.is_some_and(|priority| priority != Priority::Routine)
    }

    pub fn wanted_day(&self) -> String {
        if self.wanted.is_empty() { String::new() } else { time::day(&self.wanted) }
    }
}

impl Follow {
    pub fn of(task: &Json<'_>, names: &Names) -> Option<Self> {
        let ("ServiceRequest", order_id) = reference(task.get("focus")?)? else { return None };
        let due = super::task::due(task).unwrap_or_default();
        Some(Self {
            id: text(task, "id")?.to_owned(),
            version: version_of(task),
            order_id: order_id.to_owned(),
            status: text(task, "status").unwrap_or_default().to_owned(),
            due: due.get(..10).unwrap_or(due).to_owned(),
            owner: task.get("owner").and_then(|owner| names.name(owner)).unwrap_or_default(),
            why: task.get("statusReason").and_then(words).unwrap_or_default(),
        })
    }
}

/// Reports, results and documents by the order that they answer, newest first.
pub fn answers(resources: &[Json<'_>], zone: &TimeZone) -> HashMap<String, Vec<Answered>> {
    let mut by_order: HashMap<String, Vec<Answered>> = HashMap::new();
    for one in resources {
        let (kind, orders): (&'static str, Vec<&Json<'_>>) = match one.resource_type() {
            Some("DiagnosticReport") => ("DiagnosticReport", all(one, "basedOn").iter().collect()),
            Some("Observation") => ("Observation", all(one, "basedOn").iter().collect()),
            Some("DocumentReference") => (
                "DocumentReference",
                one.get("context").map_or_else(Vec::new, |context| all(context, "related").iter().collect()),
            ),
            _ => continue,
        };
        if matches!(text(one, "status"), Some("entered-in-error" | "cancelled" | "superseded" | "registered")) {
            continue;
        }
        let when = text(one, "issued").or_else(|| text(one, "effectiveDateTime")).or_else(|| text(one, "date"));
        let title = text(one, "description").map(str::to_owned);
        let name = one.get("code").and_then(words).or(title).or_else(|| one.get("type").and_then(words));
        let answered = Answered {
            kind,
            id: text(one, "id").unwrap_or_default().to_owned(),
            name: name.unwrap_or_else(|| "Result without a name".to_owned()),
            day: when.map(|at| day::day_of(at, zone)).unwrap_or_default(),
            at_ms: when.and_then(time::instant_ms),
            is_partial: matches!(text(one, "status"), Some("preliminary" | "partial")),
        };
        for (_, order) in orders.into_iter().filter_map(reference).filter(|(kind, _)| *kind == "ServiceRequest") {
            by_order.entry(order.to_owned()).or_default().push(answered.clone());
        }
    }
    for answers in by_order.values_mut() {
        // A report says of its results that they are there.
        answers.sort_by(|a, b| {
            (a.kind == "Observation").cmp(&(b.kind == "Observation")).then_with(|| b.at_ms.cmp(&a.at_ms))
        });
    }
    by_order
}

pub fn version_of(resource: &Json<'_>) -> u32 {
    let version = resource.get("meta").and_then(|meta| text(meta, "versionId"));
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn order(status: &str) -> Order {
        let text = format!(
            r#"{{"id":"o","status":"{status}","code":{{"text":"Foot X-ray"}},"occurrenceDateTime":"2026-12-20"}}"#
        );
        Order::of(&Json::parse_str(&text).unwrap(), &Names::default(), &TimeZone::UTC)
    }

    fn task(status: &str) -> Option<Follow> {
        let text = format!(
            r#"{{"id":"t","status":"{status}","focus":{{"reference":"ServiceRequest/o"}},"restriction":{{"period":{{"end":"2027-01-02T10:00:00Z"}}}}}}"#
        );
        Follow::of(&Json::parse_str(&text).unwrap(), &Names::default())
    }

    #[test]
    fn an_order_is_overdue_the_day_after_it_was_due_and_not_once_it_is_answered() {
        let report = r#"{"resourceType":"DiagnosticReport","id":"r","status":"final","basedOn":[{"reference":"ServiceRequest/o"}]}"#;
        let partial = report.replace("final", "partial");
        let of =
            |text: &str| answers(&[Json::parse_str(text).unwrap()], &TimeZone::UTC).remove("o").unwrap_or_default();
        for (order_status, task_status, answered, today, state) in [
            ("draft", None, vec![], "2027-02-01", State::Draft),
            ("active", None, vec![], "2026-12-20", State::Open),
            ("active", None, vec![], "2026-12-21", State::Overdue),
            ("active", Some("requested"), vec![], "2027-01-02", State::Open),
            ("active", Some("requested"), vec![], "2027-01-03", State::Overdue),
            ("active", Some("requested"), of(report), "2027-01-03", State::Answered),
            ("active", Some("requested"), of(&partial), "2027-01-03", State::Partial),
            (
                "active",
                Some("requested"),
                of(&report.replace("final", "entered-in-error")),
                "2027-01-03",
                State::Overdue,
            ),
            ("active", Some("completed"), of(report), "2027-01-03", State::Done),
            ("active", Some("cancelled"), vec![], "2027-01-03", State::Closed),
            ("completed", None, vec![], "2027-01-03", State::Done),
            ("revoked", Some("cancelled"), vec![], "2027-01-03", State::Cancelled),
            ("on-hold", None, vec![], "2026-12-01", State::OnHold),
        ] {
            let follow = task_status.and_then(task);
            let held = order(order_status).state(follow.as_ref(), &answered, today);
            assert_eq!(held, state, "{order_status} {task_status:?} {today}");
        }
    }
}
