//! The List of a patient's medicines: that somebody went through them, who, when, and what was said of each. One per patient, whose
//! versions are its history; with it the statements change, together or not at all.

use fhir::Json;
use serde_json::{Value, json};

use super::Form as Page;
use super::lines::Line;
use crate::clinic::codes::MEDICINES;
use crate::clinic::deed::{self, Author, Deed};
use crate::clinic::names::Names;
use crate::clinic::read::{LOINC, all, any_code, reference, text};
use crate::clinic::time;
use crate::clinic::token;
use crate::forms::Form;
use crate::refusal::Refusal;

const LIST_CODES: &str = "http://terminology.hl7.org/CodeSystem/list-example-use-codes";
const EMPTY: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
/// R4, list-item-flag.
const FLAGS: &str = "urn:oid:1.2.36.1.2001.1001.101.104.16592";
/// What the form said, so that the same form again is known as such.
const SAID: &str = "urn:wardstone:form-said";
const ID_BYTES_MAX: usize = 64;

/// Why a form was not saved.
pub enum Gone {
    /// This form was saved, with something else in it.
    SavedBefore,
    Changed(Vec<String>),
}

/// Who went through the medicines, and when.
pub struct Went {
    pub who: String,
    pub takes_none: bool,
}

impl Went {
    pub fn of(list: &Json<'_>, names: &Names) -> Self {
        let by = list.get("source").and_then(|by| names.name(by));
        let on = text(list, "date").map(time::moment);
        let taken = all(list, "entry").iter().filter(|entry| entry.get("flag").and_then(any_code) != Some("05"));
        Self { who: [on, by].into_iter().flatten().collect::<Vec<_>>().join(", "), takes_none: taken.count() == 0 }
    }
}

/// The one List of a patient: of two who go through the medicines for the first time, one is told.
pub fn id(patient_id: &str) -> String {
    const START: &str = "medicines-";
    let end = patient_id.len().saturating_sub(ID_BYTES_MAX - START.len());
    format!("{START}{}", patient_id.get(end..).unwrap_or_default())
}

/// What was said of a prescription that the patient does not take: who may not see what is over sees this.
pub fn said_of(list: &Json<'_>, request_id: &str) -> Option<String> {
    let about = |entry: &&Json<'_>| entry.get("item").and_then(reference) == Some(("MedicationRequest", request_id));
    let entry = all(list, "entry").iter().find(about)?;
    let flag = entry.get("flag").filter(|flag| any_code(flag) == Some("05"))?;
    let day = text(list, "date").map(time::day).unwrap_or_default();
    Some(format!("{} ({day})", text(flag, "text")?.to_lowercase()))
}

pub fn is_of(list: &Json<'_>, token: &str) -> bool {
    all(list, "identifier").iter().any(|one| text(one, "value") == Some(&format!("{token}.list")))
}

pub fn is_told(list: &Json<'_>, sent: &Form) -> bool {
    let said = digest(sent);
    all(list, "identifier").iter().any(|one| text(one, "system") == Some(SAID) && text(one, "value") == Some(&said))
}

