//! Who is at the other end, before the visit starts: what was checked, how often, and what a high risk asks for beyond.
//!
//! Nobody is told which part was wrong. Comparisons hash both sides and compare in constant time; every part is compared
//! whatever the others said.

use serde::{Deserialize, Serialize};

use crate::{Hashed, MINUTE_MS, UnixMs};

pub const ATTEMPTS_MAX: u8 = 5;
pub const CODE_MS: i64 = 10 * MINUTE_MS;
/// Appointments to pick from; fewer would be guessed.
pub const CHOICES_MIN: usize = 4;
/// Picks that were wrong; then another way is needed, for what is few is soon tried.
pub const PICKS_MAX: u8 = 2;
pub const REASON_CHARS_MIN: usize = 10;
pub const REASON_CHARS_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    Sms,
    Email,
    Voice,
}

/// A one-time code that was sent to a channel on file. Six digits are few: keep this sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    channel: Channel,
    hash: Hashed,
    expires_ms: UnixMs,
}

impl Code {
    /// The code to send, and what is kept of it.
    pub fn new(channel: Channel, random: u64, now_ms: UnixMs) -> (String, Self) {
        let digits = format!("{:06}", random % 1_000_000);
        let hash = Hashed::of("identity-code", digits.as_bytes());
        (digits, Self { channel, hash, expires_ms: now_ms + CODE_MS })
    }
}

/// What the record says. `birth_date` is `YYYY-MM-DD`; `appointment` is the opaque id of the right choice.
pub struct OnFile<'a> {
    pub birth_date: Option<&'a str>,
    pub patient_id: Option<&'a str>,
    pub appointment: Option<&'a str>,
    pub choices: usize,
}

pub enum Second<'a> {
    PatientId(&'a str),
    Appointment(&'a str),
    Code(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    SignedIn,
    Link,
    BirthDate,
    PatientId,
    RecentAppointment,
    CodeBySms,
    CodeByEmail,
    CodeByVoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("what was given does not match")]
    Mismatch,
    #[error("too many attempts: staff has to help")]
    Attempts,
    #[error("too many picks: another way is needed")]
    Picks,
}

/// What was found out, for the record and the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub checked: Vec<Checked>,
    pub at_ms: UnixMs,
    /// The clinician saw them and confirmed.
    pub by_eye: Option<ByEye>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByEye {
    /// Opaque id of the clinician.
    pub clinician: String,
    pub at_ms: UnixMs,
}

impl Verified {
    pub fn signed_in(now_ms: UnixMs) -> Self {
        Self { checked: vec![Checked::SignedIn], at_ms: now_ms, by_eye: None }
    }

    pub fn confirm_by_eye(&mut self, clinician: &str, now_ms: UnixMs) {
        self.by_eye = Some(ByEye { clinician: clinician.to_owned(), at_ms: now_ms });
    }
}

/// The attempts of one link at one visit; kept beside the link's entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityCheck {
    failed: u8,
    code: Option<Code>,
    codes_sent: u8,
    #[serde(default)]
    picks: u8,
}

pub const CODES_MAX: u8 = 3;

impl IdentityCheck {
    /// Keeps a code that was sent; a newer one replaces the older. False when enough were sent.
    #[must_use]
    pub fn expect(&mut self, code: Code) -> bool {
        if self.codes_sent >= CODES_MAX || self.failed >= ATTEMPTS_MAX {
            return false;
        }
        self.codes_sent += 1;
        self.code = Some(code);
        true
    }

    /// The last code was not sent after all.
    pub fn unsent(&mut self) {
        self.codes_sent = self.codes_sent.saturating_sub(1);
        self.code = None;
    }

    pub fn codes_left(&self) -> u8 {
        CODES_MAX.saturating_sub(self.codes_sent)
    }

    pub fn may_pick(&self) -> bool {
        self.picks < PICKS_MAX
    }

