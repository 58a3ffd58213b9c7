//! Allergies of one patient: what is known, that none are known, or that nobody asked. Each is an act of somebody on a day.

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
use crate::clinic::banner::{Allergies, Allergy, Banner, NONE_KNOWN, holds};
use crate::clinic::codes::{ALLERGENS, REACTIONS, Row};
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::gone_through::list::{self, State};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::read::{any_code, has_code, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::refusal::Refusal;

use fill::{CERTAINTIES, FIELDS, KINDS, RISKS, SEVERITIES, STANDINGS};

const KIND: &str = "AllergyIntolerance";
pub const NO_KNOWN_ALLERGY: &str = "716186003";

#[derive(Template)]
#[template(path = "allergies.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    active: Vec<Line>,
    past: Vec<Line>,
    /// Who said that none are known stands in the banner; this is its entry.
    none_known: Option<String>,
    gone_through: Option<State>,
    may_write: bool,
    form: Option<Entry>,
    said: Option<&'static str>,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// The form: of a new allergy, or of one that is there.
struct Entry {
    typed: Typed,
    token: String,
    /// Id and version of the one that is changed.
    of: Option<(String, u32)>,
    is_none_known: bool,
    /// What somebody else made of it meanwhile.
    overtaken: Option<Vec<String>>,
    is_stale: bool,
}

struct Line {
    id: String,
    substance: String,
    reaction: String,
    severity: &'static str,
    risk: &'static str,
    certainty: &'static str,
    is_severe: bool,
    over: &'static str,
    notes: Vec<String>,
    source: String,
}

struct Held {
    head: Head,
    all: Vec<Json<'static>>,
    list: Option<Json<'static>>,
    names: Names,
}

impl Entry {
    fn new(asked: &Asked<'_>, typed: Typed) -> Self {
        Self { typed, token: token::fresh(asked), of: None, is_none_known: false, overtaken: None, is_stale: false }
    }

    fn substances(&self) -> impl Iterator<Item = Row> {
        ALLERGENS.rows()
    }

    fn reactions(&self) -> impl Iterator<Item = Row> {
        REACTIONS.rows()
    }
}

impl Line {
    fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let allergy = Allergy::of(one, names, zone);
        let typed = fill::filled(one);
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            substance: allergy.substance,
            reaction: typed.get("reaction").to_owned(),
            severity: typed.choice("severity", &SEVERITIES).map_or("", |(_, words)| words),
            risk: typed.choice("risk", &RISKS).map_or("", |(_, words)| words),
            certainty: typed.choice("certainty", &CERTAINTIES).map_or("", |(_, words)| words),
            is_severe: allergy.is_severe,
            over: typed.choice("standing", &STANDINGS).filter(|_| !holds(one)).map_or("", |(_, words)| words),
            notes: deed::notes_of(one, zone),
            source: allergy.source,
        }
    }
}

impl Held {
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Self>, Refusal> {
        let pairs = [("_count", "200")];
        let Some((mut head, sheet)) = opened(asked, session, asking, (KIND, false), &pairs).await? else {
            return Ok(None);
        };
        let list = list::ALLERGIES.held(asking, asked.ids[0]).await?;
        head.is_part2 |= list.is_part2();
        let names = Names::of(asking, &[], [&sheet, &list].into_iter()).await?;
        Ok(Some(Self { head, all: sheet.owned(), list: list.owned().into_iter().next(), names }))
    }

    /// The one that says that none are known, if one holds.
    fn none_known(&self) -> Option<&Json<'static>> {
        self.all.iter().find(|one| holds(one) && is_none_known(one))
    }

    fn active(&self) -> impl Iterator<Item = &Json<'static>> {
        self.all.iter().filter(|one| holds(one) && !is_none_known(one))
    }
}

pub fn is_none_known(one: &Json<'_>) -> bool {
    NONE_KNOWN.iter().any(|(code, _)| has_code(one, "code", code))
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let said = match asked.parts.uri.query() {
        Some("saved") => Some("Saved. The banner says what is known now."),
        Some("gone-through") => Some("Saved: the allergies were gone through."),
        Some("none") => Some("Recorded: no known allergies, asked today."),
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
    let author = Author::of(asked, &asking).await?;
    if form.text("act") == "none" {
        return none(asked, &session, &asking, held, &token, &author).await;
    }
    let mut entry = Entry { token, ..Entry::new(asked, Typed::read(&form, &FIELDS)) };
    entry.typed.set("standing", "active");
    let made = fill::made(&mut entry.typed, asked, &author);
    if let Some(before) = deed::made_before(&asking, KIND, &entry.token, "allergy", asked.ids[0]).await? {
        if deed::says_the_same(&before, &with_identifier(made, &entry.token)) {
            return Ok(deed::to(asked, "allergies", "saved"));
        }
        entry.token = token::fresh(asked);
        entry.is_stale = true;
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT);
    }
    let same = entry.typed.get("substance").to_lowercase();
    if held.active().any(|one| Allergy::of(one, &held.names, asked.web.zone()).substance.to_lowercase() == same) {
        entry.typed.slip("substance", "This is on the list already. Change it there.");
    }
    if !entry.typed.slips.is_empty() {
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut deed = Deed::default();
    let condition = deed::condition(&entry.token, "allergy", asked.ids[0]);
    deed.create(KIND, condition, None, with_identifier(made, &entry.token));
    // What said that there is none of this kind is true no more.
    for one in held.all.iter().filter(|one| holds(one) && fill::is_contradicted(one, entry.typed.get("kind"))) {
        let mut one = one.clone();
        fill::stand(&mut one, "refuted", entry.typed.get("certainty"));
        deed.update(one)?;
    }
    match deed.commit(&asking).await? {
        Done::Saved => Ok(deed::to(asked, "allergies", "saved")),
        Done::Overtaken => {
            entry.overtaken = Some(Vec::new());
            shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT)
        }
    }
}

