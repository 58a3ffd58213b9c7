//! Calendar files for visits (RFC 5545, RFC 5546), without a word of what the visit is about.
//!
//! Seven lines are needed and no parser; the libraries bring a clock of their own (DTSTAMP), which here is an argument.

use crate::{TelehealthError, UnixMs};

/// Octets in a line before it is folded (RFC 5545, 3.1).
const LINE_OCTETS_MAX: usize = 75;
const TEXT_CHARS_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Of which nobody expects an answer.
    Publish,
    Request,
    Cancel,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Method::Publish => "PUBLISH",
            Method::Request => "REQUEST",
            Method::Cancel => "CANCEL",
        }
    }
}

/// What the calendar learns: a time, an organization and where to go.
#[derive(Debug, Clone)]
pub struct Invitation<'a> {
    /// Opaque and the same for all versions of one visit.
    pub uid: &'a str,
    /// Rises with every change.
    pub sequence: u32,
    pub start_ms: UnixMs,
    pub end_ms: UnixMs,
    pub organization: &'a str,
    /// `mailto:` address of the organization.
    pub organizer: &'a str,
    pub attendee: Option<&'a str>,
    /// The page to join from. Whoever puts a link's secret here gives the calendar's provider the link.
    pub url: Option<&'a str>,
}

/// The whole file, with CRLF line ends, as `text/calendar; charset=utf-8; method=…`.
pub fn calendar(method: Method, invitation: &Invitation<'_>, now_ms: UnixMs) -> Result<String, TelehealthError> {
    if invitation.end_ms <= invitation.start_ms {
        return Err(TelehealthError::Slot);
    }
    let status = if method == Method::Cancel { "CANCELLED" } else { "CONFIRMED" };
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Wardstone//Visits//EN".to_owned(),
        format!("METHOD:{}", method.word()),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", text(invitation.uid)?),
        format!("SEQUENCE:{}", invitation.sequence),
        format!("DTSTAMP:{}", utc(now_ms)?),
        format!("DTSTART:{}", utc(invitation.start_ms)?),
        format!("DTEND:{}", utc(invitation.end_ms)?),
        format!("SUMMARY:{}", text(&format!("Appointment with {}", invitation.organization))?),
        format!("STATUS:{status}"),
        "CLASS:PRIVATE".to_owned(),
        format!("ORGANIZER:{}", uri(invitation.organizer, "mailto:")?),
    ];
    if let Some(attendee) = invitation.attendee {
        lines.push(format!("ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=FALSE:{}", uri(attendee, "mailto:")?));
    }
    if let Some(url) = invitation.url {
        lines.push(format!("URL:{}", uri(url, "https://")?));
    }
    lines.push("END:VEVENT".to_owned());
    lines.push("END:VCALENDAR".to_owned());
    let mut out = String::new();
    for line in &lines {
        fold(line, &mut out);
    }
    Ok(out)
}

fn utc(at_ms: UnixMs) -> Result<String, TelehealthError> {
    let at = jiff::Timestamp::from_millisecond(at_ms).map_err(|_| TelehealthError::Calendar("time"))?;
    Ok(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// TEXT (3.3.11): backslash, semicolon, comma and line ends are escaped; other control characters are refused.
fn text(value: &str) -> Result<String, TelehealthError> {
    if value.chars().count() > TEXT_CHARS_MAX {
        return Err(TelehealthError::Calendar("text too long"));
    }
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    out.push_str("\\n");
                }
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push(c),
            c if c.is_control() => return Err(TelehealthError::Calendar("control character")),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// URI and CAL-ADDRESS are not escaped, so that nothing in them may end a line.
fn uri<'a>(value: &'a str, scheme: &str) -> Result<&'a str, TelehealthError> {
    let plain = value.is_ascii() && value.bytes().all(|byte| byte.is_ascii_graphic()) && value.len() <= TEXT_CHARS_MAX;
    if plain && value.starts_with(scheme) { Ok(value) } else { Err(TelehealthError::Calendar("address")) }
}

/// Lines of at most 75 octets, never broken within a character.
fn fold(line: &str, out: &mut String) {
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE_OCTETS_MAX {
            out.push_str("\r\n ");
            octets = 1;
        }
        out.push(c);
        octets += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn invitation() -> Invitation<'static> {
        Invitation {
            uid: "3f9c@visits.example.org",
            sequence: 2,
            start_ms: 1_800_000_000_000,
            end_ms: 1_800_001_200_000,
            organization: "Clinic; North, \\ Hill",
            organizer: "mailto:visits@example.org",
            attendee: None,
            url: Some("https://clinic.example.org/visit"),
        }
    }

    #[test]
    fn a_request_reads_as_rfc_5545_writes_it() {
        let file = calendar(Method::Request, &invitation(), 1_799_000_000_000).unwrap();
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Wardstone//Visits//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:3f9c@visits.example.org\r\nSEQUENCE:2\r\nDTSTAMP:20270103T181320Z\r\nDTSTART:20270115T080000Z\r\nDTEND:20270115T082000Z\r\nSUMMARY:Appointment with Clinic\\; North\\, \\\\ Hill\r\nSTATUS:CONFIRMED\r\nCLASS:PRIVATE\r\nORGANIZER:mailto:visits@example.org\r\nURL:https://clinic.example.org/visit\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(file, expected);
    }

    #[test]
    fn a_cancellation_says_so_twice() {
        let file = calendar(Method::Cancel, &invitation(), 0).unwrap();
        assert!(file.contains("\r\nMETHOD:CANCEL\r\n") && file.contains("\r\nSTATUS:CANCELLED\r\n"));
    }

    #[test]
    fn an_address_cannot_add_a_line() {
        let mut bad = invitation();
        bad.url = Some("https://x\r\nATTENDEE:mailto:eve@example.org");
        assert!(calendar(Method::Request, &bad, 0).is_err());
        bad.url = Some("javascript:alert(1)");
        assert!(calendar(Method::Request, &bad, 0).is_err());
    }

    proptest! {
        #[test]
        fn any_name_stays_one_property_in_lines_of_75_octets(name in "\\PC{0,200}") {
            let name = name.as_str();
            let file = calendar(Method::Request, &Invitation { organization: name, ..invitation() }, 0).unwrap();
            for line in file.split("\r\n") {
                prop_assert!(line.len() <= LINE_OCTETS_MAX);
            }
            let unfolded = file.replace("\r\n ", "");
            prop_assert_eq!(unfolded.lines().count(), 17);
            let summary = unfolded.split("\r\n").find_map(|line| line.strip_prefix("SUMMARY:Appointment with ")).unwrap();
            let mut read = String::new();
            let mut characters = summary.chars();
            while let Some(c) = characters.next() {
                read.push(if c == '\\' { characters.next().unwrap() } else { c });
            }
            prop_assert_eq!(read, name);
        }
    }
}
