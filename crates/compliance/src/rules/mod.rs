//! The rules: events of the audit log in, findings out. Pure: the clock is the events' own time.

mod acts;
mod curiosity;
mod hours;
mod limits;
mod noise;
mod places;
mod sign_ins;
mod stall;
mod volume;
mod window;

use access::{DecisionKey, PackedKey, RoleSet};
use audit::event::Outcome;
use audit::{Event, LeafIndex};
use serde::{Deserialize, Serialize};
use store::desk::EntryKey;

use crate::alert::{About, Severity};
use crate::{ComplianceError, keep};

pub use limits::{Limits, Volume};
pub(crate) use places::Remembered;
pub use stall::Stall;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// How far back events have to be seen again for the rules to stand where they stood; what is older is kept by name
/// (the places a person was seen at).
pub(crate) const WARM_MS: u64 = DAY_MS + HOUR_MS;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $word:literal, $owner:ident, $lasts_ms:expr, $says:literal, $counts:literal;)+) => {
        /// What is looked for. The words are those of `docs/alerts.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Rule { $($(#[$doc])* $rule),+ }

        impl Rule {
            pub const ALL: &'static [Rule] = &[$(Rule::$rule),+];

            pub fn name(self) -> &'static str {
                match self { $(Rule::$rule => $word),+ }
            }

            pub fn from_name(name: &str) -> Option<Rule> {
                match name { $($word => Some(Rule::$rule),)+ _ => None }
            }

            /// Whose it is to look after.
            pub fn owner(self) -> OwnerRole {
                match self { $(Rule::$rule => OwnerRole::$owner),+ }
            }

            /// How long after its last event an alert takes in more of the same; 0 where each stands for itself.
            pub fn lasts_ms(self) -> u64 {
                match self { $(Rule::$rule => $lasts_ms),+ }
            }

            pub fn says(self) -> &'static str {
                match self { $(Rule::$rule => $says),+ }
            }

            /// What an alert's count counts.
            pub fn counts(self) -> &'static str {
                match self { $(Rule::$rule => $counts),+ }
            }
        }
    };
}

rules! {
    /// One account, many failures, wherever from.
    FailedSignIns = "failed_sign_ins", Admin, HOUR_MS, "repeated failed sign-ins to one account", "failures";
    /// One address, failures for many accounts.
    SprayedSignIns = "sprayed_sign_ins", Admin, HOUR_MS, "failed sign-ins to many accounts from one address", "accounts";
    NewCountry = "new_country", Admin, DAY_MS, "a person acts from a country for the first time", "sessions";
    UnknownCountry = "unknown_country", Admin, DAY_MS, "a person acts from an address of unknown country", "sessions";
    LargeReads = "large_reads", PrivacyOfficer, DAY_MS, "more charts or rows were opened than the role's limit", "opened";
    LargeExports = "large_exports", PrivacyOfficer, DAY_MS, "more was exported or downloaded than the role's limit", "rows";
    SameName = "same_name", PrivacyOfficer, DAY_MS, "a chart of somebody with the same family name was opened", "events";
    CoWorker = "co_worker", PrivacyOfficer, DAY_MS, "a co-worker's chart was opened", "events";
    Vip = "vip", PrivacyOfficer, DAY_MS, "the chart of a person of public interest was opened", "events";
    AfterHours = "after_hours", PrivacyOfficer, 12 * HOUR_MS, "charts were opened after hours", "charts";
    /// Each use is reviewed by itself (164.312(a)(2)(ii)).
    BreakGlass = "break_glass", PrivacyOfficer, 0, "the glass was broken", "";
    CookieReplay = "cookie_replay", Admin, HOUR_MS, "a session's cookie was used elsewhere", "tries";
    RoleGrant = "role_grant", PrivacyOfficer, 0, "a role was granted", "";
    LogVerification = "log_verification", PrivacyOfficer, 0, "the audit log did not verify", "";
    DocumentDamaged = "document_damaged", PrivacyOfficer, 0, "a stored document does not match its hash", "";
    AuditStalled = "audit_stalled", Admin, DAY_MS, "the audit log stands still", "checks";
    OperatorCommand = "operator_command", Admin, DAY_MS, "commands were run on the machine", "commands";
    Noise = "noise", Admin, HOUR_MS, "a burst of requests without a valid sign-in", "requests";
    /// Fed by the calendar (45 CFR 164.308(b)).
    AgreementExpiring = "agreement_expiring", PrivacyOfficer, 0, "a business associate agreement expires soon", "";
    AgreementExpired = "agreement_expired", PrivacyOfficer, 0, "a business associate agreement has expired", "";
    /// Fed by the configuration and the calendar.
    PartyUncovered = "party_uncovered", PrivacyOfficer, DAY_MS, "a vendor is configured that no agreement in force covers", "looks";
}

/// The role that looks after a rule's alerts; the privacy officer may look after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerRole {
    PrivacyOfficer,
    Admin,
}

impl OwnerRole {
    pub fn name(self) -> &'static str {
        match self {
            OwnerRole::PrivacyOfficer => "privacy_officer",
            OwnerRole::Admin => "admin",
        }
    }

    pub fn from_name(name: &str) -> Option<OwnerRole> {
        [OwnerRole::PrivacyOfficer, OwnerRole::Admin].into_iter().find(|role| role.name() == name)
    }
}

