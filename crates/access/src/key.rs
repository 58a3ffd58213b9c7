//! The closed key that policies decide: equal keys, equal answers.

use crate::action::Action;
use crate::caller::{Caller, ChartNo, Facts, ProxyCategories, Role, RoleSet};
use crate::labels::Labels;
use crate::outcome::Grantee;
use crate::purpose::Purpose;
use crate::types::group_of;

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
    /// Another chart of the same patient under which this caller knows them, where records were merged: their own, a ward's, one
    /// whose glass they broke. Whose chart it is, and the glass, hold for both.
    pub also: Option<ChartNo>,
    /// Labels of this version united with those of the current one.
    pub labels: Labels,
    pub traits: Traits,
    /// Row of the Practitioner who wrote it.
    pub originator: Option<u64>,
    /// How this caller stands to the chart, as far as the chart itself says: [`Relations::OF_CHART`].
    pub relations: Relations,
}

/// How a caller stands to an object, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relations(u16);

/// What a resource or its chart is, beside its labels, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Traits(u8);

/// Everything a policy can see of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionKey {
    pub roles: RoleSet,
    pub action: Action,
    pub kind: TypeRef,
    pub labels: Labels,
    pub traits: Traits,
    pub relations: Relations,
    pub purpose: Purpose,
    pub facts: Facts,
    /// Whether the token's scopes, if it has any, name this action on this type.
    pub in_scope: bool,
}

/// A key in one number, as the cache and the audit log keep it; the type is in it by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackedKey(pub u128);

impl TypeRef {
    /// What concerns the whole record and no resource type: system history, export, settings.
    pub const SYSTEM: TypeRef = TypeRef { name: "System", code: u16::MAX };
}

impl Object {
    /// An object with a chart and no labels; fill in the rest with struct update syntax.
    pub const fn of(kind: TypeRef, row: Option<u64>, chart: Option<ChartNo>) -> Object {
        Object {
            kind,
            row,
            chart,
            also: None,
            labels: Labels::NONE,
            traits: Traits::NONE,
            originator: None,
            relations: Relations::NONE,
        }
    }
}

impl Relations {
    pub const NONE: Relations = Relations(0);
    /// The caller is the patient whose chart it is.
    pub const SELF_CHART: Relations = Relations(1);
    /// The caller wrote it.
    pub const ORIGINATOR: Relations = Relations(1 << 1);
    /// A consent under 42 CFR 2.31 for the caller's purpose is on file.
    pub const PART2_CONSENT: Relations = Relations(1 << 2);
    /// Care team, attributed practitioner, or an appointment or encounter whose window is open.
    pub const TREATING: Relations = Relations(1 << 3);
    /// Nobody was ever attributed to the chart: first contact must be possible. True of what lies in no chart.
    pub const UNASSIGNED: Relations = Relations(1 << 4);
    /// The caller is a proxy whose grant covers this kind of resource and every sensitive label on it.
    pub const PROXY: Relations = Relations(1 << 5);
    /// The proxy's patient is a minor with privacy of their own.
    pub const ADOLESCENT: Relations = Relations(1 << 6);
    /// A consent or an agreed restriction (45 CFR 164.522(a)) refuses this caller or purpose this resource.
    pub const CONSENT_DENIES: Relations = Relations(1 << 7);
    /// Paid in full by the patient, who asked that the health plan not be told (164.522(a)(1)(vi)).
    pub const SELF_PAY: Relations = Relations(1 << 8);
    /// The patient agreed to this research use (164.508).
    pub const RESEARCH_CONSENT: Relations = Relations(1 << 9);
    /// What the record computes from the chart; the others follow from the caller.
    pub const OF_CHART: Relations = Relations(
        Relations::PART2_CONSENT.0
            | Relations::TREATING.0
            | Relations::UNASSIGNED.0
            | Relations::CONSENT_DENIES.0
            | Relations::SELF_PAY.0
            | Relations::RESEARCH_CONSENT.0,
    );
    /// Those that only ever close.
    pub const CLOSING: Relations =
        Relations(Relations::ADOLESCENT.0 | Relations::CONSENT_DENIES.0 | Relations::SELF_PAY.0);
    pub const ALL: Relations = Relations((1 << 10) - 1);
    /// Those that open. Permits ask for them and never for their absence.
    pub const OPENING: Relations = Relations(Relations::ALL.0 & !Relations::CLOSING.0);

    pub const fn union(self, other: Relations) -> Relations {
        Relations(self.0 | other.0)
    }
    pub const fn without(self, other: Relations) -> Relations {
        Relations(self.0 & !other.0)
    }
    pub const fn intersection(self, other: Relations) -> Relations {
        Relations(self.0 & other.0)
    }
    pub const fn contains(self, other: Relations) -> bool {
        self.0 & other.0 == other.0
    }
    pub const fn bits(self) -> u16 {
        self.0
    }
    pub const fn from_bits(bits: u16) -> Option<Relations> {
        if bits & !Relations::ALL.0 == 0 { Some(Relations(bits)) } else { None }
    }
}

impl Traits {
    pub const NONE: Traits = Traits(0);
    /// Its status says that it holds now: an active medication, an open order. True of what has no such status.
    pub const CURRENT: Traits = Traits(1);
    /// An Observation of the category vital-signs.
    pub const VITAL_SIGNS: Traits = Traits(1 << 1);
    /// The chart is of a person whom many would look up.
    pub const VIP: Traits = Traits(1 << 2);
    /// The chart is of somebody who works here.
    pub const EMPLOYEE: Traits = Traits(1 << 3);
    /// The patient bears the caller's family name: a relative, it may be. No policy asks; the alerts do.
    pub const SAME_NAME: Traits = Traits(1 << 4);
    pub const ALL: Traits = Traits((1 << 5) - 1);

