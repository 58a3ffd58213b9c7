//! When a patient comes: follow-ups of an illness, check-ups by age, prenatal weeks, and an odd sick day between.

use super::day::{Day, Moment};
use super::episodes::{EPISODES, Episode};
use super::person::Person;
use super::rng::Rng;
use super::stories::Setting;

/// The first patients, who also sign in, have a long history.
pub(super) const SHOWCASE: u32 = 2;
/// Follow-ups after which a chart is full enough.
const CHRONIC_VISITS_MAX: usize = 6;
const CHILD_VISITS_MAX: usize = 6;
/// Ages of well child visits in months up to four years; yearly afterwards (Bright Futures).
const EARLY_MONTHS: [i32; 11] = [2, 4, 6, 9, 12, 15, 18, 24, 30, 36, 48];

pub(super) struct Visit {
    pub(super) at: Moment,
    /// How many planned visits of the story came before.
    pub(super) turn: usize,
    pub(super) episode: Option<&'static Episode>,
    pub(super) telehealth: bool,
    pub(super) worse: bool,
    /// Weeks of pregnancy.
    pub(super) weeks: i32,
}

/// All past visits in order of time; the first is the story's first.
pub(super) fn plan(person: &Person, today: Day, penicillin_allergy: bool, rng: &mut Rng) -> Vec<Visit> {
    let last = match person.death {
        Some(death) => death.day.plus(-2),
        None => today.plus(-1),
    };
    let lead = person.stories[0];
    let planned: Vec<(Day, i32)> = match lead.setting {
        Setting::Chronic => chronic(last, person.number <= SHOWCASE, rng),
        Setting::Well => yearly(last, rng),
        Setting::WellChild => by_age(person.birth, last),
        Setting::Prenatal => prenatal(last, rng),
    };
    let mut visits: Vec<Visit> = planned
        .into_iter()
        .enumerate()
        .map(|(turn, (day, weeks))| Visit {
            at: clock(day.workday_before(), rng),
            turn,
            episode: None,
            telehealth: turn > 0 && lead.setting == Setting::Chronic && rng.chance(22),
            worse: turn > 1 && rng.chance(24),
            weeks,
        })
        .collect();
    // Setbacks do not follow each other, and those who sign in end well.
    for i in 1..visits.len() {
        let near_the_end = person.number <= SHOWCASE && i + 2 >= visits.len();
        visits[i].worse &= !(visits[i - 1].worse || near_the_end);
    }
    let episodes = if lead.setting == Setting::Prenatal { 0 } else { rng.weighted(&[50, 40, 10]) };
    for _ in 0..episodes {
        add_episode(&mut visits, person, last, penicillin_allergy, rng);
    }
    visits.sort_by_key(|v| v.at);
    visits
}

fn clock(day: Day, rng: &mut Rng) -> Moment {
    day.at(rng.between(8, 16), *rng.pick(&[0, 15, 30, 45]))
}

fn chronic(last: Day, showcase: bool, rng: &mut Rng) -> Vec<(Day, i32)> {
    let mut day = last.plus(-rng.between(if showcase { 640 } else { 380 }, 680));
    let mut days = vec![(day, 0)];
    day = day.plus(rng.between(28, 45));
    while day <= last && days.len() < CHRONIC_VISITS_MAX {
        days.push((day, 0));
        day = day.plus(rng.between(100, 175));
    }
    days
}

fn yearly(last: Day, rng: &mut Rng) -> Vec<(Day, i32)> {
    let newest = last.plus(-rng.between(5, 300));
    (0..3)
        .rev()
        .map(|years| (newest.plus(-years * 365 + if years > 0 { rng.between(-20, 20) } else { 0 }), 0))
        .collect()
}

/// The day a child reaches an age, as near as clinics book.
pub(super) fn day_at_months(birth: Day, months: i32) -> Day {
    birth.plus((months * 304_375 + 5000) / 10_000).workday_before()
}

fn by_age(birth: Day, last: Day) -> Vec<(Day, i32)> {
    let yearly = (5..18).map(|years| years * 12);
    let mut days: Vec<(Day, i32)> = EARLY_MONTHS
        .into_iter()
        .chain(yearly)
        .map(|months| (day_at_months(birth, months), 0))
        .filter(|(day, _)| *day <= last)
        .collect();
    let surplus = days.len().saturating_sub(CHILD_VISITS_MAX);
    days.drain(..surplus);
    days
}

fn prenatal(last: Day, rng: &mut Rng) -> Vec<(Day, i32)> {
    let start = last.plus(-rng.between(25 * 7, 37 * 7));
    let weeks = [8, 12, 16, 20, 24, 28, 32, 36];
    weeks.into_iter().map(|w| (start.plus(w * 7), w)).filter(|(day, _)| *day <= last).collect()
}

fn add_episode(visits: &mut Vec<Visit>, person: &Person, last: Day, penicillin_allergy: bool, rng: &mut Rng) {
    let first = visits[0].at.day;
    if last.0 - first.0 < 60 {
        return;
    }
    let day = first.plus(rng.between(20, last.0 - first.0 - 10));
    let near = |v: &Visit| (v.at.day.0 - day.0).abs() < 6;
    let episode = rng.pick(&EPISODES);
    let adult = person.age >= 20;
    let unsafe_drug = penicillin_allergy && episode.med.is_some_and(|m| m.name.contains("amoxicillin"));
    // NSAIDs are kept from those whose story forbids them.
    let nsaid = episode.med.is_some_and(|m| m.name.contains("ibuprofen"));
    let fragile = person.age >= 60 || person.age < 12 || person.stories.iter().any(|s| s.name.contains("kidney"));
    if visits.iter().any(near) || (episode.adult_only && !adult) || unsafe_drug || (nsaid && fragile) {
        return;
    }
    let at = if episode.emergency {
        day.at(rng.between(17, 22), rng.between(0, 59))
    } else {
        clock(day.workday_before(), rng)
    };
    visits.push(Visit { at, turn: 0, episode: Some(episode), telehealth: false, worse: false, weeks: 0 });
}
