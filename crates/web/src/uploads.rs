//! Files that people bring: how large, how many at a time, what they are by their first bytes, and how a form with one is read.

use bytes::Bytes;
use futures_util::stream;
use http::header;
use multer::{Constraints, Multipart, SizeLimit};
use record::DOCUMENT_BYTES_MAX;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use crate::client::Asked;
use crate::forms::Form;
use crate::refusal::Refusal;

/// The file, and what is typed beside it.
pub const BODY_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + 64 * 1024;
const FIELD_BYTES_MAX: usize = 8 * 1024;
const FIELDS_MAX: usize = 24;
/// Bodies of that size in memory at once; each is there some five times while it is sealed.
const PLACES_MAX: usize = 3;
static PLACES: Semaphore = Semaphore::const_new(PLACES_MAX);

/// The kinds of file that are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    Pdf,
    Jpeg,
    Png,
    Webp,
    /// As phones write pictures; few browsers show it.
    Heic,
    Dicom,
    Text,
}

/// A form with a file.
pub struct Upload {
    pub form: Form,
    pub bytes: Bytes,
}

/// A place among those that bring a file now: whoever comes later waits.
pub async fn place() -> Result<SemaphorePermit<'static>, Refusal> {
    PLACES.acquire().await.map_err(|_| Refusal::Defect)
}

impl Media {
    pub const ALL: [Media; 7] =
        [Media::Pdf, Media::Jpeg, Media::Png, Media::Webp, Media::Heic, Media::Dicom, Media::Text];

    /// By its first bytes; a text by all of them. What the sender calls it does not count.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"%PDF-") {
            return Some(Media::Pdf);
        }
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            return Some(Media::Jpeg);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Media::Png);
        }
        let at = |from: usize, mark: &[u8]| bytes.get(from..from + mark.len()) == Some(mark);
        if at(0, b"RIFF") && at(8, b"WEBP") {
            return Some(Media::Webp);
        }
        if at(4, b"ftyp") && [b"heic", b"heix", b"mif1", b"msf1"].into_iter().any(|brand| at(8, brand)) {
            return Some(Media::Heic);
        }
        // PS3.10, section 7.1: behind a preamble that may hold anything.
        if at(128, b"DICM") {
            return Some(Media::Dicom);
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty())?;
        let is_plain = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\u{c}');
        text.trim_start_matches('\u{feff}').chars().all(is_plain).then_some(Media::Text)
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Media::Pdf => "application/pdf",
            Media::Jpeg => "image/jpeg",
            Media::Png => "image/png",
            Media::Webp => "image/webp",
            Media::Heic => "image/heic",
            Media::Dicom => "application/dicom",
            Media::Text => "text/plain; charset=utf-8",
        }
    }

    /// Of what a document says that it is.
    pub fn named(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|one| one.media_type().split(';').next() == Some(essence))
    }

    pub fn words(self) -> &'static str {
        match self {
            Media::Pdf => "PDF",
            Media::Jpeg => "JPEG picture",
            Media::Png => "PNG picture",
            Media::Webp => "WebP picture",
            Media::Heic => "HEIC picture",
            Media::Dicom => "DICOM object",
            Media::Text => "text",
        }
    }

    /// Whether browsers show it at all.
    pub fn is_shown(self) -> bool {
        !matches!(self, Media::Heic | Media::Dicom)
    }

    /// How a browser is told to call it when it is kept: nothing of the patient. What is not shown is kept or nothing.
    pub fn disposition(self, is_shown: bool) -> &'static str {
        match self {
            Media::Pdf if !is_shown => "attachment; filename=\"document.pdf\"",
            Media::Pdf => "inline; filename=\"document.pdf\"",
            Media::Jpeg => "inline; filename=\"document.jpg\"",
            Media::Png => "inline; filename=\"document.png\"",
            Media::Webp => "inline; filename=\"document.webp\"",
            Media::Heic => "attachment; filename=\"document.heic\"",
            Media::Dicom => "attachment; filename=\"document.dcm\"",
            Media::Text => "inline; filename=\"document.txt\"",
        }
    }
}

/// Names with which a PDF runs something, or hides what it has: scripts, forms with scripts of their own, programs, films, what is
/// encrypted, and objects within streams, which are not looked into.
const ACTIVE: [&[u8]; 8] =
    [b"JavaScript", b"JS", b"XFA", b"Launch", b"RichMedia", b"Encrypt", b"ObjStm", b"SubmitForm"];
const NAME_BYTES_MAX: usize = 32;

