//! Bodies: forms and small JSON, bounded.

use std::borrow::Cow;

use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http::request::Parts;
use http_body_util::{BodyExt, Limited};
use identity::DeviceClaim;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::client::Asked;
use crate::refusal::Refusal;

/// A note is the longest thing that is sent here.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// A reconciliation of a hundred medicines has the most: three for each.
pub const FIELDS_MAX: usize = 512;

pub(crate) async fn read(parts: &Parts, body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(Bytes::new());
    }
    let collected = Limited::new(body, bytes_max).collect().await.map_err(|_| Refusal::TooLarge)?;
    Ok(collected.to_bytes())
}

/// Fields of a form. Secrets among them go when this goes.
pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    pub fn of(fields: Vec<(String, Zeroizing<String>)>) -> Self {
        Self(fields)
    }

    /// These fields of it.
    pub fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(held, _)| names.contains(&held.as_str())).cloned().collect())
    }

    /// The field, or an empty text.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(held, _)| held == name).map_or("", |(_, value)| value.as_str())
    }

    /// All fields of a name, in their order.
    pub fn each<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// All of them, as they were sent.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.text(name).parse().map_err(|_| Refusal::Invalid("a number is missing"))
    }

    /// Of what the page showed.
    pub fn version(&self) -> Result<u32, Refusal> {
        u32::try_from(self.number("version")?).map_err(|_| Refusal::Invalid("there is no such version"))
    }

    /// What the script of the page filled in about this browser; none without a script.
    pub fn device(&self) -> Option<DeviceClaim> {
        let field = |name: &str| Some(self.text(name).to_owned()).filter(|text| !text.is_empty());
        Some(DeviceClaim {
            public_key: field("device_key")?,
            challenge: field("device_challenge")?,
            signature: field("device_signature")?,
        })
    }
}

impl Asked<'_> {
    pub fn form(&self) -> Form {
        self.form_of(FIELDS_MAX)
    }

    /// Of so many fields at most.
    pub fn form_of(&self, fields_max: usize) -> Form {
        let pairs = form_urlencoded::parse(&self.body).take(fields_max);
        Form(
            pairs
                .map(|(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned().into()))
                .collect(),
        )
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|_| Refusal::Invalid("this is not what was asked for"))
    }
}
