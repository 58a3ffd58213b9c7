//! Whether two records may be of one person: what they share, and how much that says. Points, not probabilities: they put candidates
//! in order, and the words beside them say why. After Fellegi and Sunter (1969), with the weights rounded to what a person can follow.

use fhir::Json;
use fhir::search::sounds_alike;

use super::demographics::{Values, read};
use super::nicknames;
use super::read::{all, text};
use super::time;

/// Below this somebody is not shown: a birth date alone, or a name that only sounds alike.
pub const SHOWN_FROM: u32 = 35;
/// From here on it is likely the same person: birth date and both names, as they sound at least.
pub const LIKELY_FROM: u32 = 60;

pub struct Likeness {
    pub points: u32,
    pub why: Vec<&'static str>,
}

impl Likeness {
    pub fn is_likely(&self) -> bool {
        self.points >= LIKELY_FROM
    }

    pub fn of(new: &Values, patient: &Json<'_>) -> Self {
        let held = read(patient);
        let mut found = Found { points: 0, why: Vec::new() };
        found.birth(&date(new), &date(&held));
        found.family(new, &held);
        found.given(new, &held);
        let numbers = |values: &Values| ["mobile", "phone", "work"].map(|name| number(values.text(name)));
        let theirs: Vec<String> = phones(patient);
        if numbers(new).iter().any(|one| one.len() >= 7 && theirs.contains(one)) {
            found.add(35, "same phone");
        }
        let mail = new.text("email").to_lowercase();
        if !mail.is_empty() && held.text("email").to_lowercase() == mail {
            found.add(35, "same e-mail");
        }
        if !new.text("ssn").is_empty() && number(new.text("ssn")) == number(held.text("ssn")) {
            found.add(60, "same Social Security number");
        }
        let lives = |values: &Values| (fold(values.text("line")), values.text("zip").get(..5).map(str::to_owned));
        if !new.text("line").is_empty() && lives(new).1.is_some() && lives(new) == lives(&held) {
            found.add(15, "same address");
        }
        let known = |gender: &str| matches!(gender, "female" | "male");
        let (one, other) = (new.text("gender"), held.text("gender"));
        if known(one) && known(other) && one != other {
            found.points -= 15;
            found.why.push("another sex");
        }
        Self { points: u32::try_from(found.points.clamp(0, 100)).unwrap_or(0), why: found.why }
    }
}

struct Found {
    points: i32,
    why: Vec<&'static str>,
}

impl Found {
    fn add(&mut self, points: i32, why: &'static str) {
        self.points += points;
        self.why.push(why);
    }

    fn birth(&mut self, new: &str, held: &str) {
        if new.is_empty() || held.is_empty() {
            return;
        }
        if new == held {
            self.add(if new.len() == 10 { 30 } else { 10 }, "same birth date");
        } else if new.starts_with(held) || held.starts_with(new) {
            self.add(10, "birth dates agree as far as they go");
        } else if is_swapped(new, held) || is_one_digit_off(new, held) {
            self.add(15, "birth date differs by a slip");
        }
    }

    fn family(&mut self, new: &Values, held: &Values) {
        let (one, other) = (new.text("family"), held.text("family"));
        let former = |a: &Values, b: &Values| same(a.text("former"), b.text("family"));
        if same(one, other) {
            self.add(25, "same family name");
        } else if former(new, held) || former(held, new) || same(new.text("former"), held.text("former")) {
            self.add(20, "same previous family name");
        } else if same(one, held.text("given")) && same(new.text("given"), other) {
            self.add(35, "names the other way round");
        } else if !one.is_empty() && sounds_alike(one, other) {
            self.add(18, "family name sounds alike");
        }
    }

    fn given(&mut self, new: &Values, held: &Values) {
        let called = |values: &Values| [values.text("given").to_owned(), values.text("preferred").to_owned()];
        let (ours, theirs) = (called(new), called(held));
        let pairs = || ours.iter().flat_map(|one| theirs.iter().map(move |other| (one.as_str(), other.as_str())));
        if pairs().any(|(one, other)| same(one, other)) {
            self.add(20, "same given name");
        } else if pairs().any(|(one, other)| nicknames::same(one, other)) {
            self.add(17, "given name is a short form");
        } else if pairs().any(|(one, other)| !one.is_empty() && sounds_alike(one, other)) {
            self.add(13, "given name sounds alike");
        } else if pairs().any(|(one, other)| is_initial(one, other) || is_initial(other, one)) {
            self.add(8, "same initial");
        }
    }
}

