//! What is held of one draft, and where an incoming text goes: on top, aside, or nowhere because it is old. Pure.

use store::desk::EntryKey;
use store::{ChartNo, RowNo};

use super::codec::{Reader, Writer};
use crate::RecordError;

/// Earlier texts of one draft.
pub const PAST_MAX: usize = 20;
/// Texts of one draft that wait for its author to choose.
pub const ASIDES_MAX: usize = 20;
/// Of one tab, a text is kept as an earlier one this often; what shrinks or comes from another tab is always kept.
const PAST_EVERY_MS: i64 = 60_000;
/// So many bytes fewer are a deletion that somebody may want back.
const SHRUNK_BYTES: u32 = 40;
const FORMAT: u8 = 1;

/// What a draft is to become.
#[derive(Clone, PartialEq, Eq)]
pub enum DraftKind {
    Note,
    /// Says more to a signed note, which it leaves as it is.
    Addendum {
        note_id: String,
    },
}

/// Everything of a draft but what it says. Kept sealed, and in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// The row that the signed note will have; its id is the draft's.
    pub row: RowNo,
    pub user: u64,
    pub chart: ChartNo,
    pub patient_id: String,
    pub kind: DraftKind,
    pub encounter_id: Option<String>,
    /// The highest version given.
    pub last: u32,
    pub current: Text,
    /// Oldest first.
    pub past: Vec<Text>,
    pub asides: Vec<Text>,
}

/// One text: where it lies sealed, and how it came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text {
    pub key: EntryKey,
    /// A keyed hash of what it says: the same text again is nothing new.
    pub digest: [u8; 16],
    pub version: u32,
    /// The version that its writer had before them.
    pub based_on: u32,
    pub saved_ms: i64,
    pub bytes: u32,
    /// A random number of the tab; 0 without scripts.
    pub tab: u64,
    /// Rises with each save of a tab: the network may deliver an older one later.
    pub turn: u64,
    /// It came after the session had ended, under the ticket of its page.
    pub unattended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    Current,
    Aside,
    /// Nothing new: it is held already, or the same tab has saved something newer.
    Known,
}

impl Held {
    /// Puts an incoming text in its place and gives it its version. Answers the texts that are no longer held.
    pub fn place(&mut self, mut text: Text, chosen_from: &[u32]) -> Result<(Placed, u32, Vec<EntryKey>), RecordError> {
        let mut gone = Vec::new();
        let is_same_tab = |held: &Text| text.tab != 0 && held.tab == text.tab;
        let newer = |held: &Text| is_same_tab(held) && held.turn >= text.turn;
        let waiting = |held: &Text| newer(held) || (held.digest == text.digest && chosen_from.is_empty());
        if waiting(&self.current) || self.asides.iter().any(waiting) {
            return Ok((Placed::Known, self.current.version, gone));
        }
        text.version = self.last + 1;
        // A tab whose acknowledgement was lost goes on from what it wrote itself.
        let goes_on = text.based_on == self.current.version || is_same_tab(&self.current);
        if text.unattended || !goes_on {
            match self.asides.iter().position(is_same_tab) {
                Some(at) => {
                    gone.push(self.asides[at].key);
                    self.asides[at] = text;
                }
                None if self.asides.len() == ASIDES_MAX => {
                    return Err(RecordError::TooMany {
                        what: "texts of a draft that wait for a choice",
                        limit: ASIDES_MAX,
                    });
                }
                None => self.asides.push(text),
            }
            self.last = text.version;
            return Ok((Placed::Aside, text.version, gone));
        }
        self.last = text.version;
        self.supersede(text, &mut gone);
        for version in chosen_from {
            self.settle(*version, &mut gone);
        }
        Ok((Placed::Current, text.version, gone))
    }

