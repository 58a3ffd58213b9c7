//! The form of new orders: what was ticked and typed stays, with what is wrong beside it.

use fhir::Json;
use jiff::tz::TimeZone;

use super::reasons::{self, Reasons};
use crate::client::Asked;
use crate::clinic::day::Day;
use crate::clinic::orders::Order;
use crate::clinic::orders::catalogue::{self, Item, Kind, Priority};
use crate::clinic::orders::write::Wish;
use crate::clinic::token;
use crate::forms::Form;

/// Orders of one form.
pub const ORDERS_MAX: usize = 20;
pub const LINE_CHARS_MAX: usize = 200;
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Notes that go along with a referral.
pub const NOTES_MAX: usize = 10;
/// Further ahead nobody orders.
const WANTED_DAYS_MAX: i64 = 730;

pub struct Entry {
    /// Names this form, so that one sent twice makes its drafts once.
    pub token: String,
    pub is_referral: bool,
    pub chosen: Vec<&'static Item>,
    pub other: String,
    pub other_kind: Kind,
    pub priority: Priority,
    /// A Condition's id.
    pub reason: String,
    pub reason_text: String,
    pub wanted: String,
    pub note: String,
    pub patient_note: String,
    pub to: String,
    pub specialty: String,
    pub attached: Vec<String>,
    pub slips: Vec<Word>,
}

pub struct Word {
    pub field: &'static str,
    pub words: &'static str,
}

impl Entry {
    pub fn blank(asked: &Asked<'_>, is_referral: bool) -> Self {
        Self {
            token: token::fresh(asked),
            is_referral,
            chosen: Vec::new(),
            other: String::new(),
            other_kind: Kind::Laboratory,
            priority: Priority::Routine,
            reason: String::new(),
            reason_text: String::new(),
            wanted: String::new(),
            note: String::new(),
            patient_note: String::new(),
            to: String::new(),
            specialty: String::new(),
            attached: Vec::new(),
            slips: Vec::new(),
        }
    }

    /// A draft, to be changed.
    pub fn of(order: &Order, resource: &Json<'_>) -> Self {
        let reason = match order.reason_id.as_str() {
            "" => reasons::of_code(resource).unwrap_or_default(),
            id => id.to_owned(),
        };
        let kind = order.kind.unwrap_or(Kind::Laboratory);
        Self {
            token: String::new(),
            is_referral: kind == Kind::Referral,
            chosen: Vec::new(),
            other: order.name.clone(),
            other_kind: kind,
            priority: order.priority.unwrap_or(Priority::Routine),
            reason_text: if reason.is_empty() { order.reason.clone() } else { String::new() },
            reason,
            wanted: order.wanted.clone(),
            note: order.note.clone(),
            patient_note: order.patient_note.clone(),
            to: order.to.clone(),
            specialty: order.specialty.clone(),
            attached: order.attached.clone(),
            slips: Vec::new(),
        }
    }

    pub fn read(asked: &Asked<'_>, form: &Form, is_referral: bool) -> Self {
        let owned = |name: &str| form.text(name).replace("\r\n", "\n");
        Self {
            token: token::sent(asked, form),
            is_referral,
            chosen: form.each("item").filter_map(catalogue::item).collect(),
            other: owned("other"),
            other_kind: Kind::parse(form.text("other-kind")).unwrap_or(Kind::Laboratory),
            priority: Priority::parse(form.text("priority")).unwrap_or(Priority::Routine),
            reason: owned("reason"),
            reason_text: owned("reason-text"),
            wanted: owned("wanted"),
            note: owned("note"),
            patient_note: owned("patient-note"),
            to: owned("to"),
            specialty: owned("specialty"),
            attached: form.each("attach").map(str::to_owned).take(NOTES_MAX).collect(),
            slips: Vec::new(),
        }
    }

