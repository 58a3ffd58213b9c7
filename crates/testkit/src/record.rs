//! A record over a temporary directory, without HTTP, at the time that the test says.

use std::path::Path;

use access::{Caller, Purpose, Role};
use crypto::{EnvironmentClass, Kek};
use record::Record;
use server::ServerError;
use server::assembly::{House, Opening, Watch};
use server::directory::DataDirectory;
use server::operator;
use tempfile::TempDir;

use crate::clock::FakeClock;

pub struct TestRecord {
    house: House,
    pub clock: FakeClock,
    _folder: TempDir,
}

impl TestRecord {
    pub async fn open(clock: FakeClock) -> Result<Self, ServerError> {
        let folder = tempfile::tempdir().map_err(ServerError::io("no temporary folder", Path::new("tmp")))?;
        let kek = Kek::generate()?;
        let directory = DataDirectory::create(&folder.path().join("data"), EnvironmentClass::Demo, &kek)?;
        let opening = Opening {
            directory,
            kek,
            class: Some(EnvironmentClass::Demo),
            base_url: "https://localhost/fhir".into(),
            sink: None,
            watch: Watch::default(),
            clock: clock.as_clock(),
        };
        Ok(Self { house: House::open(opening).await?, clock, _folder: folder })
    }

    pub fn record(&self) -> &Record {
        &self.house.record
    }

    pub fn house(&self) -> &House {
        &self.house
    }

    /// A caller of the integration role, which may do everything that FHIR knows.
    pub fn integration(&self) -> Result<Caller, ServerError> {
        operator::caller("integration", Role::Integration, Purpose::Treatment, &self.clock.as_clock())
    }
}
