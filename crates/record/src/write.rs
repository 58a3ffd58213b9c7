//! Create, update, patch, delete, and their conditional forms. Prepared against what is current, committed with the versions
//! and conditions that must still hold, and done again when another write came first.

use std::collections::HashMap;
use std::sync::Arc;

use access::{Action, Caller, Labels, TypeRef};
use audit::event::Object;
use fhir::Json;
use store::{Backend, Batch, ChartNo, Disclosed, Expected, Keyword, NoNewMatch, RowNo, Seq, StoreError};

use crate::answer::{Effect, Version, Written};
use crate::cursor::Position;
use crate::evidence::{Deed, decided, evidence, object, subject};
use crate::head::Head;
use crate::index::Place;
use crate::open::{Current, project, version};
use crate::prepare::{Checked, Destination, Kept, Prepared};
use crate::request::{Pairs, Preconditions, ResourceKey, Target};
use crate::search::{Found, Wanted};
use crate::{Record, RecordError, charts};

/// Row numbers stay below this: a posting keeps five bytes of them.
const ROW_MAX: RowNo = 1 << 40;
/// Times a write without precondition is prepared again when another one came first.
const ATTEMPTS_MAX: usize = 16;

/// Charts that come into being with one unit of work: of patients it creates, and of patients it refers to that do not
/// exist yet, whose charts are reserved for them.
#[derive(Default)]
pub(crate) struct Newcomers {
    pub charts: HashMap<String, ChartNo>,
    pub reserved: Vec<(Keyword, ChartNo)>,
}

/// What a condition found, and what must still hold for it at the commit.
pub(crate) enum Matched {
    None(NoNewMatch),
    One(Box<Current>),
}

impl<B: Backend> Record<B> {
    /// Creates, or with a condition (`If-None-Exist`) answers the one that exists.
    pub async fn create(
        &self,
        caller: &Caller,
        kind: TypeRef,
        body: &[u8],
        if_none_exist: Option<&Pairs<'_>>,
    ) -> Result<Written, RecordError> {
        self.may_ever(caller, Action::Create, audit::Action::Create, kind).await?;
        for _ in 0..ATTEMPTS_MAX {
            let checked = self.checked(caller, audit::Action::Create, kind, body).await?;
            let mut conditions = Vec::new();
            if let Some(pairs) = if_none_exist {
                match self.matching(caller, kind, pairs).await? {
                    Matched::One(current) => return self.existing(caller, *current).await,
                    Matched::None(condition) => conditions.push(condition),
                }
            }
            let mut newcomers = Newcomers::default();
            let prepared = self.prepare_new(caller, checked, None, &mut newcomers).await?;
            let unit = Unit { prepared, conditions, reserved: newcomers.reserved, asked: asked(if_none_exist) };
            match self.commit(caller, audit::Action::Create, unit).await {
                Err(RecordError::Conflict) => continue,
                other => return other,
            }
        }
        Err(RecordError::Conflict)
    }

