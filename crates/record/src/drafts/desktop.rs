//! A chart in which somebody may write notes, and what of the drafts and notes there is theirs.

use access::{Action, Caller, Denial, Labels, Permit, Traits};
use store::{Backend, ChartNo, RowNo};

use super::{Held, document};
use crate::evidence::object;
use crate::standing::Subject as Asked;
use crate::{Record, RecordError, ResourceKey};

/// A chart in which somebody may write notes.
pub(super) struct Desktop {
    pub(super) chart: ChartNo,
    pub(super) patient_id: String,
    pub(super) permit: Permit,
    pub(super) decided: Option<access::PackedKey>,
}

impl<B: Backend> Record<B> {
    /// The chart of a patient, if the caller may write notes in it. Comes before anything about a draft is looked at.
    pub(super) async fn desktop(
        &self,
        caller: &Caller,
        patient_id: &str,
        audited: audit::Action,
    ) -> Result<Desktop, RecordError> {
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
    pub(super) async fn desktop_of(
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
    pub(super) async fn may_write(
        &self,
        caller: &Caller,
        chart: ChartNo,
    ) -> Result<Result<Permit, Denial>, RecordError> {
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
    pub(super) async fn own_draft(
        &self,
        caller: &Caller,
        desktop: &Desktop,
        draft_id: &str,
    ) -> Result<Option<Held>, RecordError> {
        let Some(row) = self.0.ids.row(draft_id) else { return Ok(None) };
        let is_own = |held: &Held| held.user == caller.user().0 && held.chart == desktop.chart;
        match self.0.drafts.of(row).filter(is_own) {
            Some(held) if self.was_signed(&held).await? => Ok(None),
            found => Ok(found),
        }
    }

    /// A crash between the commit of a note and the removal of its draft leaves both: the note counts.
    pub(super) async fn was_signed(&self, held: &Held) -> Result<bool, RecordError> {
        Ok(self.0.store.was_done(&self.0.drafts.signed_label(held.row)).await?)
    }

    /// Whether a row is a note that this caller signed in a record of this patient.
    pub(super) async fn is_own_note(&self, caller: &Caller, row: RowNo, chart: ChartNo) -> Result<bool, RecordError> {
        if !self.0.store.was_done(&self.0.drafts.signed_label(row)).await? {
            return Ok(false);
        }
        let Some(current) = self.current(row).await? else { return Ok(false) };
        let head = &current.head;
        let is_own = head.originator().is_some() && head.originator() == caller.practitioner();
        Ok(is_own && self.is_one_patients(chart, head.chart).await?)
    }
}
