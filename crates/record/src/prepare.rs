//! From a parsed resource to a sealed version: collect, validate, label, extract, seal. Happens outside the writer.

use std::sync::Arc;

use access::{Labels, TypeRef};
use crypto::Part;
use crypto::keyring::ChartKey;
use fhir::{Issue, Json, Severity};
use store::{Backend, ChartNo, Expected, Keyword, RowNo, Seq};

use crate::head::{Corrected, Head, HeadParts};
use crate::{RESOURCE_BYTES_MAX, Record, RecordError, collect, labels, pad, traits, types};

/// A resource that passed the collection policy and validation.
pub struct Checked<'a> {
    pub kind: TypeRef,
    pub tree: Json<'a>,
    /// What its content puts it under.
    pub labels: Labels,
    /// What its writer names in `meta.security`.
    pub named: Labels,
    pub issues: Vec<Issue>,
}

/// Where a version goes.
pub struct Destination {
    pub row: RowNo,
    pub chart: ChartNo,
    pub version: u32,
    pub expected: Expected,
    pub id: String,
    /// Set when the client chose the id.
    pub locator: Option<Keyword>,
    pub client_id: bool,
    /// It is new, under an id that the client asked for, whether or not that is one of ours.
    pub client_chose_id: bool,
}

/// A sealed version, with what caches and the answer need of it.
pub struct Prepared {
    pub kind: TypeRef,
    pub row: RowNo,
    pub chart: ChartNo,
    pub version: u32,
    pub id: String,
    pub labels: Labels,
    pub write: store::Write,
    pub keywords: Vec<Keyword>,
    pub head_plain: Vec<u8>,
    pub plain: Plain,
    pub issues: Vec<Issue>,
    pub traits: access::Traits,
    pub originator: Option<u64>,
    /// The decision that let it be written, for the audit record.
    pub decision: Option<access::PackedKey>,
}

/// The stored JSON without `meta`: where it is spliced in, and elements that were sealed apart.
#[derive(Default)]
pub struct Plain {
    pub splice: usize,
    pub json: Vec<u8>,
    pub elements: Vec<Element>,
}

/// One item of a top-level array, kept under its own key.
pub struct Element {
    name: String,
    index: usize,
    json: Vec<u8>,
}

/// What is sealed apart of a resource that is otherwise open: the items, and the search values of the resource with them.
#[derive(Default)]
pub struct Elements {
    pub items: Vec<Element>,
    pub values: Vec<u8>,
}

/// A body that is sealed with its search values, under the key of a sensitive category.
pub struct Main {
    pub values: Vec<u8>,
    pub body: Plain,
}

/// What of a current version goes on in the next one although its writer does not see it.
#[derive(Default)]
pub struct Kept {
    pub labels: Labels,
    pub elements: Vec<Element>,
    pub originator: Option<u64>,
    pub corrected: Corrected,
    /// The user who writes.
    pub writer: u64,
}

