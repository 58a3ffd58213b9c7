//! One order: what is ordered and why, how it stands, what came back, and what can still be done with it.

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use jiff::tz::TimeZone;
use record::{PART2_NOTICE, RecordError};

use super::compose::{Choices, attached, notes};
use super::entry::{Entry, LINE_CHARS_MAX, TEXT_CHARS_MAX};
use super::reasons::Reasons;
use super::sign::entry as change_of;
use super::{ABOUT, Line, address, asking, behind, closed, lines, may_order};
use crate::answer;
use crate::assets::{Asset, Frame, ORDERS_CSS};
use crate::client::Asked;
use crate::clinic::addenda;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::head::Head;
use crate::clinic::moves::object;
use crate::clinic::names::Names;
use crate::clinic::orders::State;
use crate::clinic::orders::catalogue::{Priority, SPECIALTIES, Specialty, specialty};
use crate::clinic::orders::write::{ended, ended_because, followed, list};
use crate::clinic::read::{LOINC, all, code, reference, text, words, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::value::{self, Flag, Value};
use crate::forms::Form;
use crate::pages::Answer;
use crate::refusal::Refusal;

/// A reason has to say something.
const WHY_CHARS_MIN: usize = 3;
const WHY_CHARS_MAX: usize = 200;
const RESULTS_MAX: &str = "100";

#[derive(Template)]
#[template(path = "order.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    banner: Banner,
    line: Line,
    results: Vec<Reading>,
    attached: Vec<(String, String)>,
    specialty: Option<&'static Specialty>,
    /// A draft, as a form.
    entry: Option<Entry>,
    choices: Choices,
    specialties: &'static [Specialty],
    /// Why it ended, where no task says so.
    ended: Option<String>,
    may_cancel: bool,
    may_close: bool,
    error: Option<&'static str>,
    why: &'a str,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// One result that answers the order.
struct Reading {
    name: String,
    value: Value,
    flag: Option<Flag>,
    range: String,
    when: String,
}

/// What is held of one order.
struct Held {
    head: Head,
    line: Line,
    order: Json<'static>,
    task: Option<Json<'static>>,
    results: Vec<Reading>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
    shown(asked, &session, &asking, held, None, None, "", StatusCode::OK).await
}

pub async fn change(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let Some(held) = held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
    match form.text("act") {
        "change" => changed(asked, &session, &asking, held, &form).await,
        "discard" => discarded(asked, &session, &asking, held, &form).await,
        "cancel" => ends(asked, &session, &asking, held, &form, End::Cancel).await,
        "close" => ends(asked, &session, &asking, held, &form, End::Close).await,
        "seen" => ends(asked, &session, &asking, held, &form, End::Seen).await,
        _ => Err(Refusal::Invalid("the page did not say what to do")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Cancel,
    /// Without an answer.
    Close,
    /// The answer was seen.
    Seen,
}

const STALE: &str = "This order changed after you looked. Nothing was saved. What you typed is still here; look again.";

const ENDED: &str = "It was ended before you, for another reason. Yours was not kept; it is still here.";

/// A draft with other words.
async fn changed(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, held: Held, form: &Form) -> Answer {
    if !may_order(asking) {
        return Err(Refusal::NotYours);
    }
    let seen = form.version()?;
    let mut entry = Entry { slips: Vec::new(), ..Entry::read(asked, form, held.line.order.is_referral()) };
    let reasons = Reasons::of(asking, asked.ids[0], Some(&held.order)).await?;
    entry.other_kind = held.line.order.kind.unwrap_or(entry.other_kind);
    if entry.other.trim().is_empty() {
        entry.other = held.line.order.name.clone();
    }
    entry.weigh(&reasons, asking.record.now_ms(), asked.web.zone());
    if !entry.slips.is_empty() {
        return shown(asked, session, asking, held, Some(entry), None, "", StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    if held.line.state != State::Draft || held.line.order.version != seen {
        return shown(asked, session, asking, held, Some(entry), Some(STALE), "", StatusCode::CONFLICT).await;
    }
    let notes = if entry.is_referral { notes(asked, asking, asked.ids[0]).await? } else { Vec::new() };
    let choices = Choices { problems: reasons.listed(), diagnoses: reasons.of_visit(), notes };
    let attached = attached(&entry, &choices);
    let mut order = held.order.clone();
    let Some((_, mut wish)) = entry.wishes(&reasons, &attached).pop() else { return Err(Refusal::Defect) };
    let held_code = order.get("code").map(|code| code.clone().into_owned());
    if let Some(members) = order.as_object_mut() {
        wish.name = if entry.is_referral { wish.name } else { held.line.order.name.clone() };
        wish.put(members);
        // What is ordered stays as it was drafted, with its code; another test is another draft.
        if let Some(code) = held_code.filter(|_| !entry.is_referral) {
            members.set("code", code);
        }
    }
    let url = format!("ServiceRequest/{}", held.line.order.id);
    let change = change_of("PUT", url, Some(("ifMatch", format!("W/\"{seen}\""))), order);
    match committed(asking, vec![change]).await {
        Ok(()) => Ok(answer::see(&address(asked.ids[0], "added"))),
        Err(error) if error.is_overtaken() => {
            shown(asked, session, asking, held, Some(entry), Some(STALE), "", StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// A draft that nobody will sign is no order: it goes, and its history stays.
async fn discarded(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, held: Held, form: &Form) -> Answer {
    let seen = form.version()?;
    if held.line.state != State::Draft || held.line.order.version != seen {
        return shown(asked, session, asking, held, None, Some(STALE), "", StatusCode::CONFLICT).await;
    }
    let mut order = held.order.clone();
    ended(&mut order, "entered-in-error", "Draft discarded before it was signed");
    let url = format!("ServiceRequest/{}", held.line.order.id);
    let change = change_of("PUT", url, Some(("ifMatch", format!("W/\"{seen}\""))), order);
    match committed(asking, vec![change]).await {
        Ok(()) => Ok(answer::see(&address(asked.ids[0], "discarded"))),
        Err(error) if error.is_overtaken() => {
            shown(asked, session, asking, held, None, Some(STALE), "", StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// An order that is cancelled, closed or seen: the order and the Task behind it together, each from the version that was shown.
async fn ends(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, held: Held, form: &Form, end: End) -> Answer {
    let why = form.text("why").trim();
    let (seen, task_seen) = (form.version()?, form.text("task-version").parse::<u32>().unwrap_or(0));
    let goal = match end {
        End::Cancel => State::Cancelled,
        End::Close => State::Closed,
        End::Seen => State::Done,
    };
    let done = if end == End::Cancel { "cancelled" } else { "closed" };
    if held.line.state == goal {
        // Two may end it for different reasons. One is kept, and who said the other is told.
        let of_task = held.line.follow.as_ref().map(|follow| follow.why.clone());
        let kept = of_task.filter(|why| !why.is_empty()).or_else(|| ended_because(&held.order));
        if end == End::Seen || why.is_empty() || kept.is_some_and(|kept| kept == why) {
            return Ok(answer::see(&address(asked.ids[0], done)));
        }
        return shown(asked, session, asking, held, None, Some(ENDED), why, StatusCode::CONFLICT).await;
    }
    let letters = why.chars().filter(|letter| letter.is_alphanumeric()).count();
    if end != End::Seen && (letters < WHY_CHARS_MIN || why.chars().count() > WHY_CHARS_MAX) {
        let error = Some("Say why, in a few words. Nothing was changed.");
        return shown(asked, session, asking, held, None, error, why, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let held_task = held.line.follow.as_ref().map_or(0, |follow| follow.version);
    let is_stale = held.line.order.version != seen || held_task != task_seen || !held.line.state.is_open();
    if is_stale || (end == End::Seen && held.line.answered.is_empty()) {
        return shown(asked, session, asking, held, None, Some(STALE), why, StatusCode::CONFLICT).await;
    }
    let now = day::instant(asking.record.now_ms());
    let mut changes = Vec::new();
    if may_cancel(asking) {
        let mut order = held.order.clone();
        ended(&mut order, if end == End::Cancel { "revoked" } else { "completed" }, why);
        let url = format!("ServiceRequest/{}", held.line.order.id);
        changes.push(change_of("PUT", url, Some(("ifMatch", format!("W/\"{seen}\""))), order));
    }
    if let (Some(task), Some(follow)) = (&held.task, &held.line.follow) {
        let mut task = task.clone();
        let status = if end == End::Seen { "completed" } else { "cancelled" };
        let answer = held.line.answered.first().map(|one| (one.kind, one.id.as_str())).filter(|_| end == End::Seen);
        followed(&mut task, status, why, answer, &now);
        changes.push(change_of(
            "PUT",
            format!("Task/{}", follow.id),
            Some(("ifMatch", format!("W/\"{task_seen}\""))),
            task,
        ));
    }
    if changes.is_empty() || (end == End::Cancel && !may_cancel(asking)) {
        return Err(Refusal::NotYours);
    }
    match committed(asking, changes).await {
        Ok(()) => Ok(answer::see(&address(asked.ids[0], done))),
        Err(error) if error.is_overtaken() => {
            shown(asked, session, asking, held, None, Some(STALE), why, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn committed(asking: &Asking<'_>, changes: Vec<Json<'static>>) -> Result<(), RecordError> {
    let bundle = object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", list(changes)),
    ]);
    asking.transact(&bundle.to_vec()).await.map(drop)
}

fn may_cancel(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Update, "ServiceRequest")
}

async fn held(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Held>, Refusal> {
    if !asking.ever("ServiceRequest") {
        return Err(Refusal::NotYours);
    }
    let [patient_id, order_id] = asked.ids;
    let Some(mut head) = Head::of(asked.web, session, asking, patient_id, ABOUT).await? else { return Ok(None) };
    let found = asking.search("ServiceRequest", &[("patient", patient_id), ("_id", order_id)]).await?;
    let (follows, answered) = behind(asking, patient_id, &found).await?;
    let related = format!("ServiceRequest/{order_id}");
    let pairs = [("patient", patient_id), ("based-on", &*related), ("_sort", "-date"), ("_count", RESULTS_MAX)];
    let observed = asking.search_if_ever("Observation", &pairs).await?;
    head.is_part2 |= found.is_part2() || observed.is_part2() || answered.iter().any(Sheet::is_part2);
    let names = Names::of(asking, &[], [&found, &follows].into_iter()).await?;
    let today = Day::of(asking.record.now_ms(), asked.web.zone());
    let (orders, tasks) = (found.resources(), follows.resources());
    let line = lines(&orders, &tasks, &answered, &names, &today).pop().ok_or(RecordError::NotFound)?;
    let order = orders.into_iter().next().ok_or(RecordError::NotFound)?.into_owned();
    let task = line
        .follow
        .as_ref()
        .and_then(|follow| tasks.into_iter().find(|task| text(task, "id") == Some(&follow.id)).map(Json::into_owned));
    let seen = observed.resources();
    let results =
        seen.iter().filter(|one| !value::is_void(one)).map(|one| Reading::of(one, asked.web.zone())).collect();
    Ok(Some(Held { head, line, order, task, results }))
}

impl Reading {
    fn of(one: &Json<'_>, zone: &TimeZone) -> Self {
        let named = one.get("code");
        let when = text(one, "effectiveDateTime").or_else(|| text(one, "issued"));
        Self {
            name: named
                .and_then(words)
                .or_else(|| code(named?, LOINC).map(str::to_owned))
                .unwrap_or_else(|| "Result without a name".to_owned()),
            value: value::of(one),
            flag: value::flag(one),
            range: value::range(one),
            when: when.map(|when| day::day_of(when, zone)).unwrap_or_default(),
        }
    }

    fn said(&self) -> String {
        value::whole(&self.value)
    }
}

#[expect(clippy::too_many_arguments, reason = "a page and how it came to be")]
async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    entry: Option<Entry>,
    error: Option<&'static str>,
    why: &str,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    let Held { head, line, order, results, .. } = held;
    let patient_id = asked.ids[0];
    let is_form = line.state == State::Draft && may_order(asking);
    let entry = entry.or_else(|| is_form.then(|| Entry::of(&line.order, &order)));
    let choices = match &entry {
        Some(entry) => {
            let reasons = Reasons::of(asking, patient_id, Some(&order)).await?;
            let notes = if entry.is_referral { notes(asked, asking, patient_id).await? } else { Vec::new() };
            Choices { problems: reasons.listed(), diagnoses: reasons.of_visit(), notes }
        }
        None => Choices { problems: Vec::new(), diagnoses: Vec::new(), notes: Vec::new() },
    };
    let attached = attached_names(asking, patient_id, &order, asked.web.zone()).await?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        style: &ORDERS_CSS,
        banner: head.banner,
        specialty: specialty(&line.order.specialty),
        results,
        attached,
        entry,
        choices,
        specialties: &SPECIALTIES,
        ended: ended_because(&order).filter(|_| line.state != State::Draft),
        may_cancel: may_cancel(asking) && line.state.is_open(),
        may_close: asking.may_ever(Action::Update, "Task")
            && line.state.is_open()
            && (line.follow.is_some() || may_cancel(asking)),
        line,
        error,
        why,
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}

/// What goes along with a referral: ids and names of those that are open to who looks.
pub async fn attached_names(
    asking: &Asking<'_>,
    patient_id: &str,
    order: &Json<'_>,
    zone: &TimeZone,
) -> Result<Vec<(String, String)>, Refusal> {
    let ids = all(order, "supportingInfo").iter().filter_map(reference);
    let ids: Vec<&str> = ids.filter(|(kind, _)| *kind == "DocumentReference").map(|(_, id)| id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let elements = "type,description,date,status,relatesTo";
    let pairs = [("patient", patient_id), ("_id", &*ids.join(",")), ("_count", "50"), ("_elements", elements)];
    let sheet = asking.search_if_ever("DocumentReference", &pairs).await?;
    let named = |one: &Json<'_>| {
        let title = text(one, "description").map(str::to_owned);
        let title = title.or_else(|| words_of(one, "type")).unwrap_or_else(|| "Document".to_owned());
        let title = addenda::titled(one, title);
        let day = text(one, "date").map(|date| day::day_of(date, zone)).unwrap_or_default();
        Some((text(one, "id")?.to_owned(), format!("{title}, {day}")))
    };
    Ok(sheet.resources().iter().filter_map(named).collect())
}
