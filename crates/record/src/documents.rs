//! Documents that somebody files: a scan, a picture, a text. The bytes are a Binary in the patient's chart, sealed like everything there;
//! the DocumentReference says what they are and keeps their hashes, and nothing is shown that does not match them.

use access::{Action, Caller};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use fhir::build::{coding, concept, identifier, list, object, reference, text};
use store::{Backend, ChartNo, Disclosed, Discloses, Subject};

use crate::administration::reasonable;
use crate::answer::EntryAnswer;
use crate::drafts::{Withheld, withheld_coding, withheld_reason};
use crate::evidence::{Deed, object as named};
use crate::open::{Current, instant};
use crate::tally::Tally;
use crate::{Record, RecordError, ResourceKey};

/// Bytes of one document. As base64 in a resource it has to fit [`RESOURCE_BYTES_MAX`](crate::RESOURCE_BYTES_MAX).
pub const DOCUMENT_BYTES_MAX: usize = 10 * 1024 * 1024;
const REASON_BYTES_MAX: usize = 1_000;
/// FHIR R4 has SHA-1 in `Attachment.hash` and nothing stronger.
pub const HASH_EXTENSION: &str = "urn:wardstone:sha-256";
/// What was filed with one form.
pub const DOCUMENT_SYSTEM: &str = "urn:wardstone:document";

/// What somebody files.
pub struct DocumentToFile<'a> {
    pub patient_id: &'a str,
    /// As its first bytes say, not as its sender does.
    pub media_type: &'static str,
    pub bytes: &'a [u8],
    /// LOINC.
    pub type_code: &'static str,
    pub type_display: &'static str,
    pub title: &'a str,
    /// The day of the document, as FHIR has it.
    pub dated: &'a str,
    /// The order that it answers.
    pub order_id: Option<&'a str>,
    pub withheld: Option<Withheld>,
    pub visit: Option<FromVisit<'a>>,
    /// Names the form: sent twice with the same content it files once.
    pub token: &'a str,
}

/// The visit by video in which somebody sent it.
pub struct FromVisit<'a> {
    pub appointment_id: &'a str,
    pub encounter_id: Option<&'a str>,
    /// `Patient/p1`: who sent it, where that is somebody of the record.
    pub author: Option<&'a str>,
}

pub struct Filed {
    pub id: String,
    /// The same form was sent before.
    pub was_filed: bool,
}

/// The content of a document.
pub struct Document {
    pub media_type: String,
    pub bytes: Vec<u8>,
    subjects: Vec<Subject>,
}

pub enum OpenedDocument {
    /// Exactly what was filed.
    Verified(Disclosed<Document>),
    /// It came without a hash from elsewhere.
    Unverified(Disclosed<Document>),
    /// The bytes are not those that were filed. The log and the privacy officer's alerts have it.
    Mismatch,
}

impl Discloses for Document {
    fn subjects(&self, each: &mut dyn FnMut(Subject)) {
        self.subjects.iter().copied().for_each(each);
    }
}

/// Where a DocumentReference keeps its bytes, and what they are to hash to.
struct Attachment {
    media_type: String,
    binary: Option<ResourceKey>,
    data: Option<Vec<u8>>,
    sha256: Option<String>,
    sha1: Option<Vec<u8>>,
}