    /// Updates, or creates under the id that the client chose.
    pub async fn update(
        &self,
        caller: &Caller,
        target: Target<'_>,
        body: &[u8],
        preconditions: Preconditions,
    ) -> Result<Written, RecordError> {
        let audited = audit::Action::Update;
        let kind = kind_of(&target);
        self.may_ever(caller, Action::Update, audited, kind).await?;
        for _ in 0..ATTEMPTS_MAX {
            let checked = self.checked(caller, audited, kind, body).await?;
            let body_id = checked.tree.get("id").and_then(Json::as_str).map(str::to_owned);
            let mut conditions = Vec::new();
            let (current, key) = match &target {
                Target::Id(key) => {
                    if body_id.as_ref() != Some(&key.id) {
                        let error = RecordError::Malformed("the resource's id is missing or not the one in the URL");
                        return Err(self.fail(caller, audited, None, 400, error).await);
                    }
                    (self.find(key).await?, Some(key.clone()))
                }
                Target::Matching(kind, pairs) => match self.matching(caller, *kind, pairs).await? {
                    Matched::One(current) => {
                        if body_id.is_some_and(|id| id != current.head.id()) {
                            let error = RecordError::Malformed("the resource's id is not the one that matches");
                            return Err(self.fail(caller, audited, None, 400, error).await);
                        }
                        (Some(*current), None)
                    }
                    Matched::None(condition) => {
                        conditions.push(condition);
                        (None, body_id.and_then(|id| ResourceKey::parse(kind.name, &id)))
                    }
                },
            };
            let mut newcomers = Newcomers::default();
            let prepared = match &current {
                Some(current) => {
                    let change = Change { action: Action::Update, audited, current, preconditions };
                    self.prepare_update(caller, change, checked, &mut newcomers).await?
                }
                None => {
                    if preconditions.if_match.is_some() {
                        let error = RecordError::PreconditionFailed { held: 0 };
                        return Err(self.fail(caller, audited, None, 412, error).await);
                    }
                    self.prepare_new(caller, checked, key.as_ref(), &mut newcomers).await?
                }
            };
            let unit = Unit { prepared, conditions, reserved: newcomers.reserved, asked: asked_by(&target) };
            match self.commit(caller, audited, unit).await {
                // Another write came first: with a precondition that is an answer, without one it is tried again.
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                Err(RecordError::Conflict) => return Err(RecordError::PreconditionFailed { held: 0 }),
                other => return other,
            }
        }
        Err(RecordError::Conflict)
    }

    /// JSON Patch (RFC 6902) on the current version.
    pub async fn patch(
        &self,
        caller: &Caller,
        target: Target<'_>,
        patch: &[u8],
        preconditions: Preconditions,
    ) -> Result<Written, RecordError> {
        let audited = audit::Action::Patch;
        let kind = kind_of(&target);
        self.may_ever(caller, Action::Patch, audited, kind).await?;
        for _ in 0..ATTEMPTS_MAX {
            let current = self.existing_target(caller, Action::Patch, audited, &target).await?;
            let patched = self.patched(caller, &current, patch).await?;
            let patched = Json::parse(&patched).map_err(|_| RecordError::Damaged)?;
            let checked = match self.check(kind, patched) {
                Ok(checked) => checked,
                Err(error) => return Err(self.fail(caller, audited, None, 422, error).await),
            };
            let mut newcomers = Newcomers::default();
            let change = Change { action: Action::Patch, audited, current: &current, preconditions };
            let prepared = self.prepare_update(caller, change, checked, &mut newcomers).await?;
            let reserved = newcomers.reserved;
            let unit = Unit { prepared, conditions: Vec::new(), reserved, asked: asked_by(&target) };
            match self.commit(caller, audited, unit).await {
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                other => return other,
            }
        }
        Err(RecordError::Conflict)
    }

    /// The current JSON with a JSON Patch applied.
    pub(crate) async fn patched(
        &self,
        caller: &Caller,
        current: &Current,
        patch: &[u8],
    ) -> Result<Vec<u8>, RecordError> {
        let (audited, head) = (audit::Action::Patch, &current.head);
        let permit = match self.0.policies.decide(caller, Action::Patch, &decided(head, head.labels)) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        if head.deleted() {
            return Err(self.fail(caller, audited, None, 410, RecordError::Gone).await);
        }
        // A patch of what one sees in part would be a patch of something else. Elements sealed apart are kept as they are.
        let is_whole = permit.view().of_type(head.type_name()).is_full();
        if !is_whole || !permit.categories().contains(head.labels.without(Labels::OF_ELEMENTS)) {
            let error = RecordError::NotSupported("patching a resource that is shown in part");
            return Err(self.fail(caller, audited, None, 422, error).await);
        }
        let held = self.open_version(&permit, head, &current.body.body).await?;
        match apply_patch(held.json(), patch, head.id()) {
            Ok(patched) => Ok(patched),
            Err(error) => Err(self.fail(caller, audited, None, 422, error).await),
        }
    }

