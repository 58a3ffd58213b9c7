//! The problem list of one patient: what holds, what is over, and the form that adds and changes.

pub mod fill;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use jiff::tz::TimeZone;
use record::PART2_NOTICE;
use serde_json::Value;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::codes::{PROBLEMS, Row};
use crate::clinic::day;
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::gone_through::list::{self, State};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::read::{all, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::time;
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::refusal::Refusal;

use fill::{CERTAINTIES, FIELDS, STANDINGS};

const KIND: &str = "Condition";

#[derive(Template)]
#[template(path = "problems.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    active: Vec<Line>,
    past: Vec<Line>,
    gone_through: Option<State>,
    may_write: bool,
    form: Option<Entry>,
    said: Option<&'static str>,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Entry {
    typed: Typed,
    token: String,
    of: Option<(String, u32)>,
    overtaken: Option<Vec<String>>,
    is_stale: bool,
}

pub struct Line {
    id: String,
    version: u32,
    pub name: String,
    code: String,
    pub onset: String,
    ended: String,
    pub is_provisional: bool,
    /// How it stands, where it does not hold.
    over: &'static str,
    /// A mistake is not taken up again by one press.
    is_mistake: bool,
    notes: Vec<String>,
    pub source: String,
    since: String,
}

struct Held {
    head: Head,
    all: Vec<Json<'static>>,
    list: Option<Json<'static>>,
    names: Names,
}

impl Entry {
    fn new(asked: &Asked<'_>, typed: Typed) -> Self {
        Self { typed, token: token::fresh(asked), of: None, overtaken: None, is_stale: false }
    }

    fn suggestions(&self) -> impl Iterator<Item = Row> {
        PROBLEMS.rows()
    }
}

impl Line {
    pub fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let typed = fill::filled(one);
        let recorded = text(one, "recordedDate").map(|at| day::day_of(at, zone));
        let by = one.get("recorder").and_then(|by| names.name(by));
        let codes = one.get("code").map(|concept| all(concept, "coding")).unwrap_or_default();
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            version: deed::version_of(one),
            name: typed.get("problem").to_owned(),
            code: codes.iter().find_map(|coding| text(coding, "code")).unwrap_or("free text").to_owned(),
            onset: typed.get("onset").to_owned(),
            ended: typed.get("ended").to_owned(),
            is_provisional: typed.is("certainty", "provisional"),
            over: typed
                .choice("standing", &STANDINGS)
                .filter(|(code, _)| *code != "active")
                .map_or("", |(_, words)| words),
            is_mistake: typed.is("standing", "mistake"),
            notes: deed::notes_of(one, zone),
            source: [recorded, by].into_iter().flatten().collect::<Vec<_>>().join(", "),
            since: text(one, "onsetDateTime").or(text(one, "recordedDate")).unwrap_or_default().to_owned(),
        }
    }
}

impl Held {
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Self>, Refusal> {
        let pairs = [("category:not", "encounter-diagnosis"), ("_count", "400")];
        let Some((mut head, sheet)) = opened(asked, session, asking, (KIND, false), &pairs).await? else {
            return Ok(None);
        };
        let list = list::PROBLEMS.held(asking, asked.ids[0]).await?;
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
        Some("gone-through") => Some("Saved: the problems were gone through."),
        _ => None,
    };
    let form = deed::may_write(&asking, KIND).then(|| Entry::new(asked, fill::blank()));
    shown(asked, &session, &asking, held, form, said, StatusCode::OK)
}