fn with_identifier(mut made: serde_json::Value, token: &str) -> serde_json::Value {
    made["identifier"] = deed::identifier(token, "allergy");
    made
}

/// "No known allergies": only where none is listed, whoever lists one at the same time.
async fn none(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    token: &str,
    author: &Author,
) -> Answer {
    let is_listed = held.active().next().is_some();
    let mut deed = Deed::default();
    if let Some(again) = held.none_known().filter(|_| !is_listed) {
        let is_of_this_form = deed::made_before(asking, KIND, token, "none", asked.ids[0]).await?.is_some();
        if is_of_this_form {
            return Ok(deed::to(asked, "allergies", "none"));
        }
        deed.update(fill::asked_again(again, author))?;
    } else if !is_listed {
        let mut made = fill::none_known(asked.ids[0], author);
        made["identifier"] = deed::identifier(token, "none");
        let holding = "clinical-status=active";
        deed.create(KIND, format!("patient={}&{holding}", asked.ids[0]), None, made);
    }
    let overtaken = is_listed || matches!(deed.commit(asking).await?, Done::Overtaken);
    // Of two at once, one found the other's: what holds now decides what is said.
    let held = if overtaken { held } else { Held::of(asked, session, asking).await?.ok_or(Refusal::NotYours)? };
    if !overtaken && held.active().next().is_none() {
        return Ok(deed::to(asked, "allergies", "none"));
    }
    let mut entry = Entry::new(asked, fill::blank());
    entry.overtaken =
        Some(vec!["Allergies are listed: “none known” was not recorded. Look at the list below.".to_owned()]);
    shown(asked, session, asking, held, Some(entry), None, StatusCode::CONFLICT)
}

pub async fn one(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let one = deed::held(&asking, KIND, asked.ids[1], asked.ids[0]).await?;
    let entry = change(asked, &one);
    shown(asked, &session, &asking, held, Some(entry), None, StatusCode::OK)
}

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
    let mut entry = Entry { typed: Typed::read(&form, &FIELDS), ..change(asked, &one) };
    if entry.is_none_known {
        entry.typed.set("substance", now.get("substance"));
    }
    let author = Author::of(asked, &asking).await?;
    let _ = fill::made(&mut entry.typed, asked, &author);
    let seen = form.version()?;
    if entry.typed.slips.is_empty() && seen != deed::version_of(&one) {
        // Sent twice, or changed by somebody else to what is wanted: it is done.
        if FIELDS.iter().filter(|name| **name != "note").all(|name| !entry.typed.differs(&now, name)) {
            return Ok(deed::to(asked, "allergies", "saved"));
        }
        entry.overtaken = Some(fill::differences(&now, &entry.typed));
        return shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT);
    }
    if entry.typed.get("standing") != "active"
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
        return Ok(deed::to(asked, "allergies", "saved"));
    }
    entry.overtaken = Some(Vec::new());
    shown(asked, &session, &asking, held, Some(entry), None, StatusCode::CONFLICT)
}

fn change(asked: &Asked<'_>, one: &Json<'_>) -> Entry {
    let id = text(one, "id").unwrap_or_default().to_owned();
    let of = Some((id, deed::version_of(one)));
    Entry { of, is_none_known: is_none_known(one), ..Entry::new(asked, fill::filled(one)) }
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
        let wanted = held.all.iter().filter(|one| holds(one) != over && (over || !is_none_known(one)));
        let mut lines: Vec<Line> = wanted.map(|one| Line::of(one, &held.names, asked.web.zone())).collect();
        lines.sort_by(|a, b| (!a.is_severe, &a.substance).cmp(&(!b.is_severe, &b.substance)));
        lines
    };
    let (active, past) = (lines(false), lines(true));
    let none_known = held.none_known().and_then(|one| text(one, "id")).map(str::to_owned);
    let of = (&list::ALLERGIES, KIND, active.is_empty());
    let gone_through = State::of(asking, of, held.list.as_ref(), &held.names, asked.web.zone());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        banner: held.head.banner,
        tabs: tabs(asking, "allergies"),
        active,
        past,
        none_known,
        gone_through,
        may_write: deed::may_write(asking, KIND),
        form,
        said,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}

/// Its name as the list has it: of a concept with words.
fn name_of(one: &Json<'_>) -> String {
    one.get("code").and_then(words).unwrap_or_default()
}

fn status_code<'j>(one: &'j Json<'_>, name: &str) -> Option<&'j str> {
    one.get(name).and_then(any_code)
}
