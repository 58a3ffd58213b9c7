//! One resource: the current version, or one of its past.

use access::{Action, Caller, Denial};
use store::{Backend, Disclosed};

use crate::evidence::{Deed, object};
use crate::open::Current;
use crate::{Record, RecordError, ResourceKey, Version, tally};

impl<B: Backend> Record<B> {
    /// The current version.
    pub async fn read(&self, caller: &Caller, key: &ResourceKey) -> Result<Disclosed<Version>, RecordError> {
        let Some(Current { head, body }) = self.find(key).await? else {
            return Err(self.absent(caller, Action::Read, audit::Action::Read, key).await);
        };
        let permit = match self.judge(caller, Action::Read, &head, &head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audit::Action::Read, &head, &denial).await),
        };
        let object = object(&head, permit.view());
        if head.deleted() {
            return Err(self.fail(caller, audit::Action::Read, Some(object), 410, RecordError::Gone).await);
        }
        // Submitted before the body is opened, so that the flush runs meanwhile.
        let (objects, decided) = ([object], tally::once(permit.key(), true));
        let deed = Deed { decisions: decided.as_slice(), ..Deed::of(audit::Action::Read, &objects) };
        let receipt = self.attest(caller, &deed);
        let version = self.open_version(&permit, &head, &body.body);
        let (receipt, version) = tokio::join!(receipt, version);
        Ok(Disclosed::new(version?, &receipt?)?)
    }

    /// One version, decided with its own labels and the current ones.
    pub async fn vread(
        &self,
        caller: &Caller,
        key: &ResourceKey,
        version: u32,
    ) -> Result<Disclosed<Version>, RecordError> {
        let Some(current) = self.find(key).await? else {
            return Err(self.absent(caller, Action::VRead, audit::Action::VRead, key).await);
        };
        // Until it is decided, only the current head is open: its labels and chart decide about every version.
        let now = current.head.clone();
        if let Err(denial) = self.judge(caller, Action::VRead, &now, &now).await? {
            return Err(self.denied(caller, audit::Action::VRead, &now, &denial).await);
        }
        let (head, body) = if version == current.head.version {
            (current.head, current.body.body)
        } else {
            match self.0.store.past(current.head.row, version).await? {
                Some(past) => {
                    let place = (past.chart, past.row, past.version, past.seq);
                    (std::sync::Arc::new(self.open_head_of(place, &past.head).await?), past.body)
                }
                None => {
                    let error = RecordError::NotFound;
                    let named = Some(object(&now, access::View::FULL));
                    return Err(self.fail(caller, audit::Action::VRead, named, 404, error).await);
                }
            }
        };
        let permit = match self.judge(caller, Action::VRead, &head, &now).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audit::Action::VRead, &head, &denial).await),
        };
        let objects = [object(&head, permit.view())];
        if head.deleted() {
            return Err(self.fail(caller, audit::Action::VRead, Some(objects[0]), 410, RecordError::Gone).await);
        }
        let decided = tally::once(permit.key(), true);
        let deed = Deed { decisions: decided.as_slice(), ..Deed::of(audit::Action::VRead, &objects) };
        let receipt = self.attest(caller, &deed).await?;
        let version = self.open_version(&permit, &head, &body).await?;
        Ok(Disclosed::new(version, &receipt)?)
    }

    /// The answer for a row that does not exist: 403 if the role never does this, else as for any absent resource.
    pub(crate) async fn absent(
        &self,
        caller: &Caller,
        action: Action,
        audited: audit::Action,
        key: &ResourceKey,
    ) -> RecordError {
        match self.policies().ever(caller, action, key.kind) {
            Err(denial) => self.refuse(caller, audited, None, &denial).await,
            Ok(()) => self.fail(caller, audited, None, 404, RecordError::NotFound).await,
        }
    }

    pub(crate) async fn denied(
        &self,
        caller: &Caller,
        action: audit::Action,
        head: &crate::head::Head,
        denial: &Denial,
    ) -> RecordError {
        self.refuse(caller, action, Some(object(head, access::View::FULL)), denial).await
    }
}
