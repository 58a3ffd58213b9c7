//! Times on the wire: FHIR instants in bodies and parameters, HTTP dates in headers.

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// `2026-01-31T12:00:00.000Z`. A time that no calendar has is a defect of the clock, shown as 1970.
pub fn instant(time_ms: i64) -> String {
    format!("{:.3}", timestamp(time_ms))
}

/// `Sat, 31 Jan 2026 12:00:00 GMT` (RFC 9110 section 5.6.7).
pub fn http_date(time_ms: i64) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp(time_ms)).unwrap_or_default()
}

/// Seconds since 1970.
pub fn parse_http_date(text: &str) -> Option<i64> {
    DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::as_second)
}

/// Milliseconds since 1970 of a FHIR instant.
pub fn parse_instant(text: &str) -> Option<i64> {
    let parsed = text.parse::<Timestamp>().ok().filter(|_| fhir::primitive::is_instant(text))?;
    Some(parsed.as_millisecond())
}

fn timestamp(time_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_write_alike() {
        assert_eq!(instant(1_769_860_800_007), "2026-01-31T12:00:00.007Z");
        assert_eq!(http_date(1_769_860_800_999), "Sat, 31 Jan 2026 12:00:00 GMT");
        assert_eq!(parse_http_date("Sat, 31 Jan 2026 12:00:00 GMT"), Some(1_769_860_800));
        assert_eq!(parse_instant("2026-01-31T13:00:00.007+01:00"), Some(1_769_860_800_007));
        assert_eq!(parse_instant("2026-01-31"), None);
        assert_eq!(parse_instant("2026-01-31T13:00:00"), None);
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
