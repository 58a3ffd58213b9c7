//! Signing: who signs types two identifiers of the patient again; then all drafts that were ticked become orders in one transaction,
//! each with a Task that stands open until it is answered.

use fhir::Json;
use http::StatusCode;
use record::{RecordError, ResourceKey};

use super::entry::ORDERS_MAX;
use super::{Held, Signing, State, address, asking, closed, held, may_order, shown};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::{self, Day};
use crate::clinic::moves::object;
use crate::clinic::orders::catalogue::{Kind, Priority};
use crate::clinic::orders::confirm::{self, Identifier};
use crate::clinic::orders::write::{FOLLOW_SYSTEM, Of, follow, list, provenance, signed};
use crate::clinic::orders::{Order, version_of};
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::Answer;
use crate::refusal::Refusal;

/// Signed at once, by as many forms as it took.
const SIGNED_MAX: usize = 3 * ORDERS_MAX;

pub async fn sign(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !may_order(&asking) {
        return Err(Refusal::NotYours);
    }
    let patient_id = asked.ids[0];
    let Some(held) = held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
    let chosen: Vec<(&str, u32)> = form.each("order").filter_map(named).take(SIGNED_MAX).collect();
    let again = |held: Held, wrong: Vec<Identifier>, error: &str, status: StatusCode| {
        let signing = Signing {
            asked: None,
            wrong,
            error: Some(error.to_owned()),
            typed: typed(&form, &held),
            left_out: left_out(&held, &chosen),
        };
        Ok(shown(asked, &session, &asking, held, signing, "", status))
    };
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    if chosen.is_empty() {
        return again(held, Vec::new(), "Nothing was signed: tick at least one draft.", refused);
    }
    let Some(practitioner) = asking.record.own_practitioner(asking.caller).await? else {
        let words = "Nothing was signed: your account is tied to no practitioner. Ask an administrator to tie it. The drafts are kept.";
        return again(held, Vec::new(), words, refused);
    };
    if held.head.identifiers.is_none() {
        let words = "Nothing was signed: fewer than two identifiers of this patient are known. Register name, birth date or record number first.";
        return again(held, Vec::new(), words, refused);
    }
    let about: Vec<ResourceKey> =
        chosen.iter().filter_map(|(id, _)| ResourceKey::parse("ServiceRequest", id)).collect();
    let mut wrong = Vec::new();
    let fits = |patient: &Json<'_>| {
        wrong = confirm::wrong(patient, |name| form.text(name));
        wrong.is_empty()
    };
    match asking.record.confirm_patient(asking.caller, patient_id, &about, fits).await {
        Ok(true) => {}
        Ok(false) => {
            let words = "Nothing was signed: what you typed does not fit the patient of this chart. Look at the name and birth date on top. The drafts are kept.";
            return again(held, wrong, words, refused);
        }
        // A draft that somebody discarded meanwhile.
        Err(RecordError::NotFound) => {
            return again(
                held,
                Vec::new(),
                "Nothing was signed: a draft is gone. Look at what is left.",
                StatusCode::CONFLICT,
            );
        }
        Err(error) => return Err(error.into()),
    }
    if is_signed(&held, &chosen) {
        return Ok(answer::see(&address(patient_id, "signed")));
    }
    let bundle = transaction(asked, &asking, &practitioner, &chosen).await?;
    match asking.transact(&bundle).await {
        Ok(_) => Ok(answer::see(&address(patient_id, "signed"))),
        Err(error) if error.is_overtaken() || matches!(error, RecordError::NotFound) => {
            let Some(held) = super::held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
            // The same form, sent twice at once.
            if is_signed(&held, &chosen) {
                return Ok(answer::see(&address(patient_id, "signed")));
            }
            let words = "Nothing was signed: a draft changed after you looked. Read the drafts again, then sign.";
            again(held, Vec::new(), words, StatusCode::CONFLICT)
        }
        Err(error) => Err(error.into()),
    }
}

