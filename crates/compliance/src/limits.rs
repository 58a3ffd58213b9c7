//! What the rules count up to. Every number has a default that an organization may change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub const MINUTE_MS: u64 = 60_000;
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
pub const DAY_MS: u64 = 24 * HOUR_MS;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub failed_window_ms: u64,
    /// Failed sign-ins of one account.
    pub failed_per_account: u32,
    /// Accounts that one address fails at.
    pub failed_accounts_per_address: u32,
    /// Failures of one address, whatever the account.
    pub failed_per_address: u32,
    /// A place not seen for so long is new again.
    pub place_forgotten_ms: u64,
    /// Whether a public address of unknown country is told of. Off only where no table is configured.
    pub is_unknown_country_told: bool,
    /// By role; a role that is not named has the limits of `*`, one named with zeros is not counted.
    pub volume: BTreeMap<String, VolumeLimit>,
    /// A search that shows more charts is a list and no look-up of somebody.
    pub look_up_charts_max: usize,
    pub after_hours_window_ms: u64,
    /// Charts that a clinician opens after hours before it is told of; anybody else's first one is.
    pub after_hours_charts_of_clinicians: u32,
    pub noise_window_ms: u64,
    pub noise_per_address: u64,
    /// The log takes no events, or has not for so long grown or been anchored.
    pub stalled_after_ms: u64,
    /// How often a quiet log gets a heartbeat.
    pub heartbeat_ms: u64,
    /// The same rule about the same subject within this time is one alert.
    pub aggregate_ms: u64,
    /// Weekly review: alerts open for longer are listed.
    pub open_days_max: u32,
}

/// Zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeLimit {
    pub charts_per_hour: u32,
    pub charts_per_day: u32,
    pub rows_per_hour: u64,
    pub rows_per_day: u64,
    /// Matches counted without being shown.
    pub counted_per_day: u64,
    /// Lines of one export.
    pub export_lines: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            failed_window_ms: 15 * MINUTE_MS,
            failed_per_account: 5,
            failed_accounts_per_address: 5,
            failed_per_address: 20,
            place_forgotten_ms: 180 * DAY_MS,
            is_unknown_country_told: true,
            volume: usual_volume(),
            look_up_charts_max: 3,
            after_hours_window_ms: 12 * HOUR_MS,
            after_hours_charts_of_clinicians: 3,
            noise_window_ms: 10 * MINUTE_MS,
            noise_per_address: 300,
            stalled_after_ms: 10_000,
            heartbeat_ms: MINUTE_MS,
            aggregate_ms: DAY_MS,
            open_days_max: 7,
        }
    }
}

impl Limits {
    pub fn volume_of(&self, role: &str) -> VolumeLimit {
        self.volume.get(role).or_else(|| self.volume.get("*")).copied().unwrap_or_default()
    }
}

fn usual_volume() -> BTreeMap<String, VolumeLimit> {
    let limit = |charts_per_hour, charts_per_day, rows_per_hour, rows_per_day, counted_per_day, export_lines| {
        VolumeLimit { charts_per_hour, charts_per_day, rows_per_hour, rows_per_day, counted_per_day, export_lines }
    };
    let clinician = limit(40, 150, 4_000, 15_000, 50_000, 1);
    let roles = [
        ("*", limit(20, 60, 1_000, 4_000, 10_000, 1)),
        ("physician", clinician),
        ("psychiatrist", clinician),
        ("nurse", clinician),
        ("medical_assistant", clinician),
        ("pharmacist", limit(80, 300, 4_000, 15_000, 50_000, 1)),
        ("front_desk", limit(100, 400, 4_000, 15_000, 50_000, 1)),
        ("billing", limit(120, 500, 6_000, 25_000, 50_000, 500)),
        ("patient", limit(0, 0, 5_000, 20_000, 20_000, 20_000)),
        ("proxy", limit(0, 0, 5_000, 20_000, 20_000, 20_000)),
        ("research", limit(0, 0, 50_000, 500_000, 1_000_000, 500_000)),
        // A machine copies what it was built to copy; its tokens are watched by place and use.
        ("integration", VolumeLimit::default()),
        ("system", VolumeLimit::default()),
        ("operator", VolumeLimit::default()),
    ];
    roles.into_iter().map(|(role, limit)| (role.to_owned(), limit)).collect()
}