    pub async fn delete(
        &self,
        caller: &Caller,
        target: Target<'_>,
        preconditions: Preconditions,
    ) -> Result<Written, RecordError> {
        let audited = audit::Action::Delete;
        self.may_ever(caller, Action::Delete, audited, kind_of(&target)).await?;
        for _ in 0..ATTEMPTS_MAX {
            let current = self.existing_target(caller, Action::Delete, audited, &target).await?;
            let prepared = match self.prepare_delete(caller, &current, preconditions).await? {
                Some(prepared) => prepared,
                None => return Ok(unchanged(&current)),
            };
            let unit = Unit { prepared, conditions: Vec::new(), reserved: Vec::new(), asked: asked_by(&target) };
            match self.commit(caller, audited, unit).await {
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                other => return other,
            }
        }
        Err(RecordError::Conflict)
    }

    /// `None` if it is deleted already.
    pub(crate) async fn prepare_delete(
        &self,
        caller: &Caller,
        current: &Current,
        preconditions: Preconditions,
    ) -> Result<Option<Prepared>, RecordError> {
        let audited = audit::Action::Delete;
        let head = &current.head;
        if let Err(denial) = self.0.policies.decide(caller, Action::Delete, &decided(head, head.labels)) {
            return Err(self.denied(caller, audited, head, &denial).await);
        }
        self.hold(caller, audited, current, preconditions).await?;
        if head.deleted() {
            return Ok(None);
        }
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, head.chart).await?;
        Ok(Some(self.prepare_deletion(&key, head, self.is_client_id(head.id(), head.row))?))
    }

    /// A new row, under an id of ours or the client's.
    pub(crate) async fn prepare_new(
        &self,
        caller: &Caller,
        checked: Checked<'_>,
        key: Option<&ResourceKey>,
        newcomers: &mut Newcomers,
    ) -> Result<Prepared, RecordError> {
        let (row, id) = self.new_row(key)?;
        let to = self.destination(&checked, row, id, key, newcomers).await?;
        self.prepare_at(caller, Action::Create, audit::Action::Create, checked, to, None).await
    }

    /// A row for a new resource, and its id. An id of ours that names no row, as after a restore, gets its own row back.
    pub(crate) fn new_row(&self, key: Option<&ResourceKey>) -> Result<(RowNo, String), RecordError> {
        use std::sync::atomic::Ordering::Relaxed;
        if let Some(key) = key {
            if let Some(row) = self.0.ids.row(&key.id).filter(|row| (1..ROW_MAX).contains(row)) {
                self.0.rows.fetch_max(row + 1, Relaxed);
                return Ok((row, key.id.clone()));
            }
            return Ok((self.0.rows.fetch_add(1, Relaxed), key.id.clone()));
        }
        let row = self.0.rows.fetch_add(1, Relaxed);
        Ok((row, self.0.ids.id(row)?))
    }

    pub(crate) async fn destination(
        &self,
        checked: &Checked<'_>,
        row: RowNo,
        id: String,
        key: Option<&ResourceKey>,
        newcomers: &mut Newcomers,
    ) -> Result<Destination, RecordError> {
        let chart = match newcomers.charts.get(&id) {
            Some(chart) if checked.kind.name == "Patient" => *chart,
            _ => self.owning_chart(checked, None, &id, newcomers).await?,
        };
        let client_id = self.is_client_id(&id, row);
        let locator = key.filter(|_| client_id).map(|key| self.locator(key));
        Ok(Destination { row, chart, version: 1, expected: Expected::New, id, locator, client_id })
    }

    /// Whether a row's id is not the one that its number stands for.
    fn is_client_id(&self, id: &str, row: RowNo) -> bool {
        self.0.ids.row(id) != Some(row)
    }

    /// A further version of an existing row.
    pub(crate) async fn prepare_update(
        &self,
        caller: &Caller,
        change: Change<'_>,
        checked: Checked<'_>,
        newcomers: &mut Newcomers,
    ) -> Result<Prepared, RecordError> {
        let Change { action, audited, current, preconditions } = change;
        let head = &current.head;
        // What exists is decided before anything about it, its version included, can be learnt.
        if let Err(denial) = self.0.policies.decide(caller, action, &decided(head, head.labels)) {
            return Err(self.denied(caller, audited, head, &denial).await);
        }
        self.hold(caller, audited, current, preconditions).await?;
        let chart = self.owning_chart(&checked, Some(head.chart), head.id(), newcomers).await?;
        let to = Destination {
            row: head.row,
            chart,
            version: head.version + 1,
            expected: Expected::Current { version: head.version, chart: head.chart },
            id: head.id().to_owned(),
            locator: None,
            client_id: self.is_client_id(head.id(), head.row),
        };
        self.prepare_at(caller, action, audited, checked, to, Some(current)).await
    }

    pub(crate) async fn prepare_at(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        checked: Checked<'_>,
        to: Destination,
        current: Option<&Current>,
    ) -> Result<Prepared, RecordError> {
        let held_labels = current.map_or(Labels::NONE, |current| current.head.labels);
        let row = current.map(|current| current.head.row);
        let asked = subject(checked.kind, row, to.chart, checked.labels.union(held_labels));
        let permit = match self.0.policies.decide(caller, action, &asked) {
            Ok(permit) => permit,
            Err(denial) => {
                let named = Object {
                    row: to.row,
                    chart: to.chart,
                    version: to.version,
                    type_code: checked.kind.code,
                    part: access::View::FULL.id(),
                };
                return Err(self.refuse(caller, audited, Some(named), &denial).await);
            }
        };
        let mut kept = Kept::default();
        if let Some(current) = current {
            // Who sees a resource in part would write away the rest.
            if !permit.view().of_type(checked.kind.name).is_full() {
                let error = RecordError::NotSupported("updating a resource that is shown in part");
                return Err(self.fail(caller, audited, None, 422, error).await);
            }
            kept = self.kept(caller, &permit, &checked, current).await?;
        }
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, to.chart).await?;
        self.prepare(&key, checked, kept, to)
    }

    /// What an update must not lose: elements that its writer does not see, and labels that it may not take away.
    async fn kept(
        &self,
        caller: &Caller,
        permit: &access::Permit,
        checked: &Checked<'_>,
        current: &Current,
    ) -> Result<Kept, RecordError> {
        let head = &current.head;
        let mut kept = Kept::default();
        if head.has_elements() && !permit.categories().contains(Labels::GOVERNMENT_ID) {
            kept.elements = self.hidden_elements(head, &current.body.body).await?;
            kept.labels = Labels::GOVERNMENT_ID;
        }
        let lost = head.labels.without(Labels::OF_ELEMENTS).without(checked.labels);
        if !lost.is_empty() && self.0.policies.decide(caller, Action::Label, &decided(head, head.labels)).is_err() {
            kept.labels = kept.labels.union(lost);
        }
        Ok(kept)
    }

    /// The chart that owns a resource: a patient's own, the chart of the patient it refers to, or a shared one. A patient
    /// that does not exist yet gets a chart now, which is reserved for it: what waits there is under the right key.
    async fn owning_chart(
        &self,
        checked: &Checked<'_>,
        held: Option<ChartNo>,
        id: &str,
        newcomers: &mut Newcomers,
    ) -> Result<ChartNo, RecordError> {
        if checked.kind.name == "Patient" {
            return match held {
                Some(chart) => Ok(chart),
                None => self.chart_for_patient(id).await,
            };
        }
        let owner = fhir::search::owner_reference(&checked.tree).map(|r| self.local(r));
        let Some(key) = owner.and_then(ResourceKey::parse_reference).filter(|key| key.kind.name == "Patient") else {
            return Ok(charts::shared(checked.kind.name));
        };
        if let Some(chart) = newcomers.charts.get(&key.id) {
            return Ok(*chart);
        }
        if let Some(chart) = self.chart_of_patient(&key.id).await? {
            return Ok(chart);
        }
        let chart = self.chart_for_patient(&key.id).await?;
        newcomers.reserved.push((self.chart_label(&key.id), chart));
        newcomers.charts.insert(key.id, chart);
        Ok(chart)
    }

    /// The chart of a patient to come: the one reserved for its id, or a new one.
    pub(crate) async fn chart_for_patient(&self, id: &str) -> Result<ChartNo, RecordError> {
        match self.0.store.locate(&self.chart_label(id)).await? {
            Some(chart) => Ok(chart),
            None => self.0.charts.allot(self.0.store.as_ref(), &self.0.keyring).await,
        }
    }

    fn chart_label(&self, patient_id: &str) -> Keyword {
        self.0.locator.label(format!("chart {patient_id}").as_bytes())
    }

    /// A reference below our own base, without the base.
    pub(crate) fn local<'r>(&self, reference: &'r str) -> &'r str {
        reference.strip_prefix(&self.0.base_url).and_then(|rest| rest.strip_prefix('/')).unwrap_or(reference)
    }

    async fn may_ever(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        kind: TypeRef,
    ) -> Result<(), RecordError> {
        match self.0.policies.ever(caller, action, kind) {
            Ok(()) => Ok(()),
            Err(denial) => Err(self.refuse(caller, audited, None, &denial).await),
        }
    }

    async fn checked<'b>(
        &self,
        caller: &Caller,
        audited: audit::Action,
        kind: TypeRef,
        body: &'b [u8],
    ) -> Result<Checked<'b>, RecordError> {
        let parsed = Json::parse(body).map_err(RecordError::from).and_then(|tree| self.check(kind, tree));
        match parsed {
            Ok(checked) => Ok(checked),
            Err(error) => Err(self.fail(caller, audited, None, 422, error).await),
        }
    }

    /// `If-Match` and `If-None-Match` against what is current. After the decision, never before.
    pub(crate) async fn hold(
        &self,
        caller: &Caller,
        audited: audit::Action,
        current: &Current,
        preconditions: Preconditions,
    ) -> Result<(), RecordError> {
        let held = current.head.version;
        let fails = preconditions.if_match.is_some_and(|given| given != held)
            || (preconditions.if_none_match && !current.head.deleted());
        match fails {
            true => Err(self.fail(caller, audited, None, 412, RecordError::PreconditionFailed { held }).await),
            false => Ok(()),
        }
    }

    /// What a condition matches: nothing, or exactly one that may be seen.
    pub(crate) async fn matching(
        &self,
        caller: &Caller,
        kind: TypeRef,
        pairs: &Pairs<'_>,
    ) -> Result<Matched, RecordError> {
        let since: Seq = self.0.store.last_seq();
        let scope = match self.0.policies.scope(caller, Action::Search, kind) {
            Ok(scope) => scope,
            Err(denial) => return Err(self.refuse(caller, audit::Action::Search, None, &denial).await),
        };
        let query = self.query(kind, pairs, false)?;
        if query.params().next().is_none() && query.ids().is_none() {
            return Err(RecordError::Malformed("a condition needs at least one search parameter"));
        }
        if let Err(param) = crate::search::visible(&scope, &query) {
            return Err(self.hidden(caller, kind, param).await);
        }
        let wanted = Wanted { from: Position::default(), count: 2, total: false };
        let Found { mut hits, .. } = self.matches(&scope, &query, None, wanted).await?;
        match (hits.pop(), hits.pop()) {
            (Some(_), Some(_)) => {
                Err(self.fail(caller, audit::Action::Search, None, 412, RecordError::MultipleMatches).await)
            }
            (Some(hit), None) => match self.current(hit.head.row).await? {
                Some(current) => Ok(Matched::One(Box::new(current))),
                None => Err(RecordError::Conflict),
            },
            _ => Ok(Matched::None(NoNewMatch { any_of: self.best(&query.keywords()), since })),
        }
    }

    pub(crate) async fn existing_target(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        target: &Target<'_>,
    ) -> Result<Current, RecordError> {
        match target {
            Target::Id(key) => match self.find(key).await? {
                Some(current) => Ok(current),
                None => Err(self.absent(caller, action, audited, key).await),
            },
            Target::Matching(kind, pairs) => match self.matching(caller, *kind, pairs).await? {
                Matched::One(current) => Ok(*current),
                Matched::None(_) => Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await),
            },
        }
    }

    /// What a conditional create found: answered as a read of it.
    pub(crate) async fn existing(&self, caller: &Caller, current: Current) -> Result<Written, RecordError> {
        let permit = match self.0.policies.decide(caller, Action::Read, &decided(&current.head, current.head.labels)) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audit::Action::Create, &current.head, &denial).await),
        };
        let objects = [object(&current.head, permit.view())];
        let receipt = self.attest(caller, &Deed::of(audit::Action::Read, &objects)).await?;
        let shown = self.open_version(&permit, &current.head, &current.body.body).await?;
        let resource = Some(Disclosed::new(shown, &receipt)?);
        Ok(Written { resource, ..unchanged(&current) })
    }

    /// Commits one prepared version with its audit event, and answers it as its writer may see it.
    async fn commit(&self, caller: &Caller, audited: audit::Action, unit: Unit) -> Result<Written, RecordError> {
        let Unit { mut prepared, conditions, reserved, asked } = unit;
        let view = self.reader_view(caller, &prepared);
        let part = view.as_ref().map_or(access::View::FULL.id(), |permit| permit.view().id());
        let objects = [Object {
            row: prepared.row,
            chart: prepared.chart,
            version: prepared.version,
            type_code: prepared.kind.code,
            part,
        }];
        let search = asked.as_ref().map(|query| audit::event::Search { type_code: prepared.kind.code, query });
        let proof = evidence(caller, self.now_ms(), &Deed { search, ..Deed::of(audited, &objects) })?;
        let on_commit = self.follower([&prepared]);
        let write = std::mem::replace(&mut prepared.write, empty_write());
        let batch = Batch {
            keywords: prepared.keywords.clone(),
            on_commit,
            writes: vec![write],
            unchanged: Vec::new(),
            no_new_match: conditions,
            reserved,
            once: None,
            evidence: proof,
        };
        let committed = match self.0.store.commit(batch).await {
            Ok(committed) => committed,
            Err(StoreError::VersionConflict { .. } | StoreError::Exists { .. } | StoreError::NewMatch) => {
                return Err(self.fail(caller, audited, None, 409, RecordError::Conflict).await);
            }
            Err(error) => return Err(error.into()),
        };
        self.written(prepared, committed.seq, &committed.receipt, view)
    }

    /// The permit under which a writer sees what was written; `None` if it may write and not read.
    pub(crate) fn reader_view(&self, caller: &Caller, prepared: &Prepared) -> Option<access::Permit> {
        let asked = subject(prepared.kind, Some(prepared.row), prepared.chart, prepared.labels);
        self.0.policies.decide(caller, Action::Read, &asked).ok()
    }

    pub(crate) fn written(
        &self,
        prepared: Prepared,
        seq: Seq,
        receipt: &store::Receipt,
        view: Option<access::Permit>,
    ) -> Result<Written, RecordError> {
        let head = prepared.head(seq)?;
        let effect = match (head.deleted(), prepared.version) {
            (true, _) => Effect::Deleted,
            (false, 1) => Effect::Created,
            (false, _) => Effect::Updated,
        };
        let resource = match view.filter(|_| !head.deleted()) {
            Some(permit) => {
                let mut plain = prepared.plain;
                if !permit.categories().contains(Labels::GOVERNMENT_ID) {
                    plain.elements.clear();
                }
                let shown: Version = version(&head, &permit, project(&permit, &head, &plain)?);
                Some(Disclosed::new(shown, receipt)?)
            }
            None => None,
        };
        Ok(Written {
            type_name: prepared.kind.name,
            id: prepared.id,
            version: prepared.version,
            last_updated_ms: head.last_updated_ms(),
            effect,
            resource,
            issues: prepared.issues,
        })
    }

    /// What has to follow a commit before it is acknowledged: the index tail and the caches.
    pub(crate) fn follower<'p>(&self, prepared: impl IntoIterator<Item = &'p Prepared>) -> Box<dyn FnOnce(Seq) + Send> {
        let steps: Vec<Step> = prepared.into_iter().map(Step::of).collect();
        let (index, heads, chart_heads) = (self.0.index.clone(), self.0.heads.clone(), self.0.chart_heads.clone());
        Box::new(move |seq| {
            index.add_commit(seq, steps.iter().map(|step| (step.place, step.keywords.as_slice())));
            let mut by_chart: HashMap<ChartNo, Vec<&Step>> = HashMap::new();
            for step in &steps {
                heads.commit(step.place.row, |_| step.head(seq).map(|head| (head.clone(), head.bytes())));
                if let Some(before) = step.chart_before {
                    chart_heads.commit(before, |_| None);
                }
                by_chart.entry(step.place.chart).or_default().push(step);
            }
            for (chart, steps) in by_chart {
                chart_heads.commit(chart, |held| with_steps(held, &steps, seq));
            }
        })
    }
}

