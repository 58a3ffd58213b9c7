//! What identity refuses. No message tells whether an account exists, and none carries a value.

use access::Action;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("setting: {0}")]
    Setting(&'static str),
    #[error("there is no such {0}")]
    Unknown(&'static str),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the caller may not {}", .0.name())]
    NotPermitted(Action),
    #[error("a fresh verification of the person is needed")]
    StepUp,
    #[error("a second person has to do this")]
    NotByOneself,
    #[error("the code or link is not valid, or no longer")]
    NoSuchCode,
    #[error("too many attempts: wait {seconds} s")]
    Wait { seconds: u32 },
    #[error("too many people sign in at this moment")]
    Busy,
    #[error("a stored entry cannot be read")]
    Stored,
    #[error("what was asked for is not audited, so it does not happen: {0}")]
    Audit(#[from] audit::AuditError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Crypto(#[from] crypto::CryptoError),
    #[error("the identity task ended early")]
    Ended,
}

/// Why somebody does not get in. The same for unknown accounts, wrong passwords and spent codes.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefusal {
    #[error("this does not match")]
    DoesNotMatch,
    #[error("too many attempts: wait {seconds} s")]
    Wait { seconds: u32 },
    /// The Argon2 pool and its queue are full.
    #[error("too many people sign in at this moment")]
    Busy,
    /// The ticket of the first step is unknown or has expired: begin again.
    #[error("the sign-in took too long")]
    Expired,
    /// Both factors were right, and the device was reported lost or retired.
    #[error("this device may not be used any more")]
    DeviceRefused,
    #[error(transparent)]
    Unavailable(#[from] IdentityError),
}

/// Why a cookie does not open a session.
#[derive(Debug, thiserror::Error)]
pub enum SessionRefusal {
    /// Never was, was ended, or has expired.
    #[error("there is no such session")]
    Unknown,
    /// This connection has not proven the device key: sign `challenge` and call `prove`.
    #[error("this connection has not proven its device")]
    Unproven { challenge: String },
    /// The cookie came from elsewhere than it was given to.
    #[error("this session belongs to another device")]
    OtherDevice,
    #[error(transparent)]
    Unavailable(#[from] IdentityError),
}
