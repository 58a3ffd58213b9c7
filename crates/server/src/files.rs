//! Files that only their owner reads, written as a whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::ServerError;

const OWNER_ONLY: u32 = 0o600;
const FOLDER_OWNER_ONLY: u32 = 0o700;

/// Replaces a file atomically and durably, readable by its owner alone.
pub fn replace_secret(path: &Path, bytes: &[u8]) -> Result<(), ServerError> {
    let new = sibling(path, ".new");
    let _ = std::fs::remove_file(&new);
    create_secret(&new, bytes)?;
    std::fs::rename(&new, path).map_err(ServerError::io("cannot be replaced", path))?;
    sync_folder_of(path)
}

/// Creates a file that must not exist yet, readable by its owner alone.
pub fn create_secret(path: &Path, bytes: &[u8]) -> Result<(), ServerError> {
    let mut file = create_new_secret(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(ServerError::io("cannot be written", path))?;
    sync_folder_of(path)
}

fn create_new_secret(path: &Path) -> Result<File, ServerError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(OWNER_ONLY).open(path).map_err(ServerError::io("cannot be created", path))
}

/// Makes a folder (and those above it) that only its owner enters.
pub fn create_folder(path: &Path) -> Result<(), ServerError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_OWNER_ONLY)
        .create(path)
        .map_err(ServerError::io("cannot be made", path))
}

/// A file that SQLite or a copy made with the process's mask.
pub fn keep_to_owner(path: &Path) -> Result<(), ServerError> {
    std::fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))
        .map_err(ServerError::io("its permissions cannot be set", path))
}

pub fn read_text(path: &Path) -> Result<String, ServerError> {
    std::fs::read_to_string(path).map_err(ServerError::io("cannot be read", path))
}

/// Copies a file durably, readable by its owner alone.
pub fn copy(from: &Path, to: &Path) -> Result<(), ServerError> {
    let mut source = File::open(from).map_err(ServerError::io("cannot be read", from))?;
    let mut target = create_new_secret(to)?;
    let copied = std::io::copy(&mut source, &mut target).and_then(|_| target.sync_all());
    copied.map_err(ServerError::io("cannot be written", to))?;
    sync_folder_of(to)
}

pub fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a file's name durable.
pub fn sync_folder_of(path: &Path) -> Result<(), ServerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(ServerError::io("cannot be flushed", folder))
}