impl<B: Backend> Record<B> {
    /// Applies the collection policy and validates.
    pub(crate) fn check<'a>(&self, kind: TypeRef, mut tree: Json<'a>) -> Result<Checked<'a>, RecordError> {
        if kind.name == types::AUDIT_EVENT {
            return Err(RecordError::NotSupported("writing AuditEvents, which only the audit log does,"));
        }
        match tree.resource_type() {
            Some(name) if name == kind.name => {}
            Some(_) => return Err(RecordError::Malformed("resourceType is not the type that the URL names")),
            None => return Err(RecordError::Malformed("the body is not a FHIR resource: resourceType is missing")),
        }
        self.make_local(&mut tree);
        let mut issues = collect::apply(&self.0.collection, kind.name, &mut tree)?;
        let found = fhir::validate(&tree);
        if found.iter().any(|i| i.severity == Severity::Error) {
            return Err(RecordError::Invalid(found));
        }
        issues.extend(found);
        let (labels, named) = labels::of(&tree, kind.name);
        Ok(Checked { kind, tree, labels, named, issues })
    }

    /// References below our own base lose the base: ownership and search know local references by their form.
    fn make_local(&self, tree: &mut Json<'_>) {
        let mut has_own = false;
        fhir::references::for_each_reference(tree, |reference| has_own |= self.local(reference) != reference);
        if has_own {
            fhir::references::rewrite(tree, |link| {
                let local = self.local(link);
                (local != link).then(|| local.to_owned())
            });
        }
    }

    /// Seals a version.
    pub(crate) fn prepare(
        &self,
        key: &Arc<ChartKey>,
        checked: Checked<'_>,
        kept: Kept,
        to: Destination,
    ) -> Result<Prepared, RecordError> {
        let Checked { kind, mut tree, labels, named, issues } = checked;
        let labels = kept.corrected.apply(labels, named).union(kept.labels);
        let traits = traits::of(&tree, kind.name);
        // Before the search values of the head, which whoever searches opens: a government number is in none.
        let mut elements = kept.elements;
        if labels.contains(Labels::GOVERNMENT_ID) {
            take_government_ids(&mut tree, &mut elements);
        }
        let values = fhir::search::extract(&tree);
        let whole = whole_values(&tree, &elements)?;
        let keywords = self.0.index.labels(kind.name, whole.as_ref().unwrap_or(&values).as_ref());
        let meta = take_meta(&mut tree);
        let plain = Plain::encode_tree(kind, &to.id, &tree, elements)?;
        // What sensitive category, if any, the whole resource is sealed under: the first of its labels.
        let apart = first_of(labels);
        let seal = |part, plain: &[u8]| self.0.keyring.seal(key, to.row, to.version, part, plain);
        let mut body = match apart {
            None => seal(Part::Body, &plain.padded())?,
            Some(label) => seal(category(label), &Main::padded(&values.0, &plain))?,
        };
        let main_len = (!plain.elements.is_empty()).then_some(body.len());
        if main_len.is_some() {
            let values = whole.as_ref().map_or(&[][..], |values| &values.0);
            let padded = Elements::padded(&plain.elements, values, body.len());
            body.extend_from_slice(&seal(category(Labels::GOVERNMENT_ID), &padded)?);
        }
        let head_plain = HeadParts {
            type_code: kind.code,
            deleted: false,
            sealed_apart: apart.is_some(),
            labels,
            originator: kept.originator,
            traits,
            corrected: kept.corrected,
            writer: kept.writer,
            main_len,
            client_id: if to.client_id { &to.id } else { "" },
            meta: &meta,
            values: if apart.is_some() { &[] } else { &values.0 },
            filler: if apart.is_some() { values.0.len() } else { 0 },
        }
        .encode()?;
        let write = store::Write {
            row: to.row,
            chart: to.chart,
            version: to.version,
            expected: to.expected,
            head: seal(Part::Head, &head_plain)?,
            body,
            locator: to.locator,
        };
        let (row, chart, version, id) = (to.row, to.chart, to.version, to.id);
        let originator = kept.originator;
        let decision = None;
        Ok(Prepared {
            kind,
            row,
            chart,
            version,
            id,
            labels,
            write,
            keywords,
            head_plain,
            plain,
            issues,
            traits,
            originator,
            decision,
        })
    }

    /// Seals a deletion: a version without content, under the labels of what was deleted.
    pub(crate) fn prepare_deletion(
        &self,
        key: &Arc<ChartKey>,
        head: &Head,
        client_id: bool,
    ) -> Result<Prepared, RecordError> {
        let version = head.version + 1;
        let head_plain = HeadParts {
            type_code: head.type_code,
            deleted: true,
            sealed_apart: false,
            labels: head.labels,
            originator: head.originator(),
            traits: head.traits(),
            corrected: head.corrected(),
            writer: head.writer(),
            main_len: None,
            client_id: if client_id { head.id() } else { "" },
            meta: "",
            values: &[],
            filler: 0,
        }
        .encode()?;
        let seal = |part, plain: &[u8]| self.0.keyring.seal(key, head.row, version, part, plain);
        let write = store::Write {
            row: head.row,
            chart: head.chart,
            version,
            expected: Expected::Current { version: head.version, chart: head.chart },
            head: seal(Part::Head, &head_plain)?,
            body: seal(Part::Body, &pad::finish(pad::begin(0)))?,
            locator: None,
        };
        Ok(Prepared {
            kind: types::reference(head.type_code),
            row: head.row,
            chart: head.chart,
            version,
            id: head.id().to_owned(),
            labels: head.labels,
            write,
            keywords: Vec::new(),
            head_plain,
            plain: Plain::default(),
            issues: Vec::new(),
            traits: head.traits(),
            originator: head.originator(),
            decision: None,
        })
    }
}

