//! Notes that are being written: each belongs to one author and one chart, is sealed under the chart's key, durable before it
//! is acknowledged, and shown to nobody but its author while that person may write in that chart.
//!
//! A draft lies on the desk, not among the rows: it is written every few seconds and is not yet part of the record. Its row is
//! the one that its note will have, so that a draft cannot be signed twice. `docs/adr/0013-drafts.md` says why.

mod beside;
mod codec;
mod desktop;
mod held;
mod sealed;
mod shelf;
mod sign;
mod ticket;
mod told;

use access::{Caller, Permit, TypeRef};
use audit::event::{Object, Who};
use audit::{Event, Purpose};
use store::{Backend, ChartNo, Disclosed, Evidence, RowNo, Subject};
use zeroize::Zeroizing;

use crate::{Record, RecordError, types};

pub(crate) use shelf::Drafts;

pub use beside::{DIAGNOSES_MAX, Diagnosis, NOTE_SYSTEM};
pub use held::{ASIDES_MAX, DraftKind, PAST_MAX};
pub use sign::{COSIGN, NoteToSign, Signed, WITHHELD_SYSTEM, Withheld, WithheldWhy, withheld_coding, withheld_reason};
pub use told::{Draft, DraftHead, DraftPlace, DraftSave, DraftSaved, DraftText, DraftVersion, KeptForAuthor};

use desktop::Desktop;
use held::{Held, Placed, Text};
use shelf::Pen;
use ticket::Ticket;

/// Bytes of one text.
pub const DRAFT_BYTES_MAX: usize = 256 * 1024;
/// Open drafts of one person.
pub const DRAFTS_MAX: usize = 500;
/// What stands for something that is still to be written, and blocks signing.
pub const PLACEHOLDER: &str = "***";

impl<B: Backend> Record<B> {
    /// A place for a new note, of a visit of this patient or of none. Nothing is kept until something is saved to it.
    pub async fn new_draft(
        &self,
        caller: &Caller,
        patient_id: &str,
        kind: &DraftKind,
        encounter_id: Option<&str>,
    ) -> Result<DraftPlace, RecordError> {
        let audited = audit::Action::DraftChange;
        let desktop = self.desktop(caller, patient_id, audited).await?;
        if encounter_id.is_some() {
            match self.visit(desktop.chart, encounter_id).await {
                Ok(Some(_)) => {}
                // Whether it is nobody's or another patient's, nobody is told.
                Ok(None) | Err(RecordError::Malformed(_)) => {
                    return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
                }
                Err(error) => return Err(error),
            }
        }
        let (row, _) = self.new_row(None)?;
        self.draft_place(caller, row, &desktop, kind, encounter_id)
    }

    /// The key under which this author's browser sealed what it had not saved to a draft. To the author alone, also where
    /// nothing was ever saved.
    pub async fn draft_device_key(
        &self,
        caller: &Caller,
        patient_id: &str,
        draft_id: &str,
    ) -> Result<Zeroizing<[u8; 32]>, RecordError> {
        self.desktop(caller, patient_id, audit::Action::DraftOpen).await?;
        let row = self.0.ids.row(draft_id).ok_or(RecordError::NotFound)?;
        Ok(self.0.drafts.device_key(caller.user().0, row))
    }

    /// The caller's drafts, newest first. Says where there are some and nothing of what they say, so it is no disclosure.
    pub async fn drafts(&self, caller: &Caller) -> Result<Vec<DraftHead>, RecordError> {
        let mut own: Vec<Held> =
            self.0.drafts.lock().values().filter(|held| held.user == caller.user().0).cloned().collect();
        own.sort_by_key(|held| std::cmp::Reverse(held.current.saved_ms));
        let mut heads = Vec::with_capacity(own.len());
        for held in own {
            if !self.was_signed(&held).await? {
                let is_open = self.may_write(caller, held.chart).await?.is_ok();
                heads.push(self.draft_head(&held, is_open)?);
            }
        }
        Ok(heads)
    }

    /// Opens a draft to its author. Audited each time.
    pub async fn open_draft(
        &self,
        caller: &Caller,
        patient_id: &str,
        draft_id: &str,
    ) -> Result<Disclosed<Draft>, RecordError> {
        let audited = audit::Action::DraftOpen;
        let desktop = self.desktop_of(caller, patient_id, draft_id, audited).await?;
        let pen = self.0.drafts.pen().await;
        let Some(mut held) = self.own_draft(caller, &desktop, draft_id).await? else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        if let Some(gone) = held.promote() {
            self.0.drafts.write(pen, held.clone(), None, gone).await?;
        }
        self.disclosed_draft(caller, &desktop, &held).await
    }

