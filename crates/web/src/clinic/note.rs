//! What a visit note says: its parts as people write them, and the text that is signed.

use fhir::Json;
use serde::{Deserialize, Serialize};

use super::diagnoses::{self, Diagnosis};
use super::read::{at, has_code};

/// Letters of one part; all parts together fit the largest form, whatever script they are in.
pub const PART_CHARS_MAX: usize = 12_000;
/// The diagnoses of one note, as a draft has them.
const DIAGNOSES_BYTES_MAX: usize = 8_000;
/// What the server put in from the chart stands in these, so that it can be told from what the author wrote.
const PULLED_OPEN: &str = "[chart ";
const PULLED_CLOSE: char = ']';

/// LOINC: a progress note, which every visit note and addendum here is.
pub const TYPE_CODE: &str = "11506-3";
pub const TYPE_DISPLAY: &str = "Progress note";

/// Whether a document is a note whose text is in it: it opens as one, and not as a file.
pub fn is_text(document: &Json<'_>) -> bool {
    has_code(document, "category", "clinical-note") && at(document, &["content", "attachment", "data"]).is_some()
}

/// What is typed, as a draft keeps it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    pub subjective: String,
    pub objective: String,
    pub assessment: String,
    pub plan: String,
    pub instructions: String,
    /// The ground on which the patient is not to see it; empty as a rule.
    pub keep: String,
    pub why: String,
    /// As [`diagnoses::write`] has them, and what is typed to be the next.
    pub diagnoses: String,
    pub dx: String,
}

/// One part of the form.
pub struct Part<'c> {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub rows: u8,
    pub text: &'c str,
}

/// A run of a note's text.
#[derive(Debug, PartialEq, Eq)]
pub struct Run<'t> {
    pub text: &'t str,
    /// Taken from the chart, not written by the author.
    pub is_pulled: bool,
    /// `***`: still to be filled in.
    pub is_open: bool,
}

/// The last part of a note.
pub const INSTRUCTIONS: &str = "Instructions for the patient";
/// Behind the assessment.
const DIAGNOSES_AT: usize = 3;
const PARTS: [(&str, &str, &str, u8); 5] = [
    ("subjective", "Subjective", "What the patient says", 5),
    ("objective", "Objective", "What was found and measured", 5),
    ("assessment", "Assessment", "What you think it is", 4),
    ("plan", "Plan", "What is to be done, by whom, and when to return", 5),
    (
        "instructions",
        INSTRUCTIONS,
        "In plain words: what to do, what to watch for, when to call. They stand first in what the patient reads, and on the summary that goes home",
        3,
    ),
];

impl Content {
    /// From what a form or a script sent. Forms end lines their own way.
    pub fn of<'f>(field: impl Fn(&str) -> &'f str) -> Self {
        let text = |name: &str| field(name).replace("\r\n", "\n");
        Self {
            subjective: text("subjective"),
            objective: text("objective"),
            assessment: text("assessment"),
            plan: text("plan"),
            instructions: text("instructions"),
            keep: text("keep"),
            why: text("why"),
            diagnoses: text("diagnoses"),
            dx: text("dx"),
        }
    }

    /// As a draft holds it. What is not ours is a note of one part.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self { subjective: text.to_owned(), ..Self::default() })
    }

    pub fn write(&self) -> String {
        // Texts alone: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn texts(&self) -> [&String; 5] {
        [&self.subjective, &self.objective, &self.assessment, &self.plan, &self.instructions]
    }

    pub fn texts_mut(&mut self) -> [&mut String; 5] {
        [&mut self.subjective, &mut self.objective, &mut self.assessment, &mut self.plan, &mut self.instructions]
    }

    pub fn parts(&self) -> Vec<Part<'_>> {
        let parts = PARTS.iter().zip(self.texts());
        parts.map(|((name, label, hint, rows), text)| Part { name, label, hint, rows: *rows, text }).collect()
    }

    pub fn diagnoses(&self) -> Vec<Diagnosis> {
        diagnoses::read(&self.diagnoses)
    }

    pub fn is_empty(&self) -> bool {
        self.texts().iter().all(|text| text.trim().is_empty()) && self.diagnoses().is_empty()
    }

    pub fn is_too_long(&self) -> bool {
        self.texts().iter().any(|text| text.chars().count() > PART_CHARS_MAX)
            || self.why.len() > 1_000
            || self.diagnoses.len() > DIAGNOSES_BYTES_MAX
            || self.dx.chars().count() > diagnoses::WORDS_CHARS_MAX
            || self.diagnoses().iter().any(|one| one.words.chars().count() > diagnoses::WORDS_CHARS_MAX)
    }

    /// Parts in which something is still to be filled in.
    pub fn open_parts(&self) -> Vec<&'static str> {
        let open = self.said().into_iter().filter(|(_, text)| text.contains(record::PLACEHOLDER));
        open.map(|(label, _)| label).collect()
    }

    /// Puts a template where nothing stands yet.
    pub fn begin_with(&mut self, parts: [&str; 5]) {
        for (text, new) in self.texts_mut().into_iter().zip(parts) {
            if text.trim().is_empty() {
                *text = new.to_owned();
            }
        }
    }

    /// Both texts, one behind the other where they differ: nothing of either is missing.
    pub fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (text, more) in both.texts_mut().into_iter().zip(other.texts()) {
            if text != more && !more.trim().is_empty() && !text.contains(more.as_str()) {
                let gap = if text.is_empty() { "" } else { "\n" };
                *text = format!("{text}{gap}{more}");
            }
        }
        let mut all = self.diagnoses();
        for more in other.diagnoses() {
            diagnoses::add(&mut all, more);
        }
        both.diagnoses = diagnoses::write(&all);
        if both.dx.is_empty() {
            both.dx.clone_from(&other.dx);
        }
        if both.keep.is_empty() {
            (both.keep, both.why) = (other.keep.clone(), other.why.clone());
        }
        both
    }

    /// What stands under which name; diagnoses behind the assessment.
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let mut said: Vec<(&'static str, String)> =
            self.parts().into_iter().map(|part| (part.label, part.text.trim().to_owned())).collect();
        said.insert(DIAGNOSES_AT, ("Diagnoses", diagnoses::said(&self.diagnoses())));
        said.retain(|(_, text)| !text.is_empty());
        said
    }

    /// The text that is signed: each part under its name.
    pub fn signed(&self) -> String {
        self.said().iter().map(|(label, text)| format!("{label}: {text}")).collect::<Vec<_>>().join("\n\n")
    }
}

