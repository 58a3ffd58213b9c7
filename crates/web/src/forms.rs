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
const FIELDS_MAX: usize = 512;
/// RFC 2046 allows no longer one.
const BOUNDARY_BYTES_MAX: usize = 70;

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

/// A form with files (RFC 7578), read.
pub(crate) struct Parted<'b> {
    pub fields: Form,
    pub files: Vec<Part<'b>>,
}

pub(crate) struct Part<'b> {
    pub name: String,
    bytes: &'b [u8],
}

impl Part<'_> {
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }
}

/// Parts between boundaries (RFC 2046, 5.1.1). Whatever is not as browsers write it is refused.
fn parted<'b>(content_type: &str, body: &'b [u8]) -> Option<Parted<'b>> {
    let boundary =
        content_type.strip_prefix("multipart/form-data;")?.trim().strip_prefix("boundary=")?.trim_matches('"');
    if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
        return None;
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        if fields.len() + files.len() == FIELDS_MAX {
            return None;
        }
        let end = find(part, delimiter.as_bytes())?;
        let (head, content) = part[..end].split_at_checked(find(&part[..end], b"\r\n\r\n")?)?;
        let content = &content[4..];
        let head = std::str::from_utf8(head).ok()?;
        let line =
            head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition: form-data;"))?;
        let named = |name: &str| line.split(';').find_map(|piece| piece.trim().strip_prefix(name)?.strip_prefix("=\""));
        let name = named("name")?.trim_end_matches('"').to_owned();
        match named("filename") {
            Some(_) => files.push(Part { name, bytes: content }),
            None => fields.push((name, std::str::from_utf8(content).ok()?.to_owned().into())),
        }
        rest = &part[end + delimiter.len()..];
    }
    rest.starts_with(b"--").then_some(Parted { fields: Form(fields), files })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

impl Asked<'_> {
    /// A form that sends files along.
    pub fn parted(&self) -> Result<Parted<'_>, Refusal> {
        let kind = self.parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        parted(kind.unwrap_or_default(), &self.body).ok_or(Refusal::Invalid("this is not what was asked for"))
    }

    pub fn form(&self) -> Form {
        let pairs = form_urlencoded::parse(&self.body).take(FIELDS_MAX);
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----x";

    #[test]
    fn fields_and_files_are_told_apart_and_their_bytes_are_kept() {
        let body = b"------x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n------x\r\n\
            Content-Disposition: form-data; name=\"photo\"; filename=\"a;name=\"\r\nContent-Type: image/png\r\n\r\n\x89\r\n--\x00\r\n------x--\r\n";
        let form = parted(KIND, body).unwrap();
        assert_eq!(form.fields.text("csrf"), "abc");
        assert_eq!(
            (form.files.len(), form.files[0].name.as_str(), form.files[0].bytes()),
            (1, "photo", &b"\x89\r\n--\x00"[..])
        );
    }

    #[test]
    fn what_is_cut_off_or_no_form_is_refused() {
        let whole = b"------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n------x--";
        assert!(parted(KIND, whole).is_some());
        for length in 0..whole.len() {
            assert!(parted(KIND, &whole[..length]).is_none(), "{length}");
        }
        assert!(parted("multipart/form-data; boundary=", whole).is_none() && parted("text/plain", whole).is_none());
    }
}
