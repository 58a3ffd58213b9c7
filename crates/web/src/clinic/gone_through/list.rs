//! The List of what was gone through with a patient: that it was done, who asked, when, and what was said of each. One for each patient and
//! kind, whose versions are its history; with it the chart changes, together or not at all.

use fhir::Json;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::day;
use crate::clinic::deed::{self, Author, Deed};
use crate::clinic::names::Names;
use crate::clinic::read::{LOINC, all, any_code, text};
use crate::forms::Form as Sent;
use crate::refusal::Refusal;

const LIST_CODES: &str = "http://terminology.hl7.org/CodeSystem/list-example-use-codes";
const EMPTY: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
/// R4, list-item-flag.
const FLAGS: &str = "urn:oid:1.2.36.1.2001.1001.101.104.16592";
/// What the form said, so that the same form again is known as such.
const SAID: &str = "urn:wardstone:form-said";
const ID_BYTES_MAX: usize = 64;
/// Elements that each going through writes anew.
const WRITTEN: [&str; 6] = ["identifier", "date", "status", "source", "entry", "emptyReason"];

/// A kind of List.
pub struct ListOf {
    /// The page of the chart; with it begins the List's id.
    pub page: &'static str,
    title: &'static str,
    /// System, code and display.
    codes: &'static [(&'static str, &'static str, &'static str)],
    /// What is said where the patient has none.
    none: &'static str,
}

pub const MEDICINES: ListOf = ListOf {
    page: "medicines",
    title: "Medicines, gone through with the patient",
    codes: &[(LIST_CODES, "medications", "Medication List"), (LOINC, "10160-0", "History of Medication use Narrative")],
    none: "Takes no medicines",
};
pub const ALLERGIES: ListOf = ListOf {
    page: "allergies",
    title: "Allergies, gone through with the patient",
    codes: &[(LIST_CODES, "allergies", "Allergies"), (LOINC, "48765-2", "Allergies and adverse reactions Document")],
    none: "No allergies known",
};
pub const PROBLEMS: ListOf = ListOf {
    page: "problems",
    title: "Problems, gone through with the patient",
    codes: &[(LIST_CODES, "problems", "Problem List"), (LOINC, "11450-4", "Problem list - Reported")],
    none: "No problems known",
};
pub const IMMUNIZATIONS: ListOf = ListOf {
    page: "immunizations",
    title: "Immunizations, gone through with the patient",
    codes: &[(LOINC, "11369-6", "History of Immunization note")],
    none: "No immunizations known",
};

impl ListOf {
    /// The one List of a patient: of two who go through it for the first time, one is told.
    pub fn id(&self, patient_id: &str) -> String {
        let start = format!("{}-", self.page);
        let end = patient_id.len().saturating_sub(ID_BYTES_MAX - start.len());
        format!("{start}{}", patient_id.get(end..).unwrap_or_default())
    }

    /// What the record holds of it; nothing where the role never sees a List.
    pub async fn held(&self, asking: &Asking<'_>, patient_id: &str) -> Result<Sheet, Refusal> {
        asking.search_if_ever("List", &[("patient", patient_id), ("_id", &self.id(patient_id))]).await
    }
}

/// How a list stands, for its page: gone through by whom and when, or never.
pub struct State {
    pub page: &'static str,
    pub went: Option<Went>,
    /// The patient said then that there are none, and none is listed since.
    pub none_known: bool,
    /// Whether who looks may go through it.
    pub may_go: bool,
}

impl State {
    /// None for who does not see Lists: nothing is said to them of what they are not shown.
    pub fn of(
        asking: &Asking<'_>,
        (of, kind, is_empty): (&ListOf, &str, bool),
        list: Option<&Json<'_>>,
        names: &Names,
        zone: &TimeZone,
    ) -> Option<Self> {
        let went = list.map(|list| Went::of(list, names, zone));
        let none_known = is_empty && went.as_ref().is_some_and(|went| went.is_none);
        let may_go = may_go_through(asking, kind);
        asking.ever("List").then_some(Self { page: of.page, went, none_known, may_go })
    }
}

/// Who writes what is listed, and the List.
pub fn may_go_through(asking: &Asking<'_>, kind: &str) -> bool {
    deed::may_write(asking, kind) && deed::may_write(asking, "List")
}