/// What was taken from the chart, marked. The mark must not end inside.
pub fn pulled(day: &str, said: &str) -> String {
    let said = said.replace('[', "(").replace(PULLED_CLOSE, ")");
    format!("{PULLED_OPEN}{day}: {said}{PULLED_CLOSE}")
}

/// A text in runs, so that what came from the chart and what is open can be shown as such.
pub fn runs(mut text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    while !text.is_empty() {
        let pulled = text.find(PULLED_OPEN).and_then(|from| {
            let length = text[from..].find(PULLED_CLOSE)? + PULLED_CLOSE.len_utf8();
            Some((from, length, true))
        });
        let open = text.find(record::PLACEHOLDER).map(|from| (from, record::PLACEHOLDER.len(), false));
        let next = match (pulled, open) {
            (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
            (a, b) => a.or(b),
        };
        let Some((from, length, is_pulled)) = next else {
            runs.push(Run { text, is_pulled: false, is_open: false });
            break;
        };
        if from > 0 {
            runs.push(Run { text: &text[..from], is_pulled: false, is_open: false });
        }
        runs.push(Run { text: &text[from..from + length], is_pulled, is_open: !is_pulled });
        text = &text[from + length..];
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_reads_back_as_it_was_written_whatever_was_typed() {
        let content = Content { plan: "a \"b\"\n\\ ü […]".into(), keep: "harm".into(), ..Content::default() };
        assert!(Content::read(&content.write()) == content);
        assert_eq!(Content::read("not ours").subjective, "not ours");
    }

    #[test]
    fn a_template_fills_what_is_empty_and_blocks_signing_until_it_is_filled_in() {
        let mut content = Content { subjective: "Toe hurts.".into(), ..Content::default() };
        content.begin_with(["S: ***", ".vitals ***", "***", "***", "Measure ***"]);
        assert_eq!(content.subjective, "Toe hurts.");
        assert_eq!(content.open_parts(), ["Objective", "Assessment", "Plan", "Instructions for the patient"]);
        assert!(Content::default().open_parts().is_empty());
    }

    #[test]
    fn of_two_texts_both_are_kept_and_nothing_twice() {
        let one = Content { plan: "Rest.".into(), subjective: "Same.".into(), ..Content::default() };
        let other = Content { plan: "Ice.".into(), subjective: "Same.".into(), ..Content::default() };
        assert_eq!(one.with(&other).signed(), "Subjective: Same.\n\nPlan: Rest.\nIce.");
    }

    #[test]
    fn what_came_from_the_chart_is_told_from_what_was_written() {
        let text = format!("Says fine. {} Go on ***.", pulled("02-Nov-2026", "BP 1[2]0"));
        let runs = runs(&text);
        let said: Vec<(&str, bool, bool)> = runs.iter().map(|run| (run.text, run.is_pulled, run.is_open)).collect();
        assert_eq!(
            said,
            [
                ("Says fine. ", false, false),
                ("[chart 02-Nov-2026: BP 1(2)0]", true, false),
                (" Go on ", false, false),
                ("***", false, true),
                (".", false, false),
            ]
        );
        assert_eq!(super::runs("[chart never ends").len(), 1);
    }
}
