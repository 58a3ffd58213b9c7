//! What can be done with who a patient is, from their chart: each way only for who may go it.

use access::Action;

use super::ask::Asking;
use crate::client::Asked;
use crate::pages::ways as may;
use crate::refusal::Refusal;

#[derive(Default)]
pub struct Ways {
    pub ways: Vec<(&'static str, &'static str)>,
    /// For who books: the calendar, with this patient.
    pub may_book: bool,
    /// What was done just now.
    pub notice: Option<&'static str>,
    /// Records that are shown here as well.
    pub merged: Vec<String>,
}

impl Ways {
    /// From a chart that is open, or from what stands in its place.
    pub async fn of(asked: &Asked<'_>, asking: &Asking<'_>, is_open: bool) -> Result<Self, Refusal> {
        let all = [
            // On a chart that is closed to them nobody writes.
            ("notes/new", "Write a note", is_open && asking.may_ever(Action::Create, "DocumentReference")),
            ("vitals", "Vital signs", is_open && may::writes_vitals(asking)),
            ("orders/new", "Order", is_open && may::orders(asking)),
            ("prescriptions/new", "Prescribe", is_open && may::prescribes(asking)),
            ("tasks/new", "New message or task", is_open && may::begins_tasks(asking)),
            ("edit", "Edit who this is", may::edits(asking)),
            ("forms", "Forms", may::sees_forms(asking)),
            ("insurance", "Insurance", may::insures(asking)),
            ("photo", "Photo", may::keeps_photos(asking)),
            ("access", "Access for the patient", may::activates(asking)),
            ("merge", "Merge records", may::merges(asking)),
        ];
        let ways = all.into_iter().filter(|(.., may)| *may).map(|(way, words, _)| (way, words)).collect();
        let notice = match asked.parts.uri.query() {
            Some("registered") => Some("Registered. The record number is in the line above."),
            Some("saved") => Some("Saved."),
            Some("merged") => Some("Merged. Both records are shown here as one."),
            Some("unmerged") => Some("The merge was undone. This record stands for itself again."),
            _ => None,
        };
        let may_book = may::books(asking);
        Ok(Self { ways, may_book, notice, merged: asking.record.merged_into(asked.ids[0]).await? })
    }
}
