//! One document: shown in a sandbox if it is what was filed, signed by who looked at it, kept from the patient, or marked as an error.

use access::Action;
use askama::Template;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{OpenedDocument, PART2_NOTICE, RecordError, Withheld, WithheldWhy, withheld_coding, withheld_reason};

use super::unsigned::orders_of;
use super::{ABOUT, Row, asking, closed, kept_wrong};
use crate::answer;
use crate::assets::{Asset, DOCUMENTS_CSS, Frame};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day;
use crate::clinic::head::Head;
use crate::clinic::moves::{coding, object};
use crate::clinic::names::Names;
use crate::clinic::orders::version_of;
use crate::clinic::orders::write::{list, owned, refer};
use crate::clinic::read::{all, any_code, at, text};
use crate::clinic::shell::{Place, Shell, signs_documents};
use crate::forms::Form;
use crate::pages::Answer;
use crate::refusal::Refusal;
use crate::uploads::{Media, is_passive};

const WHY_LETTERS_MIN: usize = 10;
/// Of the deeds of a document the first, among which is its filing.
const DEEDS_MAX: &str = "5";

// Browsers show no PDF in a frame with the attribute `sandbox`; that of the answer's own policy binds it all the same. Their viewer
// runs scripts of a PDF even so: one that has any gets no frame.
#[derive(Template)]
#[template(path = "document.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    banner: Banner,
    row: Row,
    filer: Option<String>,
    version: u32,
    state: Content,
    media: &'static str,
    size: String,
    answers: Vec<String>,
    may_change: bool,
    signs_documents: bool,
    grounds: [WithheldWhy; 3],
    error: Option<String>,
    keep: &'a str,
    why: &'a str,
    done: &'static str,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// How the content of a document stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Verified,
    /// It came without a hash.
    Unverified,
    Mismatch,
    /// A PDF with scripts, or with parts that are not looked into.
    Active,
    /// Of a kind that browsers do not show.
    Copy,
    /// Of no kind that is shown here.
    Elsewhere,
    /// Not shown because it was entered in error.
    Error,
}

impl Content {
    /// Whether somebody can look at it, here or in a copy.
    fn is_open(self) -> bool {
        matches!(self, Content::Verified | Content::Unverified | Content::Active | Content::Copy)
    }
}

struct Held {
    head: Head,
    document: Json<'static>,
    row: Row,
    /// Who filed it, as far as the record says.
    filer: Option<String>,
    state: Content,
    media: &'static str,
    size: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
    let done = match asked.parts.uri.query() {
        Some("done=filed") => "Filed. Look at it below, then sign it.",
        Some("done=before") => "This was filed before with the same form; it is there once.",
        Some("done=signed") => "Signed.",
        Some("done=withheld") => "The patient does not see it any more.",
        _ => "",
    };
    Ok(shown(asked, &session, &asking, held, (None, "", ""), done, StatusCode::OK))
}

/// The bytes, for the frame of the page: no page of ours, and nothing that could act as one.
pub async fn content(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let [patient_id, id] = asked.ids;
    let found = asking.read("DocumentReference", id).await?;
    let document = found.get().tree()?;
    asking.whose(&document, patient_id).await?;
    if Row::of(&document, &Names::default(), asked.web.zone()).is_error {
        return Err(RecordError::NotFound.into());
    }
    let opened = match asking.record.open_document(asking.caller, patient_id, id).await? {
        OpenedDocument::Verified(opened) | OpenedDocument::Unverified(opened) => opened.into_inner(),
        OpenedDocument::Mismatch => return Err(Refusal::Damaged),
    };
    let media = shown_as(&opened.media_type, &opened.bytes).ok_or(RecordError::NotFound)?;
    let is_shown = media.is_shown() && (media != Media::Pdf || is_passive(&opened.bytes));
    Ok(answer::foreign(media.media_type(), media.disposition(is_shown), opened.bytes))
}

