//! The texts of a draft, sealed and opened, and the evidence that they were.

use access::{Caller, Permit};
use audit::event::Object;
use crypto::Part;
use store::desk::{EntryKey, Shelf};
use store::{Backend, Disclosed};
use zeroize::Zeroizing;

use super::desktop::Desktop;
use super::held::{Held, Text};
use super::{Draft, DraftText, draft_object};
use crate::evidence::Deed;
use crate::{Record, RecordError, charts, pad, tally};

impl<B: Backend> Record<B> {
    pub(super) async fn disclosed_draft(
        &self,
        caller: &Caller,
        desktop: &Desktop,
        held: &Held,
    ) -> Result<Disclosed<Draft>, RecordError> {
        let shown = std::iter::once(&held.current).chain(&held.asides);
        let objects = shown
            .map(|text| draft_object(held.row, held.chart, text.version, &desktop.permit))
            .collect::<Result<Vec<_>, _>>()?;
        let receipt = self.attest_draft(caller, audit::Action::DraftOpen, &objects, desktop).await?;
        let current = self.open_text(&desktop.permit, held, &held.current).await?;
        let mut asides = Vec::with_capacity(held.asides.len());
        for text in &held.asides {
            asides.push(self.open_text(&desktop.permit, held, text).await?);
        }
        let draft = Draft {
            head: self.draft_head(held, true)?,
            place: self.draft_place(caller, held.row, desktop, &held.kind, held.encounter_id.as_deref())?,
            current,
            asides,
            past: held.past.iter().map(|text| (text.version, text.saved_ms)).collect(),
            row: held.row,
            view: desktop.permit.view().id(),
        };
        Ok(Disclosed::new(draft, &receipt)?)
    }

    pub(super) async fn attest_draft(
        &self,
        caller: &Caller,
        action: audit::Action,
        objects: &[Object],
        desktop: &Desktop,
    ) -> Result<store::Receipt, RecordError> {
        let decided = tally::once(desktop.decided, true);
        self.attest(caller, &Deed { decisions: decided.as_slice(), ..Deed::of(action, objects) }).await
    }

    pub(super) async fn seal_text(
        &self,
        held: &Held,
        version: u32,
        key: EntryKey,
        text: &str,
    ) -> Result<(EntryKey, Zeroizing<Vec<u8>>), RecordError> {
        let chart_key = charts::key(self.0.store.as_ref(), &self.0.keyring, held.chart).await?;
        let mut plain = pad::begin(text.len());
        plain.extend_from_slice(text.as_bytes());
        let plain = Zeroizing::new(pad::finish(plain));
        let sealed = self.0.keyring.seal(&chart_key, held.row, version, Part::Draft, &plain)?;
        Ok((key, Zeroizing::new(sealed)))
    }

    /// Only under a permit to write in the chart.
    pub(super) async fn open_text(&self, _: &Permit, held: &Held, text: &Text) -> Result<DraftText, RecordError> {
        let sealed = self.0.drafts.desk.get(Shelf::DraftText, &text.key)?.ok_or(RecordError::Damaged)?;
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, held.chart).await?;
        let plain = self.0.keyring.open(&key, held.row, text.version, Part::Draft, &sealed)?;
        let plain = pad::strip(plain).ok_or(RecordError::Damaged)?;
        let words = Zeroizing::new(String::from_utf8(plain).map_err(|_| RecordError::Damaged)?);
        let Text { version, saved_ms, unattended, .. } = *text;
        Ok(DraftText { version, saved_ms, unattended, text: words })
    }
}
