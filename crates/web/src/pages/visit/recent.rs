//! When a patient was seen in the last half year: days to pick one from, for who comes by a link.

use telehealth::choices::{Choices, RECENT_DAYS};

use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::{Day, instant};
use crate::clinic::read::text;
use crate::clinic::time::instant_ms;
use crate::refusal::Refusal;

const DAY_MS: i64 = 86_400_000;
const NOON: u16 = 12 * 60;
/// More in half a year are not asked for; those that are not read could stand among the others, which is no harm.
const READ_MAX: &str = "100";
const SEEN: [&str; 3] = ["fulfilled", "checked-in", "arrived"];

/// Drawn once for each link. The record decides as for who makes it, and notes the look.
pub async fn choices(asked: &Asked<'_>, asking: &Asking<'_>, patient: &str) -> Result<Option<Choices>, Refusal> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let today = Day::of(now_ms, zone);
    let from = format!("ge{}", instant(today.begins_ms() - RECENT_DAYS * DAY_MS));
    let until = format!("lt{}", instant(today.begins_ms()));
    let pairs = [("patient", patient), ("date", from.as_str()), ("date", until.as_str()), ("_count", READ_MAX)];
    let sheet = asking.search("Appointment", &pairs).await?;
    let (mut seen, mut taken) = (Vec::new(), Vec::new());
    for one in &sheet.resources() {
        let Some(start_ms) = text(one, "start").and_then(instant_ms) else { continue };
        let day = Day::of(start_ms, zone);
        taken.push(day.date());
        if text(one, "status").is_some_and(|status| SEEN.contains(&status)) {
            seen.push((day.date(), day.minute_of(start_ms) < NOON));
        }
    }
    let mut is_random = true;
    let mut random = |bytes: &mut [u8]| is_random &= asked.web.guests().random(bytes);
    let drawn = Choices::draw(&seen, &taken, today.date(), &mut random);
    Ok(drawn.filter(|_| is_random))
}
