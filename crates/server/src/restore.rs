//! Puts a backup back: both sets and the key, everything compared before it may be served.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crypto::{EnvironmentClass, Kek, RootFile};

use crate::assembly::{House, Keys, Opening, Watch};
use crate::backup::{DATA_SET, KEYS_SET};
use crate::directory::{DataDirectory, ROOT_FILE, is_absent_or_empty};
use crate::manifest::Manifest;
use crate::operator::Operator;
use crate::verify::Findings;
use crate::{ServerError, clock, files, verify};

pub struct RestorePlan {
    pub sets: Sets,
    pub destination: PathBuf,
    pub operator: Operator,
}

pub struct Restored {
    pub findings: Findings,
    pub took: Duration,
    pub made: String,
}

/// Where the sets are: in the backup's two folders, or named one by one.
pub struct Sets {
    data: PathBuf,
    keys: PathBuf,
}

impl Sets {
    /// `source` is the backup or its data set; `keys` is the key set, where it is kept elsewhere.
    pub fn find(source: &Path, keys: Option<&Path>) -> Sets {
        let data = source.join(DATA_SET);
        let data = if data.is_dir() { data } else { source.to_owned() };
        let keys = keys.map_or_else(|| source.join(KEYS_SET), Path::to_owned);
        let below = keys.join(KEYS_SET);
        Sets { data, keys: if below.is_dir() { below } else { keys } }
    }

    /// Where a demo's key may be: beside the directory to make, or where it lay when the backup was made.
    pub fn demo_kek(&self, destination: &Path) -> Result<PathBuf, ServerError> {
        let destination = std::path::absolute(destination).map_err(ServerError::io("is no path", destination))?;
        let beside = files::sibling(&destination, ".kek");
        if beside.exists() {
            return Ok(beside);
        }
        let lay_at = Manifest::read(&self.data)?.demo_kek.filter(|path| path.exists());
        Ok(lay_at.unwrap_or(beside))
    }

    pub fn root_file(&self) -> Result<RootFile, ServerError> {
        let path = self.keys.join(ROOT_FILE);
        RootFile::parse(&files::read_text(&path)?)
            .map_err(|error| ServerError::Malformed { path: path.display().to_string(), reason: error.to_string() })
    }
}

pub async fn restore(plan: &RestorePlan, kek: &Kek) -> Result<Restored, ServerError> {
    let started = Instant::now();
    let destination =
        std::path::absolute(&plan.destination).map_err(ServerError::io("is no path", &plan.destination))?;
    if !is_absent_or_empty(&destination)? {
        return Err(ServerError::Refused(format!("{} is not empty", destination.display())));
    }
    // Until all of it is proven, it has another name.
    let unproven = files::sibling(&destination, ".restoring");
    if !is_absent_or_empty(&unproven)? {
        return Err(ServerError::Refused(format!(
            "{} is there from a restore that broke off; remove it first",
            unproven.display()
        )));
    }
    let sets = &plan.sets;
    let (class, manifest) = check(sets, kek)?;
    let restored = build(sets, &unproven, kek, &plan.operator, &manifest).await;
    let findings = match restored {
        Ok(findings) => findings,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&unproven);
            return Err(error);
        }
    };
    if !findings.is_intact() {
        let _ = std::fs::remove_dir_all(&unproven);
        return Ok(Restored { findings, took: started.elapsed(), made: manifest.made });
    }
    let _ = std::fs::remove_dir(&destination);
    std::fs::rename(&unproven, &destination).map_err(ServerError::io("cannot be put in place", &destination))?;
    files::sync_folder_of(&destination)?;
    if class == EnvironmentClass::Demo {
        keep_demo_kek(&destination, kek)?;
    }
    Ok(Restored { findings, took: started.elapsed(), made: manifest.made })
}

/// Manifests, digests and the key, before anything is written.
fn check(sets: &Sets, kek: &Kek) -> Result<(EnvironmentClass, Manifest), ServerError> {
    let (of_data, of_keys) = (Manifest::read(&sets.data)?, Manifest::read(&sets.keys)?);
    if of_data.set != DATA_SET || of_keys.set != KEYS_SET {
        return Err(ServerError::Refused("a data set and a key set are needed".into()));
    }
    if of_data.backup != of_keys.backup {
        return Err(ServerError::Refused("the data set and the key set are of different backups".into()));
    }
    of_data.check_files(&sets.data)?;
    of_keys.check_files(&sets.keys)?;
    let root_file = sets.root_file()?;
    let root = root_file.unwrap(kek, root_file.class)?;
    let keyring = crypto::Keyring::new(root_file.organization, root);
    of_data.check_mac(&keyring)?;
    of_keys.check_mac(&keyring)?;
    Ok((root_file.class, of_data))
}

async fn build(
    sets: &Sets,
    folder: &Path,
    kek: &Kek,
    operator: &Operator,
    manifest: &Manifest,
) -> Result<Findings, ServerError> {
    files::create_folder(folder)?;
    for (set, set_manifest) in [(&sets.data, manifest), (&sets.keys, &Manifest::read(&sets.keys)?)] {
        for entry in &set_manifest.files {
            let to = folder.join(&entry.path);
            if let Some(above) = to.parent() {
                files::create_folder(above)?;
            }
            files::copy(&set.join(&entry.path), &to)?;
        }
    }
    let directory = DataDirectory::open(folder)?;
    let opening = Opening {
        directory: directory.clone(),
        kek: again(kek),
        class: None,
        base_url: "https://localhost/fhir".into(),
        sink: None,
        watch: Watch::default(),
        clock: clock::system(),
    };
    // Opening makes the log's tiles anew and builds the index.
    let house = House::open(opening).await?;
    let outcome = audit::Outcome::Success;
    let subject = operator.because(&manifest.backup);
    house.note_outcome(audit::Action::Restore, &operator.name, Some(&subject), Some(manifest.leaves), outcome).await?;
    house.close().await?;
    let keys = Keys::open(&directory, kek, None)?;
    verify::directory(&directory, &keys, Some(&manifest.checkpoint))
}

fn again(kek: &Kek) -> Kek {
    match kek {
        Kek::Bytes(key) => Kek::Bytes(key.clone()),
        Kek::Passphrase(text) => Kek::Passphrase(text.clone()),
    }
}

/// So that `wardstone demo --data` finds it as ever.
fn keep_demo_kek(destination: &Path, kek: &Kek) -> Result<(), ServerError> {
    let path = files::sibling(destination, ".kek");
    match kek.to_hex() {
        Some(hex) if !path.exists() => files::create_secret(&path, format!("{}\n", hex.as_str()).as_bytes()),
        _ => Ok(()),
    }
}
