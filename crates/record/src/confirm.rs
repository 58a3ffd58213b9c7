//! The patient of a chart, confirmed at a moment of risk: who signs types identifiers again, and the log has whether they fit.

use access::{Action, Caller};
use fhir::Json;
use store::Backend;

use crate::evidence::{Deed, object};
use crate::open::Current;
use crate::{Record, RecordError, ResourceKey, tally};

/// Resources that one confirmation is about.
const ABOUT_MAX: usize = 100;
const FITS: &str = "identifiers typed again: they fit";
const DOES_NOT_FIT: &str = "identifiers typed again: they do not fit";

impl<B: Backend> Record<B> {
    /// Whether what somebody typed fits the patient, as `fits` reads them. The attempt is in the log either way, with the patient and
    /// everything it is about, all of which has to lie in that patient's chart.
    pub async fn confirm_patient(
        &self,
        caller: &Caller,
        patient_id: &str,
        about: &[ResourceKey],
        fits: impl FnOnce(&Json<'_>) -> bool + Send,
    ) -> Result<bool, RecordError> {
        let audited = audit::Action::Read;
        if about.len() > ABOUT_MAX {
            return Err(RecordError::TooMany { what: "resources of one confirmation", limit: ABOUT_MAX });
        }
        let key = ResourceKey::parse("Patient", patient_id).ok_or(RecordError::NotFound)?;
        let Some(Current { head, body }) = self.find(&key).await? else {
            return Err(self.absent(caller, Action::Read, audited, &key).await);
        };
        let permit = match self.judge(caller, Action::Read, &head, &head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, &head, &denial).await),
        };
        let mut objects = vec![object(&head, permit.view())];
        if head.deleted() {
            return Err(self.fail(caller, audited, Some(objects[0]), 410, RecordError::Gone).await);
        }
        for key in about {
            match self.find(key).await?.filter(|one| !one.head.deleted()) {
                Some(one) if self.is_one_patients(head.chart, one.head.chart).await? => {
                    objects.push(object(&one.head, access::View::FULL));
                }
                _ => return Err(self.fail(caller, audited, Some(objects[0]), 404, RecordError::NotFound).await),
            }
        }
        let version = self.open_version(&permit, &head, &body.body).await?;
        let patient = version.tree()?;
        let fits = fits(&patient);
        let decided = tally::once(permit.key(), true);
        let deed = Deed { decisions: decided.as_slice(), subject: Some(FITS), ..Deed::of(audited, &objects) };
        let deed = match fits {
            true => deed,
            false => {
                let outcome = audit::event::Outcome::Failed { code: 422 };
                Deed { outcome, subject: Some(DOES_NOT_FIT), ..deed }
            }
        };
        self.attest(caller, &deed).await?;
        Ok(fits)
    }
}
