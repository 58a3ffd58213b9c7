//! Correcting labels: a new version with the same content, under what the privacy officer says, and the trace of it. Content
//! does not bring a label back that was taken off, and no ordinary writer takes off one that was put on.

use access::{Action, Caller, Labels};
use fhir::Json;
use store::Backend;

use super::Unit;
use crate::administration::reasonable;
use crate::answer::Written;
use crate::evidence::object;
use crate::head::Corrected;
use crate::open::Current;
use crate::prepare::Prepared;
use crate::request::{Preconditions, ResourceKey};
use crate::{Record, RecordError, labels};

/// Bytes of the reason of a correction: it is kept beside the labels, old and new.
const LABEL_REASON_BYTES_MAX: usize = 240;

impl<B: Backend> Record<B> {
    /// Puts labels on a resource and takes others off. Whoever may do this sees neither content nor past labels of it.
    pub async fn correct_labels(
        &self,
        caller: &Caller,
        key: &ResourceKey,
        (add, remove): (Labels, Labels),
        reason: &str,
    ) -> Result<Written, RecordError> {
        let audited = audit::Action::LabelChange;
        for _ in 0..super::ATTEMPTS_MAX {
            let Some(current) = self.find(key).await? else {
                return Err(self.absent(caller, Action::Label, audited, key).await);
            };
            let permit = match self.judge(caller, Action::Label, &current.head, &current.head).await? {
                Ok(permit) => permit,
                Err(denial) => return Err(self.denied(caller, audited, &current.head, &denial).await),
            };
            let named = Some(object(&current.head, access::View::FULL));
            if current.head.deleted() {
                return Err(self.fail(caller, audited, named, 410, RecordError::Gone).await);
            }
            let reason = match asked(add, remove).and_then(|()| reasonable(reason, LABEL_REASON_BYTES_MAX)) {
                Ok(reason) => reason,
                Err(error) => return Err(self.fail(caller, audited, named, 422, error).await),
            };
            let prepared = self.relabelled(&current, add, remove).await?;
            let trace = format!("{} to {}: {reason}", words(current.head.labels), words(prepared.labels));
            let unit = Unit {
                prepared: Prepared { decision: permit.key(), ..prepared },
                conditions: Vec::new(),
                reserved: Vec::new(),
                asked: None,
                trace: Some(audit::event::clip(&trace, audit::event::TEXT_BYTES_MAX).to_owned()),
            };
            match self.commit(caller, audited, unit).await {
                Err(RecordError::Conflict) => continue,
                other => return other,
            }
        }
        Err(self.overtaken(caller, audited, Preconditions::default()).await)
    }

    /// The same content under other labels.
    async fn relabelled(&self, current: &Current, add: Labels, remove: Labels) -> Result<Prepared, RecordError> {
        let held = current.head.corrected();
        let corrected = Corrected {
            added: held.added.union(add).without(remove),
            removed: held.removed.union(remove).without(add),
        };
        let json = self.whole(current).await?;
        let mut tree = Json::parse(&json).map_err(|_| RecordError::Damaged)?;
        forget_named(&mut tree, remove);
        self.resealed(current, tree, remove, corrected).await
    }
}

fn asked(add: Labels, remove: Labels) -> Result<(), RecordError> {
    if add.union(remove).is_empty() || add.intersects(remove) {
        return Err(RecordError::Malformed("a correction names labels to add or to remove, and none as both"));
    }
    match add.union(remove).intersects(Labels::OF_ELEMENTS) {
        true => Err(RecordError::Malformed("government numbers are told by their identifier, not by a label")),
        false => Ok(()),
    }
}

/// Takes the codings out of `meta.security` that name a label which is taken off.
fn forget_named(tree: &mut Json<'_>, remove: Labels) {
    let Some(meta) = tree.as_object_mut().and_then(|o| o.get_mut("meta")).and_then(Json::as_object_mut) else { return };
    let Some(codings) = meta.get_mut("security").and_then(Json::as_array_mut) else { return };
    codings.retain(|coding| !labels::of_coding(coding).intersects(remove));
    if codings.is_empty() {
        meta.remove("security");
    }
}

fn words(labels: Labels) -> String {
    match labels.is_empty() {
        true => "none".to_owned(),
        false => labels.names().collect::<Vec<_>>().join(","),
    }
}
