//! The data directory: one organization's files, one process at a time.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crypto::{EnvironmentClass, Kek, RootFile};
use rustix::fs::FlockOperation;

use crate::{ServerError, files};

pub const ROOT_FILE: &str = "root.key";
pub const AUDIT_FOLDER: &str = "audit";
pub const TLS_FOLDER: &str = "tls";
pub const ACCOUNTS_FILE: &str = "accounts.sealed";
pub const CONTROL_SOCKET: &str = "control.sock";
pub const LAST_BACKUP_FILE: &str = "last-backup";
const LOCK_FILE: &str = "lock";

#[derive(Clone)]
pub struct DataDirectory(PathBuf);

/// Held as long as the process works on the directory.
pub struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DataDirectory {
    /// An existing data directory.
    pub fn open(path: &Path) -> Result<Self, ServerError> {
        let path = std::path::absolute(path).map_err(ServerError::io("is no path", path))?;
        if !path.join(ROOT_FILE).is_file() {
            let reason =
                if path.exists() { "is no Wardstone data directory: it has no root.key" } else { "does not exist" };
            return Err(ServerError::Refused(format!("{} {reason}", path.display())));
        }
        Ok(Self(path))
    }

    /// Makes a new one, with a new root key under `kek`.
    pub fn create(path: &Path, class: EnvironmentClass, kek: &Kek) -> Result<Self, ServerError> {
        let path = std::path::absolute(path).map_err(ServerError::io("is no path", path))?;
        if !is_absent_or_empty(&path)? {
            return Err(ServerError::Refused(format!("{} is not empty", path.display())));
        }
        files::create_folder(&path)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .map_err(ServerError::io("its permissions cannot be set", &path))?;
        let (root_file, _) = RootFile::create(class, kek)?;
        files::create_secret(&path.join(ROOT_FILE), root_file.to_text().as_bytes())?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn root_file(&self) -> Result<RootFile, ServerError> {
        let path = self.join(ROOT_FILE);
        RootFile::parse(&files::read_text(&path)?)
            .map_err(|error| ServerError::Malformed { path: path.display().to_string(), reason: error.to_string() })
    }

    /// Where a demo keeps its KEK: beside the directory, never in it.
    pub fn demo_kek(&self) -> PathBuf {
        files::sibling(&self.0, ".kek")
    }

    /// Refuses when another process works here.
    pub fn lock(&self) -> Result<Lock, ServerError> {
        let path = self.join(LOCK_FILE);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(ServerError::io("cannot be opened for writing", &path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ServerError::Refused(format!(
                "{} is in use by another wardstone process; stop it first",
                self.0.display()
            ))),
            Err(error) => Err(ServerError::io("cannot be locked", &path)(error.into())),
        }
    }

    /// Whether another process works here now.
    pub fn is_in_use(&self) -> bool {
        File::open(self.join(LOCK_FILE)).is_ok_and(|file| {
            rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK)
        })
    }
}

pub fn is_absent_or_empty(path: &Path) -> Result<bool, ServerError> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(ServerError::io("cannot be read", path)(error)),
    }
}
