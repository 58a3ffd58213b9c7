//! The pages of a note: writing it, choosing between two texts, what the patient will see, and the note once it is signed.

use access::Action;
use askama::Template;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{Draft, DraftHead, DraftKind, DraftPlace, DraftText, Version, WithheldWhy};
use serde_json::json;

use super::Helps;
use super::cosign::Cosigning;
use super::sent::Sent;
use crate::answer;
use crate::assets::{Asset, Frame, NOTE, NOTE_CSS};
use crate::client::Asked;
use crate::clinic::addenda;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::codes::{PROBLEMS, Row};
use crate::clinic::day;
use crate::clinic::diagnoses::{self, DIAGNOSES_MAX, Diagnosis};
use crate::clinic::names::Names;
use crate::clinic::note::{Content, PART_CHARS_MAX, Part, Run, TYPE_DISPLAY, runs};
use crate::clinic::phrases::PHRASES;
use crate::clinic::read::{all, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::pages::written;
use crate::refusal::Refusal;

pub const LATER: &str = "The note could not be saved now. It stands below as you sent it: save it again in a moment.";
pub const LONG: &str = "A part of the note is too long. Nothing is lost: shorten it below and save again.";
pub const FULL: &str = "Too many texts of this note wait for you to choose, or too many notes are unfinished. This one stands below: copy it, then choose.";
pub const NOWHERE: &str =
    "There is no such chart, or it is not open to you. What you sent stands below, so that you can copy it.";

/// What all these pages show around the note.
pub struct Look<'a> {
    asked: &'a Asked<'a>,
    session: &'a Session,
    patient: Json<'static>,
    allergies: Option<Vec<Json<'static>>>,
    flags: Vec<Json<'static>>,
}

/// A note on the desk.
pub struct Editing<'e> {
    pub place: &'e DraftPlace,
    pub kind: &'e DraftKind,
    pub encounter_id: Option<&'e str>,
    pub content: &'e Content,
    pub version: u32,
    pub saved: Option<String>,
    /// Version and time of earlier texts, newest first.
    pub earlier: Vec<(u32, String)>,
    pub unfinished: Vec<DraftHead>,
    pub helps: Helps,
}

/// Between what texts a person chooses.
pub enum Choice<'c> {
    Conflict,
    Earlier(&'c DraftText),
}

#[derive(Template)]
#[template(path = "note_edit.html")]
struct EditPage<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    banner: Banner,
    script: &'static Asset,
    id: &'a str,
    ticket: &'a str,
    device_key: String,
    addendum: &'a str,
    encounter: &'a str,
    parts: Vec<Part<'a>>,
    keep: &'a str,
    why: &'a str,
    content: &'a Content,
    diagnoses: Vec<Diagnosis>,
    grounds: Vec<Ground>,
    chars_max: usize,
    version: u32,
    saved: Option<String>,
    earlier: Vec<(u32, String)>,
    unfinished: Vec<(String, String)>,
    style: &'static Asset,
    helps: Helps,
    phrases: &'static [(&'static str, &'static str)],
}

/// A ground on which a note may be kept from the patient.
struct Ground {
    code: &'static str,
    words: &'static str,
}

#[derive(Template)]
#[template(path = "note_choice.html")]
struct ChoicePage<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    banner: Banner,
    heading: &'static str,
    words: &'static str,
    id: &'a str,
    ticket: &'a str,
    version: u32,
    addendum: &'a str,
    encounter: &'a str,
    texts: Vec<Text>,
    both: Option<(Text, String)>,
}

/// One of the texts to choose from.
struct Text {
    title: String,
    content: Content,
    chosen_from: String,
    button: &'static str,
}

#[derive(Template)]
#[template(path = "note_preview.html")]
struct PreviewPage<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    banner: Banner,
    error: Option<String>,
    id: &'a str,
    version: u32,
    title: &'static str,
    is_addendum: bool,
    parts: Vec<Shown<'a>>,
    keep: Option<&'static str>,
    why: &'a str,
    open: Vec<&'static str>,
    is_empty: bool,
    /// Typed, and not among the diagnoses.
    left: &'a str,
    /// Of the diagnoses, to look at; nothing of it keeps anybody from signing.
    doubts: Vec<String>,
    /// Who may be asked to sign it, too, and who is chosen.
    cosigners: Vec<(String, String)>,
    cosigner: &'a str,
}

