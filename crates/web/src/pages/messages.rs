//! What was written about one patient, between them and the clinic and among colleagues: every message of the chart, and the words
//! that were saved from visits by video. Here they are read; what waits for an answer is answered in the inbox.

use std::collections::HashMap;

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
use crate::clinic::day;
use crate::clinic::head::Head;
use crate::clinic::inbox::SENT;
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text, words, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::time;
use crate::refusal::Refusal;

const KIND: &str = "Communication";
const NOBODY: &str = "somebody not named";
const MESSAGES_MAX: &str = "100";
/// Of a sealed cursor.
const CURSOR_BYTES_MAX: usize = 4 * 1024;

#[derive(Template)]
#[template(path = "messages.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    messages: Vec<Message>,
    /// Where the older ones begin.
    older: Option<String>,
    /// These are not the newest.
    is_further: bool,
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
    parts: Vec<Part>,
    /// Somebody of the clinic is to read it, so that it has a place in the inbox.
    is_in_inbox: bool,
}

/// What a message is made of.
enum Part {
    Words(String),
    /// Something that is not shown here: what.
    Other(String),
}

impl Part {
    fn of(one: &Json<'_>) -> Self {
        if let Some(words) = text(one, "contentString") {
            return Part::Words(words.to_owned());
        }
        let Some(attachment) = one.get("contentAttachment") else {
            let what =
                one.get("contentReference").and_then(|of| reference(of).map(|(kind, _)| kind.to_owned()).or(words(of)));
            return Part::Other(format!(
                "Something else, not shown here: {}",
                what.as_deref().unwrap_or("it is not said what")
            ));
        };
        let kind = match text(attachment, "contentType").map(|kind| (kind, kind.split('/').next().unwrap_or_default()))
        {
            Some((kind, "image")) => format!("a picture ({kind})"),
            Some((kind, "audio")) => format!("a recording ({kind})"),
            Some((kind, "video")) => format!("a film ({kind})"),
            Some((kind, _)) => format!("a file ({kind})"),
            None => "a file of an unknown kind".to_owned(),
        };
        let title = text(attachment, "title").map_or_else(String::new, |title| format!(", “{title}”"));
        Part::Other(format!("An attachment, not shown here: {kind}{title}"))
    }
}

impl Message {
    fn of(one: &Json<'_>, names: &Names, zone: &TimeZone, records: &[String]) -> Self {
        let named = |who: &Json<'_>| match (reference(who), names.name(who)) {
            (Some(("Patient", id)), _) if records.iter().any(|one| one == id) => "the patient".to_owned(),
            (Some(("Patient", _)), _) => "another patient".to_owned(),
            (_, Some(name)) => name,
            (Some(("RelatedPerson", _)), None) => "somebody who stands for the patient".to_owned(),
            (Some(("Organization", _)), None) => "the clinic".to_owned(),
            _ => NOBODY.to_owned(),
        };
        let to: Vec<String> = all(one, "recipient").iter().map(named).collect();
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            subject: one
                .get("topic")
                .and_then(words)
                .or_else(|| words_of(one, "category"))
                .unwrap_or_else(|| "Message".to_owned()),
            from: one.get("sender").map_or_else(|| NOBODY.to_owned(), named),
            to: to.join(", "),
            sent: text(one, "sent").and_then(time::instant_ms).map(|ms| day::moment(ms, zone)).unwrap_or_default(),
            parts: all(one, "payload").iter().map(Part::of).collect(),
            is_in_inbox: is_for_us(one),
        }
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !asking.ever(KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(head) = Head::of(asked.web, &session, &asking, asked.ids[0], (KIND, false)).await? else {
        return Ok(super::closed(asked));
    };
    let query: HashMap<String, String> =
        form_urlencoded::parse(asked.parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let from = query.get("from").filter(|from| from.len() <= CURSOR_BYTES_MAX);
    let sheet = match from {
        Some(from) => asking.search(KIND, &[("_cursor", from)]).await?,
        None => {
            let pairs = [("patient", asked.ids[0]), ("status", SENT), ("_sort", "-sent"), ("_count", MESSAGES_MAX)];
            asking.search(KIND, &pairs).await?
        }
    };
    let records = asking.record.records_of(asked.ids[0]).await?;
    // The address of another chart's page is none of this one's.
    for one in sheet.resources().iter().filter(|_| from.is_some()) {
        asking.whose(one, asked.ids[0]).await?;
    }
    let names = Names::of(&asking, &[], std::iter::once(&sheet)).await?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        css: &LISTS,
        banner: head.banner,
        tabs: tabs(&asking, "messages"),
        messages: sheet.resources().iter().map(|one| Message::of(one, &names, asked.web.zone(), &records)).collect(),
        older: sheet.next().map(|next| form_urlencoded::byte_serialize(next.as_bytes()).collect()),
        is_further: from.is_some(),
        part2_notice: (head.is_part2 || sheet.is_part2()).then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
