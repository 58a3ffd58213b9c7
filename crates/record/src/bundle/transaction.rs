//! The transaction: all or nothing (R4 http.html#trules).

use std::collections::{HashMap, HashSet};

use access::{Action, Caller};
use audit::event::Object;
use fhir::Json;
use store::{Backend, Batch, ChartNo, Keyword, NoNewMatch, RowNo, StoreError};

use super::entry::{Entry, Method, pairs};
use crate::answer::{BundleEntry, EntryAnswer, Written};
use crate::evidence::{Deed, evidence};
use crate::open::Current;
use crate::prepare::Prepared;
use crate::request::{ResourceKey, Target};
use crate::tally::Tally;
use crate::write::{Change, Matched, Newcomers, empty_write};
use crate::{Record, RecordError, types};

/// Times a transaction is prepared again when another write came first.
const ATTEMPTS_MAX: usize = 8;

/// What an entry will do, decided before any reference is rewritten, since references depend on it.
enum Plan {
    Get,
    /// A new row, under an id of ours or of the client.
    New {
        row: RowNo,
        id: String,
        key: Option<ResourceKey>,
    },
    Change(Box<Current>),
    Delete(Box<Current>),
    /// A conditional create that found one.
    Exists(Box<Current>),
}

/// A prepared transaction.
struct Work {
    writes: Vec<(usize, Prepared)>,
    /// Answers that are known without a commit.
    settled: Vec<(usize, Written)>,
    gets: Vec<(usize, String, Option<String>)>,
    conditions: Vec<NoNewMatch>,
    /// Rows that references were resolved to by a condition, and their versions.
    unchanged: Vec<(RowNo, u32)>,
    reserved: Vec<(Keyword, ChartNo)>,
}

/// What the references of a transaction's entries stand for.
struct Linking {
    /// From fullUrl to reference.
    links: HashMap<String, String>,
    /// From conditional reference to reference, each searched once.
    conditional: HashMap<String, String>,
    newcomers: Newcomers,
}

