//! What a message says: one of a few texts, the clinic's name from the configuration, a time in words and a link. It is made of
//! closed words, a number and random bytes; no text of the record can become part of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::OutwardError;

/// 128 bits are not guessed.
pub const TOKEN_BYTES_MIN: usize = 16;
pub const TOKEN_BYTES_MAX: usize = 64;
const CLINIC_BYTES_MAX: usize = 120;
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 6..=8;

/// Who writes, and where its pages are: of the configuration, not of the record.
#[derive(Clone, Debug)]
pub struct Clinic {
    name: String,
    origin: String,
    zone: TimeZone,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    VisitInvitation,
    VisitReminder,
    VisitMoved,
    VisitCancelled,
    /// The clinician waits in the room.
    VisitNow,
    /// Something is there to read after signing in.
    NewMessage,
    /// A one-time code, by which somebody says who they are.
    OneTimeCode,
}

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPlace {
    /// The door of a visit; the token stands behind `#`, so that no log on the way has it.
    Visit,
    /// Where one signs in: needs no token.
    SignIn,
}

/// An address of ours with a token that opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    place: LinkPlace,
    token: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    occasion: Occasion,
    when_ms: Option<i64>,
    link: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<Slot>,
}

/// Digits that open something for some minutes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Code(String);

/// What a calendar keeps of a visit: from when to when, under a name that says nothing and is the same for all letters of the visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub start_ms: i64,
    pub end_ms: i64,
    pub uid: [u8; 16],
    /// Rises with every change.
    pub sequence: u32,
}

/// A file for a calendar, which needs to know who writes to whom.
pub(crate) struct Calendar {
    pub slot: Slot,
    pub is_cancelled: bool,
    pub organization: String,
}

/// A letter as it is sent.
pub struct Rendered {
    pub subject: String,
    pub text: Zeroizing<String>,
    /// The text in one breath, for a telephone.
    pub short: Zeroizing<String>,
    pub(crate) calendar: Option<Calendar>,
}

impl Clinic {
    /// `origin` is `https://host[:port]`.
    pub fn new(name: &str, origin: &str, zone: TimeZone) -> Result<Clinic, OutwardError> {
        let name = name.trim();
        if name.is_empty() || name.len() > CLINIC_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(OutwardError::Setting("the organization's name is one line of at most 120 bytes"));
        }
        let origin = origin.trim_end_matches('/');
        if !origin.starts_with("https://") {
            return Err(OutwardError::Setting("links begin with https://"));
        }
        Ok(Clinic { name: name.to_owned(), origin: origin.to_owned(), zone })
    }
}

impl Link {
    /// `token` is random and says nothing of whom it is for.
    pub fn visit(token: &[u8]) -> Result<Link, OutwardError> {
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) {
            return Err(OutwardError::Token);
        }
        Ok(Link { place: LinkPlace::Visit, token: token.to_owned() })
    }

    pub fn sign_in() -> Link {
        Link { place: LinkPlace::SignIn, token: Vec::new() }
    }

    fn written(&self, origin: &str) -> Zeroizing<String> {
        match self.place {
            LinkPlace::Visit => Zeroizing::new(format!("{origin}/visit#k={}", URL_SAFE_NO_PAD.encode(&self.token))),
            LinkPlace::SignIn => Zeroizing::new(format!("{origin}/signin")),
        }
    }
}

impl Letter {
    /// `when_ms` is when the visit begins.
    pub fn new(occasion: Occasion, when_ms: Option<i64>, link: Option<Link>) -> Letter {
        Letter { occasion, when_ms, link, code: None, slot: None }
    }

    /// With a file for the calendar, where it goes by e-mail.
    #[must_use]
    pub fn with_slot(self, slot: Slot) -> Letter {
        Letter { slot: Some(slot), ..self }
    }

    /// A one-time code and nothing else.
    pub fn code(digits: &str) -> Result<Letter, OutwardError> {
        let is_code = CODE_DIGITS.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        let code = is_code.then(|| Code(digits.to_owned())).ok_or(OutwardError::Token)?;
        Ok(Letter { code: Some(code), ..Letter::new(Occasion::OneTimeCode, None, None) })
    }

    pub fn render(&self, clinic: &Clinic) -> Rendered {
        let name = &clinic.name;
        let on =
            self.when_ms.and_then(|ms| in_words(ms, &clinic.zone)).map(|on| format!(" on {on}")).unwrap_or_default();
        let (subject, said, asks) = match self.occasion {
            Occasion::VisitInvitation => (
                "Your video visit",
                format!("{name} invites you to a video visit{on}."),
                "Open this page at that time:",
            ),
            Occasion::VisitReminder => (
                "Your video visit",
                format!("{name} reminds you of your video visit{on}."),
                "Open this page at that time:",
            ),
            Occasion::VisitMoved => (
                "Your video visit has moved",
                format!("Your video visit with {name} is now{on}."),
                "Open this page at that time:",
            ),
            Occasion::VisitCancelled => {
                ("Your video visit is cancelled", format!("{name} has cancelled your video visit{on}."), "To see more:")
            }
            Occasion::VisitNow => {
                ("Your video visit", format!("{name} is ready for your video visit."), "Open this page now:")
            }
            Occasion::OneTimeCode => return self.render_code(name),
            Occasion::NewMessage => {
                ("Something new for you", format!("{name} has something new for you to read."), "Sign in to read it:")
            }
        };
        let link = self.link.as_ref().map(|link| link.written(&clinic.origin));
        let linked = match (link, self.occasion) {
            (Some(link), _) => Zeroizing::new(format!("{asks} {}", link.as_str())),
            // The link that somebody has goes along with the visit; it is kept nowhere, so that it cannot be said again.
            (None, Occasion::VisitMoved) => Zeroizing::new("The link that you have opens it then.".to_owned()),
            (None, Occasion::VisitCancelled) => Zeroizing::new("The link that you have opens nothing more.".to_owned()),
            (None, _) => Zeroizing::default(),
        };
        let alone = match self.occasion {
            Occasion::VisitCancelled => "",
            _ => "The page is for you alone: do not pass it on. ",
        };
        let text = Zeroizing::new(format!(
            "{said}\n\n{}\n\n{alone}Nobody reads answers to this message.\n{name}\n",
            linked.as_str()
        ));
        let short = Zeroizing::new(format!("{said} {}", linked.as_str()).trim_end().to_owned());
        let is_cancelled = self.occasion == Occasion::VisitCancelled;
        let calendar = self.slot.map(|slot| Calendar { slot, is_cancelled, organization: name.clone() });
        Rendered { subject: format!("{subject} – {name}"), text, short, calendar }
    }

