//! What an operator should know before it hurts: permissions, keys, space, the log, the last backup, the clock.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use compliance::{Agreement, Party, Register, Service, covering};
use store::log::{VerifyOptions, verify};
use telehealth::scan;

use crate::assembly::Keys;
use crate::config::Config;
use crate::directory::{AUDIT_FOLDER, DataDirectory, LAST_BACKUP_FILE, ROOT_FILE};
use crate::kek::KekArgs;
use crate::{ServerError, clock};

/// Less free space than this is a warning.
const FREE_BYTES_MIN: u64 = 2 * 1024 * 1024 * 1024;
const BACKUP_AGE_MS_MAX: i64 = 26 * 3_600_000;
/// A root key older than this should be wrapped anew.
const KEY_AGE_MS_MAX: i64 = 365 * 86_400_000;
/// The clock of a machine that shows an earlier day than this program was written is wrong.
const CLOCK_MIN_MS: i64 = 1_763_769_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Warning,
    Bad,
}

pub struct Finding {
    pub verdict: Verdict,
    pub text: String,
}

/// Looks at everything; a key that cannot be had is a finding like others.
/// What goes out is told if the settings are known.
pub fn examine(
    directory: &DataDirectory,
    kek: &KekArgs,
    config: Option<&Config>,
    now_ms: i64,
) -> Result<Vec<Finding>, ServerError> {
    let mut findings = Findings(Vec::new());
    findings.add(Verdict::Good, format!("wardstone {}", env!("CARGO_PKG_VERSION")));
    let root_file = directory.root_file()?;
    findings.add(Verdict::Good, format!("class: {}", root_file.class));
    let state = if directory.is_in_use() { "a server or command works on it now" } else { "not in use" };
    findings.add(Verdict::Good, format!("directory: {} ({state})", directory.path().display()));
    permissions(directory, &mut findings)?;
    key_place(directory, kek, &mut findings);
    key_age(directory, now_ms, &mut findings);
    space(directory, &mut findings);
    core_dumps(&mut findings);
    clock_shows(now_ms, &mut findings);
    last_backup(directory, now_ms, &mut findings);
    log(directory, kek, &mut findings);
    outside(directory, kek, config, now_ms, &mut findings);
    Ok(findings.0)
}

/// Whether what looks into files of visits does: where it does not, each of them is held back.
pub async fn scanner(config: Option<&Config>) -> Option<Finding> {
    let clamd = config?.visits.clamd().ok()?;
    let Some(clamd) = clamd else {
        let text = "visits: nothing looks into files before they come into a chart; visits.clamd is not set";
        return Some(Finding { verdict: Verdict::Warning, text: text.into() });
    };
    Some(match clamd.scan(b"a file without anything in it").await {
        Ok(scan::Verdict::Clean) => Finding { verdict: Verdict::Good, text: "visits: clamd looks into files".into() },
        Ok(scan::Verdict::Found(_)) => {
            Finding { verdict: Verdict::Bad, text: "visits: clamd finds something where nothing is".into() }
        }
        Err(error) => Finding { verdict: Verdict::Bad, text: format!("visits: {error}: files are held back") },
    })
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, verdict: Verdict, text: impl Into<String>) {
        self.0.push(Finding { verdict, text: text.into() });
    }

    fn judge(&mut self, is_good: bool, otherwise: Verdict, text: impl Into<String>) {
        self.add(if is_good { Verdict::Good } else { otherwise }, text);
    }
}

