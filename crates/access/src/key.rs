//! The closed key that policies decide: equal keys, equal answers.

use crate::action::Action;
use crate::caller::{Caller, ChartNo, Facts, RoleSet};
use crate::labels::Labels;
use crate::purpose::Purpose;

/// A resource type as the FHIR tables name and number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeRef {
    pub name: &'static str,
    pub code: u16,
}

/// What a decision is about: one resource, or what a resource will be once created.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    pub kind: TypeRef,
    /// Row number; none before it is created.
    pub row: Option<u64>,
    /// The owning chart; none for what belongs to no patient.
    pub chart: Option<ChartNo>,
    /// Labels of this version united with those of the current one.
    pub labels: Labels,
    /// Row of the Practitioner who wrote it.
    pub originator: Option<u64>,
    /// Whether a consent under 42 CFR 2.31 for the caller's purpose is on file.
    pub part2_consent: bool,
}

/// How a caller stands to an object, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relations(u8);

/// Everything a policy can see of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionKey {
    pub roles: RoleSet,
    pub action: Action,
    pub kind: TypeRef,
    pub labels: Labels,
    pub relations: Relations,
    pub purpose: Purpose,
    pub facts: Facts,
}

impl TypeRef {
    /// What concerns the whole record and no resource type: system history, export, settings.
    pub const SYSTEM: TypeRef = TypeRef { name: "System", code: u16::MAX };
}

impl Object {
    /// An object with a chart and no labels; fill in the rest with struct update syntax.
    pub const fn of(kind: TypeRef, row: Option<u64>, chart: Option<ChartNo>) -> Object {
        Object { kind, row, chart, labels: Labels::NONE, originator: None, part2_consent: false }
    }
}

impl Relations {
    pub const NONE: Relations = Relations(0);
    pub const SELF_CHART: Relations = Relations(1);
    pub const ORIGINATOR: Relations = Relations(2);
    pub const PART2_CONSENT: Relations = Relations(4);
    pub const ALL: Relations = Relations(7);

    pub const fn union(self, other: Relations) -> Relations {
        Relations(self.0 | other.0)
    }
    pub const fn contains(self, other: Relations) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The parts of a caller that decide, small enough to copy into a scope.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub roles: RoleSet,
    pub purpose: Purpose,
    pub facts: Facts,
    pub own_chart: Option<ChartNo>,
    pub broken_glass: Option<ChartNo>,
    pub practitioner: Option<u64>,
    pub grantee: crate::outcome::Grantee,
}

impl Standing {
    pub(crate) fn of(caller: &Caller) -> Standing {
        Standing {
            roles: caller.roles(),
            purpose: caller.purpose(),
            facts: caller.facts(),
            own_chart: caller.own_chart(),
            broken_glass: caller.broken_glass(),
            practitioner: caller.practitioner(),
            grantee: crate::outcome::Grantee::Caller { user: caller.user(), session: caller.session() },
        }
    }

    pub(crate) fn key(&self, action: Action, object: &Object) -> DecisionKey {
        let mut relations = 0;
        if object.chart.is_some() && object.chart == self.own_chart {
            relations |= Relations::SELF_CHART.0;
        }
        if object.originator.is_some() && object.originator == self.practitioner {
            relations |= Relations::ORIGINATOR.0;
        }
        if object.part2_consent {
            relations |= Relations::PART2_CONSENT.0;
        }
        let glass_broken = object.chart.is_some() && object.chart == self.broken_glass;
        DecisionKey {
            labels: object.labels,
            relations: Relations(relations),
            facts: Facts { glass_broken, ..self.facts },
            ..self.key_of(action, object.kind)
        }
    }

    /// The key of an object without labels or chart.
    pub(crate) fn key_of(&self, action: Action, kind: TypeRef) -> DecisionKey {
        DecisionKey {
            roles: self.roles,
            action,
            kind,
            labels: Labels::NONE,
            relations: Relations::NONE,
            purpose: self.purpose,
            facts: Facts { glass_broken: false, ..self.facts },
        }
    }

    /// The key of the object that is closest to this caller: own chart, own writing, consented, broken glass.
    pub(crate) fn key_closest(&self, action: Action, kind: TypeRef) -> DecisionKey {
        DecisionKey { relations: self.relations_max(), facts: self.facts, ..self.key_of(action, kind) }
    }

    fn relations_max(&self) -> Relations {
        let mut relations = Relations::PART2_CONSENT;
        if self.own_chart.is_some() {
            relations = relations.union(Relations::SELF_CHART);
        }
        if self.practitioner.is_some() {
            relations = relations.union(Relations::ORIGINATOR);
        }
        relations
    }
}

impl DecisionKey {
    /// The key in one word; the type by its code.
    pub(crate) const fn packed(&self) -> u64 {
        self.roles.bits() as u64
            | (self.action as u64) << 8
            | (self.kind.code as u64) << 16
            | (self.labels.bits() as u64) << 32
            | (self.purpose as u64) << 48
            | (self.relations.0 as u64) << 56
            | (self.facts.bits() as u64) << 60
    }
}
