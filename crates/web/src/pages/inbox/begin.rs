//! Beginning something about a patient: a task that belongs to no result, or a message to a colleague or to the team. It has an owner, and
//! it is there once however often its form is sent.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;

use super::item::WORDS_CHARS_MAX;
use super::{Answer, asking};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, WORK_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::hands::{self, Given, people};
use crate::clinic::head::Head;
use crate::clinic::moves::{self, Change, object};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task::{self, annotation, concept, identifier, refer};
use crate::clinic::{time, token};
use crate::forms::Form;
use crate::pages::results::says_what_it_said;
use crate::refusal::Refusal;

const SUBJECT_CHARS_MAX: usize = 300;
/// As the form says it: nobody is the team's by having been forgotten.
const TEAM: &str = "team";
const MESSAGE: &str = "message";

#[derive(Template)]
#[template(path = "inbox_begin.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    once: &'static Asset,
    banner: Banner,
    draft: &'a Draft,
    people: Vec<(String, String)>,
    may_write: bool,
    today: String,
    chars_max: (usize, usize),
    part2_notice: Option<&'static str>,
}

/// What is typed, as it was typed.
#[derive(Default)]
struct Draft {
    token: String,
    kind: String,
    owner: String,
    subject: String,
    words: String,
    due: String,
    /// The form made something else before.
    is_resent: bool,
    slips: Vec<(&'static str, &'static str)>,
}

/// About whom, by whom, when.
struct Of<'a> {
    patient: &'a str,
    own: &'a str,
    now: &'a str,
}

impl Draft {
    fn read(form: &Form) -> Self {
        let field = |name: &str| form.text(name).replace("\r\n", "\n").trim().to_owned();
        Self {
            token: field("token"),
            kind: field("kind"),
            owner: field("owner"),
            subject: field("subject"),
            words: field("words"),
            due: field("due"),
            is_resent: false,
            slips: Vec::new(),
        }
    }

    fn is_message(&self) -> bool {
        self.kind == MESSAGE
    }

    fn slip(&self, field: &str) -> Option<&str> {
        self.slips.iter().find(|(name, _)| *name == field).map(|(_, words)| *words)
    }

    /// The last day by which it is due, if one was typed.
    fn weigh(
        &mut self,
        able: &[(String, String)],
        anybody: &[(String, String)],
        now_ms: i64,
        zone: &jiff::tz::TimeZone,
    ) -> Option<Day> {
        let has = |people: &[(String, String)], id: &str| people.iter().any(|(held, _)| held == id);
        if self.owner.is_empty() {
            self.slips.push(("owner", "Say whose it is: somebody, or the team."));
        } else if self.owner != TEAM && !has(able, &self.owner) {
            self.slips.push(match has(anybody, &self.owner) {
                true => ("owner", "They read no messages here. Make it a task, or choose somebody else."),
                false => ("owner", "Choose whose it is from the list."),
            });
        }
        if self.subject.is_empty() {
            self.slips.push(("subject", "Say in a few words what it is about."));
        } else if self.subject.chars().count() > SUBJECT_CHARS_MAX {
            self.slips.push(("subject", "The subject is too long."));
        }
        if self.is_message() && self.words.is_empty() {
            self.slips.push(("words", "Write the message."));
        } else if self.words.chars().count() > WORDS_CHARS_MAX {
            self.slips.push(("words", "The text is too long."));
        }
        if self.due.is_empty() {
            return None;
        }
        if self.is_message() {
            self.slips.push(("due", "A message is not due. Make it a task, or leave the day out."));
            return None;
        }
        let due = Day::parse(&self.due, zone).or_else(|| Day::parse(&time::typed(&self.due)?, zone));
        match due {
            None => self.slips.push(("due", "Write the day such as 14-Jul-2027, or leave it out.")),
            Some(due) if due.date() < Day::of(now_ms, zone).date() => {
                self.slips.push(("due", "The day by which it is due is over."));
            }
            Some(due) => return Some(due),
        }
        None
    }
}

