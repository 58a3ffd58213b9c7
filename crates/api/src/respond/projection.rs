//! `_summary` and `_elements`: the only reasons to parse a resource on its way out.

use std::borrow::Cow;

use fhir::Json;
use fhir::project::{self, SummaryMode};
use fhir::search::Summary;
use record::RecordError;

use crate::error::ApiError;
use crate::extract::find;

#[derive(Default)]
pub struct Projection {
    summary: Option<SummaryMode>,
    elements: Vec<String>,
}

impl Projection {
    /// As a read or a history asks for it.
    pub fn of(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<Self, ApiError> {
        let summary = match find(pairs, "_summary") {
            None | Some("false") => None,
            Some("true") => Some(SummaryMode::True),
            Some("text") => Some(SummaryMode::Text),
            Some("data") => Some(SummaryMode::Data),
            Some(_) => {
                return Err(ApiError::Parameter { name: "_summary", problem: "expected true, text, data or false" });
            }
        };
        let elements = find(pairs, "_elements").map(|list| list.split(',').map(|e| e.trim().to_owned()).collect());
        Ok(Self { summary, elements: elements.unwrap_or_default() })
    }

    /// As a search was understood.
    pub fn of_search(summary: Option<Summary>, elements: &[String]) -> Self {
        let summary = match summary {
            None | Some(Summary::False | Summary::Count) => None,
            Some(Summary::True) => Some(SummaryMode::True),
            Some(Summary::Text) => Some(SummaryMode::Text),
            Some(Summary::Data) => Some(SummaryMode::Data),
        };
        Self { summary, elements: elements.to_vec() }
    }

    /// Most answers are whole, and then their bytes are never parsed.
    pub fn is_whole(&self) -> bool {
        self.summary.is_none() && self.elements.is_empty()
    }

    pub fn apply<'j>(&self, json: &'j [u8]) -> Result<Cow<'j, [u8]>, ApiError> {
        if self.is_whole() {
            return Ok(Cow::Borrowed(json));
        }
        let mut resource = Json::parse(json).map_err(|_| RecordError::Damaged)?;
        if let Some(mode) = self.summary {
            resource = project::summary(&resource, mode);
        }
        if !self.elements.is_empty() {
            let names: Vec<&str> = self.elements.iter().map(|name| own_name(name, &resource)).collect();
            resource = project::elements(&resource, &names);
        }
        Ok(Cow::Owned(resource.to_vec()))
    }
}

/// In a search over included types, `Patient.name` is `name` of a Patient (R4 search.html#elements).
fn own_name<'n>(name: &'n str, resource: &Json<'_>) -> &'n str {
    match name.split_once('.') {
        Some((kind, element)) if resource.resource_type() == Some(kind) => element,
        _ => name,
    }
}
