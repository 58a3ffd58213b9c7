//! Conditional headers: `If-Match` and `If-None-Match` on writes, `If-None-Match` and `If-Modified-Since` on reads.

use http::{HeaderMap, header};
use record::{Preconditions, Version};

use super::text;
use crate::error::ApiError;
use crate::respond::time;

/// Of a write. Versions are the only entity tags there are, so strong and weak tags compare alike.
pub fn preconditions(headers: &HeaderMap) -> Result<Preconditions, ApiError> {
    let malformed = |name| ApiError::Header { name, problem: "expected one entity tag: W/\"version\"" };
    let if_match = match text(headers, &header::IF_MATCH, "If-Match")? {
        None => None,
        Some(value) => {
            let tag = opaque(value.trim()).ok_or(malformed("If-Match"))?;
            Some(tag.parse().map_err(|_| ApiError::UnknownTag)?)
        }
    };
    let if_none_match = match text(headers, &header::IF_NONE_MATCH, "If-None-Match")?.map(str::trim) {
        None => false,
        Some("*") => true,
        Some(_) => return Err(ApiError::Header { name: "If-None-Match", problem: "a write takes only *" }),
    };
    Ok(Preconditions { if_match, if_none_match })
}

/// Whether the client of a read has this version already (304). `If-None-Match` stands above `If-Modified-Since`.
pub fn is_unmodified(headers: &HeaderMap, version: &Version) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        return values
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || opaque(tag).and_then(|tag| tag.parse().ok()) == Some(version.version()));
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    // Dates in headers have seconds: a version is as old as its second.
    since.and_then(time::parse_http_date).is_some_and(|since_s| version.last_updated_ms().div_euclid(1000) <= since_s)
}

/// `W/"3"` and `"3"` to `3`.
fn opaque(tag: &str) -> Option<&str> {
    let quoted = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('"')).then_some(inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> Result<Preconditions, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        preconditions(&headers)
    }

    #[test]
    fn if_match_names_one_version() {
        assert_eq!(with(header::IF_MATCH, "W/\"3\"").unwrap().if_match, Some(3));
        assert_eq!(with(header::IF_MATCH, "\"3\"").unwrap().if_match, Some(3));
        assert!(matches!(with(header::IF_MATCH, "W/\"abc\""), Err(ApiError::UnknownTag)));
        for malformed in ["3", "*", "W/3", "W/\"1\", W/\"2\"", ""] {
            assert!(matches!(with(header::IF_MATCH, malformed), Err(ApiError::Header { .. })), "{malformed}");
        }
    }

    #[test]
    fn a_write_takes_only_a_star_to_match_nothing() {
        assert!(with(header::IF_NONE_MATCH, "*").unwrap().if_none_match);
        assert!(with(header::IF_NONE_MATCH, "W/\"1\"").is_err());
        assert_eq!(preconditions(&HeaderMap::new()).unwrap(), Preconditions::default());
    }
}