    /// What came after the session ended and follows on what is current becomes current, now that its author is back.
    pub fn promote(&mut self) -> Option<Vec<EntryKey>> {
        let at = self.asides.iter().rposition(|t| t.unattended && t.based_on == self.current.version)?;
        let text = self.asides.remove(at);
        let mut gone = Vec::new();
        self.supersede(text, &mut gone);
        Some(gone)
    }

    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        std::iter::once(&self.current).chain(&self.asides).chain(&self.past)
    }

    fn supersede(&mut self, text: Text, gone: &mut Vec<EntryKey>) {
        let old = std::mem::replace(&mut self.current, text);
        let is_worth = self.past.last().is_none_or(|last| {
            old.tab != text.tab
                || text.tab == 0
                || old.saved_ms - last.saved_ms >= PAST_EVERY_MS
                || text.bytes + SHRUNK_BYTES < old.bytes
        });
        match is_worth {
            true => self.remember(old, gone),
            false => gone.push(old.key),
        }
    }

    /// The author has chosen; what was aside is an earlier text now.
    fn settle(&mut self, version: u32, gone: &mut Vec<EntryKey>) {
        if let Some(at) = self.asides.iter().position(|text| text.version == version) {
            let text = self.asides.remove(at);
            self.remember(text, gone);
        }
    }

    fn remember(&mut self, text: Text, gone: &mut Vec<EntryKey>) {
        self.past.push(text);
        if self.past.len() > PAST_MAX {
            gone.push(self.past.remove(0).key);
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut out = Writer::default();
        out.byte(FORMAT);
        for number in [self.row, self.user, self.chart, u64::from(self.last)] {
            out.number(number);
        }
        out.text(&self.patient_id)?;
        write_aim(&mut out, &self.kind, self.encounter_id.as_deref())?;
        self.current.encode(&mut out);
        for list in [&self.past, &self.asides] {
            out.byte(list.len() as u8);
            list.iter().for_each(|text| text.encode(&mut out));
        }
        Ok(out.0)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut at = Reader(bytes);
        if at.byte()? != FORMAT {
            return Err(RecordError::Damaged);
        }
        let (row, user, chart, last) = (at.number()?, at.number()?, at.number()?, at.version()?);
        let patient_id = at.text()?;
        let (kind, encounter_id) = read_aim(&mut at)?;
        let current = Text::decode(&mut at)?;
        let past = Text::decode_list(&mut at)?;
        let asides = Text::decode_list(&mut at)?;
        Ok(Self { row, user, chart, patient_id, kind, encounter_id, last, current, past, asides })
    }
}

impl Text {
    fn encode(&self, out: &mut Writer) {
        out.0.extend_from_slice(&self.key);
        out.0.extend_from_slice(&self.digest);
        for number in [self.version, self.based_on, self.bytes] {
            out.number(u64::from(number));
        }
        out.number(self.saved_ms as u64);
        out.number(self.tab);
        out.number(self.turn);
        out.byte(u8::from(self.unattended));
    }

    fn decode(at: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (key, digest) = (at.array()?, at.array()?);
        let (version, based_on, bytes) = (at.version()?, at.version()?, at.version()?);
        let saved_ms = at.number()? as i64;
        let (tab, turn, unattended) = (at.number()?, at.number()?, at.byte()? == 1);
        Ok(Self { key, digest, version, based_on, saved_ms, bytes, tab, turn, unattended })
    }

    fn decode_list(at: &mut Reader<'_>) -> Result<Vec<Self>, RecordError> {
        (0..at.byte()?).map(|_| Self::decode(at)).collect()
    }
}

/// What a draft is to become, and for which visit.
pub fn write_aim(out: &mut Writer, kind: &DraftKind, encounter_id: Option<&str>) -> Result<(), RecordError> {
    out.text(match kind {
        DraftKind::Note => "",
        DraftKind::Addendum { note_id } => note_id,
    })?;
    out.text(encounter_id.unwrap_or_default())
}

