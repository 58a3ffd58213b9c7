//! One piece of an import: a Bundle file, or some lines of a bulk file. It commits as a whole.

use std::path::{Path, PathBuf};

use access::Caller;
use fhir::{Issue, IssueCode, Json, Severity};
use record::{BundleAnswer, Effect, EntryAnswer, Record, RecordError, Written};

use super::Summary;
use super::report::Report;
use super::source::type_and_id;
use crate::ServerError;

/// Times a piece is prepared again when another one came first.
const ATTEMPTS_MAX: usize = 8;
/// Bad entries after which the rest of a piece goes in one by one.
const BAD_ENTRIES_MAX: usize = 8;

pub struct Piece {
    path: PathBuf,
    content: Content,
    /// Bytes of the file that it stands for, for the progress.
    pub source_bytes: u64,
}

enum Content {
    Bundle(Vec<u8>),
    Lines(Vec<Item>),
}

/// One resource of a bulk file.
#[derive(Clone)]
pub struct Item {
    line: usize,
    type_name: String,
    id: String,
    json: Vec<u8>,
}

impl Item {
    pub fn parse(line: usize, json: &[u8]) -> Result<Self, String> {
        let (type_name, id) = type_and_id(json)?;
        Ok(Self { line, type_name, id, json: json.to_vec() })
    }

    pub fn is_patient(&self) -> bool {
        self.type_name == "Patient"
    }
}

impl Piece {
    pub fn bundle(path: &Path, body: Vec<u8>) -> Self {
        Self { path: path.to_owned(), source_bytes: body.len() as u64, content: Content::Bundle(body) }
    }

    pub fn lines(path: &Path, items: Vec<Item>, source_bytes: u64) -> Self {
        Self { path: path.to_owned(), content: Content::Lines(items), source_bytes }
    }

    /// Only what keeps the whole import from going on is an error; a piece that is refused is in the summary.
    pub async fn import(self, record: &Record, caller: &Caller, report: &Report) -> Result<Summary, ServerError> {
        let mut work = Work { record, caller, report, path: &self.path, summary: Summary::default() };
        match self.content {
            Content::Bundle(body) => work.bundle(&body).await?,
            Content::Lines(items) => work.lines(items).await?,
        }
        Ok(work.summary)
    }
}

struct Work<'a> {
    record: &'a Record,
    caller: &'a Caller,
    report: &'a Report,
    path: &'a Path,
    summary: Summary,
}

impl Work<'_> {
    async fn bundle(&mut self, body: &[u8]) -> Result<(), ServerError> {
        if kind_of(body) == Some(BundleKind::Batch) {
            return self.batch(body).await;
        }
        match self.commit(body).await {
            Ok(answer) => self.take(answer, |index| index + 1),
            Err(RecordError::Done) => self.summary.already_there += entry_count(body),
            Err(error) => {
                stop_if_hopeless(&error)?;
                self.summary.failed += entry_count(body).max(1);
                self.refuse(None, &error);
            }
        }
        Ok(())
    }

    /// Each entry of a batch stands alone, also when the import is taken up again.
    async fn batch(&mut self, body: &[u8]) -> Result<(), ServerError> {
        let Ok(bundle) = Json::parse(body) else { return Ok(()) };
        let entries = bundle.get("entry").map(Json::items).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            let mut single = br#"{"resourceType":"Bundle","type":"transaction","entry":["#.to_vec();
            entry.write(&mut single);
            single.extend_from_slice(b"]}");
            match self.commit(&single).await {
                Ok(answer) => self.take(answer, |_| index + 1),
                Err(RecordError::Done) => self.summary.already_there += 1,
                Err(error) => {
                    stop_if_hopeless(&error)?;
                    self.summary.failed += 1;
                    self.refuse(Some(index + 1), &error);
                }
            }
        }
        Ok(())
    }

    /// A bad line is reported and left out; the others go in.
    async fn lines(&mut self, mut items: Vec<Item>) -> Result<(), ServerError> {
        for _ in 0..BAD_ENTRIES_MAX {
            if items.is_empty() {
                return Ok(());
            }
            match self.commit(&transaction_of(&items)).await {
                Ok(answer) => {
                    self.take(answer, |index| items.get(index).map_or(0, |item| item.line));
                    return Ok(());
                }
                Err(RecordError::Done) => {
                    self.summary.already_there += items.len() as u64;
                    return Ok(());
                }
                Err(RecordError::Entry { index, error }) if index < items.len() => {
                    stop_if_hopeless(&error)?;
                    let bad = items.remove(index);
                    self.summary.failed += 1;
                    self.refuse(Some(bad.line), &error);
                }
                Err(error) => {
                    stop_if_hopeless(&error)?;
                    break;
                }
            }
        }
        for item in items {
            match self.commit(&transaction_of(std::slice::from_ref(&item))).await {
                Ok(answer) => self.take(answer, |_| item.line),
                Err(RecordError::Done) => self.summary.already_there += 1,
                Err(error) => {
                    stop_if_hopeless(&error)?;
                    self.summary.failed += 1;
                    self.refuse(Some(item.line), &error);
                }
            }
        }
        Ok(())
    }

    async fn commit(&self, body: &[u8]) -> Result<BundleAnswer, RecordError> {
        let label = crypto::kek::hex_encode(&crypto::hash::sha256(body));
        let mut attempts = 1;
        loop {
            match self.record.import_bundle(self.caller, body, &label).await {
                Err(error) if is_conflict(&error) && attempts < ATTEMPTS_MAX => attempts += 1,
                other => return other,
            }
        }
    }

    fn take(&mut self, answer: BundleAnswer, line_of: impl Fn(usize) -> usize) {
        for (index, entry) in answer.entries.into_iter().enumerate() {
            match entry.result {
                Ok(EntryAnswer::Written(written)) => self.count(&written, line_of(index)),
                Ok(_) => {}
                Err(error) => {
                    self.summary.failed += 1;
                    self.refuse(Some(line_of(index)), &error);
                }
            }
        }
    }

    fn count(&mut self, written: &Written, line: usize) {
        match written.effect {
            Effect::Unchanged => self.summary.already_there += 1,
            Effect::Created | Effect::Updated | Effect::Deleted => {
                *self.summary.written.entry(written.type_name.to_owned()).or_default() += 1;
            }
        }
        for issue in &written.issues {
            if let Some(rule) = dropped_by(issue) {
                *self.summary.dropped.entry(rule.to_owned()).or_default() += 1;
                self.report.file(self.path, Some(line), &issue.expression, rule, "dropped");
            }
        }
    }

    fn refuse(&self, line: Option<usize>, error: &RecordError) {
        match error {
            RecordError::Entry { index, error } => self.refuse(line.or(Some(index + 1)), error),
            RecordError::Invalid(issues) => {
                for issue in issues.iter().filter(|issue| issue.severity == Severity::Error) {
                    self.report.file(self.path, line, &issue.expression, issue.code.as_str(), "failed");
                }
            }
            RecordError::CollectionRefused { expression } => {
                self.report.file(self.path, line, expression, "collection-policy", "failed");
            }
            RecordError::Unresolved { expression } => {
                self.report.file(self.path, line, expression, "unresolved-reference", "failed");
            }
            other => self.report.file(self.path, line, "", &other.to_string(), "failed"),
        }
    }
}

