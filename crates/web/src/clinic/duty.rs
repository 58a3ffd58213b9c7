//! Whose turn it is: who owns what is left to do, who covers whom, and when it goes on to others. A pure function of the clock.
//!
//! Nothing is ever nobody's: what names no person is the pool's, and the pool is everybody who treats the patient.

use fhir::Json;

use super::read::{all, reference};
use super::ties::Tie;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long something may lie with its owner before it goes on.
#[derive(Clone, Copy)]
pub struct Limits {
    pub critical_hours: i64,
    pub other_days: i64,
}

/// Results that need action are to reach the patient within 7 days (VHA Directive 1088, 2015), so they are looked at before; of
/// critical ones the Joint Commission (NPSG.02.03.01) leaves the hours to the organization, and these are ours.
pub const LIMITS: Limits = Limits { critical_hours: 4, other_days: 7 };

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A Practitioner's id.
    Person(String),
    Pool,
}

/// Where something stands now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub owner: Owner,
    /// Who covers the owner now.
    pub cover: Option<String>,
    /// It lay too long and went on: to whom.
    pub escalated: Option<Owner>,
}

impl Standing {
    pub fn of(owner: Owner, since_ms: i64, is_critical: bool, covers: &[Tie], now_ms: i64, limits: Limits) -> Self {
        let cover = match &owner {
            Owner::Person(id) => covers.iter().find(|cover| cover.whose == *id && cover.holds(now_ms)),
            Owner::Pool => None,
        };
        let cover = cover.map(|cover| cover.by.clone());
        let lies_ms = if is_critical { limits.critical_hours * HOUR_MS } else { limits.other_days * DAY_MS };
        let is_late = now_ms - since_ms > lies_ms;
        let escalated = is_late.then(|| cover.clone().map_or(Owner::Pool, Owner::Person));
        Self { owner, cover, escalated }
    }

    pub fn is_in(&self, list: List, me: Option<&str>) -> bool {
        let is_me = |owner: &Owner| matches!(owner, Owner::Person(id) if Some(id.as_str()) == me);
        let escalated = self.escalated.as_ref();
        match list {
            List::Mine => is_me(&self.owner) || escalated.is_some_and(is_me),
            List::Covered => me.is_some() && self.cover.as_deref() == me,
            List::Team => self.owner == Owner::Pool || escalated == Some(&Owner::Pool),
            List::All => true,
        }
    }
}

/// Which part of what one may see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    Mine,
    Covered,
    Team,
    All,
}

impl List {
    pub const EACH: [List; 4] = [List::Mine, List::Covered, List::Team, List::All];

    pub fn parse(name: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|list| list.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            List::Mine => "mine",
            List::Covered => "covered",
            List::Team => "team",
            List::All => "all",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            List::Mine => "Mine",
            List::Covered => "I cover",
            List::Team => "Team",
            List::All => "All",
        }
    }
}

/// The Practitioner that an element names first, by itself or through a role of the directory.
pub fn first_person(resource: &Json<'_>, element: &str, roles: &[(String, String)]) -> Option<String> {
    all(resource, element).iter().find_map(|one| match reference(one)? {
        ("Practitioner", id) => Some(id.to_owned()),
        ("PractitionerRole", id) => roles.iter().find(|(role, _)| role == id).map(|(_, person)| person.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(absent: &str, by: &str, from_ms: i64, until_ms: i64) -> Tie {
        Tie { id: "c".into(), version: 1, whose: absent.into(), by: by.into(), from_ms, until_ms }
    }

    fn person(id: &str) -> Owner {
        Owner::Person(id.to_owned())
    }

    fn at(hours: i64, owner: Owner, is_critical: bool, covers: &[Tie]) -> Standing {
        Standing::of(owner, 0, is_critical, covers, hours * HOUR_MS, LIMITS)
    }

    #[test]
    fn what_lies_too_long_goes_to_who_covers_and_else_to_the_pool() {
        for (hours, is_critical, is_late) in
            [(4, true, false), (5, true, true), (5, false, false), (168, false, false), (169, false, true)]
        {
            let alone = at(hours, person("asha"), is_critical, &[]);
            assert_eq!(alone.escalated, is_late.then_some(Owner::Pool), "{hours} {is_critical}");
            let covered = at(hours, person("asha"), is_critical, &[cover("asha", "ben", 0, i64::MAX)]);
            assert_eq!(covered.escalated, is_late.then(|| person("ben")), "{hours} {is_critical}");
            assert_eq!(covered.owner, person("asha"), "the owner stays the owner");
        }
    }

    #[test]
    fn a_cover_holds_in_its_time_and_for_its_person() {
        let covers = [cover("asha", "ben", HOUR_MS, 3 * HOUR_MS), cover("zoe", "max", 0, i64::MAX)];
        for (hours, by) in [(0, None), (1, Some("ben")), (2, Some("ben")), (3, None)] {
            assert_eq!(at(hours, person("asha"), true, &covers).cover.as_deref(), by, "{hours}");
        }
        assert_eq!(at(2, Owner::Pool, true, &covers).cover, None);
    }

    #[test]
    fn covers_that_follow_each_other_each_hold_in_their_time() {
        let covers = [cover("asha", "ben", 0, 3 * HOUR_MS), cover("asha", "max", 5 * HOUR_MS, 9 * HOUR_MS)];
        for (hours, by) in [(1, Some("ben")), (4, None), (6, Some("max"))] {
            assert_eq!(at(hours, person("asha"), true, &covers).cover.as_deref(), by, "{hours}");
        }
    }

    #[test]
    fn every_result_is_in_somebodys_list_whatever_the_clock_says() {
        let covers = [cover("asha", "ben", 0, 200 * HOUR_MS)];
        for owner in [person("asha"), person("zoe"), Owner::Pool] {
            for hours in [0, 5, 100, 169, 5_000] {
                for is_critical in [true, false] {
                    let standing = at(hours, owner.clone(), is_critical, &covers);
                    let mine = ["asha", "zoe"].iter().any(|me| standing.is_in(List::Mine, Some(me)));
                    assert!(mine || standing.is_in(List::Team, None), "{owner:?} {hours}");
                    assert_eq!(standing.is_in(List::Covered, Some("ben")), owner == person("asha") && hours < 200);
                }
            }
        }
        assert!(!at(1, Owner::Pool, false, &[]).is_in(List::Covered, None));
    }
}
