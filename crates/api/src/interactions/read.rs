//! Reads one resource, now or as of a version.

use http::StatusCode;
use record::{RecordError, ResourceKey, Version};

use super::Asked;
use crate::error::ApiError;
use crate::extract::is_unmodified;
use crate::respond::projection::Projection;
use crate::respond::reply::Reply;

pub async fn read(asked: Asked<'_>, key: ResourceKey) -> Result<Reply, ApiError> {
    let projection = Projection::of(&asked.pairs)?;
    let version = asked.api.record().read(&asked.caller, &key).await?;
    answer(&asked, version.into_inner(), &projection)
}

pub async fn vread(asked: Asked<'_>, key: ResourceKey, version: Option<u32>) -> Result<Reply, ApiError> {
    let projection = Projection::of(&asked.pairs)?;
    let version = asked.api.record().vread(&asked.caller, &key, version.ok_or(RecordError::NotFound)?).await?;
    answer(&asked, version.into_inner(), &projection)
}

fn answer(asked: &Asked<'_>, version: Version, projection: &Projection) -> Result<Reply, ApiError> {
    if version.is_deleted() {
        return Err(RecordError::Gone.into());
    }
    let is_part2 = version.is_part2();
    let (number, last_updated_ms) = (version.version(), version.last_updated_ms());
    let mut reply = if is_unmodified(&asked.parts.headers, &version) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else if projection.is_whole() {
        Reply::json(StatusCode::OK, version.into_json()).notice(is_part2)
    } else {
        Reply::json(StatusCode::OK, projection.apply(version.json())?.into_owned()).notice(is_part2)
    };
    reply.version(number, last_updated_ms);
    Ok(reply)
}
