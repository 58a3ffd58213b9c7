//! Who covers whom: somebody names a colleague for the days on which they are away; an administrator does it for others. Each time away is
//! a cover of its own, which ends by itself; two that meet would leave it open who covers, and are refused.

use std::borrow::Cow;

use access::Action;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::RecordError;

use super::Answer;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::Day;
use crate::clinic::duty::Cover;
use crate::clinic::moves::{self, Change};
use crate::clinic::name;
use crate::clinic::read::text;
use crate::clinic::reports::covers;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task;
use crate::forms::Form;
use crate::refusal::Refusal;

/// Who is away for longer hands their patients over.
const DAYS_MAX: i64 = 366;
const DAY_MS: i64 = 86_400_000;
const SAVED: &str = "/cover?saved=yes";

#[derive(Template)]
#[template(path = "cover.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    people: Vec<(String, String)>,
    /// One's own; none for an administrator, who names who is away.
    own: Option<String>,
    rows: Vec<Row>,
    draft: Draft,
    is_saved: bool,
    is_stale: bool,
    today: String,
}

struct Row {
    id: String,
    absent_id: String,
    absent: String,
    by: String,
    from: String,
    until: String,
    holds: bool,
    version: u32,
    may_end: bool,
}

#[derive(Default)]
struct Draft {
    absent: String,
    by: String,
    from: String,
    until: String,
    slips: Vec<(&'static str, Cow<'static, str>)>,
}

impl Draft {
    fn slip(&self, field: &str) -> Option<&str> {
        self.slips.iter().find(|(name, _)| *name == field).map(|(_, words)| &**words)
    }

    fn read(form: &Form) -> Self {
        let field = |name: &str| form.text(name).trim().to_owned();
        let (absent, by) = (field("absent"), field("by"));
        Self { absent, by, from: field("from"), until: field("until"), slips: Vec::new() }
    }

    fn slipped(&mut self, field: &'static str, words: &'static str) {
        self.slips.push((field, words.into()));
    }

    /// The cover that it asks for, if it can be.
    fn weigh(&mut self, people: &[(String, String)], today: &Day, zone: &jiff::tz::TimeZone) -> Option<Cover> {
        let is_known = |wanted: &str| people.iter().any(|(id, _)| id == wanted);
        if !is_known(&self.absent) {
            self.slipped("absent", "Choose who is away.");
        }
        if !is_known(&self.by) {
            self.slipped("by", "Choose who covers.");
        } else if self.by == self.absent {
            self.slipped("by", "Nobody covers for themselves. Choose a colleague.");
        }
        let (from, until) = (Day::parse(&self.from, zone), Day::parse(&self.until, zone));
        match (&from, &until) {
            (None, _) => self.slipped("from", "Say on which day it begins."),
            (_, None) => self.slipped("until", "Say which day is the last."),
            (Some(from), Some(until)) if until.date() < from.date() => {
                self.slipped("until", "The last day is before the first.");
            }
            (_, Some(until)) if until.date() < today.date() => self.slipped("until", "The last day is over."),
            (Some(from), Some(until)) if until.ends_ms() - from.begins_ms() > DAYS_MAX * DAY_MS => {
                self.slipped("until", "A cover lasts a year at most.");
            }
            _ => {}
        }
        let (from, until) = from.zip(until).filter(|_| self.slips.is_empty())?;
        Some(Cover {
            id: name_of(&self.absent, &from),
            version: 0,
            absent: self.absent.clone(),
            by: self.by.clone(),
            from_ms: from.begins_ms(),
            until_ms: until.ends_ms(),
        })
    }
}

/// One for each who is away and the day from which on, so that a form sent twice makes one.
fn name_of(absent: &str, from: &Day) -> String {
    format!("cover.{}.{}", task::short(absent), from.iso().replace('-', ""))
}

/// Whether somebody keeps who covers whom: what lies in the directory.
pub fn keeps_covers(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "PractitionerRole") && asking.may_ever(Action::Update, "PractitionerRole")
}

