//! The command palette: where one may go and what one may do, and patients from one field. Asked by POST, so that what is typed is in no
//! address; a way is there only if policy lets its person go it.

mod typed;

use access::Action;
use http::StatusCode;
use record::RecordError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::patients::{self, Row};
use super::{Answer, orders, prescriptions, register, schedule, timeline, vitals, ways as may};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::shell::{Place, finds_patients, places, signs_documents};
use crate::clinic::tabs::tabs;
use crate::clinic::ties;
use crate::refusal::Refusal;

/// Patients that one answer names. Each is disclosed and in the log; more letters help more than a longer list.
const HITS: usize = 8;
const DOCUMENT: &str = "DocumentReference";
/// Letters before anybody is looked for.
const LETTERS_MIN: usize = 2;
const TEXT_BYTES_MAX: usize = 200;

#[derive(Deserialize)]
struct Here {
    /// The id of the patient whose page is open; empty for none.
    patient: String,
}

#[derive(Deserialize)]
struct Wanted {
    text: String,
}

/// Pages and actions, the open patient's first.
pub async fn ways(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let here: Here = asked.json()?;
    let mut groups = Vec::new();
    if let Some(caller) = &session.caller {
        let asking = Asking { record: asked.web.record(), caller };
        let finds = finds_patients(asked.web, caller);
        if finds && record::ResourceKey::parse("Patient", &here.patient).is_some() {
            groups.push(group("This patient", of_patient(&asking, &here.patient)));
        }
        groups.push(group("Actions", general(&asking, finds)));
    }
    let mut pages: Vec<Value> =
        places(asked.web, &session, Place::Elsewhere).iter().map(|one| way(one.name, one.address, "")).collect();
    if session.caller.as_ref().is_some_and(|caller| signs_documents(asked.web, caller)) {
        pages.push(way("Documents nobody signed", "/documents", "letters scans unsigned sign"));
    }
    pages.push(way("My account", "/me", "sessions devices tokens"));
    pages.push(way("How I sign in", "/me/proofs", "passkey password authenticator recovery codes"));
    groups.push(group("Pages", pages));
    groups.retain(|group| group["ways"].as_array().is_some_and(|ways| !ways.is_empty()));
    let finds = session.caller.as_ref().is_some_and(|caller| finds_patients(asked.web, caller));
    Ok(answer::json(StatusCode::OK, &json!({ "groups": groups, "finds": finds })))
}

/// Patients by name, birth date or record number, in one field.
pub async fn find(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let wanted: Wanted = asked.json()?;
    let asking = patients::asking(asked, &session)?;
    let text = wanted.text.trim();
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    if text.chars().count() < LETTERS_MIN {
        return Ok(said(Vec::new(), ""));
    }
    let (name, number) = typed::parted(text);
    let typed = [name.as_str(), number.as_str()];
    let mut pairs = patients::wanted(typed);
    if pairs.is_empty() {
        return Ok(said(Vec::new(), ""));
    }
    for (name, value) in &mut pairs {
        if *name == "_count" {
            *value = HITS.to_string();
        }
    }
    match patients::found(&asking, typed, &pairs, false).await {
        Ok((found, mut alike)) => {
            let is_cut = found.next.is_some() || found.rows.len() + alike.len() > HITS;
            alike.truncate(HITS.saturating_sub(found.rows.len()));
            let hits: Vec<Value> =
                found.rows.iter().map(|row| hit(row, false)).chain(alike.iter().map(|row| hit(row, true))).collect();
            let words = match (hits.is_empty(), is_cut) {
                (true, _) => "Nobody whom you may see is written like that.",
                (false, true) => "There are more. Add a birth date, a record number or more letters.",
                (false, false) => "",
            };
            Ok(said(hits, words))
        }
        Err(Refusal::Record(RecordError::TooCostly { .. })) => {
            Ok(said(Vec::new(), "Too many patients match. Add a birth date, a record number or more letters."))
        }
        Err(refusal) => Err(refusal),
    }
}

fn said(patients: Vec<Value>, words: &str) -> http::Response<axum::body::Body> {
    answer::json(StatusCode::OK, &json!({ "patients": patients, "words": words }))
}

