//! A new country: each account's places, of which the first is the baseline. Unknown is never the same.

use std::collections::{BTreeMap, HashMap};

use audit::Action;

use super::{Finding, Rule, Severity};
use crate::limits::DAY_MS;
use crate::{Limits, Seen, Whereabouts};

/// Accounts whose places are remembered, and places of one.
pub const ACCOUNTS_MAX: usize = 100_000;
pub const PLACES_MAX: usize = 64;

/// Places with when they were last seen, to the day.
pub type Places = BTreeMap<Whereabouts, u64>;

#[derive(Default)]
pub struct NewPlaces {
    by_account: HashMap<String, Places>,
}

impl NewPlaces {
    pub fn restored(by_account: HashMap<String, Places>) -> NewPlaces {
        NewPlaces { by_account }
    }

    /// Answers the account's places if they changed, to be kept.
    pub fn see(&mut self, seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) -> Option<(String, Places)> {
        if !seen.is_success() || !seen.is_person() || seen.role == "operator" || seen.address.is_none() {
            return None;
        }
        if !self.by_account.contains_key(&seen.user) && self.by_account.len() >= ACCOUNTS_MAX {
            return None;
        }
        let is_first = !self.by_account.contains_key(&seen.user);
        let places = self.by_account.entry(seen.user.clone()).or_default();
        if seen.whereabouts == Whereabouts::Unknown {
            // Told at sign-in alone, for every later event of the session says the same.
            if !is_first && seen.action == Action::SignIn && limits.is_unknown_country_told {
                let mut finding = Finding::about(Rule::NewCountry, seen, "signed in from an unknown country");
                finding.severity = Severity::Low;
                out.push(finding);
            }
            return is_first.then(|| (seen.user.clone(), places.clone()));
        }
        let last_ms = places.get(&seen.whereabouts).copied();
        let is_known = last_ms.is_some_and(|last_ms| last_ms + limits.place_forgotten_ms > seen.time_ms);
        if !is_known && !is_first && !seen_only_unknown(places) {
            let words = format!("first time from {}", seen.whereabouts.word());
            out.push(Finding::about(Rule::NewCountry, seen, words));
        }
        if is_known && last_ms.is_some_and(|last_ms| last_ms + DAY_MS > seen.time_ms) {
            return None;
        }
        if places.len() >= PLACES_MAX
            && let Some(oldest) = places.iter().min_by_key(|(_, last_ms)| **last_ms).map(|(place, _)| *place)
        {
            places.remove(&oldest);
        }
        places.insert(seen.whereabouts, seen.time_ms);
        Some((seen.user.clone(), places.clone()))
    }
}

/// An account first seen from nowhere in particular has no baseline yet: the first place that is one sets it.
fn seen_only_unknown(places: &Places) -> bool {
    places.is_empty()
}
