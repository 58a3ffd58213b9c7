//! What references name: people and organizations of the directory, and medicines of the catalog.

use std::collections::{BTreeSet, HashMap};

use fhir::Json;

use super::ask::{Asking, Sheet};
use super::name;
use super::read::{all, reference, text, words};
use crate::refusal::Refusal;

/// Looked up for one page; further ones stay without a name.
const NAMES_MAX: usize = 200;

const KINDS: [&str; 3] = ["Practitioner", "Organization", "Medication"];

/// Names by reference. None of patients: whose chart it is says the banner.
#[derive(Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    /// All that the resources refer to, in one search for each type. Who may not look there sees no names.
    pub async fn of<'s, 'j: 's>(
        asking: &Asking<'_>,
        resources: impl IntoIterator<Item = &'s Json<'j>>,
        sheets: impl Iterator<Item = &'s Sheet>,
    ) -> Result<Self, Refusal> {
        let mut wanted = BTreeSet::new();
        resources.into_iter().for_each(|resource| collect(resource, &mut wanted));
        for sheet in sheets {
            for resource in sheet.resources() {
                collect(&resource, &mut wanted);
            }
        }
        let mut names = Self::default();
        for kind in KINDS {
            let ids: Vec<&str> = wanted.iter().filter(|(of, _)| *of == kind).map(|(_, id)| id.as_str()).collect();
            let ids = &ids[..ids.len().min(NAMES_MAX)];
            if ids.is_empty() || !asking.ever(kind) {
                continue;
            }
            let found = asking.search(kind, &[("_id", &ids.join(",")), ("_count", &ids.len().to_string())]).await?;
            for resource in found.resources() {
                let (Some(id), Some(named)) = (text(&resource, "id"), named(&resource)) else { continue };
                names.0.insert(format!("{kind}/{id}"), named);
            }
        }
        Ok(names)
    }

    /// The name behind a Reference: what the directory says, else what the reference itself does.
    pub fn name(&self, one: &Json<'_>) -> Option<String> {
        let held = reference(one).and_then(|(kind, id)| self.0.get(&format!("{kind}/{id}")));
        held.cloned().or_else(|| text(one, "display").map(str::to_owned))
    }

    pub fn person(&self, id: &str) -> Option<String> {
        self.0.get(&format!("Practitioner/{id}")).cloned()
    }

    /// The first of an element that has a name.
    pub fn first(&self, resource: &Json<'_>, element: &str) -> Option<String> {
        all(resource, element).iter().find_map(|one| self.name(one))
    }
}

fn named(resource: &Json<'_>) -> Option<String> {
    name::signed(resource)
        .or_else(|| text(resource, "name").map(str::to_owned))
        .or_else(|| resource.get("code").and_then(words))
}

/// References lie at any depth: requesters, participants, performers.
fn collect(node: &Json<'_>, wanted: &mut BTreeSet<(&'static str, String)>) {
    match node {
        Json::Array(items) => items.iter().for_each(|item| collect(item, wanted)),
        Json::Object(members) => {
            let named = reference(node);
            if let Some((kind, id)) = named.and_then(|(kind, id)| Some((KINDS.iter().find(|one| **one == kind)?, id))) {
                wanted.insert((*kind, id.to_owned()));
            }
            members.iter().for_each(|(_, member)| collect(member, wanted));
        }
        _ => {}
    }
}
