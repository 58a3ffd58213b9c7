//! The audit log as FHIR AuditEvents: readable by permission only, changeable by nobody. Reading it is audited too.

use std::collections::HashMap;

use access::{Action, Caller};
use audit::Event;
use audit::event::{Object, Outcome};
use audit::render::{Named, Recorder, render};
use store::{ChartNo, Disclosed, Discloses, RowNo, Sqlite, Subject};

use crate::cursor::{Cursor, Kind, Position};
use crate::evidence::Deed;
use crate::request::{Pairs, ResourceKey};
use crate::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Record, RecordError, charts, types};

/// Log entries that one search looks at; the next link goes on behind them.
const ENTRIES_MAX: u64 = 50_000;
/// Entries after which other requests get their turn.
const YIELD_EVERY: usize = 256;
/// Objects of one event that are named by reference; the rest stay opaque numbers.
const NAMED_MAX: usize = 200;

/// A page of the audit log, newest first. It shows no row: what it discloses is that people looked at rows.
pub struct AuditPage {
    /// AuditEvents as JSON.
    pub entries: Vec<Vec<u8>>,
    pub next: Option<String>,
}

impl Discloses for AuditPage {
    fn subjects(&self, _: &mut dyn FnMut(Subject)) {}
}

/// Whose events a reader sees, and in which view.
struct Reader {
    /// A patient's own chart and those of a proxy: only events about them, one for each. None: the whole log.
    charts: Option<Vec<ChartNo>>,
    view: access::View,
}

/// What is asked of the log.
#[derive(Default)]
struct Wanted {
    count: usize,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    agent: Option<String>,
    action: Option<char>,
    outcome: Option<String>,
    object: Option<(RowNo, Option<ChartNo>)>,
}

impl Record<Sqlite> {
    /// Searches the log: `date` (with prefixes), `agent-name`, `action`, `outcome`, `patient`, `entity`, `_count`.
    pub async fn audit_events(&self, caller: &Caller, pairs: &Pairs<'_>) -> Result<Disclosed<AuditPage>, RecordError> {
        let scope = match self.policies().scope(caller, Action::Search, audit_event()?) {
            Ok(scope) => scope,
            Err(denial) => return Err(self.refuse(caller, audit::Action::AuditRead, None, &denial).await),
        };
        let kind = audit_event()?;
        let charts = match scope.charts() {
            access::Charts::All => None,
            access::Charts::Only(charts) => {
                let is_open = |chart: &access::ChartNo| {
                    let permit = scope.permits(&access::Object::of(kind, None, Some(*chart)), &[]);
                    permit.is_ok_and(|permit| permit.view() == scope.view())
                };
                Some(charts.iter().filter(|chart| is_open(chart)).map(|chart| chart.0).collect())
            }
            // Who treats a patient is not told who else looked.
            access::Charts::Related => Some(Vec::new()),
        };
        let seen_by = Reader { charts, view: scope.view() };
        let reader = self.0.store.log_reader();
        reader.caught_up().await;
        let mut pairs = std::borrow::Cow::Borrowed(pairs);
        let mut end = reader.size();
        if let Some((_, text)) = pairs.iter().find(|(name, _)| name == "_cursor") {
            let (now, version) = (self.now_ms(), scope.policy_version());
            let cursor = Cursor::open(text, Kind::Audit, &self.0.cursor, caller, version, now)?;
            end = cursor.position.offset;
            pairs = std::borrow::Cow::Owned(crate::cursor::read_pairs(&cursor.question));
        }
        let wanted = self.wanted(&pairs).await?;
        let mut entries = Vec::new();
        let mut next = None;
        for (looked_at, entry) in reader.backwards(0, end).enumerate() {
            let entry = entry.map_err(|_| RecordError::Damaged)?;
            if entries.len() == wanted.count || looked_at as u64 == ENTRIES_MAX {
                next = Some(entry.index + 1);
                break;
            }
            let Some(detail) = &entry.detail else { continue };
            let Some(event) = seen_by.narrowed(Event::decode(detail)?) else { continue };
            if wanted.holds(&event) {
                for chart in seen_by.shown(&event) {
                    entries.push(self.rendered(&event, entry.index, chart, seen_by.view).await?);
                }
            }
            if looked_at % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
        }
        let query = crate::cursor::write_pairs(&pairs);
        let asked = audit::event::Search { type_code: audit_event()?.code, query: clipped(&query) };
        let deed =
            Deed { search: Some(asked), count: Some(entries.len() as u64), ..Deed::of(audit::Action::AuditRead, &[]) };
        let receipt = self.attest(caller, &deed).await?;
        let next = match next {
            Some(offset) => {
                let position = Position { row: 0, seq: 0, offset };
                let cursor = Cursor { kind: Kind::Audit, position, question: query };
                Some(cursor.seal(&self.0.cursor, caller, scope.policy_version(), self.now_ms())?)
            }
            None => None,
        };
        Ok(Disclosed::new(AuditPage { entries, next }, &receipt)?)
    }

