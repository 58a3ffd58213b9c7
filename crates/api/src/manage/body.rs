//! Bodies of `/manage`: JSON of a known form and size. What is wrong with one is said without repeating it.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The largest is a policy version with its sources.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Empty where nothing was sent.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let bytes = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Problem::too_large()),
        Err(_) => return Err(Problem::invalid("the body ended too early")),
    };
    // A form that another site can post without asking is never read as JSON.
    let is_json = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    if !bytes.is_empty() && !is_json { Err(Problem::media_type()) } else { Ok(bytes) }
}

/// Nothing stands for `{}`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| {
        if !error.is_data() {
            return Problem::invalid("the body is not JSON");
        }
        // Names of members that are missing are this program's own; anything else could repeat what was sent.
        let said = error.to_string();
        match said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
            Some((name, _)) => Problem::invalid(format!("the body lacks {name}")),
            None => Problem::invalid("the body has a member that is unknown or of another form"),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Asked {
        login: String,
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said_without_repeating_it() {
        for body in [r#"{"login":"#, r#"{"login":["OKAFOR"]}"#, r#"{"login":"a","OKAFOR":1}"#, "{}", ""] {
            let problem = parse::<Asked>(body.as_bytes()).map(|_| ()).map_err(|problem| format!("{problem:?}"));
            let Err(said) = problem else { panic!("{body} was taken") };
            assert!(!said.contains("OKAFOR"), "{said}");
        }
        let Err(problem) = parse::<Asked>(b"") else { panic!("nothing was taken") };
        assert!(format!("{problem:?}").contains("the body lacks login"));
    }
}
