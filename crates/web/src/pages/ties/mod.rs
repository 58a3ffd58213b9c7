//! Who treats along with whom: a page for each kind of tie, where one is named and ended. Who is somebody of the directory speaks for
//! themselves, an administrator for everybody.

pub mod colleagues;
pub mod cover;

use http::StatusCode;
use identity::Session;
use jiff::tz::TimeZone;

use super::Answer;
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::Day;
use crate::clinic::ties::{self, Colleague, Kept, Kind, Tie};
use crate::clinic::typed::Typed;
use crate::refusal::Refusal;

/// A kind of tie on its page.
trait Desk {
    const KIND: &'static Kind;
    /// Fields of its form; `whose` and `by` are two of them.
    const FIELDS: &'static [&'static str];
    /// The page, when something was saved.
    const SAVED: &'static str;
    /// Whether each has a first and a last day.
    const IS_BOUNDED: bool;

    /// What a form asks for; what is wrong with it is said in the form.
    fn weigh(typed: &mut Typed, people: &[Colleague], now_ms: i64, zone: &TimeZone) -> Option<Tie>;

    /// Whether the two cannot both hold.
    fn clash(held: &Tie, asked: &Tie) -> bool;

    /// Whether this is what was asked for: the form was sent twice.
    fn is_done(held: &Tie, asked: &Tie, now_ms: i64) -> bool;

    /// Field, and what is said of one that stands in the way; `by` is the name of who it is.
    fn in_the_way(held: &Tie, by: &str, zone: &TimeZone) -> (&'static str, String);

    fn page(view: View<'_>) -> Answer;
}

/// What a page shows.
struct View<'a> {
    asked: &'a Asked<'a>,
    session: &'a Session,
    /// One's own; none for an administrator, who says whose patients they are.
    own: Option<String>,
    people: Vec<Colleague>,
    /// All that is not over.
    held: Vec<Tie>,
    /// Whether there is more than was looked at.
    is_cut: bool,
    typed: Typed,
    said: Said,
}

/// Why a page is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Saved,
    /// Something in the form is to be set right.
    Wrong,
    /// It would not go with what holds.
    InTheWay,
    /// Somebody else changed it first.
    Stale,
}

impl View<'_> {
    fn person(&self, id: &str) -> Option<&Colleague> {
        self.people.iter().find(|one| one.id == id)
    }

    fn name(&self, id: &str) -> String {
        self.person(id).map_or("Somebody", |one| &one.name).to_owned()
    }

    /// Who can be chosen, by id and name.
    fn choices(&self) -> Vec<(String, String)> {
        let here = self.people.iter().filter(|one| one.is_active);
        here.map(|one| (one.id.clone(), one.name.clone())).collect()
    }

    fn status(&self) -> StatusCode {
        match self.said {
            Said::Nothing | Said::Saved => StatusCode::OK,
            Said::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
            Said::InTheWay | Said::Stale => StatusCode::CONFLICT,
        }
    }
}

fn is_here(people: &[Colleague], id: &str) -> bool {
    people.iter().any(|one| one.id == id && one.is_active)
}

fn asking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().ok_or(Refusal::NotFound)?;
    let asking = Asking { record: asked.web.record(), caller };
    if ties::keeps(&asking) { Ok(asking) } else { Err(Refusal::NotFound) }
}

async fn page<D: Desk>(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let said = if asked.parts.uri.query() == Some("saved=yes") { Said::Saved } else { Said::Nothing };
    shown::<D>(asked, &session, &asking, None, said).await
}

async fn save<D: Desk>(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let mut typed = Typed::read(&form, D::FIELDS);
    if own.is_some_and(|own| !typed.is("whose", &own)) {
        return Err(Refusal::NotYours);
    }
    let (now_ms, zone) = (asking.record.now_ms(), asked.web.zone());
    let (held, _) = held::<D>(&asking).await?;
    if form.text("act") == "end" {
        let version = form.version()?;
        let mut of_form = held.into_iter().filter(|tie| tie.id == form.text("id") && typed.is("whose", &tie.whose));
        // What is not there any more has ended.
        let Some(mut tie) = of_form.next() else { return Ok(answer::see(D::SAVED)) };
        if tie.version != version {
            return shown::<D>(asked, &session, &asking, None, Said::Stale).await;
        }
        tie.end(now_ms);
        return kept::<D>(asked, &session, &asking, &tie, None).await;
    }
    let people = ties::colleagues(&asking).await?;
    let Some(mut tie) = D::weigh(&mut typed, &people, now_ms, zone) else {
        return shown::<D>(asked, &session, &asking, Some(typed), Said::Wrong).await;
    };
    if let Some(before) = held.iter().find(|held| D::clash(held, &tie)) {
        if D::is_done(before, &tie, now_ms) {
            return Ok(answer::see(D::SAVED));
        }
        let by = people.iter().find(|one| one.id == before.by).map_or("Somebody", |one| &one.name);
        let (field, words) = D::in_the_way(before, by, zone);
        typed.slip(field, words);
        return shown::<D>(asked, &session, &asking, Some(typed), Said::InTheWay).await;
    }
    tie.version = ties::version_of(&asking, &tie.id).await?;
    kept::<D>(asked, &session, &asking, &tie, Some(typed)).await
}

async fn kept<D: Desk>(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    tie: &Tie,
    typed: Option<Typed>,
) -> Answer {
    match ties::keep(asking, D::KIND, tie).await? {
        Kept::Saved => Ok(answer::see(D::SAVED)),
        Kept::Overtaken => shown::<D>(asked, session, asking, typed, Said::Stale).await,
    }
}

/// All that is not over, and whether there is more than was looked at.
async fn held<D: Desk>(asking: &Asking<'_>) -> Result<(Vec<Tie>, bool), Refusal> {
    let (dated, mut found) = ties::held(asking, D::KIND).await?;
    let mut is_cut = dated.next().is_some();
    if D::IS_BOUNDED {
        found.retain(Tie::is_bounded);
    } else {
        let (timeless, more) = ties::timeless(asking, D::KIND).await?;
        is_cut |= timeless.next().is_some();
        found.extend(more);
    }
    let now_ms = asking.record.now_ms();
    found.retain(|tie| tie.until_ms > now_ms);
    Ok((found, is_cut))
}

async fn shown<D: Desk>(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    typed: Option<Typed>,
    said: Said,
) -> Answer {
    let own = asking.record.own_practitioner(asking.caller).await?;
    let people = ties::colleagues(asking).await?;
    let (held, is_cut) = held::<D>(asking).await?;
    let typed = typed.unwrap_or_else(|| Typed::of([("whose", own.clone().unwrap_or_default())]));
    D::page(View { asked, session, own, people, held, is_cut, typed, said })
}

/// The first day, and the last, of one that has it.
fn days(tie: &Tie, zone: &TimeZone) -> (Option<String>, Option<String>) {
    let from = (tie.from_ms != i64::MIN).then(|| Day::of(tie.from_ms, zone).short());
    (from, tie.ends_ms().map(|ms| Day::of(ms - 1, zone).short()))
}
