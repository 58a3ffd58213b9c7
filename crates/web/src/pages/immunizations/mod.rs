//! Immunizations of one patient, by vaccine: given here, told of, or not given and why. What was entered by mistake says so.

pub mod fill;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use jiff::tz::TimeZone;
use record::PART2_NOTICE;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::codes::{Row, VACCINES};
use crate::clinic::day::{self, Day};
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::gone_through::list::{self, State};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::read::{all, text, words, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::time;
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::refusal::Refusal;

use fill::{FIELDS, ORIGINS, REASONS, ROUTES, SITES, WAYS};

const KIND: &str = "Immunization";

#[derive(Template)]
#[template(path = "immunizations.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    /// By vaccine, the latest first in each.
    vaccines: Vec<(String, Vec<Dose>)>,
    mistakes: Vec<Dose>,
    gone_through: Option<State>,
    may_write: bool,
    form: Option<Entry>,
    said: Option<&'static str>,
    trouble: Option<&'static str>,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Entry {
    typed: Typed,
    token: String,
    is_stale: bool,
}

pub struct Dose {
    id: String,
    version: u32,
    pub vaccine: String,
    pub when: String,
    /// `Not given: patient objected`; empty for a dose.
    refused: String,
    pub is_reported: bool,
    pub details: Vec<String>,
    notes: Vec<String>,
}

struct Held {
    head: Head,
    all: Vec<Json<'static>>,
    list: Option<Json<'static>>,
    names: Names,
}

impl Entry {
    fn suggestions(&self) -> impl Iterator<Item = Row> {
        VACCINES.rows()
    }
}

impl Dose {
    pub fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let by = all(one, "performer").iter().find_map(|part| names.name(part.get("actor")?));
        let is_reported = one.get("primarySource").and_then(Json::as_bool) == Some(false);
        let maker = one.get("manufacturer").and_then(|maker| names.name(maker));
        let expires = text(one, "expirationDate").map(|day| format!("expires {}", time::day(day)));
        let details = [
            text(one, "lotNumber").map(|lot| format!("lot {lot}")),
            maker,
            expires,
            one.get("site").and_then(words),
            one.get("route").and_then(words),
            by,
            one.get("reportOrigin").and_then(words).filter(|_| is_reported),
        ];
        let refused = match text(one, "status") {
            Some("not-done") => {
                one.get("statusReason").and_then(words).unwrap_or_else(|| "no reason recorded".to_owned())
            }
            _ => String::new(),
        };
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            version: deed::version_of(one),
            vaccine: words_of(one, "vaccineCode").unwrap_or_else(|| "Vaccine without a name".to_owned()),
            when: text(one, "occurrenceDateTime")
                .map(|at| day::day_of(at, zone))
                .or(text(one, "occurrenceString").map(str::to_owned))
                .unwrap_or_default(),
            refused,
            is_reported,
            details: details.into_iter().flatten().collect(),
            notes: deed::notes_of(one, zone),
        }
    }
}

