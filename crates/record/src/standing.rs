//! What access decides about: a version or a row to come, with how this caller stands to it as its chart says.
//!
//! Every door builds its objects here, so a read, a search, an include and a write of one row ask policy the same.

use std::sync::Arc;

use access::{Action, Caller, Denial, Labels, Object, Permit, Relations, Role, RoleSet, Traits, TypeRef};
use store::{Backend, ChartNo, RowNo};

use crate::facts::{ChartFacts, Treats};
use crate::head::Head;
use crate::prepare::Prepared;
use crate::{Record, RecordError, charts, types};

/// Roles that no chart's care team, consents or names matter to: systems, and who sees no chart at all. They are decided
/// without opening anything, so that a survey of every chart costs them nothing.
const APART: RoleSet = RoleSet::of(Role::Integration).with(Role::Admin).with(Role::Auditor);
/// Roles that reach certain charts only: of others they learn nothing, not even by how long a refusal takes.
const BOUND: RoleSet = APART.with(Role::Patient).with(Role::Proxy);

/// What a chart and the directory say of a caller, looked up once for many candidates of one search: they are decided as their chart
/// stood when the search came to it.
pub struct Known<'c> {
    chart: ChartNo,
    facts: Arc<ChartFacts>,
    treats: Treats<'c>,
    /// [`ChartFacts::treating`].
    treating: Relations,
    /// [`ChartFacts::traits`].
    traits: Traits,
}

impl Known<'_> {
    /// A current version of this very chart, decided as [`Record::decided_of`] does, without anything to wait for: most candidates of most
    /// searches. None of another chart, or where the patient has several records.
    pub(crate) fn decided(&self, caller: &Caller, head: &Head) -> Option<Object> {
        if head.chart != self.chart {
            return None;
        }
        let owned = Some(access::ChartNo(head.chart));
        let mut object = Object {
            labels: head.labels.without(Labels::OF_ELEMENTS),
            traits: head.traits(),
            originator: head.originator(),
            ..Object::of(types::reference(head.type_code), Some(head.row), owned)
        };
        self.alone(caller, &mut object, Some(head)).then_some(object)
    }

    /// What the chart says of the caller, where it is the only record of its patient.
    fn alone(&self, caller: &Caller, object: &mut Object, head: Option<&Head>) -> bool {
        if self.facts.links().is_some() {
            return false;
        }
        object.traits = object.traits.union(self.traits);
        let relations = self.treating.union(self.facts.consented(caller, object, head));
        let is_attributed = self.facts.was_ever_attributed();
        object.relations = if is_attributed { relations } else { relations.union(Relations::UNASSIGNED) };
        true
    }
}

/// A row that may not exist yet.
pub struct Subject {
    pub kind: TypeRef,
    pub row: Option<RowNo>,
    pub chart: ChartNo,
    pub labels: Labels,
    pub traits: Traits,
    pub originator: Option<RowNo>,
}

impl<B: Backend> Record<B> {
    /// A version: its labels united with those of the current one, holding now only if both do.
    pub(crate) async fn decided(&self, caller: &Caller, head: &Head, current: &Head) -> Result<Object, RecordError> {
        let holds = current.traits().contains(Traits::CURRENT);
        let subject = Subject {
            kind: types::reference(head.type_code),
            row: Some(head.row),
            chart: head.chart,
            labels: head.labels.union(current.labels),
            traits: if holds { head.traits() } else { without_current(head.traits()) },
            originator: head.originator().or(current.originator()),
        };
        self.stood(caller, subject, Some(head)).await
    }

