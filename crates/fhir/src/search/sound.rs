//! How names sound: Double Metaphone (Philips, 2000), so that Meyer is found as Maier and Schmidt as Smith.

use std::sync::OnceLock;

use rphonetic::DoubleMetaphone;

use super::fold;

/// Letters of a code. The four of the original put Christine and Christopher together; names are told apart by a few more.
const CODE_LETTERS: usize = 6;
/// Bytes of a word that are listened to.
const WORD_BYTES_MAX: usize = 64;

/// Every code of every word of a name. A hyphen parts words, as people look for either half of a double name. What has no Latin
/// letters has no sound here.
pub fn codes(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| c.is_whitespace() || c == '-').flat_map(|word| {
        let letters: String = fold::fold(word).chars().filter(char::is_ascii_alphabetic).take(WORD_BYTES_MAX).collect();
        let found = (!letters.is_empty()).then(|| encoder().double_metaphone(&letters));
        let both = found.map(|found| (found.primary(), found.alternate()));
        both.into_iter().flat_map(|(one, other)| {
            let other = (other != one).then_some(other);
            std::iter::once(one).chain(other).filter(|code| !code.is_empty())
        })
    })
}

fn encoder() -> &'static DoubleMetaphone {
    static ENCODER: OnceLock<DoubleMetaphone> = OnceLock::new();
    ENCODER.get_or_init(|| DoubleMetaphone::new(Some(CODE_LETTERS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(a: &str, b: &str) -> bool {
        codes(a).any(|code| codes(b).any(|other| code == other))
    }

    #[test]
    fn names_that_sound_alike_share_a_code_and_others_do_not() {
        for (a, b) in [
            ("Meyer", "Maier"),
            ("Smith", "Schmidt"),
            ("Catherine", "Kathryn"),
            ("Stephen", "Steven"),
            ("Nguyen", "nguyen"),
            ("Rodríguez", "Rodrigues"),
            ("Philip", "Fillip"),
            ("Smith-Jones", "Jones"),
            ("O'Brien", "OBrian"),
        ] {
            assert!(alike(a, b), "{a} and {b}");
        }
        for (a, b) in [("Meyer", "Miller"), ("Christine", "Christopher"), ("Adeyemi", "Brandt"), ("Ruth", "Susan")] {
            assert!(!alike(a, b), "{a} and {b}");
        }
        assert_eq!(codes("李 -  ' 42").count(), 0);
    }
}
