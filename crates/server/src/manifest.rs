//! What a set of a backup holds: files with their digests, bound to the organization by a MAC under its root key.

use std::io::Read;
use std::path::{Path, PathBuf};

use crypto::Keyring;
use crypto::hash::Sha256;
use crypto::kek::hex_encode;
use serde::{Deserialize, Serialize};

use crate::{ServerError, files};

pub const MANIFEST_FILE: &str = "manifest.json";
const FORMAT: u32 = 1;
const PURPOSE: &str = "wardstone/backup-manifest/v1";
const CHUNK_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    /// `data` or `keys`.
    pub set: String,
    /// The same in both sets of one backup.
    pub backup: String,
    pub made: String,
    pub class: String,
    pub organization: String,
    /// The last commit in the rows.
    pub seq: i64,
    /// Leaves of the audit log, and the signed note over them.
    pub leaves: u64,
    pub checkpoint: String,
    pub files: Vec<Entry>,
    /// Where a demo's key lay, which is in clear anyhow, so that a restore on the same machine finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo_kek: Option<PathBuf>,
    /// HMAC-SHA-256 over this manifest with an empty `mac`.
    pub mac: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative to the set's folder.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    /// Of both sets: what they have in common, without files.
    pub fn new(set: &str, backup: &str, made: String, class: String, organization: String) -> Self {
        Self {
            format: FORMAT,
            set: set.into(),
            backup: backup.into(),
            made,
            class,
            organization,
            seq: 0,
            leaves: 0,
            checkpoint: String::new(),
            files: Vec::new(),
            demo_kek: None,
            mac: String::new(),
        }
    }

    /// Lists what lies in the set's folder, signs and writes the manifest: a set without one is not complete.
    pub fn finish(mut self, folder: &Path, keyring: &Keyring) -> Result<Self, ServerError> {
        self.files = list(folder)?;
        self.mac = self.compute_mac(keyring);
        let text = serde_json::to_string_pretty(&self).unwrap_or_default();
        files::create_secret(&folder.join(MANIFEST_FILE), text.as_bytes())?;
        Ok(self)
    }

    pub fn read(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(MANIFEST_FILE);
        let text = files::read_text(&path)?;
        let malformed = |reason: String| ServerError::Malformed { path: path.display().to_string(), reason };
        let manifest: Manifest = serde_json::from_str(&text).map_err(|_| malformed("no backup manifest".into()))?;
        if manifest.format != FORMAT {
            return Err(malformed(format!("format {} is not known", manifest.format)));
        }
        Ok(manifest)
    }

    /// Compares every file of the set with the manifest.
    pub fn check_files(&self, folder: &Path) -> Result<(), ServerError> {
        let held = list(folder)?;
        for entry in &self.files {
            let refuse = |what: &str| {
                Err(ServerError::Refused(format!(
                    "{}: {what}; this backup set is damaged",
                    folder.join(&entry.path).display()
                )))
            };
            match held.iter().find(|held| held.path == entry.path) {
                None => return refuse("is missing"),
                Some(held) if held != entry => return refuse("is not the file that was backed up"),
                Some(_) => {}
            }
        }
        if let Some(extra) = held.iter().find(|held| !self.files.iter().any(|entry| entry.path == held.path)) {
            let path = folder.join(&extra.path);
            return Err(ServerError::Refused(format!("{}: is not part of this backup", path.display())));
        }
        Ok(())
    }

    pub fn check_mac(&self, keyring: &Keyring) -> Result<(), ServerError> {
        if !crypto::hash::equal(self.mac.as_bytes(), self.compute_mac(keyring).as_bytes()) {
            return Err(ServerError::Refused(format!("the manifest of the {} set was altered", self.set)));
        }
        Ok(())
    }

    fn compute_mac(&self, keyring: &Keyring) -> String {
        let bare = Self { mac: String::new(), ..self.clone() };
        hex_encode(&keyring.prf(PURPOSE).compute(&serde_json::to_vec(&bare).unwrap_or_default()))
    }
}

/// Every file below a folder, except the manifest, by path.
fn list(folder: &Path) -> Result<Vec<Entry>, ServerError> {
    let mut entries = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let path = folder.join(&below);
        for entry in std::fs::read_dir(&path).map_err(ServerError::io("cannot be read", &path))? {
            let entry = entry.map_err(ServerError::io("cannot be read", &path))?;
            let name = below.join(entry.file_name());
            let kind = entry.file_type().map_err(ServerError::io("cannot be read", &path))?;
            if kind.is_dir() {
                folders.push(name);
            } else if name != Path::new(MANIFEST_FILE) {
                let (bytes, sha256) = digest(&entry.path())?;
                entries.push(Entry { path: name.to_string_lossy().into_owned(), bytes, sha256 });
            }
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

fn digest(path: &Path) -> Result<(u64, String), ServerError> {
    let mut file = std::fs::File::open(path).map_err(ServerError::io("cannot be read", path))?;
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk).map_err(ServerError::io("cannot be read", path))? {
            0 => return Ok((bytes, hex_encode(&hash.finish()))),
            count => {
                hash.update(&chunk[..count]);
                bytes += count as u64;
            }
        }
    }
}