impl<B: Backend> Record<B> {
    /// Files a document: bytes, what they are, and who filed them, in one transaction.
    pub async fn file_document(&self, caller: &Caller, file: &DocumentToFile<'_>) -> Result<Filed, RecordError> {
        if file.bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(RecordError::TooMany { what: "bytes of a document", limit: DOCUMENT_BYTES_MAX });
        }
        if let Some(withheld) = &file.withheld {
            reasonable(&withheld.words, REASON_BYTES_MAX)?;
        }
        let sha256 = hex(&crypto::hash::sha256(file.bytes));
        let said = file.withheld.as_ref().map_or(String::new(), |one| format!("{}|{}", one.why.code(), one.words));
        let visit = file.visit.as_ref().map_or("", |visit| visit.appointment_id);
        let parts =
            [file.patient_id, file.token, file.type_code, file.title, file.dated, file.order_id.unwrap_or_default()];
        let form = hex(&crypto::hash::sha256(format!("{}|{said}|{sha256}{visit}", parts.join("|")).as_bytes()));
        let once = self.0.locator.label(format!("document {form}").as_bytes());
        let by = self.own_practitioner(caller).await?;
        let bundle = bundle(file, &form, &sha256, by.as_deref(), &instant(self.now_ms()));
        // Whether it was filed before, the commit says and nothing sooner: then the index has what was filed, too.
        match self.bundle_once(caller, &bundle, Some(once)).await {
            Ok(answer) => {
                let mut written = answer.entries.into_iter().filter_map(|entry| match entry.result {
                    Ok(EntryAnswer::Written(written)) if written.type_name == "DocumentReference" => Some(written.id),
                    _ => None,
                });
                Ok(Filed { id: written.next().ok_or(RecordError::Damaged)?, was_filed: false })
            }
            Err(RecordError::Done) => {
                Ok(Filed { id: self.filed_before(caller, file.patient_id, &form).await?, was_filed: true })
            }
            Err(RecordError::Entry { error, .. }) => Err(*error),
            Err(error) => Err(error),
        }
    }

    async fn filed_before(&self, caller: &Caller, patient_id: &str, form: &str) -> Result<String, RecordError> {
        let pairs = [("patient", patient_id.to_owned()), ("identifier", format!("{DOCUMENT_SYSTEM}|{form}"))];
        let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
        let kind = crate::types::parse("DocumentReference").ok_or(RecordError::Damaged)?;
        let request = crate::SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
        let page = self.search(caller, &request).await?;
        page.get().entries.first().map(|(_, version)| version.id().to_owned()).ok_or(RecordError::NotFound)
    }

    /// Opens the bytes of a document of this patient and compares them with the hashes that were filed with it.
    pub async fn open_document(
        &self,
        caller: &Caller,
        patient_id: &str,
        id: &str,
    ) -> Result<OpenedDocument, RecordError> {
        let audited = audit::Action::Read;
        let key = ResourceKey::parse("DocumentReference", id).ok_or(RecordError::NotFound)?;
        let patient = ResourceKey::parse("Patient", patient_id).ok_or(RecordError::NotFound)?;
        let of = self.find(&patient).await?.map(|current| current.head.chart);
        let Some(Current { head, body }) = self.in_chart(&key, of).await? else {
            return Err(self.absent(caller, Action::Read, audited, &key).await);
        };
        let chart = head.chart;
        let mut tally = Tally::default();
        let permit = match self.judge(caller, Action::Read, &head, &head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, &head, &denial).await),
        };
        tally.note(permit.key(), true);
        let mut objects = vec![named(&head, permit.view())];
        if head.deleted() {
            return Err(self.fail(caller, audited, Some(objects[0]), 410, RecordError::Gone).await);
        }
        let reference = self.open_version(&permit, &head, &body.body).await?;
        let mut subjects = vec![reference.subject];
        let Some(attachment) = self.attachment(reference.json()) else {
            return Err(self.fail(caller, audited, Some(objects[0]), 404, RecordError::NotFound).await);
        };
        let bytes = match (&attachment.binary, attachment.data) {
            (None, Some(data)) => data,
            (Some(key), _) => {
                // In the chart of the document, and decided for itself.
                let Some(Current { head, body }) = self.find(key).await?.filter(|one| one.head.chart == chart) else {
                    return Err(self.absent(caller, Action::Read, audited, key).await);
                };
                let permit = match self.judge(caller, Action::Read, &head, &head).await? {
                    Ok(permit) => permit,
                    Err(denial) => return Err(self.denied(caller, audited, &head, &denial).await),
                };
                tally.note(permit.key(), true);
                objects.push(named(&head, permit.view()));
                if head.deleted() {
                    return Err(self.fail(caller, audited, Some(objects[0]), 410, RecordError::Gone).await);
                }
                let binary = self.open_version(&permit, &head, &body.body).await?;
                subjects.push(binary.subject);
                let json = binary.tree()?;
                decoded(json.get("data")).unwrap_or_default()
            }
            (None, None) => return Err(self.fail(caller, audited, Some(objects[0]), 404, RecordError::NotFound).await),
        };
        let fits_256 = attachment.sha256.as_ref().map(|held| *held == hex(&crypto::hash::sha256(&bytes)));
        let fits_1 = attachment.sha1.as_ref().map(|held| *held == crypto::hash::sha1(&bytes));
        let is_verified = fits_256.is_some() || fits_1.is_some();
        if fits_256 == Some(false) || fits_1 == Some(false) {
            let outcome = audit::event::Outcome::Failed { code: 409 };
            let subject = Some("a document does not match its hash");
            let deed = Deed { outcome, subject, ..Deed::of(audit::Action::Verify, &objects) };
            self.attest(caller, &deed).await?;
            return Ok(OpenedDocument::Mismatch);
        }
        let deed = Deed { decisions: tally.decided(), ..Deed::of(audited, &objects) };
        let receipt = self.attest(caller, &deed).await?;
        let document = Disclosed::new(Document { media_type: attachment.media_type, bytes, subjects }, &receipt)?;
        Ok(if is_verified { OpenedDocument::Verified(document) } else { OpenedDocument::Unverified(document) })
    }

    /// What lies in this chart, or in another record of the same patient.
    async fn in_chart(&self, key: &ResourceKey, chart: Option<ChartNo>) -> Result<Option<Current>, RecordError> {
        let (Some(found), Some(chart)) = (self.find(key).await?, chart) else { return Ok(None) };
        Ok(self.is_one_patients(chart, found.head.chart).await?.then_some(found))
    }

    /// The first attachment with bytes of its own or in this record.
    fn attachment(&self, reference: &[u8]) -> Option<Attachment> {
        let json = Json::parse(reference).ok()?;
        let contents = json.get("content").map_or(&[][..], Json::items);
        contents.iter().filter_map(|content| content.get("attachment")).find_map(|attachment| {
            let text = |name| attachment.get(name).and_then(Json::as_str);
            let binary = text("url").map(|url| self.local(url)).and_then(ResourceKey::parse_reference);
            let binary = binary.filter(|key| key.kind.name == "Binary");
            let data = decoded(attachment.get("data"));
            if binary.is_none() && data.is_none() {
                return None;
            }
            let extensions = attachment.get("extension").map_or(&[][..], Json::items);
            let ours = extensions.iter().find(|one| one.get("url").and_then(Json::as_str) == Some(HASH_EXTENSION));
            Some(Attachment {
                media_type: text("contentType").unwrap_or("application/octet-stream").to_owned(),
                binary,
                data,
                sha256: ours.and_then(|one| one.get("valueString")?.as_str()).map(str::to_owned),
                sha1: decoded(attachment.get("hash")),
            })
        })
    }
}

