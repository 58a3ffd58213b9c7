//! A row sealed again by the system: opened whole, changed in a way that its writer has no part in, and kept as theirs. What a
//! reseal keeps is said here alone.

use access::{Labels, Permit, SystemPurpose};
use fhir::Json;
use store::{Backend, Expected};

use crate::head::Corrected;
use crate::open::Current;
use crate::prepare::{Checked, Destination, Kept, Prepared};
use crate::{Record, RecordError, charts, labels, types};

impl<B: Backend> Record<B> {
    /// Opened for the system: it is sealed again and shown to nobody.
    pub(crate) async fn whole(&self, current: &Current) -> Result<Vec<u8>, RecordError> {
        let permit = Permit::system(SystemPurpose::Reseal);
        Ok(self.open_version(&permit, &current.head, &current.body.body).await?.into_json())
    }

    /// The next version of a row, of whoever wrote the last. Labels that only earlier versions account for stay too, but those
    /// that are taken `off` now.
    pub(crate) async fn resealed(
        &self,
        current: &Current,
        tree: Json<'_>,
        off: Labels,
        corrected: Corrected,
    ) -> Result<Prepared, RecordError> {
        let head = &current.head;
        let kind = types::reference(head.type_code);
        let (by_content, named) = labels::of(&tree, kind.name);
        let kept = Kept {
            labels: head.labels.without(Labels::OF_ELEMENTS).without(off),
            elements: Vec::new(),
            originator: head.originator(),
            corrected,
            writer: head.writer(),
        };
        let to = Destination {
            row: head.row,
            chart: head.chart,
            version: head.version + 1,
            expected: Expected::Current { version: head.version, chart: head.chart },
            id: head.id().to_owned(),
            locator: None,
            client_id: self.is_client_id(head.id(), head.row),
            client_chose_id: false,
        };
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, head.chart).await?;
        self.prepare(&key, Checked { kind, tree, labels: by_content, named, issues: Vec::new() }, kept, to)
    }
}
