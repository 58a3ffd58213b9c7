//! A way through the relay to try before a call: for a guest who said who they are, and for the clinician.

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::json;

use super::{brought, refused, turned};
use crate::answer;
use crate::client::Asked;
use crate::pages::Answer;
use crate::pages::visit::account_of;
use crate::pages::visit::host::{Room, hosting};

pub async fn guest(asked: &Asked<'_>) -> Answer {
    let (link, binding) = brought(asked)?;
    let hall = asked.web.hall();
    let tried = asked.web.guests().try_relay(&link, &binding, |visit, person| hall.was_removed(visit, person)).await;
    tried.map_err(|error| turned(asked, error))?;
    Ok(servers(asked))
}

pub async fn host(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    let account = account_of(session.user);
    asked.web.guests().host_tries_relay(&room.visit.id, &account).map_err(refused)?;
    Ok(servers(asked))
}

fn servers(asked: &Asked<'_>) -> Response<Body> {
    answer::json(StatusCode::OK, &json!({ "servers": asked.web.hall().relays_to_try() }))
}
