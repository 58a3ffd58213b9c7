//! Forms that patients fill in: a FHIR R4 Questionnaire as questions, what was typed as answers, and answers as a QuestionnaireResponse.
//! Pure: the same Questionnaire and the same fields always give the same.

mod answers;
mod check;
mod fields;
mod read;
mod told;
mod value;
mod when;

pub use answers::items;
pub use check::{Checked, Filled, check};
pub use fields::{Look, Part, parts, slips};
pub use read::Unfit;
pub use told::{Line, told};
pub use value::Value;
pub use when::When;

use fhir::Json;

/// Items of one form, and how deep they lie.
pub const ITEMS_MAX: usize = 200;
pub const DEPTH_MAX: usize = 8;
/// Answers to choose from, of one question and of all.
pub const OPTIONS_MAX: usize = 100;
pub const OPTIONS_OF_ALL_MAX: usize = 2_000;
/// Fields that a page of ours sends for the largest form: each question with its "something else", each box, and what goes with them.
pub const FIELDS_MAX: usize = 2 * ITEMS_MAX + OPTIONS_OF_ALL_MAX + 16;
/// Bytes of the names of all fields and of all that may be chosen, as often as a page sends them.
pub const NAMES_BYTES_MAX: usize = 256 * 1024;
/// Letters of all that is said in words in one form.
pub const WORDS_CHARS_MAX: usize = 100_000;
/// Bytes of what a page sends: a letter of four bytes takes twelve, a byte of a name three, and what was on the page names the questions
/// once more.
pub const SENT_BYTES_MAX: usize = 12 * WORDS_CHARS_MAX + 6 * NAMES_BYTES_MAX + 64 * 1024;
/// Letters of an answer where the form says nothing.
pub const LINE_CHARS_MAX: usize = 500;
pub const TEXT_CHARS_MAX: usize = 5_000;

pub struct Questionnaire {
    /// `http://clinic.example/intake|2`: what an answer names.
    pub canonical: Option<String>,
    pub title: String,
    pub words: Option<String>,
    pub items: Vec<Item>,
    /// Names what it says and asks: another text, or another answer to choose, is another.
    pub print: String,
    /// What the form is about: as sensitive as it is what is answered.
    pub codings: Vec<Json<'static>>,
}

pub struct Item {
    pub link_id: String,
    /// Its place among all, which names it on a page.
    pub number: usize,
    pub kind: Kind,
    pub text: String,
    pub is_required: bool,
    pub repeats: bool,
    pub when: Vec<When>,
    /// One of the conditions is enough.
    pub is_any: bool,
    pub chars_max: usize,
    pub least: Option<Value>,
    pub most: Option<Value>,
    pub unit: Option<String>,
    pub options: Vec<Value>,
    pub items: Vec<Item>,
    pub codings: Vec<Json<'static>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Group,
    Display,
    Boolean,
    Decimal,
    Integer,
    Date,
    Line,
    Text,
    Choice,
    /// A choice, or something else in words.
    OpenChoice,
    /// Nothing that a page of ours asks: the clinic asks it in the visit.
    Elsewhere,
    /// The same, and not for the eyes of who fills in.
    Hidden,
}

impl Kind {
    pub fn is_question(self) -> bool {
        !matches!(self, Kind::Group | Kind::Display | Kind::Elsewhere | Kind::Hidden)
    }

    pub fn is_choice(self) -> bool {
        matches!(self, Kind::Choice | Kind::OpenChoice)
    }

    fn is_elsewhere(self) -> bool {
        matches!(self, Kind::Elsewhere | Kind::Hidden)
    }
}

impl Questionnaire {
    /// All items in the order of the form, each with the number of the item that it lies in.
    pub fn flat(&self) -> Vec<(&Item, Option<usize>)> {
        fn add<'q>(items: &'q [Item], within: Option<usize>, all: &mut Vec<(&'q Item, Option<usize>)>) {
            for item in items {
                all.push((item, within));
                add(&item.items, Some(item.number), all);
            }
        }
        let mut all = Vec::new();
        add(&self.items, None, &mut all);
        all
    }

    /// Whether a patient can answer all that has to be answered.
    pub fn is_fillable(&self) -> bool {
        let all = self.flat();
        all.iter().any(|(item, _)| item.kind.is_question())
            && !all.iter().any(|(item, _)| item.is_required && item.kind.is_elsewhere())
    }
}

#[cfg(test)]
mod tests;
