//! A prescription: drafted, looked at beside the patient's allergies, signed by whom policy lets, printed. Nothing is transmitted.

mod check;
mod doubts;
mod fill;
mod review;
mod save;
mod sheet;
mod sign;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;
use serde_json::json;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS, PRINT};
use crate::client::Asked;
use crate::clinic::allergens::Meeting;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::codes::{MEDICINES, Row};
use crate::clinic::deed::{self, Author, Deed};
use crate::clinic::head::Head;
use crate::clinic::read::{any_code, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::clinic::visit;
use crate::refusal::Refusal;

use check::{Check, REASONS};
use doubts::Doubts;
use fill::{FIELDS, OFTEN, ROUTES, UNITS};
use sheet::Sheet;

pub use review::{page as review, reviewed};
pub use sign::act;

const KIND: &str = "MedicationRequest";

#[derive(Template)]
#[template(path = "prescription.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    script: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    shown: Shown,
    problems: Vec<String>,
    may_prescribe: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

enum Shown {
    Form(Entry),
    Draft(Box<Draft>),
    Signed(Box<Sheet>),
}

/// A new prescription, or a draft that is changed.
struct Entry {
    typed: Typed,
    token: String,
    of: Option<(String, u32)>,
    trouble: Option<&'static str>,
    /// Changed meanwhile: where what the draft says now differs from what was typed.
    changes: Option<Vec<String>>,
}

/// A draft as it will be signed.
struct Draft {
    sheet: Sheet,
    version: u32,
    check: Check,
    doubts: Doubts,
    /// The reason is asked for: once, at the signature.
    is_interrupted: bool,
    /// Ticked: they looked at the allergies that were not compared.
    is_looked: bool,
    reason: String,
    why: String,
    slip: Option<&'static str>,
    trouble: Option<&'static str>,
}

struct Held {
    head: Head,
    one: Option<Json<'static>>,
    conditions: Vec<(String, String)>,
}

impl Page<'_> {
    fn medicines(&self) -> impl Iterator<Item = Row> {
        MEDICINES.rows()
    }
}

impl Held {
    /// With the prescription of the address, if it names one.
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, id: &str) -> Result<Option<Self>, Refusal> {
        if !asking.ever(KIND) {
            return Err(Refusal::NotYours);
        }
        let Some(head) = Head::of(asked.web, session, asking, asked.ids[0], (KIND, false)).await? else {
            return Ok(None);
        };
        let one = match id {
            "" => None,
            id => Some(deed::held(asking, KIND, id, asked.ids[0]).await?),
        };
        let wanted = [
            ("patient", asked.ids[0]),
            ("category:not", "encounter-diagnosis"),
            ("clinical-status", "active"),
            ("_count", "100"),
        ];
        let found = asking.search_if_ever("Condition", &wanted).await?;
        let named = |one: &Json<'_>| {
            let holds =
                !matches!(one.get("verificationStatus").and_then(any_code), Some("refuted" | "entered-in-error"));
            Some((text(one, "id")?.to_owned(), words(one.get("code")?)?)).filter(|_| holds)
        };
        let conditions = found.resources().iter().filter_map(named).collect();
        Ok(Some(Self { head, one, conditions }))
    }
}

pub fn may_prescribe(asking: &Asking<'_>) -> bool {
    deed::may_write(asking, KIND)
}

pub async fn new(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !may_prescribe(&asking) {
        return Err(Refusal::NotYours);
    }
    let of = asked.parts.uri.query().and_then(|query| query.strip_prefix("of=")).unwrap_or_default();
    let Some(held) = Held::of(asked, &session, &asking, of).await? else { return Ok(super::closed(asked)) };
    // A renewal is a new prescription: it begins as the one before, and is looked at and signed like any other.
    let typed = held.one.as_ref().map_or_else(fill::blank, |one| fill::renewed(one, &held.conditions));
    let trouble = held.one.as_ref().is_some_and(fill::is_more).then_some(
        "The prescription before says more than this form holds. What fits is filled in: read the one before, and add the rest.",
    );
    let entry = Entry { typed, token: token::fresh(asked), of: None, trouble, changes: None };
    shown(asked, &session, &asking, held, Shown::Form(entry), StatusCode::OK)
}

