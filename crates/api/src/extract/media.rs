//! Content types, in and out (R4 http.html#mime-type): JSON only, UTF-8 only, FHIR 4.0 only.

use http::{HeaderMap, header};

use crate::error::ApiError;

/// R4 http.html#version-parameter.
const FHIR_VERSION: &str = "4.0";

/// Whether a JSON answer is acceptable. `_format` stands above `Accept`.
pub fn accept(headers: &HeaderMap, format: Option<&str>) -> Result<(), ApiError> {
    if let Some(format) = format {
        let essence = format.split(';').next().unwrap_or_default().trim();
        // An unescaped plus reads as a space.
        let is_json = ["json", "text/json", "application/json", "application/fhir+json", "application/fhir json"]
            .iter()
            .any(|known| essence.eq_ignore_ascii_case(known));
        return if is_json && is_version(format.split(';').skip(1)) { Ok(()) } else { Err(ApiError::NotAcceptable) };
    }
    let first = headers.get(header::ACCEPT).map(|value| value.as_bytes());
    if matches!(first, None | Some(b"*/*" | b"application/fhir+json")) {
        return Ok(());
    }
    // The most specific range that covers a type decides (RFC 9110 section 12.5.1).
    let mut best = [(0u8, 0u16); 2];
    let mut is_empty = true;
    for value in headers.get_all(header::ACCEPT) {
        let Ok(value) = value.to_str() else { return Err(ApiError::NotAcceptable) };
        for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            is_empty = false;
            let mut parts = range.split(';');
            let essence = parts.next().unwrap_or_default().trim();
            if !is_version(parts.clone()) {
                continue;
            }
            let quality = parts.find_map(|p| parameter(p, "q")).map_or(1000, quality);
            for (held, media) in best.iter_mut().zip(["application/fhir+json", "application/json"]) {
                let specificity = specificity(essence, media);
                if specificity > held.0 {
                    *held = (specificity, quality);
                }
            }
        }
    }
    if is_empty || best.iter().any(|(_, quality)| *quality > 0) { Ok(()) } else { Err(ApiError::NotAcceptable) }
}

/// Whether the body is of one of the `wanted` types.
pub fn is_content_type(headers: &HeaderMap, wanted: &[&str]) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim();
    wanted.iter().any(|known| essence.eq_ignore_ascii_case(known))
        && is_version(parts.clone())
        && parts.filter_map(|p| parameter(p, "charset")).all(|charset| charset.eq_ignore_ascii_case("utf-8"))
}

fn specificity(range: &str, media: &str) -> u8 {
    if range.eq_ignore_ascii_case(media) {
        3
    } else if range.eq_ignore_ascii_case("application/*") {
        2
    } else if range == "*/*" || range == "*" {
        1
    } else {
        0
    }
}

/// In thousandths; what is no quality counts as 0.
fn quality(text: &str) -> u16 {
    text.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1000.0).round() as u16)
}

fn is_version<'p>(mut parameters: impl Iterator<Item = &'p str>) -> bool {
    parameters.all(|p| parameter(p, "fhirVersion").is_none_or(|version| version == FHIR_VERSION))
}

/// The value of `name=value`, without quotes.
fn parameter<'p>(text: &'p str, name: &str) -> Option<&'p str> {
    let (held, value) = text.split_once('=')?;
    held.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn accept_is_weighed_as_http_says() {
        for (value, expected) in [
            ("application/fhir+json", true),
            ("application/json", true),
            ("APPLICATION/JSON", true),
            ("*/*", true),
            ("application/*", true),
            ("", true),
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/fhir+json; fhirVersion=4.0", true),
            ("application/fhir+json; fhirVersion=\"4.0\"; charset=utf-8", true),
            ("application/fhir+json; fhirVersion=3.0", false),
            ("application/fhir+xml", false),
            ("text/turtle", false),
            ("text/html", false),
            ("application/fhir+json;q=0", false),
            ("application/json;q=0, application/fhir+json;q=0, */*", false),
            ("*/*;q=0", false),
            ("*/*;q=0, application/fhir+json;q=0.1", true),
            ("application/fhir+xml, application/fhir+json;q=0.1", true),
        ] {
            assert_eq!(accept(&headers(header::ACCEPT, value), None).is_ok(), expected, "{value}");
        }
        assert!(accept(&HeaderMap::new(), None).is_ok());
    }

    #[test]
    fn the_format_parameter_stands_above_accept() {
        let xml = headers(header::ACCEPT, "application/fhir+xml");
        for format in ["json", "application/json", "application/fhir+json", "application/fhir json", "text/json"] {
            assert!(accept(&xml, Some(format)).is_ok(), "{format}");
        }
        for format in ["xml", "ttl", "application/fhir+xml", "html", "", "application/fhir+json; fhirVersion=5.0"] {
            assert!(accept(&HeaderMap::new(), Some(format)).is_err(), "{format}");
        }
    }

    #[test]
    fn bodies_are_json_in_utf_8() {
        let fhir = ["application/fhir+json", "application/json"];
        for (value, expected) in [
            ("application/fhir+json", true),
            ("application/json; charset=UTF-8", true),
            ("application/fhir+json;fhirVersion=4.0;charset=\"utf-8\"", true),
            ("application/fhir+json; charset=latin1", false),
            ("application/fhir+json; fhirVersion=5.0", false),
            ("application/fhir+xml", false),
            ("text/plain", false),
        ] {
            assert_eq!(is_content_type(&headers(header::CONTENT_TYPE, value), &fhir), expected, "{value}");
        }
        assert!(!is_content_type(&HeaderMap::new(), &fhir));
    }
}