pub async fn add(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let token = token::sent(asked, &form);
    let mut entry = Entry { token, ..Entry::new(asked, Typed::read(&form, &FIELDS)) };
    entry.typed.set("standing", "active");
    let author = Author::of(asked, &asking).await?;
    let mut made: Value = fill::made(&mut entry.typed, asked, held.head.birth.as_deref(), &author);
    made["identifier"] = deed::identifier(&entry.token, "problem");
    if let Some(before) = deed::made_before(&asking, KIND, &entry.token, "problem", asked.ids[0]).await? {
        if deed::says_the_same(&before, &made) {
            return Ok(deed::to(asked, "problems", "saved"));
        }
        entry.token = token::fresh(asked);
        entry.is_stale = true;
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT);
    }
    let same = entry.typed.get("problem").to_lowercase();
    if held.all.iter().any(|one| fill::holds(one) && fill::filled(one).get("problem").to_lowercase() == same) {
        entry.typed.slip("problem", "This is on the list already. Change it there.");
    }
    if !entry.typed.slips.is_empty() {
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut deed = Deed::default();
    deed.create(KIND, deed::condition(&entry.token, "problem", asked.ids[0]), None, made);
    match deed.commit(&asking).await? {
        Done::Saved => Ok(deed::to(asked, "problems", "saved")),
        Done::Overtaken => {
            entry.overtaken = Some(Vec::new());
            shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT)
        }
    }
}

pub async fn one(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let entry = change(asked, &deed::held(&asking, KIND, asked.ids[1], asked.ids[0]).await?);
    shown(asked, &session, &asking, held, Some(entry), None, StatusCode::OK)
}

/// One press (`resolve`, `reactivate`), or the form.
pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let mut one = deed::held(&asking, KIND, asked.ids[1], asked.ids[0]).await?;
    let now = fill::filled(&one);
    let author = Author::of(asked, &asking).await?;
    let mut entry = change(asked, &one);
    match form.text("act") {
        "resolve" => {
            entry.typed.set("standing", "resolved");
            entry.typed.set("ended", time::day(&author.now));
        }
        "reactivate" => {
            entry.typed.set("standing", "active");
            entry.typed.set("ended", "");
        }
        _ => entry.typed = Typed::read(&form, &FIELDS),
    }
    let _ = fill::made(&mut entry.typed, asked, held.head.birth.as_deref(), &author);
    let seen = form.version()?;
    if entry.typed.slips.is_empty() && seen != deed::version_of(&one) {
        if FIELDS.iter().filter(|name| **name != "note").all(|name| !entry.typed.differs(&now, name)) {
            return Ok(deed::to(asked, "problems", "saved"));
        }
        entry.overtaken = Some(fill::differences(&now, &entry.typed));
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT);
    }
    if entry.typed.is("standing", "mistake")
        && entry.typed.differs(&now, "standing")
        && entry.typed.get("note").is_empty()
    {
        entry.typed.slip("note", "Say why, in a few words: it is kept with the entry.");
    }
    if !entry.typed.slips.is_empty() {
        // What is put right on this page is still from the version that was seen.
        entry.of = Some((asked.ids[1].to_owned(), seen));
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    fill::change(&mut one, &now, &entry.typed, &author);
    let mut deed = Deed::default();
    deed.update(one)?;
    if let Done::Saved = deed.commit(&asking).await? {
        return Ok(deed::to(asked, "problems", "saved"));
    }
    entry.overtaken = Some(Vec::new());
    shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT)
}

fn change(asked: &Asked<'_>, one: &Json<'_>) -> Entry {
    let of = Some((text(one, "id").unwrap_or_default().to_owned(), deed::version_of(one)));
    Entry { of, ..Entry::new(asked, fill::filled(one)) }
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    form: Option<Entry>,
    said: Option<&'static str>,
    status: StatusCode,
) -> Answer {
    let lines = |over: bool| {
        let wanted = held.all.iter().filter(|one| fill::holds(one) != over);
        let mut lines: Vec<Line> = wanted.map(|one| Line::of(one, &held.names, asked.web.zone())).collect();
        // Newest first, as the chart has them.
        lines.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.name.cmp(&b.name)));
        lines
    };
    let (active, past) = (lines(false), lines(true));
    let of = (&list::PROBLEMS, KIND, active.is_empty());
    let gone_through = State::of(asking, of, held.list.as_ref(), &held.names, asked.web.zone());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        banner: held.head.banner,
        tabs: tabs(asking, "problems"),
        active,
        past,
        gone_through,
        may_write: deed::may_write(asking, KIND),
        form,
        said,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
