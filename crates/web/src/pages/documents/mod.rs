//! Documents of one patient: scans, letters, pictures and notes, by kind and date; filing one; reading one in a sandbox.

mod one;
mod unsigned;

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use jiff::tz::TimeZone;
use record::{DOCUMENT_BYTES_MAX, DocumentToFile, PART2_NOTICE, Withheld, WithheldWhy};

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, DOCUMENTS_CSS, Frame};
use crate::client::Asked;
use crate::clinic::addenda;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::head::Head;
use crate::clinic::names::Names;
use crate::clinic::note;
use crate::clinic::read::LOINC;
use crate::clinic::read::{all, code, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::token;
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::uploads::Media;

pub use one::{change, content, page as one};
pub use unsigned::{count as unsigned_count, page as unsigned};

/// Who sees who wrote what in a chart sees this page; each document is decided for itself.
pub const ABOUT: (&str, bool) = ("Provenance", false);
const DOCUMENTS_MAX: &str = "300";
const ORDERS_MAX: &str = "50";
const TITLE_CHARS_MAX: usize = 120;
const WHY_CHARS_MAX: usize = 500;
const WHY_LETTERS_MIN: usize = 10;
/// Nobody files what is older.
const OLDEST: &str = "1900-01-01";

/// Kinds of documents that are filed: LOINC, displays of c80-doc-typecodes (hl7.fhir.r4.core 4.0.1).
pub static TYPES: [(&str, &str); 15] = [
    ("11502-2", "Laboratory report"),
    ("18748-4", "Diagnostic imaging study"),
    ("11526-1", "Pathology study"),
    ("11524-6", "EKG study"),
    ("11488-4", "Consult note"),
    ("57133-1", "Referral note"),
    ("18842-5", "Discharge summary"),
    ("34117-2", "History and physical note"),
    ("34133-9", "Summary of episode note"),
    ("51852-2", "Letter"),
    ("72170-4", "Photographic image Unspecified body region Document"),
    ("59284-0", "Patient Consent"),
    ("64298-3", "Power of attorney"),
    ("64290-0", "Health insurance card"),
    ("51851-4", "Administrative note"),
];

/// Of what is said of a document, the part that people read.
pub fn shown_type(display: &str) -> &str {
    display.strip_suffix(" Unspecified body region Document").unwrap_or(display)
}

#[derive(Template)]
#[template(path = "documents.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    banner: Banner,
    groups: Vec<Group>,
    /// None for who only reads.
    entry: Option<Entry>,
    types: Vec<(&'static str, &'static str)>,
    orders: Vec<(String, String)>,
    grounds: [WithheldWhy; 3],
    done: &'static str,
    is_cut: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// Documents of one kind, newest first.
struct Group {
    name: String,
    rows: Vec<Row>,
}

pub struct Row {
    pub id: String,
    pub title: String,
    /// The note that it was added to.
    pub adds_to: Option<String>,
    pub kind: String,
    /// The day of the document, or when it was filed.
    pub dated: String,
    pub filed: String,
    pub by: String,
    pub signed_by: String,
    pub state: &'static str,
    pub is_withheld: bool,
    pub is_error: bool,
    /// A note that is read as a note.
    pub is_note: bool,
}

/// The form, as it was sent. A browser does not keep the file in it.
struct Entry {
    token: String,
    kind: String,
    title: String,
    dated: String,
    order: String,
    keep: String,
    why: String,
    slips: Vec<(&'static str, String)>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let done = match asked.parts.uri.query() {
        Some("done=error") => "The document is marked as entered in error.",
        _ => "",
    };
    let entry = may_file(&asking).then(|| Entry::blank(asked));
    shown(asked, &session, &asking, entry, done, StatusCode::OK).await
}

/// Files what was brought.
pub async fn file(asked: &Asked<'_>) -> Answer {
    // Before anything of it is read.
    asked.sent_by_our_page()?;
    let upload = asked.upload().await?;
    let session = asked.writer(&upload.form).await?;
    let asking = asking(asked, &session)?;
    if !may_file(&asking) {
        return Err(Refusal::NotYours);
    }
    let patient_id = asked.ids[0];
    let orders = orders(&asking, patient_id, asked.web.zone()).await?;
    let mut entry = Entry::read(asked, &upload.form);
    let media = entry.weigh(&upload.bytes, &orders, asking.record.now_ms(), asked.web.zone());
    let kind = TYPES.iter().find(|(code, _)| *code == entry.kind);
    let (Some(media), Some((type_code, type_display)), true) = (media, kind, entry.slips.is_empty()) else {
        return shown(asked, &session, &asking, Some(entry), "", StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    // The chart has to be open before anything is put into it.
    if Head::of(asked.web, &session, &asking, patient_id, ABOUT).await?.is_none() {
        return Ok(closed(asked));
    }
    let title = if entry.title.trim().is_empty() { shown_type(type_display) } else { entry.title.trim() };
    let why = WithheldWhy::parse(&entry.keep);
    let filing = DocumentToFile {
        patient_id,
        media_type: media.media_type(),
        bytes: &upload.bytes,
        type_code,
        type_display,
        title,
        dated: &entry.dated,
        order_id: Some(entry.order.as_str()).filter(|id| !id.is_empty()),
        withheld: why.map(|why| Withheld { why, words: entry.why.clone() }),
        visit: None,
        token: &entry.token,
    };
    let filed = asking.record.file_document(asking.caller, &filing).await?;
    let done = if filed.was_filed { "before" } else { "filed" };
    Ok(answer::see(&format!("/patients/{patient_id}/documents/{}?done={done}", filed.id)))
}

pub fn may_file(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "DocumentReference") && asking.may_ever(Action::Create, "Binary")
}

/// The page of the chart says why it is closed, and offers what policy offers.
fn closed(asked: &Asked<'_>) -> Response<Body> {
    answer::see(&format!("/patients/{}", asked.ids[0]))
}

impl Entry {
    fn blank(asked: &Asked<'_>) -> Self {
        Self {
            token: token::fresh(asked),
            kind: String::new(),
            title: String::new(),
            dated: Day::of(asked.web.record().now_ms(), asked.web.zone()).iso(),
            order: String::new(),
            keep: String::new(),
            why: String::new(),
            slips: Vec::new(),
        }
    }

    fn read(asked: &Asked<'_>, form: &Form) -> Self {
        let owned = |name: &str| form.text(name).replace("\r\n", "\n");
        Self {
            token: token::sent(asked, form),
            kind: owned("kind"),
            title: owned("title"),
            dated: owned("dated"),
            order: owned("order"),
            keep: owned("keep"),
            why: owned("why"),
            slips: Vec::new(),
        }
    }

    fn weigh(&mut self, bytes: &[u8], orders: &[(String, String)], now_ms: i64, zone: &TimeZone) -> Option<Media> {
        let media = Media::of(bytes);
        match (bytes.len(), media) {
            (0, _) => self.slip("file", "Choose a file."),
            (size, _) if size > DOCUMENT_BYTES_MAX => self.slip("file", "The file is larger than 10 MB."),
            (_, None) => self.slip(
                "file",
                "This is no PDF, picture, DICOM object or plain text. Its name does not count, its content does.",
            ),
            _ => {}
        }
        if !TYPES.iter().any(|(code, _)| *code == self.kind) {
            self.slip("kind", "Say what kind of document it is.");
        }
        if self.title.chars().count() > TITLE_CHARS_MAX {
            self.slip("title", "The title is too long: 120 letters at most.");
        }
        match Day::parse(&self.dated, zone) {
            None => self.slip("dated", "Say the date of the document."),
            Some(day) if day.begins_ms() > now_ms => self.slip("dated", "This date is still to come."),
            Some(_) if *self.dated < *OLDEST => self.slip("dated", "This date is too long ago."),
            Some(_) => {}
        }
        if !self.order.is_empty() && !orders.iter().any(|(id, _)| *id == self.order) {
            self.slip("order", "This order is no longer open. Choose again.");
        }
        if let Some(words) = kept_wrong(&self.keep, &self.why) {
            self.slip(if self.keep.is_empty() { "keep" } else { "why" }, words);
        }
        media
    }

    fn slip(&mut self, field: &'static str, words: &str) {
        self.slips.push((field, words.to_owned()));
    }

    fn slip_of(&self, field: &str) -> Option<&str> {
        self.slips.iter().find(|(held, _)| *held == field).map(|(_, words)| words.as_str())
    }
}

/// What is wrong with the ground for keeping something from the patient.
fn kept_wrong(keep: &str, why: &str) -> Option<&'static str> {
    let letters = why.chars().filter(|letter| letter.is_alphanumeric()).count();
    match (keep, WithheldWhy::parse(keep)) {
        ("", _) if letters > 0 => Some("You wrote a reason: choose the ground too, or empty it."),
        ("", _) => None,
        (_, None) => Some("Choose one of the grounds."),
        _ if letters < WHY_LETTERS_MIN => Some("Say why the patient is not to see it: ten letters at least."),
        _ if why.chars().count() > WHY_CHARS_MAX => Some("The reason is too long: 500 letters at most."),
        _ => None,
    }
}

/// Orders that a document may answer.
async fn orders(asking: &Asking<'_>, patient_id: &str, zone: &TimeZone) -> Result<Vec<(String, String)>, Refusal> {
    let pairs = [("patient", patient_id), ("status", "active,on-hold"), ("_sort", "-authored"), ("_count", ORDERS_MAX)];
    let sheet = asking.search_if_ever("ServiceRequest", &pairs).await?;
    let named = |one: &Json<'_>| {
        let day = text(one, "authoredOn").map(|day| format!(", {}", day::day_of(day, zone))).unwrap_or_default();
        Some((text(one, "id")?.to_owned(), format!("{}{day}", words(one.get("code")?)?)))
    };
    Ok(sheet.resources().iter().filter_map(named).collect())
}

