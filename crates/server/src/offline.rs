//! What was done to a directory by commands that do not open its log: kept sealed beside it, written into the log when it is
//! opened next. Whoever can delete files here could delete this one; then the log of the machine is what is left.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use crypto::Keyring;
use serde::{Deserialize, Serialize};

use crate::directory::DataDirectory;
use crate::operator::Operator;
use crate::{ServerError, clock, files};

const FILE: &str = "offline-acts";
const PURPOSE: &str = "wardstone/offline-acts/v1";
/// About a thousand acts. More of them between two starts are not work, but something to look at.
const FILE_BYTES_MAX: u64 = 512 * 1024;

/// Which commands these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    AuditVerify,
    StoreDump,
}

#[derive(Serialize, Deserialize)]
pub struct Act {
    command: Command,
    time_ms: i64,
    operator: String,
    reason: String,
}

/// What waits to be written into the log.
#[derive(Default)]
pub struct Waiting {
    pub acts: Vec<Act>,
    /// Lines that this directory's key does not open.
    pub damaged: u64,
}

impl Act {
    pub const fn action(&self) -> audit::Action {
        match self.command {
            Command::AuditVerify => audit::Action::Verify,
            Command::StoreDump => audit::Action::KeyEvent,
        }
    }

    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// What the event is about.
    pub fn subject(&self) -> String {
        let name = match self.command {
            Command::AuditVerify => "audit verify",
            Command::StoreDump => "store dump",
        };
        let operator = Operator { name: self.operator.clone(), reason: self.reason.clone() };
        operator.because(&format!("{name} at {}", clock::instant(self.time_ms)))
    }
}

/// Before the command does anything.
pub fn keep(
    directory: &DataDirectory,
    keyring: &Keyring,
    command: Command,
    operator: &Operator,
    now_ms: i64,
) -> Result<(), ServerError> {
    let path = directory.join(FILE);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > FILE_BYTES_MAX) {
        return Err(ServerError::Refused(
            "too much was done here while no server ran: start it, so that the audit log learns of it".into(),
        ));
    }
    let act = Act { command, time_ms: now_ms, operator: operator.name.clone(), reason: operator.reason.clone() };
    let plain = serde_json::to_vec(&act).unwrap_or_default();
    let sealed = keyring.seal_key(PURPOSE).seal(PURPOSE.as_bytes(), &plain)?;
    let line = format!("{}\n", STANDARD_NO_PAD.encode(sealed));
    let failed = |error| ServerError::io("cannot be written", &path)(error);
    let mut file = std::fs::File::options().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    let failed = |error| ServerError::io("cannot be written", &path)(error);
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    files::sync_folder_of(&path)
}

pub fn waiting(directory: &DataDirectory, keyring: &Keyring) -> Result<Waiting, ServerError> {
    let path = directory.join(FILE);
    if !path.exists() {
        return Ok(Waiting::default());
    }
    let mut waiting = Waiting::default();
    let key = keyring.seal_key(PURPOSE);
    for line in files::read_text(&path)?.lines() {
        let opened = STANDARD_NO_PAD.decode(line).ok().and_then(|sealed| key.open(PURPOSE.as_bytes(), &sealed).ok());
        match opened.and_then(|plain| serde_json::from_slice(&plain).ok()) {
            Some(act) => waiting.acts.push(act),
            None => waiting.damaged += 1,
        }
    }
    Ok(waiting)
}

/// After all of it is in the log.
pub fn forget(directory: &DataDirectory) -> Result<(), ServerError> {
    let path = directory.join(FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ServerError::io("cannot be removed", &path)(error))
        }
        _ => Ok(()),
    }
}