/// Name, birth date and number, so that two of one name are told apart. Who only sounds like what was typed is marked so.
fn hit(row: &Row, is_alike: bool) -> Value {
    let born = match &row.age {
        Some(age) => format!("born {} ({age})", row.born),
        None => format!("born {}", row.born),
    };
    let number = row.mrn.as_ref().map_or("no record number".to_owned(), |mrn| format!("MRN {mrn}"));
    let marks: Vec<&str> = [
        (is_alike, "sounds alike"),
        (row.has_double, "same name and birth date as another"),
        (row.is_merged, "merged into another record"),
        (row.is_dead, "died"),
    ]
    .into_iter()
    .filter_map(|(holds, mark)| holds.then_some(mark))
    .collect();
    let address = format!("/patients/{}", row.id);
    json!({ "name": row.name, "address": address, "born": born, "number": number, "sex": row.sex, "marks": marks })
}

fn group(name: &str, ways: Vec<Value>) -> Value {
    json!({ "name": name, "ways": ways })
}

/// `also`: other words for it.
fn way(name: &str, address: &str, also: &str) -> Value {
    json!({ "name": name, "address": address, "also": also })
}

fn chosen<const N: usize>(all: [(bool, &str, &str, &str); N], address: impl Fn(&str) -> String) -> Vec<Value> {
    let open = all.into_iter().filter(|(is_open, ..)| *is_open);
    open.map(|(_, name, page, also)| way(name, &address(page), also)).collect()
}

/// What is done about the patient whose page is open: what comes of it the page itself decides once more.
fn of_patient(asking: &Asking<'_>, id: &str) -> Vec<Value> {
    let address = |page: &str| format!("/patients/{id}/{page}");
    let writes = vitals::may_write(asking);
    let orders = orders::may_order(asking);
    let documents = asking.ever(DOCUMENT);
    let mut ways = vec![way("Chart", &format!("/patients/{id}"), "summary overview")];
    let writes_notes = asking.may_ever(Action::Create, DOCUMENT);
    ways.extend(chosen(
        [
            (writes_notes, "Write a note", "notes/new", "new visit progress phone"),
            (writes, "Enter vital signs", "vitals", "blood pressure weight flowsheet trends"),
            (!writes && asking.ever("Observation"), "Vital signs", "vitals", "blood pressure weight flowsheet trends"),
            (asking.ever("DiagnosticReport"), "Laboratory results", "labs", "flowsheet trends tests history"),
            (timeline::opens(asking), "Timeline", "timeline", "history visits notes by day"),
            (orders, "Order tests and images", "orders/new", "new laboratory lab radiology imaging"),
            (orders, "Refer to somebody", "orders/refer", "referral consult specialist"),
            (prescriptions::may_prescribe(asking), "Prescribe", "prescriptions/new", "new medicine medication drug"),
            (may::begins_tasks(asking), "New message or task", "tasks/new", "inbox colleague team to do write ask"),
            (asking.ever("ServiceRequest"), "All orders", "orders", "referrals sign"),
        ],
        address,
    ));
    ways.extend(tabs(asking, "").iter().map(|tab| way(tab.name, &address(tab.page), "")));
    ways.extend(chosen(
        [
            (documents, "Documents", "documents", "file scan letter upload"),
            (may::edits(asking), "Edit who this is", "edit", "name address phone demographics"),
            (may::insures(asking), "Insurance", "insurance", "coverage payer"),
            (may::keeps_photos(asking), "Photo", "photo", "picture"),
            (may::merges(asking), "Merge records", "merge", "duplicate double"),
        ],
        address,
    ));
    ways
}

fn general(asking: &Asking<'_>, finds: bool) -> Vec<Value> {
    chosen(
        [
            (finds, "Find a patient", "/patients", "search look"),
            (finds && register::may_register(asking), "Register a patient", "/patients/new", "new add"),
            (
                finds && may::begins_tasks(asking),
                "New message or task",
                "/patients?for=task",
                "inbox colleague team to do",
            ),
            (schedule::may_book(asking), "Book an appointment", "/schedule", "new visit calendar"),
            (ties::keeps(asking), "When I am away", "/cover", "cover vacation hand over"),
            (ties::keeps(asking), "Times and days away", "/times", "my hours vacation absence off"),
            (ties::keeps(asking), "Who works with whom", "/colleagues", "me colleagues nurse assistant team"),
            (finds && asking.ever("DetectedIssue"), "Allergy warnings signed over", "/overrides", "overrides review"),
        ],
        str::to_owned,
    )
}
