//! What is typed into one field, as the two fields of the search take it: a name, and a birth date or a record number.

use crate::clinic::time;

/// Words of a date: `14 Jul 1968`.
const DATE_WORDS_MAX: usize = 3;

/// Name, then birth date or number; either may be empty.
pub fn parted(text: &str) -> (String, String) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (from, until) = date(&words).or_else(|| number(&words)).unwrap_or((0, 0));
    let number = words[from..until].join(" ").trim_matches(',').to_owned();
    let rest: Vec<&str> = words[..from].iter().chain(&words[until..]).copied().collect();
    (rest.join(" "), number)
}

/// The longest run of words that is a date as people type one.
fn date(words: &[&str]) -> Option<(usize, usize)> {
    for length in (1..=DATE_WORDS_MAX.min(words.len())).rev() {
        for from in 0..=words.len() - length {
            let run = words[from..from + length].join(" ");
            if time::typed(run.trim_matches(',')).is_some() {
                return Some((from, from + length));
            }
        }
    }
    None
}

/// Names have no digits.
fn number(words: &[&str]) -> Option<(usize, usize)> {
    let at = words.iter().position(|word| word.bytes().any(|byte| byte.is_ascii_digit()))?;
    Some((at, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_or_a_number_is_told_from_a_name_wherever_it_stands() {
        for (text, name, number) in [
            ("ade", "ade", ""),
            ("Adeyemi, Ruth", "Adeyemi, Ruth", ""),
            ("ruth 14-Jul-1968", "ruth", "14-Jul-1968"),
            ("14 Jul 1968 adeyemi", "adeyemi", "14 Jul 1968"),
            ("adeyemi, 7/14/1968", "adeyemi,", "7/14/1968"),
            ("ruth july 14, 1968", "ruth", "july 14, 1968"),
            ("adeyemi 1968", "adeyemi", "1968"),
            ("may ruth 1968", "may ruth", "1968"),
            ("mr-004718", "", "mr-004718"),
            ("ruth WS-100001", "ruth", "WS-100001"),
            ("", "", ""),
        ] {
            assert_eq!(parted(text), (name.to_owned(), number.to_owned()), "{text}");
        }
    }
}