async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    entry: Option<Entry>,
    done: &'static str,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    if !asking.ever("DocumentReference") {
        return Err(Refusal::NotYours);
    }
    let patient_id = asked.ids[0];
    let Some(mut head) = Head::of(asked.web, session, asking, patient_id, ABOUT).await? else {
        return Ok(closed(asked));
    };
    // Of each what it is; the content is opened on its own page.
    let pairs = [("patient", patient_id), ("_sort", "-date"), ("_count", DOCUMENTS_MAX)];
    let found = asking.search("DocumentReference", &pairs).await?;
    head.is_part2 |= found.is_part2();
    let names = Names::of(asking, &[], std::iter::once(&found)).await?;
    let mut groups: Vec<Group> = Vec::new();
    for one in found.resources() {
        let row = Row::of(&one, &names, asked.web.zone());
        match groups.iter_mut().find(|group| group.name == row.kind) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { name: row.kind.clone(), rows: vec![row] }),
        }
    }
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    let orders = if entry.is_some() { orders(asking, patient_id, asked.web.zone()).await? } else { Vec::new() };
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        style: &DOCUMENTS_CSS,
        banner: head.banner,
        groups,
        entry,
        types: TYPES.iter().map(|(code, display)| (*code, shown_type(display))).collect(),
        orders,
        grounds: WithheldWhy::ALL,
        done,
        is_cut: found.next().is_some(),
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}