    pub const fn union(self, other: Traits) -> Traits {
        Traits(self.0 | other.0)
    }
    pub const fn contains(self, other: Traits) -> bool {
        self.0 & other.0 == other.0
    }
    pub const fn bits(self) -> u8 {
        self.0
    }
    pub const fn from_bits(bits: u8) -> Option<Traits> {
        if bits & !Traits::ALL.0 == 0 { Some(Traits(bits)) } else { None }
    }
}

/// A caller as decisions see it.
#[derive(Clone)]
pub(crate) struct Standing {
    caller: Caller,
}

impl Standing {
    pub(crate) fn of(caller: &Caller) -> Standing {
        Standing { caller: caller.clone() }
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn own_chart(&self) -> Option<ChartNo> {
        self.caller.own_chart()
    }

    /// The charts that a patient or proxy reaches: the own one and those of the grants.
    pub(crate) fn near_charts(&self) -> Vec<ChartNo> {
        self.own_chart().into_iter().chain(self.caller.proxies().iter().map(|grant| grant.chart)).collect()
    }

    pub(crate) fn grantee(&self) -> Grantee {
        Grantee::Caller { user: self.caller.user(), session: self.caller.session() }
    }

    pub(crate) fn key(&self, action: Action, object: &Object) -> DecisionKey {
        let mut relations = object.relations.intersection(Relations::OF_CHART);
        let caller = &self.caller;
        if object.chart.is_none() {
            relations = relations.union(Relations::UNASSIGNED);
        }
        let is_of =
            |chart: ChartNo| object.chart == Some(chart) || (object.chart.is_some() && object.also == Some(chart));
        if caller.own_chart().is_some_and(is_of) {
            relations = relations.union(Relations::SELF_CHART);
        }
        if object.originator.is_some() && object.originator == caller.practitioner() {
            relations = relations.union(Relations::ORIGINATOR);
        }
        if let Some(grant) = caller.proxies().iter().find(|grant| is_of(grant.chart)) {
            let category = group_of(object.kind.name).and_then(ProxyCategories::of_group);
            if category.is_some_and(|category| grant.categories.contains(category))
                && grant.labels.contains(object.labels.without(Labels::OF_ELEMENTS))
            {
                relations = relations.union(Relations::PROXY);
            }
            if grant.adolescent {
                relations = relations.union(Relations::ADOLESCENT);
            }
        }
        let glass_broken = caller.broken_glass().iter().any(|chart| is_of(*chart));
        DecisionKey {
            labels: object.labels,
            traits: object.traits,
            relations,
            facts: Facts { glass_broken, ..caller.facts() },
            ..self.key_of(action, object.kind)
        }
    }

    /// The key of an object without labels or chart.
    pub(crate) fn key_of(&self, action: Action, kind: TypeRef) -> DecisionKey {
        let caller = &self.caller;
        DecisionKey {
            roles: caller.roles(),
            action,
            kind,
            labels: Labels::NONE,
            traits: Traits::CURRENT,
            relations: Relations::NONE,
            purpose: caller.purpose(),
            facts: Facts { glass_broken: false, ..caller.facts() },
            in_scope: caller.scopes().is_none_or(|scopes| scopes.allows(action, kind.name)),
        }
    }

    /// The key of the object that is closest to this caller: own chart, own writing, treated, consented, broken glass.
    pub(crate) fn key_closest(&self, action: Action, kind: TypeRef) -> DecisionKey {
        DecisionKey {
            relations: self.relations_max(),
            traits: Traits::CURRENT.union(Traits::VITAL_SIGNS),
            facts: self.caller.facts(),
            ..self.key_of(action, kind)
        }
    }

    fn relations_max(&self) -> Relations {
        let mut relations = Relations::OF_CHART.without(Relations::CLOSING);
        if self.own_chart().is_some() {
            relations = relations.union(Relations::SELF_CHART);
        }
        if self.caller.practitioner().is_some() {
            relations = relations.union(Relations::ORIGINATOR);
        }
        if self.caller.roles().contains(Role::Proxy) {
            relations = relations.union(Relations::PROXY);
        }
        relations
    }
}

impl DecisionKey {
    /// The key in one number; the type by its code.
    pub const fn packed(&self) -> PackedKey {
        PackedKey(
            self.kind.code as u128
                | (self.roles.bits() as u128) << 16
                | ((self.labels.bits() & 0xffff) as u128) << 32
                | (self.relations.bits() as u128) << 48
                | (self.action as u128) << 64
                | (self.purpose as u128) << 72
                | (self.facts.bits() as u128) << 80
                | (self.traits.bits() as u128) << 88
                | (self.in_scope as u128) << 96,
        )
    }

    /// Reads a packed key; `kind` names the type of its code. None if a newer version wrote it.
    pub fn unpack(packed: PackedKey, kind: impl FnOnce(u16) -> Option<TypeRef>) -> Option<DecisionKey> {
        let PackedKey(word) = packed;
        let byte = |shift: u32| (word >> shift) as u8;
        Some(DecisionKey {
            kind: kind(word as u16)?,
            roles: RoleSet::from_bits((word >> 16) as u16)?,
            labels: Labels::from_bits(u32::from((word >> 32) as u16))?,
            relations: Relations::from_bits((word >> 48) as u16)?,
            action: *Action::ALL.get(usize::from(byte(64)))?,
            purpose: *Purpose::ALL.get(usize::from(byte(72)))?,
            facts: Facts::from_bits(byte(80))?,
            traits: Traits::from_bits(byte(88))?,
            in_scope: byte(96) == 1,
        })
    }
}
