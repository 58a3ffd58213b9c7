//! What a note's page sends: a form, or JSON of its script.

use axum::body::Body;
use http::{Response, StatusCode, header};
use record::{DraftKind, DraftSave};
use serde::Deserialize;
use serde_json::json;

use crate::answer;
use crate::client::Asked;
use crate::clinic::diagnoses::{self, Step};
use crate::clinic::note::Content;
use crate::guard::CSRF_HEADER;
use crate::refusal::Refusal;

#[derive(Clone)]
pub enum Act {
    Save,
    Expand,
    Template,
    Preview,
    /// On to one's own templates and phrases.
    Own,
    /// What was ordered, into the plan.
    Pull,
    /// On to a page of the chart, and back.
    Go(&'static str),
    /// With the diagnoses.
    Diagnose(Step),
}

pub struct Sent {
    pub is_script: bool,
    pub csrf: String,
    pub act: Act,
    pub template: String,
    pub content: Content,
    pub ticket: String,
    pub based_on: u32,
    pub tab: u64,
    pub turn: u64,
    pub chosen_from: Vec<u32>,
    pub addendum: String,
    pub encounter: String,
}

/// Numbers of 64 bits are texts in JSON: scripts do not hold them.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Scripted {
    content: Content,
    ticket: String,
    based_on: u32,
    tab: String,
    turn: u64,
    addendum: String,
    encounter: String,
}

impl Sent {
    pub fn of(asked: &Asked<'_>) -> Result<Self, Refusal> {
        let text = |name| asked.parts.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        if text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json")) {
            let sent: Scripted = asked.json()?;
            let csrf = asked.parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
            return Ok(Self {
                is_script: true,
                csrf: csrf.unwrap_or_default().to_owned(),
                act: Act::Save,
                template: String::new(),
                content: sent.content,
                ticket: sent.ticket,
                based_on: sent.based_on,
                tab: sent.tab.parse().unwrap_or(0),
                turn: sent.turn,
                chosen_from: Vec::new(),
                addendum: sent.addendum,
                encounter: sent.encounter,
            });
        }
        let form = asked.form();
        let number = |name: &str| form.text(name).parse().unwrap_or(0u64);
        let mut content = Content::of(|name| form.text(name));
        if form.text("act") == "preview" && !content.dx.trim().is_empty() {
            // Typed and not added by the button: it is meant all the same.
            let mut all = content.diagnoses();
            diagnoses::step(&mut all, &Step::Add, &mut content.dx, &[]);
            content.diagnoses = diagnoses::write(&all);
        }
        // Two texts that go on as one.
        let content = match form.text("other") {
            "" => content,
            other => content.with(&Content::read(other)),
        };
        Ok(Self {
            is_script: false,
            csrf: form.text("csrf").to_owned(),
            act: match form.text("act") {
                "expand" => Act::Expand,
                "template" => Act::Template,
                "preview" => Act::Preview,
                "own" => Act::Own,
                "pull" => Act::Pull,
                "order" => Act::Go("orders/new"),
                "refer" => Act::Go("orders/refer"),
                "prescribe" => Act::Go("prescriptions/new"),
                "measure" => Act::Go("vitals"),
                act => Step::parse(act).map_or(Act::Save, Act::Diagnose),
            },
            template: form.text("template").to_owned(),
            content,
            ticket: form.text("ticket").to_owned(),
            based_on: u32::try_from(number("based_on")).unwrap_or(0),
            tab: number("tab"),
            turn: number("turn"),
            chosen_from: form.text("chosen_from").split(',').filter_map(|version| version.parse().ok()).collect(),
            addendum: form.text("addendum").to_owned(),
            encounter: form.text("encounter").to_owned(),
        })
    }

    pub fn kind(&self) -> DraftKind {
        match self.addendum.as_str() {
            "" => DraftKind::Note,
            note_id => DraftKind::Addendum { note_id: note_id.to_owned() },
        }
    }

    pub fn encounter(&self) -> Option<&str> {
        Some(self.encounter.as_str()).filter(|id| !id.is_empty())
    }

    pub fn save<'a>(&'a self, draft_id: &'a str, text: &'a str) -> DraftSave<'a> {
        DraftSave {
            draft_id,
            kind: self.kind(),
            encounter_id: self.encounter(),
            text,
            based_on: self.based_on,
            tab: self.tab,
            turn: self.turn,
            chosen_from: &self.chosen_from,
        }
    }

    /// It is kept, and goes on at another address.
    pub fn elsewhere(&self, place: &str) -> Response<Body> {
        match self.is_script {
            true => answer::json(StatusCode::CONFLICT, &json!({ "error": "Look at both texts.", "next": place })),
            false => answer::see(place),
        }
    }
}
