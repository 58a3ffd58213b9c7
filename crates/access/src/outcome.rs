//! What a decision gives: a [`Permit`] for one resource, a [`Scope`] for a search, or a [`Denial`] that can explain itself.
//! None can be built outside this crate, and none can be copied, so whoever holds one was given it.

use std::fmt;

use crate::action::Action;
use crate::caller::{Caller, ChartNo, UserId};
use crate::key::{DecisionKey, Object, PackedKey, Standing, TypeRef};
use crate::labels::Labels;
use crate::policies::{LastRuling, Policies};
use crate::purpose::SystemPurpose;
use crate::views::View;
use crate::words::closed;

/// A policy's place in its policy set; [`Policies::policy_id`] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyNo(pub(crate) u16);

/// To whom something was permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantee {
    Caller { user: UserId, session: u64 },
    System(SystemPurpose),
}

/// Leave to do one action on one resource, for one caller.
#[must_use = "a permit is what opens a resource"]
pub struct Permit {
    grantee: Grantee,
    action: Option<Action>,
    subject: Option<Object>,
    view: View,
    categories: Labels,
    policy: Option<PolicyNo>,
    key: Option<PackedKey>,
}

/// The charts a search may reach. Each hit is decided by itself all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charts {
    All,
    /// Those the caller stands close to (treats, wrote in): only the check of each hit tells which.
    Related,
    /// A patient's own, and those a proxy acts for.
    Only(Box<[ChartNo]>),
}

/// Leave to search one type, for one caller. Each hit still needs its own permit: [`Scope::permits`].
#[must_use = "a scope is what opens a search"]
pub struct Scope {
    policies: Policies,
    standing: Standing,
    action: Action,
    kind: TypeRef,
    charts: Charts,
    view: View,
    categories: Labels,
    excluded: Labels,
    policy: PolicyNo,
}

/// Why not, and what the caller may be told.
pub enum Denial {
    /// The role never does this on this type: 403.
    Never(Why),
    /// To be answered exactly as if it did not exist: 404, or an empty search.
    Absent(Why),
    /// Exists, as the caller may know; a minimal entry and an offer to break the glass.
    Withheld(Why),
}

/// What a denial hangs on; [`Denial::explain`] puts it into words.
pub struct Why {
    key: DecisionKey,
    closed: Closed,
    policies: Policies,
}

/// For the privacy officer: policies and attribute names, never values.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The forbidding policies, or those that permit but do not open the resource's labels. Empty: no policy permits.
    pub policies: Vec<String>,
    /// Any one of these, had it been otherwise, would have opened it; `roles` if nothing else would.
    pub attributes: Vec<&'static str>,
}

closed! {
    /// An attribute that a denial hangs on.
    pub enum Reason {
        Role = "roles",
        Type = "type",
        Labels = "labels",
        /// A search looked at elements that the view of this hit hides.
        View = "view",
        Treating = "treating",
        Part2Consent = "part2_consent",
        ResearchConsent = "research_consent",
        Proxy = "proxy",
        /// Another relation, or several together.
        Relation = "relation",
        Consent = "consent_denies",
        SelfPay = "self_pay",
        Adolescent = "adolescent",
        OwnChart = "self_chart",
        Current = "current",
        VitalSigns = "vital_signs",
        Purpose = "purpose",
        Scope = "in_scope",
        MfaFresh = "mfa_fresh",
        DeviceVerified = "device_verified",
        WithinHours = "within_hours",
        NetworkTrusted = "network_trusted",
        Licensed = "licensed",
        GlassBroken = "glass_broken",
    }
}

/// What the cache holds of a denial. The policies are one bit each, by number.
#[derive(Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) kind: ClosedKind,
    pub(crate) policies: u128,
}

#[derive(Clone, Copy)]
pub(crate) enum ClosedKind {
    Never,
    Absent,
    Withheld,
}

impl Permit {
    /// For a background job of the system itself, which audits what it does.
    pub fn system(purpose: SystemPurpose) -> Permit {
        Permit {
            grantee: Grantee::System(purpose),
            action: None,
            subject: None,
            view: View::FULL,
            categories: Labels::ALL,
            policy: None,
            key: None,
        }
    }

