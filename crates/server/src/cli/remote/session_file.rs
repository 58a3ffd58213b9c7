//! Where `wardstone login` keeps a session until `wardstone logout`: one file that only its owner reads.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{ServerError, files};

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Session {
    pub server: String,
    /// Absolute; none for the system's authorities.
    #[zeroize(skip)]
    pub ca_cert: Option<PathBuf>,
    pub login: String,
    pub token: String,
}

/// `$XDG_STATE_HOME/wardstone/session.json`, or below `~/.local/state`.
pub fn default_path(variable: impl Fn(&str) -> Option<String>) -> Result<PathBuf, ServerError> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let state = state.ok_or_else(|| ServerError::Usage("name --session: there is no home directory".into()))?;
    Ok(state.join("wardstone/session.json"))
}

/// `None` if nobody is signed in.
pub fn load(path: &Path) -> Result<Option<Session>, ServerError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ServerError::io("cannot be read", path)(error)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(ServerError::Refused(format!(
            "{} can be read by others: end that session and sign in again",
            path.display()
        )));
    }
    let text = zeroize::Zeroizing::new(files::read_text(path)?);
    serde_json::from_str(&text).map(Some).map_err(|_| ServerError::Malformed {
        path: path.display().to_string(),
        reason: "is no session that `wardstone login` wrote".into(),
    })
}

pub fn save(path: &Path, session: &Session) -> Result<(), ServerError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::create_folder(folder)?;
    }
    let text = zeroize::Zeroizing::new(serde_json::to_string(session).unwrap_or_default());
    files::replace_secret(path, text.as_bytes())
}

pub fn remove(path: &Path) -> Result<(), ServerError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ServerError::io("cannot be removed", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/session.json");
        assert!(load(&path).unwrap().is_none());
        let session = Session { server: "https://a".into(), ca_cert: None, login: "ana".into(), token: "t".into() };
        save(&path, &session).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, load(&path).unwrap().unwrap().token.as_str()), (0o600, "t"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load(&path), Err(ServerError::Refused(_))));
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn the_state_folder_is_where_the_system_says() {
        let path = |pairs: &[(&str, &str)]| {
            default_path(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
                .ok()
        };
        assert_eq!(path(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), Some("/s/wardstone/session.json".into()));
        assert_eq!(
            path(&[("XDG_STATE_HOME", "s"), ("HOME", "/h")]),
            Some("/h/.local/state/wardstone/session.json".into())
        );
        assert_eq!(path(&[]), None);
    }
}
