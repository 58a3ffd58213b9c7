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
use crate::outcome::{Charts, Closed, ClosedKind, Denial, Permit, PolicyNo, Reason, Scope};
use crate::views::View;

/// Files of one policy version.
pub const SOURCE_FILES_MAX: usize = 64;
pub const SOURCE_BYTES_MAX: usize = 256 * 1024;
/// The file that every version keeps as it is.
pub const SAFEGUARDS: &str = "safeguards.cedar";

/// A policy set, validated against the schema, with the decisions it has made. Cheap to clone.
#[derive(Clone)]
pub struct Policies(Arc<InForce>);

/// One policy file.
#[derive(Clone, Copy, Debug)]
pub struct PolicySource<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// What a policy set said last, and to what: of many objects that are mostly alike it is asked once.
#[derive(Default)]
pub struct LastRuling(Option<(u64, DecisionKey, Ruling)>);

impl Policies {
    /// The policies that the product ships.
    pub fn embedded() -> Result<Policies, AccessError> {
        Policies::load(&EMBEDDED)
    }

    /// Fails on anything the strict validator finds, warnings included.
    pub fn load(sources: &[PolicySource<'_>]) -> Result<Policies, AccessError> {
        Policies::numbered(0, sources)
    }

    /// An organization's own version. Beside the strict validation, the safeguards have to be the product's, to the byte.
    pub fn from_sources(number: u64, sources: &[PolicySource<'_>]) -> Result<Policies, AccessError> {
        let fail = |file: &str, reason: String| AccessError::Policy { file: file.to_string(), reason };
        if sources.len() > SOURCE_FILES_MAX {
            return Err(fail("*", format!("more than {SOURCE_FILES_MAX} files")));
        }
        if let Some(long) = sources.iter().find(|source| source.text.len() > SOURCE_BYTES_MAX) {
            return Err(fail(long.file, format!("more than {SOURCE_BYTES_MAX} bytes")));
        }
        let safeguards = |from: &[PolicySource<'_>]| {
            from.iter().find(|source| source.file == SAFEGUARDS).map(|source| source.text.to_string())
        };
        if safeguards(sources) != safeguards(&EMBEDDED) {
            return Err(fail(SAFEGUARDS, "has to be as the product ships it".to_string()));
        }
        Policies::numbered(number, sources)
    }

    fn numbered(number: u64, sources: &[PolicySource<'_>]) -> Result<Policies, AccessError> {
        let engine = Engine::load(SCHEMA, sources)?;
        let files = sources.iter().map(|source| (source.file.into(), source.text.into())).collect();
        let version = version_of(sources);
        Ok(Policies(Arc::new(InForce { engine, cache: Cache::new(), version, number, files })))
    }

    /// The files in force, to download, edit and propose.
    pub fn files(&self) -> impl Iterator<Item = PolicySource<'_>> {
        self.0.files.iter().map(|(file, text)| PolicySource { file, text })
    }

    /// Which version of the organization's this is; 0 for what the product ships.
    pub fn number(&self) -> u64 {
        self.0.number
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
        let plain = standing.key_of(action, kind);
        let closest = standing.key_closest(action, kind);
        let near = Relations::SELF_CHART.union(Relations::PROXY);
        let stranger = DecisionKey { relations: closest.relations.without(near), ..closest };
        // From the widest reach to the narrowest: the whole record; charts that the caller treats, wrote in or broke the glass of; the
        // own chart and those of wards.
        let reaches =
            [(plain, Charts::All), (stranger, Charts::Related), (closest, Charts::Only(standing.near_charts().into()))];
        let mut granted: Option<(Charts, (View, Labels, PolicyNo))> = None;
        let mut denied = None;
        for (key, charts) in reaches {
            match (self.rule(&key), &mut granted) {
                (Ruling::Open { view, categories, policy }, None) => {
                    granted = Some((charts, (view, categories, policy)))
                }
                (Ruling::Open { view, categories, .. }, Some((_, (wide, all, _)))) => {
                    (*wide, *all) = (wide.union(view), all.union(categories));
                }
                (Ruling::Closed(closed), _) => denied = denied.or(Some((key, closed))),
            }
        }
        match (granted, denied) {
            (None, Some((key, closed))) => Err(Denial::of(key, closed, self)),
            (None, None) => Err(Denial::of(plain, Closed { kind: ClosedKind::Never, policies: 0 }, self)),
            (Some((charts, opened)), _) => {
                let excluded = self.closed_labels([plain, stranger, closest]);
                Ok(Scope::granted(self.clone(), standing, action, kind, charts, excluded, opened))
            }
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

    /// Decides a key as the audit log keeps it: to explain a decision, or to see what another version would have said. It opens
    /// nothing.
    pub fn decide_key(&self, key: &DecisionKey) -> Result<(View, Labels), Denial> {
        match self.rule(key) {
            Ruling::Open { view, categories, .. } => Ok((view, categories)),
            Ruling::Closed(closed) => Err(Denial::of(*key, closed, self)),
        }
    }

    pub(crate) fn decide_for(&self, standing: &Standing, action: Action, object: &Object) -> Result<Permit, Denial> {
        self.decide_after(&mut LastRuling::default(), standing, action, object)
    }

    pub(crate) fn decide_after(
        &self,
        last: &mut LastRuling,
        standing: &Standing,
        action: Action,
        object: &Object,
    ) -> Result<Permit, Denial> {
        let key = standing.key(action, object);
        let ruling = match last.0 {
            Some((version, held, ruling)) if version == self.0.version && held == key => ruling,
            _ => {
                let ruling = self.rule(&key);
                last.0 = Some((self.0.version, key, ruling));
                ruling
            }
        };
        match ruling {
            Ruling::Open { view, categories, policy } => {
                Ok(Permit::granted(standing, &key, object, view, categories, policy))
            }
            Ruling::Closed(closed) => Err(Denial::of(key, closed, self)),
        }
    }

    pub(crate) fn reasons(&self, key: &DecisionKey) -> Vec<Reason> {
        self.0.engine.reasons(key)
    }

    pub(crate) fn lacking_facts_ever(&self, key: &DecisionKey) -> Vec<Reason> {
        self.0.engine.lacking_facts_ever(key)
    }

    pub(crate) fn rule(&self, key: &DecisionKey) -> Ruling {
        if let Some(ruling) = self.0.cache.get(key) {
            return ruling;
        }
        let ruling = self.0.engine.rule(key);
        self.0.cache.put(key, ruling);
        ruling
    }

    /// Labels that stay closed however close the caller stands to the resource.
    fn closed_labels(&self, keys: [DecisionKey; 3]) -> Labels {
        let closed = |labels| {
            let mut keys = keys.iter().map(|key| DecisionKey { labels, ..*key });
            keys.all(|key| matches!(self.rule(&key), Ruling::Closed(_)))
        };
        Labels::ALL.without(Labels::OF_ELEMENTS).iter().filter(|label| closed(*label)).fold(Labels::NONE, Labels::union)
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
    number: u64,
    files: Box<[(Box<str>, Box<str>)]>,
}

const SCHEMA: &str = include_str!("../../../policies/wardstone.cedarschema");

macro_rules! embedded {
    ($($file:literal),+ $(,)?) => {
        [$(PolicySource { file: $file, text: include_str!(concat!("../../../policies/", $file)) }),+]
    };
}

static EMBEDDED: [PolicySource<'static>; 19] = embedded!(
    "common.cedar",
    "clinicians.cedar",
    "physician.cedar",
    "psychiatrist.cedar",
    "nurse.cedar",
    "medical_assistant.cedar",
    "pharmacist.cedar",
    "billing.cedar",
    "front_desk.cedar",
    "patient.cedar",
    "proxy.cedar",
    "research.cedar",
    "admin.cedar",
    "auditor.cedar",
    "privacy_officer.cedar",
    "integration.cedar",
    "break_glass.cedar",
    "context.cedar",
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