fn bundle(file: &DocumentToFile<'_>, form: &str, sha256: &str, by: Option<&str>, now: &str) -> Vec<u8> {
    let patient = format!("Patient/{}", file.patient_id);
    let (bytes_url, document_url) = (urn(form, 0), urn(form, 4));
    let kind = || coding("http://loinc.org", file.type_code, file.type_display);
    // What the bytes are stands with them and with who filed them, so that they are as sensitive as the document.
    let meta = || {
        let mut meta = vec![("tag", list([kind()]))];
        meta.extend(file.withheld.as_ref().map(|_| ("security", list([withheld_coding()]))));
        ("meta", object(meta))
    };
    let mut binary = vec![("resourceType", text("Binary"))];
    binary.push(meta());
    binary.extend([
        ("contentType", text(file.media_type)),
        ("securityContext", reference(&patient)),
        ("data", text(&STANDARD.encode(file.bytes))),
    ]);
    let mut document = vec![("resourceType", text("DocumentReference"))];
    document.push(meta());
    document.extend([
        ("identifier", list([identifier(DOCUMENT_SYSTEM, form)])),
        ("status", text("current")),
        ("docStatus", text("preliminary")),
        ("type", concept(kind())),
        ("subject", reference(&patient)),
        ("date", text(now)),
        ("description", text(file.title)),
    ]);
    if file.withheld.is_some() {
        document.push(("securityLabel", list([concept(withheld_coding())])));
    }
    let hash = object([("url", text(HASH_EXTENSION)), ("valueString", text(sha256))]);
    let attachment = object([
        ("extension", list([hash])),
        ("contentType", text(file.media_type)),
        ("url", text(&bytes_url)),
        ("size", Json::Number(file.bytes.len().to_string().into())),
        ("hash", text(&STANDARD.encode(crypto::hash::sha1(file.bytes)))),
        ("title", text(file.title)),
        ("creation", text(file.dated)),
    ]);
    document.push(("content", list([object([("attachment", attachment)])])));
    if let Some(author) = file.visit.as_ref().and_then(|visit| visit.author) {
        document.push(("author", list([reference(author)])));
    }
    if file.visit.is_some() {
        document.push(("category", list([object([("text", text("Sent in a visit by video"))])])));
    }
    document.extend(context(file));
    let mut entries =
        vec![entry(&bytes_url, "Binary", object(binary)), entry(&document_url, "DocumentReference", object(document))];
    if let Some(by) = by {
        let role = coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "enterer", "Enterer");
        let agent = object([("type", concept(role)), ("who", reference(&format!("Practitioner/{by}")))]);
        let author = file.visit.as_ref().and_then(|visit| visit.author).map(|author| {
            let role = coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author");
            object([("type", concept(role)), ("who", reference(author))])
        });
        let mut provenance = vec![("resourceType", text("Provenance"))];
        // It tells of the document, so it is as sensitive.
        provenance.push(meta());
        provenance.extend([
            ("target", list([reference(&document_url), reference(&patient)])),
            ("recorded", text(now)),
            ("agent", list(std::iter::once(agent).chain(author))),
        ]);
        provenance.extend(file.withheld.as_ref().map(|withheld| ("reason", list([withheld_reason(withheld)]))));
        entries.push(entry(&urn(form, 8), "Provenance", object(provenance)));
    }
    let bundle = object([("resourceType", text("Bundle")), ("type", text("transaction")), ("entry", list(entries))]);
    bundle.to_vec()
}

