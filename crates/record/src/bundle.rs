//! Batch and transaction. A transaction's entries are prepared against one state of the record, with references between
//! them resolved, and committed as one unit under one audit record.

mod entry;
mod transaction;

use std::borrow::Cow;

use access::Caller;
use fhir::Json;
use store::Backend;

use crate::answer::{BundleAnswer, BundleEntry, BundleKind, EntryAnswer};
use crate::request::{HistoryOf, HistoryRequest, ResourceKey, SearchRequest, Target};
use crate::{BUNDLE_ENTRIES_MAX, Record, RecordError, types};
use entry::{Entry, Method};

/// Bundles with more entries are worked on a thread of their own, so that other requests are not held up.
const ENTRIES_INLINE_MAX: usize = 32;

impl<B: Backend> Record<B> {
    /// Carries out a batch or transaction Bundle.
    pub async fn bundle(&self, caller: &Caller, body: &[u8]) -> Result<BundleAnswer, RecordError> {
        self.bundle_once(caller, body, None).await
    }

    /// As [`bundle`](Self::bundle) for a transaction that is one piece of an import: a piece that was committed before,
    /// told by its label, answers [`RecordError::Done`].
    pub async fn import_bundle(&self, caller: &Caller, body: &[u8], label: &str) -> Result<BundleAnswer, RecordError> {
        let once = self.0.locator.label(format!("import {label}").as_bytes());
        if self.0.store.was_done(&once).await? {
            return Err(RecordError::Done);
        }
        self.bundle_once(caller, body, Some(once)).await
    }

