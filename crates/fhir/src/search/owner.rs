//! Which chart a resource belongs to, and when a search stays inside one chart.

use std::sync::OnceLock;

use super::extract::holds;
use super::query::{Place, Query, Test};
use super::table::{self, Param, Path, Step};
use super::wanted::Wanted;
use crate::Json;

const OWNERS: &str = include_str!("../../tables/search_owners.txt");

struct Owner {
    codes: Vec<&'static str>,
    /// Paths of those parameters, in precedence.
    paths: Vec<&'static Path>,
    /// The path that alone decides whenever it has a value, if it has at most one.
    pin: Option<&'static Path>,
}

/// Search codes in precedence: the first that refers to a Patient names the owning chart. Empty: belongs to no patient.
pub fn owner_params(resource_type: &str) -> &'static [&'static str] {
    owner(resource_type).map_or(&[], |o| &o.codes)
}

/// The literal reference to the owning patient, `Patient/…` or `urn:uuid:…`. `None` for a Patient, which owns itself.
pub fn owner_reference<'a>(resource: &'a Json<'_>) -> Option<&'a str> {
    let kind = resource.resource_type()?;
    // No search parameter leads there: R4 names what governs access to a Binary (binary.html#security).
    if kind == "Binary" {
        return first_patient(resource.get("securityContext")?, &[]);
    }
    let owner = owner(kind)?;
    owner.paths.iter().find_map(|path| first_patient(resource, &path.steps))
}

impl Query {
    /// The patient in whose chart every match lies, by the very element that decides ownership: scanning that chart alone
    /// is complete. For Patient itself, the one `_id` asked for.
    pub fn owner_reference(&self) -> Option<&str> {
        match self.owner_references()?.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// The same for several patients, one of whose charts holds every match.
    pub fn owner_references(&self) -> Option<Vec<&str>> {
        if self.resource_type == "Patient" {
            return self.ids();
        }
        let pin = owner(self.resource_type)?.pin?;
        self.filters.iter().filter(|f| f.test == Test::Any).find_map(|filter| {
            let Place::Param(param) = filter.place else { return None };
            if !param.paths.iter().all(|path| path.steps == pin.steps) {
                return None;
            }
            filter
                .any
                .iter()
                .map(|wanted| match wanted {
                    Wanted::Reference(wanted) => wanted.patient(param),
                    _ => None,
                })
                .collect()
        })
    }

    /// The ids that matches can have, when `_id` says so.
    pub fn ids(&self) -> Option<Vec<&str>> {
        let filter = self.filters.iter().find(|f| matches!(f.place, Place::Id) && f.test == Test::Any)?;
        filter
            .any
            .iter()
            .map(|wanted| match wanted {
                Wanted::Id(id) => Some(&**id),
                _ => None,
            })
            .collect()
    }
}

fn owner(resource_type: &str) -> Option<&'static Owner> {
    static OWNED: OnceLock<Vec<Option<Owner>>> = OnceLock::new();
    let owned = OWNED.get_or_init(|| {
        let mut owners: Vec<Option<Owner>> = table::resource_types().iter().map(|_| None).collect();
        for line in OWNERS.lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split_ascii_whitespace();
            let Some(kind) = words.next() else { continue };
            if let Some(slot) = table::type_number(kind).and_then(|n| owners.get_mut(usize::from(n))) {
                *slot = Some(Owner::new(kind, words.collect()));
            }
        }
        owners
    });
    owned.get(usize::from(table::type_number(resource_type)?))?.as_ref()
}

impl Owner {
    fn new(kind: &str, codes: Vec<&'static str>) -> Self {
        let params: Vec<&'static Param> = codes.iter().filter_map(|code| table::find(kind, code)).collect();
        let paths: Vec<&'static Path> = params.iter().flat_map(|p| &p.paths).collect();
        let pin = params.first().filter(|p| p.single && p.paths.len() == 1).and_then(|p| p.paths.first());
        Self { codes, paths, pin }
    }
}

fn first_patient<'a>(element: &'a Json<'_>, steps: &[Step]) -> Option<&'a str> {
    let Some((step, rest)) = steps.split_first() else {
        let literal = element.get("reference").and_then(Json::as_str)?;
        let stated = element.get("type").and_then(Json::as_str);
        let is_patient = literal.starts_with("Patient/")
            || (literal.starts_with("urn:uuid:") && stated.is_none_or(|s| s == "Patient"));
        return is_patient.then_some(literal);
    };
    let items = element.get(step.member)?.items().iter();
    items.filter(|item| holds(item, step)).find_map(|item| first_patient(item, rest))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_binary_lies_where_its_security_context_says() {
        let owner = |context: &str| {
            let text = format!(r#"{{"resourceType":"Binary","contentType":"text/plain"{context}}}"#);
            owner_reference(&Json::parse_str(&text).unwrap()).map(str::to_owned)
        };
        assert_eq!(owner(r#","securityContext":{"reference":"Patient/p1"}"#).as_deref(), Some("Patient/p1"));
        assert_eq!(owner(r#","securityContext":{"reference":"DocumentReference/d1"}"#), None);
        assert_eq!(owner(""), None);
    }

    #[test]
    fn every_owner_line_names_reference_parameters() {
        for line in OWNERS.lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split_ascii_whitespace();
            let kind = words.next().unwrap();
            for code in words {
                let param = table::find(kind, code).unwrap_or_else(|| panic!("{kind} {code}"));
                let patients = param.targets().is_empty() || param.targets().contains(&"Patient");
                assert!(param.kind == table::Kind::Reference && patients, "{kind} {code}");
            }
        }
    }
}
