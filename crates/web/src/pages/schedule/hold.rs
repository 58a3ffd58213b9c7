//! The time of an appointment: whether it is free, and how a transaction takes it.

use record::RecordError;

use super::{Calendar, Taken};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Visit};
use crate::clinic::day::Day;
use crate::clinic::moves::Change;
use crate::clinic::slots;
use crate::refusal::Refusal;

/// Whether a time can be had. Who is moved is not in their own way.
pub async fn is_free(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    calendar: &Calendar,
    start_ms: i64,
    moved: Option<&Visit>,
) -> Result<bool, Refusal> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let day = Day::of(start_ms, zone);
    let taken = Taken::between(asking, &day, &day, Some(calendar)).await?;
    let around = Around::of(&[&taken.booked], &day);
    let resources = taken.booked.resources();
    let visits: Vec<Visit> = resources.iter().filter_map(|one| Visit::of(one, &around, now_ms, zone)).collect();
    let visits: Vec<&Visit> = visits.iter().filter(|one| moved.is_none_or(|moved| moved.id != one.id)).collect();
    let minute = day.minute_of(start_ms);
    let open = slots::open_minutes(&day, asked.web.hours(), &calendar.rules);
    let cells = slots::column(&day, &[minute], &open, &visits, &taken.held(&calendar.schedule), now_ms);
    Ok(cells.iter().all(slots::Cell::is_free))
}

/// The slot of the time, taken by this transaction: made, or made busy again from the version that is free now. Whoever took it after
/// the calendar was looked at has it.
pub async fn slot(
    asking: &Asking<'_>,
    calendar: &Calendar,
    start_ms: i64,
    now: &str,
) -> Result<(String, Change), Refusal> {
    let id = slots::id(&calendar.schedule, start_ms);
    let held = match asking.read("Slot", &id).await {
        Ok(held) => {
            let slot = held.get().tree()?;
            if slots::is_busy(&slot) {
                return Err(RecordError::ExistsAlready.into());
            }
            Some(held.get().version())
        }
        Err(RecordError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let change = Change {
        method: "PUT",
        url: format!("Slot/{id}"),
        if_match: held,
        is_new: held.is_none(),
        resource: slots::busy(&calendar.schedule, start_ms, now),
    };
    Ok((id, change))
}
