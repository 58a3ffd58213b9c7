//! Acts on one prescription: a draft is changed (`save`), signed or discarded; what was signed is ended. Each from the version that was
//! seen.

use fhir::Json;
use http::StatusCode;
use serde_json::json;

use super::check::{self, REASONS};
use super::doubts::Doubts;
use super::{Answer, Draft, Held, Shown, asking, may_prescribe, save, shown, standing};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::read::text;
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::closed;
use crate::refusal::Refusal;

/// Letters of a reason, so that it says something.
const WHY_CHARS_MIN: usize = 5;
const OVERTAKEN: &str =
    "This prescription was changed meanwhile. Nothing was done. It is shown as it is now: look again.";
const UNLOOKED: &str = "Not signed: the program knows no ingredient in this name, and a severe allergy is listed. Look at the allergies, and tick that you did.";

pub async fn act(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !may_prescribe(&asking) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking, asked.ids[1]).await? else { return Ok(closed(asked)) };
    let mut one = held.one.clone().ok_or(Refusal::Defect)?;
    let author = Author::of(asked, &asking).await?;
    let seen = form.version()?;
    let status = text(&one, "status").unwrap_or_default().to_owned();
    let act = form.text("act");
    let here = format!("/patients/{}/prescriptions/{}", asked.ids[0], asked.ids[1]);
    let is_seen = seen == deed::version_of(&one);
    // Sent twice: what was wanted is so already.
    if goal(act) == Some(status.as_str()) {
        return Ok(answer::see(&here));
    }
    if act == "save" {
        return save::save(asked, &session, &asking, held, &form, &author).await;
    }
    if !is_seen {
        return standing(asked, &session, &asking, held, &one, Some(OVERTAKEN), StatusCode::CONFLICT).await;
    }
    match (act, status.as_str()) {
        ("sign", "draft") => return sign(asked, &session, &asking, held, one, &form, &author).await,
        ("discard", "draft") => deed::set(&mut one, "status", json!("cancelled")),
        ("end" | "mistake", "active" | "on-hold") => {
            let why = form.text("why").trim();
            if why.chars().count() < WHY_CHARS_MIN {
                let words = "Nothing was changed: say in a few words why the prescription ends.";
                return standing(asked, &session, &asking, held, &one, Some(words), StatusCode::UNPROCESSABLE_ENTITY)
                    .await;
            }
            deed::set(&mut one, "status", json!(if act == "end" { "stopped" } else { "entered-in-error" }));
            deed::set(&mut one, "statusReason", json!({ "text": why }));
        }
        _ => return standing(asked, &session, &asking, held, &one, Some(OVERTAKEN), StatusCode::CONFLICT).await,
    }
    let mut deed = Deed::default();
    deed.update(one.clone())?;
    match (deed.commit(&asking).await?, act) {
        (Done::Saved, "discard") => Ok(deed::to(asked, "medicines", "cancelled")),
        (Done::Saved, "end" | "mistake") => Ok(deed::to(asked, "medicines", "stopped")),
        (Done::Saved, _) => Ok(answer::see(&here)),
        (Done::Overtaken, _) => overtaken(asked, &session, &asking, act).await,
    }
}

/// What an act leads to: who asks for what is so already has what they want.
fn goal(act: &str) -> Option<&'static str> {
    match act {
        "sign" => Some("active"),
        "discard" => Some("cancelled"),
        "end" => Some("stopped"),
        "mistake" => Some("entered-in-error"),
        _ => None,
    }
}

async fn overtaken(asked: &Asked<'_>, session: &identity::Session, asking: &Asking<'_>, act: &str) -> Answer {
    let Some(held) = Held::of(asked, session, asking, asked.ids[1]).await? else { return Ok(closed(asked)) };
    let one = held.one.clone().ok_or(Refusal::Defect)?;
    // Pressed twice: the first did it.
    if goal(act).is_some_and(|goal| text(&one, "status") == Some(goal)) {
        return Ok(answer::see(&format!("/patients/{}/prescriptions/{}", asked.ids[0], asked.ids[1])));
    }
    standing(asked, session, asking, held, &one, Some(OVERTAKEN), StatusCode::CONFLICT).await
}

/// Signed if nothing speaks against it, or for a reason that is kept. It asks once.
async fn sign(
    asked: &Asked<'_>,
    session: &identity::Session,
    asking: &Asking<'_>,
    held: Held,
    mut one: Json<'static>,
    form: &Form,
    author: &Author,
) -> Answer {
    let sheet = super::sheet::of(asked, asking, &one, &held.head).await?;
    let check = check::of(asking, asked.ids[0], &sheet.medicine).await?;
    let (reason, why) = (form.text("reason").to_owned(), form.text("why").trim().to_owned());
    let is_known = REASONS.iter().any(|(code, _)| *code == reason);
    let is_answered = form.text("asked") == check.asked_about() && is_known && why.chars().count() >= WHY_CHARS_MIN;
    let is_stopped = check.interrupts() && !is_answered;
    let is_looked = form.text("looked") == "yes" && form.text("beside") == check.looked_at();
    if is_stopped || check.wants_a_look() && !is_looked {
        let is_first = form.text("asked") != check.asked_about();
        let draft = Draft {
            version: deed::version_of(&one),
            sheet,
            doubts: Doubts::of(asking, asked.ids[0], &one).await?,
            is_interrupted: check.interrupts(),
            is_looked,
            slip: match (is_stopped, is_first) {
                (true, true) => None,
                (true, false) => Some("Choose a reason and say it in a few words: both are kept and reviewed."),
                (false, _) => Some(UNLOOKED),
            },
            reason,
            why,
            trouble: (!check.interrupts()).then_some(UNLOOKED),
            check,
        };
        return shown(asked, session, asking, held, Shown::Draft(Box::new(draft)), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut deed = Deed::default();
    let token = format!("{}{}", deed::version_of(&one), asked.ids[1]);
    let mut issues = Vec::new();
    for (number, met) in check.interrupting().enumerate() {
        let mut issue = check::issue(met, asked.ids[0], (asked.ids[1], &sheet.medicine), (&reason, &why), author);
        let url = token::full_url(&token::fresh(asked), number);
        issue["identifier"] = deed::identifier(&token, &format!("issue-{number}"));
        deed.create(
            "DetectedIssue",
            deed::condition(&token, &format!("issue-{number}"), asked.ids[0]),
            Some(url.clone()),
            issue,
        );
        issues.push(json!({ "reference": url }));
    }
    deed::set(&mut one, "status", json!("active"));
    deed::set(&mut one, "authoredOn", json!(author.now));
    if let Some(signer) = author.reference() {
        deed::set(&mut one, "requester", signer);
    }
    if !issues.is_empty() {
        deed::set(&mut one, "detectedIssue", json!(issues));
    }
    deed.update(one)?;
    match deed.commit(asking).await? {
        Done::Saved => Ok(answer::see(&format!("/patients/{}/prescriptions/{}?signed", asked.ids[0], asked.ids[1]))),
        Done::Overtaken => overtaken(asked, session, asking, "sign").await,
    }
}