/// The name of the collection rule that an issue speaks of.
fn dropped_by(issue: &Issue) -> Option<&str> {
    if issue.code != IssueCode::BusinessRule || issue.severity != Severity::Information {
        return None;
    }
    issue.message.rsplit_once("(rule ")?.1.strip_suffix(')')
}

fn is_conflict(error: &RecordError) -> bool {
    match error {
        RecordError::Conflict => true,
        RecordError::Entry { error, .. } => is_conflict(error),
        _ => false,
    }
}

/// What will be the same for every further piece ends the import.
fn stop_if_hopeless(error: &RecordError) -> Result<(), ServerError> {
    match error {
        RecordError::Entry { error, .. } => stop_if_hopeless(error),
        RecordError::Unavailable => Err(ServerError::Record(RecordError::Unavailable)),
        RecordError::Full => Err(ServerError::Record(RecordError::Full)),
        RecordError::Damaged => Err(ServerError::Record(RecordError::Damaged)),
        _ => Ok(()),
    }
}

fn transaction_of(items: &[Item]) -> Vec<u8> {
    let bytes: usize = items.iter().map(|item| item.json.len() + 128).sum();
    let mut out = Vec::with_capacity(bytes + 64);
    out.extend_from_slice(br#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"resource":"#);
        out.extend_from_slice(&item.json);
        out.extend_from_slice(br#","request":{"method":"PUT","url":""#);
        // Type and id hold no character that JSON escapes.
        for part in [item.type_name.as_str(), "/", &item.id] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(br#""}}"#);
    }
    out.extend_from_slice(b"]}");
    out
}

#[derive(PartialEq, Eq)]
enum BundleKind {
    Batch,
    Other,
}

fn kind_of(body: &[u8]) -> Option<BundleKind> {
    // Most bundles say so near the beginning; only a file that says nothing there is parsed for it.
    const HEAD_BYTES: usize = 4096;
    let head = &body[..body.len().min(HEAD_BYTES)];
    let says = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    if says(b"\"transaction\"") && !says(b"\"batch\"") {
        return Some(BundleKind::Other);
    }
    let bundle = Json::parse(body).ok()?;
    Some(if bundle.get("type").and_then(Json::as_str) == Some("batch") { BundleKind::Batch } else { BundleKind::Other })
}

fn entry_count(body: &[u8]) -> u64 {
    Json::parse(body).map_or(0, |bundle| bundle.get("entry").map_or(0, |entries| entries.items().len() as u64))
}
