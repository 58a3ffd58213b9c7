//! Notes that are being written: each belongs to one author and one chart, is sealed under the chart's key, durable before it
//! is acknowledged, and shown to nobody but its author while that person may write in that chart.
//!
//! A draft lies on the desk, not among the rows: it is written every few seconds and is not yet part of the record. Its row is
//! the one that its note will have, so that a draft cannot be signed twice. `docs/adr/0013-drafts.md` says why.

mod beside;
mod codec;
mod held;
mod shelf;
mod sign;
mod ticket;

use access::{Action, Caller, Denial, Labels, Permit, Traits, TypeRef};
use audit::event::{Object, Who};
use audit::{Event, Purpose};
use crypto::Part;
use store::desk::{EntryKey, Shelf};
use store::{Backend, ChartNo, Disclosed, Discloses, Evidence, RowNo, Subject};
use zeroize::Zeroizing;

use crate::evidence::{Deed, object};
use crate::standing::Subject as Asked;
use crate::{Record, RecordError, ResourceKey, charts, pad, tally, types};

pub(crate) use shelf::Drafts;
pub(crate) use sign::{coding, concept, list, object as json_object, text};

pub use beside::{DIAGNOSES_MAX, Diagnosis, NOTE_SYSTEM};
pub use held::{ASIDES_MAX, DraftKind, PAST_MAX};
pub use sign::{COSIGN, NoteToSign, Signed, WITHHELD_SYSTEM, Withheld, WithheldWhy, withheld_coding, withheld_reason};

use held::{Held, Placed, Text};
use shelf::Pen;
use ticket::Ticket;

/// Bytes of one text.
pub const DRAFT_BYTES_MAX: usize = 256 * 1024;
/// Open drafts of one person.
pub const DRAFTS_MAX: usize = 500;
/// What stands for something that is still to be written, and blocks signing.
pub const PLACEHOLDER: &str = "***";

/// Where a page saves to.
pub struct DraftPlace {
    /// The id of the draft, and of the note that it becomes.
    pub id: String,
    /// Goes back with each save: it keeps the text for its author when the session has ended meanwhile.
    pub ticket: String,
    /// Under it the author's browser seals what is not saved yet. Given out only here, so only to the author after signing in.
    pub device_key: Zeroizing<[u8; 32]>,
}

/// A draft as its author sees it in a list: nothing of what it says.
pub struct DraftHead {
    pub id: String,
    pub patient_id: String,
    pub kind: DraftKind,
    pub encounter_id: Option<String>,
    pub version: u32,
    pub saved_ms: i64,
    /// Texts that wait for a choice.
    pub asides: usize,
    /// Its author may write in the chart now. It is kept where not.
    pub is_open: bool,
}

/// One text of a draft.
pub struct DraftText {
    pub version: u32,
    pub saved_ms: i64,
    /// It came after the session had ended.
    pub unattended: bool,
    pub text: Zeroizing<String>,
}

/// An opened draft.
pub struct Draft {
    pub head: DraftHead,
    pub place: DraftPlace,
    pub current: DraftText,
    /// Texts that were based on an older one: their author chooses.
    pub asides: Vec<DraftText>,
    /// Version and time of the earlier texts that are kept, oldest first.
    pub past: Vec<(u32, i64)>,
    row: RowNo,
    view: u8,
}

/// One text of a draft, with what names it to the audit record.
pub struct DraftVersion {
    pub text: DraftText,
    subject: Subject,
}

/// What a page sends.
#[derive(Clone)]
pub struct DraftSave<'a> {
    pub draft_id: &'a str,
    pub kind: DraftKind,
    pub encounter_id: Option<&'a str>,
    pub text: &'a str,
    /// The version that the text was made from; 0 for none.
    pub based_on: u32,
    /// A random number of the tab, and how many times it saved; 0 without scripts.
    pub tab: u64,
    pub turn: u64,
    /// Versions that were aside and that this text was chosen from.
    pub chosen_from: &'a [u32],
}

/// What became of a text. In each case it is durable.
pub enum DraftSaved {
    Kept {
        id: String,
        version: u32,
        saved_ms: i64,
    },
    /// Something else was saved meanwhile. Both texts are in the draft; `kept` is the version of this one.
    Conflict {
        kept: u32,
        draft: Box<Disclosed<Draft>>,
    },
    /// The draft was signed meanwhile, and what came now is not in the note: nothing was kept. Save it as an addendum.
    Signed {
        note_id: String,
    },
}

/// Where a text went that came without a session. Nothing of it is shown.
pub struct KeptForAuthor {
    pub id: String,
    pub patient_id: String,
}

impl Discloses for Draft {
    fn subjects(&self, each: &mut dyn FnMut(Subject)) {
        for text in std::iter::once(&self.current).chain(&self.asides) {
            each(Subject { row: self.row, version: text.version, view: self.view });
        }
    }
}

impl Discloses for DraftVersion {
    fn subjects(&self, each: &mut dyn FnMut(Subject)) {
        each(self.subject);
    }
}

