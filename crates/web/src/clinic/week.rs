//! The hours of a week as somebody types them, a line for each day, and as `availableTime` of a PractitionerRole (R4) keeps them.

use fhir::Json;

use super::moves::object;
use super::read::all;
use super::rules::{DAY_MINUTES, Times};

/// As FHIR names them, and as people do.
pub const DAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

/// Minutes of one day, the last not included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Span {
    pub from: u16,
    pub until: u16,
}

/// Of one day: in order, and none meets another.
pub type Spans = Vec<Span>;

/// From Monday on. Nothing at all: whenever the organization is open.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Week([Spans; 7]);

impl Span {
    const ALL_DAY: Self = Self { from: 0, until: DAY_MINUTES };

    /// `8-12`, `08:00–12:00`, `8:30 to 12`.
    fn parse(text: &str) -> Result<Self, String> {
        let unclear = || format!("“{text}” is no time of a day. Write it as 08:00–12:00.");
        let (from, until) = text.split_once(['–', '—', '-']).or_else(|| text.split_once(" to ")).ok_or_else(unclear)?;
        let (from, until) = minute(from).zip(minute(until)).ok_or_else(unclear)?;
        match from < until {
            // FHIR has no word for midnight at the end of a day, but one for all of it.
            true if until == DAY_MINUTES && from > 0 => {
                Err(format!("“{text}” goes until midnight: 23:59 is the last."))
            }
            true => Ok(Self { from, until }),
            false => Err(format!("“{text}” ends before it begins: the afternoon is 13:00 and on.")),
        }
    }

    fn text(self) -> String {
        format!("{}–{}", clock(self.from), clock(self.until))
    }
}

impl Week {
    /// What a role says, in one line for each day whatever it was written in.
    pub fn of(role: &Json<'_>) -> Self {
        let mut week = Self::default();
        for times in all(role, "availableTime").iter().filter_map(Times::of) {
            for ((name, _), spans) in DAYS.iter().zip(&mut week.0) {
                let is_of = times.days.is_empty() || times.days.iter().any(|day| day == name);
                if is_of && times.from < times.until {
                    spans.push(Span { from: times.from, until: times.until });
                }
            }
        }
        week.0 = week.0.map(joined);
        week
    }

    /// Whether a role says anything about hours, also what no line can say: over midnight is no time to book.
    pub fn is_said(role: &Json<'_>) -> bool {
        all(role, "availableTime").iter().any(|times| Times::of(times).is_some())
    }

    /// What a role says that no line can: it stays as it is.
    pub fn unread(role: &Json<'static>) -> Vec<Json<'static>> {
        let is_line = |times: &&Json<'_>| Times::of(times).is_some_and(|times| times.from < times.until);
        all(role, "availableTime").iter().filter(|times| !is_line(times)).cloned().collect()
    }

    /// From a line for each day; what is wrong with which.
    pub fn parse(lines: [&str; 7]) -> Result<Self, Vec<(usize, String)>> {
        let mut week = Self::default();
        let mut slips = Vec::new();
        for (at, (line, held)) in lines.into_iter().zip(&mut week.0).enumerate() {
            match spans(line) {
                Ok(spans) => *held = spans,
                Err(slip) => slips.push((at, slip)),
            }
        }
        if slips.is_empty() { Ok(week) } else { Err(slips) }
    }

    /// A line for each day, as it can be typed.
    pub fn lines(&self) -> [String; 7] {
        self.0.each_ref().map(|spans| spans.iter().map(|span| span.text()).collect::<Vec<_>>().join(", "))
    }

    /// As FHIR keeps it: each span once, with the days on which it is.
    pub fn available(&self) -> Vec<Json<'static>> {
        let mut different: Vec<Span> = self.0.iter().flatten().copied().collect();
        different.sort_unstable();
        different.dedup();
        let one = |span: Span| {
            let is_of = |(_, spans): &(&(&'static str, &str), &Spans)| spans.contains(&span);
            let days = DAYS.iter().zip(&self.0).filter(is_of).map(|((name, _), _)| Json::string(*name));
            let days = ("daysOfWeek", Json::Array(days.collect()));
            if span == Span::ALL_DAY {
                return object([days, ("allDay", Json::Bool(true))]);
            }
            let time = |minute| Json::string(format!("{}:00", clock(minute)));
            object([days, ("availableStartTime", time(span.from)), ("availableEndTime", time(span.until))])
        };
        different.into_iter().map(one).collect()
    }
}

/// `08:00–12:00, 13:00–17:00`.
pub fn spans(line: &str) -> Result<Spans, String> {
    let pieces = line.split([',', ';']).map(str::trim).filter(|piece| !piece.is_empty());
    let mut spans = pieces.map(Span::parse).collect::<Result<Spans, _>>()?;
    spans.sort_unstable();
    match spans.windows(2).find(|pair| matches!(pair, [one, next] if next.from < one.until)) {
        Some([one, next]) => Err(format!("{} and {} meet.", one.text(), next.text())),
        _ => Ok(joined(spans)),
    }
}

/// Those that touch are one.
fn joined(mut spans: Spans) -> Spans {
    spans.sort_unstable();
    let mut joined: Spans = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => joined.push(span),
        }
    }
    joined
}

