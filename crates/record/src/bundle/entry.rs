//! One entry of a bundle, parsed: what is to be done, to what, under which conditions.

use std::borrow::Cow;

use access::TypeRef;
use base64::Engine;
use fhir::Json;

use crate::request::Preconditions;
use crate::{RecordError, types};

pub type OwnedPairs = Vec<(Cow<'static, str>, Cow<'static, str>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

pub struct Entry<'a> {
    pub index: usize,
    pub method: Method,
    /// Relative to the FHIR base, without a slash in front.
    pub url: String,
    pub full_url: Option<String>,
    pub resource: Option<Json<'a>>,
    pub preconditions: Preconditions,
    pub if_none_exist: Option<OwnedPairs>,
    /// Of a read.
    pub if_none_match: Option<String>,
}

impl<'a> Entry<'a> {
    pub fn parse(index: usize, entry: Json<'a>, base_url: &str) -> Result<Self, RecordError> {
        Self::read(index, entry, base_url).map_err(|error| RecordError::Entry { index, error: Box::new(error) })
    }

    fn read(index: usize, entry: Json<'a>, base_url: &str) -> Result<Self, RecordError> {
        let Json::Object(mut members) = entry else { return Err(RecordError::Malformed("an entry is not an object")) };
        let resource = members.remove("resource");
        let request = members.get("request").ok_or(RecordError::Malformed("request is missing"))?;
        let text = |name| request.get(name).and_then(Json::as_str);
        let method = match text("method") {
            Some("GET") => Method::Get,
            Some("POST") => Method::Post,
            Some("PUT") => Method::Put,
            Some("PATCH") => Method::Patch,
            Some("DELETE") => Method::Delete,
            _ => return Err(RecordError::Malformed("request.method is not GET, POST, PUT, PATCH or DELETE")),
        };
        let url = text("url").ok_or(RecordError::Malformed("request.url is missing"))?;
        let url = url.strip_prefix(base_url).unwrap_or(url).trim_start_matches('/').to_owned();
        if method == Method::Post && url.contains('/') {
            return Err(RecordError::Malformed("a POST names a type and nothing else"));
        }
        let needs_resource = !matches!(method, Method::Get | Method::Delete);
        if needs_resource && resource.is_none() {
            return Err(RecordError::Malformed("resource is missing"));
        }
        let if_match = text("ifMatch").map(version_of_etag).transpose()?;
        Ok(Self {
            index,
            method,
            url,
            full_url: members.get("fullUrl").and_then(Json::as_str).map(str::to_owned),
            preconditions: Preconditions { if_match, if_none_match: text("ifNoneMatch") == Some("*") },
            if_none_match: text("ifNoneMatch").filter(|_| method == Method::Get).map(str::to_owned),
            if_none_exist: text("ifNoneExist").map(|query| pairs(query.trim_start_matches('?'))),
            resource,
        })
    }

    /// The type that the url names.
    pub fn kind(&self) -> Result<TypeRef, RecordError> {
        let name = self.url.split(['/', '?']).next().unwrap_or_default();
        types::parse(name).ok_or(RecordError::Malformed("request.url names no resource type of R4"))
    }

    /// The JSON Patch that a PATCH entry carries in a Binary (R4 http.html#jsonpatch).
    pub fn patch(&self) -> Result<Vec<u8>, RecordError> {
        let binary = self.resource.as_ref().filter(|r| r.resource_type() == Some("Binary"));
        let data = binary.and_then(|b| b.get("data")).and_then(Json::as_str);
        let data = data.ok_or(RecordError::Malformed("a PATCH entry carries its JSON Patch in a Binary resource"))?;
        base64::engine::general_purpose::STANDARD
            .decode(data)
            .map_err(|_| RecordError::Malformed("the Binary's data is not base64"))
    }
}

/// `W/"3"` or `"3"` or `3`.
pub fn version_of_etag(etag: &str) -> Result<u32, RecordError> {
    let bare = etag.trim().trim_start_matches("W/").trim_matches('"');
    bare.parse().map_err(|_| RecordError::Malformed("ifMatch is not a version"))
}

/// Decoded parameters of a query string.
pub fn pairs(query: &str) -> OwnedPairs {
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned())))
        .collect()
}
