//! Thresholds, all with defaults that are safe; a configuration may name those it changes.

use std::collections::BTreeMap;

use access::Role;
use serde::{Deserialize, Serialize};

use crate::ComplianceError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Failures for one account within `failed_sign_ins_minutes`.
    pub failed_sign_ins: u64,
    pub failed_sign_ins_minutes: u64,
    /// Accounts for which sign-ins from one address fail within `sprayed_minutes`.
    pub sprayed_accounts: u64,
    pub sprayed_minutes: u64,
    /// The organization's own networks: `10.1.0.0/16`. Private and loopback addresses are its own anyway.
    pub networks: Vec<String>,
    /// The country the organization is in, two letters; acting from there is nothing new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// A place where nobody saw a person for so long is a new one.
    pub place_days: u64,
    /// Charts opened after hours by clinicians who treat them or meet them first, in twelve hours.
    pub after_hours_charts_clinician: u64,
    /// By anybody else of the workforce.
    pub after_hours_charts: u64,
    /// Requests without a valid sign-in within `noise_minutes`, from one address and from all.
    pub noise_address: u64,
    pub noise_all: u64,
    pub noise_minutes: u64,
    /// The log may be unavailable, or without a checkpoint over new events, for so long.
    pub stall_seconds: u64,
    /// How often the follower proves that an event reaches the log and is read back.
    pub heartbeat_seconds: u64,
    /// So many days before it expires, a business associate agreement is told of.
    pub agreement_days: u64,
    /// By role; one that is not named has those of [`Volume::of`].
    pub volume: BTreeMap<String, Volume>,
}

/// What one person may open in an hour and in a day without being asked why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    pub charts_hour: u64,
    pub charts_day: u64,
    pub rows_hour: u64,
    pub rows_day: u64,
    /// Rows of exports and of whole charts taken out.
    pub exported_day: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            failed_sign_ins: 5,
            failed_sign_ins_minutes: 15,
            sprayed_accounts: 4,
            sprayed_minutes: 30,
            networks: Vec::new(),
            country: None,
            place_days: 180,
            after_hours_charts_clinician: 15,
            after_hours_charts: 1,
            noise_address: 300,
            noise_all: 3_000,
            noise_minutes: 10,
            stall_seconds: 30,
            heartbeat_seconds: 300,
            agreement_days: 42,
            volume: BTreeMap::new(),
        }
    }
}

impl Limits {
    pub fn check(&self) -> Result<(), ComplianceError> {
        let numbers = [
            self.failed_sign_ins,
            self.failed_sign_ins_minutes,
            self.sprayed_accounts,
            self.sprayed_minutes,
            self.place_days,
            self.after_hours_charts_clinician,
            self.after_hours_charts,
            self.noise_address,
            self.noise_all,
            self.noise_minutes,
            self.stall_seconds,
            self.heartbeat_seconds,
            self.agreement_days,
        ];
        let volumes = self.volume.values().flat_map(|v| [v.charts_hour, v.charts_day, v.rows_hour, v.rows_day]);
        if numbers.into_iter().chain(volumes).any(|number| number == 0) {
            return Err(ComplianceError::Setting("alerts: a limit of 0 is none; exported_day alone may be 0"));
        }
        if self.volume.keys().any(|role| Role::from_name(role).is_none()) {
            return Err(ComplianceError::Setting("alerts.volume: names something that is no role"));
        }
        if self.country.as_ref().is_some_and(|country| crate::countries::code(country).is_none()) {
            return Err(ComplianceError::Setting("alerts.country: two capital letters of ISO 3166"));
        }
        super::places::Places::new(self).map(drop)
    }

    pub(crate) fn volume_of(&self, role: &str) -> Volume {
        self.volume.get(role).copied().unwrap_or_else(|| Volume::of(role))
    }
}

impl Volume {
    /// What the job usually takes, with room.
    pub fn of(role: &str) -> Volume {
        let volume = |charts_hour, charts_day, rows, exported_day| Volume {
            charts_hour,
            charts_day,
            rows_hour: charts_hour * rows,
            rows_day: charts_day * rows,
            exported_day,
        };
        match Role::from_name(role) {
            Some(Role::Physician | Role::Psychiatrist) => volume(40, 120, 100, 5_000),
            Some(Role::Nurse | Role::MedicalAssistant) => volume(50, 160, 100, 2_000),
            Some(Role::Pharmacist) => volume(60, 300, 50, 500),
            Some(Role::FrontDesk) => volume(90, 400, 20, 500),
            Some(Role::Billing) => volume(60, 300, 50, 5_000),
            Some(Role::Patient | Role::Proxy) => volume(8, 16, 2_000, 50_000),
            Some(Role::Research) => volume(500, 2_000, 100, 50_000),
            Some(Role::Integration) => volume(2_000, 20_000, 50, 1_000_000),
            Some(Role::Admin | Role::Auditor | Role::PrivacyOfficer) => volume(20, 60, 20, 100),
            None => volume(10, 30, 20, 100),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_what_it_changes_and_nothing_that_is_no_limit() {
        let text = r#"{"failed_sign_ins": 8, "country": "US", "volume": {"nurse": {"charts_hour": 99, "charts_day": 200,
            "rows_hour": 900, "rows_day": 2000, "exported_day": 0}}}"#;
        let limits: Limits = serde_json::from_str(text).unwrap();
        limits.check().unwrap();
        assert_eq!((limits.failed_sign_ins, limits.sprayed_accounts), (8, Limits::default().sprayed_accounts));
        assert_eq!(limits.volume_of("nurse").charts_hour, 99);
        assert_eq!(limits.volume_of("physician"), Volume::of("physician"));
        assert!(serde_json::from_str::<Limits>(r#"{"failed_signins": 8}"#).is_err(), "a slip of the pen is told");
        for wrong in [
            r#"{"noise_all": 0}"#,
            r#"{"country": "us"}"#,
            r#"{"volume": {"boss": {"charts_hour": 1,
            "charts_day": 1, "rows_hour": 1, "rows_day": 1, "exported_day": 1}}}"#,
        ] {
            assert!(serde_json::from_str::<Limits>(wrong).unwrap().check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_role_has_limits_and_none_of_them_is_nothing() {
        Limits::default().check().unwrap();
        for role in Role::ALL {
            let volume = Volume::of(role.name());
            assert!(volume.charts_hour > 0 && volume.charts_hour <= volume.charts_day, "{}", role.name());
            assert!(volume.rows_hour <= volume.rows_day, "{}", role.name());
        }
        assert!(Volume::of("of a newer version").charts_hour <= 10, "who is not known gets little");
    }
}