impl Row {
    pub fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let attachment = all(one, "content").first().and_then(|content| content.get("attachment"));
        let written = attachment.and_then(|held| text(held, "creation"));
        let loinc = one.get("type").and_then(|concept| code(concept, LOINC));
        let ours =
            TYPES.iter().find(|(code, _)| Some(*code) == loinc).map(|(_, display)| shown_type(display).to_owned());
        let kind = ours.or_else(|| one.get("type").and_then(words)).unwrap_or_else(|| "Other documents".to_owned());
        let title = text(one, "description").or_else(|| text(attachment?, "title")).map(str::to_owned);
        let is_error = text(one, "status") == Some("entered-in-error");
        let withheld = all(one, "securityLabel").iter().flat_map(|concept| all(concept, "coding"));
        let is_withheld = withheld.into_iter().any(|coding| {
            text(coding, "system") == Some(record::WITHHELD_SYSTEM) && text(coding, "code") == Some("NOPAT")
        });
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            title: addenda::titled(one, title.unwrap_or_else(|| kind.clone())),
            adds_to: addenda::adds_to(one).map(str::to_owned),
            kind,
            dated: written.or_else(|| text(one, "date")).map(|at| day::day_of(at, zone)).unwrap_or_default(),
            filed: text(one, "date").map(|at| day::moment_of(at, zone)).unwrap_or_default(),
            by: names.first(one, "author").unwrap_or_default(),
            signed_by: one.get("authenticator").and_then(|by| names.name(by)).unwrap_or_default(),
            state: match (is_error, text(one, "docStatus"), text(one, "status")) {
                (true, ..) => "entered in error",
                (_, _, Some("superseded")) => "replaced",
                (_, Some("preliminary"), _) => "not signed",
                (_, Some("final" | "amended"), _) => "signed",
                _ => "",
            },
            is_withheld,
            is_error,
            is_note: note::is_text(one),
        }
    }
}
