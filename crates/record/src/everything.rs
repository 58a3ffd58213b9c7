//! `Patient/$everything`: the patient's whole chart, then what it refers to outside of it.

use std::collections::BTreeMap;

use access::{Action, Caller};
use fhir::search::{Kind as ParamKind, parameters};
use store::{Backend, Disclosed, RowNo};

use crate::cursor::{Cursor, Kind, Position};
use crate::request::{EverythingRequest, ResourceKey};
use crate::search::{Hit, shows, values_of};
use crate::tally::Tally;
use crate::{EntryMode, PAGE_SIZE_MAX, Page, Record, RecordError};

impl<B: Backend> Record<B> {
    pub async fn everything(
        &self,
        caller: &Caller,
        request: &EverythingRequest<'_>,
    ) -> Result<Disclosed<Page>, RecordError> {
        let audited = audit::Action::Everything;
        let key = ResourceKey::parse("Patient", request.patient_id).ok_or(RecordError::NotFound)?;
        let Some(current) = self.find(&key).await? else {
            return Err(self.absent(caller, Action::Everything, audited, &key).await);
        };
        let mut tally = Tally::default();
        let judged = self.judge(caller, Action::Everything, &current.head, &current.head).await?;
        if let Err(denial) = judged {
            return Err(self.denied(caller, audited, &current.head, &denial).await);
        }
        if current.head.deleted() {
            return Err(self.fail(caller, audited, None, 410, RecordError::Gone).await);
        }
        let after = match request.cursor {
            None => 0,
            Some(text) => {
                let version = self.policies().version();
                let cursor = Cursor::open(text, Kind::Everything, &self.0.cursor, caller, version, self.now_ms())?;
                if cursor.question != key.id {
                    return Err(RecordError::Cursor);
                }
                cursor.position.offset
            }
        };
        let count = request.count.unwrap_or(PAGE_SIZE_MAX).clamp(1, PAGE_SIZE_MAX) as usize;
        let mut hits = self.chart_and_beyond(caller, request, &current, &mut tally).await?;
        let total = hits.len() as u64;
        let page: Vec<(EntryMode, Hit)> =
            hits.drain(..).skip(after as usize).take(count).map(|hit| (EntryMode::Match, hit)).collect();
        let shown = after + page.len() as u64;
        let next = match shown < total && !page.is_empty() {
            true => {
                let position = Position { row: 0, seq: 0, offset: shown };
                let cursor = Cursor { kind: Kind::Everything, position, question: key.id.clone() };
                Some(cursor.seal(&self.0.cursor, caller, self.policies().version(), self.now_ms())?)
            }
            false => None,
        };
        let empty = Page {
            entries: Vec::new(),
            total: Some(total),
            next,
            ignored: Vec::new(),
            summary: None,
            elements: Vec::new(),
        };
        self.disclose_page(caller, audited, None, page, empty, &tally).await
    }

    /// What of the chart may be seen, the patient first, then by row; then what that refers to elsewhere.
    async fn chart_and_beyond(
        &self,
        caller: &Caller,
        request: &EverythingRequest<'_>,
        current: &crate::open::Current,
        tally: &mut Tally,
    ) -> Result<Vec<Hit>, RecordError> {
        let chart = current.head.chart;
        let is_wanted = |head: &crate::head::Head| {
            !head.deleted()
                && request.since_ms.is_none_or(|since| head.last_updated_ms() >= since)
                && (request.types.is_empty() || request.types.iter().any(|kind| kind.code == head.type_code))
        };
        let mut hits = Vec::new();
        let mut beyond: BTreeMap<RowNo, Hit> = BTreeMap::new();
        for head in self.heads_of_chart(chart).await?.iter() {
            if head.deleted() {
                continue;
            }
            let judged = self.judge(caller, Action::Everything, head, head).await?;
            let Ok(permit) = tally.judged(judged) else { continue };
            let apart = self.apart_values(&permit, head, false).await?;
            for param in parameters(head.type_name()).filter(|p| p.kind == ParamKind::Reference) {
                if !shows(permit.view(), head.type_name(), param) {
                    continue;
                }
                for (target, id) in values_of(head, apart.as_deref()).references(param) {
                    self.reach(caller, chart, (target, id), &mut beyond, tally).await?;
                }
            }
            if is_wanted(head) {
                hits.push(Hit { head: head.clone(), permit });
            }
        }
        hits.sort_by_key(|hit| (hit.head.row != current.head.row, hit.head.row));
        hits.extend(beyond.into_values().filter(|hit| is_wanted(&hit.head)));
        Ok(hits)
    }

    /// Adds a resource outside the chart: never one of another patient's chart.
    async fn reach(
        &self,
        caller: &Caller,
        chart: store::ChartNo,
        (target, id): (&str, &str),
        beyond: &mut BTreeMap<RowNo, Hit>,
        tally: &mut Tally,
    ) -> Result<(), RecordError> {
        let Some(key) = ResourceKey::parse(target, id) else { return Ok(()) };
        if let Some(row) = self.0.ids.row(id)
            && beyond.contains_key(&row)
        {
            return Ok(());
        }
        let Some(found) = self.find(&key).await? else { return Ok(()) };
        let head = found.head;
        if head.chart == chart || crate::charts::is_patient(head.chart) || head.deleted() {
            return Ok(());
        }
        let judged = self.judge(caller, Action::Everything, &head, &head).await?;
        if let Ok(permit) = tally.judged(judged) {
            beyond.entry(head.row).or_insert(Hit { head, permit });
        }
        Ok(())
    }
}