    fn render_code(&self, name: &str) -> Rendered {
        let digits = self.code.as_ref().map_or("", |code| code.0.as_str());
        let said = Zeroizing::new(format!("{digits} is your code for {name}. It works for ten minutes, once."));
        let warns = "Type it only on the page that you opened yourself. Nobody from the clinic asks you for it.";
        let text = Zeroizing::new(format!("{}\n\n{warns}\n{name}\n", said.as_str()));
        let short = Zeroizing::new(format!("{} {warns}", said.as_str()));
        Rendered { subject: format!("Your code – {name}"), text, short, calendar: None }
    }
}

/// `Thursday, 26 November 2026 at 15:00 (EST)`.
fn in_words(ms: i64, zone: &TimeZone) -> Option<String> {
    let at = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone());
    Some(at.strftime("%A, %-d %B %Y at %H:%M (%Z)").to_string())
}

impl Drop for Link {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code[redacted]")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link[{:?}, redacted]", self.place)
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rendered[redacted]")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn clinic() -> Clinic {
        let zone = TimeZone::get("America/New_York").unwrap();
        Clinic::new("Harbor Clinic", "https://clinic.example/", zone).unwrap()
    }

    #[test]
    fn a_letter_says_who_when_and_where_and_nothing_else() {
        let link = Link::visit(&[7; 16]).unwrap();
        let letter = Letter::new(Occasion::VisitInvitation, Some(1_795_694_400_000), Some(link));
        let sent = letter.render(&clinic());
        assert_eq!(sent.subject, "Your video visit – Harbor Clinic");
        assert_eq!(
            sent.short.as_str(),
            "Harbor Clinic invites you to a video visit on Thursday, 26 November 2026 at 07:00 (EST). \
             Open this page at that time: https://clinic.example/visit#k=BwcHBwcHBwcHBwcHBwcHBw"
        );
        assert!(sent.text.starts_with("Harbor Clinic invites you") && sent.text.ends_with("Harbor Clinic\n"));
        assert!(!format!("{letter:?} {sent:?}").contains("Bwc"), "a link is a secret");
    }

    #[test]
    fn a_letter_of_a_change_says_it_without_the_link_that_nobody_kept() {
        let of = |occasion| Letter::new(occasion, Some(1_795_694_400_000), None).render(&clinic());
        let (moved, cancelled) = (of(Occasion::VisitMoved), of(Occasion::VisitCancelled));
        assert_eq!(
            moved.short.as_str(),
            "Your video visit with Harbor Clinic is now on Thursday, 26 November 2026 at 07:00 (EST). \
             The link that you have opens it then."
        );
        assert!(cancelled.short.starts_with("Harbor Clinic has cancelled your video visit on Thursday"));
        assert!(cancelled.text.contains("opens nothing more") && !cancelled.text.contains("for you alone"));
    }

    #[test]
    fn a_letter_with_a_code_has_the_code_and_nothing_of_a_visit() {
        let letter = Letter::code("004217").unwrap();
        let sent = letter.render(&clinic());
        assert_eq!(sent.subject, "Your code – Harbor Clinic");
        assert!(sent.text.starts_with("004217 is your code for Harbor Clinic.") && sent.short.starts_with("004217"));
        assert!(!sent.text.contains("visit") && !sent.text.contains("https"), "{}", sent.text.as_str());
        assert!(!format!("{letter:?} {sent:?}").contains("004217"), "a code is a secret");
        for digits in ["12345", "123456789", "12345a", ""] {
            assert!(Letter::code(digits).is_err(), "{digits}");
        }
        // One that waited before there were codes and calendars.
        let old: Letter = serde_json::from_str(r#"{"occasion":"visit_now","when_ms":null,"link":null}"#).unwrap();
        assert_eq!(serde_json::to_string(&old).unwrap(), r#"{"occasion":"visit_now","when_ms":null,"link":null}"#);
    }

    #[test]
    fn a_token_that_could_be_guessed_and_a_name_of_two_lines_are_refused() {
        assert!(Link::visit(&[7; 15]).is_err() && Link::visit(&[7; 65]).is_err());
        for name in ["", "Harbor\r\nBcc: x", &"x".repeat(121)] {
            assert!(Clinic::new(name, "https://clinic.example", TimeZone::UTC).is_err(), "{name}");
        }
        assert!(Clinic::new("Harbor", "http://clinic.example", TimeZone::UTC).is_err());
    }
}
