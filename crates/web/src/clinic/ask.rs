//! Asking the record for a page: each question is a search of its own, decided, and in the audit log with its purpose.

use std::borrow::Cow;

use access::{Action, Caller, Labels, TypeRef};
use fhir::Json;
use record::{BundleAnswer, Disclosed, Page, Record, RecordError, ResourceKey, SearchRequest, Unless, Version, types};

use super::read::reference;
use crate::refusal::Refusal;

/// Values of one search parameter.
const IDS_MAX: usize = 200;
/// Parameters and elements that name the patient whose a resource is.
const OF_PATIENT: [&str; 4] = ["patient", "subject", "beneficiary", "for"];

/// One caller's questions.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub record: &'a Record,
    pub caller: &'a Caller,
}

/// What one search disclosed; nothing where the role never sees the type.
#[derive(Default)]
pub struct Sheet(Option<Disclosed<Page>>);

impl Asking<'_> {
    /// Whether the role ever finds things of this type: what has no answer is not asked, and leaves no denial in the log.
    pub fn ever(&self, kind: &str) -> bool {
        types::parse(kind).is_some_and(|kind| self.record.policies().scope(self.caller, Action::Search, kind).is_ok())
    }

    /// Whether the role is ever permitted to do this with any resource of the type.
    pub fn may_ever(&self, action: Action, kind: &str) -> bool {
        types::parse(kind).is_some_and(|kind| self.record.policies().ever(self.caller, action, kind).is_ok())
    }

    /// Whether what the role may do with things of this type shows it an element of theirs.
    pub fn shows(&self, action: Action, kind: &str, element: &str) -> bool {
        let scope = types::parse(kind).and_then(|kind| self.record.policies().scope(self.caller, action, kind).ok());
        scope.is_some_and(|scope| scope.view().allows(kind, element))
    }

    pub async fn search(&self, kind: &str, pairs: &[(&str, &str)]) -> Result<Sheet, Refusal> {
        let mut asked: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let value = match OF_PATIENT.contains(name) {
                true => self.of_patient(value).await?,
                false => Cow::Borrowed(*value),
            };
            asked.push((Cow::Borrowed(*name), value));
        }
        let pairs = asked;
        let request = SearchRequest { kind: known(kind)?, compartment: None, pairs: &pairs, lenient: false };
        Ok(Sheet(Some(self.record.search(self.caller, &request).await?)))
    }

    /// A search without what a Task answered that is named after it and matches.
    pub async fn search_unless(
        &self,
        kind: &str,
        pairs: &[(&str, &str)],
        name: &(dyn Fn(&str, u32) -> String + Sync),
        status: &str,
    ) -> Result<Sheet, Refusal> {
        if !self.ever(kind) {
            return Ok(Sheet::default());
        }
        let owned = |pairs: &[(&str, &str)]| -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
            pairs.iter().map(|(name, value)| (Cow::from((*name).to_owned()), Cow::from((*value).to_owned()))).collect()
        };
        let (pairs, answered) = (owned(pairs), owned(&[("status", status)]));
        let request = SearchRequest { kind: known(kind)?, compartment: None, pairs: &pairs, lenient: false };
        let unless = Unless { kind: "Task", name, pairs: &answered };
        Ok(Sheet(Some(self.record.search_unless(self.caller, &request, Some(&unless)).await?)))
    }

    /// As many as one search takes at a time, by id.
    pub async fn by_ids(&self, kind: &str, ids: &[impl AsRef<str>]) -> Result<Vec<Sheet>, Refusal> {
        let mut sheets = Vec::new();
        if !self.ever(kind) {
            return Ok(sheets);
        }
        let mut ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        ids.sort_unstable();
        ids.dedup();
        for some in ids.chunks(IDS_MAX) {
            sheets.push(self.search(kind, &[("_id", &some.join(",")), ("_count", &some.len().to_string())]).await?);
        }
        Ok(sheets)
    }

    /// One patient, and the records that are merged with theirs, whichever goes on: whatever a page asks of a chart it asks of all of it.
    pub async fn of_patient<'v>(&self, value: &'v str) -> Result<Cow<'v, str>, Refusal> {
        if value.contains([',', '/']) {
            return Ok(Cow::Borrowed(value));
        }
        let all = self.record.records_of(value).await?;
        Ok(if all.len() == 1 { Cow::Borrowed(value) } else { all.join(",").into() })
    }

    /// The patient whose this resource is: this one, or one whose record is merged with theirs. What is of anybody else is not here.
    pub async fn whose<'j>(&self, resource: &'j Json<'_>, patient_id: &str) -> Result<&'j str, Refusal> {
        let of = { OF_PATIENT.iter() }.find_map(|name| resource.get(name)).and_then(reference);
        match of {
            Some(("Patient", of)) if self.is_one_patient(patient_id, of).await? => Ok(of),
            _ => Err(RecordError::NotFound.into()),
        }
    }

    pub async fn is_one_patient(&self, one: &str, other: &str) -> Result<bool, Refusal> {
        Ok(one == other || self.record.records_of(one).await?.iter().any(|id| id == other))
    }

    /// A search that is empty where the role never sees the type.
    pub async fn search_if_ever(&self, kind: &str, pairs: &[(&str, &str)]) -> Result<Sheet, Refusal> {
        if self.ever(kind) { self.search(kind, pairs).await } else { Ok(Sheet::default()) }
    }

    /// All of it or nothing. What an entry of it failed of is what it failed of.
    pub async fn transact(&self, bundle: &[u8]) -> Result<BundleAnswer, RecordError> {
        self.record.bundle(self.caller, bundle).await.map_err(|error| match error {
            RecordError::Entry { error, .. } => *error,
            other => other,
        })
    }

    pub async fn read(&self, kind: &str, id: &str) -> Result<Disclosed<Version>, RecordError> {
        let key = ResourceKey::parse(kind, id).ok_or(RecordError::NotFound)?;
        self.record.read(self.caller, &key).await
    }
}

impl Sheet {
    pub fn resources(&self) -> Vec<Json<'_>> {
        let entries = self.0.iter().flat_map(|page| &page.get().entries);
        // What the record holds parses; a page does not fail for what would not.
        entries.filter_map(|(_, version)| Json::parse(version.json()).ok()).collect()
    }

    /// The same, to be kept for longer than the sheet.
    pub fn owned(&self) -> Vec<Json<'static>> {
        self.resources().into_iter().map(Json::into_owned).collect()
    }

    /// The same, each with the sensitive categories that it is in.
    pub fn owned_with_categories(&self) -> Vec<(Json<'static>, Labels)> {
        let parsed = |version: &Version| Some((Json::parse(version.json()).ok()?.into_owned(), version.categories()));
        self.versions().filter_map(parsed).collect()
    }

    /// What was disclosed, version by version.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.0.iter().flat_map(|page| &page.get().entries).map(|(_, version)| version)
    }

    pub fn total(&self) -> Option<u64> {
        self.0.as_ref()?.get().total
    }

    /// The sealed cursor of the next page.
    pub fn next(&self) -> Option<&str> {
        self.0.as_ref()?.get().next.as_deref()
    }

    /// 42 CFR 2.32: what accompanies a disclosure of Part 2 records.
    pub fn is_part2(&self) -> bool {
        self.0.as_ref().is_some_and(|page| page.get().is_part2())
    }
}

pub fn known(kind: &str) -> Result<TypeRef, Refusal> {
    types::parse(kind).ok_or(Refusal::Defect)
}