/// For who is led there from the inbox or the chart.
pub fn may_begin(asking: &Asking<'_>) -> bool {
    task::may_act(asking)
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = begun(asked, &session)?;
    asking.record.own_practitioner(asking.caller).await?.ok_or(Refusal::NotYours)?;
    let draft = Draft { token: token::fresh(asked), ..Draft::default() };
    shown(asked, &session, &asking, &draft, StatusCode::OK).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = begun(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?.ok_or(Refusal::NotYours)?;
    let mut draft = Draft::read(&form);
    if token::parse(&draft.token).is_none() {
        return Err(Refusal::Invalid("the form did not say which one it is"));
    }
    let patient = asked.ids[0];
    // Of a patient whom the caller may see.
    asking.read("Patient", patient).await?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let what = if draft.is_message() { hands::Asked::Message } else { hands::Asked::Task };
    let anybody = offered(asked, &asking, Some(&own), hands::Asked::Task).await?;
    let able = offered(asked, &asking, Some(&own), what).await?;
    let due = draft.weigh(&able, &anybody, now_ms, zone);
    if !draft.slips.is_empty() {
        return shown(asked, &session, &asking, &draft, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let of = Of { patient, own: &own, now: &day::instant(now_ms) };
    let change = if draft.is_message() { message(&of, &draft) } else { bare_task(&of, &draft, due.as_ref()) };
    let said = [(change.url.clone(), change.resource.clone())];
    let done = || {
        Ok(answer::see(&format!(
            "/inbox?done={}",
            if said[0].0.starts_with("Task") { "begun-task" } else { "begun-message" }
        )))
    };
    match asking.transact(&moves::transaction(vec![change])).await {
        Ok(_) => done(),
        Err(error) if error.is_overtaken() => {
            // This form was sent before, with the same words or with others.
            if says_what_it_said(&asking, &draft.token, &said).await? {
                return done();
            }
            draft.token = token::fresh(asked);
            draft.is_resent = true;
            shown(asked, &session, &asking, &draft, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Nobody else learns that there is such a page.
fn begun<'a>(asked: &Asked<'a>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_begin(&asking) { Ok(asking) } else { Err(Refusal::NotFound) }
}

async fn offered(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    own: Option<&str>,
    what: hands::Asked,
) -> Result<Vec<(String, String)>, Refusal> {
    let given = Given { what, like: None, asked_by: None };
    people(asked.web, asking, asked.ids[0], own, &given).await
}

async fn shown(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, draft: &Draft, status: StatusCode) -> Answer {
    let patient = asked.ids[0];
    let Some(head) = Head::of(asked.web, session, asking, patient, ("Task", false)).await? else {
        return Ok(answer::see(&format!("/patients/{patient}")));
    };
    let own = asking.record.own_practitioner(asking.caller).await?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Inbox),
        style: &WORK_CSS,
        once: &ONCE,
        people: offered(asked, asking, own.as_deref(), hands::Asked::Task).await?,
        banner: head.banner,
        draft,
        may_write: asking.may_ever(access::Action::Create, "Communication"),
        today: Day::of(asking.record.now_ms(), asked.web.zone()).iso(),
        chars_max: (SUBJECT_CHARS_MAX, WORDS_CHARS_MAX),
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
    };
    Ok(answer::page(status, &page))
}

fn words(words: &str) -> Json<'static> {
    Json::string(words.to_owned())
}

fn new(kind: &'static str, id: String, members: Vec<(&'static str, Json<'static>)>) -> Change {
    let head = [("resourceType", Json::string(kind)), ("id", Json::string(id.clone()))];
    let resource = object(head.into_iter().chain(members));
    Change { method: "PUT", url: format!("{kind}/{id}"), if_match: None, is_new: true, resource }
}

fn bare_task(of: &Of<'_>, draft: &Draft, due: Option<&Day>) -> Change {
    let mut members = vec![
        ("identifier", identifier(token::FORM_SYSTEM, &draft.token)),
        ("status", Json::string("requested")),
        ("intent", Json::string("order")),
        ("priority", Json::string("routine")),
        ("code", concept(task::BARE)),
        ("description", words(&draft.subject)),
        ("for", refer("Patient", of.patient)),
        ("authoredOn", words(of.now)),
        ("lastModified", words(of.now)),
        ("requester", refer("Practitioner", of.own)),
    ];
    if draft.owner != TEAM {
        members.push(("owner", refer("Practitioner", &draft.owner)));
    }
    if !draft.words.is_empty() {
        members.push(("note", Json::Array(vec![annotation(of.own, of.now, &draft.words)])));
    }
    if let Some(due) = due {
        let until = object([("end", words(&day::instant(due.ends_ms() - 1)))]);
        members.push(("restriction", object([("period", until)])));
    }
    new("Task", format!("do.{}", draft.token), members)
}

/// What names nobody waits for the team.
fn message(of: &Of<'_>, draft: &Draft) -> Change {
    let mut members = vec![
        ("status", Json::string("completed")),
        ("topic", object([("text", words(&draft.subject))])),
        ("subject", refer("Patient", of.patient)),
        ("sent", words(of.now)),
        ("sender", refer("Practitioner", of.own)),
        ("payload", Json::Array(vec![object([("contentString", words(&draft.words))])])),
    ];
    if draft.owner != TEAM {
        members.push(("recipient", Json::Array(vec![refer("Practitioner", &draft.owner)])));
    }
    new("Communication", format!("msg.{}", draft.token), members)
}
