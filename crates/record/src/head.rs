//! The head of a version: what searching, deciding and listing need, without the body.
//!
//! Format 3, sealed as one part and padded: format u8, type u16, flags u8, labels u32, main length u32, originator u64 (0:
//! none), traits u8, labels added u32 and removed u32 by correction, writer u64 (0: not known), id (length u8, bytes; empty for
//! an id of ours), meta members (length u16, JSON text), search values to the end. Big-endian. Format 2 has no writer, format 1
//! nothing between main length and id.

use std::ops::Deref;
use std::sync::Arc;

use access::{Labels, Traits};
use fhir::search::ValuesRef;
use store::{ChartNo, RowNo, Seq};

use crate::RecordError;
use crate::pad;

const FORMAT: u8 = 3;
/// Without writer: read, no longer written.
const FORMAT_UNSIGNED: u8 = 2;
/// Without originator, traits and corrections: read, no longer written.
const FORMAT_PLAIN: u8 = 1;
const DELETED: u8 = 1;
/// Search values and body are sealed under the key of the first of the labels.
const SEALED_APART: u8 = 2;
/// Behind the body's main part lie single elements, sealed under the key of government numbers.
const ELEMENTS: u8 = 4;

/// What goes into a head.
pub struct HeadParts<'a> {
    pub type_code: u16,
    pub deleted: bool,
    pub sealed_apart: bool,
    pub labels: Labels,
    /// Row of the Practitioner who made the first version.
    pub originator: Option<u64>,
    pub traits: Traits,
    pub corrected: Corrected,
    /// The user who wrote this version's content.
    pub writer: u64,
    /// Bytes of the body's first sealed part, where elements follow it.
    pub main_len: Option<usize>,
    /// The id the client chose; empty when it is ours.
    pub client_id: &'a str,
    /// The members of `meta` beside `versionId` and `lastUpdated`, as JSON text: `"profile":[…],"tag":[…]`.
    pub meta: &'a str,
    pub values: &'a [u8],
    /// Bytes to pad as if there were so many more: what is sealed apart does not make the head short.
    pub filler: usize,
}

/// What the privacy officer changed about the labels that content and writers give. It goes on from version to version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Corrected {
    pub added: Labels,
    /// What content does not give again. A label that a writer names in `meta.security` is given all the same.
    pub removed: Labels,
}

impl Corrected {
    /// The labels of content, as they stand after correction.
    pub fn apply(self, by_content: Labels, by_writer: Labels) -> Labels {
        by_content.without(self.removed).union(by_writer).union(self.added)
    }
}

/// An opened head of one version of one row.
pub struct Head {
    pub row: RowNo,
    pub chart: ChartNo,
    pub version: u32,
    pub seq: Seq,
    pub type_code: u16,
    pub labels: Labels,
    originator: u64,
    traits: Traits,
    corrected: Corrected,
    writer: u64,
    flags: u8,
    main_len: u32,
    id: Box<str>,
    meta_at: usize,
    values_at: usize,
    bytes: Box<[u8]>,
}

/// Every current head of a chart, by row; and their types beside each other, so that a search looks at no head of another type.
pub struct ChartHeads {
    heads: Vec<Arc<Head>>,
    type_codes: Vec<u16>,
}

impl ChartHeads {
    /// Of heads in the order of their rows.
    pub fn new(heads: Vec<Arc<Head>>) -> Self {
        let type_codes = heads.iter().map(|head| head.type_code).collect();
        Self { heads, type_codes }
    }

    /// Where the next head of a type is, from a place on.
    pub fn next_of(&self, type_code: u16, from: usize) -> Option<usize> {
        let rest = self.type_codes.get(from..)?;
        rest.iter().position(|held| *held == type_code).map(|at| from + at)
    }

    /// Memory they hold, for bounding caches.
    pub fn bytes(&self) -> usize {
        self.heads.iter().map(|head| head.bytes()).sum::<usize>() + self.type_codes.len() * size_of::<u16>()
    }
}

impl Deref for ChartHeads {
    type Target = [Arc<Head>];

    fn deref(&self) -> &[Arc<Head>] {
        &self.heads
    }
}