/// What caches and index need of one committed version.
struct Step {
    place: Place,
    chart_before: Option<ChartNo>,
    version: u32,
    id: String,
    head: Vec<u8>,
    keywords: Vec<Keyword>,
}

impl Step {
    fn of(prepared: &Prepared) -> Self {
        Self {
            place: Place { row: prepared.row, chart: prepared.chart },
            chart_before: match prepared.write.expected {
                Expected::Current { chart, .. } if chart != prepared.chart => Some(chart),
                _ => None,
            },
            version: prepared.version,
            id: prepared.id.clone(),
            head: prepared.head_plain.clone(),
            keywords: prepared.keywords.clone(),
        }
    }

    fn head(&self, seq: Seq) -> Option<Arc<Head>> {
        let place = (self.place.chart, self.place.row, self.version, seq);
        Head::decode(place, self.head.clone(), |_| Ok(self.id.clone())).ok().map(Arc::new)
    }
}

/// A chart's cached heads with those of a commit; `None` drops the chart from the cache.
fn with_steps(held: &Arc<Vec<Arc<Head>>>, steps: &[&Step], seq: Seq) -> Option<(Arc<Vec<Arc<Head>>>, usize)> {
    let mut list = held.as_ref().clone();
    for step in steps {
        let head = step.head(seq)?;
        match list.binary_search_by_key(&step.place.row, |h| h.row) {
            Ok(at) => list[at] = head,
            Err(at) => list.insert(at, head),
        }
    }
    let bytes = list.iter().map(|h| h.bytes()).sum();
    Some((Arc::new(list), bytes))
}