    /// Somebody with a link that opened gives a birth date and one thing more.
    pub fn by_link(
        &mut self,
        on_file: &OnFile<'_>,
        birth_date: &str,
        second: &Second<'_>,
        now_ms: UnixMs,
    ) -> Result<Verified, Refused> {
        if self.failed >= ATTEMPTS_MAX {
            return Err(Refused::Attempts);
        }
        let is_pick = matches!(second, Second::Appointment(_));
        if is_pick && !self.may_pick() {
            return Err(Refused::Picks);
        }
        let born = same(on_file.birth_date, birth_date);
        let (matches, what) = match second {
            Second::PatientId(given) => (same(on_file.patient_id, given.trim()), Checked::PatientId),
            Second::Appointment(given) => {
                (same(on_file.appointment, given) & (on_file.choices >= CHOICES_MIN), Checked::RecentAppointment)
            }
            Second::Code(given) => self.code_is(given, now_ms),
        };
        if born & matches {
            self.code = None;
            return Ok(Verified {
                checked: vec![Checked::Link, Checked::BirthDate, what],
                at_ms: now_ms,
                by_eye: None,
            });
        }
        self.failed += 1;
        self.picks += u8::from(is_pick);
        Err(if self.failed >= ATTEMPTS_MAX { Refused::Attempts } else { Refused::Mismatch })
    }

    fn code_is(&self, given: &str, now_ms: UnixMs) -> (bool, Checked) {
        let Some(code) = &self.code else { return (false, Checked::CodeBySms) };
        let what = match code.channel {
            Channel::Sms => Checked::CodeBySms,
            Channel::Email => Checked::CodeByEmail,
            Channel::Voice => Checked::CodeByVoice,
        };
        let same = code.hash.is(&Hashed::of("identity-code", given.trim().as_bytes()));
        (same & (now_ms < code.expires_ms), what)
    }

    pub fn attempts_left(&self) -> u8 {
        ATTEMPTS_MAX.saturating_sub(self.failed)
    }
}

/// Absent on file matches nothing, not even nothing.
fn same(on_file: Option<&str>, given: &str) -> bool {
    let held = Hashed::of("identity", on_file.unwrap_or_default().as_bytes());
    held.is(&Hashed::of("identity", given.as_bytes())) & on_file.is_some_and(|held| !held.is_empty())
}

/// Why a visit is of high risk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    pub by_label: bool,
    pub by_hand: bool,
}

impl Risk {
    pub fn is_high(self) -> bool {
        self.by_label || self.by_hand
    }
}

/// What was done about the identity of the devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// A passkey signed the binding of this call's keys.
    pub passkey: bool,
    /// Both read the same short authentication string.
    pub sas: bool,
    /// Words of the clinician instead of a step.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    Ordinary,
    /// High risk, both steps done.
    SteppedUp,
    /// High risk, a step missing, a reason given: somebody reads these.
    WithReason,
}

