//! What a password has to be (NIST SP 800-63B-4, 3.1.1.2): long, not one of those everybody tries, and nothing else.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Characters, of a password that never opens anything alone.
pub const PASSWORD_CHARS_MIN: usize = 12;
pub const PASSWORD_CHARS_MAX: usize = 128;

/// What guessers try first. A password made of these and of digits, signs and repetitions is refused.
const WORDS: &[&str] = &[
    "password",
    "passwort",
    "passphrase",
    "welcome",
    "letmein",
    "login",
    "admin",
    "administrator",
    "root",
    "guest",
    "user",
    "username",
    "master",
    "changeme",
    "change",
    "secret",
    "default",
    "temporary",
    "temp",
    "test",
    "testing",
    "hello",
    "iloveyou",
    "love",
    "princess",
    "sunshine",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "basketball",
    "soccer",
    "hockey",
    "superman",
    "batman",
    "starwars",
    "pokemon",
    "shadow",
    "flower",
    "freedom",
    "whatever",
    "trustno",
    "access",
    "computer",
    "internet",
    "google",
    "microsoft",
    "windows",
    "apple",
    "samsung",
    "facebook",
    "qwerty",
    "qwertz",
    "azerty",
    "asdf",
    "asdfgh",
    "zxcv",
    "zxcvbn",
    "qazwsx",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "abc",
    "abcd",
    "abcdef",
    "abcdefgh",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "spring",
    "summer",
    "autumn",
    "fall",
    "winter",
    "hospital",
    "clinic",
    "medical",
    "medicine",
    "health",
    "healthcare",
    "doctor",
    "nurse",
    "physician",
    "patient",
    "surgery",
    "pharmacy",
    "wardstone",
    "this",
    "is",
    "my",
    "the",
    "and",
    "a",
    "an",
    "i",
    "you",
    "me",
    "it",
    "for",
    "of",
    "to",
    "in",
    "new",
    "old",
    "good",
    "best",
    "please",
    "correcthorsebatterystaple",
    "correct",
    "horse",
    "battery",
    "staple",
];
/// Runs along the keyboard or the alphabet.
const RUNS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
];
const RUN_CHARS_MIN: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    #[error("a password has at most {PASSWORD_CHARS_MAX} characters")]
    TooLong,
    #[error("this password is among the first that guessers try")]
    Common,
    #[error("a password is not made of the login, the name or the organization")]
    Context,
}

/// In Unicode normalization form C (RFC 8265, 4.2), so that one password is one, however a keyboard composes it.
pub(crate) fn normalized(password: &str) -> Zeroizing<String> {
    // Longer than any that is accepted: it matches nothing, and normalizing it would only cost.
    let cut = password.char_indices().nth(PASSWORD_CHARS_MAX * 2).map_or(password.len(), |(at, _)| at);
    Zeroizing::new(password[..cut].nfc().collect())
}

/// `context` holds words of which no password is made: login, names, organization.
pub fn check(password: &str, context: &[&str]) -> Result<(), PasswordRefusal> {
    let password = normalized(password);
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(PasswordRefusal::TooShort);
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(PasswordRefusal::TooLong);
    }
    if is_made_of(&password, WORDS.iter().copied()) {
        return Err(PasswordRefusal::Common);
    }
    let words: Vec<String> = context.iter().flat_map(|text| pieces(text)).collect();
    if !words.is_empty() && is_made_of(&password, words.iter().map(String::as_str).chain(WORDS.iter().copied())) {
        return Err(PasswordRefusal::Context);
    }
    Ok(())
}

/// Lower case, usual substitutions undone.
fn plain(c: char) -> char {
    match c.to_lowercase().next().unwrap_or(c) {
        '@' | '4' => 'a',
        '0' => 'o',
        '3' => 'e',
        '$' | '5' => 's',
        '!' | '1' => 'i',
        '7' => 't',
        other => other,
    }
}

