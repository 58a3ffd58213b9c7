//! What access decides about: a version or a row to come, with how this caller stands to it as its chart says.
//!
//! Every door builds its objects here, so a read, a search, an include and a write of one row ask policy the same.

use access::{Action, Caller, Denial, Labels, Object, Permit, Relations, Role, RoleSet, Traits, TypeRef};
use store::{Backend, ChartNo, RowNo};

use crate::head::Head;
use crate::prepare::Prepared;
use crate::{Record, RecordError, charts, types};

/// Roles that no chart's care team, consents or names matter to: systems, and who sees no chart at all. They are decided
/// without opening anything, so that a survey of every chart costs them nothing.
const APART: RoleSet = RoleSet::of(Role::Integration).with(Role::Admin).with(Role::Auditor);
/// Roles that reach certain charts only: of others they learn nothing, not even by how long a refusal takes.
const BOUND: RoleSet = APART.with(Role::Patient).with(Role::Proxy);

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

    /// A shared compartment is nobody's chart: there is no standing to look up, and nobody to whom it would be attributed.
    pub(crate) async fn stood(
        &self,
        caller: &Caller,
        subject: Subject,
        head: Option<&Head>,
    ) -> Result<Object, RecordError> {
        let Subject { kind, row, chart, labels, traits, originator } = subject;
        let owned = charts::is_patient(chart).then_some(access::ChartNo(chart));
        let mut object =
            Object { labels: labels.without(Labels::OF_ELEMENTS), traits, originator, ..Object::of(kind, row, owned) };
        match owned {
            None => object.relations = Relations::UNASSIGNED,
            Some(owned) if asks_chart(caller, owned) => {
                let facts = self.facts(chart).await?;
                object.relations = facts.relations(caller, &object, head);
                object.traits = object.traits.union(facts.traits(caller));
            }
            Some(_) => {}
        }
        Ok(object)
    }
}

fn asks_chart(caller: &Caller, chart: access::ChartNo) -> bool {
    let roles = caller.roles().bits();
    if roles & !BOUND.bits() != 0 {
        return true;
    }
    roles & !APART.bits() != 0
        && (caller.own_chart() == Some(chart) || caller.proxies().iter().any(|grant| grant.chart == chart))
}

fn without_current(traits: Traits) -> Traits {
    Traits::from_bits(traits.bits() & !Traits::CURRENT.bits()).unwrap_or(Traits::NONE)
}
