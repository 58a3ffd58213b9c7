//! The policies in force: the only door through which a permit or a scope is had.

use std::fmt;
use std::sync::Arc;

use crate::action::Action;
use crate::cache::Cache;
use crate::caller::Caller;
use crate::engine::{Engine, Ruling};
use crate::error::AccessError;
use crate::key::{DecisionKey, Object, Relations, Standing, TypeRef};
use crate::labels::Labels;
use crate::outcome::{Charts, Denial, Permit, PolicyNo, Reason, Scope};
use crate::views::View;

/// A policy set, validated against the schema, with the decisions it has made. Cheap to clone.
#[derive(Clone)]
pub struct Policies(Arc<InForce>);

/// One policy file.
#[derive(Clone, Copy, Debug)]
pub struct PolicySource<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Policies {
    /// The policies that the product ships.
    pub fn embedded() -> Result<Policies, AccessError> {
        Policies::load(&EMBEDDED)
    }

    /// Fails on anything the strict validator finds, warnings included.
    pub fn load(sources: &[PolicySource<'_>]) -> Result<Policies, AccessError> {
        let engine = Engine::load(SCHEMA, sources)?;
        Ok(Policies(Arc::new(InForce { engine, cache: Cache::new(), version: version_of(sources) })))
    }

    /// The shipped policy files, for who wants to load them with a change.
    pub fn sources() -> &'static [PolicySource<'static>] {
        &EMBEDDED
    }

    /// Decides one action on one resource. Comes before every existence, precondition and deletion check.
    pub fn decide(&self, caller: &Caller, action: Action, object: &Object) -> Result<Permit, Denial> {
        self.decide_for(&Standing::of(caller), action, object)
    }

    /// Decides a search of one type (or [`TypeRef::SYSTEM`]), or any other action that has many answers.
    /// A chart-wide action on one chart ([`Action::Everything`]) is decided with [`Policies::decide`] first.
    pub fn scope(&self, caller: &Caller, action: Action, kind: TypeRef) -> Result<Scope, Denial> {
        let standing = Standing::of(caller);
        let (mut charts, mut key) = (Charts::All, standing.key_of(action, kind));
        let mut ruling = self.rule(&key);
        // Who may not search the whole record may be allowed what is close: the own chart, a ward's, those one treats.
        let near = standing.near_charts();
        let mut closer = Vec::new();
        if standing.own_chart().is_some() {
            closer.push((Charts::Only(near.clone().into()), Relations::SELF_CHART));
        }
        if near.len() > usize::from(standing.own_chart().is_some()) {
            closer.push((Charts::Only(near.into()), Relations::PROXY));
        }
        closer.push((Charts::Related, Relations::TREATING));
        closer.push((Charts::Related, Relations::RESEARCH_CONSENT));
        for (reached, relations) in closer {
            if matches!(ruling, Ruling::Open { .. }) {
                break;
            }
            (charts, key) = (reached, DecisionKey { relations, ..key });
            ruling = self.rule(&key);
        }
        match ruling {
            Ruling::Open { view, categories, policy } => {
                let excluded = self.closed_labels(&standing, action, kind);
                let opened = (view, categories, policy);
                Ok(Scope::granted(self.clone(), standing, action, kind, charts, excluded, opened))
            }
            Ruling::Closed(closed) => Err(Denial::of(key, closed, self)),
        }
    }

    /// Whether the caller may ever do this to any resource of the type: what to ask when there is no row to decide.
    /// `Ok` means "answer as for an absent resource".
    pub fn ever(&self, caller: &Caller, action: Action, kind: TypeRef) -> Result<(), Denial> {
        match self.decide_for(&Standing::of(caller), action, &Object::of(kind, None, None)) {
            Err(denial @ Denial::Never(_)) => Err(denial),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// What these policies say to a key that was decided before, by whatever version.
    pub fn again(&self, key: &DecisionKey) -> Result<View, Denial> {
        match self.rule(key) {
            Ruling::Open { view, .. } => Ok(view),
            Ruling::Closed(closed) => Err(Denial::of(*key, closed, self)),
        }
    }

    /// Changes with every change of a policy text; binds cursors.
    pub fn version(&self) -> u64 {
        self.0.version
    }

    pub fn policy_id(&self, policy: PolicyNo) -> Option<&str> {
        self.0.engine.id_of(policy)
    }

    /// Every policy with what it says of itself.
    pub fn describe(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.engine.ids()
    }

    pub(crate) fn decide_for(&self, standing: &Standing, action: Action, object: &Object) -> Result<Permit, Denial> {
        let key = standing.key(action, object);
        match self.rule(&key) {
            Ruling::Open { view, categories, policy } => {
                Ok(Permit::granted(standing, &key, object, view, categories, policy))
            }
            Ruling::Closed(closed) => Err(Denial::of(key, closed, self)),
        }
    }

    pub(crate) fn reasons(&self, key: &DecisionKey) -> Vec<Reason> {
        self.0.engine.reasons(key)
    }

    pub(crate) fn lacking_facts(&self, key: &DecisionKey) -> Vec<Reason> {
        self.0.engine.lacking_facts(key)
    }

    fn rule(&self, key: &DecisionKey) -> Ruling {
        if let Some(ruling) = self.0.cache.get(key) {
            return ruling;
        }
        let ruling = self.0.engine.rule(key);
        self.0.cache.put(key, ruling);
        ruling
    }

    /// Labels that stay closed however close the caller stands to the resource.
    fn closed_labels(&self, standing: &Standing, action: Action, kind: TypeRef) -> Labels {
        let closest = standing.key_closest(action, kind);
        let labels = Labels::ALL.without(Labels::OF_ELEMENTS).iter();
        labels
            .filter(|label| matches!(self.rule(&DecisionKey { labels: *label, ..closest }), Ruling::Closed(_)))
            .fold(Labels::NONE, Labels::union)
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policies {:016x}", self.0.version)
    }
}

struct InForce {
    engine: Engine,
    cache: Cache,
    version: u64,
}

const SCHEMA: &str = include_str!("../../../policies/wardstone.cedarschema");

macro_rules! embedded {
    ($($file:literal),+ $(,)?) => {
        [$(PolicySource { file: $file, text: include_str!(concat!("../../../policies/", $file)) }),+]
    };
}

static EMBEDDED: [PolicySource<'static>; 11] = embedded!(
    "common.cedar",
    "physician.cedar",
    "nurse.cedar",
    "billing.cedar",
    "front_desk.cedar",
    "patient.cedar",
    "admin.cedar",
    "auditor.cedar",
    "integration.cedar",
    "break_glass.cedar",
    "safeguards.cedar",
);

/// FNV-1a over the schema, the tables and the policies: tells versions apart, protects nothing.
fn version_of(sources: &[PolicySource<'_>]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut mix = |text: &str| {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    mix(SCHEMA);
    mix(include_str!("../../../policies/types.txt"));
    crate::views::sources().for_each(&mut mix);
    sources.iter().for_each(|source| mix(source.text));
    hash
}
