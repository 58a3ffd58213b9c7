//! When a clinician sees patients: the hours of their week and the days on which they are away, as their PractitionerRole keeps them
//! (`availableTime`, `notAvailable`). Who is somebody of the directory keeps their own, an administrator everybody's.

mod away;

use access::{Action, TypeRef};
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::{RecordError, ResourceKey};

use self::away::{Booked, Row};
use super::Answer;
use super::today::query;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::Day;
use crate::clinic::moves::{self, Change, object};
use crate::clinic::read::{self, text, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task;
use crate::clinic::ties::{self, Colleague};
use crate::clinic::typed::Typed;
use crate::clinic::week::{DAYS, Week};
use crate::forms::Form;
use crate::refusal::Refusal;

const ROLE: &str = "PractitionerRole";
/// Of one person.
const ROLES_MAX: &str = "50";

#[derive(Template)]
#[template(path = "times.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    is_own: bool,
    /// Whom an administrator chooses from, by id and name.
    people: Vec<(String, String)>,
    /// Whose times these are; nobody yet on the page of an administrator who did not choose.
    who: Option<Colleague>,
    weeks: Vec<Lines>,
    away: Vec<Row>,
    typed: Typed,
    today: String,
    said: Said,
    booked: Booked,
}

/// The form of one role's week.
struct Lines {
    /// Of the role; none for one that is made by saving.
    id: String,
    version: u32,
    /// What they are there, where there is more than one.
    title: String,
    days: Vec<Line>,
    /// Nobody said any hours of them, in no role: they are there whenever the clinic is open.
    is_always: bool,
    /// Entries that no line can say.
    unread: usize,
}

struct Line {
    /// `mon`, as the form names it; and its id, for there may be more forms than one.
    day: &'static str,
    field: String,
    name: &'static str,
    text: String,
    slip: Option<String>,
    /// What somebody else saved meanwhile.
    now: Option<String>,
}

/// Why a page is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Saved,
    /// Something in the form is to be set right.
    Wrong,
    /// Somebody else changed it first.
    Stale,
}

/// A week as it was typed.
struct Attempt {
    role: String,
    lines: [String; 7],
    slips: Vec<(usize, String)>,
}

/// Whose times are kept, by whom.
struct Desk<'a> {
    asked: &'a Asked<'a>,
    session: &'a Session,
    asking: Asking<'a>,
    is_own: bool,
    people: Vec<Colleague>,
    who: Option<Colleague>,
    /// Their roles that are no ties, by id.
    roles: Vec<Json<'static>>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let pairs = query(asked);
    let value = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let desk = Desk::of(asked, &session, value("who")).await?;
    let said = if value("saved") == "yes" { Said::Saved } else { Said::Nothing };
    desk.shown(said, None, Typed::default()).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let desk = Desk::of(asked, &session, form.text("who")).await?;
    let Some(who) = &desk.who else { return Err(Refusal::Invalid("choose whose times these are")) };
    if who.id != form.text("who") {
        return Err(Refusal::NotYours);
    }
    match form.text("act") {
        "week" => desk.save_week(&form).await,
        "away" => desk.go_away(&form).await,
        "back" => desk.come_back(&form).await,
        _ => Err(Refusal::Invalid("there is no such act")),
    }
}

impl<'a> Desk<'a> {
    async fn of(asked: &'a Asked<'_>, session: &'a Session, who: &str) -> Result<Self, Refusal> {
        let caller = session.caller.as_ref().ok_or(Refusal::NotFound)?;
        let asking = Asking { record: asked.web.record(), caller };
        if !ties::keeps(&asking) {
            return Err(Refusal::NotFound);
        }
        // Who lets people in and gives them roles keeps everybody's; who is somebody of the directory their own.
        let keeps_all = asking.record.policies().ever(caller, Action::ManageRoles, TypeRef::SYSTEM).is_ok();
        let own = match keeps_all {
            true => None,
            false => Some(asking.record.own_practitioner(caller).await?.ok_or(Refusal::NotFound)?),
        };
        let people = ties::colleagues(&asking).await?;
        let id = own.as_deref().unwrap_or(who);
        let who = people.iter().find(|one| one.id == id).cloned();
        if who.is_none() && !id.is_empty() {
            return Err(Refusal::NotFound);
        }
        let roles = match &who {
            Some(who) => roles(&asking, &who.id).await?,
            None => Vec::new(),
        };
        Ok(Self { asked, session, asking, is_own: own.is_some(), people, who, roles })
    }

