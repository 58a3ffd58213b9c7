//! New orders: ticked from favourites, the starter list or a set, or written; or a referral. They become drafts, and nothing is ordered
//! before the drafts are signed.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;

use super::entry::{Entry, LINE_CHARS_MAX, TEXT_CHARS_MAX};
use super::reasons::Reasons;
use super::{ABOUT, address, asking, closed, favourites, may_order};
use crate::answer;
use crate::assets::{Asset, Frame, ORDERS_CSS, ORDERS_JS};
use crate::client::Asked;
use crate::clinic::addenda;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day;
use crate::clinic::head::Head;
use crate::clinic::moves::object;
use crate::clinic::orders::catalogue::{self, ITEMS, Item, Kind, Priority, SETS, SPECIALTIES, Set, Specialty};
use crate::clinic::orders::write::{ORDER_SYSTEM, Of, list};
use crate::clinic::read::{all, any_code, text, words, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::visit;
use crate::pages::Answer;
use crate::refusal::Refusal;

/// Notes that are offered to go along with a referral.
const NOTES_OFFERED: &str = "10";
const PROBLEMS_MAX: &str = "200";

#[derive(Template)]
#[template(path = "orders_new.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    script: &'static Asset,
    banner: Banner,
    entry: &'a Entry,
    /// This form was sent before, and says something else now.
    is_stale: bool,
    groups: Vec<Group>,
    has_favourites: bool,
    sets: &'static [Set],
    specialties: &'static [Specialty],
    choices: &'a Choices,
    opened: String,
}

/// Orders under one heading.
struct Group {
    title: &'static str,
    is_own: bool,
    items: Vec<&'static Item>,
}

/// What a form offers beside the orders: problems to name as the reason, and notes to go along.
pub struct Choices {
    pub problems: Vec<(String, String)>,
    /// Diagnoses of the visit that are not among them.
    pub diagnoses: Vec<(String, String)>,
    pub notes: Vec<(String, String)>,
}

/// What the form was made of.
struct Around {
    head: Head,
    reasons: Reasons,
    choices: Choices,
    practitioner: Option<String>,
}

pub async fn new(asked: &Asked<'_>) -> Answer {
    begin(asked, false).await
}

pub async fn refer(asked: &Asked<'_>) -> Answer {
    begin(asked, true).await
}

pub async fn add(asked: &Asked<'_>) -> Answer {
    sent(asked, false).await
}

pub async fn refer_add(asked: &Asked<'_>) -> Answer {
    sent(asked, true).await
}

async fn begin(asked: &Asked<'_>, is_referral: bool) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(around) = Around::of(asked, &session, &asking, is_referral).await? else { return Ok(closed(asked)) };
    shown(asked, &session, &asking, around, &Entry::blank(asked, is_referral), false, StatusCode::OK).await
}