/// Whether nothing of a PDF would run in a browser's viewer, which runs scripts of a PDF whatever the policy of the answer says. A name
/// in the middle of a picture counts too: then it is not shown, and nothing worse.
pub fn is_passive(pdf: &[u8]) -> bool {
    let mut rest = pdf;
    while let Some(at) = rest.iter().position(|byte| *byte == b'/') {
        rest = &rest[at + 1..];
        let mut name = [0; NAME_BYTES_MAX];
        let (mut from, mut length) = (0, 0);
        while let Some(byte) = rest.get(from).filter(|byte| is_regular(**byte)) {
            let escaped =
                (*byte == b'#').then(|| Some(hex(*rest.get(from + 1)?)? << 4 | hex(*rest.get(from + 2)?)?)).flatten();
            from += if escaped.is_some() { 3 } else { 1 };
            let Some(slot) = name.get_mut(length) else { break };
            *slot = escaped.unwrap_or(*byte);
            length += 1;
        }
        if ACTIVE.contains(&&name[..length]) {
            return false;
        }
    }
    true
}

/// ISO 32000-1, 7.2.2: neither white space nor a delimiter.
fn is_regular(byte: u8) -> bool {
    !matches!(
        byte,
        0 | b'\t' | b'\n' | 0xc | b'\r' | b' ' | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl Asked<'_> {
    /// Reads a form of `multipart/form-data`. The name that the file had at its sender is not kept: it may name a patient.
    pub async fn upload(&self) -> Result<Upload, Refusal> {
        let malformed = |_: multer::Error| Refusal::Invalid("this is not the form of this page");
        let sent =
            self.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(sent).map_err(malformed)?;
        let limits = SizeLimit::new().whole_stream(BODY_BYTES_MAX as u64).per_field(DOCUMENT_BYTES_MAX as u64);
        let body = stream::iter([Ok::<_, std::convert::Infallible>(self.body.clone())]);
        let mut parts = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limits));
        let (mut fields, mut bytes) = (Vec::new(), Bytes::new());
        let large = |error: multer::Error| match error {
            multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => Refusal::TooLarge,
            other => malformed(other),
        };
        while let Some(field) = parts.next_field().await.map_err(large)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                bytes = field.bytes().await.map_err(large)?;
                continue;
            }
            let value = field.bytes().await.map_err(large)?;
            if fields.len() >= FIELDS_MAX || value.len() > FIELD_BYTES_MAX {
                return Err(Refusal::TooLarge);
            }
            let value =
                String::from_utf8(value.to_vec()).map_err(|_| Refusal::Invalid("this is not the form of this page"))?;
            fields.push((name, Zeroizing::new(value)));
        }
        Ok(Upload { form: Form::of(fields), bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdf_that_could_run_something_is_told_however_it_is_written() {
        for passive in ["<</Type/Page/JSX 1/S/URI>>", "<</Title(JavaScript)>>", "/J#53#", "/"] {
            assert!(is_passive(passive.as_bytes()), "{passive}");
        }
        for active in [
            "<</S/JavaScript/JS(app.alert(1))>>",
            "/J#61vaScript ",
            "/#4a#53<6170>",
            "/JS",
            "/Encrypt 5 0 R",
            "/Type/ObjStm",
        ] {
            assert!(!is_passive(active.as_bytes()), "{active}");
        }
        assert!(is_passive(&b"/".repeat(10_000)) && is_passive(&[b"/", &b"a".repeat(10_000)[..]].concat()));
    }

    #[test]
    fn a_file_is_what_its_bytes_say() {
        for (bytes, media) in [
            (&b"%PDF-1.7\n..."[..], Some(Media::Pdf)),
            (b"\xff\xd8\xff\xe0JFIF", Some(Media::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0\0", Some(Media::Png)),
            ("Grüße\r\n\tü".as_bytes(), Some(Media::Text)),
            // Shown as the text that it is, whatever is in it.
            (b"<script>alert(1)</script>", Some(Media::Text)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(Media::Webp)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0", Some(Media::Heic)),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", None),
            (&[&[0; 128][..], b"DICM\x02\0"].concat(), Some(Media::Dicom)),
            (&[&[0; 127][..], b"DICM\x02\0"].concat(), None),
            (b"GIF89a\x01\0", None),
            (b"MZ\x90\0", None),
            (b"PK\x03\x04", None),
            (b"\x89PNG", None),
            (b"", None),
            (b" \n", None),
            (b"a\0b", None),
            (b"caf\xe9", None),
        ] {
            assert_eq!(Media::of(bytes), media, "{bytes:?}");
        }
        for media in Media::ALL {
            assert_eq!(Media::named(media.media_type()), Some(media));
        }
        assert_eq!(Media::named("text/html"), None);
    }
}
