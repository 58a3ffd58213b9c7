//! One audit event: who did what to which rows, from where, for what purpose, and how it ended.
//! Borrowed, so that making and encoding one on the hot path allocates nothing but the output.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::AuditError;

pub use crate::event_codec::{DECISIONS_MAX, DETAIL_BYTES_MAX, LONG_TEXT_BYTES_MAX, OBJECTS_MAX, TEXT_BYTES_MAX, clip};

/// Names, row numbers and queries live only here and only sealed: `Debug` prints none of them.
#[derive(Clone, PartialEq)]
pub struct Event<'a> {
    pub time_ms: u64,
    pub action: Action,
    pub outcome: Outcome<'a>,
    pub purpose: Purpose,
    pub who: Who<'a>,
    pub whence: Whence<'a>,
    /// Rows disclosed, written or asked for.
    pub objects: Cow<'a, [Object]>,
    pub search: Option<Search<'a>>,
    /// Matches of a search, lines of an export, noise aggregated into this event.
    pub count: Option<u64>,
    /// The view (minimum-necessary projection) that the answer was cut to.
    pub view: Option<&'a str>,
    /// Set when the glass was broken: the reason the person gave.
    pub break_glass: Option<&'a str>,
    /// What a system event is about, by opaque id: a key, a backup, a checkpoint.
    pub subject: Option<&'a str>,
    /// The distinct decisions behind the event, so that they can be asked again of another policy version.
    pub decisions: Cow<'a, [Decided]>,
}

/// One decision as policy saw it, and how often it was made for this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The packed decision key: its meaning is access's, the log keeps it as it is.
    pub key: u128,
    pub allowed: bool,
    pub count: u32,
}

impl<'a> Event<'a> {
    pub fn new(time_ms: u64, action: Action, purpose: Purpose, who: Who<'a>) -> Self {
        Event {
            time_ms,
            action,
            outcome: Outcome::Success,
            purpose,
            who,
            whence: Whence::default(),
            objects: Cow::Borrowed(&[]),
            search: None,
            count: None,
            view: None,
            break_glass: None,
            subject: None,
            decisions: Cow::Borrowed(&[]),
        }
    }
}

impl std::fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Event({:?}, [redacted])", self.action)
    }
}

/// The caller. `user` is an opaque id; the system itself is `"system"`.
#[derive(Clone, Copy, PartialEq, Default)]
pub struct Who<'a> {
    pub user: &'a str,
    pub role: &'a str,
    /// Session or token id (never the secret).
    pub session: Option<&'a str>,
    /// The person a proxy or an app acts for.
    pub on_behalf_of: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Default)]
pub struct Whence<'a> {
    pub address: Option<IpAddr>,
    /// ISO 3166 alpha-2, when known.
    pub country: Option<[u8; 2]>,
    pub device: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub request_id: Option<&'a str>,
}

/// One row of the store. `part` is the store's bit set of the parts shown (0 = all of it).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object {
    pub row: u64,
    pub chart: u64,
    pub version: u32,
    pub type_code: u16,
    pub part: u8,
}

#[derive(Clone, Copy, PartialEq)]
pub struct Search<'a> {
    pub type_code: u16,
    pub query: &'a str,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Outcome<'a> {
    Success,
    /// The id of the policy that denied, empty when nothing permitted.
    Denied {
        policy: &'a str,
    },
    /// An HTTP-like or internal code.
    Failed {
        code: u32,
    },
}

macro_rules! coded {
    ($(#[$meta:meta])* $name:ident, $what:literal, { $($variant:ident = $code:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($variant = $code),* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            pub fn from_code(code: u8) -> Result<Self, AuditError> {
                match code {
                    $($code => Ok($name::$variant),)*
                    found => Err(AuditError::Unknown { what: $what, found: found.into() }),
                }
            }
        }
    };
}

