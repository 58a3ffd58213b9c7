//! Create, update, patch, delete, and their conditional forms. Prepared against what is current, committed with the versions
//! and conditions that must still hold, and done again when another write came first.

mod follow;
mod place;
mod relabel;

use access::{Action, Caller, Labels, TypeRef};
use audit::event::Object;
use fhir::Json;
use store::{Backend, Batch, ChartNo, Disclosed, Expected, Keyword, NoNewMatch, Seq};

pub(crate) use place::{Change, Newcomers};

use crate::answer::{Effect, Version, Written};
use crate::cursor::Position;
use crate::evidence::{Deed, evidence, object};
use crate::open::{Current, project, version};
use crate::prepare::{Checked, Prepared};
use crate::request::{Pairs, Preconditions, ResourceKey, Target};
use crate::search::{Found, Wanted};
use crate::tally::Tally;
use crate::{Record, RecordError, Refusal, charts, tally, types};

/// Times a write without precondition is prepared again when another one came first.
const ATTEMPTS_MAX: usize = 16;

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
            let unit =
                Unit { prepared, conditions, reserved: newcomers.reserved, asked: asked(if_none_exist), trace: None };
            match self.commit(caller, audit::Action::Create, unit).await {
                Err(RecordError::Conflict) => continue,
                other => return other,
            }
        }
        Err(self.overtaken(caller, audit::Action::Create, Preconditions::default()).await)
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
                        let key = body_id.and_then(|id| ResourceKey::parse(kind.name, &id));
                        // What the condition did not match may be there all the same, and then it is decided like any other.
                        let held = match &key {
                            Some(key) => self.find(key).await?,
                            None => None,
                        };
                        (held, key)
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
            let unit =
                Unit { prepared, conditions, reserved: newcomers.reserved, asked: asked_by(&target), trace: None };
            match self.commit(caller, audited, unit).await {
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                Err(RecordError::Conflict) => break,
                other => return other,
            }
        }
        Err(self.overtaken(caller, audited, preconditions).await)
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
            let unit = Unit { prepared, conditions: Vec::new(), reserved, asked: asked_by(&target), trace: None };
            match self.commit(caller, audited, unit).await {
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                Err(RecordError::Conflict) => break,
                other => return other,
            }
        }
        Err(self.overtaken(caller, audited, preconditions).await)
    }

    /// The current JSON with a JSON Patch applied.
    pub(crate) async fn patched(
        &self,
        caller: &Caller,
        current: &Current,
        patch: &[u8],
    ) -> Result<Vec<u8>, RecordError> {
        let (audited, head) = (audit::Action::Patch, &current.head);
        let permit = match self.judge(caller, Action::Patch, head, head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        if head.deleted() {
            let named = Some(object(head, access::View::FULL));
            return Err(self.fail(caller, audited, named, 410, RecordError::Gone).await);
        }
        // It is applied to what the writer sees; what is hidden stays as it is.
        let held = self.open_version(&permit, head, &current.body.body).await?;
        match apply_patch(held.json(), patch, head.id()) {
            Ok(patched) => Ok(patched),
            Err(error) => Err(self.fail(caller, audited, Some(object(head, access::View::FULL)), 422, error).await),
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
                None => return self.deleted_already(caller, &current).await,
            };
            let unit =
                Unit { prepared, conditions: Vec::new(), reserved: Vec::new(), asked: asked_by(&target), trace: None };
            match self.commit(caller, audited, unit).await {
                Err(RecordError::Conflict) if preconditions.if_match.is_none() => continue,
                Err(RecordError::Conflict) => break,
                other => return other,
            }
        }
        Err(self.overtaken(caller, audited, preconditions).await)
    }

    /// Deleting what is deleted changes nothing and is told like a deletion, after its audit record.
    pub(crate) async fn deleted_already(&self, caller: &Caller, current: &Current) -> Result<Written, RecordError> {
        let objects = [object(&current.head, access::View::FULL)];
        self.attest(caller, &Deed::of(audit::Action::Delete, &objects)).await?;
        Ok(Written { effect: Effect::Deleted, ..unchanged(current) })
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
        let permit = match self.judge(caller, Action::Delete, head, head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        self.hold(caller, audited, current, preconditions).await?;
        if head.deleted() {
            return Ok(None);
        }
        if !self.may_say_who_treats(caller, types::reference(head.type_code), None, Some(current), false).await? {
            let named = Some(object(head, access::View::FULL));
            return Err(self.fail(caller, audited, named, 403, RecordError::Denied(Refusal::Never)).await);
        }
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, head.chart).await?;
        let prepared = self.prepare_deletion(&key, head, self.is_client_id(head.id(), head.row))?;
        Ok(Some(Prepared { decision: permit.key(), ..prepared }))
    }

    async fn may_ever(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        kind: TypeRef,
    ) -> Result<(), RecordError> {
        match self.policies().ever(caller, action, kind) {
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
            true => {
                let named = Some(object(&current.head, access::View::FULL));
                Err(self.fail(caller, audited, named, 412, RecordError::PreconditionFailed { held }).await)
            }
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
        let scope = match self.policies().scope(caller, Action::Search, kind) {
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
        let mut tally = Tally::default();
        let Found { mut hits, .. } = self.matches(&scope, &query, None, wanted, &mut tally).await?;
        match (hits.pop(), hits.pop()) {
            (Some(one), Some(two)) => {
                let objects = [&one, &two].map(|hit| object(&hit.head, hit.permit.view()));
                let query = crate::search::asked_text(None, pairs);
                let search = Some(audit::event::Search { type_code: kind.code, query: &query });
                let outcome = audit::event::Outcome::Failed { code: 412 };
                let decisions = tally.decided();
                let deed = Deed { search, outcome, decisions, ..Deed::of(audit::Action::Search, &objects) };
                self.attest(caller, &deed).await?;
                Err(RecordError::MultipleMatches)
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
        let permit = match self.judge(caller, Action::Read, &current.head, &current.head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audit::Action::Create, &current.head, &denial).await),
        };
        let objects = [object(&current.head, permit.view())];
        let decided = tally::once(permit.key(), true);
        let deed = Deed { decisions: decided.as_slice(), ..Deed::of(audit::Action::Read, &objects) };
        let receipt = self.attest(caller, &deed).await?;
        let shown = self.open_version(&permit, &current.head, &current.body.body).await?;
        let resource = Some(Disclosed::new(shown, &receipt)?);
        Ok(Written { resource, ..unchanged(&current) })
    }

    /// Another write came first, and with a precondition or after many attempts that is the answer.
    async fn overtaken(&self, caller: &Caller, audited: audit::Action, preconditions: Preconditions) -> RecordError {
        match preconditions.if_match {
            Some(given) => {
                self.fail(caller, audited, None, 412, RecordError::PreconditionFailed { held: given + 1 }).await
            }
            None => self.fail(caller, audited, None, 409, RecordError::Conflict).await,
        }
    }

    /// Commits one prepared version with its audit event, and answers it as its writer may see it.
    async fn commit(&self, caller: &Caller, audited: audit::Action, unit: Unit) -> Result<Written, RecordError> {
        let Unit { mut prepared, conditions, reserved, asked, trace } = unit;
        let view = self.reader_view(caller, &prepared).await?;
        let part = view.as_ref().map_or(access::View::FULL.id(), |permit| permit.view().id());
        let objects = [Object {
            row: prepared.row,
            chart: prepared.chart,
            version: prepared.version,
            type_code: prepared.kind.code,
            part,
        }];
        let search = asked.as_ref().map(|query| audit::event::Search { type_code: prepared.kind.code, query });
        let decided = tally::once(prepared.decision, true);
        let subject = trace.as_deref();
        let deed = Deed { search, subject, decisions: decided.as_slice(), ..Deed::of(audited, &objects) };
        let proof = evidence(caller, self.now_ms(), &deed)?;
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
            // Not told yet: whoever asked for no particular version tries again.
            Err(error) => return Err(error.into()),
        };
        self.written(prepared, committed.seq, &committed.receipt, view)
    }

    /// The permit under which a writer sees what was written; `None` if it may write and not read.
    pub(crate) async fn reader_view(
        &self,
        caller: &Caller,
        prepared: &Prepared,
    ) -> Result<Option<access::Permit>, RecordError> {
        let asked = self.decided_new(caller, prepared).await?;
        Ok(self.policies().decide(caller, Action::Read, &asked).ok())
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
}

/// One version on its way to the store, with what must hold for it.
struct Unit {
    prepared: Prepared,
    conditions: Vec<NoNewMatch>,
    reserved: Vec<(Keyword, ChartNo)>,
    /// The condition of a conditional write, as its audit record keeps it.
    asked: Option<String>,
    /// What its audit record says beside the rows.
    trace: Option<String>,
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

fn unchanged(current: &Current) -> Written {
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
