//! What the panels of a chart read with: the names behind references, the clinic's clock, and what is new to whoever looks.

use std::collections::HashMap;

use access::Caller;
use fhir::Json;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clinic::ask::Sheet;
use crate::clinic::day::{self, Day};
use crate::clinic::names::Names;
use crate::clinic::read::text;
use crate::clinic::time;

pub struct Reading<'a> {
    pub names: &'a Names,
    zone: TimeZone,
    /// `Type/id` of what came or changed since, and which of both.
    news: HashMap<String, &'static str>,
    /// Open reports by the observations that they are made of.
    reports: HashMap<String, String>,
}

impl<'a> Reading<'a> {
    /// With nothing new, in UTC: where rows become words elsewhere.
    pub fn plain(names: &'a Names) -> Self {
        Self { names, zone: TimeZone::UTC, news: HashMap::new(), reports: HashMap::new() }
    }

    pub fn at(names: &'a Names, zone: &TimeZone) -> Self {
        Self { zone: zone.clone(), ..Self::plain(names) }
    }

    /// Of what the caller was shown: what others wrote after that moment. What they were not shown is in no sheet, and so in no count.
    pub fn add_news<'s>(&mut self, sheets: impl Iterator<Item = &'s Sheet>, caller: &Caller, since_ms: i64) {
        for sheet in sheets {
            let came = sheet.versions().filter(|one| one.last_updated_ms() > since_ms && !one.is_written_by(caller));
            self.news.extend(came.map(|one| {
                let mark = if one.version() == 1 { "new" } else { "changed" };
                (format!("{}/{}", one.type_name(), one.id()), mark)
            }));
        }
    }

    pub fn add_report(&mut self, observation_id: &str, report_id: &str) {
        self.reports.entry(observation_id.to_owned()).or_insert_with(|| report_id.to_owned());
    }

    /// `new`, `changed`, or nothing.
    pub fn news(&self, one: &Json<'_>) -> Option<&'static str> {
        if self.news.is_empty() {
            return None;
        }
        let (kind, id) = (text(one, "resourceType")?, text(one, "id")?);
        self.news.get(&format!("{kind}/{id}")).copied()
    }

    /// The report that waits and that this is a result of.
    pub fn report(&self, observation: &Json<'_>) -> Option<String> {
        self.reports.get(text(observation, "id")?).cloned()
    }

    pub fn name(&self, reference: &Json<'_>) -> Option<String> {
        self.names.name(reference)
    }

    /// The day that FHIR means, on the clinic's calendar.
    pub fn day(&self, fhir: &str) -> String {
        day::day_of(fhir, &self.zone)
    }

    /// `02-Nov-2026 10:12` on the clinic's clock; the day alone where no time was written.
    pub fn moment(&self, fhir: &str) -> String {
        match fhir.parse::<Timestamp>() {
            Ok(at) => moment(at.as_millisecond(), &self.zone),
            Err(_) => time::moment(fhir),
        }
    }
}

/// `02-Nov-2026 10:12` on the clinic's clock.
pub fn moment(ms: i64, zone: &TimeZone) -> String {
    format!("{} {}", Day::of(ms, zone).short(), day::clock(ms, zone))
}

/// `America/New_York`, or what the offset is where the zone has no name.
pub fn zone_name(zone: &TimeZone, now_ms: i64) -> String {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    zone.iana_name().map_or_else(|| format!("UTC{}", zone.to_offset(now)), str::to_owned)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_clinics_clock_and_days_stay_days() {
        let names = Names::default();
        let reading = Reading::at(&names, &TimeZone::get("America/New_York").unwrap());
        for (fhir, said) in [
            ("2026-11-02T10:12:00Z", "02-Nov-2026 05:12"),
            ("2026-11-02T10:12:00-07:00", "02-Nov-2026 12:12"),
            ("2026-07-02T02:00:00Z", "01-Jul-2026 22:00"),
            ("2026-11-02", "02-Nov-2026"),
            ("2026-11", "Nov-2026"),
        ] {
            assert_eq!(reading.moment(fhir), said);
        }
        assert_eq!(zone_name(&TimeZone::get("America/New_York").unwrap(), 0), "America/New_York");
    }
}
