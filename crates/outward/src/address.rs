//! Whom a message goes to. An address tells who is a patient here, so it is shown to nobody and kept no longer than needed.

use std::fmt;
use std::str::FromStr;

use compliance::Service;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::OutwardError;

/// RFC 5321, section 4.5.3.1.3.
const EMAIL_BYTES_MAX: usize = 254;
/// E.164: fifteen digits, and shorter than seven is no subscriber.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailAddress(String);

/// `+15555550123`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(String);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    Email(EmailAddress),
    Sms(Phone),
}

impl FromStr for EmailAddress {
    type Err = OutwardError;

    fn from_str(text: &str) -> Result<EmailAddress, OutwardError> {
        let is_one = text.len() <= EMAIL_BYTES_MAX && text.is_ascii() && text.parse::<lettre::Address>().is_ok();
        is_one.then(|| EmailAddress(text.to_owned())).ok_or(OutwardError::Address("e-mail address"))
    }
}

impl FromStr for Phone {
    type Err = OutwardError;

    /// Blanks, dashes, dots and brackets are how people write one.
    fn from_str(text: &str) -> Result<Phone, OutwardError> {
        let bare: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '.' | '(' | ')')).collect();
        let is_one = bare.strip_prefix('+').is_some_and(|digits| {
            PHONE_DIGITS.contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_digit())
                && !digits.starts_with('0')
        });
        is_one.then_some(Phone(bare)).ok_or(OutwardError::Address("telephone number like +15555550123"))
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = OutwardError;

    fn try_from(text: String) -> Result<Self, OutwardError> {
        text.parse()
    }
}

impl TryFrom<String> for Phone {
    type Error = OutwardError;

    fn try_from(text: String) -> Result<Self, OutwardError> {
        text.parse()
    }
}

impl EmailAddress {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Phone {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Recipient {
    /// What an adapter has to do to reach it.
    pub fn service(&self) -> Service {
        match self {
            Recipient::Email(_) => Service::Email,
            Recipient::Sms(_) => Service::Sms,
        }
    }
}

impl Drop for EmailAddress {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress[redacted]")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone[redacted]")
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient[redacted]")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_and_none_is_shown() {
        for text in ["ana@clinic.example", "a.b+c@x.example"] {
            let address: EmailAddress = text.parse().unwrap();
            assert!(!format!("{:?}", Recipient::Email(address)).contains('@'));
        }
        for text in ["ana", "ana@", "a b@c.example", "ana@c.example\r\nBcc: x@y.example", "änne@c.example"] {
            let refused = text.parse::<EmailAddress>().unwrap_err().to_string();
            assert_eq!(refused, "this is no e-mail address", "{text}");
        }
        let phone: Phone = "+1 (555) 555-0123".parse().unwrap();
        assert_eq!(phone.as_str(), "+15555550123");
        assert!(!format!("{phone:?}").contains('5'));
        for text in ["5555550123", "+0555550123", "+155", "+1555555012345678", "+1555x5550123", ""] {
            assert!(text.parse::<Phone>().is_err(), "{text}");
        }
    }
}
