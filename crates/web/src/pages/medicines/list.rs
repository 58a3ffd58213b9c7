//! What going through the medicines writes: statements of what the patient says, and the List that says what was said of each.

use fhir::Json;
use serde_json::{Value, json};

use super::Form;
use super::lines::Line;
use crate::clinic::codes::MEDICINES;
use crate::clinic::deed::{self, Deed};
use crate::clinic::gone_through::list::{Flag, Going, entry};
use crate::clinic::read::{all, any_code, reference, text};
use crate::clinic::time;
use crate::clinic::token;
use crate::refusal::Refusal;

/// Whether nothing of what the List names is taken.
pub fn takes_none(list: &Json<'_>) -> bool {
    all(list, "entry").iter().all(|entry| entry.get("flag").and_then(any_code) == Some("05"))
}

/// What was said of a prescription that the patient does not take: who may not see what is over sees this.
pub fn said_of(list: &Json<'_>, request_id: &str) -> Option<String> {
    let about = |entry: &&Json<'_>| entry.get("item").and_then(reference) == Some(("MedicationRequest", request_id));
    let entry = all(list, "entry").iter().find(about)?;
    let flag = entry.get("flag").filter(|flag| any_code(flag) == Some("05"))?;
    let day = text(list, "date").map(time::day).unwrap_or_default();
    Some(format!("{} ({day})", text(flag, "text")?.to_lowercase()))
}

pub fn deed(form: &Form, statements: &[Json<'static>], going: Going<'_>) -> Result<Deed, Refusal> {
    let mut deed = Deed::default();
    let mut entries = Vec::new();
    let made = Making { going: &going };
    for (number, line) in form.lines.iter().enumerate() {
        entries.push(made.line(&mut deed, line, number, statements)?);
    }
    for (number, new) in form.new.iter().enumerate().filter(|(_, new)| !new.name.is_empty()) {
        let mut statement = made.statement("medicationCodeableConcept", MEDICINES.concept(&new.name));
        if !new.detail.is_empty() {
            statement["dosage"] = json!([{ "text": new.detail }]);
        }
        let url = made.create(&mut deed, &format!("new-{number}"), 500 + number, statement);
        entries.push(entry(&url, &new.name, Flag::Unchanged, "New to the chart"));
    }
    going.record(&mut deed, entries, form.is_none)?;
    Ok(deed)
}

struct Making<'a> {
    going: &'a Going<'a>,
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
        let (how, name) = (line.spoken.how.as_str(), line.spoken.name.as_str());
        match (line.spoken.say.as_str(), held) {
            ("differently", Some(held)) => {
                deed.update(self.told(held, "active", how))?;
                let url = format!("MedicationStatement/{}", text(held, "id").unwrap_or_default());
                Ok(entry(&url, name, Flag::Changed, &format!("Takes it differently: {how}")))
            }
            ("differently", None) => {
                let mut statement = self.about(line);
                statement["dosage"] = json!([{ "text": how }]);
                let url = self.create(deed, &format!("line-{number}"), number, statement);
                Ok(entry(&url, name, Flag::Changed, &format!("Takes it differently: {how}")))
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
                Ok(entry(&own, name, Flag::Ceased, &format!("Does not take it: {how}")))
            }
            // What was said of the prescription before holds no longer: it is taken as written.
            (_, Some(held)) if line.is_request => {
                deed.update(self.told(held, "completed", ""))?;
                Ok(entry(&own, name, Flag::Unchanged, "Takes it so"))
            }
            _ => Ok(entry(&own, name, Flag::Unchanged, "Takes it so")),
        }
    }

    fn told(&self, held: &Json<'static>, status: &str, how: &str) -> Json<'static> {
        let mut told = held.clone();
        deed::set(&mut told, "status", json!(status));
        deed::set(&mut told, "dateAsserted", json!(self.going.author.now));
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
            "effectiveDateTime": self.going.author.now,
            "dateAsserted": self.going.author.now,
            "informationSource": self.patient(),
        });
        statement[member] = medicine;
        statement
    }

    fn create(&self, deed: &mut Deed, part: &str, number: usize, mut statement: Value) -> String {
        statement["identifier"] = deed::identifier(self.going.token, part);
        let url = token::full_url(self.going.token, number);
        let condition = deed::condition(self.going.token, part, self.going.patient_id);
        deed.create("MedicationStatement", condition, Some(url.clone()), statement);
        url
    }

    fn patient(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.going.patient_id) })
    }
}
