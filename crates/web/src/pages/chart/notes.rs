//! The last notes, assessment and plan first: what was thought and what is to be done (APSO), then the rest behind a fold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;

use super::reading::Reading;
use crate::clinic::addenda;
use crate::clinic::read::{all, at, text, words_of};

/// A note that is longer is read where it was written.
const NOTE_CHARS_MAX: usize = 8_000;

pub struct Note {
    pub id: String,
    pub title: String,
    pub source: String,
    pub assessment: Option<String>,
    pub plan: Option<String>,
    /// Paragraphs of the whole note; empty if there is no text to show.
    pub whole: Vec<String>,
    /// Why there is no text here.
    pub elsewhere: Option<String>,
    pub news: Option<&'static str>,
    pub addenda: Vec<Added>,
}

/// What was added to a note: of one that plans anew, the plan.
pub struct Added {
    pub id: String,
    pub source: String,
    pub plan: Option<String>,
    pub news: Option<&'static str>,
}

pub fn notes(documents: &[Json<'_>], added: &[Vec<Json<'_>>], reading: &Reading<'_>) -> Vec<Note> {
    let note = |one: &Json<'_>| {
        let mut note = Note::of(one, reading);
        let addenda = addenda::under(&note.id, added);
        let holds = addenda.into_iter().filter(|one| text(one, "status") != Some("entered-in-error"));
        note.addenda = holds.map(|one| Note::of(one, reading)).map(Added::of).collect();
        note
    };
    documents.iter().map(note).collect()
}

impl Added {
    fn of(Note { id, source, plan, news, .. }: Note) -> Self {
        Self { id, source, plan, news }
    }
}

impl Note {
    fn of(document: &Json<'_>, reading: &Reading<'_>) -> Self {
        let state = match text(document, "docStatus") {
            Some("preliminary") => Some("draft, not signed"),
            Some("amended") => Some("amended"),
            Some("final") => Some("signed"),
            _ => None,
        };
        let by = reading.names.first(document, "author");
        let date = text(document, "date").map(|at| reading.moment(at));
        let source = [by, date, state.map(str::to_owned)].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let title = words_of(document, "type").or_else(|| text(document, "description").map(str::to_owned));
        let mut note = Self {
            id: text(document, "id").unwrap_or_default().to_owned(),
            title: title.unwrap_or_else(|| "Note".to_owned()),
            source,
            assessment: None,
            plan: None,
            whole: Vec::new(),
            elsewhere: None,
            news: reading.news(document),
            addenda: Vec::new(),
        };
        match written(document) {
            Ok(text) => {
                (note.assessment, note.plan) =
                    (section(&text, &["A:", "Assessment:"]), section(&text, &["P:", "Plan:"]));
                let cut: String = text.chars().take(NOTE_CHARS_MAX).collect();
                note.whole =
                    cut.split("\n\n").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
                if text.len() > cut.len() {
                    note.elsewhere = Some("The note goes on; it is cut here.".to_owned());
                }
            }
            Err(why) => note.elsewhere = Some(why),
        }
        note
    }
}

/// How the parts of a note begin, in ours and in those of others.
const PARTS: [&str; 10] = [
    "S:",
    "Subjective:",
    "O:",
    "Objective:",
    "A:",
    "Assessment:",
    "Diagnoses:",
    "P:",
    "Plan:",
    "Instructions for the patient:",
];

/// The text of a note that is one.
pub fn written(document: &Json<'_>) -> Result<String, String> {
    let attachments = all(document, "content").iter().filter_map(|content| at(content, &["attachment"]));
    let mut kind = "an unnamed format";
    for attachment in attachments {
        kind = text(attachment, "contentType").unwrap_or(kind);
        if !kind.starts_with("text/plain") {
            continue;
        }
        let decoded = text(attachment, "data").and_then(|data| STANDARD.decode(data).ok());
        if let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
            return Ok(text);
        }
    }
    Err(format!("This note is kept as {kind} and has no text to show here."))
}

/// From a heading at the start of a paragraph to the next one: what a plan says in its last line counts as much as its first. The
/// last of several is meant, as parts stand in this order and an earlier one may quote a heading.
fn section(note: &str, headings: &[&str]) -> Option<String> {
    let starts = |paragraph: &str, headings: &[&str]| headings.iter().any(|heading| paragraph.starts_with(heading));
    let paragraphs: Vec<&str> = note.split("\n\n").map(str::trim).collect();
    let from = paragraphs.iter().rposition(|part| starts(part, headings))?;
    let rest = &paragraphs[from + 1..];
    let to = rest.iter().position(|part| starts(part, &PARTS)).unwrap_or(rest.len());
    let whole = paragraphs[from..=from + to].join("\n\n");
    let said = headings.iter().find_map(|heading| whole.strip_prefix(heading))?.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::names::Names;

    #[test]
    fn assessment_and_plan_are_taken_out_of_a_note() {
        let text = "S: Feels well.\n\nO: BP 120/80.\n\nA: Hypertension, at goal.\n\nP: Go on.\nReturn in 3 months.";
        let data = STANDARD.encode(text);
        let document = format!(
            r#"{{"docStatus":"final","date":"2026-11-02T10:12:00Z","type":{{"text":"Progress note"}},
            "content":[{{"attachment":{{"contentType":"text/plain","data":"{data}"}}}}]}}"#
        );
        let Ok(json) = Json::parse_str(&document) else { panic!("json") };
        let note = Note::of(&json, &Reading::plain(&Names::default()));
        assert_eq!(note.assessment.as_deref(), Some("Hypertension, at goal."));
        assert_eq!(note.plan.as_deref(), Some("Go on.\nReturn in 3 months."));
        assert_eq!((note.whole.len(), note.source.as_str()), (4, "02-Nov-2026 10:12 · signed"));
    }

    #[test]
    fn a_plan_of_several_paragraphs_is_shown_whole_and_a_quoted_one_is_not_taken_for_it() {
        let text = "Subjective: He says:\n\nPlan: run a marathon.\n\nAssessment: AF.\n\nRate controlled.\n\nDiagnoses: I48.91\n\n\
                    Plan: Start apixaban.\n\nStop warfarin today.\n\nInstructions for the patient: Call us.";
        assert_eq!(section(text, &["A:", "Assessment:"]).as_deref(), Some("AF.\n\nRate controlled."));
        assert_eq!(section(text, &["P:", "Plan:"]).as_deref(), Some("Start apixaban.\n\nStop warfarin today."));
        assert_eq!(section("Plan:", &["P:", "Plan:"]), None);
    }

    #[test]
    fn a_note_without_text_says_so() {
        let document = r#"{"content":[{"attachment":{"contentType":"application/pdf","url":"Binary/1"}}]}"#;
        let Ok(json) = Json::parse_str(document) else { panic!("json") };
        let note = Note::of(&json, &Reading::plain(&Names::default()));
        assert!(note.whole.is_empty() && note.elsewhere.is_some_and(|why| why.contains("application/pdf")));
    }
}