/// All that was answered, in short: FNV-1a, to compare one form with itself and nothing else.
pub fn digest(sent: &Form) -> String {
    const SEED: u64 = 0xcbf2_9ce4_8422_2325;
    let mut sum = SEED;
    for (name, value) in sent.fields().filter(|(name, _)| !matches!(*name, "csrf" | "token" | "act")) {
        for byte in name.bytes().chain([0]).chain(value.trim().bytes()).chain([0]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{sum:016x}")
}

pub fn deed(
    patient_id: &str,
    form: &Page,
    statements: &[Json<'static>],
    list: Option<&Json<'static>>,
    author: &Author,
    said: String,
) -> Result<Deed, Refusal> {
    let mut deed = Deed::default();
    let mut entries = Vec::new();
    let made = Making { patient_id, token: &form.token, author };
    for (number, line) in form.lines.iter().enumerate() {
        entries.push(made.line(&mut deed, line, number, statements)?);
    }
    for (number, new) in form.new.iter().enumerate().filter(|(_, new)| !new.name.is_empty()) {
        let mut statement = made.statement("medicationCodeableConcept", MEDICINES.concept(&new.name));
        if !new.dose.is_empty() {
            statement["dosage"] = json!([{ "text": new.dose }]);
        }
        let url = made.create(&mut deed, &format!("new-{number}"), 500 + number, statement);
        entries.push(entry(&url, &new.name, "01", "New to the chart"));
    }
    let own = json!({ "system": SAID, "value": said });
    let mut identifiers = deed::identifier(&form.token, "list");
    if let Some(all) = identifiers.as_array_mut() {
        all.push(own);
    }
    let mut changed = json!({ "identifier": identifiers, "date": author.now, "status": "current" });
    author.sign(&mut changed, "source");
    if entries.is_empty() {
        changed["emptyReason"] = deed::coded(EMPTY, "nilknown", "Takes no medicines");
    } else {
        changed["entry"] = json!(entries);
    }
    match list {
        Some(list) => {
            let mut list = list.clone();
            for name in ["entry", "emptyReason", "source"] {
                deed::remove(&mut list, name);
            }
            for (name, value) in changed.as_object().into_iter().flatten() {
                if let Some(members) =
                    ["identifier", "date", "status", "source", "entry", "emptyReason"].iter().find(|one| *one == name)
                {
                    deed::set(&mut list, members, value.clone());
                }
            }
            deed.update(list)?;
        }
        None => {
            let id = id(patient_id);
            changed["resourceType"] = json!("List");
            changed["id"] = json!(id);
            changed["mode"] = json!("snapshot");
            changed["title"] = json!("Medicines, gone through with the patient");
            changed["code"] = json!({ "coding": [
                { "system": LIST_CODES, "code": "medications", "display": "Medication List" },
                { "system": LOINC, "code": "10160-0", "display": "History of Medication use Narrative" },
            ] });
            changed["subject"] = json!({ "reference": format!("Patient/{patient_id}") });
            deed.found("List", &id, changed);
        }
    }
    Ok(deed)
}

struct Making<'a> {
    patient_id: &'a str,
    token: &'a str,
    author: &'a Author,
}

impl Making<'_> {
    /// What is said of one line, and the entry that says so.
    fn line(
        &self,
        deed: &mut Deed,
        line: &Line,
        number: usize,
        statements: &[Json<'static>],
    ) -> Result<Value, Refusal> {
        let own = format!("{}/{}", if line.is_request { "MedicationRequest" } else { "MedicationStatement" }, line.id);
        let about = if line.is_request { line.statement.as_deref() } else { Some(line.id.as_str()) };
        let held = about.and_then(|id| statements.iter().find(|one| text(one, "id") == Some(id)));
        let how = line.how.as_str();
        match (line.say.as_str(), held) {
            ("differently", Some(held)) => {
                deed.update(self.told(held, "active", how))?;
                let url = format!("MedicationStatement/{}", text(held, "id").unwrap_or_default());
                Ok(entry(&url, &line.name, "02", &format!("Takes it differently: {how}")))
            }
            ("differently", None) => {
                let mut statement = self.about(line);
                statement["dosage"] = json!([{ "text": how }]);
                let url = self.create(deed, &format!("line-{number}"), number, statement);
                Ok(entry(&url, &line.name, "02", &format!("Takes it differently: {how}")))
            }
            ("stopped", held) => {
                match held {
                    Some(held) => deed.update(self.told(held, "stopped", how))?,
                    None => {
                        let mut statement = self.about(line);
                        statement["status"] = json!("stopped");
                        statement["statusReason"] = json!([{ "text": how }]);
                        self.create(deed, &format!("line-{number}"), number, statement);
                    }
                }
                Ok(entry(&own, &line.name, "05", &format!("Does not take it: {how}")))
            }
            // What was said of the prescription before holds no longer: it is taken as written.
            (_, Some(held)) if line.is_request => {
                deed.update(self.told(held, "completed", ""))?;
                Ok(entry(&own, &line.name, "01", "Takes it so"))
            }
            _ => Ok(entry(&own, &line.name, "01", "Takes it so")),
        }
    }

    fn told(&self, held: &Json<'static>, status: &str, how: &str) -> Json<'static> {
        let mut told = held.clone();
        deed::set(&mut told, "status", json!(status));
        deed::set(&mut told, "dateAsserted", json!(self.author.now));
        deed::set(&mut told, "informationSource", self.patient());
        match status {
            "active" => deed::set(&mut told, "dosage", json!([{ "text": how }])),
            "stopped" => deed::set(&mut told, "statusReason", json!([{ "text": how }])),
            _ => {}
        }
        told
    }

    fn about(&self, line: &Line) -> Value {
        let (member, medicine) = &line.medicine;
        let medicine = String::from_utf8(medicine.to_vec()).ok().and_then(|text| serde_json::from_str(&text).ok());
        let mut statement = self.statement(member, medicine.unwrap_or(Value::Null));
        if line.is_request {
            statement["basedOn"] = json!([{ "reference": format!("MedicationRequest/{}", line.id) }]);
        }
        statement
    }

    fn statement(&self, member: &str, medicine: Value) -> Value {
        let mut statement = json!({
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": self.patient(),
            "effectiveDateTime": self.author.now,
            "dateAsserted": self.author.now,
            "informationSource": self.patient(),
        });
        statement[member] = medicine;
        statement
    }

    fn create(&self, deed: &mut Deed, part: &str, number: usize, mut statement: Value) -> String {
        statement["identifier"] = deed::identifier(self.token, part);
        let url = token::full_url(self.token, number);
        let condition = deed::condition(self.token, part, self.patient_id);
        deed.create("MedicationStatement", condition, Some(url.clone()), statement);
        url
    }

    fn patient(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.patient_id) })
    }
}

fn entry(item: &str, name: &str, flag: &'static str, words: &str) -> Value {
    let display = match flag {
        "01" => "Unchanged",
        "02" => "Changed",
        _ => "Ceased",
    };
    let coding = json!([{ "system": FLAGS, "code": flag, "display": display }]);
    json!({ "flag": { "coding": coding, "text": words }, "item": { "reference": item, "display": name } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_anything_taken_says_that_nothing_is() {
        for (list, none) in [
            (r#"{"emptyReason":{"coding":[{"code":"nilknown"}]}}"#, true),
            (r#"{"entry":[{"flag":{"coding":[{"code":"05"}]}}]}"#, true),
            (r#"{"entry":[{"flag":{"coding":[{"code":"05"}]}},{"flag":{"coding":[{"code":"01"}]}}]}"#, false),
        ] {
            let json = Json::parse_str(list).unwrap_or(Json::Null);
            assert_eq!(Went::of(&json, &Names::default()).takes_none, none, "{list}");
        }
    }

    #[test]
    fn the_id_of_a_list_is_one_whatever_the_patients_is() {
        assert_eq!(id("p1"), "medicines-p1");
        assert_eq!(id(&"a".repeat(64)).len(), ID_BYTES_MAX);
    }
}
