//! Files of secrets: their owner's alone, read once, wiped when they go.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::OutwardError;

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// One text of such a file.
#[derive(Deserialize)]
#[serde(from = "String")]
pub struct Secret(pub Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }
}

/// A TOML file that nobody but its owner may read.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, OutwardError> {
    let cannot = |error: std::io::Error| OutwardError::file(path, error.kind().to_string());
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(OutwardError::file(path, "others can read it; chmod 600 it"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(OutwardError::file(path, "is too large for a file of secrets"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(cannot)?);
    // The parser's own words could repeat what stands there.
    toml::from_str(&text).map_err(|_| OutwardError::file(path, "is not the TOML that is needed here"))
}