/// Every phone number of a patient, digits alone.
fn phones(patient: &Json<'_>) -> Vec<String> {
    let points = all(patient, "telecom").iter().filter(|one| text(one, "system") == Some("phone"));
    points.filter_map(|one| text(one, "value")).map(number).collect()
}

/// Without the country: 1 before ten digits is the United States and Canada.
pub fn number(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix('1').filter(|rest| rest.len() == 10) {
        Some(rest) => rest.to_owned(),
        None => digits,
    }
}

fn date(values: &Values) -> String {
    time::typed(values.text("birth")).unwrap_or_default()
}

fn same(a: &str, b: &str) -> bool {
    let a = fold(a);
    !a.is_empty() && a == fold(b)
}

/// Letters and digits alone, without case and accents.
fn fold(text: &str) -> String {
    fhir::search::folded(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn is_initial(short: &str, long: &str) -> bool {
    let short = fold(short);
    short.chars().count() == 1 && fold(long).starts_with(&short)
}

/// Day and month exchanged.
fn is_swapped(a: &str, b: &str) -> bool {
    let parts = |date: &str| Some((date.get(..4)?.to_owned(), date.get(5..7)?.to_owned(), date.get(8..10)?.to_owned()));
    match (parts(a), parts(b)) {
        (Some((year, month, day)), Some(other)) => (year, day, month) == other,
        _ => false,
    }
}

fn is_one_digit_off(a: &str, b: &str) -> bool {
    a.len() == 10 && b.len() == 10 && a.bytes().zip(b.bytes()).filter(|(x, y)| x != y).count() == 1
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    impl Likeness {
        fn is_shown(&self) -> bool {
            self.points >= SHOWN_FROM
        }
    }

    fn likeness(pairs: &[(&'static str, &str)], patient: &str) -> Likeness {
        let mut values = Values::default();
        for (name, value) in pairs {
            values.set(name, *value);
        }
        Likeness::of(&values, &Json::parse_str(patient).unwrap())
    }

    const RUTH: &str = r#"{"name":[{"use":"official","family":"Adeyemi","given":["Ruth"]},{"use":"old","family":"Moss"}],
        "birthDate":"1968-07-14","gender":"female","telecom":[{"system":"phone","value":"+1 518 555-0144","use":"work"}]}"#;

    #[test]
    fn the_same_person_is_likely_in_any_spelling() {
        for (family, given, birth, why) in [
            ("Adeyemi", "Ruth", "14-Jul-1968", "same family name"),
            ("adéyemi", "RUTH", "1968-07-14", "same family name"),
            ("Moss", "Ruth", "1968-07-14", "same previous family name"),
            ("Ruth", "Adeyemi", "1968-07-14", "names the other way round"),
            ("Addeyemy", "Ruth", "1968-07-14", "family name sounds alike"),
        ] {
            let found = likeness(&[("family", family), ("given", given), ("birth", birth)], RUTH);
            assert!(found.is_likely() && found.why.contains(&why), "{family}: {} {:?}", found.points, found.why);
        }
        let slip = likeness(&[("family", "Adeyemi"), ("given", "Ruth"), ("birth", "1968-07-15")], RUTH);
        assert!(slip.is_likely() && slip.why.contains(&"birth date differs by a slip"), "{}", slip.points);
    }

    #[test]
    fn a_phone_is_shown_and_a_birth_date_alone_is_not() {
        let phone = likeness(&[("family", "Brandt"), ("given", "Max"), ("mobile", "(518) 555-0144")], RUTH);
        assert_eq!((phone.is_shown(), phone.is_likely(), phone.why), (true, false, vec!["same phone"]));
        assert!(!likeness(&[("family", "Brandt"), ("given", "Max"), ("birth", "1968-07-14")], RUTH).is_shown());
        assert!(!likeness(&[("family", "Adeyemi")], RUTH).is_shown());
        let twin =
            likeness(&[("family", "Adeyemi"), ("given", "Max"), ("birth", "1968-07-14"), ("gender", "male")], RUTH);
        assert!(twin.is_shown() && !twin.is_likely() && twin.why.contains(&"another sex"), "{}", twin.points);
    }
}