    /// Looks at the form as a whole. `reasons` are what it may name.
    pub fn weigh(&mut self, reasons: &Reasons, now_ms: i64, zone: &TimeZone) {
        let is_long = |text: &str, max| text.chars().count() > max;
        if self.is_referral {
            if catalogue::specialty(&self.specialty).is_none() {
                self.slip("specialty", "Choose a specialty.");
            }
            if self.note.trim().is_empty() {
                self.slip("note", "Write the question that is to be answered.");
            }
            if is_long(&self.to, LINE_CHARS_MAX) {
                self.slip("to", "The name is too long.");
            }
        } else if self.chosen.is_empty() && self.other.trim().is_empty() {
            self.slip("items", "Tick at least one order, or write another one.");
        }
        if self.chosen.len() >= ORDERS_MAX {
            self.slip("items", "These are more orders than one form takes: 19 at most.");
        }
        if is_long(&self.other, LINE_CHARS_MAX) {
            self.slip("other", "The name of the order is too long.");
        }
        match (self.reason.as_str(), self.reason_text.trim()) {
            ("", "") => self.slip("reason", "Say why: choose a problem, or write the reason."),
            ("", _) => {}
            (id, _) if reasons.find(id).is_none() => {
                self.slip("reason", "This problem is no longer on the list. Choose again.")
            }
            _ => {}
        }
        if is_long(&self.reason_text, LINE_CHARS_MAX) {
            self.slip("reason-text", "The reason is too long.");
        }
        if is_long(&self.note, TEXT_CHARS_MAX) {
            self.slip("note", "The text is too long: 2,000 letters at most.");
        }
        if is_long(&self.patient_note, TEXT_CHARS_MAX) {
            self.slip("patient-note", "The text is too long: 2,000 letters at most.");
        }
        let today = Day::of(now_ms, zone);
        match (self.wanted.as_str(), Day::parse(&self.wanted, zone)) {
            ("", _) => {}
            (_, None) => self.slip("wanted", "This is no day. Leave it empty if any day is right."),
            (_, Some(day)) if day.begins_ms() < today.begins_ms() => self.slip("wanted", "This day is over."),
            (_, Some(day)) if day.begins_ms() > today.plus(WANTED_DAYS_MAX).begins_ms() => {
                self.slip("wanted", "This day is more than two years ahead.");
            }
            _ => {}
        }
    }

    fn slip(&mut self, field: &'static str, words: &'static str) {
        self.slips.push(Word { field, words });
    }

    pub fn slip_of(&self, field: &str) -> Option<&'static str> {
        self.slips.iter().find(|slip| slip.field == field).map(|slip| slip.words)
    }

    pub fn has(&self, item: &Item) -> bool {
        self.chosen.iter().any(|one| one.id == item.id)
    }

    pub fn attaches(&self, id: &str) -> bool {
        self.attached.iter().any(|one| one == id)
    }

    /// Ticks all of a set; what is ticked already stays.
    pub fn tick(&mut self, set: &catalogue::Set) {
        for item in set.items.iter().filter_map(|id| catalogue::item(id)) {
            if !self.has(item) {
                self.chosen.push(item);
            }
        }
    }

    /// What is ordered, each under its name within the form.
    pub fn wishes<'a>(&'a self, reasons: &'a Reasons, attached: &'a [&'a str]) -> Vec<(String, Wish<'a>)> {
        let wish = |kind, name: String, code| Wish {
            kind,
            name,
            code,
            priority: self.priority,
            reason: reasons.find(&self.reason),
            reason_text: &self.reason_text,
            wanted: &self.wanted,
            note: &self.note,
            patient_note: &self.patient_note,
            to: &self.to,
            specialty: catalogue::specialty(&self.specialty).filter(|_| self.is_referral),
            attached,
        };
        let listed = self.chosen.iter().filter(|_| !self.is_referral);
        let mut wishes: Vec<(String, Wish<'a>)> = listed
            .map(|item| (item.id.to_owned(), wish(item.kind, item.name.to_owned(), Some((item.code, item.display)))))
            .collect();
        let other = self.other.trim();
        match catalogue::specialty(&self.specialty).filter(|_| self.is_referral) {
            Some(specialty) => {
                let name = format!("Referral to {}", specialty.name.to_lowercase());
                wishes.push(("referral".to_owned(), wish(Kind::Referral, name, None)));
            }
            None if !other.is_empty() && !self.is_referral => {
                wishes.push(("other".to_owned(), wish(self.other_kind, other.to_owned(), None)));
            }
            None => {}
        }
        wishes
    }
}
