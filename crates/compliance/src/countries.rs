//! From an address to a country, by a table that the organization provides (MaxMind DB format). Without a table nothing is known.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, path};

use crate::ComplianceError;

/// A table larger than this is none of countries.
pub const TABLE_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Default)]
pub struct Countries(Option<Reader<Vec<u8>>>);

impl Countries {
    /// Knows no country.
    pub fn none() -> Countries {
        Countries(None)
    }

    /// Reads the table and checks all of it, so that a damaged one is found at start and not at somebody's sign-in. Blocking.
    pub fn load(file: &Path) -> Result<Countries, ComplianceError> {
        let fail = |what: String| ComplianceError::Countries { what };
        let size = std::fs::metadata(file).map_err(|e| fail(format!("cannot be opened: {}", e.kind())))?.len();
        if size > TABLE_BYTES_MAX {
            return Err(fail(format!("is larger than {TABLE_BYTES_MAX} bytes")));
        }
        let bytes = std::fs::read(file).map_err(|e| fail(format!("cannot be read: {}", e.kind())))?;
        let reader = Reader::from_source(bytes).map_err(|e| fail(format!("is damaged: {e}")))?;
        reader.verify().map_err(|e| fail(format!("is damaged: {e}")))?;
        Ok(Countries(Some(reader)))
    }

    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// ISO 3166 alpha-2. None for what the table does not say, and for anything that is not two capital letters.
    pub fn country(&self, address: IpAddr) -> Option<[u8; 2]> {
        let reader = self.0.as_ref()?;
        let found = reader.lookup(address.to_canonical()).ok()?;
        // `@ip-location-db` has the code at the top, MaxMind's own tables below `country`.
        let flat: Option<&str> = found.decode_path(&path!["country_code"]).ok().flatten();
        let nested = || found.decode_path(&path!["country", "iso_code"]).ok().flatten();
        let code: [u8; 2] = flat.or_else(nested)?.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(code)
    }
}