    /// An earlier text of a draft.
    pub async fn draft_version(
        &self,
        caller: &Caller,
        patient_id: &str,
        draft_id: &str,
        version: u32,
    ) -> Result<Disclosed<DraftVersion>, RecordError> {
        let audited = audit::Action::DraftOpen;
        let desktop = self.desktop_of(caller, patient_id, draft_id, audited).await?;
        let held = self.own_draft(caller, &desktop, draft_id).await?;
        let found = held.as_ref().and_then(|held| held.texts().find(|text| text.version == version));
        let (Some(held), Some(text)) = (&held, found) else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        let objects = [draft_object(held.row, held.chart, version, &desktop.permit)?];
        let receipt = self.attest_draft(caller, audited, &objects, &desktop).await?;
        let subject = Subject { row: held.row, version, view: desktop.permit.view().id() };
        let text = self.open_text(&desktop.permit, held, text).await?;
        Ok(Disclosed::new(DraftVersion { text, subject }, &receipt)?)
    }

    /// Saves what was typed. Durable when it answers, whatever it answers.
    pub async fn save_draft(
        &self,
        caller: &Caller,
        patient_id: &str,
        save: &DraftSave<'_>,
    ) -> Result<DraftSaved, RecordError> {
        let audited = audit::Action::DraftChange;
        limited(save.text)?;
        let desktop = self.desktop_of(caller, patient_id, save.draft_id, audited).await?;
        let Some(row) = self.0.ids.row(save.draft_id) else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        let pen = self.0.drafts.pen().await;
        let Some(mut held) = self.own_draft(caller, &desktop, save.draft_id).await? else {
            if self.is_own_note(caller, row, desktop.chart).await? {
                return Ok(DraftSaved::Signed { note_id: save.draft_id.to_owned() });
            }
            let ticket = self.ticket(caller, row, &desktop, &save.kind, save.encounter_id);
            let row = self.free_row(row).await?;
            let held = self.begin(pen, Ticket { row, ..ticket }, save, false).await?;
            let objects = [draft_object(held.row, held.chart, held.current.version, &desktop.permit)?];
            self.attest_draft(caller, audited, &objects, &desktop).await?;
            return self.kept(&held);
        };
        let text = self.incoming(save, false)?;
        let (placed, version, gone) = held.place(text, save.chosen_from)?;
        if placed == Placed::Known {
            return self.kept(&held);
        }
        let sealed = self.seal_text(&held, version, text.key, save.text).await?;
        self.0.drafts.write(pen, held.clone(), Some(sealed), gone).await?;
        match placed {
            Placed::Aside => {
                let draft = Box::new(self.disclosed_draft(caller, &desktop, &held).await?);
                Ok(DraftSaved::Conflict { kept: version, draft })
            }
            _ => self.kept(&held),
        }
    }

    /// Keeps what a page sends whose session has ended, under the ticket of that page. It is shown to nobody before its author
    /// has signed in again. `None` for a ticket that is none, or too old.
    pub async fn keep_for_author(
        &self,
        ticket: &str,
        save: &DraftSave<'_>,
    ) -> Result<Option<KeptForAuthor>, RecordError> {
        limited(save.text)?;
        let now_ms = self.now_ms();
        let Some(mut ticket) = Ticket::open(ticket, &self.0.drafts.tickets, now_ms) else { return Ok(None) };
        let pen = self.0.drafts.pen().await;
        let found = self.0.drafts.of(ticket.row).filter(|held| held.user == ticket.user && held.chart == ticket.chart);
        let held = match found {
            Some(held) if !self.was_signed(&held).await? => Some(held),
            _ => None,
        };
        let (held, version) = match held {
            Some(mut held) => {
                let text = self.incoming(save, true)?;
                let (placed, version, gone) = held.place(text, &[])?;
                if placed != Placed::Known {
                    let sealed = self.seal_text(&held, version, text.key, save.text).await?;
                    self.0.drafts.write(pen, held.clone(), Some(sealed), gone).await?;
                }
                (held, version)
            }
            None => {
                // What comes after the note was signed belongs beside it.
                if self.0.store.was_done(&self.0.drafts.signed_label(ticket.row)).await? {
                    ticket.kind = DraftKind::Addendum { note_id: self.0.ids.id(ticket.row)? };
                }
                ticket.row = self.free_row(ticket.row).await?;
                let held = self.begin(pen, ticket.clone(), save, true).await?;
                (held, 1)
            }
        };
        let objects = [Object {
            row: held.row,
            chart: held.chart,
            version,
            type_code: document()?.code,
            part: access::View::FULL.id(),
        }];
        let session = ticket.session.to_string();
        let who = Who { user: &ticket.login, role: "", session: Some(&session), on_behalf_of: None };
        let mut event = Event::new(now_ms.max(0) as u64, audit::Action::DraftChange, Purpose::Treatment, who);
        event.objects = (&objects[..]).into();
        event.subject = Some("after the session");
        self.0.store.record_event(Evidence::of(&event)?).await?;
        Ok(Some(KeptForAuthor { id: self.0.ids.id(held.row)?, patient_id: held.patient_id }))
    }

