//! Password and one-time code of whoever works here: asked for at the terminal, or from files and descriptors for scripts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::secret;
use crate::ServerError;
use crate::kek::{open_descriptor, read_secret};

/// The code can be given here to a script; the command line itself would show it to everyone.
const CODE_VARIABLE: &str = "WARDSTONE_TOTP";

#[derive(Debug, Clone, clap::Args)]
pub struct ProofArgs {
    /// File with your password, for scripts
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Open file descriptor to read your password from
    #[arg(long, value_name = "N", conflicts_with = "password_file", value_parser = open_descriptor)]
    password_fd: Option<Arc<File>>,
    /// File with your one-time code, for scripts (or WARDSTONE_TOTP)
    #[arg(long, value_name = "FILE")]
    totp_file: Option<PathBuf>,
}

impl ProofArgs {
    pub fn password(&self) -> Result<Zeroizing<String>, ServerError> {
        let password = match (&self.password_file, &self.password_fd) {
            (Some(path), _) => read_secret(&open(path)?, path)?,
            (None, Some(file)) => read_secret(file, Path::new("password descriptor"))?,
            (None, None) => secret("password")?,
        };
        Ok(Zeroizing::new(password.trim_end_matches(['\r', '\n']).to_owned()))
    }

    pub fn code(&self) -> Result<Zeroizing<String>, ServerError> {
        let code = match (&self.totp_file, std::env::var(CODE_VARIABLE)) {
            (Some(path), _) => read_secret(&open(path)?, path)?,
            (None, Ok(code)) => Zeroizing::new(code),
            (None, Err(_)) => secret("one-time code")?,
        };
        Ok(Zeroizing::new(code.trim().to_owned()))
    }
}

fn open(path: &Path) -> Result<File, ServerError> {
    File::open(path).map_err(ServerError::io("cannot be read", path))
}
