//! Security guidance (45 CFR 164.308(a)(5)): who has said that they read which version of it, for which of their jobs, and when
//! they are to read it again. The words themselves are the pages'.

use access::{Role, RoleSet, UserId};
use audit::Action;
use audit::event::Outcome;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::event::Actor;
use crate::{Connection, Identity, IdentityError, Session};

/// Rises with every change of the words that asks for reading them again.
pub const GUIDANCE_VERSION: u32 = 1;
/// Once read it holds for a year.
const GUIDANCE_DAYS: i64 = 365;
const DAY_MS: i64 = 86_400_000;

/// Whom a part of the guidance is for. Numbers are stored and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever works here.
    Workforce = 1,
    /// Who cares for patients and opens their charts.
    Care = 2,
    /// Who speaks with people who come and call.
    Desk = 4,
    /// Who keeps accounts, policies, exports and the log.
    Keepers = 8,
    /// Patients, and who stands for them.
    Patients = 16,
}

const AUDIENCES: [Audience; 5] =
    [Audience::Workforce, Audience::Care, Audience::Desk, Audience::Keepers, Audience::Patients];

/// What somebody said that they read.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Acknowledged {
    version: u32,
    audiences: u8,
    at_ms: i64,
}

/// What somebody is to read, and whether they have.
#[derive(Clone, Debug)]
pub struct Guidance {
    pub audiences: Vec<Audience>,
    pub is_due: bool,
    /// When it was last acknowledged, in whatever version.
    pub acknowledged_ms: Option<i64>,
    pub acknowledged_version: Option<u32>,
}

impl Identity {
    pub fn guidance(&self, user: UserId) -> Result<Guidance, IdentityError> {
        let account = self.account(user.0)?;
        let now_ms = self.now_ms();
        let wanted = audiences(account.profile.roles(now_ms));
        Ok(Guidance {
            audiences: AUDIENCES.into_iter().filter(|one| wanted & *one as u8 != 0).collect(),
            is_due: account.is_guidance_due(now_ms),
            acknowledged_ms: account.guidance.map(|held| held.at_ms),
            acknowledged_version: account.guidance.map(|held| held.version),
        })
    }

    /// The person says that they read what is theirs to read now.
    pub async fn acknowledge_guidance(&self, session: &Session, from: &Connection<'_>) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        self.live_by_number(session.number)?;
        let now_ms = self.now_ms();
        let mut next = Account::clone(&*self.account(session.user.0)?);
        next.guidance = Some(Acknowledged::of(&next, now_ms));
        let user = session.user.0;
        let actor = Actor::person(&next.profile, now_ms).in_session(session.number, session.device);
        let what = format!("user {user}: acknowledged guidance {GUIDANCE_VERSION}");
        let event = self.evidence(Action::AccountChange, Outcome::Success, &actor, from, &what)?;
        let put = self.put_account(&next)?;
        let identity = self.clone();
        self.commit(pen, vec![event], vec![put], move |state| state.put_account(next, identity.hashes())).await
    }
}

impl Account {
    /// Nobody without a role reads anything: nothing opens to them.
    pub(crate) fn is_guidance_due(&self, now_ms: i64) -> bool {
        let wanted = audiences(self.profile.roles(now_ms));
        wanted != 0
            && self.guidance.is_none_or(|held| {
                held.version != GUIDANCE_VERSION
                    || wanted & !held.audiences != 0
                    || now_ms - held.at_ms >= GUIDANCE_DAYS * DAY_MS
            })
    }
}

impl Acknowledged {
    pub(crate) fn of(account: &Account, now_ms: i64) -> Self {
        Self { version: GUIDANCE_VERSION, audiences: audiences(account.profile.roles(now_ms)), at_ms: now_ms }
    }
}

fn audiences(roles: RoleSet) -> u8 {
    roles.iter().map(of_role).fold(0, |all, one| all | one)
}

fn of_role(role: Role) -> u8 {
    use Audience::{Care, Desk, Keepers, Patients, Workforce};
    match role {
        Role::Physician | Role::Psychiatrist | Role::Nurse | Role::MedicalAssistant | Role::Pharmacist => {
            Workforce as u8 | Care as u8
        }
        Role::FrontDesk | Role::Billing => Workforce as u8 | Desk as u8,
        Role::Admin | Role::PrivacyOfficer | Role::Auditor => Workforce as u8 | Keepers as u8,
        Role::Patient | Role::Proxy => Patients as u8,
        // Programs read nothing.
        Role::Research | Role::Integration => 0,
    }
}