#[derive(Template)]
#[template(path = "note.html")]
struct NotePage<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    banner: Banner,
    id: &'a str,
    title: String,
    source: String,
    is_withheld: bool,
    adds_to: Option<String>,
    addenda: Vec<Addition<'a>>,
    paragraphs: Vec<Vec<Run<'a>>>,
    elsewhere: Option<String>,
    may_add: bool,
    cosigning: Option<Cosigning>,
    version: u32,
}

/// What was added to a note.
struct Addition<'t> {
    id: String,
    source: String,
    is_withheld: bool,
    is_error: bool,
    paragraphs: Vec<Vec<Run<'t>>>,
    elsewhere: Option<&'t str>,
}

#[derive(Template)]
#[template(path = "note_unsaved.html")]
struct UnsavedPage<'a> {
    frame: Frame<'a>,
    words: &'a str,
    address: String,
    sent: &'a Sent,
    chosen_from: String,
    parts: Vec<Part<'a>>,
}

/// A part as it reads.
struct Shown<'t> {
    label: &'static str,
    runs: Vec<Run<'t>>,
}

impl PreviewPage<'_> {
    /// Something of it was taken from the chart.
    fn has_pulled(&self) -> bool {
        self.parts.iter().flat_map(|part| &part.runs).any(|run| run.is_pulled)
    }
}

/// The text comes back in the answer: nothing that was sent is lost with a refusal.
pub fn unsaved(asked: &Asked<'_>, sent: &Sent, status: StatusCode, words: &str) -> Response<Body> {
    if sent.is_script {
        return answer::json(status, &json!({ "error": words }));
    }
    let chosen_from: Vec<String> = sent.chosen_from.iter().map(u32::to_string).collect();
    let address = super::address(asked.ids[0], asked.ids[1]);
    let (frame, chosen_from, parts) = (Frame::of(asked.web), chosen_from.join(","), sent.content.parts());
    answer::page(status, &UnsavedPage { frame, words, address, sent, chosen_from, parts })
}

