//! `application/x-www-form-urlencoded` pairs, in addresses, forms and `If-None-Exist`. Malformed encoding is an error: a
//! search for something else than was meant must not answer.

use std::borrow::Cow;

use crate::error::ApiError;

/// Pairs in their order, names may repeat.
pub type OwnedPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

pub const PAIRS_MAX: usize = 128;

pub fn parse_pairs(text: &str) -> Result<OwnedPairs<'_>, ApiError> {
    let mut pairs = Vec::new();
    for piece in text.split('&').filter(|piece| !piece.is_empty()) {
        if pairs.len() == PAIRS_MAX {
            return Err(ApiError::Parameter { name: "the query", problem: "more than 128 parameters" });
        }
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        pairs.push((percent_decode(name, true)?, percent_decode(value, true)?));
    }
    Ok(pairs)
}

/// The first value of a parameter.
pub fn find<'p>(pairs: &'p [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_ref())
}

/// The other way, for links.
pub fn encode_pairs<'p>(pairs: impl Iterator<Item = &'p (Cow<'p, str>, Cow<'p, str>)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        encode(name, &mut query);
        query.push('=');
        encode(value, &mut query);
    }
    query
}

/// `is_form`: a plus stands for a space.
pub fn percent_decode(text: &str, is_form: bool) -> Result<Cow<'_, str>, ApiError> {
    if !text.bytes().any(|b| b == b'%' || (is_form && b == b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' if is_form => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or(ApiError::Encoding);
                (digit()? * 16 + digit()?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| ApiError::Encoding)
}

/// Leaves what a query may hold and FHIR often does; all else is encoded.
fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,$!*@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn pairs_are_decoded_in_order() {
        let pairs = parse_pairs("a=1&b=%C3%A4+x&&a=2&flag&c=x%3Dy=z").unwrap();
        let plain: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        assert_eq!(plain, [("a", "1"), ("b", "ä x"), ("a", "2"), ("flag", ""), ("c", "x=y=z")]);
        assert_eq!(find(&pairs, "a"), Some("1"));
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let pairs = parse_pairs("birthdate=ge2000&name:exact=%C3%A4+%26%3D%2B%25&identifier=urn:x%7C1").unwrap();
        let encoded = encode_pairs(pairs.iter());
        assert_eq!(encoded, "birthdate=ge2000&name:exact=%C3%A4%20%26%3D%2B%25&identifier=urn:x%7C1");
        assert_eq!(parse_pairs(&encoded).unwrap(), pairs);
    }

    #[test]
    fn malformed_encoding_is_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%+1", "%ff=1", "a=%C3"] {
            assert!(matches!(parse_pairs(text), Err(ApiError::Encoding)), "{text}");
        }
        let many = "a=1&".repeat(PAIRS_MAX + 1);
        assert!(parse_pairs(&many).is_err());
    }
}