/// `id.version`; an id may have dots in it.
fn named(sent: &str) -> Option<(&str, u32)> {
    let (id, version) = sent.rsplit_once('.')?;
    ResourceKey::parse("ServiceRequest", id)?;
    Some((id, version.parse().ok()?))
}

fn typed<'f>(form: &'f Form, held: &Held) -> [&'f str; 2] {
    held.head.identifiers.map_or(["", ""], |asked| asked.map(|one| form.text(one.name())))
}

fn left_out(held: &Held, chosen: &[(&str, u32)]) -> Vec<String> {
    let drafts = held.lines.iter().filter(|line| line.state == State::Draft).map(|line| &line.order.id);
    drafts.filter(|id| !chosen.iter().any(|(chosen, _)| chosen == id)).cloned().collect()
}

/// Whether all that was ticked is an order already, from the version that was seen: who asked for that has it.
fn is_signed(held: &Held, chosen: &[(&str, u32)]) -> bool {
    chosen.iter().all(|(id, seen)| {
        let mut lines = held.lines.iter();
        lines.any(|line| line.order.id == *id && line.order.status == "active" && line.order.version == seen + 1)
    })
}

/// All orders, the Tasks behind them and who signed: together or not at all.
async fn transaction(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    practitioner: &str,
    chosen: &[(&str, u32)],
) -> Result<Vec<u8>, Refusal> {
    let patient_id = asked.ids[0];
    let (now_ms, zone) = (asking.record.now_ms(), asked.web.zone());
    let now = day::instant(now_ms);
    let of = Of { patient_id, practitioner: Some(practitioner), encounter: None, now: &now };
    let requisition = token::fresh(asked);
    let mut entries = Vec::with_capacity(2 * chosen.len() + 1);
    // What follows an order lies beside it, in whichever of the patient's records that is.
    let mut records: Vec<(String, Vec<&str>)> = Vec::new();
    for (id, seen) in chosen {
        let found = asking.read("ServiceRequest", id).await?;
        let mut order = found.get().tree()?.into_owned();
        let read = Order::of(&order, &Default::default(), zone);
        asking.whose(&order, patient_id).await?;
        let whose = read.patient_id.as_str();
        // What is no draft any more fails at its version, and so does a draft that changed.
        let if_match = if read.status == "draft" { *seen } else { version_of(&order).saturating_sub(1) };
        let expected = Day::of(now_ms, zone).plus(days(&read));
        let due = if read.wanted.is_empty() { expected.iso() } else { read.wanted.clone() };
        signed(&mut order, practitioner, &requisition, &now);
        entries.push(entry(
            "PUT",
            format!("ServiceRequest/{id}"),
            Some(("ifMatch", format!("W/\"{if_match}\""))),
            order,
        ));
        let condition = format!("identifier={FOLLOW_SYSTEM}|{id}&patient={whose}");
        let follow = follow(id, &Of { patient_id: whose, ..of }, &due);
        entries.push(entry("POST", "Task".to_owned(), Some(("ifNoneExist", condition)), follow));
        match records.iter_mut().find(|(held, _)| held == whose) {
            Some((_, orders)) => orders.push(*id),
            None => records.push((whose.to_owned(), vec![*id])),
        }
    }
    for (whose, orders) in records {
        entries.push(entry(
            "POST",
            "Provenance".to_owned(),
            None,
            provenance(orders.into_iter(), &Of { patient_id: &whose, ..of }),
        ));
    }
    let bundle = object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", list(entries)),
    ]);
    Ok(bundle.to_vec())
}

fn days(order: &Order) -> i64 {
    order.kind.unwrap_or(Kind::Laboratory).days(order.priority.unwrap_or(Priority::Routine))
}

pub fn entry(
    method: &'static str,
    url: String,
    condition: Option<(&'static str, String)>,
    resource: Json<'static>,
) -> Json<'static> {
    let mut request = vec![("method", Json::string(method)), ("url", Json::string(url))];
    request.extend(condition.map(|(name, value)| (name, Json::string(value))));
    object([("resource", resource), ("request", object(request))])
}