async fn sent(asked: &Asked<'_>, is_referral: bool) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let Some(around) = Around::of(asked, &session, &asking, is_referral).await? else { return Ok(closed(asked)) };
    let mut entry = Entry::read(asked, &form, is_referral);
    if let Some(set) = catalogue::set(form.text("set")) {
        entry.tick(set);
        return shown(asked, &session, &asking, around, &entry, false, StatusCode::OK).await;
    }
    if let Some((wanted, is_on)) = star(form.text("star")) {
        let Some(practitioner) = &around.practitioner else { return Err(Refusal::NotYours) };
        favourites::put(&asking, practitioner, wanted, is_on).await?;
        return shown(asked, &session, &asking, around, &entry, false, StatusCode::OK).await;
    }
    entry.weigh(&around.reasons, asking.record.now_ms(), asked.web.zone());
    if !entry.slips.is_empty() {
        return shown(asked, &session, &asking, around, &entry, false, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let attached = attached(&entry, &around.choices);
    let now_ms = asking.record.now_ms();
    let now = day::instant(now_ms);
    let encounter = visit::encounter(&asking, asked.ids[0]).await?;
    let of = Of {
        patient_id: asked.ids[0],
        practitioner: around.practitioner.as_deref(),
        encounter: encounter.as_deref(),
        now: &now,
    };
    let wishes = entry.wishes(&around.reasons, &attached);
    let drafts: Vec<(String, Json<'static>)> = wishes
        .iter()
        .map(|(name, wish)| {
            let name = format!("{}.{name}", entry.token);
            let draft = wish.draft(&of, &name);
            (name, draft)
        })
        .collect();
    match sent_before(&asking, asked.ids[0], &entry.token, &drafts).await? {
        Before::Same => return Ok(answer::see(&address(asked.ids[0], "added"))),
        Before::Other => {
            entry.token = Entry::blank(asked, is_referral).token;
            return shown(asked, &session, &asking, around, &entry, true, StatusCode::CONFLICT).await;
        }
        Before::None => {}
    }
    let bundle = transaction(asked.ids[0], drafts);
    match asking.transact(&bundle).await {
        Ok(_) => Ok(answer::see(&address(asked.ids[0], "added"))),
        Err(error) => Err(error.into()),
    }
}

impl Around {
    async fn of(
        asked: &Asked<'_>,
        session: &Session,
        asking: &Asking<'_>,
        is_referral: bool,
    ) -> Result<Option<Self>, Refusal> {
        if !may_order(asking) {
            return Err(Refusal::NotYours);
        }
        let patient_id = asked.ids[0];
        let Some(head) = Head::of(asked.web, session, asking, patient_id, ABOUT).await? else { return Ok(None) };
        let reasons = Reasons::of(asking, patient_id, None).await?;
        let notes = if is_referral { notes(asked, asking, patient_id).await? } else { Vec::new() };
        let choices = Choices { problems: reasons.listed(), diagnoses: reasons.of_visit(), notes };
        let practitioner = asking.record.own_practitioner(asking.caller).await?;
        Ok(Some(Self { head, reasons, choices, practitioner }))
    }
}

/// The problem list: what holds now.
pub async fn problems(asking: &Asking<'_>, patient_id: &str) -> Result<Vec<Json<'static>>, Refusal> {
    let pairs = [("patient", patient_id), ("category:not", "encounter-diagnosis"), ("_count", PROBLEMS_MAX)];
    let sheet = asking.search_if_ever("Condition", &pairs).await?;
    let is = |one: &Json<'_>, element: &str, codes: &[&str]| {
        one.get(element).and_then(any_code).is_some_and(|code| codes.contains(&code))
    };
    let holds = |one: &Json<'_>| {
        !is(one, "clinicalStatus", &["inactive", "remission", "resolved"])
            && !is(one, "verificationStatus", &["refuted", "entered-in-error"])
    };
    Ok(sheet.resources().into_iter().filter(holds).map(Json::into_owned).collect())
}

pub fn named(problems: &[Json<'_>]) -> Vec<(String, String)> {
    let named = |one: &Json<'_>| Some((text(one, "id")?.to_owned(), words(one.get("code")?)?));
    problems.iter().filter_map(named).collect()
}

/// The latest notes and documents, each with its date.
pub async fn notes(asked: &Asked<'_>, asking: &Asking<'_>, patient_id: &str) -> Result<Vec<(String, String)>, Refusal> {
    let elements = "type,description,date,docStatus,status,relatesTo";
    let pairs = [
        ("patient", patient_id),
        ("status", "current"),
        ("_sort", "-date"),
        ("_count", NOTES_OFFERED),
        ("_elements", elements),
    ];
    let sheet = asking.search_if_ever("DocumentReference", &pairs).await?;
    let named = |one: &Json<'_>| {
        let title = text(one, "description").map(str::to_owned).or_else(|| words_of(one, "type"));
        let day = text(one, "date").map(|at| day::day_of(at, asked.web.zone())).unwrap_or_default();
        Some((
            text(one, "id")?.to_owned(),
            format!("{}, {day}", addenda::titled(one, title.unwrap_or_else(|| "Document".to_owned()))),
        ))
    };
    Ok(sheet.resources().iter().filter_map(named).collect())
}

/// Of what was sent, the notes that were offered.
pub fn attached<'e>(entry: &'e Entry, choices: &Choices) -> Vec<&'e str> {
    let offered = |id: &&str| choices.notes.iter().any(|(offered, _)| offered == id);
    entry.attached.iter().map(String::as_str).filter(offered).collect()
}