coded!(
    /// What was done. The code is stored in leaves: never reuse one.
    Action, "action", {
        Read = 1, VRead = 2, Search = 3, History = 4, Create = 5, Update = 6, Patch = 7, Delete = 8, Export = 9,
        Everything = 10, Capabilities = 11, Transaction = 12,
        SignIn = 20, SignOut = 21, BreakGlass = 22, RoleChange = 23, AccountChange = 24, ConsentChange = 25,
        PolicyChange = 26, Noise = 27, StepUp = 28, DeviceChange = 29, TokenChange = 30, SessionEnd = 31,
        CookieReplay = 32, AlertChange = 33, Explain = 34, LabelChange = 35, DraftOpen = 36, DraftChange = 37,
        DraftDiscard = 38, AlertRead = 39,
        Start = 40, Stop = 41, Backup = 42, Restore = 43, Import = 44, KeyEvent = 45, Verify = 46, Erase = 47,
        Reseal = 48, Configure = 49, LogBirth = 50, LogRetired = 51, AuditRead = 52, Heartbeat = 53,
        Merge = 54, Unmerge = 55, Visit = 56,
        AgreementChange = 70, AgreementRead = 71, Outward = 72,
    }
);

coded!(
    /// HL7 v3 PurposeOfUse. FHIR has PATRQT where some guides write PATRQST.
    Purpose, "purpose of use", {
        Treatment = 1, EmergencyTreatment = 2, BreakTheGlass = 3, Payment = 4, Operations = 5, PatientRequest = 6,
        Research = 7, PublicHealth = 8, SystemAdministration = 9, Legal = 10, Compliance = 11, Coordination = 12,
        ClinicalTrialCare = 13, EmergencyRoom = 14, PopulationHealth = 15, ClaimAttachment = 16,
        CoverageAuthorization = 17, Coverage = 18, EligibilityDetermination = 19, EligibilityVerification =
        20, Enrollment = 21, RemittanceAdvice = 22, CareManagement = 23, Fraud = 24, Accreditation = 25,
        Directory = 26, DeliveryManagement = 27, QualityImprovement = 28, Labeling = 29,
        PatientAdministration = 30, PatientSafety = 31, RecordsManagement = 32, Training = 33, FamilyRequest
        = 34, PowerOfAttorney = 35, SupportNetwork = 36, ClinicalTrialResearch = 37, Disaster = 38, Threat =
        39, Marketing = 40,
    }
);

impl Purpose {
    /// The code of <http://terminology.hl7.org/CodeSystem/v3-ActReason>.
    pub fn code(self) -> &'static str {
        match self {
            Purpose::Treatment => "TREAT",
            Purpose::EmergencyTreatment => "ETREAT",
            Purpose::BreakTheGlass => "BTG",
            Purpose::Payment => "HPAYMT",
            Purpose::Operations => "HOPERAT",
            Purpose::PatientRequest => "PATRQT",
            Purpose::Research => "HRESCH",
            Purpose::PublicHealth => "PUBHLTH",
            Purpose::SystemAdministration => "HSYSADMIN",
            Purpose::Legal => "HLEGAL",
            Purpose::Compliance => "HCOMPL",
            Purpose::Coordination => "COC",
            Purpose::ClinicalTrialCare => "CLINTRL",
            Purpose::EmergencyRoom => "ERTREAT",
            Purpose::PopulationHealth => "POPHLTH",
            Purpose::ClaimAttachment => "CLMATTCH",
            Purpose::CoverageAuthorization => "COVAUTH",
            Purpose::Coverage => "COVERAGE",
            Purpose::EligibilityDetermination => "ELIGDTRM",
            Purpose::EligibilityVerification => "ELIGVER",
            Purpose::Enrollment => "ENROLLM",
            Purpose::RemittanceAdvice => "REMITADV",
            Purpose::CareManagement => "CAREMGT",
            Purpose::Fraud => "FRAUD",
            Purpose::Accreditation => "HACCRED",
            Purpose::Directory => "HDIRECT",
            Purpose::DeliveryManagement => "HDM",
            Purpose::QualityImprovement => "HQUALIMP",
            Purpose::Labeling => "LABELING",
            Purpose::PatientAdministration => "PATADMIN",
            Purpose::PatientSafety => "PATSFTY",
            Purpose::RecordsManagement => "RECORDMGT",
            Purpose::Training => "TRAIN",
            Purpose::FamilyRequest => "FAMRQT",
            Purpose::PowerOfAttorney => "PWATRNY",
            Purpose::SupportNetwork => "SUPNWK",
            Purpose::ClinicalTrialResearch => "CLINTRCH",
            Purpose::Disaster => "DISASTER",
            Purpose::Threat => "THREAT",
            Purpose::Marketing => "HMARKT",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Purpose::ALL.iter().copied().find(|purpose| purpose.code() == code)
    }
}