/// Whether a visit may go on, and as what. None: steps or a reason are missing.
pub fn start(risk: Risk, steps: &Steps) -> Option<Start> {
    if !risk.is_high() {
        return Some(Start::Ordinary);
    }
    if steps.passkey && steps.sas {
        return Some(Start::SteppedUp);
    }
    let chars = steps.reason.as_deref().map_or(0, |reason| reason.trim().chars().count());
    (REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&chars).then_some(Start::WithReason)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const ON_FILE: OnFile<'static> =
        OnFile { birth_date: Some("1980-02-29"), patient_id: Some("MRN-77"), appointment: Some("a3"), choices: 4 };

    #[test]
    fn a_birth_date_and_one_thing_more_say_what_was_checked() {
        let mut check = IdentityCheck::default();
        let found = check.by_link(&ON_FILE, "1980-02-29", &Second::PatientId("MRN-77"), 5).unwrap();
        assert_eq!(found.checked, [Checked::Link, Checked::BirthDate, Checked::PatientId]);
        let found = check.by_link(&ON_FILE, "1980-02-29", &Second::Appointment("a3"), 5).unwrap();
        assert_eq!(found.checked[2], Checked::RecentAppointment);
        assert_eq!(found.by_eye, None);
    }

    #[test]
    fn one_wrong_part_is_refused_like_two_and_attempts_run_out() {
        let mut check = IdentityCheck::default();
        let wrong = [("1980-02-28", "MRN-77"), ("1980-02-29", "MRN-78"), ("x", "y"), ("", "")];
        for (born, id) in wrong {
            assert_eq!(check.by_link(&ON_FILE, born, &Second::PatientId(id), 5), Err(Refused::Mismatch));
        }
        assert_eq!(check.by_link(&ON_FILE, "", &Second::PatientId(""), 5), Err(Refused::Attempts));
        assert_eq!(check.by_link(&ON_FILE, "1980-02-29", &Second::PatientId("MRN-77"), 5), Err(Refused::Attempts));
        assert_eq!(check.attempts_left(), 0);
    }

    #[test]
    fn what_is_not_on_file_matches_nothing() {
        let empty = OnFile { birth_date: Some("1980-02-29"), patient_id: None, appointment: Some("a3"), choices: 3 };
        let mut check = IdentityCheck::default();
        for second in [Second::PatientId(""), Second::Appointment("a3"), Second::Code("")] {
            assert!(check.by_link(&empty, "1980-02-29", &second, 5).is_err());
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_ten_minutes_and_few_are_sent() {
        let mut check = IdentityCheck::default();
        let (digits, code) = Code::new(Channel::Email, 12_000_042, 0);
        assert_eq!(digits, "000042");
        assert!(check.expect(code));
        let mut late = check.clone();
        assert!(late.by_link(&ON_FILE, "1980-02-29", &Second::Code(&digits), CODE_MS).is_err());
        let found = check.by_link(&ON_FILE, "1980-02-29", &Second::Code(&digits), CODE_MS - 1).unwrap();
        assert_eq!(found.checked[2], Checked::CodeByEmail);
        assert!(check.by_link(&ON_FILE, "1980-02-29", &Second::Code(&digits), 1).is_err());
        let code = || Code::new(Channel::Sms, 7, 0).1;
        assert_eq!([check.expect(code()), check.expect(code()), check.expect(code())], [true, true, false]);
    }

    #[test]
    fn a_day_is_picked_twice_and_then_another_way_is_needed() {
        let mut check = IdentityCheck::default();
        for _ in 0..PICKS_MAX {
            let wrong = check.by_link(&ON_FILE, "1980-02-29", &Second::Appointment("a1"), 5);
            assert_eq!(wrong, Err(Refused::Mismatch));
        }
        let right = check.by_link(&ON_FILE, "1980-02-29", &Second::Appointment("a3"), 5);
        assert_eq!(right, Err(Refused::Picks));
        assert!(check.by_link(&ON_FILE, "1980-02-29", &Second::PatientId("MRN-77"), 5).is_ok());
    }

    #[test]
    fn a_code_that_was_not_sent_opens_nothing_and_does_not_count() {
        let mut check = IdentityCheck::default();
        for _ in 0..5 {
            assert!(check.expect(Code::new(Channel::Sms, 42, 0).1));
            check.unsent();
        }
        assert!(check.by_link(&ON_FILE, "1980-02-29", &Second::Code("000042"), 1).is_err());
        assert_eq!(check.codes_left(), CODES_MAX);
    }

    #[test]
    fn a_high_risk_asks_for_passkey_and_words_read_aloud_or_a_reason() {
        let high = Risk { by_label: true, by_hand: false };
        let steps = |passkey, sas, reason: Option<&str>| Steps { passkey, sas, reason: reason.map(str::to_owned) };
        assert_eq!(start(Risk::default(), &Steps::default()), Some(Start::Ordinary));
        assert_eq!(start(high, &steps(true, true, None)), Some(Start::SteppedUp));
        assert_eq!(start(high, &steps(true, false, None)), None);
        assert_eq!(start(high, &steps(false, true, Some("         "))), None);
        assert_eq!(start(high, &steps(false, true, Some("patient has no passkey"))), Some(Start::WithReason));
        assert_eq!(start(Risk { by_label: false, by_hand: true }, &Steps::default()), None);
    }
}