fn asking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().ok_or(Refusal::NotFound)?;
    let asking = Asking { record: asked.web.record(), caller };
    if keeps_covers(&asking) { Ok(asking) } else { Err(Refusal::NotFound) }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let is_saved = asked.parts.uri.query() == Some("saved=yes");
    shown(asked, &session, &asking, None, is_saved, StatusCode::OK).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let mut draft = Draft::read(&form);
    // Who is somebody of the directory speaks for themselves.
    if own.as_ref().is_some_and(|own| *own != draft.absent) {
        return Err(Refusal::NotYours);
    }
    let (now_ms, zone) = (asking.record.now_ms(), asked.web.zone());
    let (_, covers) = covers(&asking).await?;
    if form.text("act") == "end" {
        let version = form.version()?;
        let of_form = |cover: &Cover| cover.id == form.text("id") && cover.absent == draft.absent;
        let held = covers.into_iter().find(of_form).filter(|cover| cover.until_ms > now_ms);
        // What is not there any more has ended.
        let Some(mut cover) = held else { return Ok(answer::see(SAVED)) };
        if cover.version != version {
            return shown(asked, &session, &asking, None, false, StatusCode::CONFLICT).await;
        }
        cover.until_ms = now_ms;
        cover.from_ms = cover.from_ms.min(now_ms - 1);
        return saved(asked, &session, &asking, &cover, None).await;
    }
    let people = people(&asking).await?;
    let Some(mut cover) = draft.weigh(&people, &Day::of(now_ms, zone), zone) else {
        return shown(asked, &session, &asking, Some(draft), false, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    if let Some(held) = covers.iter().find(|held| held.until_ms > now_ms && held.meets(&cover)) {
        // The form was sent twice.
        if (&held.by, held.from_ms, held.until_ms) == (&cover.by, cover.from_ms, cover.until_ms) {
            return Ok(answer::see(SAVED));
        }
        let day = |ms| Day::of(ms, zone).short();
        let by = people.iter().find(|(id, _)| *id == held.by).map_or("Somebody", |(_, name)| name);
        let words = format!(
            "{by} covers from {} to {} already. End that first, or choose other days.",
            day(held.from_ms),
            day(held.until_ms - 1)
        );
        draft.slips.push(("from", words.into()));
        return shown(asked, &session, &asking, Some(draft), false, StatusCode::CONFLICT).await;
    }
    cover.version = version_of(&asking, &cover.id).await?;
    saved(asked, &session, &asking, &cover, Some(draft)).await
}

/// Of a cover that began on the same day and has ended: its place is taken by the new one.
async fn version_of(asking: &Asking<'_>, id: &str) -> Result<u32, Refusal> {
    match asking.read("PractitionerRole", id).await {
        Ok(held) => Ok(held.get().version()),
        Err(RecordError::NotFound | RecordError::Gone) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

async fn saved(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    cover: &Cover,
    draft: Option<Draft>,
) -> Answer {
    let change = Change {
        method: "PUT",
        url: format!("PractitionerRole/{}", cover.id),
        if_match: Some(cover.version).filter(|version| *version > 0),
        is_new: cover.version == 0,
        resource: cover.resource(),
    };
    match asking.transact(&moves::transaction(vec![change])).await {
        Ok(_) => Ok(answer::see(SAVED)),
        Err(error) if error.is_overtaken() => shown(asked, session, asking, draft, false, StatusCode::CONFLICT).await,
        Err(error) => Err(error.into()),
    }
}

async fn people(asking: &Asking<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let found = asking.search("Practitioner", &[("_count", "500")]).await?;
    let one = |person: &Json<'_>| {
        let is_active = person.get("active").and_then(Json::as_bool) != Some(false);
        Some((text(person, "id")?.to_owned(), name::signed(person)?)).filter(|_| is_active)
    };
    let mut people: Vec<_> = found.resources().iter().filter_map(one).collect();
    people.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(people)
}

async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    draft: Option<Draft>,
    is_saved: bool,
    status: StatusCode,
) -> Answer {
    let (now_ms, zone) = (asking.record.now_ms(), asked.web.zone());
    let own = asking.record.own_practitioner(asking.caller).await?;
    let people = people(asking).await?;
    let (_, covers) = covers(asking).await?;
    let name = |id: &str| people.iter().find(|(held, _)| held == id).map_or("Somebody", |(_, name)| name).to_owned();
    let row = |cover: &Cover| Row {
        id: cover.id.clone(),
        absent_id: cover.absent.clone(),
        absent: name(&cover.absent),
        by: name(&cover.by),
        from: Day::of(cover.from_ms, zone).short(),
        until: Day::of(cover.until_ms - 1, zone).short(),
        holds: cover.holds(now_ms),
        version: cover.version,
        may_end: own.as_ref().is_none_or(|own| *own == cover.absent),
    };
    let mut current: Vec<&Cover> = covers.iter().filter(|cover| cover.until_ms > now_ms).collect();
    current.sort_by_key(|cover| cover.from_ms);
    let draft = draft.unwrap_or_else(|| Draft { absent: own.clone().unwrap_or_default(), ..Draft::default() });
    let is_stale = status == StatusCode::CONFLICT && draft.slips.is_empty();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Elsewhere),
        rows: current.into_iter().map(row).collect(),
        people,
        own,
        draft,
        is_saved,
        is_stale,
        today: Day::of(now_ms, zone).iso(),
    };
    Ok(answer::page(status, &page))
}
