//! A backup in two sets, data first and keys second, made while the server goes on. Neither set opens without the other
//! and the key-encryption key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto::EnvironmentClass;
use crypto::kek::hex_encode;
use store::desk::DESK_FILE;
use store::log::copy_prefix;
use store::sqlite::{KEYS_FILE, RECORD_FILE};

use crate::assembly::House;
use crate::directory::{ACCOUNTS_FILE, AUDIT_FOLDER, DataDirectory, LAST_BACKUP_FILE, ROOT_FILE, is_absent_or_empty};
use crate::manifest::Manifest;
use crate::operator::Operator;
use crate::{ServerError, clock, files};

pub const DATA_SET: &str = "data";
pub const KEYS_SET: &str = "keys";

/// What was made.
pub struct Made {
    destination: PathBuf,
    leaves: u64,
    bytes: u64,
    took: Duration,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Made { destination, leaves, bytes, took } = self;
        let place = destination.display();
        writeln!(f, "{bytes} bytes and {leaves} audit events in {:.1} s", took.as_secs_f64())?;
        writeln!(f, "  data   {place}/{DATA_SET}")?;
        write!(
            f,
            "  keys   {place}/{KEYS_SET}   keep them apart from the data, and the key-encryption key apart from both"
        )
    }
}

pub async fn make(house: &Arc<House>, destination: &Path, operator: &Operator) -> Result<Made, ServerError> {
    let started = Instant::now();
    let destination = std::path::absolute(destination).map_err(ServerError::io("is no path", destination))?;
    if destination.starts_with(house.directory.path()) {
        return Err(ServerError::Refused("a backup in the data directory would be lost with it".into()));
    }
    if !is_absent_or_empty(&destination)? {
        return Err(ServerError::Refused(format!("{} is not empty", destination.display())));
    }
    let (copying, to) = (house.clone(), destination.clone());
    let copied = tokio::task::spawn_blocking(move || copy(&copying, &to)).await;
    let (id, leaves, bytes) = copied.map_err(|_| ServerError::Refused("a defect stopped the backup".into()))??;
    let outcome = audit::Outcome::Success;
    house
        .note_outcome(audit::Action::Backup, &operator.name, Some(&operator.because(&id)), Some(leaves), outcome)
        .await?;
    let when = clock::instant((house.clock)());
    files::replace_secret(&house.directory.join(LAST_BACKUP_FILE), format!("{when}\n").as_bytes())?;
    Ok(Made { destination, leaves, bytes, took: started.elapsed() })
}

/// Answers the backup's id, the leaves and the bytes.
fn copy(house: &House, destination: &Path) -> Result<(String, u64, u64), ServerError> {
    let (data, keys) = (destination.join(DATA_SET), destination.join(KEYS_SET));
    let audit = data.join(AUDIT_FOLDER);
    files::create_folder(&audit)?;
    files::create_folder(&keys)?;
    let id = hex_encode(&crypto::random_array::<16>()?);
    let made = clock::instant((house.clock)());
    let organization = hex_encode(&house.keyring.organization());
    let demo_kek = (house.class == EnvironmentClass::Demo).then(|| house.directory.demo_kek());
    let manifest = |set| Manifest {
        demo_kek: demo_kek.clone(),
        ..Manifest::new(set, &id, made.clone(), house.class.to_string(), organization.clone())
    };

    // Before the rows: a draft that is signed between the two copies is then in both, and goes when they are opened. The other
    // way round it would be in neither.
    house.desk.copy(&data.join(DESK_FILE))?;
    flush(&data.join(DESK_FILE))?;
    let copied = house.store.copy_with_log(&data.join(RECORD_FILE))?;
    let leaves = copy_prefix(&house.directory.join(AUDIT_FOLDER), &audit, &copied.checkpoint)?;
    copy_if_present(&house.directory, ACCOUNTS_FILE, &data)?;
    flush(&data.join(RECORD_FILE))?;
    let of_data = Manifest { seq: copied.seq, leaves, checkpoint: copied.checkpoint.clone(), ..manifest(DATA_SET) }
        .finish(&data, &house.keyring)?;

    // After the data: every key that a copied row needs was durable before that row.
    house.store.keys().copy(&keys.join(KEYS_FILE))?;
    copy_if_present(&house.directory, ROOT_FILE, &keys)?;
    flush(&keys.join(KEYS_FILE))?;
    let of_keys = Manifest { seq: copied.seq, leaves, checkpoint: copied.checkpoint, ..manifest(KEYS_SET) }
        .finish(&keys, &house.keyring)?;
    let bytes = of_data.files.iter().chain(&of_keys.files).map(|entry| entry.bytes).sum();
    Ok((id, leaves, bytes))
}

fn copy_if_present(directory: &DataDirectory, name: &str, to: &Path) -> Result<(), ServerError> {
    let from = directory.join(name);
    if from.is_file() { files::copy(&from, &to.join(name)) } else { Ok(()) }
}

fn flush(path: &Path) -> Result<(), ServerError> {
    files::keep_to_owner(path)?;
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(ServerError::io("cannot be flushed", path))
}