pub async fn change(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let Some(held) = held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
    if !may_change(&asking) {
        return Err(Refusal::NotYours);
    }
    let seen = form.version()?;
    let why = form.text("why");
    let act = match form.text("act") {
        "sign" => Act::Sign,
        "withhold" => Act::Withhold,
        "error" => Act::Error,
        _ => return Err(Refusal::Invalid("the page did not say what to do")),
    };
    let typed = (form.text("keep"), why);
    let refuse = |held, words: &str, status| {
        Ok(shown(asked, &session, &asking, held, (Some(words.to_owned()), typed.0, typed.1), "", status))
    };
    let (is_done, done) = match act {
        Act::Sign => (held.row.state == "signed", "signed"),
        Act::Withhold => (held.row.is_withheld, "withheld"),
        Act::Error => (held.row.is_error, "error"),
    };
    let place = match act {
        Act::Error => format!("/patients/{}/documents?done=error", asked.ids[0]),
        _ => format!("/patients/{}/documents/{}?done={done}", asked.ids[0], asked.ids[1]),
    };
    if is_done {
        return Ok(answer::see(&place));
    }
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    match act {
        Act::Sign if !held.state.is_open() => {
            return refuse(held, "Not signed: nobody can look at its content here.", unprocessable);
        }
        Act::Withhold if typed.0.is_empty() => {
            return refuse(
                held,
                "Nothing was changed: choose the ground on which the patient is not to see it.",
                unprocessable,
            );
        }
        Act::Withhold => {
            if let Some(words) = kept_wrong(typed.0, why) {
                return refuse(held, &format!("Nothing was changed. {words}"), unprocessable);
            }
        }
        Act::Error if letters(why) < WHY_LETTERS_MIN => {
            return refuse(
                held,
                "Nothing was changed: say what is wrong with it, in ten letters at least.",
                unprocessable,
            );
        }
        _ => {}
    }
    let Some(practitioner) = asking.record.own_practitioner(asking.caller).await? else {
        let words = "Nothing was changed: your account is tied to no practitioner. Ask an administrator to tie it.";
        return refuse(held, words, unprocessable);
    };
    let now = day::instant(asking.record.now_ms());
    // Who did it lies beside the document, in whichever of the patient's records that is.
    let whose = asking.whose(&held.document, asked.ids[0]).await?;
    let bundle = bundle(&held, [whose, asked.ids[1]], act, &form, (&practitioner, &now), seen);
    match asking.transact(&bundle).await {
        Ok(_) => Ok(answer::see(&place)),
        Err(error) if error.is_overtaken() => {
            refuse(held, "This document changed after you looked. Nothing was saved; look again.", StatusCode::CONFLICT)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Sign,
    Withhold,
    Error,
}

fn letters(text: &str) -> usize {
    text.chars().filter(|letter| letter.is_alphanumeric()).count()
}

fn may_change(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Update, "DocumentReference")
}

/// The document from the version that was seen, its bytes where they are to be as closed, and who did it and why.
fn bundle(held: &Held, ids: [&str; 2], act: Act, form: &Form, (by, now): (&str, &str), seen: u32) -> Vec<u8> {
    let [patient_id, id] = ids;
    let mut document = held.document.clone();
    // What was filed in error may be another patient's: nobody but staff sees it any more.
    let closes = act != Act::Sign && !held.row.is_withheld;
    if let Some(members) = document.as_object_mut() {
        match act {
            Act::Sign => {
                members.set("docStatus", Json::string("final"));
                members.set("authenticator", refer(format!("Practitioner/{by}")));
            }
            Act::Error => members.set("status", Json::string("entered-in-error")),
            Act::Withhold => {}
        }
        if closes {
            let mut labels = all_of(members.remove("securityLabel"));
            labels.push(object([("coding", list([withheld_coding()]))]));
            members.set("securityLabel", Json::Array(labels));
            if let Some(meta) = members.get_mut("meta").and_then(Json::as_object_mut) {
                let mut security = all_of(meta.remove("security"));
                security.push(withheld_coding());
                meta.set("security", Json::Array(security));
            }
        }
    }
    let entry = |method, url: String, resource, if_match: Option<String>| {
        let mut request = vec![("method", Json::string(method)), ("url", Json::string(url))];
        request.extend(if_match.map(|tag| ("ifMatch", Json::string(tag))));
        object([("resource", resource), ("request", object(request))])
    };
    let mut entries = vec![entry("PUT", format!("DocumentReference/{id}"), document, Some(format!("W/\"{seen}\"")))];
    let content = at(&held.document, &["content", "attachment"]).and_then(|attachment| text(attachment, "url"));
    if let Some(binary) = content.and_then(|url| url.strip_prefix("Binary/")).filter(|_| closes) {
        let patch = list([object([
            ("op", Json::string("add")),
            ("path", Json::string("/meta/security")),
            ("value", list([withheld_coding()])),
        ])]);
        let carried = object([
            ("resourceType", Json::string("Binary")),
            ("contentType", Json::string("application/json-patch+json")),
            ("data", Json::string(STANDARD.encode(patch.to_vec()))),
        ]);
        entries.push(entry("PATCH", format!("Binary/{binary}"), carried, None));
    }
    let signs = act == Act::Sign;
    let (role, display) = if signs { ("attester", "Attester") } else { ("enterer", "Enterer") };
    let kind = coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", role, display);
    let agent = object([("type", object([("coding", list([kind]))])), ("who", refer(format!("Practitioner/{by}")))]);
    let mut members = vec![("resourceType", Json::string("Provenance"))];
    if closes || held.row.is_withheld {
        members.push(("meta", object([("security", list([withheld_coding()]))])));
    }
    members.push(("target", list([refer(format!("DocumentReference/{id}")), refer(format!("Patient/{patient_id}"))])));
    members.push(("recorded", owned(now)));
    match (act, WithheldWhy::parse(form.text("keep"))) {
        (Act::Sign, _) => {
            let done =
                coding("http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion", "LA", "legally authenticated");
            members.push(("activity", object([("coding", list([done]))])));
        }
        (Act::Withhold, Some(why)) => {
            let withheld = Withheld { why, words: form.text("why").to_owned() };
            members.push(("reason", list([withheld_reason(&withheld)])));
        }
        _ => members.push(("reason", list([object([("text", owned(form.text("why").trim()))])]))),
    }
    members.push(("agent", list([agent])));
    entries.push(entry("POST", "Provenance".to_owned(), object(members), None));
    let bundle = object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", list(entries)),
    ]);
    bundle.to_vec()
}