/// A chart in which somebody may write notes.
struct Desktop {
    chart: ChartNo,
    patient_id: String,
    permit: Permit,
    decided: Option<access::PackedKey>,
}

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

    /// The chart of a patient, if the caller may write notes in it. Comes before anything about a draft is looked at.
    async fn desktop(&self, caller: &Caller, patient_id: &str, audited: audit::Action) -> Result<Desktop, RecordError> {
        let kind = document()?;
        if let Err(denial) = self.policies().ever(caller, Action::Create, kind) {
            return Err(self.refuse(caller, audited, None, &denial).await);
        }
        let current = match ResourceKey::parse("Patient", patient_id) {
            Some(key) => self.find(&key).await?,
            None => None,
        };
        let Some(current) = current else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        let head = &current.head;
        let permit = match self.may_write(caller, head.chart).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        if head.deleted() {
            let named = Some(object(head, access::View::FULL));
            return Err(self.fail(caller, audited, named, 410, RecordError::Gone).await);
        }
        let decided = permit.key();
        Ok(Desktop { chart: head.chart, patient_id: head.id().to_owned(), permit, decided })
    }

    /// The chart in which a draft of this patient lies: this one, or that of a record which was merged with it since.
    async fn desktop_of(
        &self,
        caller: &Caller,
        patient_id: &str,
        draft_id: &str,
        audited: audit::Action,
    ) -> Result<Desktop, RecordError> {
        let desktop = self.desktop(caller, patient_id, audited).await?;
        let held = self.0.ids.row(draft_id).and_then(|row| self.0.drafts.of(row));
        match held.filter(|held| held.user == caller.user().0 && held.chart != desktop.chart) {
            Some(held) if self.is_one_patients(desktop.chart, held.chart).await? => {
                self.desktop(caller, &held.patient_id, audited).await
            }
            _ => Ok(desktop),
        }
    }

    /// Whether the caller may write a note in a chart: as somebody who has written nothing there yet, so that one's own draft
    /// opens no chart.
    async fn may_write(&self, caller: &Caller, chart: ChartNo) -> Result<Result<Permit, Denial>, RecordError> {
        let asked = Asked {
            kind: document()?,
            row: None,
            chart,
            labels: Labels::NONE,
            traits: Traits::CURRENT,
            originator: None,
        };
        let asked = self.stood(caller, asked, None).await?;
        Ok(self.policies().decide(caller, Action::Create, &asked))
    }

    /// The caller's draft of this id in this chart; nobody else's. One that became a note is none any more.
    async fn own_draft(&self, caller: &Caller, desktop: &Desktop, draft_id: &str) -> Result<Option<Held>, RecordError> {
        let Some(row) = self.0.ids.row(draft_id) else { return Ok(None) };
        let is_own = |held: &Held| held.user == caller.user().0 && held.chart == desktop.chart;
        match self.0.drafts.of(row).filter(is_own) {
            Some(held) if self.was_signed(&held).await? => Ok(None),
            found => Ok(found),
        }
    }

    /// A crash between the commit of a note and the removal of its draft leaves both: the note counts.
    async fn was_signed(&self, held: &Held) -> Result<bool, RecordError> {
        Ok(self.0.store.was_done(&self.0.drafts.signed_label(held.row)).await?)
    }

    /// Whether a row is a note that this caller signed in a record of this patient.
    async fn is_own_note(&self, caller: &Caller, row: RowNo, chart: ChartNo) -> Result<bool, RecordError> {
        if !self.0.store.was_done(&self.0.drafts.signed_label(row)).await? {
            return Ok(false);
        }
        let Some(current) = self.current(row).await? else { return Ok(false) };
        let head = &current.head;
        let is_own = head.originator().is_some() && head.originator() == caller.practitioner();
        Ok(is_own && self.is_one_patients(chart, head.chart).await?)
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

    async fn disclosed_draft(
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

    async fn attest_draft(
        &self,
        caller: &Caller,
        action: audit::Action,
        objects: &[Object],
        desktop: &Desktop,
    ) -> Result<store::Receipt, RecordError> {
        let decided = tally::once(desktop.decided, true);
        self.attest(caller, &Deed { decisions: decided.as_slice(), ..Deed::of(action, objects) }).await
    }

    async fn seal_text(
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
    async fn open_text(&self, _: &Permit, held: &Held, text: &Text) -> Result<DraftText, RecordError> {
        let sealed = self.0.drafts.desk.get(Shelf::DraftText, &text.key)?.ok_or(RecordError::Damaged)?;
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, held.chart).await?;
        let plain = self.0.keyring.open(&key, held.row, text.version, Part::Draft, &sealed)?;
        let plain = pad::strip(plain).ok_or(RecordError::Damaged)?;
        let words = Zeroizing::new(String::from_utf8(plain).map_err(|_| RecordError::Damaged)?);
        let Text { version, saved_ms, unattended, .. } = *text;
        Ok(DraftText { version, saved_ms, unattended, text: words })
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

impl std::fmt::Debug for DraftText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DraftText[redacted]")
    }
}