impl<B: Backend> Record<B> {
    pub(super) async fn transaction(
        &self,
        caller: &Caller,
        entries: Vec<Entry<'_>>,
        once: Option<store::Keyword>,
        is_large: bool,
    ) -> Result<Vec<BundleEntry>, RecordError> {
        let count = entries.len();
        let mut entries = Some(entries);
        // Only what changes or depends on what exists can meet another write; the rest needs no second copy.
        let may_conflict = entries.iter().flatten().any(Entry::may_conflict);
        for _ in 0..ATTEMPTS_MAX {
            let round = match may_conflict {
                true => entries.iter().flatten().map(Entry::share).collect(),
                false => entries.take().ok_or(RecordError::Conflict)?,
            };
            let work = match is_large && can_block() {
                true => tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(self.prepare_all(caller, round))
                }),
                false => self.prepare_all(caller, round).await,
            }?;
            match self.commit_all(caller, work, once, count).await {
                Err(RecordError::Conflict) => continue,
                other => return other,
            }
        }
        Err(RecordError::Conflict)
    }

    async fn prepare_all(&self, caller: &Caller, entries: Vec<Entry<'_>>) -> Result<Work, RecordError> {
        let mut work = Work {
            writes: Vec::with_capacity(entries.len()),
            settled: Vec::new(),
            gets: Vec::new(),
            conditions: Vec::new(),
            unchanged: Vec::new(),
            reserved: Vec::new(),
        };
        let mut plans = Vec::with_capacity(entries.len());
        let mut links: HashMap<String, String> = HashMap::with_capacity(entries.len());
        let mut targets = HashSet::new();
        let mut asked = HashSet::new();
        for entry in &entries {
            let at = |error| RecordError::Entry { index: entry.index, error: Box::new(error) };
            let plan = self.plan(caller, entry, &mut work).await.map_err(at)?;
            let reference = match &plan {
                Plan::New { id, .. } => Some(format!("{}/{id}", entry.kind().map_err(at)?.name)),
                Plan::Change(current) | Plan::Exists(current) | Plan::Delete(current) => Some(current.head.reference()),
                Plan::Get => None,
            };
            if let Some(condition) = &entry.if_none_exist
                && matches!(plan, Plan::New { .. })
                && !asked.insert((entry.url.clone(), condition.clone()))
            {
                return Err(at(RecordError::Malformed("two entries create under the same condition")));
            }
            if let Some(reference) = reference {
                if !matches!(plan, Plan::Exists(_)) && !targets.insert(reference.clone()) {
                    return Err(at(RecordError::Malformed("two entries write the same resource")));
                }
                if let Some(full_url) = &entry.full_url
                    && links.insert(full_url.clone(), reference).is_some()
                {
                    return Err(at(RecordError::Malformed("two entries have the same fullUrl")));
                }
            }
            plans.push(plan);
        }
        let mut linking =
            Linking { links, conditional: HashMap::new(), newcomers: self.newcomers(&entries, &plans).await? };
        for (entry, plan) in entries.into_iter().zip(plans) {
            let index = entry.index;
            let at = |error: RecordError| RecordError::Entry { index, error: Box::new(error) };
            match plan {
                Plan::Get => work.gets.push((index, entry.url, entry.if_none_match)),
                Plan::Exists(current) => {
                    let written = self.existing(caller, *current).await.map_err(at)?;
                    work.settled.push((index, written));
                }
                Plan::Delete(current) => {
                    match self.prepare_delete(caller, &current, entry.preconditions).await.map_err(at)? {
                        Some(prepared) => work.writes.push((index, prepared)),
                        None => {
                            let written = self.deleted_already(caller, &current).await.map_err(at)?;
                            work.settled.push((index, written));
                        }
                    }
                }
                Plan::New { row, id, key } => {
                    let new = self.new_entry(caller, entry, (row, id, key), &mut linking, &mut work);
                    let prepared = new.await.map_err(at)?;
                    work.writes.push((index, prepared));
                }
                Plan::Change(current) => {
                    let changed = self.changed_entry(caller, entry, &current, &mut linking, &mut work);
                    let prepared = changed.await.map_err(at)?;
                    work.writes.push((index, prepared));
                }
            }
        }
        work.reserved = linking.newcomers.reserved;
        Ok(work)
    }

    async fn plan(&self, caller: &Caller, entry: &Entry<'_>, work: &mut Work) -> Result<Plan, RecordError> {
        let action = match entry.method {
            Method::Get => return Ok(Plan::Get),
            Method::Post => Action::Create,
            Method::Put => Action::Update,
            Method::Patch => Action::Patch,
            Method::Delete => Action::Delete,
        };
        let kind = entry.kind()?;
        if let Err(denial) = self.policies().ever(caller, action, kind) {
            return Err(self.refuse(caller, audit::Action::Transaction, None, &denial).await);
        }
        match entry.method {
            Method::Post => {
                if let Some(condition) = &entry.if_none_exist {
                    match self.matching(caller, kind, condition).await? {
                        Matched::One(current) => return Ok(Plan::Exists(current)),
                        Matched::None(none) => work.conditions.push(none),
                    }
                }
                let (row, id) = self.new_row(None)?;
                Ok(Plan::New { row, id, key: None })
            }
            Method::Put => match entry.target()? {
                Target::Id(key) => match self.find(&key).await? {
                    Some(current) => Ok(Plan::Change(Box::new(current))),
                    None => {
                        let (row, id) = self.new_row(Some(&key))?;
                        Ok(Plan::New { row, id, key: Some(key) })
                    }
                },
                Target::Matching(kind, condition) => match self.matching(caller, kind, &condition).await? {
                    Matched::One(current) => Ok(Plan::Change(current)),
                    Matched::None(none) => {
                        work.conditions.push(none);
                        let (row, id) = self.new_row(None)?;
                        Ok(Plan::New { row, id, key: None })
                    }
                },
            },
            Method::Patch => {
                let current = self.existing_target(caller, action, audit::Action::Patch, &entry.target()?).await?;
                Ok(Plan::Change(Box::new(current)))
            }
            _ => {
                let current = self.existing_target(caller, action, audit::Action::Delete, &entry.target()?).await?;
                Ok(Plan::Delete(Box::new(current)))
            }
        }
    }

    /// Charts for the patients that this transaction creates.
    async fn newcomers(&self, entries: &[Entry<'_>], plans: &[Plan]) -> Result<Newcomers, RecordError> {
        let mut newcomers = Newcomers::default();
        for (entry, plan) in entries.iter().zip(plans) {
            if let Plan::New { id, key, .. } = plan
                && entry.kind()?.name == "Patient"
            {
                let chart = match key {
                    Some(_) => self.chart_for_new_patient(id, &mut newcomers).await?,
                    None => self.0.charts.allot(self.0.store.as_ref(), &self.0.keyring).await?,
                };
                newcomers.charts.insert(id.clone(), chart);
            }
        }
        Ok(newcomers)
    }

    async fn new_entry(
        &self,
        caller: &Caller,
        entry: Entry<'_>,
        (row, id, key): (RowNo, String, Option<ResourceKey>),
        linking: &mut Linking,
        work: &mut Work,
    ) -> Result<Prepared, RecordError> {
        let kind = entry.kind()?;
        if entry.preconditions.if_match.is_some() {
            return Err(RecordError::PreconditionFailed { held: 0 });
        }
        let mut tree = entry.resource.ok_or(RecordError::Malformed("resource is missing"))?;
        if let Some(key) = &key
            && tree.get("id").and_then(Json::as_str) != Some(&key.id)
        {
            return Err(RecordError::Malformed("the resource's id is missing or not the one in the URL"));
        }
        self.link(caller, &mut tree, linking, work).await?;
        let checked = self.check(kind, tree)?;
        let to = self.destination(&checked, row, id, key.as_ref(), &mut linking.newcomers).await?;
        self.prepare_at(caller, Action::Create, audit::Action::Create, checked, to, None).await
    }

    async fn changed_entry(
        &self,
        caller: &Caller,
        entry: Entry<'_>,
        current: &Current,
        linking: &mut Linking,
        work: &mut Work,
    ) -> Result<Prepared, RecordError> {
        let kind = types::reference(current.head.type_code);
        if entry.method == Method::Patch {
            let patch = entry.patch()?;
            let held = self.patched(caller, current, &patch).await?;
            let mut tree = Json::parse(&held).map_err(|_| RecordError::Damaged)?;
            self.link(caller, &mut tree, linking, work).await?;
            let checked = self.check(kind, tree)?;
            let (action, audited) = (Action::Patch, audit::Action::Patch);
            let change = Change { action, audited, current, preconditions: entry.preconditions };
            return self.prepare_update(caller, change, checked, &mut linking.newcomers).await;
        }
        let preconditions = entry.preconditions;
        let mut tree = entry.resource.ok_or(RecordError::Malformed("resource is missing"))?;
        if tree.get("id").and_then(Json::as_str).is_some_and(|id| id != current.head.id()) {
            return Err(RecordError::Malformed("the resource's id is not the one in the URL"));
        }
        self.link(caller, &mut tree, linking, work).await?;
        let checked = self.check(kind, tree)?;
        let change = Change { action: Action::Update, audited: audit::Action::Update, current, preconditions };
        self.prepare_update(caller, change, checked, &mut linking.newcomers).await
    }

    /// Rewrites links between entries and conditional references to what they stand for.
    async fn link(
        &self,
        caller: &Caller,
        tree: &mut Json<'_>,
        linking: &mut Linking,
        work: &mut Work,
    ) -> Result<(), RecordError> {
        let Linking { links, conditional, .. } = linking;
        let mut asked = Vec::new();
        fhir::references::for_each_reference(tree, |reference| {
            if reference.contains('?') && !conditional.contains_key(reference) && !asked.contains(&reference) {
                asked.push(reference);
            }
        });
        let asked: Vec<String> = asked.into_iter().map(str::to_owned).collect();
        for reference in asked {
            let resolved = self.resolve_condition(caller, &reference, work).await?;
            conditional.insert(reference, resolved);
        }
        let mut unresolved = false;
        fhir::references::rewrite(tree, |link| {
            if let Some(resolved) = links.get(link).or_else(|| conditional.get(link)) {
                return Some(resolved.clone());
            }
            unresolved |= link.starts_with("urn:uuid:") || link.starts_with("urn:oid:");
            None
        });
        // A link of this bundle's own kind that nothing answers would dangle for ever; uri elements may hold any urn.
        if unresolved {
            let mut dangling = false;
            fhir::references::for_each_reference(tree, |reference| {
                dangling |= reference.starts_with("urn:uuid:") || reference.starts_with("urn:oid:");
            });
            if dangling {
                let expression = tree.resource_type().unwrap_or("Resource").to_owned();
                return Err(RecordError::Unresolved { expression });
            }
        }
        Ok(())
    }

    async fn resolve_condition(
        &self,
        caller: &Caller,
        reference: &str,
        work: &mut Work,
    ) -> Result<String, RecordError> {
        let (type_name, query) = reference.split_once('?').unwrap_or((reference, ""));
        let unresolved = || RecordError::Unresolved { expression: "Reference.reference".to_owned() };
        let kind = types::parse(type_name).ok_or_else(unresolved)?;
        match self.matching(caller, kind, &pairs(query)).await? {
            Matched::One(current) => {
                work.unchanged.push((current.head.row, current.head.version));
                Ok(current.head.reference())
            }
            Matched::None(_) => Err(unresolved()),
        }
    }

    /// Writes that were prepared and decided one by one, as one transaction under one audit record.
    pub(crate) async fn commit_prepared(&self, caller: &Caller, writes: Vec<Prepared>) -> Result<(), RecordError> {
        let count = writes.len();
        let writes = writes.into_iter().enumerate().collect();
        let (settled, gets, conditions) = (Vec::new(), Vec::new(), Vec::new());
        let (unchanged, reserved) = (Vec::new(), Vec::new());
        let work = Work { writes, settled, gets, conditions, unchanged, reserved };
        self.commit_all(caller, work, None, count).await.map(|_| ())
    }

    async fn commit_all(
        &self,
        caller: &Caller,
        mut work: Work,
        once: Option<store::Keyword>,
        count: usize,
    ) -> Result<Vec<BundleEntry>, RecordError> {
        let mut answers: Vec<Option<EntryAnswer>> = (0..count).map(|_| None).collect();
        for (index, written) in work.settled {
            answers[index] = Some(EntryAnswer::Written(written));
        }
        if !work.writes.is_empty() {
            let mut objects = Vec::with_capacity(work.writes.len());
            let mut views = Vec::with_capacity(work.writes.len());
            let mut tally = Tally::default();
            for (_, prepared) in &work.writes {
                let view = self.reader_view(caller, prepared).await?;
                tally.note(prepared.decision, true);
                objects.push(Object {
                    row: prepared.row,
                    chart: prepared.chart,
                    version: prepared.version,
                    type_code: prepared.kind.code,
                    part: view.as_ref().map_or(access::View::FULL.id(), |permit| permit.view().id()),
                });
                views.push(view);
            }
            let count = Some(objects.len() as u64);
            let decisions = tally.decided();
            let deed = Deed { count, decisions, ..Deed::of(audit::Action::Transaction, &objects) };
            let evidence = evidence(caller, self.now_ms(), &deed)?;
            let on_commit = self.follower(work.writes.iter().map(|(_, prepared)| prepared));
            let keywords = work.writes.iter().flat_map(|(_, p)| p.keywords.iter().copied()).collect();
            let writes = work.writes.iter_mut().map(|(_, p)| std::mem::replace(&mut p.write, empty_write())).collect();
            let written: HashSet<RowNo> = objects.iter().map(|o| o.row).collect();
            work.unchanged.retain(|(row, _)| !written.contains(row));
            let batch = Batch {
                writes,
                unchanged: work.unchanged,
                no_new_match: work.conditions,
                reserved: work.reserved,
                keywords,
                once,
                evidence,
                on_commit,
            };
            let committed = match self.0.store.commit(batch).await {
                Ok(committed) => committed,
                Err(StoreError::VersionConflict { .. } | StoreError::Exists { .. } | StoreError::NewMatch) => {
                    return Err(RecordError::Conflict);
                }
                Err(error) => return Err(error.into()),
            };
            for ((index, prepared), view) in work.writes.into_iter().zip(views) {
                let written = self.written(prepared, committed.seq, &committed.receipt, view)?;
                answers[index] = Some(EntryAnswer::Written(written));
            }
        }
        let mut entries: Vec<BundleEntry> =
            answers.into_iter().map(|a| BundleEntry { result: a.ok_or(RecordError::Damaged) }).collect();
        // Reads see the writes, which stand whatever a read answers: each has an answer of its own.
        for (index, url, held) in work.gets {
            entries[index].result = self.conditional_get(caller, &url, held.as_deref()).await;
        }
        Ok(entries)
    }
}

impl<'a> Entry<'a> {
    fn may_conflict(&self) -> bool {
        let mut conditional = false;
        if let Some(resource) = &self.resource {
            fhir::references::for_each_reference(resource, |reference| conditional |= reference.contains('?'));
        }
        conditional || self.method != Method::Post || self.if_none_exist.is_some()
    }

    /// The same entry again, its strings still borrowed from the request.
    fn share(&self) -> Entry<'a> {
        Entry {
            index: self.index,
            method: self.method,
            url: self.url.clone(),
            full_url: self.full_url.clone(),
            resource: self.resource.clone(),
            preconditions: self.preconditions,
            if_none_exist: self.if_none_exist.clone(),
            if_none_match: self.if_none_match.clone(),
        }
    }
}

fn can_block() -> bool {
    tokio::runtime::Handle::current().runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
}