/// The words of a name, and all of them in one.
fn pieces(text: &str) -> Vec<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 3)
        .map(str::to_owned)
        .collect();
    let whole = words.concat();
    words.into_iter().chain((!whole.is_empty()).then_some(whole)).collect()
}

/// Whether nothing is left but at most three characters, once words, runs, repetitions, digits and signs are taken away.
fn is_made_of<'a>(password: &str, words: impl Iterator<Item = &'a str>) -> bool {
    const REST_CHARS_MAX: usize = 3;
    let typed: Zeroizing<Vec<char>> = Zeroizing::new(password.chars().collect());
    let chars: Zeroizing<Vec<char>> = Zeroizing::new(typed.iter().copied().map(plain).collect());
    let words: Vec<Vec<char>> = words.map(|word| word.chars().map(plain).collect()).collect();
    // rest[i]: the fewest characters that no word covers, of the first i.
    let mut rest = vec![0; chars.len() + 1];
    for end in 1..=chars.len() {
        let is_filler = !typed[end - 1].is_alphabetic() || (end > 1 && chars[end - 1] == chars[end - 2]);
        rest[end] = rest[end - 1] + usize::from(!is_filler);
        for word in &words {
            if end >= word.len() && chars[end - word.len()..end] == word[..] {
                rest[end] = rest[end].min(rest[end - word.len()]);
            }
        }
        if let Some(from) = run_before(&chars[..end]) {
            rest[end] = rest[end].min(rest[from]);
        }
    }
    rest[chars.len()] <= REST_CHARS_MAX
}

/// Where the longest keyboard or alphabet run that ends here begins.
fn run_before(chars: &[char]) -> Option<usize> {
    RUNS.iter()
        .filter_map(|run| {
            let run: Vec<char> = run.chars().map(plain).collect();
            let length = (RUN_CHARS_MIN..=chars.len().min(run.len()))
                .take_while(|length| run.windows(*length).any(|part| part == &chars[chars.len() - length..]))
                .last()?;
            Some(chars.len() - length)
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> Option<PasswordRefusal> {
        check(password, &["anna.berg", "Anna Berg", "Lakeside Family Clinic"]).err()
    }

    #[test]
    fn length_counts_characters_and_no_composition_is_asked() {
        assert_eq!(refusal("grüne Wölfe"), Some(PasswordRefusal::TooShort));
        assert_eq!(refusal("grüne Wölfe tanzen"), None);
        assert_eq!(refusal("плавает тихий кит"), None);
        assert_eq!(refusal(&"vk".repeat(64)), None);
        assert_eq!(refusal(&"vk".repeat(65)), Some(PasswordRefusal::TooLong));
    }

    #[test]
    fn what_guessers_try_first_is_refused_in_every_dress() {
        for password in [
            "password1234",
            "P@ssw0rd2026!",
            "Welcome2026!!",
            "qwertyuiop123",
            "aaaaaaaaaaaaa",
            "123456789012",
            "Summer2026Summer",
            "letmeinletmein",
            "iloveyou2026!",
            "abcdefghijkl",
            "HospitalAdmin1",
            "changeme12345",
            "Passw0rdPassw0rd",
            "1qaz2wsx3edc",
            "correct horse battery staple",
            "this is my password",
        ] {
            assert_eq!(refusal(password), Some(PasswordRefusal::Common), "{password}");
        }
    }

    #[test]
    fn the_own_login_name_or_organization_is_refused() {
        for password in ["annaberg2026!", "Lakeside2026!", "anna.berg.anna", "LakesideFamilyClinic"] {
            assert_eq!(refusal(password), Some(PasswordRefusal::Context), "{password}");
        }
        assert_eq!(refusal("my lakeside canoe drifts"), None);
    }

    #[test]
    fn composed_and_decomposed_are_one_password() {
        assert_eq!(*normalized("caf\u{e9}"), *normalized("cafe\u{301}"));
    }
}