fn all_of(held: Option<Json<'static>>) -> Vec<Json<'static>> {
    match held {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// As what the bytes are sent to a browser: what they say that they are, if that is a kind that is taken here.
fn shown_as(media_type: &str, bytes: &[u8]) -> Option<Media> {
    match Media::named(media_type)? {
        Media::Text => Some(Media::Text),
        named => (Media::of(bytes) == Some(named)).then_some(named),
    }
}

async fn held(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Held>, Refusal> {
    if !asking.ever("DocumentReference") {
        return Err(Refusal::NotYours);
    }
    let [patient_id, id] = asked.ids;
    let Some(mut head) = Head::of(asked.web, session, asking, patient_id, ABOUT).await? else { return Ok(None) };
    let found = asking.read("DocumentReference", id).await?;
    let document = found.get().tree()?.into_owned();
    // Documents of other patients have other addresses.
    asking.whose(&document, patient_id).await?;
    head.is_part2 |= found.get().is_part2();
    let target = format!("DocumentReference/{id}");
    let pairs = [("target", &*target), ("_sort", "recorded"), ("_count", DEEDS_MAX)];
    let deeds = asking.search_if_ever("Provenance", &pairs).await?;
    let names = Names::of(asking, std::slice::from_ref(&document), std::iter::once(&deeds)).await?;
    let filed = text(&document, "date");
    let filer =
        deeds.resources().iter().find(|deed| text(deed, "recorded") == filed).and_then(|deed| filer(deed, &names));
    let row = Row::of(&document, &names, asked.web.zone());
    let (mut state, mut media, mut size) = (Content::Error, "", String::new());
    if !row.is_error {
        (state, media, size) = match asking.record.open_document(asking.caller, patient_id, id).await {
            Ok(OpenedDocument::Mismatch) => (Content::Mismatch, "", String::new()),
            Ok(OpenedDocument::Verified(opened)) => told(opened.get(), Content::Verified),
            Ok(OpenedDocument::Unverified(opened)) => told(opened.get(), Content::Unverified),
            Err(RecordError::NotFound) => (Content::Elsewhere, "", String::new()),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(Some(Held { head, document, row, filer, state, media, size }))
}

/// Who entered it, of the Provenance that came with it.
fn filer(deed: &Json<'_>, names: &Names) -> Option<String> {
    let agents = all(deed, "agent").iter();
    let entered = agents.filter(|agent| agent.get("type").is_some_and(|role| any_code(role) == Some("enterer")));
    entered.filter_map(|agent| names.name(agent.get("who")?)).next()
}

fn told(opened: &record::Document, state: Content) -> (Content, &'static str, String) {
    let size = match opened.bytes.len() {
        bytes if bytes < 1024 * 1024 => format!("{} kB", bytes.div_ceil(1024)),
        bytes => format!("{:.1} MB", bytes as f64 / (1024.0 * 1024.0)),
    };
    match shown_as(&opened.media_type, &opened.bytes) {
        Some(Media::Pdf) if !is_passive(&opened.bytes) => (Content::Active, Media::Pdf.words(), size),
        Some(media) if !media.is_shown() => (Content::Copy, media.words(), size),
        Some(media) => (state, media.words(), size),
        None => (Content::Elsewhere, "", size),
    }
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    (error, keep, why): (Option<String>, &str, &str),
    done: &'static str,
    status: StatusCode,
) -> Response<Body> {
    let Held { head, document, row, filer, state, media, size } = held;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        style: &DOCUMENTS_CSS,
        banner: head.banner,
        version: version_of(&document),
        answers: orders_of(&document),
        may_change: may_change(asking) && !row.is_error,
        signs_documents: signs_documents(asked.web, asking.caller),
        row,
        filer,
        state,
        media,
        size,
        grounds: WithheldWhy::ALL,
        error,
        keep,
        why,
        done,
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    answer::framing(status, &page)
}