fn permissions(directory: &DataDirectory, findings: &mut Findings) -> Result<(), ServerError> {
    let mut open_to_others = Vec::new();
    let mut folders = vec![directory.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(ServerError::io("cannot be read", &folder))? {
            let Ok(entry) = entry else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.permissions().mode() & 0o077 != 0 {
                open_to_others.push(entry.path());
            }
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    let mode = std::fs::metadata(directory.path()).map_or(0o777, |metadata| metadata.permissions().mode());
    match (mode & 0o077, open_to_others.first()) {
        // Nobody else gets into the folder, so the files below are out of reach too.
        (0, _) => findings.add(Verdict::Good, "permissions: only the owner enters the data directory"),
        (_, None) => findings.add(Verdict::Warning, "permissions: others can list the data directory; chmod 700 it"),
        (_, Some(path)) => findings.add(Verdict::Bad, format!("permissions: others can read {}", path.display())),
    }
    Ok(())
}

fn key_place(directory: &DataDirectory, kek: &KekArgs, findings: &mut Findings) {
    let file = match (&kek.kek_file, directory.root_file().map(|root_file| root_file.class)) {
        (Some(file), _) => file.clone(),
        (None, Ok(crypto::EnvironmentClass::Demo)) => {
            findings.add(Verdict::Good, "key: a demo's, in clear beside the directory; it protects nothing");
            return;
        }
        (None, _) => return findings.add(Verdict::Good, "key: not a file"),
    };
    let inside = crate::kek::refuse_inside(&file, directory.path()).is_err();
    findings.judge(
        !inside,
        Verdict::Bad,
        format!("key: {} lies {} the data directory", file.display(), if inside { "in" } else { "outside" }),
    );
    let mode = std::fs::metadata(&file).map_or(0o777, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        findings.add(Verdict::Bad, format!("key: others can read {}; chmod 600 it", file.display()));
    }
}

fn key_age(directory: &DataDirectory, now_ms: i64, findings: &mut Findings) {
    let Some(age_ms) = clock::age_ms(&directory.join(ROOT_FILE), now_ms) else { return };
    let days = age_ms / 86_400_000;
    findings.judge(
        age_ms <= KEY_AGE_MS_MAX,
        Verdict::Warning,
        format!("key: the root key was wrapped {days} days ago"),
    );
}

fn space(directory: &DataDirectory, findings: &mut Findings) {
    let Ok(volume) = rustix::fs::statvfs(directory.path()) else {
        return findings.add(Verdict::Warning, "space: cannot be told");
    };
    let free = volume.f_bavail.saturating_mul(volume.f_frsize);
    findings.judge(free >= FREE_BYTES_MIN, Verdict::Warning, format!("space: {} MiB free", free / (1024 * 1024)));
}

fn core_dumps(findings: &mut Findings) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
    findings.judge(limit.current == Some(0), Verdict::Bad, "memory: core dumps are off for wardstone");
}

fn clock_shows(now_ms: i64, findings: &mut Findings) {
    let text = format!("clock: {}", clock::instant(now_ms));
    findings.judge(now_ms >= CLOCK_MIN_MS, Verdict::Bad, text);
}

fn last_backup(directory: &DataDirectory, now_ms: i64, findings: &mut Findings) {
    match clock::age_ms(&directory.join(LAST_BACKUP_FILE), now_ms) {
        None => findings.add(Verdict::Warning, "backup: there has been none"),
        Some(age_ms) => {
            let hours = age_ms / 3_600_000;
            findings.judge(
                age_ms <= BACKUP_AGE_MS_MAX,
                Verdict::Warning,
                format!("backup: the last one was {hours} hours ago"),
            );
        }
    }
}

/// A server that works on the directory may be in the middle of a leaf: what is wrong with a log is wrong a moment later, too.
const LOOKS: usize = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(300);

fn log(directory: &DataDirectory, kek: &KekArgs, findings: &mut Findings) {
    let keys = kek.for_directory(directory).and_then(|kek| Keys::open(directory, &kek, None));
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => return findings.add(Verdict::Bad, format!("keys: {error}")),
    };
    findings.add(Verdict::Good, "keys: the key opens the root key and the key database");
    // A log that is gone while there is a record is no new directory.
    if !directory.join(AUDIT_FOLDER).exists() && !directory.join("record.db").exists() {
        return findings.add(Verdict::Warning, "log: none yet, it begins with the first use");
    }
    let look = || {
        let options = VerifyOptions { key: keys.verifier_key(), against: None, sealer: None, written: None };
        verify(&directory.join(AUDIT_FOLDER), options)
    };
    let mut seen = look();
    for _ in 1..LOOKS {
        if seen.as_ref().is_ok_and(|report| report.is_intact()) {
            break;
        }
        std::thread::sleep(LOOK_AGAIN);
        seen = look();
    }
    match seen {
        Ok(report) => {
            let text = format!(
                "log: {} leaves, {} not yet under a checkpoint, {} problems",
                report.leaves,
                report.leaves_unanchored,
                report.problems.len()
            );
            findings.judge(report.is_intact(), Verdict::Bad, text);
        }
        Err(error) => findings.add(Verdict::Bad, format!("log: {error}")),
    }
}

/// What is configured to send or to relay, whether its files can be used, and whether an agreement covers it.
fn outside(directory: &DataDirectory, kek: &KekArgs, config: Option<&Config>, now_ms: i64, findings: &mut Findings) {
    let Some(config) = config else {
        return findings.add(Verdict::Good, "messages: name the settings with --config to hear what goes out");
    };
    let parties = match config.parties() {
        Ok(parties) => parties,
        Err(error) => return findings.add(Verdict::Bad, format!("messages: {error}")),
    };
    if !parties.iter().any(|(service, _)| *service != Service::Turn) {
        findings.add(Verdict::Good, "messages: none go out, no endpoint is configured");
    }
    if let Err(error) = config.outward.open() {
        findings.add(Verdict::Bad, format!("messages: {error}"));
    }
    let held = agreements(directory, kek);
    let zone = config.people.time_zone().unwrap_or(jiff::tz::TimeZone::UTC);
    for (service, party) in parties {
        let name = match service {
            Service::Turn => "calls: relaying".to_owned(),
            service => format!("messages: {}", service.name()),
        };
        let vendor = match &party {
            Party::Own => {
                let text = format!("{name} goes through a machine declared as the organization's own");
                findings.add(Verdict::Good, text);
                continue;
            }
            Party::Vendor(vendor) => vendor,
        };
        match &held {
            Err(error) => findings.add(Verdict::Bad, format!("{name} by {vendor}: {error}")),
            Ok(held) => match covering(held, vendor, service, now_ms, &zone) {
                None => {
                    let text = format!("{name} by {vendor}: no agreement is in force, so it is not used");
                    findings.add(Verdict::Bad, text);
                }
                Some(agreement) => {
                    let until = agreement.terms.expires;
                    let left_ms = until.end_ms(&zone).saturating_sub(now_ms);
                    let is_soon = left_ms <= config.alerts.agreement_days as i64 * 86_400_000;
                    let text = format!("{name} by {vendor}: agreement {} is in force until {until}", agreement.id);
                    findings.judge(!is_soon, Verdict::Warning, text);
                }
            },
        }
    }
}

fn agreements(directory: &DataDirectory, kek: &KekArgs) -> Result<Vec<Arc<Agreement>>, ServerError> {
    if !directory.join(store::desk::DESK_FILE).exists() {
        return Ok(Vec::new());
    }
    let keys = Keys::open(directory, &kek.for_directory(directory)?, None)?;
    Ok(Register::kept(&keys.open_desk(directory)?)?)
}
