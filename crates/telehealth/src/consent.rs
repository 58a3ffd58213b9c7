//! Agreement to a visit by video, and where the patient is while it lasts: what is asked for before anybody is let into the room.

use serde::{Deserialize, Serialize};

use crate::UnixMs;
use crate::sheets::Whereabouts;

/// Of the words that are shown (crates/web/templates/consent_en.html, consent_es.html): they change together.
pub const VERSION: u16 = 1;
pub const ADDRESS_CHARS_MAX: usize = 200;
pub const NAME_CHARS_MAX: usize = 80;
/// What brings somebody, in their words.
pub const BRINGS_CHARS_MAX: usize = 2_000;
/// Digits of a telephone number; the longest is E.164's.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
const HOME: &str = "US";
/// No country of the table: then the number is theirs to say. Of user-assigned codes (ISO 3166-1).
pub const ELSEWHERE: &str = "ZZ";

/// Languages in which the words are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    Es,
}

impl Language {
    /// BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Es => "es",
        }
    }
}

/// Countries with the number that reaches an ambulance, home first.
///
/// Sources: 47 U.S.C. 251(e)(3) and CRTC (911); Directive (EU) 2018/1972, article 109 (112); Ofcom (112, 999); ACMA (000); NZ
/// Telecommunications Act (111); India's Emergency Response Support System (112); the others as the U.S. Department of State lists
/// them in "911 Abroad".
pub const COUNTRIES: &[(&str, &str, &str)] = &[
    (HOME, "United States", "911"),
    ("AU", "Australia", "000"),
    ("CA", "Canada", "911"),
    ("DO", "Dominican Republic", "911"),
    ("FR", "France", "112"),
    ("DE", "Germany", "112"),
    ("IN", "India", "112"),
    ("IE", "Ireland", "112"),
    ("IT", "Italy", "112"),
    ("MX", "Mexico", "911"),
    ("NZ", "New Zealand", "111"),
    ("PH", "Philippines", "911"),
    ("ES", "Spain", "112"),
    ("GB", "United Kingdom", "999"),
];

/// States, the district and territories, as mail writes them (USPS Publication 28, appendix B).
#[rustfmt::skip]
pub const STATES: &[(&str, &str)] = &[
    ("AL", "Alabama"), ("AK", "Alaska"), ("AS", "American Samoa"), ("AZ", "Arizona"), ("AR", "Arkansas"), ("CA", "California"),
    ("CO", "Colorado"), ("CT", "Connecticut"), ("DE", "Delaware"), ("DC", "District of Columbia"), ("FL", "Florida"), ("GA", "Georgia"),
    ("GU", "Guam"), ("HI", "Hawaii"), ("ID", "Idaho"), ("IL", "Illinois"), ("IN", "Indiana"), ("IA", "Iowa"), ("KS", "Kansas"),
    ("KY", "Kentucky"), ("LA", "Louisiana"), ("ME", "Maine"), ("MD", "Maryland"), ("MA", "Massachusetts"), ("MI", "Michigan"),
    ("MN", "Minnesota"), ("MS", "Mississippi"), ("MO", "Missouri"), ("MT", "Montana"), ("NE", "Nebraska"), ("NV", "Nevada"),
    ("NH", "New Hampshire"), ("NJ", "New Jersey"), ("NM", "New Mexico"), ("NY", "New York"), ("NC", "North Carolina"),
    ("ND", "North Dakota"), ("MP", "Northern Mariana Islands"), ("OH", "Ohio"), ("OK", "Oklahoma"), ("OR", "Oregon"),
    ("PA", "Pennsylvania"), ("PR", "Puerto Rico"), ("RI", "Rhode Island"), ("SC", "South Carolina"), ("SD", "South Dakota"),
    ("TN", "Tennessee"), ("TX", "Texas"), ("UT", "Utah"), ("VT", "Vermont"), ("VI", "U.S. Virgin Islands"), ("VA", "Virginia"),
    ("WA", "Washington"), ("WV", "West Virginia"), ("WI", "Wisconsin"), ("WY", "Wyoming"),
];

/// As it was typed.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Typed {
    pub address: String,
    pub state: String,
    pub country: String,
    /// Of a country that is not in the table.
    pub number: String,
    pub contact_name: String,
    pub contact_phone: String,
}