impl<'a> Look<'a> {
    /// Who the patient is: a read and two searches, decided and in the log.
    pub async fn of(asked: &'a Asked<'a>, session: &'a Session, asking: &Asking<'_>) -> Result<Look<'a>, Refusal> {
        let patient_id = asked.ids[0];
        let patient = asking.read("Patient", patient_id).await?;
        let patient = patient.get().tree()?.into_owned();
        let owned = |sheet: crate::clinic::ask::Sheet| sheet.resources().into_iter().map(Json::into_owned).collect();
        let of = ("patient", patient_id);
        let allergies = match asking.ever("AllergyIntolerance") {
            true => Some(owned(asking.search("AllergyIntolerance", &[of, ("_count", "100")]).await?)),
            false => None,
        };
        let flags = owned(asking.search_if_ever("Flag", &[of, ("_count", "50")]).await?);
        Ok(Self { asked, session, patient, allergies, flags })
    }

    pub fn banner(&self) -> Banner {
        let mut banner = Banner::of(&self.patient, time::today(self.asked.web.record().now_ms()));
        if let Some(allergies) = &self.allergies {
            banner.allergies = Allergies::of(allergies, &Names::default(), self.asked.web.zone());
        }
        banner.add_flags(&self.flags);
        banner
    }

    pub fn shell(&self) -> Shell<'a> {
        Shell::of(self.asked.web, self.session, Place::Patients)
    }

    pub fn editor(&self, status: StatusCode, editing: Editing<'_>) -> Response<Body> {
        let unfinished = editing.unfinished.iter().filter(|head| head.id != editing.place.id);
        let page = EditPage {
            frame: Frame::of(self.asked.web),
            shell: self.shell(),
            banner: self.banner(),
            script: &NOTE,
            id: &editing.place.id,
            ticket: &editing.place.ticket,
            device_key: STANDARD.encode(*editing.place.device_key),
            addendum: addendum(editing.kind),
            encounter: editing.encounter_id.unwrap_or_default(),
            parts: editing.content.parts(),
            content: editing.content,
            diagnoses: editing.content.diagnoses(),
            keep: &editing.content.keep,
            why: &editing.content.why,
            grounds: WithheldWhy::ALL.iter().map(|why| Ground { code: why.code(), words: why.words() }).collect(),
            chars_max: PART_CHARS_MAX,
            version: editing.version,
            saved: editing.saved.clone(),
            earlier: editing.earlier.clone(),
            unfinished: unfinished
                .map(|head| (head.id.clone(), day::moment(head.saved_ms, self.asked.web.zone())))
                .collect(),
            style: &NOTE_CSS,
            helps: editing.helps,
            phrases: &PHRASES,
        };
        answer::page(status, &page)
    }

    pub fn draft(&self, status: StatusCode, draft: &Draft, helps: Helps) -> Response<Body> {
        let earlier = draft
            .past
            .iter()
            .rev()
            .map(|(version, saved_ms)| (*version, day::moment(*saved_ms, self.asked.web.zone())));
        self.editor(
            status,
            Editing {
                place: &draft.place,
                kind: &draft.head.kind,
                encounter_id: draft.head.encounter_id.as_deref(),
                content: &Content::read(&draft.current.text),
                version: draft.head.version,
                saved: Some(day::clock(draft.head.saved_ms, self.asked.web.zone())),
                earlier: earlier.collect(),
                unfinished: Vec::new(),
                helps,
            },
        )
    }

    pub fn choice(&self, status: StatusCode, draft: &Draft, choice: Choice<'_>) -> Response<Body> {
        let versions: Vec<String> = draft.asides.iter().map(|text| text.version.to_string()).collect();
        let (heading, words, others, button) = match choice {
            Choice::Conflict => (
                "Two texts of this note",
                "It was changed in two places. Both are kept. Choose one to go on with, or go on with both; the other stays among the earlier texts.",
                draft.asides.iter().collect(),
                "Go on with this one",
            ),
            Choice::Earlier(earlier) => (
                "An earlier text",
                "Nothing changes unless you bring it back. What stands now stays among the earlier texts then.",
                vec![earlier],
                "Bring this one back",
            ),
        };
        let chosen_from = versions.join(",");
        let text = |held: &DraftText, title: &str, button| {
            let late = if held.unattended { ", after the session had ended" } else { "" };
            Text {
                title: format!("{title} {}{late}", day::moment(held.saved_ms, self.asked.web.zone())),
                content: Content::read(&held.text),
                chosen_from: chosen_from.clone(),
                button,
            }
        };
        let current = text(&draft.current, "Saved", "Go on with this one");
        let mut whole = current.content.clone();
        let mut texts = vec![current];
        for held in others {
            let other = text(held, if matches!(choice, Choice::Conflict) { "Also saved" } else { "As of" }, button);
            whole = whole.with(&other.content);
            texts.push(other);
        }
        let page = ChoicePage {
            frame: Frame::of(self.asked.web),
            shell: self.shell(),
            banner: self.banner(),
            heading,
            words,
            id: &draft.head.id,
            ticket: &draft.place.ticket,
            version: draft.head.version,
            addendum: addendum(&draft.head.kind),
            encounter: draft.head.encounter_id.as_deref().unwrap_or_default(),
            both: matches!(choice, Choice::Conflict).then(|| {
                let both = Text { title: String::new(), content: whole, chosen_from, button: "Go on with both" };
                (both, String::new())
            }),
            texts,
        };
        answer::page(status, &page)
    }

    pub fn preview(
        &self,
        status: StatusCode,
        draft: &Draft,
        cosigners: Vec<(String, String)>,
        cosigner: &str,
        error: Option<String>,
    ) -> Response<Body> {
        let content = Content::read(&draft.current.text);
        let said = content.said();
        let mut parts: Vec<Shown<'_>> = shown(&said);
        // In plain words first: what the patient is to do.
        if let Some(at) = parts.iter().position(|part| part.label.starts_with("Instructions")) {
            let instructions = parts.remove(at);
            parts.insert(0, instructions);
        }
        let page = PreviewPage {
            frame: Frame::of(self.asked.web),
            shell: self.shell(),
            banner: self.banner(),
            error,
            id: &draft.head.id,
            version: draft.head.version,
            title: TYPE_DISPLAY,
            is_addendum: draft.head.kind != DraftKind::Note,
            parts,
            keep: WithheldWhy::parse(&content.keep).map(WithheldWhy::words),
            why: &content.why,
            open: content.open_parts(),
            is_empty: content.is_empty(),
            left: content.dx.trim(),
            doubts: diagnoses::doubts(&content.diagnoses()),
            cosigners,
            cosigner,
        };
        answer::page(status, &page)
    }

    pub async fn note(&self, asking: &Asking<'_>, version: &Version) -> Result<Response<Body>, Refusal> {
        let note = version.tree()?;
        // Notes of other patients have other addresses.
        asking.whose(&note, self.asked.ids[0]).await?;
        let [patient_id, id] = self.asked.ids;
        let added = addenda::of(asking, patient_id, &[id.to_owned()]).await?;
        let names = Names::of(asking, std::slice::from_ref(&note), added.iter()).await?;
        let source = |one: &Json<'_>| {
            let by = names.first(one, "author");
            let state = (text(one, "docStatus") == Some("final")).then(|| "signed".to_owned());
            [by, text(one, "date").map(|at| day::moment_of(at, self.asked.web.zone())), state]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" · ")
        };
        let (body, elsewhere) = match written(&note) {
            Ok(text) => (text, None),
            Err(why) => (String::new(), Some(why)),
        };
        let is_withheld = is_withheld(&note);
        let added: Vec<Vec<Json<'_>>> = added.iter().map(Sheet::resources).collect();
        let added = addenda::under(id, &added);
        let texts: Vec<_> = added.iter().map(|one| written(one)).collect();
        let addenda = added.iter().zip(&texts).map(|(one, text)| Addition::of(one, text, source(one))).collect();
        let cosigning = Cosigning::of(self.asked, asking, patient_id, id).await?;
        let page = NotePage {
            frame: Frame::of(self.asked.web),
            shell: self.shell(),
            banner: self.banner(),
            id,
            title: note.get("type").and_then(words).unwrap_or_else(|| TYPE_DISPLAY.to_owned()),
            source: source(&note),
            is_withheld,
            adds_to: addenda::adds_to(&note).map(str::to_owned),
            addenda,
            paragraphs: paragraphs(&body),
            elsewhere,
            may_add: asking.may_ever(Action::Create, "DocumentReference"),
            cosigning,
            version: version.version(),
        };
        Ok(answer::page(StatusCode::OK, &page))
    }
}

