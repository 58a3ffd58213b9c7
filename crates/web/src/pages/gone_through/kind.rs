//! What is gone through: allergies, problems or immunizations, and the words that the page asks with.

use crate::clinic::codes::{ALLERGENS, PROBLEMS, Table, VACCINES};
use crate::clinic::gone_through::list::{self, ListOf};
use crate::pages::allergies::fill::SEVERITIES;
use crate::pages::immunizations::fill::ORIGINS;

type Choices = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    Allergies,
    Problems,
    Immunizations,
}

/// One of the lists, as its page asks.
pub struct Kind {
    pub what: What,
    /// The FHIR type.
    pub of: &'static str,
    pub list: &'static ListOf,
    /// How its page searches, beside the patient.
    pub pairs: &'static [(&'static str, &'static str)],
    pub heading: &'static str,
    pub says: Choices,
    /// Answers that ask for a reason.
    pub with_reason: &'static [&'static str],
    pub hint: &'static str,
    /// Where the chart has none.
    pub nothing: &'static str,
    pub new: &'static str,
    pub name: &'static str,
    pub nameless: &'static str,
    pub detail: &'static str,
    /// What is chosen beside it, with its choices; none where that is empty.
    pub pick: &'static str,
    pub picks: Choices,
    pub pick_none: &'static str,
    pub none: &'static str,
    pub table: Table,
}

const STILL_SO: Choices = &[("still", "Still so"), ("over", "No longer"), ("mistake", "Entered by mistake")];
const HAD_SO: Choices = &[("still", "Had it so"), ("mistake", "Entered by mistake")];

pub const KINDS: [Kind; 3] = [
    Kind {
        what: What::Allergies,
        of: "AllergyIntolerance",
        list: &list::ALLERGIES,
        pairs: &[("_count", "200")],
        heading: "Allergies and intolerances",
        says: STILL_SO,
        with_reason: &["over", "mistake"],
        hint: "why, where it is no longer so",
        nothing: "The chart lists no allergies. Ask; that there are none is an answer too.",
        new: "New: what the patient is allergic to and the chart does not say",
        name: "To what",
        nameless: "Say what the patient is allergic to.",
        detail: "What happened",
        pick: "How bad it was",
        picks: &SEVERITIES,
        pick_none: "Not known",
        none: "The patient knows of no allergies",
        table: ALLERGENS,
    },
    Kind {
        what: What::Problems,
        of: "Condition",
        list: &list::PROBLEMS,
        pairs: &[("category:not", "encounter-diagnosis"), ("_count", "400")],
        heading: "Problems",
        says: STILL_SO,
        with_reason: &["mistake"],
        hint: "since when, or why",
        nothing: "The chart lists no active problems. Ask; that there are none is an answer too.",
        new: "New: what the patient names and the chart does not list. It stands as provisional until somebody confirms it.",
        name: "Problem",
        nameless: "Say what the problem is.",
        detail: "Since",
        pick: "",
        picks: &[],
        pick_none: "",
        none: "The patient knows of no problems",
        table: PROBLEMS,
    },
    Kind {
        what: What::Immunizations,
        of: "Immunization",
        list: &list::IMMUNIZATIONS,
        pairs: &[("status", "completed"), ("_sort", "-date"), ("_count", "400")],
        heading: "Immunizations",
        says: HAD_SO,
        with_reason: &["mistake"],
        hint: "why, where it was a mistake",
        nothing: "The chart has no dose. Ask, and look at the card; that there are none is an answer too.",
        new: "New: doses given elsewhere that the patient or a card names",
        name: "Vaccine",
        nameless: "Say which vaccine.",
        detail: "When",
        pick: "Who says so",
        picks: &ORIGINS,
        pick_none: "Choose",
        none: "The patient knows of no immunizations",
        table: VACCINES,
    },
];

impl Kind {
    /// Of the address of its page.
    pub fn of_page(page: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.list.page == page)
    }

    /// An answer in words: `No longer`.
    pub fn words(&self, say: &str) -> &'static str {
        self.says.iter().find(|(value, _)| *value == say).map_or("", |(_, words)| words)
    }
}
