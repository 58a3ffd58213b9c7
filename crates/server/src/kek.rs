//! Where the key-encryption key comes from: a file, a descriptor or the environment, never the command line itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crypto::{EnvironmentClass, Kek};
use zeroize::Zeroizing;

use crate::directory::DataDirectory;
use crate::{ServerError, files};

pub const PASSPHRASE_VARIABLE: &str = "WARDSTONE_PASSPHRASE";
/// Longer secrets are not what they seem.
const SECRET_BYTES_MAX: u64 = 4096;

const DEMO_NOTICE: &str = "\
# The key-encryption key of a Wardstone demo, in clear. It protects nothing: whoever reads this file reads the demo.
# Real data belongs in a directory made by `wardstone init`, whose key lies elsewhere.
";

/// How the command line names a KEK.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KekArgs {
    /// File with the key-encryption key, as 64 hexadecimal digits; it must not lie in the data directory
    #[arg(long, value_name = "PATH", env = "WARDSTONE_KEK_FILE")]
    pub kek_file: Option<PathBuf>,
    /// File with the passphrase that protects the root key
    #[arg(long, value_name = "PATH", conflicts_with = "kek_file", env = "WARDSTONE_PASSPHRASE_FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Open file descriptor to read the passphrase from
    // Opened while the arguments are read: later the process hides its descriptors, also from itself.
    #[arg(long, value_name = "N", conflicts_with_all = ["kek_file", "passphrase_file"], value_parser = open_descriptor)]
    pub passphrase_fd: Option<Arc<File>>,
}

impl KekArgs {
    /// The KEK that was named; `None` if none was.
    pub fn read(&self, data: &Path) -> Result<Option<Kek>, ServerError> {
        if let Some(path) = &self.kek_file {
            refuse_inside(path, data)?;
            return read_kek_file(path).map(Some);
        }
        let secret = match (&self.passphrase_file, &self.passphrase_fd) {
            (Some(path), _) => {
                refuse_inside(path, data)?;
                let file = File::open(path).map_err(ServerError::io("cannot be read", path))?;
                Some(read_secret(&file, path)?)
            }
            (None, Some(file)) => Some(read_secret(file, Path::new("passphrase descriptor"))?),
            (None, None) => std::env::var(PASSPHRASE_VARIABLE).ok().map(Zeroizing::new),
        };
        Ok(secret.map(Kek::from_passphrase).transpose()?)
    }

    /// The KEK for an existing directory: the one named, or a demo's own.
    pub fn for_directory(&self, directory: &DataDirectory) -> Result<Kek, ServerError> {
        if let Some(kek) = self.read(directory.path())? {
            return Ok(kek);
        }
        match directory.root_file()?.class {
            EnvironmentClass::Demo => read_kek_file(&directory.demo_kek()),
            EnvironmentClass::Production => Err(ServerError::Usage(
                "name the key: --kek-file, --passphrase-file, --passphrase-fd or WARDSTONE_PASSPHRASE".into(),
            )),
        }
    }
}

pub fn read_kek_file(path: &Path) -> Result<Kek, ServerError> {
    let file = File::open(path).map_err(ServerError::io("the key file cannot be read", path))?;
    let text = read_secret(&file, path)?;
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    Kek::from_hex(&Zeroizing::new(digits))
        .map_err(|error| ServerError::Malformed { path: path.display().to_string(), reason: error.to_string() })
}

/// Writes a new KEK, for its owner alone.
pub fn write_kek_file(path: &Path, is_demo: bool) -> Result<Kek, ServerError> {
    let kek = Kek::generate()?;
    let hex = kek.to_hex().unwrap_or_default();
    let notice = if is_demo { DEMO_NOTICE } else { "" };
    let text = Zeroizing::new(format!("{notice}{}\n", hex.as_str()));
    files::create_secret(path, text.as_bytes())?;
    Ok(kek)
}

/// A key in the directory that it opens would be stolen with it.
pub fn refuse_inside(path: &Path, data: &Path) -> Result<(), ServerError> {
    let resolve = |path: &Path| std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let (Ok(key), Ok(data)) = (resolve(path), resolve(data)) else { return Ok(()) };
    if key.starts_with(&data) {
        return Err(ServerError::Refused(format!(
            "{} lies in the data directory; keep the key elsewhere, or it is stolen with what it protects",
            path.display()
        )));
    }
    Ok(())
}

pub fn read_secret(file: &File, path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX as usize));
    file.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(ServerError::io("cannot be read", path))?;
    Ok(text)
}

pub fn open_descriptor(text: &str) -> Result<Arc<File>, String> {
    let number: u32 = text.parse().map_err(|_| "not the number of a descriptor".to_owned())?;
    File::open(format!("/dev/fd/{number}")).map(Arc::new).map_err(|_| "no such open descriptor".to_owned())
}
