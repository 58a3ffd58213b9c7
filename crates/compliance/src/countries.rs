//! Which country an address is in, from a MaxMind DB file that the organization provides (`docs/operating/countries.md`).

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::{Reader, path};

use crate::ComplianceError;

/// A table of countries is some megabytes; one of everything is not what is meant.
pub const COUNTRIES_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Without a table every country is unknown. Cheap to clone.
#[derive(Clone, Default)]
pub struct Countries(Option<Arc<Reader<Vec<u8>>>>);

impl Countries {
    /// No table: every address is of unknown country.
    pub fn none() -> Countries {
        Countries(None)
    }

    /// Reads the whole file and checks all of it. Blocks.
    pub fn open(file: &Path) -> Result<Countries, ComplianceError> {
        let cannot =
            |error: std::io::Error| ComplianceError::Countries(format!("{}: {}", file.display(), error.kind()));
        if std::fs::metadata(file).map_err(cannot)?.len() > COUNTRIES_BYTES_MAX {
            let reason = format!("{}: more than {COUNTRIES_BYTES_MAX} bytes", file.display());
            return Err(ComplianceError::Countries(reason));
        }
        let bytes = std::fs::read(file).map_err(cannot)?;
        Countries::parse(bytes).map_err(|reason| ComplianceError::Countries(format!("{}: {reason}", file.display())))
    }

    fn parse(bytes: Vec<u8>) -> Result<Countries, String> {
        let reader = Reader::from_source(bytes).map_err(|error| error.to_string())?;
        reader.verify().map_err(|error| error.to_string())?;
        Ok(Countries(Some(Arc::new(reader))))
    }

    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// When the table was made, in seconds since 1970: an old one knows less.
    pub fn made_s(&self) -> Option<u64> {
        self.0.as_ref().map(|reader| reader.metadata().build_epoch)
    }

    /// ISO 3166 alpha-2; none for what the table does not know.
    pub fn country(&self, address: IpAddr) -> Option<[u8; 2]> {
        let found = self.0.as_ref()?.lookup(address.to_canonical()).ok()?;
        // The free tables say it in one of two ways.
        let flat = || found.decode_path::<&str>(&path!["country_code"]).ok().flatten();
        let nested = || found.decode_path::<&str>(&path!["country", "iso_code"]).ok().flatten();
        code(flat().or_else(nested)?)
    }
}

/// Two capital letters.
pub(crate) fn code(text: &str) -> Option<[u8; 2]> {
    let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
    letters.iter().all(u8::is_ascii_uppercase).then_some(letters)
}