pub fn read_aim(at: &mut Reader<'_>) -> Result<(DraftKind, Option<String>), RecordError> {
    let kind = match at.text()? {
        none if none.is_empty() => DraftKind::Note,
        note_id => DraftKind::Addendum { note_id },
    };
    Ok((kind, Some(at.text()?).filter(|id| !id.is_empty())))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn text(key: u8, based_on: u32, tab: u64, turn: u64) -> Text {
        let mut digest = [key; 16];
        digest[..8].copy_from_slice(&turn.to_be_bytes());
        Text { key: [key; 16], digest, version: 0, based_on, saved_ms: 0, bytes: 10, tab, turn, unattended: false }
    }

    fn held() -> Held {
        let (patient_id, kind) = ("p".to_owned(), DraftKind::Addendum { note_id: "n".into() });
        let current = Text { version: 1, ..text(1, 0, 1, 1) };
        let lists = (Vec::new(), Vec::new());
        let encounter_id = Some("e".to_owned());
        let (row, user, chart, last) = (7, 8, 16, 1);
        Held { row, user, chart, patient_id, kind, encounter_id, last, current, past: lists.0, asides: lists.1 }
    }

    #[test]
    fn a_header_comes_back() {
        let mut draft = held();
        draft.place(text(2, 1, 2, 1), &[]).unwrap();
        draft.place(text(3, 1, 3, 1), &[]).unwrap();
        assert!(Held::decode(&draft.encode().unwrap()).unwrap() == draft);
        assert_eq!((draft.past.len(), draft.asides.len()), (1, 1));
    }

    #[test]
    fn who_did_not_see_what_is_current_is_put_aside_and_a_lost_acknowledgement_is_no_conflict() {
        let mut draft = held();
        // Tab 1 wrote version 1 and never heard so.
        assert_eq!(draft.place(text(2, 0, 1, 2), &[]).unwrap().0, Placed::Current);
        // Tab 2 began from version 1.
        assert_eq!(draft.place(text(3, 1, 2, 1), &[]).unwrap().0, Placed::Aside);
        // The same tab goes on typing: one text waits, the newest.
        let (placed, version, gone) = draft.place(text(4, 1, 2, 2), &[]).unwrap();
        assert_eq!((placed, gone), (Placed::Aside, vec![[3; 16]]));
        // An older save of it arrives late.
        assert_eq!(draft.place(text(5, 1, 2, 1), &[]).unwrap().0, Placed::Known);
        // The author chooses.
        let current = draft.current.version;
        assert_eq!(draft.place(text(6, current, 2, 3), &[version]).unwrap().0, Placed::Current);
        assert!(draft.asides.is_empty());
        assert!(draft.past.iter().any(|text| text.key == [4; 16]), "what was not chosen can be had back");
    }

    /// Whatever order saves come in, every text that was not overtaken by its own tab is still held, within the limits.
    #[test]
    fn interleavings_of_tabs_lose_nothing_that_its_own_tab_did_not_replace() {
        let mut random = 7u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..2_000 {
            let mut draft = held();
            // What each tab saw last, its turn, and the last text it was told is safe.
            let mut tabs = [(1u32, 1u64, [1u8; 16]), (1, 0, [0; 16]), (1, 0, [0; 16])];
            let mut versions = BTreeSet::from([1]);
            for step in 2..14u8 {
                let tab = next(3) as usize;
                let (seen, turn, _) = tabs[tab];
                let incoming = Text { saved_ms: i64::from(step), ..text(step, seen, tab as u64 + 1, turn + 1) };
                let (placed, version, _) = draft.place(incoming, &[]).unwrap();
                assert_ne!(placed, Placed::Known);
                assert!(versions.insert(version), "a version never means two texts");
                // Sometimes the acknowledgement is lost, sometimes the tab reloads.
                let sees = match next(4) {
                    0 => seen,
                    1 => draft.current.version,
                    _ if placed == Placed::Current => version,
                    _ => seen,
                };
                tabs[tab] = (sees, turn + 1, [step; 16]);
                assert!(draft.past.len() <= PAST_MAX && draft.asides.len() <= ASIDES_MAX);
                for (_, turn, key) in tabs {
                    assert!(
                        turn == 0 || draft.texts().any(|text| text.key == key),
                        "the last text of each tab is held"
                    );
                }
            }
            assert!(Held::decode(&draft.encode().unwrap()).unwrap() == draft);
        }
    }

    #[test]
    fn earlier_texts_are_bounded_a_minute_apart_and_what_was_deleted_is_among_them() {
        let mut draft = held();
        for turn in 2..4_000u64 {
            let base = draft.current.version;
            let more = Text { saved_ms: turn as i64 * 2_000, bytes: turn as u32, ..text(2, base, 1, turn) };
            draft.place(more, &[]).unwrap();
        }
        assert_eq!(draft.past.len(), PAST_MAX);
        let apart = draft.past.windows(2).map(|pair| pair[1].saved_ms - pair[0].saved_ms).min();
        assert!(apart >= Some(PAST_EVERY_MS));
        let whole = draft.current;
        let shrunk = Text { saved_ms: whole.saved_ms + 1, bytes: 3, ..text(9, whole.version, 1, 5_000) };
        draft.place(shrunk, &[]).unwrap();
        assert!(draft.past.last() == Some(&whole));
    }

    #[test]
    fn what_came_after_the_session_waits_for_its_author_and_then_follows_on() {
        let mut draft = held();
        let late = Text { unattended: true, ..text(2, 1, 1, 2) };
        assert_eq!(draft.place(late, &[]).unwrap().0, Placed::Aside);
        assert_eq!(draft.current.version, 1);
        assert!(draft.promote().is_some());
        assert_eq!((draft.current.key, draft.asides.len()), ([2; 16], 0));
        // One that follows on something older is for the author to choose.
        let stale = Text { unattended: true, ..text(3, 1, 4, 1) };
        draft.place(stale, &[]).unwrap();
        assert!(draft.promote().is_none());
        assert_eq!(draft.asides.len(), 1);
    }

    #[test]
    fn no_more_wait_than_can_be_chosen_from() {
        let mut draft = held();
        for tab in 0..ASIDES_MAX as u8 {
            draft.place(text(tab + 20, 0, u64::from(tab) + 10, 1), &[]).unwrap();
        }
        // The same once more is nothing new.
        assert_eq!(draft.place(text(20, 0, 0, 1), &[]).unwrap().0, Placed::Known);
        assert!(matches!(draft.place(text(3, 0, 999, 1), &[]), Err(RecordError::TooMany { .. })));
        assert_eq!(draft.asides.len(), ASIDES_MAX);
    }
}
