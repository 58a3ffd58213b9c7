//! Links into one visit for somebody who may have no account.
//!
//! A link is 128 random bits with one purpose, one slot and, from its first use, one browser. The entry that is kept
//! holds hashes and an opaque visit id; nothing in it or in the link says who anybody is.

use serde::{Deserialize, Serialize};

use crate::{Hashed, MINUTE_MS, Secret, TelehealthError, UnixMs};

pub const OPENS_BEFORE_MS: i64 = 30 * MINUTE_MS;
pub const CLOSES_AFTER_MS: i64 = 15 * MINUTE_MS;
/// Openings that failed (another browser, too early) before the link closes for good.
pub const ATTEMPTS_MAX: u8 = 10;
/// Longer slots are a mistake of the caller.
pub const SLOT_MS_MAX: i64 = 12 * 60 * MINUTE_MS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    Patient,
    Proxy,
    Interpreter,
    Family,
    Guest,
}

impl Purpose {
    /// For whom the visit is: who says who they are, and agrees to it. Whoever else comes the clinician names and sees.
    pub fn is_visited(self) -> bool {
        matches!(self, Self::Patient | Self::Proxy)
    }
}

/// What the server keeps of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEntry {
    /// Opaque id of the visit.
    pub visit: String,
    pub purpose: Purpose,
    secret: Hashed,
    opens_ms: UnixMs,
    closes_ms: UnixMs,
    bound: Option<Hashed>,
    failed: u8,
    revoked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// This browser is now the link's only one: keep its binding secret in a cookie.
    First,
    Again,
}

impl LinkEntry {
    pub fn new(
        visit: &str,
        purpose: Purpose,
        secret: &Secret,
        start_ms: UnixMs,
        end_ms: UnixMs,
    ) -> Result<Self, TelehealthError> {
        if end_ms <= start_ms || end_ms - start_ms > SLOT_MS_MAX {
            return Err(TelehealthError::Slot);
        }
        Ok(Self {
            visit: visit.to_owned(),
            purpose,
            secret: secret.hashed("link"),
            opens_ms: start_ms.saturating_sub(OPENS_BEFORE_MS),
            closes_ms: end_ms.saturating_add(CLOSES_AFTER_MS),
            bound: None,
            failed: 0,
            revoked: false,
        })
    }

    /// The key under which the server finds the entry of a link that somebody brought.
    pub fn key(secret: &Secret) -> Hashed {
        secret.hashed("link")
    }

    /// Whether this link opens the visit now, for the browser that holds `binding`: the secret that the server gave it,
    /// or a fresh one when the browser brought none. The entry is to be kept whatever the answer is.
    pub fn open(&mut self, secret: &Secret, binding: &Secret, now_ms: UnixMs) -> Result<Opened, TelehealthError> {
        if !self.secret.is(&secret.hashed("link")) || self.revoked {
            return Err(TelehealthError::LinkRefused);
        }
        if self.failed >= ATTEMPTS_MAX {
            return Err(TelehealthError::Attempts);
        }
        // Being early or late is no guess, and somebody who waits must not close their own link.
        if now_ms < self.opens_ms {
            return Err(TelehealthError::LinkEarly);
        }
        if now_ms >= self.closes_ms {
            return Err(TelehealthError::LinkLate);
        }
        let holder = binding.hashed("link-binding");
        match &self.bound {
            None => {
                self.bound = Some(holder);
                Ok(Opened::First)
            }
            Some(bound) if bound.is(&holder) => Ok(Opened::Again),
            Some(_) => {
                self.failed += 1;
                Err(TelehealthError::LinkBound)
            }
        }
    }

    pub fn revoke(&mut self) {
        self.revoked = true;
    }

    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// A visit that moves takes its link along. Where it is open now as well whoever held it still does; for a later time it is
    /// opened anew, by then perhaps in another browser.
    pub fn move_to(&mut self, start_ms: UnixMs, end_ms: UnixMs, now_ms: UnixMs) -> Result<(), TelehealthError> {
        if end_ms <= start_ms || end_ms - start_ms > SLOT_MS_MAX {
            return Err(TelehealthError::Slot);
        }
        self.opens_ms = start_ms.saturating_sub(OPENS_BEFORE_MS);
        self.closes_ms = end_ms.saturating_add(CLOSES_AFTER_MS);
        if !self.is_open(now_ms) {
            self.bound = None;
        }
        Ok(())
    }

    pub fn is_open(&self, now_ms: UnixMs) -> bool {
        (self.opens_ms..self.closes_ms).contains(&now_ms)
    }

    pub fn closes_ms(&self) -> UnixMs {
        self.closes_ms
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_800_000_000_000;
    const END: i64 = START + 20 * MINUTE_MS;

    fn link() -> (LinkEntry, Secret) {
        let secret = Secret::new([1; 16]);
        (LinkEntry::new("v1", Purpose::Patient, &secret, START, END).unwrap(), secret)
    }

    #[test]
    fn a_link_is_open_from_half_an_hour_before_to_a_quarter_after() {
        let (mut entry, secret) = link();
        let me = Secret::new([2; 16]);
        let at = |entry: &mut LinkEntry, now| entry.open(&secret, &me, now);
        assert!(matches!(at(&mut entry, START - OPENS_BEFORE_MS - 1), Err(TelehealthError::LinkEarly)));
        assert_eq!(at(&mut entry, START - OPENS_BEFORE_MS).unwrap(), Opened::First);
        assert_eq!(at(&mut entry, END + CLOSES_AFTER_MS - 1).unwrap(), Opened::Again);
        assert!(matches!(at(&mut entry, END + CLOSES_AFTER_MS), Err(TelehealthError::LinkLate)));
    }

    #[test]
    fn a_second_browser_is_refused_and_tries_only_so_often() {
        let (mut entry, secret) = link();
        assert_eq!(entry.open(&secret, &Secret::new([2; 16]), START).unwrap(), Opened::First);
        for _ in 0..ATTEMPTS_MAX {
            assert!(matches!(entry.open(&secret, &Secret::new([3; 16]), START), Err(TelehealthError::LinkBound)));
        }
        assert!(matches!(entry.open(&secret, &Secret::new([3; 16]), START), Err(TelehealthError::Attempts)));
    }

    #[test]
    fn a_revoked_link_and_a_wrong_secret_look_the_same() {
        let (mut entry, secret) = link();
        let wrong = entry.open(&Secret::new([9; 16]), &secret, START).unwrap_err().to_string();
        entry.revoke();
        assert_eq!(entry.open(&secret, &secret, START).unwrap_err().to_string(), wrong);
    }

    #[test]
    fn an_entry_survives_the_desk_and_holds_no_secret() {
        let (mut entry, secret) = link();
        entry.open(&secret, &Secret::new([2; 16]), START).unwrap();
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<LinkEntry>(&text).unwrap(), entry);
        assert!(!text.contains(&secret.text()) && !text.contains("1,1,1,1"));
    }

    proptest! {
        #[test]
        fn one_link_never_serves_two_browsers(tries in prop::collection::vec((0u8..4, START - 3_600_000..END + 3_600_000), 0..40)) {
            let (mut entry, secret) = link();
            let mut served = std::collections::BTreeSet::new();
            for (browser, now) in tries {
                if entry.open(&secret, &Secret::new([browser; 16]), now).is_ok() {
                    prop_assert!((START - OPENS_BEFORE_MS..END + CLOSES_AFTER_MS).contains(&now));
                    served.insert(browser);
                }
            }
            prop_assert!(served.len() <= 1);
        }
    }
}
