//! What going through the medicines writes: statements of what the patient says, and the List that says what was said of each.

use access::Labeler;
use fhir::Json;
use serde_json::{Value, json};

use super::Form;
use super::lines::{Line, MASKED};
use crate::clinic::codes::MEDICINES;
use crate::clinic::deed::{self, Deed};
use crate::clinic::gone_through::list::{Flag, Going, entry};
use crate::clinic::read::text;
use crate::clinic::token;
use crate::refusal::Refusal;

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

pub fn deed(form: &Form, statements: &[(Json<'static>, bool)], going: Going<'_>) -> Result<Deed, Refusal> {
    let mut deed = Deed::default();
    let mut entries = Vec::new();
    let made = Making { going: &going };
    for (number, line) in form.lines.iter().enumerate() {
        let said = made.line(&mut deed, line, number, statements)?;
        if !line.is_sensitive {
            entries.push(said);
        }
    }
    for (number, new) in form.new.iter().enumerate().filter(|(_, new)| !new.name.is_empty()) {
        let mut statement = made.statement("medicationCodeableConcept", MEDICINES.concept(&new.name));
        if !new.detail.is_empty() {
            statement["dosage"] = json!([{ "text": new.detail }]);
        }
        let is_sensitive = is_labelled(&statement);
        let url = made.create(&mut deed, &format!("new-{number}"), 500 + number, statement);
        if !is_sensitive {
            entries.push(entry(&url, &new.name, Flag::Unchanged, "New to the chart"));
        }
    }
    // Who takes none has an empty list; what was said of each prescription is kept beside it.
    if form.is_none {
        entries.clear();
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
        statements: &[(Json<'static>, bool)],
    ) -> Result<Value, Refusal> {
        let own = format!("{}/{}", if line.is_request { "MedicationRequest" } else { "MedicationStatement" }, line.id);
        let about = if line.is_request { line.statement.as_deref() } else { Some(line.id.as_str()) };
        let held = about.and_then(|id| statements.iter().map(|(one, _)| one).find(|one| text(one, "id") == Some(id)));
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
                    // A report of what was not prescribed here is over with it; of a prescription in force it holds.
                    Some(held) => {
                        deed.update(self.told(held, if line.is_request { "not-taken" } else { "stopped" }, how))?;
                    }
                    None => {
                        let mut statement = self.about(line);
                        statement["status"] = json!("not-taken");
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
            "active" => {
                deed::set(&mut told, "dosage", json!([{ "text": how }]));
                deed::remove(&mut told, "statusReason");
            }
            "stopped" | "not-taken" => {
                deed::set(&mut told, "statusReason", json!([{ "text": how }]));
                deed::remove(&mut told, "dosage");
            }
            _ => {}
        }
        told
    }

    /// A statement about the medicine of a line, as sensitive as that: by its codes, or under its labels, or else without its name.
    fn about(&self, line: &Line) -> Value {
        let (member, medicine) = &line.medicine;
        let mut statement = self.statement(member, value_of(medicine));
        if line.is_request {
            statement["basedOn"] = json!([{ "reference": format!("MedicationRequest/{}", line.id) }]);
        }
        match &line.labels {
            Some(labels) => statement["meta"] = json!({ "security": value_of(labels) }),
            None if line.is_sensitive && !is_labelled(&statement) => {
                if let Some(members) = statement.as_object_mut() {
                    members.remove(*member);
                }
                let masked = json!([{ "url": ABSENT, "valueCode": MASKED }]);
                statement["medicationCodeableConcept"] = json!({ "extension": masked });
            }
            None => {}
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

fn value_of(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_vec()).unwrap_or(Value::Null)
}

/// Whether its codes put it into a category that is closed to some who see the chart.
fn is_labelled(statement: &Value) -> bool {
    let mut labeler = Labeler::default();
    for coding in statement["medicationCodeableConcept"]["coding"].as_array().into_iter().flatten() {
        labeler.label(coding["system"].as_str().unwrap_or_default(), coding["code"].as_str().unwrap_or_default());
    }
    !labeler.labels().is_empty()
}