/// The order that it answers, and the visit that it is of.
fn context(file: &DocumentToFile<'_>) -> Option<(&'static str, Json<'static>)> {
    let refer = |kind: &str, id: &str| reference(&format!("{kind}/{id}"));
    let order = file.order_id.map(|id| refer("ServiceRequest", id));
    let visit = file.visit.as_ref().map(|visit| refer("Appointment", visit.appointment_id));
    let encounter = file.visit.as_ref().and_then(|visit| visit.encounter_id).map(|id| refer("Encounter", id));
    let related: Vec<_> = order.into_iter().chain(visit).collect();
    let mut members = Vec::new();
    members.extend(encounter.map(|encounter| ("encounter", list([encounter]))));
    if !related.is_empty() {
        members.push(("related", list(related)));
    }
    (!members.is_empty()).then(|| ("context", object(members)))
}

fn entry(full_url: &str, kind: &'static str, resource: Json<'static>) -> Json<'static> {
    let request = object([("method", text("POST")), ("url", text(kind))]);
    object([("fullUrl", text(full_url)), ("resource", resource), ("request", request)])
}

/// A name within the bundle, of the digest of the form from a place on.
fn urn(form: &str, at: usize) -> String {
    let part = |from: usize, len: usize| form.get(at + from..at + from + len).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 4), part(12, 4), part(16, 4), part(20, 12))
}

fn decoded(data: Option<&Json<'_>>) -> Option<Vec<u8>> {
    STANDARD.decode(data?.as_str()?).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
        out
    })
}