impl EditPage<'_> {
    /// What may be searched, with its code.
    fn suggestions(&self) -> impl Iterator<Item = Row> {
        PROBLEMS.rows()
    }

    /// Problems of the list that are not among the diagnoses yet.
    fn offered(&self) -> impl Iterator<Item = &(String, Diagnosis)> {
        self.helps.problems.iter().filter(|(_, problem)| !self.diagnoses.iter().any(|one| one.is_same(problem)))
    }

    fn is_listed(&self, diagnosis: &Diagnosis) -> bool {
        self.helps.problems.iter().any(|(_, problem)| problem.is_same(diagnosis))
    }

    fn is_full(&self) -> bool {
        self.diagnoses.len() >= DIAGNOSES_MAX
    }
}

impl<'t> Addition<'t> {
    fn of(document: &Json<'_>, written: &'t Result<String, String>, source: String) -> Self {
        Self {
            id: text(document, "id").unwrap_or_default().to_owned(),
            source,
            is_withheld: is_withheld(document),
            is_error: text(document, "status") == Some("entered-in-error"),
            paragraphs: written.as_ref().map(|body| paragraphs(body)).unwrap_or_default(),
            elsewhere: written.as_ref().err().map(String::as_str),
        }
    }
}

fn paragraphs(body: &str) -> Vec<Vec<Run<'_>>> {
    body.split("\n\n").map(str::trim).filter(|part| !part.is_empty()).map(runs).collect()
}

fn shown<'t>(said: &'t [(&'static str, String)]) -> Vec<Shown<'t>> {
    said.iter().map(|(label, text)| Shown { label, runs: runs(text) }).collect()
}

/// Kept from the patient.
pub fn is_withheld(note: &Json<'_>) -> bool {
    let mut codings = all(note, "securityLabel").iter().flat_map(|concept| all(concept, "coding"));
    codings
        .any(|coding| text(coding, "system") == Some(record::WITHHELD_SYSTEM) && text(coding, "code") == Some("NOPAT"))
}

fn addendum(kind: &DraftKind) -> &str {
    match kind {
        DraftKind::Note => "",
        DraftKind::Addendum { note_id } => note_id,
    }
}