impl Held {
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Self>, Refusal> {
        let pairs = [("_sort", "-date"), ("_count", "400")];
        let Some((mut head, sheet)) = opened(asked, session, asking, (KIND, false), &pairs).await? else {
            return Ok(None);
        };
        let list = list::IMMUNIZATIONS.held(asking, asked.ids[0]).await?;
        head.is_part2 |= list.is_part2();
        let names = Names::of(asking, &[], [&sheet, &list].into_iter()).await?;
        Ok(Some(Self { head, all: sheet.owned(), list: list.owned().into_iter().next(), names }))
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let said = match asked.parts.uri.query() {
        Some("saved") => Some("Saved."),
        Some("gone-through") => Some("Saved: the immunizations were gone through."),
        _ => None,
    };
    let form = deed::may_write(&asking, KIND).then(|| blank(asked));
    shown(asked, &session, &asking, held, (form, None), said, StatusCode::OK)
}

fn blank(asked: &Asked<'_>) -> Entry {
    let today = Day::of(asked.web.record().now_ms(), asked.web.zone()).iso();
    Entry { typed: fill::blank(&time::day(&today)), token: token::fresh(asked), is_stale: false }
}

pub async fn add(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let mut entry = Entry { typed: Typed::read(&form, &FIELDS), token: token::sent(asked, &form), is_stale: false };
    let author = Author::of(asked, &asking).await?;
    let mut made = fill::made(&mut entry.typed, asked, held.head.birth.as_deref(), &author);
    made["identifier"] = deed::identifier(&entry.token, "dose");
    if let Some(before) = deed::made_before(&asking, KIND, &entry.token, "dose", asked.ids[0]).await? {
        if deed::says_the_same(&before, &made) {
            return Ok(deed::to(asked, "immunizations", "saved"));
        }
        entry.token = token::fresh(asked);
        entry.is_stale = true;
        return shown(asked, &session, &asking, held, (Some(entry), None), None, StatusCode::CONFLICT);
    }
    let is_same = |one: &&Json<'static>| {
        let dose = Dose::of(one, &held.names, asked.web.zone());
        text(one, "status") == Some("completed")
            && text(one, "occurrenceDateTime").map(|day| day.get(..10).unwrap_or(day))
                == made["occurrenceDateTime"].as_str()
            && dose.vaccine.eq_ignore_ascii_case(entry.typed.get("vaccine"))
    };
    if !entry.typed.is("way", "refused") && held.all.iter().any(|one| is_same(&one)) {
        entry.typed.slip("vaccine", "A dose of this vaccine is on the list for that day already.");
    }
    if !entry.typed.slips.is_empty() {
        return shown(asked, &session, &asking, held, (Some(entry), None), None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut deed = Deed::default();
    deed.create(KIND, deed::condition(&entry.token, "dose", asked.ids[0]), None, made);
    deed.commit(&asking).await?;
    Ok(deed::to(asked, "immunizations", "saved"))
}

pub async fn mistake(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let mut one = deed::held(&asking, KIND, asked.ids[1], asked.ids[0]).await?;
    if text(&one, "status") == Some("entered-in-error") {
        return Ok(deed::to(asked, "immunizations", "saved"));
    }
    let seen = form.version()?;
    let why = form.text("why").trim();
    let author = Author::of(asked, &asking).await?;
    let trouble = if seen != deed::version_of(&one) {
        Some((StatusCode::CONFLICT, "Somebody changed this entry meanwhile. Nothing was done: look at it again."))
    } else if why.is_empty() {
        Some((StatusCode::UNPROCESSABLE_ENTITY, "Nothing was changed: say in a few words why it is a mistake."))
    } else {
        fill::mistaken(&mut one, why, &author);
        let mut deed = Deed::default();
        deed.update(one)?;
        match deed.commit(&asking).await? {
            Done::Saved => None,
            Done::Overtaken => Some((
                StatusCode::CONFLICT,
                "Somebody changed this entry meanwhile. Nothing was done: look at it again.",
            )),
        }
    };
    match trouble {
        None => Ok(deed::to(asked, "immunizations", "saved")),
        Some((status, words)) => shown(asked, &session, &asking, held, (Some(blank(asked)), Some(words)), None, status),
    }
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    (form, trouble): (Option<Entry>, Option<&'static str>),
    said: Option<&'static str>,
    status: StatusCode,
) -> Answer {
    let is_mistake = |one: &&Json<'static>| text(one, "status") == Some("entered-in-error");
    let mut vaccines: Vec<(String, Vec<Dose>)> = Vec::new();
    for dose in held.all.iter().filter(|one| !is_mistake(one)).map(|one| Dose::of(one, &held.names, asked.web.zone())) {
        match vaccines.iter_mut().find(|(name, _)| *name == dose.vaccine) {
            Some((_, doses)) => doses.push(dose),
            None => vaccines.push((dose.vaccine.clone(), vec![dose])),
        }
    }
    vaccines.sort_by_key(|(name, _)| name.to_lowercase());
    let mistakes = held.all.iter().filter(is_mistake).map(|one| Dose::of(one, &held.names, asked.web.zone())).collect();
    let of = (&list::IMMUNIZATIONS, KIND, vaccines.is_empty());
    let gone_through = State::of(asking, of, held.list.as_ref(), &held.names, asked.web.zone());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        banner: held.head.banner,
        tabs: tabs(asking, "immunizations"),
        vaccines,
        mistakes,
        gone_through,
        may_write: deed::may_write(asking, KIND),
        form,
        said,
        trouble,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