pub async fn draft(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !may_prescribe(&asking) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking, "").await? else { return Ok(super::closed(asked)) };
    let token = token::sent(asked, &form);
    let mut entry = Entry { typed: Typed::read(&form, &FIELDS), token, of: None, trouble: None, changes: None };
    let author = Author::of(asked, &asking).await?;
    let mut made = fill::made(&mut entry.typed, asked.ids[0], &held.conditions, &author);
    made["identifier"] = deed::identifier(&entry.token, "rx");
    if let Some(encounter) = visit::encounter(&asking, asked.ids[0]).await? {
        made["encounter"] = json!({ "reference": format!("Encounter/{encounter}") });
    }
    if !entry.typed.slips.is_empty() {
        return shown(asked, &session, &asking, held, Shown::Form(entry), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let before = deed::made_before(&asking, KIND, &entry.token, "rx", asked.ids[0]).await?;
    if before.is_some_and(|before| !fill::is_same(&before, &made)) {
        entry.trouble = Some(
            "This form was saved before, with something else in it. What you see now was not saved. Save it only if it is another prescription.",
        );
        entry.token = token::fresh(asked);
        return shown(asked, &session, &asking, held, Shown::Form(entry), StatusCode::CONFLICT);
    }
    let mut deed = Deed::default();
    deed.create(KIND, deed::condition(&entry.token, "rx", asked.ids[0]), None, made);
    deed.commit(&asking).await?;
    let made = deed::made_before(&asking, KIND, &entry.token, "rx", asked.ids[0]).await?.ok_or(Refusal::Defect)?;
    let id = text(&made, "id").ok_or(Refusal::Defect)?;
    Ok(answer::see(&format!("/patients/{}/prescriptions/{id}", asked.ids[0])))
}

pub async fn one(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking, asked.ids[1]).await? else { return Ok(super::closed(asked)) };
    let one = held.one.clone().ok_or(Refusal::Defect)?;
    let is_draft = text(&one, "status") == Some("draft");
    if is_draft && asked.parts.uri.query() == Some("change") && may_prescribe(&asking) {
        let of = Some((asked.ids[1].to_owned(), deed::version_of(&one)));
        let typed = fill::filled(&one, &held.conditions);
        let entry = Entry { typed, token: token::fresh(asked), of, trouble: None, changes: None };
        return shown(asked, &session, &asking, held, Shown::Form(entry), StatusCode::OK);
    }
    standing(asked, &session, &asking, held, &one, None, StatusCode::OK).await
}

/// As it is now: a draft to sign, or what was signed.
async fn standing(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    one: &Json<'static>,
    trouble: Option<&'static str>,
    status: StatusCode,
) -> Answer {
    let sheet = sheet::of(asked, asking, one, &held.head).await?;
    if text(one, "status") != Some("draft") {
        return shown(asked, session, asking, held, Shown::Signed(Box::new(Sheet { trouble, ..sheet })), status);
    }
    let check = check::of(asking, asked.ids[0], &sheet.medicine).await?;
    let draft = Draft {
        sheet,
        version: deed::version_of(one),
        check,
        doubts: Doubts::of(asking, asked.ids[0], one).await?,
        is_interrupted: false,
        is_looked: false,
        reason: String::new(),
        why: String::new(),
        slip: None,
        trouble,
    };
    shown(asked, session, asking, held, Shown::Draft(Box::new(draft)), status)
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    shown: Shown,
    status: StatusCode,
) -> Answer {
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        script: &PRINT,
        tabs: tabs(asking, "prescriptions"),
        shown,
        problems: held.conditions.into_iter().map(|(_, name)| name).collect(),
        may_prescribe: may_prescribe(asking),
        banner: held.head.banner,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
