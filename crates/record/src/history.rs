//! History of an instance, a type or the system: newest first, each version decided by itself.

use std::sync::Arc;

use access::{Action, Caller, Permit};
use store::{Backend, Disclosed, PastRow, RowNo, Seq};

use crate::cursor::{Cursor, Kind, Position};
use crate::evidence::{Deed, object};
use crate::head::Head;
use crate::open::Current;
use crate::request::{HistoryOf, HistoryRequest};
use crate::tally::Tally;
use crate::{CANDIDATES_MAX, EntryMode, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Page, Record, RecordError};

/// Versions read at once while walking a history.
const WALK_PAGE: usize = 256;

/// One version on its way to the page.
struct Line {
    head: Arc<Head>,
    body: Vec<u8>,
    permit: Permit,
}

impl<B: Backend> Record<B> {
    pub async fn history(&self, caller: &Caller, request: &HistoryRequest<'_>) -> Result<Disclosed<Page>, RecordError> {
        let count = request.count.unwrap_or(PAGE_SIZE_DEFAULT).clamp(1, PAGE_SIZE_MAX) as usize;
        let question = question(request);
        let position = match request.cursor {
            None => Position { row: RowNo::MAX >> 1, seq: Seq::MAX, offset: 0 },
            Some(text) => {
                let version = self.policies().version();
                let cursor = Cursor::open(text, Kind::History, &self.0.cursor, caller, version, self.now_ms())?;
                if cursor.question.split('\n').next() != question.split('\n').next() {
                    return Err(RecordError::Cursor);
                }
                cursor.position
            }
        };
        let mut tally = Tally::default();
        let (lines, next) = match &request.of {
            HistoryOf::Instance(key) => {
                let Some(current) = self.find(key).await? else {
                    return Err(self.absent(caller, Action::HistoryInstance, audit::Action::History, key).await);
                };
                self.of_instance(caller, request, current, (position, count), &mut tally).await?
            }
            HistoryOf::Type(kind) => {
                if let Err(denial) = self.policies().scope(caller, Action::HistoryType, *kind) {
                    return Err(self.refuse(caller, audit::Action::History, None, &denial).await);
                }
                self.of_many(caller, request, Some(kind.code), (position, count), &mut tally).await?
            }
            HistoryOf::System => {
                let kind = access::TypeRef::SYSTEM;
                if let Err(denial) = self.policies().scope(caller, Action::HistorySystem, kind) {
                    return Err(self.refuse(caller, audit::Action::History, None, &denial).await);
                }
                self.of_many(caller, request, None, (position, count), &mut tally).await?
            }
        };
        let next = match next {
            Some(position) => {
                let cursor = Cursor { kind: Kind::History, position, question };
                Some(cursor.seal(&self.0.cursor, caller, self.policies().version(), self.now_ms())?)
            }
            None => None,
        };
        let objects: Vec<_> = lines.iter().map(|line| object(&line.head, line.permit.view())).collect();
        let count = Some(objects.len() as u64);
        let deed = Deed { count, decisions: tally.decided(), ..Deed::of(audit::Action::History, &objects) };
        let receipt = self.attest(caller, &deed).await?;
        let mut entries = Vec::with_capacity(lines.len());
        for line in &lines {
            let version = self.open_version(&line.permit, &line.head, &line.body).await?;
            entries.push((EntryMode::Match, version));
        }
        let page = Page { entries, total: None, next, ignored: Vec::new(), summary: None, elements: Vec::new() };
        Ok(Disclosed::new(page, &receipt)?)
    }

    async fn of_instance(
        &self,
        caller: &Caller,
        request: &HistoryRequest<'_>,
        current: Current,
        (position, count): (Position, usize),
        tally: &mut Tally,
    ) -> Result<(Vec<Line>, Option<Position>), RecordError> {
        let action = Action::HistoryInstance;
        let now = current.head.clone();
        let row = current.head.row;
        let mut lines = Vec::new();
        // The position's offset is the oldest version that was shown.
        let mut before = match position.offset {
            0 => {
                let permit = match tally.judged(self.judge(caller, action, &now, &now).await?) {
                    Ok(permit) => permit,
                    Err(denial) => {
                        return Err(self.denied(caller, audit::Action::History, &current.head, &denial).await);
                    }
                };
                let version = current.head.version;
                if is_since(request, &current.head) {
                    lines.push(Line { head: current.head, body: current.body.body, permit });
                }
                version
            }
            shown => shown as u32,
        };
        loop {
            let page = self.0.store.past_of(row, before, WALK_PAGE).await?;
            let Some(last) = page.last() else { return Ok((lines, None)) };
            before = last.version;
            for past in page {
                let (head, past) = self.opened_past(past).await?;
                if !is_since(request, &head) {
                    return Ok((lines, None));
                }
                let Ok(permit) = tally.judged(self.judge(caller, action, &head, &now).await?) else { continue };
                if lines.len() == count {
                    let shown = lines.last().map_or(0, |line: &Line| u64::from(line.head.version));
                    return Ok((lines, Some(Position { row, seq: 0, offset: shown })));
                }
                lines.push(Line { head, body: past.body, permit });
            }
        }
    }

