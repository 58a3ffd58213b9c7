//! What is asked of the record, already parsed: names are known types, ids are well formed.

use std::borrow::Cow;

use access::TypeRef;

use crate::types;

pub type Pairs<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// A type and an id.
#[derive(Clone, PartialEq, Eq)]
pub struct ResourceKey {
    pub kind: TypeRef,
    pub id: String,
}

impl ResourceKey {
    /// `None` if R4 has no such type or the id is not 1 to 64 of `[A-Za-z0-9.-]`.
    pub fn parse(type_name: &str, id: &str) -> Option<Self> {
        let well_formed =
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        Some(Self { kind: types::parse(type_name).filter(|_| well_formed)?, id: id.to_owned() })
    }

    /// `Patient/123`, also behind a slash or with a `_history/n` behind it, which is dropped.
    pub fn parse_reference(reference: &str) -> Option<Self> {
        let mut parts = reference.strip_prefix('/').unwrap_or(reference).split('/');
        let key = Self::parse(parts.next()?, parts.next()?)?;
        match parts.next() {
            None | Some("_history") => Some(key),
            Some(_) => None,
        }
    }
}

/// What a write is aimed at.
#[derive(Clone)]
pub enum Target<'a> {
    Id(ResourceKey),
    /// A conditional update, patch or delete.
    Matching(TypeRef, Cow<'a, Pairs<'a>>),
}

/// `If-Match` and `If-None-Match` of a write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The version that must be current.
    pub if_match: Option<u32>,
    /// `If-None-Match: *`: nothing must exist.
    pub if_none_match: bool,
}

pub struct SearchRequest<'a> {
    pub kind: TypeRef,
    /// `Patient/123/Observation`: the compartment's name and id.
    pub compartment: Option<ResourceKey>,
    /// Decoded parameters, `_cursor` among them for a further page.
    pub pairs: &'a Pairs<'a>,
    /// `Prefer: handling=lenient`: unknown parameters are ignored and said so.
    pub lenient: bool,
}

#[derive(Clone)]
pub enum HistoryOf {
    Instance(ResourceKey),
    Type(TypeRef),
    System,
}

pub struct HistoryRequest<'a> {
    pub of: HistoryOf,
    pub count: Option<u32>,
    /// Only versions made at or after this time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    pub cursor: Option<&'a str>,
}

pub struct EverythingRequest<'a> {
    pub patient_id: &'a str,
    pub count: Option<u32>,
    pub since_ms: Option<i64>,
    /// `_type`: empty for all.
    pub types: Vec<TypeRef>,
    pub cursor: Option<&'a str>,
}