/// What is missing, in words for who typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error("say where you are now, as you would tell an ambulance")]
    Address,
    #[error("choose the state you are in")]
    State,
    #[error("choose the country you are in")]
    Country,
    #[error("say which number reaches an ambulance where you are")]
    Number,
    #[error("say whom to call in an emergency")]
    Contact,
    #[error("give a telephone number of who to call in an emergency, with 7 to 15 digits")]
    Phone,
    #[error("say it in at most 2,000 letters")]
    Brings,
}

impl Typed {
    pub fn whereabouts(&self, now_ms: UnixMs) -> Result<Whereabouts, Missing> {
        let address = line(&self.address, ADDRESS_CHARS_MAX).ok_or(Missing::Address)?;
        let known = COUNTRIES.iter().find(|(code, ..)| *code == self.country);
        let number = match known {
            Some((_, _, number)) => (*number).to_owned(),
            None if self.country == ELSEWHERE => phone(&self.number, 2).ok_or(Missing::Number)?,
            None => return Err(Missing::Country),
        };
        let is_home = self.country == HOME;
        if is_home && !STATES.iter().any(|(code, _)| *code == self.state) {
            return Err(Missing::State);
        }
        Ok(Whereabouts {
            address,
            state: if is_home { self.state.clone() } else { String::new() },
            country: self.country.clone(),
            emergency_number: number,
            contact_name: line(&self.contact_name, NAME_CHARS_MAX).ok_or(Missing::Contact)?,
            contact_phone: phone(&self.contact_phone, *PHONE_DIGITS.start()).ok_or(Missing::Phone)?,
            at_ms: now_ms,
        })
    }
}

/// What brings somebody: their words, without what is no letter; none where they say nothing.
pub fn brings(typed: &str) -> Result<Option<String>, Missing> {
    let text: String = typed.trim().chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    if text.chars().count() > BRINGS_CHARS_MAX {
        return Err(Missing::Brings);
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn line(typed: &str, most: usize) -> Option<String> {
    let text = typed.trim();
    let fits = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn phone(typed: &str, least: usize) -> Option<String> {
    let text = typed.trim();
    let is_number = text.chars().all(|c| c.is_ascii_digit() || " +-.()".contains(c));
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (is_number && (least..=*PHONE_DIGITS.end()).contains(&digits) && text.len() <= 40).then(|| text.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn typed() -> Typed {
        Typed {
            address: " 12 Larch Lane, Albany ".into(),
            state: "NY".into(),
            country: "US".into(),
            number: String::new(),
            contact_name: "Tom".into(),
            contact_phone: "(555) 010-0199".into(),
        }
    }

    #[test]
    fn the_number_is_the_countrys_and_what_is_missing_is_said() {
        let held = typed().whereabouts(7).unwrap();
        assert_eq!(
            (held.address.as_str(), held.emergency_number.as_str(), held.at_ms),
            ("12 Larch Lane, Albany", "911", 7)
        );
        let abroad = Typed { country: "AU".into(), state: "NY".into(), ..typed() }.whereabouts(0).unwrap();
        assert_eq!((abroad.emergency_number.as_str(), abroad.state.as_str()), ("000", ""));
        let other = Typed { country: "ZZ".into(), number: "15".into(), ..typed() }.whereabouts(0).unwrap();
        assert_eq!(other.emergency_number, "15");
        let missing = |change: fn(&mut Typed)| {
            let mut one = typed();
            change(&mut one);
            one.whereabouts(0).err().unwrap()
        };
        assert_eq!(missing(|one| one.address = " ".into()), Missing::Address);
        assert_eq!(missing(|one| one.address = "a".repeat(201)), Missing::Address);
        assert_eq!(missing(|one| one.state = "XX".into()), Missing::State);
        assert_eq!(missing(|one| one.country = "us".into()), Missing::Country);
        assert_eq!(missing(|one| one.country = "ZZ".into()), Missing::Number);
        assert_eq!(missing(|one| one.contact_name = "Tom\n".repeat(2)), Missing::Contact);
        assert_eq!(missing(|one| one.contact_phone = "call Tom".into()), Missing::Phone);
    }

    #[test]
    fn what_brings_somebody_is_theirs_to_leave_out() {
        assert_eq!(brings("  "), Ok(None));
        assert_eq!(brings(" My ankle\nhurts\u{7}. "), Ok(Some("My ankle\nhurts.".into())));
        assert_eq!(brings(&"a".repeat(BRINGS_CHARS_MAX + 1)), Err(Missing::Brings));
    }
}
