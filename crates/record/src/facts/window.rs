//! When somebody treats: intervals by practitioner, from care teams, encounters and appointments.

use store::RowNo;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// To prepare for an appointment, and to finish what it leaves to do.
pub const AROUND_APPOINTMENT_MS: i64 = DAY_MS;
/// To prepare for an encounter.
pub const BEFORE_ENCOUNTER_MS: i64 = DAY_MS;
/// Results, letters and calls after an encounter.
pub const AFTER_ENCOUNTER_MS: i64 = 30 * DAY_MS;

/// From `from_ms`, included, until `until_ms`, not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub practitioner: RowNo,
    pub from_ms: i64,
    pub until_ms: i64,
}

/// Joins what overlaps and forgets what ended before `now_ms`: time goes on, and a chart of many years stays small.
pub fn joined(mut windows: Vec<Window>, now_ms: i64) -> Box<[Window]> {
    // A day of grace, for a clock that is set back.
    windows.retain(|window| window.from_ms < window.until_ms && window.until_ms > now_ms.saturating_sub(DAY_MS));
    windows.sort_unstable();
    windows.dedup_by(|next, held| {
        let joins = next.practitioner == held.practitioner && next.from_ms <= held.until_ms;
        if joins {
            held.until_ms = held.until_ms.max(next.until_ms);
        }
        joins
    });
    windows.into_boxed_slice()
}

pub fn is_open(windows: &[Window], practitioner: RowNo, time_ms: i64) -> bool {
    let first = windows.partition_point(|window| window.practitioner < practitioner);
    windows[first..]
        .iter()
        .take_while(|window| window.practitioner == practitioner)
        .any(|window| window.from_ms <= time_ms && time_ms < window.until_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(practitioner: RowNo, from_ms: i64, until_ms: i64) -> Window {
        Window { practitioner, from_ms, until_ms }
    }

    #[test]
    fn windows_join_end_and_are_each_practitioners_own() {
        let all = vec![window(2, 50, 90), window(1, 10, 30), window(1, 25, 60), window(1, 70, 80), window(3, 9, 9)];
        let windows = joined(all, 0);
        assert_eq!(*windows, [window(1, 10, 60), window(1, 70, 80), window(2, 50, 90)]);
        for (practitioner, time, open) in
            [(1, 9, false), (1, 10, true), (1, 59, true), (1, 60, false), (1, 70, true), (2, 60, true), (3, 9, false)]
        {
            assert_eq!(is_open(&windows, practitioner, time), open, "{practitioner} at {time}");
        }
        assert!(joined(vec![window(1, 0, 10)], 10 + DAY_MS).is_empty());
    }
}
