//! What an organization decides about sign-in, and what the world hands in: clock, randomness, policy, geography.

use std::net::IpAddr;
use std::sync::Arc;

use access::{Action, Caller};
use crypto::CryptoError;

use crate::{Hours, IdentityError, Networks};

/// Minutes without activity after which no configuration keeps a session.
pub const IDLE_MINUTES_MAX: u32 = 30;
pub const IDLE_MINUTES: u32 = 15;
pub const ABSOLUTE_HOURS: u32 = 12;
pub const ABSOLUTE_HOURS_MAX: u32 = 24;
const MINUTE_MS: i64 = 60_000;

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// Fills from a cryptographic generator.
pub type Random = Arc<dyn Fn(&mut [u8]) -> Result<(), CryptoError> + Send + Sync>;
/// ISO 3166 alpha-2 of an address; none where nothing is known, which is never "the same".
pub type Country = Arc<dyn Fn(IpAddr) -> Option<[u8; 2]> + Send + Sync>;
/// Whether policy lets the caller do this act of administration.
pub type May = Arc<dyn Fn(&Caller, Action) -> bool + Send + Sync>;
/// The keyed hash of a family name, as the record computes it of patients.
pub type Family = Arc<dyn Fn(&str) -> u64 + Send + Sync>;
/// Counts an attempt that is not told one by one.
pub type Noise = Arc<dyn Fn(IpAddr) + Send + Sync>;

pub struct Settings {
    /// What authenticators show, and a word that no password may be.
    pub organization: String,
    /// Where the pages are: `https://clinic.example`, with a port if it is not 443.
    pub origin: String,
    /// The WebAuthn relying party id: the host of `origin` or a domain above it. Passkeys are bound to it for ever.
    pub rp_id: String,
    pub idle_minutes: u32,
    pub absolute_hours: u32,
    pub hours: Hours,
    pub networks: Networks,
    /// Argon2 computations at once: as many as cores.
    pub cores: usize,
    pub country: Country,
    pub clock: Clock,
    pub random: Random,
    pub may: May,
    pub family: Family,
    pub noise: Noise,
}

impl Settings {
    /// An organization that is open round the clock and names no networks. Nobody may administer until `may` is set.
    pub fn new(organization: &str, origin: &str, rp_id: &str, clock: Clock) -> Self {
        Self {
            organization: organization.to_owned(),
            origin: origin.to_owned(),
            rp_id: rp_id.to_owned(),
            idle_minutes: IDLE_MINUTES,
            absolute_hours: ABSOLUTE_HOURS,
            hours: Hours::always(),
            networks: Networks::default(),
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            country: Arc::new(|_| None),
            clock,
            random: Arc::new(crypto::random),
            may: Arc::new(|_, _| false),
            family: Arc::new(|_| 0),
            noise: Arc::new(|_| ()),
        }
    }

    pub(crate) fn check(&self) -> Result<(), IdentityError> {
        if !(1..=IDLE_MINUTES_MAX).contains(&self.idle_minutes) {
            return Err(IdentityError::Setting("sessions may be idle for 1 to 30 minutes"));
        }
        if !(1..=ABSOLUTE_HOURS_MAX).contains(&self.absolute_hours) {
            return Err(IdentityError::Setting("sessions may last for 1 to 24 hours"));
        }
        if !self.origin.starts_with("https://") {
            return Err(IdentityError::Setting("the origin is an https URL"));
        }
        Ok(())
    }

    pub(crate) fn idle_ms(&self) -> i64 {
        i64::from(self.idle_minutes) * MINUTE_MS
    }

    pub(crate) fn absolute_ms(&self) -> i64 {
        i64::from(self.absolute_hours) * 60 * MINUTE_MS
    }
}
