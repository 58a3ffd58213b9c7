//! What scripts ask for: the event stream of a session, the proof of its device, and word that its person is there.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use identity::{Identity, Session, SessionRefusal};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::answer;
use crate::client::Asked;
use crate::guard::COOKIE;
use crate::refusal::Refusal;

/// How often a stream looks at the time that is left.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The warning before a session ends.
pub const WARNING_S: i64 = 120;

#[derive(Deserialize)]
struct Proof {
    signature: String,
}

struct Watching {
    identity: Identity,
    session: Session,
    is_first: bool,
    has_warned: bool,
    is_over: bool,
}

/// `remaining`, `warning` and `ended` events. Ends with the session, at once.
pub async fn stream(asked: &Asked<'_>) -> Answer {
    let session = asked.watcher().await?;
    let identity = asked.web.identity().clone();
    let watching = Watching { identity, session, is_first: true, has_warned: false, is_over: false };
    let events = stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(event)), watching))
    });
    Ok(answer::stream(Body::from_stream(events)))
}

/// The device key signed the challenge of this connection.
pub async fn prove(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let cookie = asked.cookie(COOKIE).ok_or(Refusal::NotSignedIn)?;
    let proof: Proof = asked.json()?;
    match asked.web.identity().prove(cookie, &asked.from, &proof.signature).await {
        Ok(()) => Ok(answer::json(StatusCode::OK, &json!({ "proven": true }))),
        Err(SessionRefusal::Unavailable(error)) => Err(error.into()),
        Err(SessionRefusal::OtherDevice) => Err(Refusal::OtherDevice),
        Err(_) => Err(Refusal::NotSignedIn),
    }
}

/// A key was pressed or something clicked: the session is not idle.
pub async fn active(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let identity = asked.web.identity();
    identity.touch(&session);
    let remaining = identity.remaining(&session).ok_or(Refusal::NotSignedIn)?;
    Ok(answer::json(
        StatusCode::OK,
        &json!({ "idle_s": remaining.idle_s, "absolute_s": remaining.absolute_s, "fresh_s": identity.fresh_s(&session) }),
    ))
}

impl Watching {
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        if !std::mem::take(&mut self.is_first) {
            tokio::select! {
                () = self.session.ended() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let remaining = if self.session.has_ended() { None } else { self.identity.remaining(&self.session) };
        let Some(remaining) = remaining.filter(|remaining| remaining.idle_s > 0) else {
            self.is_over = true;
            return Some("event: ended\ndata: {}\n\n".to_owned());
        };
        let warns = remaining.idle_s <= WARNING_S;
        let name = if warns && !self.has_warned { "warning" } else { "remaining" };
        self.has_warned = warns;
        // Named where no key helps any more.
        let is_last = remaining.absolute_s <= WARNING_S;
        let last = if is_last { format!(",\"absolute_s\":{}", remaining.absolute_s) } else { String::new() };
        Some(format!("event: {name}\ndata: {{\"idle_s\":{}{last}}}\n\n", remaining.idle_s))
    }
}