/// Who went through a list, and when.
pub struct Went {
    pub words: String,
    /// The patient said then that there are none.
    pub is_none: bool,
}

impl Went {
    /// `Gone through with the patient on 27-Nov-2026 by Asha Rao`, on the clinic's day.
    pub fn of(list: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let on = text(list, "date").map(|at| format!(" on {}", day::day_of(at, zone))).unwrap_or_default();
        Self {
            words: format!("Gone through with the patient{on}{}", Self::by(list, names)),
            is_none: list.get("emptyReason").and_then(any_code) == Some("nilknown"),
        }
    }

    /// ` by Asha Rao`; empty where nobody is named.
    pub fn by(list: &Json<'_>, names: &Names) -> String {
        let by = list.get("source").and_then(|by| names.name(by));
        by.map(|by| format!(" by {by}")).unwrap_or_default()
    }
}

pub fn is_of(list: &Json<'_>, token: &str) -> bool {
    all(list, "identifier").iter().any(|one| text(one, "value") == Some(&format!("{token}.list")))
}

pub fn is_told(list: &Json<'_>, sent: &Sent) -> bool {
    let said = digest(sent);
    all(list, "identifier").iter().any(|one| text(one, "system") == Some(SAID) && text(one, "value") == Some(&said))
}

/// All that was answered, in short: FNV-1a, to compare one form with itself and nothing else.
pub fn digest(sent: &Sent) -> String {
    const SEED: u64 = 0xcbf2_9ce4_8422_2325;
    let mut sum = SEED;
    for (name, value) in sent.fields().filter(|(name, _)| !matches!(*name, "csrf" | "token" | "act")) {
        for byte in name.bytes().chain([0]).chain(value.trim().bytes()).chain([0]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{sum:016x}")
}

/// Of an entry, with how the patient speaks of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    Unchanged,
    Changed,
    Mistaken,
    Ceased,
}

pub fn entry(item: &str, name: &str, flag: Flag, words: &str) -> Value {
    let (code, display) = match flag {
        Flag::Unchanged => ("01", "Unchanged"),
        Flag::Changed => ("02", "Changed"),
        Flag::Mistaken => ("03", "Cancelled"),
        Flag::Ceased => ("05", "Ceased"),
    };
    let coding = json!([{ "system": FLAGS, "code": code, "display": display }]);
    json!({ "flag": { "coding": coding, "text": words }, "item": { "reference": item, "display": name } })
}

/// Who goes through what, for whom, with which form.
pub struct Going<'a> {
    pub of: &'a ListOf,
    pub patient_id: &'a str,
    pub token: &'a str,
    /// The List as the page had it.
    pub list: Option<&'a Json<'static>>,
    pub author: &'a Author,
    /// `digest` of the form.
    pub said: String,
}

impl Going<'_> {
    /// The List of these entries; R4, lst-1: why it is empty is said only where it is.
    pub fn record(self, deed: &mut Deed, entries: Vec<Value>, is_none: bool) -> Result<(), Refusal> {
        let mut identifiers = deed::identifier(self.token, "list");
        if let Some(all) = identifiers.as_array_mut() {
            all.push(json!({ "system": SAID, "value": self.said }));
        }
        let mut written = json!({ "identifier": identifiers, "date": self.author.now, "status": "current" });
        self.author.sign(&mut written, "source");
        if !entries.is_empty() {
            written["entry"] = json!(entries);
        } else if is_none {
            written["emptyReason"] = deed::coded(EMPTY, "nilknown", self.of.none);
        }
        if let Some(list) = self.list {
            let mut list = list.clone();
            for name in WRITTEN {
                match written.get(name) {
                    Some(value) => deed::set(&mut list, name, value.clone()),
                    None => deed::remove(&mut list, name),
                }
            }
            return deed.update(list);
        }
        let coding = |(system, code, display): &(&str, &str, &str)| json!({ "system": system, "code": code, "display": display });
        let id = self.of.id(self.patient_id);
        written["resourceType"] = json!("List");
        written["id"] = json!(id);
        written["mode"] = json!("snapshot");
        written["title"] = json!(self.of.title);
        written["code"] = json!({ "coding": self.of.codes.iter().map(coding).collect::<Vec<_>>() });
        written["subject"] = json!({ "reference": format!("Patient/{}", self.patient_id) });
        deed.found("List", &id, written);
        Ok(())
    }
}