/// `+a1c` or `-a1c`: which way is said, so that sent twice it is the same.
fn star(sent: &str) -> Option<(&'static Item, bool)> {
    let is_on = sent.starts_with('+');
    Some((catalogue::item(sent.strip_prefix(['+', '-'])?)?, is_on))
}

enum Before {
    None,
    Same,
    Other,
}

/// Whether the drafts of this form are there, and say the same.
async fn sent_before(
    asking: &Asking<'_>,
    patient_id: &str,
    token: &str,
    drafts: &[(String, Json<'static>)],
) -> Result<Before, Refusal> {
    let names: Vec<String> = ITEMS
        .iter()
        .map(|item| item.id)
        .chain(["other", "referral"])
        .map(|name| format!("{ORDER_SYSTEM}|{token}.{name}"))
        .collect();
    let pairs = [("patient", patient_id), ("identifier", &*names.join(",")), ("_count", "50")];
    let found = asking.search("ServiceRequest", &pairs).await?;
    let held = found.resources();
    if held.is_empty() {
        return Ok(Before::None);
    }
    let kept = [
        "code",
        "priority",
        "reasonCode",
        "reasonReference",
        "occurrenceDateTime",
        "note",
        "patientInstruction",
        "performer",
        "performerType",
        "supportingInfo",
    ];
    let same = |(name, draft): &(String, Json<'static>)| {
        let own = |one: &&Json<'_>| all(one, "identifier").iter().any(|own| text(own, "value") == Some(name));
        held.iter().find(own).is_some_and(|one| {
            kept.iter().all(|part| one.get(part).map(Json::to_vec) == draft.get(part).map(Json::to_vec))
        })
    };
    Ok(if held.len() == drafts.len() && drafts.iter().all(same) { Before::Same } else { Before::Other })
}

/// Each is created unless this form has made it already.
fn transaction(patient_id: &str, drafts: Vec<(String, Json<'static>)>) -> Vec<u8> {
    let entry = |(name, resource): (String, Json<'static>)| {
        let condition = format!("identifier={ORDER_SYSTEM}|{name}&patient={patient_id}");
        let request = object([
            ("method", Json::string("POST")),
            ("url", Json::string("ServiceRequest")),
            ("ifNoneExist", Json::string(condition)),
        ]);
        object([("resource", resource), ("request", request)])
    };
    let bundle = object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", list(drafts.into_iter().map(entry))),
    ]);
    bundle.to_vec()
}

async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    around: Around,
    entry: &Entry,
    is_stale: bool,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    let own =
        if entry.is_referral { Vec::new() } else { favourites::of(asking, around.practitioner.as_deref()).await? };
    let has_favourites = around.practitioner.is_some() && asking.may_ever(access::Action::Create, "List");
    let mut groups = Vec::new();
    if !entry.is_referral {
        let rest = |kind: Kind| {
            let others = ITEMS.iter().filter(|item| item.kind == kind && !own.iter().any(|one| one.id == item.id));
            others.collect::<Vec<_>>()
        };
        let (laboratory, imaging) = (rest(Kind::Laboratory), rest(Kind::Imaging));
        groups.push(Group { title: "My favourites", is_own: true, items: own });
        groups.push(Group { title: "Laboratory", is_own: false, items: laboratory });
        groups.push(Group { title: "Imaging", is_own: false, items: imaging });
    }
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        style: &ORDERS_CSS,
        script: &ORDERS_JS,
        banner: around.head.banner,
        entry,
        is_stale,
        groups,
        has_favourites,
        sets: &SETS,
        specialties: &SPECIALTIES,
        choices: &around.choices,
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
