//! Who is there: accounts, what proves a person, sessions bound to devices, tokens.
//!
//! Everything is in memory and written through to the desk; a request costs one keyed hash and a look-up. Every change is an
//! audit event first, then the desk's, then the memory's: what cannot be audited does not happen.

mod account;
mod accounts;
mod caller;
mod colleagues;
mod demo;
mod device;
mod ended;
mod enrol;
mod error;
mod event;
mod factors;
mod glass;
mod guidance;
mod hold;
mod hours;
mod networks;
mod open;
mod own;
mod passkey;
mod password;
mod patients;
mod pool;
mod recover;
mod roles;
mod secret;
mod session;
mod settings;
mod sign_in;
mod state;
mod step_up;
mod sweep;
mod throttle;
mod token;
mod visit_passkey;
mod visit_passkeys_kept;
mod visitor;

pub use account::{AccountState, HeldProxy, IdentityCheck, Kind, Licence, Profile, RoleGrant, is_npi};
pub use accounts::{Invited, NewAccount};
pub use colleagues::Colleague;
pub use demo::{DemoOnly, SeedAccount, Seeded};
pub use device::{DeviceClaim, DeviceView};
pub use ended::Ended;
pub use enrol::{EnrolRefusal, Enrolment, TotpSetup};
pub use error::{IdentityError, SessionRefusal, SignInRefusal};
pub use glass::GlassView;
pub use guidance::{Audience, GUIDANCE_VERSION, Guidance};
pub use hold::Hold;
pub use hours::Hours;
pub use networks::Networks;
pub use open::Identity;
pub use own::{PasskeyView, ProofsView};
pub use passkey::PasskeyOptions;
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordRefusal};
pub use patients::PatientToActivate;
pub use roles::Recertification;
pub use session::{Remaining, Renewed, Session, SessionView};
pub use settings::{
    ABSOLUTE_HOURS, ABSOLUTE_HOURS_MAX, Clock, Country, Family, IDLE_MINUTES, IDLE_MINUTES_MAX, May, Noise, Random,
    Settings,
};
pub use sign_in::{FirstFactor, Person, SignedIn};
pub use state::DeviceState;
pub use token::{IssuedToken, NewToken, TOKEN_PREFIX, TokenView};
pub use visit_passkey::{NONCE_BYTES, VisitPatient, VisitProof};
pub use visit_passkeys_kept::{REASON_CHARS_MAX, REASON_CHARS_MIN, VisitPasskeyView};
pub use visitor::{VISITOR, Visitor};

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// Where a request comes from.
#[derive(Clone, Copy)]
pub struct Connection<'a> {
    /// The number that the listener gave this TLS connection: never used twice while the process runs.
    pub number: u64,
    pub address: IpAddr,
    pub user_agent: &'a str,
    pub request_id: u128,
}

impl Connection<'static> {
    /// For commands on the machine itself.
    pub const LOCAL: Connection<'static> = Connection {
        number: 0,
        address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: "wardstone command line",
        request_id: 0,
    };
}

/// A panic while holding one of our locks leaves values that are whole: each is changed in one statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
