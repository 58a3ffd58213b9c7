//! Where a version goes: its row and id, the chart that owns it, what of the version before it has to go on.

use std::collections::HashMap;

use access::{Action, Caller, Labels, Role};
use audit::event::Object as Audited;
use fhir::{Json, Object};
use store::{Backend, ChartNo, Expected, Keyword, RowNo};

use crate::open::Current;
use crate::prepare::{Checked, Destination, Kept, Prepared};
use crate::request::{Preconditions, ResourceKey};
use crate::standing::Subject;
use crate::{Record, RecordError, Refusal, charts};

/// Row numbers stay below this: a posting keeps five bytes of them.
const ROW_MAX: RowNo = 1 << 40;

/// Charts that come into being with one unit of work: of patients it creates, and of patients it refers to that do not
/// exist yet, whose charts are reserved for them.
#[derive(Default)]
pub(crate) struct Newcomers {
    pub charts: HashMap<String, ChartNo>,
    pub reserved: Vec<(Keyword, ChartNo)>,
}

/// An update or patch of what is current.
pub(crate) struct Change<'c> {
    pub action: Action,
    pub audited: audit::Action,
    pub current: &'c Current,
    pub preconditions: Preconditions,
}

impl<B: Backend> Record<B> {
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
        Ok(Destination {
            row,
            chart,
            version: 1,
            expected: Expected::New,
            id,
            locator,
            client_id,
            client_chose_id: key.is_some(),
        })
    }

    /// Whether a row's id is not the one that its number stands for.
    pub(crate) fn is_client_id(&self, id: &str, row: RowNo) -> bool {
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
        let permit = match self.judge(caller, action, head, head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        self.hold(caller, audited, current, preconditions).await?;
        let view = permit.view().of_type(checked.kind.name);
        let checked = match view.is_full() || head.deleted() {
            true => checked,
            false => match self.with_hidden(view, checked, current).await {
                Ok(checked) => checked,
                Err(error) => return Err(self.fail(caller, audited, None, 422, error).await),
            },
        };
        let chart = self.owning_chart(&checked, Some(head.chart), head.id(), newcomers).await?;
        let to = Destination {
            row: head.row,
            chart,
            version: head.version + 1,
            expected: Expected::Current { version: head.version, chart: head.chart },
            id: head.id().to_owned(),
            locator: None,
            client_id: self.is_client_id(head.id(), head.row),
            client_chose_id: false,
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
        let mut checked = checked;
        let mut kept = Kept { writer: caller.user().0, ..Kept::default() };
        match current {
            Some(current) => (kept.originator, kept.corrected) = (current.head.originator(), current.head.corrected()),
            None => kept.originator = self.originator(caller, &checked).await?,
        }
        checked.named = checked.named.union(self.labels_of_targets(&checked).await?);
        checked.labels = kept.corrected.apply(checked.labels, checked.named);
        let held_labels = current.map_or(Labels::NONE, |current| current.head.labels);
        let asked = Subject {
            kind: checked.kind,
            row: current.map(|current| current.head.row),
            chart: to.chart,
            labels: checked.labels.union(held_labels),
            traits: crate::traits::of(&checked.tree, checked.kind.name),
            originator: kept.originator,
        };
        let asked = self.stood(caller, asked, current.map(|current| &*current.head)).await?;
        let permit = match self.policies().decide(caller, action, &asked) {
            Ok(permit) => permit,
            Err(denial) => {
                let named = Audited {
                    row: to.row,
                    chart: to.chart,
                    version: to.version,
                    type_code: checked.kind.code,
                    part: access::View::FULL.id(),
                };
                return Err(self.refuse(caller, audited, Some(named), &denial).await);
            }
        };
        if checked.kind.name == "Patient"
            && let Err(denial) = self.may_link(caller, &checked, current, &asked).await?
        {
            return Err(self.refuse(caller, audited, None, &denial).await);
        }
        if !self.may_say_who_treats(caller, checked.kind, Some(&checked.tree), current, to.client_chose_id).await? {
            return Err(self.fail(caller, audited, None, 403, RecordError::Denied(Refusal::Never)).await);
        }
        if let Some(current) = current {
            self.keep(caller, &permit, &checked, current, &mut kept).await?;
        }
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, to.chart).await?;
        Ok(Prepared { decision: permit.key(), ..self.prepare(&key, checked, kept, to)? })
    }

    /// Who makes the first version. A trusted system is nobody: what it brings in names its author.
    async fn originator(&self, caller: &Caller, checked: &Checked<'_>) -> Result<Option<RowNo>, RecordError> {
        let has_author = matches!(checked.kind.name, "DocumentReference" | "Composition");
        if caller.practitioner().is_some() || !has_author || !caller.roles().contains(Role::Integration) {
            return Ok(caller.practitioner());
        }
        for author in checked.tree.get("author").map_or(&[][..], Json::items) {
            let reference = author.get("reference").and_then(Json::as_str).map(|reference| self.local(reference));
            if let Some(key) = reference.and_then(ResourceKey::parse_reference)
                && key.kind.name == "Practitioner"
                && let Some(current) = self.find(&key).await?
            {
                return Ok(Some(current.head.row));
            }
        }
        Ok(None)
    }

    /// A Provenance says that its targets exist, so it is as sensitive as they are. (What the same transaction creates is
    /// not looked at.)
    async fn labels_of_targets(&self, checked: &Checked<'_>) -> Result<Labels, RecordError> {
        let mut labels = Labels::NONE;
        if checked.kind.name != "Provenance" {
            return Ok(labels);
        }
        for target in checked.tree.get("target").map_or(&[][..], Json::items) {
            let reference = target.get("reference").and_then(Json::as_str).map(|reference| self.local(reference));
            if let Some(key) = reference.and_then(ResourceKey::parse_reference)
                && let Some(current) = self.find(&key).await?
            {
                labels = labels.union(current.head.labels.without(Labels::OF_ELEMENTS));
            }
        }
        Ok(labels)
    }

    /// The update of who sees a resource in part: what is hidden from the writer stays as it is, and cannot be written.
    async fn with_hidden<'a>(
        &self,
        view: access::TypeView,
        checked: Checked<'a>,
        current: &Current,
    ) -> Result<Checked<'a>, RecordError> {
        let Checked { kind, mut tree, issues, .. } = checked;
        let held = self.whole(current).await?;
        let held = Json::parse(&held).map_err(|_| RecordError::Damaged)?;
        let members = tree.as_object_mut().ok_or(RecordError::Damaged)?;
        if members.iter().any(|(name, _)| !view.allows(name)) {
            return Err(RecordError::NotSupported("writing an element that this role does not see"));
        }
        forget_subsetted(members);
        if !view.shows_labels() {
            keep_labels(members, &held)?;
        }
        for (name, value) in held.as_object().into_iter().flat_map(Object::iter) {
            if !view.allows(name) {
                members.set(name.to_owned(), value.clone().into_owned());
            }
        }
        let (labels, named) = crate::labels::of(&tree, kind.name);
        Ok(Checked { kind, tree, labels, named, issues })
    }

    /// What an update must not lose: elements that its writer does not see, and labels that it may not take away.
    async fn keep(
        &self,
        caller: &Caller,
        permit: &access::Permit,
        checked: &Checked<'_>,
        current: &Current,
        kept: &mut Kept,
    ) -> Result<(), RecordError> {
        let head = &current.head;
        // A view that hides identifiers has put them all back already.
        let sees_identifiers = permit.view().allows(checked.kind.name, "identifier");
        if head.has_elements() && sees_identifiers && !permit.categories().contains(Labels::GOVERNMENT_ID) {
            kept.elements = self.hidden_elements(head, &current.body.body).await?;
            kept.labels = Labels::GOVERNMENT_ID;
        }
        let lost = head.labels.without(Labels::OF_ELEMENTS).without(checked.labels);
        if !lost.is_empty() && self.judge(caller, Action::Label, head, head).await?.is_err() {
            kept.labels = kept.labels.union(lost);
        }
        Ok(())
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
                None => self.chart_for_new_patient(id, newcomers).await,
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

    /// The chart of a patient that is created now. Under an id that others could refer to beforehand, it is reserved like
    /// theirs, so that of two writers at once one finds the other's chart.
    pub(crate) async fn chart_for_new_patient(
        &self,
        id: &str,
        newcomers: &mut Newcomers,
    ) -> Result<ChartNo, RecordError> {
        let chart = self.chart_for_patient(id).await?;
        newcomers.reserved.push((self.chart_label(id), chart));
        Ok(chart)
    }

    /// The chart of a patient to come: the one reserved for its id, or a new one.
    async fn chart_for_patient(&self, id: &str) -> Result<ChartNo, RecordError> {
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
}

/// Labels that the writer does not see stay as they are.
fn keep_labels<'a>(members: &mut Object<'a>, held: &Json<'_>) -> Result<(), RecordError> {
    let named = |meta: &Object<'_>| meta.get("security").is_some();
    if members.get("meta").and_then(Json::as_object).is_some_and(named) {
        return Err(RecordError::NotSupported("writing labels that this role does not see"));
    }
    let Some(labels) = held.get("meta").and_then(|meta| meta.get("security")) else { return Ok(()) };
    if members.get("meta").is_none() {
        members.set("meta", Json::Object(Object::new()));
    }
    let meta = members.get_mut("meta").and_then(Json::as_object_mut).ok_or(RecordError::Damaged)?;
    meta.set("security", labels.clone().into_owned());
    Ok(())
}

/// The mark of a partial answer (R4 http.html#summary) is the server's, not the client's to store.
fn forget_subsetted(members: &mut Object<'_>) {
    let Some(meta) = members.get_mut("meta").and_then(Json::as_object_mut) else { return };
    let Some(tags) = meta.get_mut("tag").and_then(Json::as_array_mut) else { return };
    tags.retain(|tag| tag.get("code").and_then(Json::as_str) != Some("SUBSETTED"));
    if tags.is_empty() {
        meta.remove("tag");
    }
}
