//! Days to pick a recent appointment from: the right one among others that could be it. Drawn once, when a link is made, so that
//! looking again tells nothing new; each a day and a half of it, and nothing of what anybody came for.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// As many as fit a page; one in eight is guessed.
pub const CHOICES: usize = 8;
/// How far back an appointment is recent.
pub const RECENT_DAYS: i64 = 180;
const ID_BYTES: usize = 6;

/// Sealed with its guest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    all: Vec<Choice>,
    /// The id of the right one.
    right: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Random, and of this link alone.
    pub id: String,
    #[serde(with = "iso")]
    pub date: Date,
    pub is_morning: bool,
}

/// `YYYY-MM-DD`.
mod iso {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(date: &Date, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(date)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Choice[redacted]")
    }
}

impl Choices {
    /// `seen`: when the patient was seen in the last half year, of which one is asked for; on days `taken` they had something, and
    /// no other choice falls there. None where nobody was seen, or too few days are left.
    pub fn draw(
        seen: &[(Date, bool)],
        taken: &[Date],
        today: Date,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Option<Choices> {
        if seen.is_empty() {
            return None;
        }
        let (date, is_morning) = seen[below(seen.len(), random)];
        let is_weekend = |date: Date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        // A clinic that was open on one Sunday may have been on others.
        let with_weekends = seen.iter().any(|(date, _)| is_weekend(*date));
        let days = (1..=RECENT_DAYS).filter_map(|back| today.checked_sub(back.days()).ok());
        let is_free = |day: &Date| {
            let is_seen = seen.iter().any(|(seen, _)| seen == day);
            !is_seen && !taken.contains(day) && (with_weekends || !is_weekend(*day))
        };
        let mut free: Vec<Date> = days.filter(is_free).collect();
        if free.len() < CHOICES - 1 {
            return None;
        }
        let right = id(random);
        let mut all = vec![Choice { id: right.clone(), date, is_morning }];
        while all.len() < CHOICES {
            let date = free.swap_remove(below(free.len(), random));
            all.push(Choice { id: id(random), date, is_morning: below(2, random) == 0 });
        }
        // In the order of the calendar, which tells nothing.
        all.sort_by_key(|one| (one.date, one.is_morning));
        Some(Choices { all, right })
    }

    pub fn all(&self) -> &[Choice] {
        &self.all
    }

    pub(crate) fn right(&self) -> &str {
        &self.right
    }
}

/// From so many that the remainder favours nobody who could tell.
fn below(count: usize, random: &mut dyn FnMut(&mut [u8])) -> usize {
    let mut bytes = [0; 8];
    random(&mut bytes);
    (u64::from_be_bytes(bytes) % count as u64) as usize
}

fn id(random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bytes = [0; ID_BYTES];
    random(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn seeded(mut state: u64) -> impl FnMut(&mut [u8]) {
        move |bytes: &mut [u8]| {
            for byte in bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (state >> 56) as u8;
            }
        }
    }

    proptest! {
        #[test]
        fn the_right_one_stands_among_others_that_could_be_it(seed in any::<u64>(), back in 1i64..180, morning in any::<bool>(), others in prop::collection::vec(1i64..180, 0..20)) {
            let today: Date = "2027-01-04".parse().unwrap();
            let day = |back: i64| today.checked_sub(back.days()).unwrap();
            let taken: Vec<Date> = others.into_iter().map(day).collect();
            let choices = Choices::draw(&[(day(back), morning)], &taken, today, &mut seeded(seed)).unwrap();
            prop_assert_eq!(choices.all().len(), CHOICES);
            let right = choices.all().iter().find(|one| one.id == choices.right()).unwrap();
            prop_assert_eq!((right.date, right.is_morning), (day(back), morning));
            let wrong: Vec<&Choice> = choices.all().iter().filter(|one| one.id != choices.right()).collect();
            prop_assert!(wrong.iter().all(|one| !taken.contains(&one.date) && one.date != day(back) && one.date < today));
            let days: BTreeSet<Date> = choices.all().iter().map(|one| one.date).collect();
            prop_assert_eq!(days.len(), CHOICES);
            prop_assert!(choices.all().is_sorted_by_key(|one| one.date));
        }
    }

    #[test]
    fn whoever_was_never_seen_picks_nothing() {
        assert!(Choices::draw(&[], &[], "2027-01-04".parse().unwrap(), &mut seeded(1)).is_none());
    }

    #[test]
    fn every_place_holds_the_right_one_about_as_often() {
        let today: Date = "2027-01-04".parse().unwrap();
        let seen: Vec<(Date, bool)> =
            (1..180).map(|back: i64| (today.checked_sub(back.days()).unwrap(), back % 2 == 0)).collect();
        let mut places = [0; CHOICES];
        for seed in 0..800 {
            let mut random = seeded(seed);
            let one = [seen[below(seen.len(), &mut random)]];
            let choices = Choices::draw(&one, &[], today, &mut random).unwrap();
            places[choices.all().iter().position(|one| one.id == choices.right()).unwrap()] += 1;
        }
        assert!(places.iter().all(|times| (50..150).contains(times)), "{places:?}");
    }
}
