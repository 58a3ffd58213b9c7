//! The time of an appointment: whether it is free, and how a transaction takes it. Whatever is longer than a slot holds each of those
//! that it reaches into.

use record::RecordError;

use super::Taken;
use super::wanted::{MINUTE_MS, Wanted};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Visit};
use crate::clinic::day::Day;
use crate::clinic::moves::Change;
use crate::clinic::slots::{self, SLOT_MINUTES};
use crate::refusal::Refusal;

const SLOT_MS: i64 = SLOT_MINUTES as i64 * MINUTE_MS;

/// When each slot begins that a time of so many minutes reaches into.
fn starts(start_ms: i64, minutes: i64) -> impl Iterator<Item = i64> {
    let count = (minutes * MINUTE_MS + SLOT_MS - 1).div_euclid(SLOT_MS).max(1);
    (0..count).map(move |at| start_ms + at * SLOT_MS)
}

/// Whether all of a time can be had. Who is moved is not in their own way.
pub async fn is_free(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    wanted: &Wanted<'_>,
    start_ms: i64,
) -> Result<bool, Refusal> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let (calendar, day) = (wanted.calendar, Day::of(start_ms, zone));
    let moved = wanted.moved.as_ref().map(|(visit, _)| visit.id.as_str());
    let taken = Taken::between(asking, &day, &day, Some(calendar)).await?;
    let around = Around::of(&[&taken.booked], &day);
    let resources = taken.booked.resources();
    let visits: Vec<Visit> = resources.iter().filter_map(|one| Visit::of(one, &around, now_ms, zone)).collect();
    let visits: Vec<&Visit> = visits.iter().filter(|one| Some(one.id.as_str()) != moved).collect();
    let open = slots::open_minutes(&day, asked.web.hours(), &calendar.rules);
    let starts: Vec<i64> = starts(start_ms, wanted.minutes).collect();
    // What goes on after midnight is nobody's time here.
    if !starts.iter().all(|at| day.holds(*at)) {
        return Ok(false);
    }
    let minutes: Vec<u16> = starts.iter().map(|at| day.minute_of(*at)).collect();
    let held = taken.held_by_others(&calendar.schedule, moved);
    let cells = slots::column(&day, &minutes, &open, &visits, &held, now_ms);
    Ok(cells.iter().all(slots::Cell::is_free))
}

/// The slots of the time, taken by this transaction: made, or made busy again from the version that is free now. Those of `own` are
/// theirs already. Whoever took one after the calendar was looked at has it.
pub async fn slots(
    asking: &Asking<'_>,
    wanted: &Wanted<'_>,
    start_ms: i64,
    own: &[String],
    now: &str,
) -> Result<(Vec<String>, Vec<Change>), Refusal> {
    let schedule = &wanted.calendar.schedule;
    let (mut ids, mut changes) = (Vec::new(), Vec::new());
    for start_ms in starts(start_ms, wanted.minutes) {
        let id = slots::id(schedule, start_ms);
        let held = match asking.read("Slot", &id).await {
            Ok(held) => {
                let is_busy = slots::is_busy(&held.get().tree()?);
                if is_busy && own.contains(&id) {
                    ids.push(id);
                    continue;
                }
                if is_busy {
                    return Err(RecordError::ExistsAlready.into());
                }
                Some(held.get().version())
            }
            Err(RecordError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        changes.push(Change {
            method: "PUT",
            url: format!("Slot/{id}"),
            if_match: held,
            is_new: held.is_none(),
            resource: slots::busy(schedule, start_ms, now),
        });
        ids.push(id);
    }
    Ok((ids, changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reaches_into_every_slot_that_it_begins_in() {
        for (minutes, slots) in [(0, 1), (20, 1), (30, 1), (31, 2), (60, 2), (90, 3)] {
            let starts: Vec<i64> = starts(0, minutes).collect();
            assert_eq!(starts, (0..slots).map(|at| at * SLOT_MS).collect::<Vec<_>>(), "{minutes}");
        }
    }
}