impl HeadParts<'_> {
    /// The padded plaintext.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let meta_len = u16::try_from(self.meta.len())
            .map_err(|_| RecordError::TooMany { what: "bytes of meta", limit: usize::from(u16::MAX) })?;
        let mut out = pad::begin(44 + self.client_id.len() + self.meta.len() + self.values.len());
        out.push(FORMAT);
        out.extend_from_slice(&self.type_code.to_be_bytes());
        let elements = u8::from(self.main_len.is_some()) * ELEMENTS;
        let apart = u8::from(self.sealed_apart) * SEALED_APART;
        out.push((u8::from(self.deleted) * DELETED) | apart | elements);
        out.extend_from_slice(&self.labels.bits().to_be_bytes());
        out.extend_from_slice(&(self.main_len.unwrap_or(0) as u32).to_be_bytes());
        out.extend_from_slice(&self.originator.unwrap_or(0).to_be_bytes());
        out.push(self.traits.bits());
        out.extend_from_slice(&self.corrected.added.bits().to_be_bytes());
        out.extend_from_slice(&self.corrected.removed.bits().to_be_bytes());
        out.extend_from_slice(&self.writer.to_be_bytes());
        out.push(self.client_id.len() as u8);
        out.extend_from_slice(self.client_id.as_bytes());
        out.extend_from_slice(&meta_len.to_be_bytes());
        out.extend_from_slice(self.meta.as_bytes());
        out.extend_from_slice(self.values);
        Ok(pad::finish_as_if(out, self.filler))
    }
}

impl Head {
    /// Reads an opened plaintext. `our_id` makes the id of a row whose id is ours.
    pub fn decode(
        (chart, row, version, seq): (ChartNo, RowNo, u32, Seq),
        plain: Vec<u8>,
        our_id: impl FnOnce(RowNo) -> Result<String, RecordError>,
    ) -> Result<Self, RecordError> {
        let bytes = pad::strip(plain).ok_or(RecordError::Damaged)?.into_boxed_slice();
        let mut at = Reader { bytes: &bytes, at: 0 };
        let format = at.array::<1>()?[0];
        if !matches!(format, FORMAT | FORMAT_UNSIGNED | FORMAT_PLAIN) {
            return Err(RecordError::Damaged);
        }
        let type_code = u16::from_be_bytes(at.array()?);
        let flags = at.array::<1>()?[0];
        let labels = Labels::from_bits(u32::from_be_bytes(at.array()?)).ok_or(RecordError::Damaged)?;
        let main_len = u32::from_be_bytes(at.array()?);
        // What an older head does not say counts as current, by nobody in particular.
        let (mut originator, mut traits, mut corrected, mut writer) = (0, Traits::CURRENT, Corrected::default(), 0);
        if format != FORMAT_PLAIN {
            originator = u64::from_be_bytes(at.array()?);
            traits = Traits::from_bits(at.array::<1>()?[0]).ok_or(RecordError::Damaged)?;
            let mut labels = || Labels::from_bits(u32::from_be_bytes(at.array()?)).ok_or(RecordError::Damaged);
            corrected = Corrected { added: labels()?, removed: labels()? };
        }
        if format == FORMAT {
            writer = u64::from_be_bytes(at.array()?);
        }
        let id_len = usize::from(at.array::<1>()?[0]);
        let id = at.text(id_len)?;
        let id = if id.is_empty() { our_id(row)?.into_boxed_str() } else { id.into() };
        let meta_len = usize::from(u16::from_be_bytes(at.array()?));
        let meta_at = at.at;
        at.text(meta_len)?;
        let values_at = at.at;
        Ok(Self {
            row,
            chart,
            version,
            seq,
            type_code,
            labels,
            originator,
            traits,
            corrected,
            writer,
            flags,
            main_len,
            id,
            meta_at,
            values_at,
            bytes,
        })
    }

    pub fn deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    pub fn sealed_apart(&self) -> bool {
        self.flags & SEALED_APART != 0
    }

