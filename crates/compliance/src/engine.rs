//! Every rule over every event, in the order of the log. Pure: the same events give the same findings.

use std::collections::HashMap;

use crate::rules::after_hours::AfterHours;
use crate::rules::noise::Noise;
use crate::rules::places::{NewPlaces, Places};
use crate::rules::sign_ins::SignIns;
use crate::rules::stalled::{Health, Stalled};
use crate::rules::volume::Volume;
use crate::rules::{Finding, look_ups, single};
use crate::{Limits, Seen};

/// How far back events matter to the rules, beside each account's places, which are kept.
pub const MEMORY_MS: u64 = crate::limits::DAY_MS;

/// The places of an account as they are now, to be kept.
#[derive(Clone, PartialEq)]
pub struct Learned {
    pub account: String,
    pub places: Places,
}

#[derive(Default)]
pub struct Engine {
    limits: Limits,
    sign_ins: SignIns,
    places: NewPlaces,
    volume: Volume,
    after_hours: AfterHours,
    noise: Noise,
    stalled: Stalled,
}

impl Engine {
    pub fn new(limits: Limits) -> Engine {
        Engine { limits, ..Engine::default() }
    }

    /// With what was learned of accounts' places before.
    pub fn restored(limits: Limits, places: HashMap<String, Places>) -> Engine {
        Engine { limits, places: NewPlaces::restored(places), ..Engine::default() }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes the next event of the log.
    pub fn see(&mut self, seen: &Seen, findings: &mut Vec<Finding>) -> Option<Learned> {
        let limits = &self.limits;
        single::see(seen, findings);
        look_ups::see(seen, limits, findings);
        self.sign_ins.see(seen, limits, findings);
        self.volume.see(seen, limits, findings);
        self.after_hours.see(seen, limits, findings);
        self.noise.see(seen, limits, findings);
        let learned = self.places.see(seen, limits, findings);
        learned.map(|(account, places)| Learned { account, places })
    }

    /// Takes the state of the log at a time: what no event says.
    pub fn tick(&mut self, now_ms: u64, health: Health) -> Option<Finding> {
        self.stalled.tick(now_ms, health, &self.limits)
    }
}