impl Prepared {
    /// The head as a reader would open it after the commit.
    pub fn head(&self, seq: Seq) -> Result<Head, RecordError> {
        let id = &self.id;
        Head::decode((self.chart, self.row, self.version, seq), self.head_plain.clone(), |_| Ok(id.clone()))
    }
}

impl Plain {
    fn encode_tree(kind: TypeRef, id: &str, tree: &Json<'_>, elements: Vec<Element>) -> Result<Self, RecordError> {
        let mut json = Vec::with_capacity(1_024);
        json.extend_from_slice(b"{\"resourceType\":");
        fhir::json::write_string(kind.name, &mut json);
        json.extend_from_slice(b",\"id\":");
        fhir::json::write_string(id, &mut json);
        let splice = json.len();
        for (name, value) in tree.as_object().into_iter().flat_map(|o| o.iter()) {
            if name == "resourceType" || name == "id" {
                continue;
            }
            json.push(b',');
            fhir::json::write_string(name, &mut json);
            json.push(b':');
            value.write(&mut json);
        }
        json.push(b'}');
        if json.len() > RESOURCE_BYTES_MAX {
            return Err(RecordError::TooMany { what: "bytes of one resource", limit: RESOURCE_BYTES_MAX });
        }
        Ok(Self { splice, json, elements })
    }

    fn padded(&self) -> Vec<u8> {
        let mut out = pad::begin(4 + self.json.len());
        out.extend_from_slice(&(self.splice as u32).to_be_bytes());
        out.extend_from_slice(&self.json);
        pad::finish(out)
    }

    pub fn decode(mut content: Vec<u8>) -> Result<Self, RecordError> {
        let splice = u32::from_be_bytes(*content.first_chunk::<4>().ok_or(RecordError::Damaged)?) as usize;
        content.drain(..4);
        if splice > content.len() {
            return Err(RecordError::Damaged);
        }
        Ok(Self { splice, json: content, elements: Vec::new() })
    }
}

impl Element {
    /// Puts the item back where it was.
    pub fn put_back<'a>(&'a self, tree: &mut Json<'a>) -> Result<(), RecordError> {
        let item = Json::parse(&self.json).map_err(|_| RecordError::Damaged)?;
        let members = tree.as_object_mut().ok_or(RecordError::Damaged)?;
        if members.get(&self.name).is_none() {
            members.set(self.name.as_str(), Json::Array(Vec::new()));
        }
        let items = members.get_mut(&self.name).and_then(Json::as_array_mut).ok_or(RecordError::Damaged)?;
        items.insert(self.index.min(items.len()), item);
        Ok(())
    }
}

/// Each item: length of its name u8, name, place u32, length u32, JSON. The search values: a zero byte, length u32, bytes.
impl Elements {
    /// Padded so that both parts together are as long as some single part: the length does not tell that there are two.
    fn padded(items: &[Element], values: &[u8], main_len: usize) -> Vec<u8> {
        let mut out = pad::begin(256 + values.len());
        for element in items {
            out.push(element.name.len() as u8);
            out.extend_from_slice(element.name.as_bytes());
            out.extend_from_slice(&(element.index as u32).to_be_bytes());
            out.extend_from_slice(&(element.json.len() as u32).to_be_bytes());
            out.extend_from_slice(&element.json);
        }
        out.push(0);
        out.extend_from_slice(&(values.len() as u32).to_be_bytes());
        out.extend_from_slice(values);
        pad::finish_behind(out, main_len)
    }

