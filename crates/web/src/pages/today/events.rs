//! Word that the day on the page changed, so that the page asks for its list again. Carries nothing of what changed.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use identity::{Identity, Session};
use record::CalendarChanges;

use super::{asking, query};
use crate::answer;
use crate::client::Asked;
use crate::clinic::day::Day;
use crate::pages::Answer;
use crate::refusal::Refusal;

/// How often a stream looks at the time that is left to its session, and says that it is there: the page takes back its "Live" where
/// it hears nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);

struct Watching {
    identity: Identity,
    session: Session,
    changes: CalendarChanges,
    /// Of rooms: who knocks stands in the list.
    rooms: tokio::sync::watch::Receiver<()>,
    from_ms: i64,
    until_ms: i64,
    is_first: bool,
    is_over: bool,
}

/// `changed` events, `here` while there are none, and `ended` with the session, at once.
pub async fn stream(asked: &Asked<'_>) -> Answer {
    let session = asked.watcher().await?;
    asking(asked, &session)?;
    let day = query(asked)
        .into_iter()
        .find(|(name, _)| name == "day")
        .and_then(|(_, text)| Day::parse(&text, asked.web.zone()));
    let day = day.ok_or(Refusal::Invalid("a day is written 2026-11-26"))?;
    let watching = Watching {
        identity: asked.web.identity().clone(),
        session,
        changes: asked.web.record().calendar_changes(),
        rooms: asked.web.hall().changes(),
        from_ms: day.begins_ms(),
        until_ms: day.ends_ms(),
        is_first: true,
        is_over: false,
    };
    let events = stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(event.as_bytes())), watching))
    });
    Ok(answer::stream(Body::from_stream(events)))
}

impl Watching {
    async fn next(&mut self) -> Option<&'static str> {
        if self.is_over {
            return None;
        }
        // From here on nothing is missed: the page asks once for what came before.
        if std::mem::take(&mut self.is_first) {
            return Some("event: ready\ndata: {}\n\n");
        }
        let event = tokio::select! {
            () = self.session.ended() => "",
            () = self.changes.between(self.from_ms, self.until_ms) => "event: changed\ndata: {}\n\n",
            Ok(()) = self.rooms.changed() => "event: changed\ndata: {}\n\n",
            () = tokio::time::sleep(LOOK_EVERY) => "event: here\ndata: {}\n\n",
        };
        let remaining = self.identity.remaining(&self.session).filter(|remaining| remaining.idle_s > 0);
        if self.session.has_ended() || remaining.is_none() {
            self.is_over = true;
            return Some("event: ended\ndata: {}\n\n");
        }
        Some(event)
    }
}