/// What a rule says of one or more events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    pub about: About,
    pub evidence: Vec<LeafIndex>,
    pub first_ms: u64,
    pub last_ms: u64,
    pub count: u64,
    /// The count is of all within the rule's span, not of what is new.
    pub is_running_total: bool,
}

impl Finding {
    /// One event that says it all.
    fn of(rule: Rule, severity: Severity, seen: Seen<'_>, about: About) -> Finding {
        let time_ms = seen.event.time_ms;
        Finding {
            rule,
            severity,
            about,
            evidence: vec![seen.leaf],
            first_ms: time_ms,
            last_ms: time_ms,
            count: 1,
            is_running_total: false,
        }
    }

    /// An event that this version cannot read.
    pub(crate) fn unreadable(leaf: LeafIndex, time_ms: u64) -> Finding {
        Finding {
            rule: Rule::AuditStalled,
            severity: Severity::High,
            about: About { what: Some("an event cannot be read".into()), ..About::default() },
            evidence: vec![leaf],
            first_ms: time_ms,
            last_ms: time_ms,
            count: 1,
            is_running_total: false,
        }
    }

    /// Where its alert will lie on the desk: the same finding is the same alert, also when the log is read again.
    pub(crate) fn key(&self) -> EntryKey {
        let first = self.evidence.first().map_or(self.first_ms, |leaf| *leaf);
        let about = serde_json::to_vec(&self.about).unwrap_or_default();
        keep::key(&[b"alert", self.rule.name().as_bytes(), &first.to_be_bytes(), &about])
    }
}

/// One event at its place.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'e> {
    pub leaf: LeafIndex,
    pub event: &'e Event<'e>,
}

impl<'e> Seen<'e> {
    fn is_success(&self) -> bool {
        self.event.outcome == Outcome::Success
    }

    fn login(&self) -> Option<String> {
        (!self.event.who.user.is_empty()).then(|| self.event.who.user.to_owned())
    }

    /// The person who acted, for an alert about them.
    fn person(&self) -> About {
        let role = (!self.event.who.role.is_empty()).then(|| self.event.who.role.to_owned());
        About { login: self.login(), role, ..About::default() }
    }

    /// Somebody who is signed in, or a token: not the system, not who ran a command on the machine.
    fn is_signed_in(&self) -> bool {
        let who = &self.event.who;
        !who.user.is_empty() && !matches!(who.role, "" | "system" | "operator")
    }

    /// Charts of patients that the event names, each once.
    fn charts(&self) -> Vec<u64> {
        let charts =
            self.event.objects.iter().map(|object| object.chart).filter(|chart| record::is_patient_chart(*chart));
        let mut charts: Vec<u64> = charts.collect();
        charts.sort_unstable();
        charts.dedup();
        charts
    }

    /// The decisions behind the event that this version can read.
    fn decisions(&self) -> impl Iterator<Item = (DecisionKey, bool)> {
        let readable = |key| DecisionKey::unpack(PackedKey(key), |code| Some(record::types::reference(code)));
        self.event.decisions.iter().filter_map(move |made| Some((readable(made.key)?, made.allowed)))
    }
}

/// Whoever works here, and so may be curious.
fn is_workforce(roles: RoleSet) -> bool {
    use access::Role::*;
    let outside = [Patient, Proxy, Research, Integration];
    roles.iter().any(|role| !outside.contains(&role))
}

/// All rules with what they remember.
pub struct Rules {
    limits: Limits,
    now_ms: u64,
    sign_ins: sign_ins::SignIns,
    places: places::Places,
    volume: volume::Volumes,
    hours: hours::Hours,
    noise: noise::Noise,
}

impl Rules {
    /// Refuses limits that would switch a rule off.
    pub fn new(limits: Limits) -> Result<Rules, ComplianceError> {
        limits.check()?;
        Ok(Rules {
            places: places::Places::new(&limits)?,
            sign_ins: sign_ins::SignIns::new(&limits),
            volume: volume::Volumes::new(),
            hours: hours::Hours::new(),
            noise: noise::Noise::new(&limits),
            now_ms: 0,
            limits,
        })
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Events come in the order of the log. One that is dated earlier than another before it counts as of now.
    pub fn observe(&mut self, leaf: LeafIndex, event: &Event<'_>) -> Vec<Finding> {
        let seen = Seen { leaf, event };
        let now_ms = self.now_ms.max(event.time_ms);
        self.now_ms = now_ms;
        let mut out = Vec::new();
        acts::observe(seen, &mut out);
        curiosity::observe(seen, &mut out);
        self.sign_ins.observe(seen, now_ms, &self.limits, &mut out);
        self.places.observe(seen, now_ms, &mut out);
        self.volume.observe(seen, now_ms, &self.limits, &mut out);
        self.hours.observe(seen, now_ms, &self.limits, &mut out);
        self.noise.observe(seen, now_ms, &self.limits, &mut out);
        out
    }

    pub(crate) fn places(&mut self) -> &mut places::Places {
        &mut self.places
    }
}
