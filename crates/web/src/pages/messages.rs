//! What was written about one patient, between them and the clinic and among colleagues: every message of the chart, and the words
//! that were saved from visits by video. Here they are read; what waits for an answer is answered in the inbox.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use jiff::tz::TimeZone;
use record::PART2_NOTICE;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::addressed::is_for_us;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::head::Head;
use crate::clinic::inbox::SENT;
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::time;
use crate::refusal::Refusal;

const KIND: &str = "Communication";
const NOBODY: &str = "somebody not named";
const MESSAGES_MAX: &str = "200";

#[derive(Template)]
#[template(path = "messages.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    messages: Vec<Message>,
    is_cut: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// Newest first.
struct Message {
    id: String,
    subject: String,
    from: String,
    to: String,
    sent: String,
    lines: Vec<String>,
    /// Somebody of the clinic is to read it, so that it has a place in the inbox.
    is_in_inbox: bool,
}

impl Message {
    fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let named = |who: &Json<'_>| match (reference(who), names.name(who)) {
            (Some(("Patient", _)), _) => "the patient".to_owned(),
            (_, Some(name)) => name,
            (Some(("RelatedPerson", _)), None) => "somebody who stands for the patient".to_owned(),
            (Some(("Organization", _)), None) => "the clinic".to_owned(),
            _ => NOBODY.to_owned(),
        };
        let to: Vec<String> = all(one, "recipient").iter().map(named).collect();
        let lines = all(one, "payload").iter().filter_map(|part| text(part, "contentString"));
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            subject: words_of(one, "category").unwrap_or_else(|| "Message".to_owned()),
            from: one.get("sender").map_or_else(|| NOBODY.to_owned(), named),
            to: to.join(", "),
            sent: text(one, "sent").and_then(time::instant_ms).map(|ms| when(ms, zone)).unwrap_or_default(),
            lines: lines.map(str::to_owned).collect(),
            is_in_inbox: is_for_us(one),
        }
    }
}

fn when(ms: i64, zone: &TimeZone) -> String {
    format!("{} {}", time::day(&Day::of(ms, zone).iso()), day::clock(ms, zone))
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(head) = Head::of(asked.web, &session, &asking, asked.ids[0], (KIND, false)).await? else {
        return Ok(super::closed(asked));
    };
    if !asking.ever(KIND) {
        return Err(Refusal::NotYours);
    }
    let pairs = [("patient", asked.ids[0]), ("status", SENT), ("_sort", "-sent"), ("_count", MESSAGES_MAX)];
    let sheet = asking.search(KIND, &pairs).await?;
    let names = Names::of(&asking, &[], std::iter::once(&sheet)).await?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        css: &LISTS,
        banner: head.banner,
        tabs: tabs(&asking, "messages"),
        messages: sheet.resources().iter().map(|one| Message::of(one, &names, asked.web.zone())).collect(),
        is_cut: sheet.next().is_some(),
        part2_notice: (head.is_part2 || sheet.is_part2()).then_some(PART2_NOTICE),
        opened: time::clock(asking.record.now_ms()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
