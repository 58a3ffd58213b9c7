//! The organization's phone number: what people read, and what a phone dials.

const DIGITS_MIN: usize = 3;
const CHARS_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    pub shown: String,
    /// Digits alone, after a `+` where there is one (RFC 3966, section 5.1.4).
    pub dialled: String,
}

impl Phone {
    /// `+1 (555) 010-0100`, or a number of the own country. None for anything that no phone dials.
    pub fn parse(text: &str) -> Option<Self> {
        let shown = text.trim();
        let is_known = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '(' | ')' | '.');
        let rest = shown.strip_prefix('+').unwrap_or(shown);
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        if shown.len() > CHARS_MAX || !rest.chars().all(is_known) || digits.len() < DIGITS_MIN {
            return None;
        }
        let plus = if shown.starts_with('+') { "+" } else { "" };
        Some(Self { shown: shown.to_owned(), dialled: format!("{plus}{digits}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_a_phone_dials_and_nothing_else() {
        let dialled = |text| Phone::parse(text).map(|phone| phone.dialled);
        assert_eq!(dialled("+1 (555) 010-0100").as_deref(), Some("+15550100100"));
        assert_eq!(dialled(" 555.0100 ").as_deref(), Some("5550100"));
        for wrong in ["", "12", "call us", "+1 555 +1", "555;ext=1", "javascript:1234", &"5".repeat(40)] {
            assert_eq!(dialled(wrong), None, "{wrong}");
        }
    }
}
