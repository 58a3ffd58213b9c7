//! The rules: each a small state machine over what the log says, with the event's time for a clock.

pub mod after_hours;
pub mod look_ups;
pub mod noise;
pub mod places;
pub mod sign_ins;
pub mod single;
pub mod stalled;
pub mod volume;
pub mod window;

use audit::LeafIndex;
use serde::{Deserialize, Serialize};

use access::Role;

/// What a rule says once.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    pub time_ms: u64,
    /// The events it rests on, the last one last; none for what no event says.
    pub leaves: Vec<LeafIndex>,
    /// Login, address or `system`: what it is counted by.
    pub subject: String,
    /// Logins it is about beside the subject: they neither take nor close it.
    pub about: Vec<String>,
    /// The account it is about, where the event names it by number.
    pub about_user: Option<u64>,
    pub chart: Option<u64>,
    pub count: u64,
    /// What happened, in closed words and numbers.
    pub words: String,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $severity:ident, $owner:ident, $does:literal;)*) => {
        /// What the log is watched for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Rule { $($(#[$doc])* #[serde(rename = $name)] $rule),* }

        impl Rule {
            pub const ALL: &'static [Rule] = &[$(Rule::$rule),*];

            pub const fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name),* }
            }

            /// The usual one; a finding may raise or lower it.
            pub const fn severity(self) -> Severity {
                match self { $(Rule::$rule => Severity::$severity),* }
            }

            /// Whose it is until somebody takes it.
            pub const fn owner(self) -> Role {
                match self { $(Rule::$rule => Role::$owner),* }
            }

            /// One sentence for who reviews.
            pub const fn describe(self) -> &'static str {
                match self { $(Rule::$rule => $does),* }
            }

            pub fn from_name(name: &str) -> Option<Rule> {
                match name { $($name => Some(Rule::$rule),)* _ => None }
            }
        }
    };
}

rules! {
    FailedSignIns = "failed-sign-ins", Medium, Admin, "One account failed to sign in again and again.";
    FailedByAddress = "failed-sign-ins-by-address", High, Admin, "One address failed at many accounts.";
    NewCountry = "new-country", Medium, PrivacyOfficer, "An account was used from a country it was never used from.";
    LargeReads = "large-reads", High, PrivacyOfficer, "Somebody opened more charts or rows than the role needs.";
    LargeExport = "large-export", High, PrivacyOfficer, "An export is larger than the role needs.";
    SameName = "same-name-look-up", Medium, PrivacyOfficer, "Somebody opened the chart of a patient who bears their name and whom they do not treat.";
    CoWorker = "co-worker-look-up", Medium, PrivacyOfficer, "Somebody opened the chart of a co-worker whom they do not treat.";
    Vip = "vip-look-up", High, PrivacyOfficer, "Somebody opened the chart of a person in the public eye whom they do not treat.";
    AfterHours = "after-hours", Low, PrivacyOfficer, "Somebody of the workforce opened charts outside working hours.";
    BreakGlass = "break-glass", High, PrivacyOfficer, "The glass was broken for a chart: every time is reviewed.";
    CookieReplay = "cookie-replay", High, Admin, "A session's cookie came from where its device is not.";
    RoleGrant = "role-grant", Medium, PrivacyOfficer, "An account was given a role, or somebody tried to give one against the rules.";
    LogVerification = "log-verification", Critical, Admin, "The audit log or the record does not verify.";
    StalledAudit = "stalled-audit", Critical, Admin, "The audit log takes no events or is not anchored.";
    OperatorCommand = "operator-command", Medium, PrivacyOfficer, "Somebody worked on the data directory past the server.";
    NoiseBurst = "noise-burst", Medium, Admin, "Many requests without a valid token came from one address.";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl Finding {
    /// A finding that rests on one event and is about its user.
    pub(crate) fn about(rule: Rule, seen: &crate::Seen, words: impl Into<String>) -> Finding {
        Finding {
            rule,
            severity: rule.severity(),
            time_ms: seen.time_ms,
            leaves: vec![seen.leaf],
            subject: if seen.user.is_empty() { "nobody".to_owned() } else { seen.user.clone() },
            about: Vec::new(),
            about_user: None,
            chart: None,
            count: 1,
            words: words.into(),
        }
    }
}

impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Finding({}, {:?}, {:?})", self.rule.name(), self.severity, self.leaves)
    }
}
