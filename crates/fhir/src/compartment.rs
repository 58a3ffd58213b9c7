//! The R4 compartments: which search parameters put a resource into the compartment of a patient, encounter, device,
//! practitioner or related person.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const COMPARTMENTS: &str = include_str!("../tables/compartments.txt");

/// The whole membership of a compartment: resource type to its search parameters.
type Members = BTreeMap<&'static str, Vec<&'static str>>;

/// The search parameters of `resource_type` that link it into `compartment` (`Patient`, `Encounter`, ...); empty when
/// the type is outside it. `{def}` stands for the resource that is itself the compartment.
pub fn params(compartment: &str, resource_type: &str) -> &'static [&'static str] {
    let members = compartments().get(compartment);
    members.and_then(|m| m.get(resource_type)).map(Vec::as_slice).unwrap_or_default()
}

/// The resource types that can be in the compartment.
pub fn members(compartment: &str) -> impl Iterator<Item = &'static str> {
    compartments().get(compartment).into_iter().flat_map(|m| m.keys().copied())
}

fn compartments() -> &'static BTreeMap<&'static str, Members> {
    static ALL: OnceLock<BTreeMap<&'static str, Members>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: BTreeMap<&str, Members> = BTreeMap::new();
        let mut name = "";
        for line in COMPARTMENTS.lines().filter(|l| !l.starts_with('#')) {
            if let Some(next) = line.strip_prefix('=') {
                name = next;
            } else if let Some((resource_type, params)) = line.split_once('\t') {
                all.entry(name).or_default().insert(resource_type, params.split('\t').collect());
            }
        }
        all
    })
}