    pub(crate) fn granted(
        standing: &Standing,
        key: &DecisionKey,
        object: &Object,
        view: View,
        categories: Labels,
        policy: PolicyNo,
    ) -> Permit {
        Permit {
            grantee: standing.grantee(),
            action: Some(key.action),
            subject: Some(*object),
            view,
            categories,
            policy: Some(policy),
            key: Some(key.packed()),
        }
    }

    /// Whether this permit was given for this resource. A system permit covers all.
    pub fn covers(&self, kind: TypeRef, row: u64, chart: Option<ChartNo>) -> bool {
        match &self.subject {
            None => true,
            Some(subject) => subject.kind == kind && subject.row == Some(row) && subject.chart == chart,
        }
    }

    pub fn grantee(&self) -> Grantee {
        self.grantee
    }
    /// None for the system.
    pub fn action(&self) -> Option<Action> {
        self.action
    }
    /// None for the system. A permit to create names no row.
    pub fn row(&self) -> Option<u64> {
        self.subject.and_then(|subject| subject.row)
    }
    pub fn chart(&self) -> Option<ChartNo> {
        self.subject.and_then(|subject| subject.chart)
    }
    pub fn kind(&self) -> Option<TypeRef> {
        self.subject.map(|subject| subject.kind)
    }
    pub fn view(&self) -> View {
        self.view
    }
    /// The sensitive categories whose sealed parts may be opened.
    pub fn categories(&self) -> Labels {
        self.categories
    }
    /// Whether everything of the resource may be shown as it is: no view and no sealed part hides anything.
    pub fn shows_all(&self, labels: Labels) -> bool {
        let full = match &self.subject {
            None => self.view.is_full(),
            Some(subject) => self.view.of_type(subject.kind.name).is_full(),
        };
        full && self.categories.contains(labels)
    }
    /// None for the system.
    pub fn policy(&self) -> Option<PolicyNo> {
        self.policy
    }
    /// What was decided, for the audit record. None for the system.
    pub fn key(&self) -> Option<PackedKey> {
        self.key
    }
}

impl Scope {
    pub(crate) fn granted(
        policies: Policies,
        standing: Standing,
        action: Action,
        kind: TypeRef,
        charts: Charts,
        excluded: Labels,
        opened: (View, Labels, PolicyNo),
    ) -> Scope {
        let (view, categories, policy) = opened;
        Scope { policies, standing, action, kind, charts, view, categories, excluded, policy }
    }

    /// Decides one hit, or what a hit includes, by its own key. `matched_on` are the elements of the searched type that the search
    /// filters or sorts by: a hit whose own view hides one of them is no hit, or the match would tell the value.
    pub fn permits(&self, object: &Object, matched_on: &[&str]) -> Result<Permit, Denial> {
        self.permits_after(&mut LastRuling::default(), object, matched_on)
    }

    /// The same of one hit after another, which are mostly decided alike.
    pub fn permits_after(&self, last: &mut LastRuling, object: &Object, matched_on: &[&str]) -> Result<Permit, Denial> {
        let permit = self.policies.decide_after(last, &self.standing, self.action, object)?;
        let hides = |view: View| {
            let view = view.of_type(object.kind.name);
            !view.is_full() && !matched_on.iter().all(|element| view.allows(element))
        };
        if object.kind == self.kind && hides(permit.view) {
            let closed = Closed { kind: ClosedKind::Absent, policies: 0 };
            return Err(Denial::of(self.standing.key(self.action, object), closed, &self.policies));
        }
        Ok(permit)
    }