    pub fn decode(mut rest: &[u8]) -> Result<Self, RecordError> {
        let mut elements = Self::default();
        while !rest.is_empty() {
            let name = String::from_utf8(take(&mut rest, 1)?.to_vec()).map_err(|_| RecordError::Damaged)?;
            if name.is_empty() {
                elements.values = take(&mut rest, 4)?.to_vec();
                continue;
            }
            let (index, after) = rest.split_first_chunk::<4>().ok_or(RecordError::Damaged)?;
            rest = after;
            let json = take(&mut rest, 4)?.to_vec();
            elements.items.push(Element { name, index: u32::from_be_bytes(*index) as usize, json });
        }
        Ok(elements)
    }
}

impl Main {
    /// The category that a version is sealed under as a whole.
    pub fn part(head: &Head) -> Option<Labels> {
        first_of(head.labels).filter(|_| head.sealed_apart())
    }

    fn padded(values: &[u8], body: &Plain) -> Vec<u8> {
        let mut out = pad::begin(8 + values.len() + body.json.len());
        out.extend_from_slice(&(values.len() as u32).to_be_bytes());
        out.extend_from_slice(values);
        out.extend_from_slice(&(body.splice as u32).to_be_bytes());
        out.extend_from_slice(&body.json);
        pad::finish(out)
    }

    pub fn decode(content: Vec<u8>) -> Result<Self, RecordError> {
        let mut rest = content.as_slice();
        let values = take(&mut rest, 4)?.to_vec();
        Ok(Main { values, body: Plain::decode(rest.to_vec())? })
    }
}

/// The first label that closes a whole resource.
fn first_of(labels: Labels) -> Option<Labels> {
    labels.without(Labels::OF_ELEMENTS).iter().next()
}

/// The part that a single label's material is sealed as.
pub fn category(label: Labels) -> Part {
    Part::Category(label.bits().trailing_zeros() as u8)
}

/// Takes bytes behind a big-endian length of `prefix` bytes.
fn take<'a>(rest: &mut &'a [u8], prefix: usize) -> Result<&'a [u8], RecordError> {
    let (length, after) = rest.split_at_checked(prefix).ok_or(RecordError::Damaged)?;
    let length = length.iter().fold(0usize, |n, &b| n << 8 | usize::from(b));
    let (taken, after) = after.split_at_checked(length).ok_or(RecordError::Damaged)?;
    *rest = after;
    Ok(taken)
}

/// Removes `meta` and answers its members beside `versionId` and `lastUpdated`, which are the server's, as JSON text.
fn take_meta(tree: &mut Json<'_>) -> String {
    let Some(Json::Object(mut meta)) = tree.as_object_mut().and_then(|o| o.remove("meta")) else {
        return String::new();
    };
    meta.retain(|name, _| !matches!(name.trim_start_matches('_'), "versionId" | "lastUpdated"));
    let text = Json::Object(meta).to_vec();
    String::from_utf8_lossy(&text[1..text.len() - 1]).into_owned()
}

/// The search values of the resource with what was taken out of it; `None` if nothing was.
fn whole_values(tree: &Json<'_>, elements: &[Element]) -> Result<Option<fhir::search::SearchValues>, RecordError> {
    if elements.is_empty() {
        return Ok(None);
    }
    let mut whole = tree.clone();
    for element in elements {
        element.put_back(&mut whole)?;
    }
    Ok(Some(fhir::search::extract(&whole)))
}

fn take_government_ids(tree: &mut Json<'_>, elements: &mut Vec<Element>) {
    let Some(members) = tree.as_object_mut() else { return };
    let Some(Json::Array(items)) = members.get_mut("identifier") else { return };
    let mut kept = Vec::with_capacity(items.len());
    for (index, item) in std::mem::take(items).into_iter().enumerate() {
        match labels::is_government_id(&item) {
            true => elements.push(Element { name: "identifier".into(), index, json: item.to_vec() }),
            false => kept.push(item),
        }
    }
    if kept.is_empty() {
        members.remove("identifier");
    } else {
        *items = kept;
    }
}