    async fn save_week(&self, form: &Form) -> Answer {
        let mut attempt = Attempt::of(form);
        // The role that it was to make was made meanwhile, or that which it was of is gone.
        let is_other = self.role(&attempt.role).is_none();
        if is_other {
            attempt.role = self.roles.first().and_then(|role| text(role, "id")).unwrap_or_default().to_owned();
        }
        let week = match Week::parse(attempt.lines.each_ref().map(String::as_str)) {
            Ok(week) => week,
            Err(slips) => {
                attempt.slips = slips;
                return self.shown(Said::Wrong, Some(attempt), Typed::default()).await;
            }
        };
        let held = self.role(&attempt.role);
        if held.is_some_and(|role| Week::of(role) == week) {
            return self.saved();
        }
        let is_seen = match held {
            Some(role) => !is_other && self.was_seen(role, form.version()?).await?,
            None => self.may_begin(),
        };
        if !is_seen {
            return self.shown(Said::Stale, Some(attempt), Typed::default()).await;
        }
        let unread = held.map_or_else(Vec::new, Week::unread);
        match self.keep(held, "availableTime", [week.available(), unread].concat()).await {
            Ok(()) => self.saved(),
            Err(error) if error.is_overtaken() => {
                self.again().await?.shown(Said::Stale, Some(attempt), Typed::default()).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn go_away(&self, form: &Form) -> Answer {
        let mut typed = Typed::read(form, &away::FIELDS);
        let zone = self.asked.web.zone();
        let Some(absence) = away::weigh(&mut typed, self.away().len(), self.now_ms(), zone) else {
            return self.shown(Said::Wrong, None, typed).await;
        };
        if self.roles.iter().any(|role| away::says(role, &absence, zone)) {
            return self.saved();
        }
        if self.roles.is_empty() && !self.may_begin() {
            return Err(Refusal::NotFound);
        }
        self.kept(away::with(self.roles.first(), absence), self.roles.first(), typed).await
    }

    async fn come_back(&self, form: &Form) -> Answer {
        let key = form.text("key");
        let zone = self.asked.web.zone();
        // What is not there any more was taken out.
        match self.roles.iter().find_map(|role| Some((role, away::without(role, key, zone)?))) {
            Some((role, rest)) => self.kept(rest, Some(role), Typed::default()).await,
            None => self.saved(),
        }
    }

    async fn kept(&self, away: Vec<Json<'static>>, role: Option<&Json<'static>>, typed: Typed) -> Answer {
        match self.keep(role, "notAvailable", away).await {
            Ok(()) => self.saved(),
            Err(error) if error.is_overtaken() => self.again().await?.shown(Said::Stale, None, typed).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the week that a form was filled in over is that of now. What else of the role changed is no matter.
    async fn was_seen(&self, role: &Json<'static>, version: u32) -> Result<bool, Refusal> {
        if read::version(role) == version {
            return Ok(true);
        }
        let key = text(role, "id").and_then(|id| ResourceKey::parse(ROLE, id)).ok_or(Refusal::NotFound)?;
        match self.asking.record.vread(self.asking.caller, &key, version).await {
            Ok(seen) => Ok(Week::of(&seen.get().tree()?) == Week::of(role)),
            Err(RecordError::NotFound | RecordError::Gone) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes one element of a role in the place of the version that was read, or makes the role.
    async fn keep(
        &self,
        role: Option<&Json<'static>>,
        element: &'static str,
        value: Vec<Json<'static>>,
    ) -> Result<(), RecordError> {
        let who = self.who.as_ref().ok_or(RecordError::NotFound)?;
        // One that is not in force any more is in force again.
        let resting = match role {
            Some(_) => None,
            None => match self.asking.read(ROLE, &name_of(&who.id)).await {
                Ok(held) => Some(held.get().tree()?.into_owned()),
                Err(RecordError::NotFound | RecordError::Gone) => None,
                Err(error) => return Err(error),
            },
        };
        let role = role.or(resting.as_ref());
        let mut next = role.cloned().unwrap_or_else(|| new_role(&who.id));
        let id = text(&next, "id").ok_or(RecordError::Damaged)?.to_owned();
        let members = next.as_object_mut().ok_or(RecordError::Damaged)?;
        members.set("active", Json::Bool(true));
        match value.is_empty() {
            true => drop(members.remove(element)),
            false => members.set(element, Json::Array(value)),
        }
        let change = Change {
            method: "PUT",
            url: format!("{ROLE}/{id}"),
            if_match: role.map(read::version),
            is_new: role.is_none(),
            resource: next,
        };
        self.asking.transact(&moves::transaction(vec![change])).await.map(drop)
    }

    /// A role of one's own stands for who one is, and only who keeps the directory says so.
    fn may_begin(&self) -> bool {
        self.roles.is_empty() && !self.is_own
    }

    fn role(&self, id: &str) -> Option<&Json<'static>> {
        self.roles.iter().find(|role| text(role, "id") == Some(id))
    }

    fn now_ms(&self) -> i64 {
        self.asking.record.now_ms()
    }

    /// Times away that are not over.
    fn away(&self) -> Vec<Row> {
        let (now_ms, zone) = (self.now_ms(), self.asked.web.zone());
        away::rows(&self.roles, now_ms, zone)
    }

    fn saved(&self) -> Answer {
        Ok(answer::see(&match &self.who {
            Some(who) if !self.is_own => format!("/times?who={}&saved=yes", who.id),
            _ => "/times?saved=yes".to_owned(),
        }))
    }

    /// As it is now.
    async fn again(&self) -> Result<Self, Refusal> {
        let who = self.who.as_ref().map_or("", |who| &who.id);
        Desk::of(self.asked, self.session, who).await
    }

    async fn shown(&self, said: Said, attempt: Option<Attempt>, typed: Typed) -> Answer {
        let (now_ms, zone) = (self.now_ms(), self.asked.web.zone());
        let is_one = self.roles.len() < 2;
        let is_always = !self.roles.iter().any(Week::is_said);
        let lines = |role: &Json<'static>| {
            let title = words_of(role, "code").or_else(|| words_of(role, "specialty"));
            let title = title.filter(|_| !is_one).unwrap_or_default();
            let id = text(role, "id").unwrap_or_default();
            let lines = Lines::of(id, read::version(role), &Week::of(role), attempt.as_ref());
            Lines { title, is_always, unread: Week::unread(role).len(), ..lines }
        };
        let mut weeks: Vec<Lines> = self.roles.iter().map(lines).collect();
        if self.may_begin() {
            weeks.push(Lines { is_always, ..Lines::of("", 0, &Week::default(), attempt.as_ref()) });
        }
        let mut away = self.away();
        let booked = Booked::of(&self.asking);
        if let Some(who) = self.who.as_ref().filter(|_| booked != Booked::Unseen) {
            away::count_booked(&self.asking, &who.id, &mut away).await?;
        }
        let here = self.people.iter().filter(|one| one.is_active);
        let page = Page {
            frame: Frame::of(self.asked.web),
            shell: Shell::of(self.asked.web, self.session, Place::Elsewhere),
            is_own: self.is_own,
            people: here.map(|one| (one.id.clone(), one.name.clone())).collect(),
            who: self.who.clone(),
            weeks,
            away,
            typed,
            today: Day::of(now_ms, zone).iso(),
            said,
            booked,
        };
        let status = match said {
            Said::Nothing | Said::Saved => StatusCode::OK,
            Said::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
            Said::Stale => StatusCode::CONFLICT,
        };
        Ok(answer::page(status, &page))
    }
}

impl Page<'_> {
    fn is_who(&self, id: &str) -> bool {
        self.who.as_ref().is_some_and(|who| who.id == id)
    }

    /// All that is wrong, with the field that it is of.
    fn slips(&self) -> Vec<(&str, String)> {
        let of_week = { self.weeks.iter() }
            .flat_map(|week| &week.days)
            .filter_map(|day| Some((day.field.as_str(), format!("{}: {}", day.name, day.slip.as_ref()?))));
        let of_away = self.typed.slips.iter().map(|(field, words)| (*field, words.clone()));
        of_week.chain(of_away).collect()
    }
}

impl Lines {
    /// With what was typed into it, if it was this one.
    fn of(id: &str, version: u32, week: &Week, attempt: Option<&Attempt>) -> Self {
        let attempt = attempt.filter(|attempt| attempt.role == id);
        let days = DAYS.iter().zip(week.lines()).enumerate().map(|(at, ((day, name), held))| {
            let typed = attempt.and_then(|attempt| attempt.lines.get(at)).cloned();
            let slip = attempt.and_then(|attempt| attempt.slips.iter().find(|(slip_at, _)| *slip_at == at));
            let differs = typed.as_ref().is_some_and(|typed| *typed != held);
            Line {
                day,
                field: if id.is_empty() { (*day).to_owned() } else { format!("{day}-{id}") },
                name,
                slip: slip.map(|(_, words)| words.clone()),
                now: differs.then(|| if held.is_empty() { "not there".to_owned() } else { held.clone() }),
                text: typed.unwrap_or(held),
            }
        });
        let (title, id) = (String::new(), id.to_owned());
        Self { id, version, title, days: days.collect(), is_always: false, unread: 0 }
    }
}

impl Attempt {
    fn of(form: &Form) -> Self {
        let typed = Typed::read(form, &DAYS.map(|(day, _)| day));
        let lines = DAYS.map(|(day, _)| typed.get(day).to_owned());
        Self { role: form.text("role").to_owned(), lines, slips: Vec::new() }
    }
}

/// The roles of one person that say where they work and when.
async fn roles(asking: &Asking<'_>, who: &str) -> Result<Vec<Json<'static>>, Refusal> {
    let who = format!("Practitioner/{who}");
    let sheet = asking.search(ROLE, &[("practitioner", &who), ("active", "true"), ("_count", ROLES_MAX)]).await?;
    let mut roles = sheet.owned();
    roles.retain(|role| !ties::is_tie(role));
    roles.sort_by(|a, b| text(a, "id").cmp(&text(b, "id")));
    Ok(roles)
}

/// One for each person, so that two who begin it make one.
fn name_of(who: &str) -> String {
    format!("times.{}", task::short(who))
}

fn new_role(who: &str) -> Json<'static> {
    object([
        ("resourceType", Json::string(ROLE)),
        ("id", Json::string(name_of(who))),
        ("practitioner", object([("reference", Json::string(format!("Practitioner/{who}")))])),
    ])
}
