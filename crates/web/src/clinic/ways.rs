//! What can be done with who a patient is, from their chart: each way only for who may go it.

use super::ask::Asking;
use crate::client::Asked;
use crate::pages::ways as may;

#[derive(Default)]
pub struct Ways {
    pub ways: Vec<(&'static str, &'static str)>,
    /// What was done just now.
    pub notice: Option<&'static str>,
}

impl Ways {
    pub fn of(asked: &Asked<'_>, asking: &Asking<'_>) -> Self {
        let all = [
            ("edit", "Edit who this is", may::edits(asking)),
            ("insurance", "Insurance", may::insures(asking)),
            ("photo", "Photo", may::keeps_photos(asking)),
        ];
        let ways = all.into_iter().filter(|(.., may)| *may).map(|(way, words, _)| (way, words)).collect();
        let notice = match asked.parts.uri.query() {
            Some("registered") => Some("Registered. The record number is in the line above."),
            Some("saved") => Some("Saved."),
            _ => None,
        };
        Self { ways, notice }
    }
}
