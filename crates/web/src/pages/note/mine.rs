//! One's own notes that are not signed yet, wherever they are: nobody else sees this list.

use askama::Template;
use http::StatusCode;
use record::DraftKind;

use super::{Answer, address, asking};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::day::{self, Day};
use crate::clinic::read::text;
use crate::clinic::reports::Subject;
use crate::clinic::shell::{Place, Shell};

#[derive(Template)]
#[template(path = "note_mine.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    rows: Vec<Row>,
}

struct Row {
    address: String,
    /// None where the chart is not open now.
    patient: Option<Subject>,
    kind: &'static str,
    saved: String,
    has_choice: bool,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let drafts = asking.record.drafts(asking.caller).await?;
    let open: Vec<&str> = drafts.iter().filter(|one| one.is_open).map(|one| one.patient_id.as_str()).collect();
    let sheets = asking.by_ids("Patient", &open).await?;
    let patients: Vec<(String, Subject)> = { sheets.iter().flat_map(|sheet| sheet.resources()) }
        .filter_map(|one| Some((text(&one, "id")?.to_owned(), Subject::of(&one, now_ms))))
        .collect();
    let rows = drafts.iter().map(|one| Row {
        address: address(&one.patient_id, &one.id),
        patient: patients.iter().find(|(id, _)| *id == one.patient_id).map(|(_, subject)| subject.clone()),
        kind: if one.kind == DraftKind::Note { "Visit note" } else { "Addendum" },
        saved: format!("{} {}", Day::of(one.saved_ms, zone).short(), day::clock(one.saved_ms, zone)),
        has_choice: one.asides > 0,
    });
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Elsewhere),
        rows: rows.collect(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
