//! Text as string search compares it: without case, accents, punctuation and surplus space (R4 search.html#string).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    let mut put = |c: char| {
        if c.is_whitespace() {
            space = !out.is_empty();
        } else if !is_ignored(c) {
            if space {
                out.push(' ');
                space = false;
            }
            out.push(c);
        }
    };
    if text.is_ascii() {
        text.bytes().for_each(|b| put(char::from(b.to_ascii_lowercase())));
    } else {
        // Lower case may decompose again (İ), so marks go last.
        text.nfkd().flat_map(char::to_lowercase).nfkd().filter(|c| !is_combining_mark(*c)).for_each(put);
    }
    out
}

/// Whether `fold(value)` starts with `folded`, without building it while the value is ASCII.
pub fn starts_with(value: &[u8], folded: &[u8]) -> bool {
    let mut wanted = folded.iter();
    let (mut begun, mut space) = (false, false);
    if wanted.len() == 0 {
        return true;
    }
    for &b in value {
        if b >= 0x80 {
            return fold(text(value).as_ref()).as_bytes().starts_with(folded);
        }
        if char::from(b).is_whitespace() {
            space = begun;
            continue;
        }
        if is_ignored(char::from(b)) {
            continue;
        }
        if space {
            // Letters further on cannot undo a difference here: combining marks only drop.
            if wanted.next() != Some(&b' ') {
                return false;
            }
            space = false;
        }
        begun = true;
        match wanted.next() {
            None => return true,
            Some(&w) if w == b.to_ascii_lowercase() => {}
            Some(_) => return false,
        }
        if wanted.len() == 0 {
            return true;
        }
    }
    wanted.len() == 0
}

pub fn contains(value: &[u8], folded: &str) -> bool {
    fold(text(value).as_ref()).contains(folded)
}

/// Stored text is UTF-8 by construction.
pub fn text(value: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(value)
}

fn is_ignored(c: char) -> bool {
    match c {
        '!' | '"' | '#' | '%' | '&' | '\'' | '(' | ')' | '*' | ',' | '-' | '.' | '/' => true,
        ':' | ';' | '?' | '@' | '[' | '\\' | ']' | '_' | '`' | '{' | '}' => true,
        '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{B4}' | '\u{2BC}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_drops_case_accents_punctuation_and_surplus_space() {
        for (text, expected) in [
            ("  O'Brien-Smythe ", "obriensmythe"),
            ("Zoë", "zoe"),
            ("Zoe\u{308}", "zoe"),
            ("İzmir", "izmir"),
            ("a\t -  b", "a b"),
            ("ÀÉÎõü", "aeiou"),
            ("\u{a0}ﬁne", "fine"),
            ("Straße", "straße"),
            ("A+ $5", "a+ $5"),
            ("--", ""),
        ] {
            assert_eq!(fold(text), expected, "{text}");
        }
    }

    #[test]
    fn the_short_way_agrees_with_folding() {
        let pieces = ["a", "B", " ", "  ", "-", "'", "é", "e\u{301}", "İ", ".", "\t", "ß", "ab", "\u{a0}", "\u{1}"];
        let mut values = vec![String::new()];
        for _ in 0..4 {
            let longer: Vec<String> =
                values.iter().flat_map(|v| pieces.iter().map(move |p| format!("{v}{p}"))).collect();
            values = longer.into_iter().step_by(3).collect();
        }
        let wanted: Vec<String> =
            ["a", "a b", "ab", "b", "ea", "e", "i", "a e", "bab", "ae b"].iter().map(|w| fold(w)).collect();
        for value in &values {
            for w in &wanted {
                let folded = fold(value);
                assert_eq!(
                    starts_with(value.as_bytes(), w.as_bytes()),
                    folded.starts_with(w.as_str()),
                    "{value:?} {w:?}"
                );
            }
        }
    }
}