/// `8`, `08:30`; 24:00 is midnight.
fn minute(text: &str) -> Option<u16> {
    let digits = |text: &str| match text.len() {
        1 | 2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u16>().ok(),
        _ => None,
    };
    let (hour, minute) = match text.trim().split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (digits(hour)?, digits(minute)?),
        Some(_) => return None,
        None => (digits(text.trim())?, 0),
    };
    let at = hour * 60 + minute;
    (minute < 60 && at <= DAY_MINUTES).then_some(at)
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_people_write_it() {
        for (line, kept) in [
            ("", ""),
            (" 8-12 ", "08:00–12:00"),
            ("13:00–17:00; 8:30 to 12", "08:30–12:00, 13:00–17:00"),
            ("8-12,12-17", "08:00–17:00"),
            ("0-24", "00:00–24:00"),
        ] {
            let week = Week::parse([line, "", "", "", "", "", ""]).unwrap();
            assert_eq!(week.lines().first().unwrap(), kept, "{line}");
        }
        for (line, said) in [
            ("8", "no time of a day"),
            ("8-5", "ends before it begins"),
            ("8-12, 11-13", "08:00–12:00 and 11:00–13:00 meet"),
            ("25-26", "no time of a day"),
            ("8:5-9", "no time of a day"),
            ("20-24", "23:59 is the last"),
            ("-8-12", "no time of a day"),
        ] {
            let slips = Week::parse(["9-10", line, "", "", "", "", ""]).unwrap_err();
            assert!(matches!(&slips[..], [(1, words)] if words.contains(said)), "{line}: {slips:?}");
        }
    }

    #[test]
    fn a_week_is_kept_and_read_back() {
        let week = Week::parse(["8-12, 13-17", "8-12", "", "0-24", "", "", ""]).unwrap();
        let role = object([("availableTime", Json::Array(week.available()))]);
        assert_eq!(Week::of(&role), week);
        let said = String::from_utf8(role.to_vec()).unwrap();
        assert!(said.contains(r#""daysOfWeek":["mon","tue"],"availableStartTime":"08:00:00""#), "{said}");
        assert!(said.contains(r#""daysOfWeek":["thu"],"allDay":true"#), "{said}");
        // Of another program: every day, and times that overlap.
        let role = Json::parse_str(
            r#"{"availableTime":[{"availableStartTime":"09:00:00","availableEndTime":"12:00:00"},
                {"daysOfWeek":["sun"],"availableStartTime":"11:00:00","availableEndTime":"13:30:00"}]}"#,
        )
        .unwrap();
        assert_eq!(Week::of(&role).lines().map(|line| line.len()), [13; 7]);
        assert_eq!(Week::of(&role).lines().last().unwrap(), "09:00–13:30");
        assert!(!Week::is_said(&Json::Null) && Week::is_said(&role));
        // What no line can say is kept beside it.
        let night = r#"{"daysOfWeek":["fri"],"availableStartTime":"22:00:00","availableEndTime":"06:00:00"}"#;
        let said = format!(r#"{{"availableTime":[{night},{{"availableStartTime":"09:00:00"}}]}}"#);
        let role = Json::parse_str(&said).unwrap().into_owned();
        assert_eq!((Week::of(&role), Week::unread(&role).len()), (Week::default(), 2));
        assert!(Week::is_said(&role), "at night, so not by day");
    }
}
