//! `Prefer` (RFC 7240, R4 http.html#ops and search.html#errors).

use http::HeaderMap;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// What a write answers with; `None` if the client does not say.
    pub returning: Option<Return>,
    /// `handling=lenient`: unknown search parameters are ignored.
    pub lenient: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    Minimal,
    Representation,
    OperationOutcome,
}

impl Prefer {
    /// Preferences that are not known are ignored; of repeated ones the first counts (RFC 7240 section 2).
    pub fn of(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let mut handling = None;
        for value in headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok()) {
            for (name, value) in value.split([',', ';']).filter_map(|p| p.split_once('=')) {
                let value = value.trim().trim_matches('"');
                if name.trim().eq_ignore_ascii_case("return") {
                    prefer.returning = prefer.returning.or(Return::parse(value));
                } else if name.trim().eq_ignore_ascii_case("handling") {
                    handling = handling.or(Some(value.eq_ignore_ascii_case("lenient")));
                }
            }
        }
        prefer.lenient = handling.unwrap_or(false);
        prefer
    }
}

impl Return {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "minimal" => Some(Return::Minimal),
            "representation" => Some(Return::Representation),
            "OperationOutcome" => Some(Return::OperationOutcome),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(values: &[&str]) -> Prefer {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value.parse().unwrap());
        }
        Prefer::of(&headers)
    }

    #[test]
    fn preferences_are_read_however_they_are_joined() {
        let both = Prefer { returning: Some(Return::Minimal), lenient: true };
        assert_eq!(of(&["return=minimal, handling=lenient"]), both);
        assert_eq!(of(&["return=minimal; handling=lenient"]), both);
        assert_eq!(of(&["return=\"minimal\"", "HANDLING=lenient", "return=representation"]), both);
        assert_eq!(of(&["respond-async"]), Prefer::default());
        assert_eq!(of(&["return=everything, handling=strict, handling=lenient"]), Prefer::default());
        assert_eq!(of(&["return=OperationOutcome"]).returning, Some(Return::OperationOutcome));
    }
}