    /// One AuditEvent by its place in the log.
    pub async fn audit_event(&self, caller: &Caller, id: &str) -> Result<Disclosed<AuditPage>, RecordError> {
        let kind = audit_event()?;
        if let Err(denial) = self.policies().ever(caller, Action::Read, kind) {
            return Err(self.refuse(caller, audit::Action::AuditRead, None, &denial).await);
        }
        let reader = self.0.store.log_reader();
        // Narrowed to a chart, an event's id ends in the chart's place among those that the reader may know it names.
        let (index, place) = id.split_once('-').unwrap_or((id, "0"));
        let place: usize = place.parse().unwrap_or(usize::MAX);
        let entry = match index.parse() {
            Ok(index) => reader.get(index).map_err(|_| RecordError::Damaged)?,
            Err(_) => None,
        };
        let mut rendered = None;
        if let Some((index, detail)) = entry.and_then(|entry| Some((entry.index, entry.detail?))) {
            let event = Event::decode(&detail)?;
            // A patient reads what concerns the own chart, a proxy the charts of the grants, others the whole record.
            let policies = self.policies();
            let decide = |chart| policies.decide(caller, Action::Read, &access::Object::of(kind, None, chart));
            let near = caller.own_chart().into_iter().chain(caller.proxies().iter().map(|grant| grant.chart));
            let named = near.clone().filter(|chart| event.objects.iter().any(|object| object.chart == chart.0));
            let mut open: Vec<(ChartNo, access::Permit)> =
                named.filter_map(|chart| Some((chart.0, decide(Some(chart)).ok()?))).collect();
            open.sort_unstable_by_key(|(chart, _)| *chart);
            match (decide(None), open.get(place)) {
                (Ok(permit), _) => rendered = Some(self.rendered(&event, index, None, permit.view()).await?),
                (Err(_), Some((chart, permit))) => {
                    let charts = Some(open.iter().map(|(chart, _)| *chart).collect());
                    let seen_by = Reader { charts, view: permit.view() };
                    if let Some(event) = seen_by.narrowed(event) {
                        rendered = Some(self.rendered(&event, index, Some(*chart), seen_by.view).await?);
                    }
                }
                (Err(denial), None) if near.clone().next().is_none() => {
                    return Err(self.refuse(caller, audit::Action::AuditRead, None, &denial).await);
                }
                (Err(_), None) => {}
            }
        }
        let Some(rendered) = rendered else {
            return Err(self.fail(caller, audit::Action::AuditRead, None, 404, RecordError::NotFound).await);
        };
        let receipt = self.attest(caller, &Deed { count: Some(1), ..Deed::of(audit::Action::AuditRead, &[]) }).await?;
        Ok(Disclosed::new(AuditPage { entries: vec![rendered], next: None }, &receipt)?)
    }

    async fn rendered(
        &self,
        event: &Event<'_>,
        index: u64,
        chart: Option<ChartNo>,
        view: access::View,
    ) -> Result<Vec<u8>, RecordError> {
        let mut rows = HashMap::new();
        let mut patients = HashMap::new();
        for object in event.objects.iter().take(NAMED_MAX) {
            if let Some(head) = self.head_moved(object.row).await? {
                rows.insert(object.row, head.reference());
            }
            if charts::is_patient(object.chart) && !patients.contains_key(&object.chart) {
                let heads = self.heads_of_chart(object.chart).await?;
                if let Some(patient) = heads.iter().find(|head| head.type_name() == "Patient") {
                    patients.insert(object.chart, patient.reference());
                }
            }
        }
        let resolve = |named: Named<'_>| match named {
            Named::Row(object) => rows.get(&object.row).cloned(),
            Named::Chart(chart) => patients.get(&chart).cloned(),
        };
        let site = self.0.base_url.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let recorder = Recorder { site, base_url: &self.0.base_url };
        let json = render(event, index, chart, recorder, &resolve).into_bytes();
        let view = view.of_type(types::AUDIT_EVENT);
        if view.is_full() {
            return Ok(json);
        }
        let tree = fhir::Json::parse(&json).map_err(|_| RecordError::Damaged)?;
        Ok(fhir::project::view(&tree, |name| view.allows(name)).to_vec())
    }

    async fn wanted(&self, pairs: &Pairs<'_>) -> Result<Wanted, RecordError> {
        let mut wanted = Wanted { count: PAGE_SIZE_DEFAULT as usize, ..Wanted::default() };
        for (name, value) in pairs {
            match name.as_ref() {
                "_count" => {
                    let count: u32 = value.parse().map_err(|_| RecordError::Malformed("_count is not a number"))?;
                    wanted.count = count.clamp(1, PAGE_SIZE_MAX) as usize;
                }
                "date" => wanted.date(value)?,
                "agent-name" => wanted.agent = Some(value.to_string()),
                "action" => wanted.action = value.chars().next(),
                "outcome" => wanted.outcome = Some(value.to_string()),
                "patient" | "entity" => {
                    let reference = match value.contains('/') {
                        true => value.to_string(),
                        false => format!("Patient/{value}"),
                    };
                    let key = ResourceKey::parse_reference(self.local(&reference));
                    let key = key.ok_or(RecordError::Malformed("not a reference to a resource of this record"))?;
                    wanted.object = match self.find(&key).await? {
                        Some(current) if key.kind.name == "Patient" => {
                            Some((current.head.row, Some(current.head.chart)))
                        }
                        Some(current) => Some((current.head.row, None)),
                        None => Some((0, None)),
                    };
                }
                "_format" | "_pretty" | "_sort" | "_cursor" => {}
                _ => return Err(RecordError::NotSupported("this search parameter of AuditEvent")),
            }
        }
        Ok(wanted)
    }
}