    pub(crate) async fn bundle_once(
        &self,
        caller: &Caller,
        body: &[u8],
        once: Option<store::Keyword>,
    ) -> Result<BundleAnswer, RecordError> {
        let bundle = Json::parse(body)?;
        if bundle.resource_type() != Some("Bundle") {
            return Err(RecordError::Malformed("the body is not a Bundle"));
        }
        let kind = match bundle.get("type").and_then(Json::as_str) {
            Some("batch") => BundleKind::Batch,
            Some("transaction") => BundleKind::Transaction,
            _ => return Err(RecordError::Malformed("Bundle.type is neither batch nor transaction")),
        };
        let entries = match bundle {
            Json::Object(mut members) => match members.remove("entry") {
                Some(Json::Array(entries)) => entries,
                None => Vec::new(),
                Some(_) => return Err(RecordError::Malformed("Bundle.entry is not an array")),
            },
            _ => Vec::new(),
        };
        if entries.len() > BUNDLE_ENTRIES_MAX {
            return Err(RecordError::TooMany { what: "entries of a bundle", limit: BUNDLE_ENTRIES_MAX });
        }
        let is_large = entries.len() > ENTRIES_INLINE_MAX;
        let mut parsed = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            parsed.push(Entry::parse(index, entry, &self.0.base_url));
        }
        let entries = match kind {
            BundleKind::Batch => self.batch(caller, parsed).await,
            BundleKind::Transaction => {
                let entries = parsed.into_iter().collect::<Result<Vec<_>, _>>()?;
                self.transaction(caller, entries, once, is_large).await?
            }
        };
        Ok(BundleAnswer { kind, entries })
    }

    async fn batch(&self, caller: &Caller, entries: Vec<Result<Entry<'_>, RecordError>>) -> Vec<BundleEntry> {
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            let result = match entry {
                Ok(entry) => self.batch_entry(caller, entry).await,
                // The position is known from the answer's own position.
                Err(RecordError::Entry { error, .. }) => Err(*error),
                Err(error) => Err(error),
            };
            answers.push(BundleEntry { result });
        }
        answers
    }

    async fn batch_entry(&self, caller: &Caller, entry: Entry<'_>) -> Result<EntryAnswer, RecordError> {
        let preconditions = entry.preconditions;
        let body = |entry: &Entry<'_>| entry.resource.as_ref().map(Json::to_vec).unwrap_or_default();
        let written = match entry.method {
            Method::Get => return self.conditional_get(caller, &entry.url, entry.if_none_match.as_deref()).await,
            Method::Post => {
                let kind = entry.kind()?;
                self.create(caller, kind, &body(&entry), entry.if_none_exist.as_deref()).await?
            }
            Method::Put => self.update(caller, entry.target()?, &body(&entry), preconditions).await?,
            Method::Patch => self.patch(caller, entry.target()?, &entry.patch()?, preconditions).await?,
            Method::Delete => self.delete(caller, entry.target()?, preconditions).await?,
        };
        Ok(EntryAnswer::Written(written))
    }

    /// A GET with `ifNoneMatch`: not sent again when the client has this version.
    pub(crate) async fn conditional_get(
        &self,
        caller: &Caller,
        url: &str,
        held: Option<&str>,
    ) -> Result<EntryAnswer, RecordError> {
        let answer = self.get_entry(caller, url).await?;
        match (&answer, held) {
            (EntryAnswer::Version(version), Some(tag)) if entry::version_of_etag(tag)? == version.get().version() => {
                Ok(EntryAnswer::NotModified)
            }
            _ => Ok(answer),
        }
    }

    /// A GET of a batch or transaction: read, version, history or search.
    pub(crate) async fn get_entry(&self, caller: &Caller, url: &str) -> Result<EntryAnswer, RecordError> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let pairs = entry::pairs(query);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let key = |type_name: &str, id: &str| ResourceKey::parse(type_name, id).ok_or(RecordError::NotFound);
        // Rows of this type do not exist: who reads the log reads it through its own doors.
        if parts.contains(&types::AUDIT_EVENT) {
            return Err(RecordError::NotSupported("reading AuditEvents in a bundle"));
        }
        let search = async |type_name: &str, compartment: Option<ResourceKey>| {
            let kind = types::parse(type_name).ok_or(RecordError::NotFound)?;
            let request = SearchRequest { kind, compartment, pairs: &pairs, lenient: false };
            let page = self.search(caller, &request).await?;
            Ok(EntryAnswer::Page(page, Cow::Owned(path.to_owned())))
        };
        match parts.as_slice() {
            [type_name] => search(type_name, None).await,
            [type_name, id] => {
                nothing_else(&pairs, &[])?;
                Ok(EntryAnswer::Version(self.read(caller, &key(type_name, id)?).await?))
            }
            [type_name, id, "_history"] => {
                nothing_else(&pairs, &["_count"])?;
                let of = HistoryOf::Instance(key(type_name, id)?);
                let count = pairs.iter().find(|(name, _)| name == "_count").and_then(|(_, value)| value.parse().ok());
                let request = HistoryRequest { of, count, since_ms: None, cursor: None };
                let page = self.history(caller, &request).await?;
                Ok(EntryAnswer::Page(page, Cow::Owned(path.to_owned())))
            }
            [type_name, id, "_history", version] => {
                nothing_else(&pairs, &[])?;
                let version = version.parse().map_err(|_| RecordError::NotFound)?;
                Ok(EntryAnswer::Version(self.vread(caller, &key(type_name, id)?, version).await?))
            }
            [compartment, id, type_name] => search(type_name, Some(key(compartment, id)?)).await,
            _ => Err(RecordError::NotFound),
        }
    }
}

/// A parameter that would be ignored would change what is disclosed: it is refused.
fn nothing_else(pairs: &entry::OwnedPairs, known: &[&str]) -> Result<(), RecordError> {
    match pairs.iter().all(|(name, _)| known.contains(&name.as_ref())) {
        true => Ok(()),
        false => Err(RecordError::NotSupported("this parameter on a read within a bundle")),
    }
}

impl Entry<'_> {
    fn target(&self) -> Result<Target<'static>, RecordError> {
        match self.url.split_once('?') {
            Some((_, query)) => Ok(Target::Matching(self.kind()?, Cow::Owned(entry::pairs(query)))),
            None => match ResourceKey::parse_reference(&self.url) {
                Some(key) => Ok(Target::Id(key)),
                None => Err(RecordError::Malformed("request.url names no resource")),
            },
        }
    }
}
