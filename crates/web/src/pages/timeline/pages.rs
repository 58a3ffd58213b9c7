//! Which of what was found one page shows: whole days, newest first, down to where a kind was cut; the rest is behind "older".

use super::entry::Entry;
use crate::clinic::day::Day;

/// Entries after which a page begins no further day.
const ENTRIES_MAX: usize = 50;

/// Of one kind.
pub struct Found {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// There are older ones than were asked for.
    pub is_cut: bool,
}

pub struct Shown {
    pub days: Vec<OneDay>,
    /// What has no date, on the page of the newest.
    pub undated: Vec<Entry>,
    /// Before how many days from today the older ones begin.
    pub older: Option<i64>,
    /// There is more on the last day than a page looks at.
    pub is_cut: bool,
}

pub struct OneDay {
    pub dated: String,
    pub entries: Vec<Entry>,
}

impl Shown {
    pub fn of(found: Vec<Found>, before: Option<&Day>, today: &Day) -> Self {
        let before = before.map(Day::iso);
        // Down to here every kind is whole.
        let oldest_of =
            |found: &Found| found.entries.iter().map(|entry| entry.day.clone()).filter(|day| !day.is_empty()).min();
        let horizon = found.iter().filter(|found| found.is_cut).filter_map(oldest_of).max().unwrap_or_default();
        let all = found.into_iter().flat_map(|found| found.entries);
        let (undated, mut dated): (Vec<Entry>, Vec<Entry>) = all.partition(|entry| entry.day.is_empty());
        // A date without a clock may lie on both sides of a day's beginning.
        dated.retain(|entry| before.as_ref().is_none_or(|before| entry.day < *before));
        dated.sort_by(|a, b| b.day.cmp(&a.day).then(b.at_ms.cmp(&a.at_ms)));
        let mut shown = Self { days: Vec::new(), undated: Vec::new(), older: None, is_cut: false };
        let (mut count, mut last) = (0, String::new());
        for entry in dated {
            if entry.day != last {
                let is_whole = entry.day > horizon;
                if !last.is_empty() && (!is_whole || count >= ENTRIES_MAX) {
                    shown.older = days_ago(&last, today);
                    return shown;
                }
                shown.is_cut = !is_whole;
                last.clone_from(&entry.day);
                shown.days.push(OneDay { dated: entry.dated.clone(), entries: Vec::new() });
            }
            count += 1;
            if let Some(day) = shown.days.last_mut() {
                day.entries.push(entry);
            }
        }
        match horizon.is_empty() {
            // Nothing was cut, so nothing is older.
            true => shown.undated = if before.is_none() { undated } else { Vec::new() },
            false => shown.older = days_ago(&last, today),
        }
        shown
    }

    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.undated.is_empty()
    }
}

fn days_ago(day: &str, today: &Day) -> Option<i64> {
    let day: jiff::civil::Date = day.parse().ok()?;
    Some(i64::from((today.date() - day).get_days()).max(0))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::pages::chart::panels::Row;

    fn entries(days: &[(&str, usize)]) -> Vec<Entry> {
        let one = |day: &str| Entry {
            day: day.to_owned(),
            dated: day.to_owned(),
            clock: String::new(),
            word: "Visit",
            row: Row::default(),
            at_ms: 0,
        };
        days.iter().flat_map(|(day, times)| std::iter::repeat_with(|| one(day)).take(*times)).collect()
    }

    fn said(shown: &Shown) -> Vec<(String, usize)> {
        shown.days.iter().map(|day| (day.dated.clone(), day.entries.len())).collect()
    }

    fn today() -> Day {
        Day::parse("2026-12-11", &TimeZone::UTC).unwrap()
    }

    #[test]
    fn a_page_ends_where_a_kind_was_cut_and_the_next_begins_there() {
        let visits = Found { entries: entries(&[("2026-12-10", 2), ("2026-12-05", 1)]), is_cut: true };
        let results =
            Found { entries: entries(&[("2026-12-10", 1), ("2026-12-09", 1), ("2026-12-01", 1)]), is_cut: false };
        let shown = Shown::of(vec![visits, results], None, &today());
        assert_eq!(said(&shown), [("2026-12-10".to_owned(), 3), ("2026-12-09".to_owned(), 1)]);
        assert_eq!((shown.older, shown.is_cut), (Some(2), false));
    }

    #[test]
    fn a_day_that_is_more_than_a_page_says_so_and_is_not_asked_for_twice() {
        let shown = Shown::of(vec![Found { entries: entries(&[("2026-12-10", 50)]), is_cut: true }], None, &today());
        assert_eq!((said(&shown)[0].1, shown.older, shown.is_cut), (50, Some(1), true));
    }

    #[test]
    fn a_page_that_is_full_begins_no_further_day_and_the_last_has_no_older_one() {
        let days = [("2026-12-10", 49), ("2026-12-09", 3), ("2026-12-08", 1), ("", 1)];
        let first = Shown::of(vec![Found { entries: entries(&days), is_cut: false }], None, &today());
        assert_eq!((said(&first).len(), first.older, first.undated.len()), (2, Some(2), 0));
        let before = Day::parse("2026-12-09", &TimeZone::UTC).unwrap();
        let last = Shown::of(vec![Found { entries: entries(&days[1..3]), is_cut: false }], Some(&before), &today());
        assert_eq!((said(&last), last.older), (vec![("2026-12-08".to_owned(), 1)], None));
    }
}