    /// The sealed parts of a body: the main one, and the elements sealed apart if there are any.
    pub fn split<'b>(&self, body: &'b [u8]) -> Result<(&'b [u8], Option<&'b [u8]>), RecordError> {
        match self.flags & ELEMENTS {
            0 => Ok((body, None)),
            _ => {
                let (main, elements) = body.split_at_checked(self.main_len as usize).ok_or(RecordError::Damaged)?;
                Ok((main, Some(elements)))
            }
        }
    }

    /// Row of the Practitioner who made the first version.
    pub fn originator(&self) -> Option<u64> {
        (self.originator != 0).then_some(self.originator)
    }

    pub fn traits(&self) -> Traits {
        self.traits
    }

    pub fn corrected(&self) -> Corrected {
        self.corrected
    }

    /// The user who wrote this version's content; 0 where it is not known.
    pub fn writer(&self) -> u64 {
        self.writer
    }

    pub fn has_elements(&self) -> bool {
        self.flags & ELEMENTS != 0
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn type_name(&self) -> &'static str {
        crate::types::name(self.type_code)
    }

    pub fn last_updated_ms(&self) -> i64 {
        store::backend::seq_time_ms(self.seq)
    }

    /// The members of `meta` beside `versionId` and `lastUpdated`, as JSON text.
    pub fn meta(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.meta_at..self.values_at]).unwrap_or_default()
    }

    /// The search values; empty when they are sealed apart.
    pub fn values(&self) -> Option<ValuesRef<'_>> {
        ValuesRef::new(&self.bytes[self.values_at..])
    }

    pub fn search_meta(&self) -> fhir::search::HeadMeta<'_> {
        fhir::search::HeadMeta { id: &self.id, last_updated_ms: self.last_updated_ms() }
    }

    /// Memory it holds, for bounding caches.
    pub fn bytes(&self) -> usize {
        std::mem::size_of::<Self>() + self.bytes.len() + self.id.len() + 32
    }

    /// A reference to it: `Type/id`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.type_name(), self.id)
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.bytes.zeroize();
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let bytes = self.bytes.get(self.at..self.at + N).ok_or(RecordError::Damaged)?;
        self.at += N;
        bytes.try_into().map_err(|_| RecordError::Damaged)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, RecordError> {
        let bytes = self.bytes.get(self.at..self.at + length).ok_or(RecordError::Damaged)?;
        self.at += length;
        std::str::from_utf8(bytes).map_err(|_| RecordError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(plain: Vec<u8>) -> Head {
        Head::decode((16, 7, 2, 99), plain, |row| Ok(format!("id-{row}"))).unwrap_or_else(|_| panic!("a whole head"))
    }

    #[test]
    fn a_head_keeps_its_originator_traits_and_corrections() {
        let corrected = Corrected { added: Labels::GENETIC, removed: Labels::HIV };
        let parts = HeadParts {
            type_code: 9,
            deleted: false,
            sealed_apart: false,
            labels: Labels::GENETIC,
            originator: Some(4_711),
            traits: Traits::VITAL_SIGNS,
            corrected,
            writer: 41,
            main_len: None,
            client_id: "",
            meta: "",
            values: &[1, 2, 3],
            filler: 0,
        };
        let head = decoded(parts.encode().unwrap_or_default());
        assert_eq!((head.originator(), head.traits(), head.corrected()), (Some(4_711), Traits::VITAL_SIGNS, corrected));
        assert_eq!((head.id(), head.labels, head.writer()), ("id-7", Labels::GENETIC, 41));
    }

    #[test]
    fn a_head_of_the_second_format_still_opens_and_has_no_writer() {
        let mut plain = pad::begin(64);
        plain.extend_from_slice(&[2, 0, 9, 0]);
        plain.extend_from_slice(&Labels::HIV.bits().to_be_bytes());
        plain.extend_from_slice(&[0; 4]);
        plain.extend_from_slice(&4_711_u64.to_be_bytes());
        plain.push(Traits::VITAL_SIGNS.bits());
        plain.extend_from_slice(&[0; 8]);
        plain.extend_from_slice(&[3]);
        plain.extend_from_slice(b"ana");
        plain.extend_from_slice(&[0, 0]);
        let head = decoded(pad::finish(plain));
        assert_eq!((head.id(), head.originator(), head.writer()), ("ana", Some(4_711), 0));
    }

    #[test]
    fn a_head_of_the_first_format_still_opens() {
        let mut plain = pad::begin(64);
        plain.extend_from_slice(&[1, 0, 9, 0]);
        plain.extend_from_slice(&Labels::HIV.bits().to_be_bytes());
        plain.extend_from_slice(&[0, 0, 0, 0, 3]);
        plain.extend_from_slice(b"ana");
        plain.extend_from_slice(&[0, 0]);
        let head = decoded(pad::finish(plain));
        assert_eq!((head.id(), head.labels, head.originator()), ("ana", Labels::HIV, None));
        assert_eq!((head.traits(), head.corrected()), (Traits::CURRENT, Corrected::default()));
    }
}
