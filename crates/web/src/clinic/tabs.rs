//! Ways between the lists of one chart: those that the role ever sees.

use super::ask::Asking;

pub struct Tab {
    pub name: &'static str,
    pub page: &'static str,
    pub is_here: bool,
}

const ALL: [(&str, &str, &str); 7] = [
    ("Allergies", "allergies", "AllergyIntolerance"),
    ("Medicines", "medicines", "MedicationRequest"),
    ("Problems", "problems", "Condition"),
    ("Immunizations", "immunizations", "Immunization"),
    ("Social history", "social", "Observation"),
    ("Messages", "messages", "Communication"),
    ("Forms", "forms", "Task"),
];

pub fn tabs(asking: &Asking<'_>, here: &str) -> Vec<Tab> {
    let seen = ALL.into_iter().filter(|(_, _, kind)| asking.ever(kind));
    seen.map(|(name, page, _)| Tab { name, page, is_here: page == here }).collect()
}