/// One version on its way to the store, with what must hold for it.
struct Unit {
    prepared: Prepared,
    conditions: Vec<NoNewMatch>,
    reserved: Vec<(Keyword, ChartNo)>,
    /// The condition of a conditional write, as its audit record keeps it.
    asked: Option<String>,
}

/// An update or patch of what is current.
pub(crate) struct Change<'c> {
    pub action: Action,
    pub audited: audit::Action,
    pub current: &'c Current,
    pub preconditions: Preconditions,
}

fn asked(condition: Option<&Pairs<'_>>) -> Option<String> {
    condition.map(|pairs| crate::search::asked_text(None, pairs))
}

fn asked_by(target: &Target<'_>) -> Option<String> {
    match target {
        Target::Id(_) => None,
        Target::Matching(_, pairs) => asked(Some(pairs)),
    }
}

fn apply_patch(held: &[u8], patch: &[u8], id: &str) -> Result<Vec<u8>, RecordError> {
    let operations = Json::parse(patch)?;
    let tree = Json::parse(held).map_err(|_| RecordError::Damaged)?;
    let patched = fhir::patch::apply(&tree, &operations)?;
    if patched.get("id").and_then(Json::as_str) != Some(id) {
        return Err(RecordError::Malformed("a patch may not change the id"));
    }
    Ok(patched.to_vec())
}

fn kind_of(target: &Target<'_>) -> TypeRef {
    match target {
        Target::Id(key) => key.kind,
        Target::Matching(kind, _) => *kind,
    }
}

pub(crate) fn unchanged(current: &Current) -> Written {
    let head = &current.head;
    Written {
        type_name: head.type_name(),
        id: head.id().to_owned(),
        version: head.version,
        last_updated_ms: head.last_updated_ms(),
        effect: Effect::Unchanged,
        resource: None,
        issues: Vec::new(),
    }
}

pub(crate) fn empty_write() -> store::Write {
    store::Write {
        row: 0,
        chart: 0,
        version: 0,
        expected: Expected::New,
        head: Vec::new(),
        body: Vec::new(),
        locator: None,
    }
}