    /// Who searches, and so for whom each hit's standing is looked up.
    pub fn caller(&self) -> &Caller {
        self.standing.caller()
    }
    pub fn charts(&self) -> &Charts {
        &self.charts
    }
    pub fn action(&self) -> Action {
        self.action
    }
    pub fn kind(&self) -> TypeRef {
        self.kind
    }
    /// What may be searched and sorted on at all: the view of the hits that the caller stands closest to. Others may show less, see
    /// [`Scope::permits`].
    pub fn view(&self) -> View {
        self.view
    }
    /// What the closest hits open.
    pub fn categories(&self) -> Labels {
        self.categories
    }
    /// Labels that close every hit of this type; hits bearing one can be skipped unopened.
    pub fn excluded(&self) -> Labels {
        self.excluded
    }
    pub fn policy(&self) -> PolicyNo {
        self.policy
    }
    pub fn grantee(&self) -> Grantee {
        self.standing.grantee()
    }
    /// A cursor of this search holds good for this policy version only.
    pub fn policy_version(&self) -> u64 {
        self.policies.version()
    }
}

impl Denial {
    pub(crate) fn of(key: DecisionKey, closed: Closed, policies: &Policies) -> Denial {
        let why = Why { key, closed, policies: policies.clone() };
        match closed.kind {
            ClosedKind::Never => Denial::Never(why),
            ClosedKind::Absent => Denial::Absent(why),
            ClosedKind::Withheld => Denial::Withheld(why),
        }
    }

    /// Asks policy again, a dozen times or so: for whoever reviews denials, not for answering them.
    pub fn explain(&self) -> Explanation {
        let Why { key, policies, .. } = self.why();
        Explanation {
            policies: self.policies().into_iter().map(str::to_string).collect(),
            attributes: policies.reasons(key).into_iter().map(Reason::name).collect(),
        }
    }

    /// The policies that an explanation names, at no cost: a denial must not take longer than what is not there.
    pub fn policies(&self) -> Vec<&str> {
        let Why { closed, policies, .. } = self.why();
        let named = (0..u128::BITS as u16).filter(|bit| closed.policies & 1 << bit != 0);
        named.filter_map(|bit| policies.policy_id(PolicyNo(bit))).collect()
    }

    /// What was decided, for the audit record.
    pub fn key(&self) -> PackedKey {
        self.why().key.packed()
    }

    /// Whether a fresh second factor would open it, so that the answer can ask for one instead of refusing. Never said of what may
    /// not be known.
    pub fn wants_step_up(&self) -> bool {
        let Why { key, policies, .. } = self.why();
        matches!(self, Denial::Never(_)) && policies.lacking_facts_ever(key).contains(&Reason::MfaFresh)
    }

    /// What helps the person denied. It follows from who they are and what they asked for, never from what is there: what may not
    /// be known and what is not there get the same [`Denial::ADVICE_ABSENT`].
    pub fn advice(&self) -> &'static str {
        match self {
            Denial::Never(Why { key, policies, .. }) => match policies.lacking_facts_ever(key).first() {
                Some(Reason::Scope) => "This token is narrowed to other work. Use one whose scopes name this.",
                Some(Reason::MfaFresh) => "Confirm that it is you with your second factor, then try again.",
                Some(Reason::DeviceVerified) => "Use a verified device, or ask an administrator to verify this one.",
                Some(Reason::WithinHours) => "This is done within working hours.",
                Some(Reason::NetworkTrusted) => "This is done from the organization's own network.",
                Some(Reason::Licensed) => "This needs a licence in force on file. Ask whoever keeps accounts.",
                _ => {
                    "Your role does not do this, or not for the purpose given. If your work needs it, ask whoever grants roles."
                }
            },
            Denial::Absent(_) => Denial::ADVICE_ABSENT,
            Denial::Withheld(_) => {
                "This chart is not open to you. If this is an emergency, break the glass; otherwise ask its care team to add you."
            }
        }
    }

    /// Said of everything that is not there.
    pub const ADVICE_ABSENT: &'static str =
        "Nothing that you may see is at this address. Check it, or search for the patient.";

    /// never, absent or withheld: for audit and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Denial::Never(_) => "never",
            Denial::Absent(_) => "absent",
            Denial::Withheld(_) => "withheld",
        }
    }

    fn why(&self) -> &Why {
        match self {
            Denial::Never(why) | Denial::Absent(why) | Denial::Withheld(why) => why,
        }
    }
}

impl fmt::Debug for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit[redacted]")
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope[redacted]")
    }
}