    /// Versions of many rows by commit sequence: current and past ones, merged.
    async fn of_many(
        &self,
        caller: &Caller,
        request: &HistoryRequest<'_>,
        type_code: Option<u16>,
        (position, count): (Position, usize),
        tally: &mut Tally,
    ) -> Result<(Vec<Line>, Option<Position>), RecordError> {
        let mut lines: Vec<Line> = Vec::new();
        let (mut seq, mut row) = (position.seq, position.row);
        let mut looked_at = 0;
        loop {
            let heads = self.0.store.heads_before(seq, row, WALK_PAGE).await?;
            let pasts = self.0.store.past_before(seq, row, WALK_PAGE).await?;
            // Beyond the end of the shorter list the order is not known yet, unless that list is exhausted.
            let horizon = [
                heads.last().filter(|_| heads.len() == WALK_PAGE).map(|h| (h.seq, h.row)),
                pasts.last().filter(|_| pasts.len() == WALK_PAGE).map(|p| (p.seq, p.row)),
            ]
            .into_iter()
            .flatten()
            .max();
            let mut steps: Vec<(Seq, RowNo, Option<PastRow>, u64)> =
                heads.iter().map(|h| (h.seq, h.row, None, h.chart)).collect();
            steps.extend(pasts.into_iter().map(|p| (p.seq, p.row, Some(p), 0)));
            steps.retain(|step| horizon.is_none_or(|h| (step.0, step.1) >= h));
            steps.sort_unstable_by_key(|step| std::cmp::Reverse((step.0, step.1)));
            if steps.is_empty() {
                return Ok((lines, None));
            }
            for (step_seq, step_row, past, chart) in steps {
                let Some(line) = self.line(caller, type_code, past, (chart, step_row, step_seq), tally).await? else {
                    (seq, row) = (step_seq, step_row);
                    looked_at += 1;
                    continue;
                };
                if !is_since(request, &line.head) {
                    return Ok((lines, None));
                }
                if lines.len() == count {
                    return Ok((lines, Some(Position { row, seq, offset: 0 })));
                }
                (seq, row) = (step_seq, step_row);
                lines.push(line);
            }
            if looked_at > CANDIDATES_MAX {
                return Err(RecordError::TooCostly { limit: CANDIDATES_MAX });
            }
        }
    }

    /// A version of a type or system history, if it is of the type and may be seen.
    async fn line(
        &self,
        caller: &Caller,
        type_code: Option<u16>,
        past: Option<PastRow>,
        (chart, row, seq): (u64, RowNo, Seq),
        tally: &mut Tally,
    ) -> Result<Option<Line>, RecordError> {
        let action = if type_code.is_some() { Action::HistoryType } else { Action::HistorySystem };
        let (head, body) = match past {
            Some(past) => {
                let (head, past) = self.opened_past(past).await?;
                (head, past.body)
            }
            None => {
                // The head may have moved on since the list was read; then the version is met as a past one elsewhere.
                let Some(head) = self.head(chart, row).await? else { return Ok(None) };
                let Some(body) = self.0.store.body(row).await?.filter(|b| b.seq == seq && head.seq == seq) else {
                    return Ok(None);
                };
                (head, body.body)
            }
        };
        if type_code.is_some_and(|code| code != head.type_code) {
            return Ok(None);
        }
        let current = self.head_moved(row).await?.unwrap_or_else(|| head.clone());
        let permit = tally.judged(self.judge(caller, action, &head, &current).await?).ok();
        Ok(permit.map(|permit| Line { head, body, permit }))
    }

    async fn opened_past(&self, past: PastRow) -> Result<(Arc<Head>, PastRow), RecordError> {
        let head = self.open_head_of((past.chart, past.row, past.version, past.seq), &past.head).await?;
        Ok((Arc::new(head), past))
    }
}

fn is_since(request: &HistoryRequest<'_>, head: &Head) -> bool {
    request.since_ms.is_none_or(|since| head.last_updated_ms() >= since)
}

/// What a cursor of this history is bound to.
fn question(request: &HistoryRequest<'_>) -> String {
    match &request.of {
        HistoryOf::Instance(key) => format!("instance {} {}", key.kind.name, key.id),
        HistoryOf::Type(kind) => format!("type {}", kind.name),
        HistoryOf::System => "system".to_owned(),
    }
}
