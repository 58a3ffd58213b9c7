//! The security guidance: read at enrolment, once a year, and when it changes, before anything else opens.

use askama::Template;
use http::StatusCode;
use identity::{Audience, GUIDANCE_VERSION};

use super::Answer;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::day;
use crate::place::Place;
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "guidance.html")]
struct Page<'a> {
    frame: Frame<'a>,
    guidance: Words,
    version: u32,
    is_due: bool,
    read: Option<String>,
    csrf: &'a str,
    /// Where one goes on, for the address of the form.
    next: String,
}

/// Which parts somebody reads.
pub struct Words {
    pub workforce: bool,
    pub care: bool,
    pub desk: bool,
    pub keepers: bool,
    pub patients: bool,
}

impl Words {
    pub fn of(audiences: &[Audience]) -> Self {
        let has = |one| audiences.contains(&one);
        Self {
            workforce: has(Audience::Workforce),
            care: has(Audience::Care),
            desk: has(Audience::Desk),
            keepers: has(Audience::Keepers),
            patients: has(Audience::Patients),
        }
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader_of_guidance().await?;
    let held = asked.web.identity().guidance(session.user)?;
    let named = asked.named_place();
    let page = Page {
        frame: Frame::of(asked.web),
        guidance: Words::of(&held.audiences),
        version: GUIDANCE_VERSION,
        is_due: held.is_due,
        read: held.acknowledged_ms.map(|ms| day::moment(ms, asked.web.zone())),
        csrf: &session.csrf,
        next: named.as_deref().and_then(Place::parse).map_or_else(String::new, |place| place.as_query()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// What was read is the version that was shown: a page from before a change says nothing about the change.
pub async fn read(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    if form.number("version")? != u64::from(GUIDANCE_VERSION) {
        return Err(Refusal::Invalid("the guidance has changed since this page was opened: read it again"));
    }
    asked.web.identity().acknowledge_guidance(&session, &asked.from).await?;
    Ok(answer::see(&asked.next_for(session.user)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words and version go together: who changes what is asked of people raises `GUIDANCE_VERSION`, and says so here.
    #[test]
    fn the_words_are_those_of_their_version() {
        let words = include_str!("../../templates/guidance_words.html");
        let sum = words
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        assert_eq!((GUIDANCE_VERSION, format!("{sum:016x}").as_str()), (1, "2141a1b6d8d9334b"));
    }
}