impl Reader {
    /// The event as this reader may know it; `None` if it does not concern the reader.
    fn narrowed<'e>(&self, mut event: Event<'e>) -> Option<Event<'e>> {
        if let Some(charts) = &self.charts {
            // What somebody searched for, and how much was found, may speak of others.
            event.search = None;
            event.count = None;
            event.objects.to_mut().retain(|object| charts.contains(&object.chart));
            if event.objects.is_empty() {
                return None;
            }
        }
        Some(event)
    }
}

impl Reader {
    /// The charts of an event that each get an entry of their own; one entry about no chart for who reads the whole log.
    fn shown(&self, event: &Event<'_>) -> Vec<Option<ChartNo>> {
        if self.charts.is_none() {
            return vec![None];
        }
        let mut charts: Vec<_> = event.objects.iter().map(|object| Some(object.chart)).collect();
        charts.sort_unstable();
        charts.dedup();
        charts
    }
}

impl Wanted {
    fn date(&mut self, value: &str) -> Result<(), RecordError> {
        let (prefix, text) = match value.as_bytes() {
            [a, b, ..] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => value.split_at(2),
            _ => ("eq", value),
        };
        let span = fhir::search::date_span_ms(text).ok_or(RecordError::Malformed("not a FHIR date"))?;
        let (low, high) = (span.0.max(0) as u64, span.1.max(0) as u64);
        match prefix {
            "eq" => (self.from_ms, self.to_ms) = (Some(low), Some(high)),
            "ge" => self.from_ms = Some(low),
            "gt" | "sa" => self.from_ms = Some(high),
            "le" => self.to_ms = Some(high),
            "lt" | "eb" => self.to_ms = Some(low),
            _ => return Err(RecordError::NotSupported("this prefix on AuditEvent.date")),
        }
        Ok(())
    }

    fn holds(&self, event: &Event<'_>) -> bool {
        let names = |object: &Object| match self.object {
            Some((row, chart)) => object.row == row || chart == Some(object.chart),
            None => true,
        };
        self.from_ms.is_none_or(|from| event.time_ms >= from)
            && self.to_ms.is_none_or(|to| event.time_ms < to)
            && self.agent.as_ref().is_none_or(|agent| event.who.user == agent)
            && self.action.is_none_or(|action| letter(event.action) == action)
            && self.outcome.as_ref().is_none_or(|outcome| code(&event.outcome) == outcome)
            && (self.object.is_none() || event.objects.iter().any(names))
    }
}

/// `AuditEvent.action`, as the rendering writes it.
fn letter(action: audit::Action) -> char {
    use audit::Action as A;
    match action {
        A::Create => 'C',
        A::Read | A::VRead | A::History => 'R',
        A::Update | A::Patch => 'U',
        A::Delete => 'D',
        _ => 'E',
    }
}

/// `AuditEvent.outcome`, as the rendering writes it.
fn code(outcome: &Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Success => "0",
        Outcome::Denied { .. } => "4",
        Outcome::Failed { .. } => "8",
    }
}

fn audit_event() -> Result<access::TypeRef, RecordError> {
    types::parse(types::AUDIT_EVENT).ok_or(RecordError::Damaged)
}

fn clipped(text: &str) -> &str {
    audit::event::clip(text, audit::event::LONG_TEXT_BYTES_MAX)
}