    /// Throws a draft away, if it is still the one that its author saw.
    pub async fn discard_draft(
        &self,
        caller: &Caller,
        patient_id: &str,
        draft_id: &str,
        version: u32,
    ) -> Result<(), RecordError> {
        let audited = audit::Action::DraftDiscard;
        let desktop = self.desktop_of(caller, patient_id, draft_id, audited).await?;
        let pen = self.0.drafts.pen().await;
        let Some(held) = self.own_draft(caller, &desktop, draft_id).await? else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        let named = draft_object(held.row, held.chart, held.current.version, &desktop.permit)?;
        if held.current.version != version {
            let error = RecordError::PreconditionFailed { held: held.current.version };
            return Err(self.fail(caller, audited, Some(named), 412, error).await);
        }
        self.attest_draft(caller, audited, &[named], &desktop).await?;
        self.0.drafts.remove(pen, held).await
    }

    /// The row, unless something else has come to lie there, as a page's row may after a restart.
    async fn free_row(&self, row: RowNo) -> Result<RowNo, RecordError> {
        let is_taken = self.0.drafts.of(row).is_some() || self.0.store.body(row).await?.is_some();
        match is_taken {
            true => Ok(self.new_row(None)?.0),
            false => {
                self.0.rows.fetch_max(row + 1, std::sync::atomic::Ordering::Relaxed);
                Ok(row)
            }
        }
    }

    async fn begin(
        &self,
        pen: Pen,
        ticket: Ticket,
        save: &DraftSave<'_>,
        unattended: bool,
    ) -> Result<Held, RecordError> {
        let Ticket { user, row, chart, patient_id, kind, encounter_id, .. } = ticket;
        if self.0.drafts.lock().values().filter(|held| held.user == user).count() >= DRAFTS_MAX {
            return Err(RecordError::TooMany { what: "drafts of one person", limit: DRAFTS_MAX });
        }
        // Not below what the page had: a version never means two texts.
        let version = save.based_on.saturating_add(1);
        let current = Text { version, ..self.incoming(save, unattended)? };
        let (past, asides) = (Vec::new(), Vec::new());
        let held = Held { row, user, chart, patient_id, kind, encounter_id, last: version, current, past, asides };
        let sealed = self.seal_text(&held, version, current.key, save.text).await?;
        self.0.drafts.write(pen, held.clone(), Some(sealed), Vec::new()).await?;
        Ok(held)
    }

    fn incoming(&self, save: &DraftSave<'_>, unattended: bool) -> Result<Text, RecordError> {
        let DraftSave { based_on, tab, turn, text, .. } = *save;
        let (key, digest) = (crypto::random_array()?, self.0.drafts.keys.label(text.as_bytes()));
        let (saved_ms, bytes) = (self.now_ms(), text.len() as u32);
        Ok(Text { key, digest, version: 0, based_on, saved_ms, bytes, tab, turn, unattended })
    }

    fn kept(&self, held: &Held) -> Result<DraftSaved, RecordError> {
        let Text { version, saved_ms, .. } = held.current;
        Ok(DraftSaved::Kept { id: self.0.ids.id(held.row)?, version, saved_ms })
    }

    fn draft_head(&self, held: &Held, is_open: bool) -> Result<DraftHead, RecordError> {
        Ok(DraftHead {
            id: self.0.ids.id(held.row)?,
            patient_id: held.patient_id.clone(),
            kind: held.kind.clone(),
            encounter_id: held.encounter_id.clone(),
            version: held.current.version,
            saved_ms: held.current.saved_ms,
            asides: held.asides.len(),
            is_open,
        })
    }

    fn ticket(
        &self,
        caller: &Caller,
        row: RowNo,
        desktop: &Desktop,
        kind: &DraftKind,
        encounter_id: Option<&str>,
    ) -> Ticket {
        Ticket::of(caller, row, desktop.chart, &desktop.patient_id, kind, encounter_id, self.now_ms())
    }

    fn draft_place(
        &self,
        caller: &Caller,
        row: RowNo,
        desktop: &Desktop,
        kind: &DraftKind,
        encounter_id: Option<&str>,
    ) -> Result<DraftPlace, RecordError> {
        let drafts = &self.0.drafts;
        Ok(DraftPlace {
            id: self.0.ids.id(row)?,
            ticket: self.ticket(caller, row, desktop, kind, encounter_id).seal(&drafts.tickets)?,
            device_key: drafts.device_key(caller.user().0, row),
        })
    }
}

fn document() -> Result<TypeRef, RecordError> {
    types::parse("DocumentReference").ok_or(RecordError::Damaged)
}

fn draft_object(row: RowNo, chart: ChartNo, version: u32, permit: &Permit) -> Result<Object, RecordError> {
    Ok(Object { row, chart, version, type_code: document()?.code, part: permit.view().id() })
}

fn limited(text: &str) -> Result<(), RecordError> {
    match text.len() > DRAFT_BYTES_MAX {
        true => Err(RecordError::TooMany { what: "bytes of a draft", limit: DRAFT_BYTES_MAX }),
        false => Ok(()),
    }
}
