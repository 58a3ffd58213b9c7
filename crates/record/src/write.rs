//! Create, update, patch, delete, and their conditional forms. Prepared against what is current, committed with the versions
//! and conditions that must still hold, and done again when another write came first.

use access::{Action, Caller, Labels, TypeRef};
use audit::event::Object;
use fhir::Json;
use store::{Backend, Batch, Disclosed, Expected, NoNewMatch, Seq, StoreError};

use crate::answer::{Effect, Version, Written};
use crate::cursor::Position;
use crate::evidence::{Deed, decided, evidence, object, subject};
use crate::index::Place;
use crate::open::{Current, project, version};
use crate::prepare::{Checked, Destination, Prepared};
use crate::request::{Pairs, Preconditions, ResourceKey, Target};
use crate::search::{Found, Wanted};
use crate::{Record, RecordError, charts};

/// Times a write without precondition is prepared again when another one came first.
const ATTEMPTS_MAX: usize = 16;

/// Patients that come into being in the same transaction, by id, with their charts.
pub(crate) type Newcomers = std::collections::HashMap<String, store::ChartNo>;

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
            let prepared = self.prepare_new(caller, checked, None).await?;
            match self.commit(caller, audit::Action::Create, prepared, conditions).await {
                Err(RecordError::Conflict) if if_none_exist.is_some() => continue,
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
            let prepared = match &current {
                Some(current) => {
                    self.prepare_update(caller, Action::Update, audited, checked, current, preconditions, &Newcomers::default()).await?
                }
                None => {
                    if preconditions.if_match.is_some() {
                        let error = RecordError::PreconditionFailed { held: 0 };
                        return Err(self.fail(caller, audited, None, 412, error).await);
                    }
                    self.prepare_new(caller, checked, key.as_ref()).await?
                }
            };
            match self.commit(caller, audited, prepared, conditions).await {
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
            let Some(current) = self.existing_target(caller, Action::Patch, audited, &target).await? else {
                return Err(RecordError::NotFound);
            };
            let patched = self.patched(caller, &current, patch).await?;
            let patched = Json::parse(&patched).map_err(|_| RecordError::Damaged)?;
            let checked = match self.check(kind, patched) {
                Ok(checked) => checked,
                Err(error) => return Err(self.fail(caller, audited, None, 422, error).await),
            };
            let prepared =
                self.prepare_update(caller, Action::Patch, audited, checked, &current, preconditions, &Newcomers::default()).await?;
            match self.commit(caller, audited, prepared, Vec::new()).await {
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                other => return other,
            }
        }
        Err(RecordError::Conflict)
    }

    /// The current JSON with a JSON Patch applied.
    pub(crate) async fn patched(&self, caller: &Caller, current: &Current, patch: &[u8]) -> Result<Vec<u8>, RecordError> {
        let (audited, head) = (audit::Action::Patch, &current.head);
        let permit = match self.0.policies.decide(caller, Action::Patch, &decided(head, head.labels)) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        if head.deleted() {
            return Err(self.fail(caller, audited, None, 410, RecordError::Gone).await);
        }
        // A patch of what one sees in part would be a patch of something else.
        if !permit.shows_all(head.labels) {
            return Err(RecordError::NotSupported("patching a resource that is shown in part"));
        }
        let held = self.open_version(&permit, head, &current.body.body, &current.body.parts).await?;
        let operations = Json::parse(patch)?;
        let tree = Json::parse(held.json()).map_err(|_| RecordError::Damaged)?;
        let patched = fhir::patch::apply(&tree, &operations)?;
        if patched.get("id").and_then(Json::as_str) != Some(head.id()) {
            return Err(RecordError::Malformed("a patch may not change the id"));
        }
        Ok(patched.to_vec())
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
            let Some(current) = self.existing_target(caller, Action::Delete, audited, &target).await? else {
                return Err(RecordError::NotFound);
            };
            let prepared = match self.prepare_delete(caller, &current, preconditions).await? {
                Some(prepared) => prepared,
                None => return Ok(unchanged(&current)),
            };
            match self.commit(caller, audited, prepared, Vec::new()).await {
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
        Ok(Some(self.prepare_deletion(&key, head, self.0.ids.row(head.id()).is_none())?))
    }

    /// A new row, under an id of ours or the client's.
    pub(crate) async fn prepare_new(
        &self,
        caller: &Caller,
        checked: Checked<'_>,
        key: Option<&ResourceKey>,
    ) -> Result<Prepared, RecordError> {
        let row = self.0.rows.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let chart = self.owning_chart(&checked, None, &Newcomers::default()).await?;
        let to = Destination {
            row,
            chart,
            version: 1,
            expected: Expected::New,
            id: match key {
                Some(key) => key.id.clone(),
                None => self.0.ids.id(row)?,
            },
            locator: key.map(|key| self.locator(key)),
            client_id: key.is_some(),
        };
        self.prepare_at(caller, Action::Create, audit::Action::Create, checked, to, Labels::NONE).await
    }

    /// A further version of an existing row.
    pub(crate) async fn prepare_update(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        checked: Checked<'_>,
        current: &Current,
        preconditions: Preconditions,
        newcomers: &Newcomers,
    ) -> Result<Prepared, RecordError> {
        let head = &current.head;
        // What exists is decided before anything about it, its version included, can be learnt.
        if let Err(denial) = self.0.policies.decide(caller, action, &decided(head, head.labels)) {
            return Err(self.denied(caller, audited, head, &denial).await);
        }
        self.hold(caller, audited, current, preconditions).await?;
        let chart = self.owning_chart(&checked, Some(head.chart), newcomers).await?;
        let to = Destination {
            row: head.row,
            chart,
            version: head.version + 1,
            expected: Expected::Current { version: head.version, chart: head.chart },
            id: head.id().to_owned(),
            locator: None,
            client_id: self.0.ids.row(head.id()) != Some(head.row),
        };
        self.prepare_at(caller, action, audited, checked, to, head.labels).await
    }

    pub(crate) async fn prepare_at(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        checked: Checked<'_>,
        to: Destination,
        held_labels: Labels,
    ) -> Result<Prepared, RecordError> {
        let row = (to.version > 1).then_some(to.row);
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
        // Who sees a resource in part would write away the rest.
        if to.version > 1 && !permit.view().of_type(checked.kind.name).is_full() {
            return Err(RecordError::NotSupported("updating a resource that is shown in part"));
        }
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, to.chart).await?;
        self.prepare(&key, checked, to)
    }

    /// The chart that owns a resource: a patient's own, the chart of the patient it refers to, or a shared one.
    pub(crate) async fn owning_chart(
        &self,
        checked: &Checked<'_>,
        held: Option<store::ChartNo>,
        newcomers: &Newcomers,
    ) -> Result<store::ChartNo, RecordError> {
        if checked.kind.name == "Patient" {
            return match held {
                Some(chart) => Ok(chart),
                None => self.0.charts.allot(self.0.store.as_ref(), &self.0.keyring).await,
            };
        }
        let owner = fhir::search::owner_reference(&checked.tree).map(|r| self.local(r));
        if let Some(key) = owner.and_then(ResourceKey::parse_reference) {
            if let Some(chart) = newcomers.get(&key.id) {
                return Ok(*chart);
            }
            if let Some(chart) = self.chart_of_patient(&key.id).await? {
                return Ok(chart);
            }
        }
        Ok(charts::shared(checked.kind.name))
    }

    /// A reference below our own base, without the base.
    pub(crate) fn local<'r>(&self, reference: &'r str) -> &'r str {
        reference
            .strip_prefix(&self.0.base_url)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(reference)
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
            return Err(RecordError::HiddenParameter { param: param.to_owned() });
        }
        let wanted = Wanted { from: Position::default(), count: 2, total: false };
        let Found { mut hits, .. } = self.matches(&scope, &query, None, wanted).await?;
        match (hits.pop(), hits.pop()) {
            (Some(_), Some(_)) => Err(RecordError::MultipleMatches),
            (Some(hit), None) => match self.current(hit.head.row).await? {
                Some(current) => Ok(Matched::One(Box::new(current))),
                None => Err(RecordError::Conflict),
            },
            _ => {
                Ok(Matched::None(NoNewMatch { any_of: self.best(&query.keywords()), since }))
            }
        }
    }

    pub(crate) async fn existing_target(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        target: &Target<'_>,
    ) -> Result<Option<Current>, RecordError> {
        match target {
            Target::Id(key) => match self.find(key).await? {
                Some(current) => Ok(Some(current)),
                None => Err(self.absent(caller, action, audited, key).await),
            },
            Target::Matching(kind, pairs) => match self.matching(caller, *kind, pairs).await? {
                Matched::One(current) => Ok(Some(*current)),
                Matched::None(_) => Ok(None),
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
        let shown = self.open_version(&permit, &current.head, &current.body.body, &current.body.parts).await?;
        let resource = Some(Disclosed::new(shown, &receipt)?);
        Ok(Written { resource, ..unchanged(&current) })
    }

    /// Commits one prepared version with its audit event, and answers it as its writer may see it.
    async fn commit(
        &self,
        caller: &Caller,
        audited: audit::Action,
        mut prepared: Prepared,
        no_new_match: Vec<NoNewMatch>,
    ) -> Result<Written, RecordError> {
        let view = self.reader_view(caller, &prepared);
        let part = view.as_ref().map_or(access::View::FULL.id(), |permit| permit.view().id());
        let objects = [Object {
            row: prepared.row,
            chart: prepared.chart,
            version: prepared.version,
            type_code: prepared.kind.code,
            part,
        }];
        let proof = evidence(caller, self.now_ms(), &Deed::of(audited, &objects))?;
        let write = std::mem::replace(&mut prepared.write, empty_write());
        let batch = Batch {
            keywords: prepared.keywords.clone(),
            on_commit: self.follower([&prepared]),
            writes: vec![write],
            unchanged: Vec::new(),
            no_new_match,
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
    pub(crate) fn follower<'p>(
        &self,
        prepared: impl IntoIterator<Item = &'p Prepared>,
    ) -> Box<dyn FnOnce(Seq) + Send> {
        struct Step {
            place: Place,
            chart_before: Option<u64>,
            version: u32,
            id: String,
            head: Vec<u8>,
            keywords: Vec<store::Keyword>,
        }
        let steps: Vec<Step> = prepared
            .into_iter()
            .map(|p| Step {
                place: Place { row: p.row, chart: p.chart },
                chart_before: match p.write.expected {
                    Expected::Current { chart, .. } if chart != p.chart => Some(chart),
                    _ => None,
                },
                version: p.version,
                id: p.id.clone(),
                head: p.head_plain.clone(),
                keywords: p.keywords.clone(),
            })
            .collect();
        let (index, heads, chart_heads) = (self.0.index.clone(), self.0.heads.clone(), self.0.chart_heads.clone());
        Box::new(move |seq| {
            for step in steps {
                let Place { row, chart } = step.place;
                index.add(seq, step.place, &step.keywords);
                let (id, plain) = (step.id, step.head);
                let opened = std::cell::OnceCell::new();
                let head = || {
                    opened
                        .get_or_init(|| {
                            let place = (chart, row, step.version, seq);
                            crate::head::Head::decode(place, plain.clone(), |_| Ok(id.clone())).ok().map(std::sync::Arc::new)
                        })
                        .clone()
                };
                heads.commit(row, |_| head().map(|h| (h.clone(), h.bytes())));
                if let Some(before) = step.chart_before {
                    chart_heads.commit(before, |_| None);
                }
                chart_heads.commit(chart, |held| {
                    let head = head()?;
                    let mut list = held.as_ref().clone();
                    match list.binary_search_by_key(&row, |h| h.row) {
                        Ok(at) => list[at] = head,
                        Err(at) => list.insert(at, head),
                    }
                    let bytes = list.iter().map(|h| h.bytes()).sum();
                    Some((std::sync::Arc::new(list), bytes))
                });
            }
        })
    }
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
        parts: Vec::new(),
        locator: None,
    }
}
