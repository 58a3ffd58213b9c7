//! What a draft is to its author: where it is saved to, what it says, and what became of a text.

use store::{Disclosed, Discloses, RowNo, Subject};
use zeroize::Zeroizing;

use super::DraftKind;

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
    pub(super) row: RowNo,
    pub(super) view: u8,
}

/// One text of a draft, with what names it to the audit record.
pub struct DraftVersion {
    pub text: DraftText,
    pub(super) subject: Subject,
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

impl std::fmt::Debug for DraftText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DraftText[redacted]")
    }
}
