//! Who runs an offline command and why: a named person, in the role that the command needs, audited like everyone.

use std::net::{IpAddr, Ipv4Addr};

use access::{Caller, CallerParts, Facts, Purpose, Role, RoleSet, UserId};
use crypto::EnvironmentClass;

use crate::ServerError;
use crate::assembly::House;
use crate::cli::ProofArgs;
use crate::clock::Clock;

/// Operators have no account yet: their name says who they are.
const OPERATOR: UserId = UserId(0);

#[derive(Debug, Clone, clap::Args)]
pub struct OperatorArgs {
    /// Who runs this command, for the audit log [default: the account of the operating system]
    #[arg(long, value_name = "NAME", env = "WARDSTONE_OPERATOR")]
    pub operator: Option<String>,
    /// Why, for the audit log and for who reviews it; production asks for it and for --operator
    #[arg(long, value_name = "TEXT", env = "WARDSTONE_REASON")]
    pub reason: Option<String>,
}

/// Who works on a directory while no server runs, and why. It is in the audit log, and an alert tells of it.
#[derive(Debug, Clone)]
pub struct Operator {
    pub name: String,
    pub reason: String,
}

impl Operator {
    /// What an event is about, with the reason.
    pub fn because(&self, what: &str) -> String {
        let subject = format!("{what}; reason: {}", self.reason);
        audit::event::clip(&subject, audit::event::TEXT_BYTES_MAX).to_owned()
    }
}

/// Who takes ePHI out or in proves to be who they say, where there are accounts.
#[derive(Debug, Clone, clap::Args)]
pub struct PersonArgs {
    /// Your login: password and one-time code are asked for. Production asks for it once it has accounts
    #[arg(long = "as", value_name = "LOGIN")]
    login: Option<String>,
    #[command(flatten)]
    proof: ProofArgs,
}

impl PersonArgs {
    /// The operator, proven: both factors, and one of the roles. The proof is in the log.
    pub async fn prove(&self, house: &House, operator: Operator, roles: &[Role]) -> Result<Operator, ServerError> {
        let has_accounts =
            house.identity.accounts().iter().any(|profile| profile.state == ::identity::AccountState::Active);
        let Some(login) = &self.login else {
            if house.class == EnvironmentClass::Production && has_accounts {
                return Err(ServerError::Usage("say who you are and prove it: --as LOGIN".into()));
            }
            return Ok(operator);
        };
        let (password, code) = (self.proof.password()?, self.proof.code()?);
        let proven = house.identity.verify_person(login, &password, &code).await;
        let person = proven.map_err(|refusal| ServerError::Refused(format!("not proven: {refusal}")))?;
        if !roles.iter().any(|role| person.roles.contains(*role)) {
            let outcome = audit::Outcome::Denied { policy: "" };
            let subject = operator.because("role is missing");
            house.note_outcome(audit::Action::SignIn, &person.login, Some(&subject), None, outcome).await?;
            return Err(ServerError::Refused("your roles do not allow this".into()));
        }
        Ok(Operator { name: person.login, ..operator })
    }
}

impl OperatorArgs {
    /// Production is told who and why. A demo's data is nobody's.
    pub fn named(&self, class: EnvironmentClass) -> Result<Operator, ServerError> {
        let given = |text: &Option<String>| text.as_deref().map(str::trim).is_some_and(|text| !text.is_empty());
        if class == EnvironmentClass::Production && !(given(&self.operator) && given(&self.reason)) {
            return Err(ServerError::Usage("say who works on this data and why: --operator NAME --reason TEXT".into()));
        }
        let reason = self.reason.clone().filter(|_| given(&self.reason)).unwrap_or_else(|| "demo".to_owned());
        Ok(Operator { name: self.name(), reason })
    }

    fn name(&self) -> String {
        self.operator.clone().unwrap_or_else(|| {
            let uid = rustix::process::getuid().as_raw();
            let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            let found = passwd.lines().find_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
            });
            found.unwrap_or_else(|| format!("uid {uid}"))
        })
    }
}

/// A caller that works for the operator in one role and purpose.
pub fn caller(operator: &str, role: Role, purpose: Purpose, clock: &Clock) -> Result<Caller, ServerError> {
    let parts = CallerParts {
        user: OPERATOR,
        login: operator.to_owned(),
        roles: RoleSet::of(role),
        purpose,
        own_chart: None,
        proxies: Vec::new(),
        broken_glass: Vec::new(),
        scopes: None,
        practitioner: None,
        family: None,
        session: 0,
        device: None,
        facts: Facts::GOOD,
        network: IpAddr::V4(Ipv4Addr::LOCALHOST),
        country: None,
        user_agent: concat!("wardstone/", env!("CARGO_PKG_VERSION")).to_owned(),
        request_id: u128::from_be_bytes(crypto::random_array()?),
        time_ms: clock(),
    };
    Ok(Caller::established(parts)?)
}
