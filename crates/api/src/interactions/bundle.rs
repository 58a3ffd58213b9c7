//! A batch or a transaction.

use axum::body::Body;
use http::StatusCode;

use super::Asked;
use crate::error::ApiError;
use crate::extract::Expected;
use crate::respond::page;
use crate::respond::reply::Reply;

pub async fn bundle(asked: Asked<'_>, body: Body) -> Result<Reply, ApiError> {
    let body = asked.body(body, Expected::Resource).await?;
    let answer = asked.api.record().bundle(&asked.caller, &body).await?;
    let body = page::responses(&answer, asked.api.base(), asked.prefer.returning)?;
    Ok(Reply::json(StatusCode::OK, body).notice(answer.is_part2()))
}