    /// A current version, as [`decided`](Self::decided) of it by itself, among many of few charts.
    pub(crate) async fn decided_of<'c>(
        &self,
        caller: &'c Caller,
        head: &Head,
        known: &mut Option<Known<'c>>,
    ) -> Result<Object, RecordError> {
        let subject = Subject {
            kind: types::reference(head.type_code),
            row: Some(head.row),
            chart: head.chart,
            labels: head.labels,
            traits: head.traits(),
            originator: head.originator(),
        };
        self.stood_of(caller, subject, Some(head), known).await
    }

    /// Decides an action on a version.
    pub(crate) async fn judge(
        &self,
        caller: &Caller,
        action: Action,
        head: &Head,
        current: &Head,
    ) -> Result<Result<Permit, Denial>, RecordError> {
        let object = self.decided(caller, head, current).await?;
        Ok(self.policies().decide(caller, action, &object))
    }

    /// What a write makes, to its writer.
    pub(crate) async fn decided_new(&self, caller: &Caller, prepared: &Prepared) -> Result<Object, RecordError> {
        let subject = Subject {
            kind: prepared.kind,
            row: Some(prepared.row),
            chart: prepared.chart,
            labels: prepared.labels,
            traits: prepared.traits,
            originator: prepared.originator,
        };
        self.stood(caller, subject, None).await
    }

    /// What the chart says of the caller; of a patient whose records were merged, what all of them say.
    async fn stand<'c>(
        &self,
        caller: &'c Caller,
        object: &mut Object,
        chart: ChartNo,
        head: Option<&Head>,
        known: &mut Option<Known<'c>>,
    ) -> Result<(), RecordError> {
        let known = match known {
            Some(known) if known.chart == chart => known,
            _ => {
                let (facts, treats) = (self.facts(chart).await?, self.treats(caller).await?);
                let (treating, traits) = (facts.treating(&treats), facts.traits(caller));
                known.insert(Known { chart, facts, treats, treating, traits })
            }
        };
        if known.alone(caller, object, head) {
            return Ok(());
        }
        object.traits = object.traits.union(known.traits);
        let group = self.group(chart).await?;
        if group.len() > 1 {
            let near = near(caller).chain(caller.broken_glass().iter().copied());
            object.also = { near }.find(|near| group.iter().any(|(chart, _)| *chart == near.0));
        }
        let mut relations = Relations::UNASSIGNED;
        for (_, facts) in &group {
            if facts.was_ever_attributed() {
                relations = relations.without(Relations::UNASSIGNED);
            }
            relations = relations.union(facts.relations(&known.treats, object, head));
            object.traits = object.traits.union(facts.traits(caller));
        }
        object.relations = relations;
        Ok(())
    }

    async fn asks_chart(&self, caller: &Caller, chart: access::ChartNo) -> Result<bool, RecordError> {
        let roles = caller.roles().bits();
        if roles & !BOUND.bits() != 0 {
            return Ok(true);
        }
        if roles & !APART.bits() == 0 {
            return Ok(false);
        }
        for near in near(caller) {
            // Of the own chart alone it is asked whether another is of the same patient.
            if near == chart || self.group(near.0).await?.iter().any(|(of, _)| *of == chart.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A shared compartment is nobody's chart: there is no standing to look up, and nobody to whom it would be attributed.
    pub(crate) async fn stood(
        &self,
        caller: &Caller,
        subject: Subject,
        head: Option<&Head>,
    ) -> Result<Object, RecordError> {
        self.stood_of(caller, subject, head, &mut None).await
    }

    async fn stood_of<'c>(
        &self,
        caller: &'c Caller,
        subject: Subject,
        head: Option<&Head>,
        known: &mut Option<Known<'c>>,
    ) -> Result<Object, RecordError> {
        let Subject { kind, row, chart, labels, traits, originator } = subject;
        let owned = charts::is_patient(chart).then_some(access::ChartNo(chart));
        let mut object =
            Object { labels: labels.without(Labels::OF_ELEMENTS), traits, originator, ..Object::of(kind, row, owned) };
        match owned {
            None => object.relations = Relations::UNASSIGNED,
            Some(owned) if self.asks_chart(caller, owned).await? => {
                self.stand(caller, &mut object, chart, head, known).await?
            }
            Some(_) => {}
        }
        Ok(object)
    }
}

/// The charts that somebody reaches as the patient or for one.
fn near(caller: &Caller) -> impl Iterator<Item = access::ChartNo> {
    caller.own_chart().into_iter().chain(caller.proxies().iter().map(|grant| grant.chart))
}

fn without_current(traits: Traits) -> Traits {
    Traits::from_bits(traits.bits() & !Traits::CURRENT.bits()).unwrap_or(Traits::NONE)
}
