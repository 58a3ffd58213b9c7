//! Cancelling an appointment: who, when, and why, on a page of its own.

use askama::Template;
use http::StatusCode;

use super::{Answer, Whose, asking, query};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::book::{Around, Visit};
use crate::clinic::day::Day;
use crate::clinic::moves::{Act, May, REASONS};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "today_cancel.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    visit: Visit,
    when: String,
    day: String,
    who: String,
    reasons: &'static [(&'static str, &'static str)],
    note_max: usize,
    back: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let [id, _] = asked.ids;
    let pairs = [("_id", id), ("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")];
    let sheet = asking.search("Appointment", &pairs).await?;
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let around = Around::of(&[&sheet], &Day::of(now_ms, zone));
    let resources = sheet.resources();
    let held = resources.iter().find(|one| one.resource_type() == Some("Appointment"));
    let visit = held.and_then(|held| Visit::of(held, &around, now_ms, zone)).ok_or(Refusal::NotFound)?;
    if !Act::Cancel.fits(visit.status, May::of(&asking)) {
        return Err(Refusal::Invalid("this appointment cannot be cancelled any more"));
    }
    let day = Day::of(visit.start_ms, zone);
    let whose = Whose::asked(&query(asked))?.unwrap_or_default();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Today),
        when: format!("{} {}", day.title(), visit.time),
        back: format!("{}#a-{}", whose.address(&day.iso()), visit.id),
        day: day.iso(),
        who: whose.to_string(),
        reasons: &REASONS,
        note_max: super::act::NOTE_CHARS_MAX,
        visit,
    };
    Ok(answer::page(StatusCode::OK, &page))
}
