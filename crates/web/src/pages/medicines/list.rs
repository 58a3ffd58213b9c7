//! What going through the medicines writes: statements of what the patient says, and the List that says what was said of each.

use access::Labels;
use fhir::Json;
use record::categories_of;
use serde_json::{Value, json};

use super::lines::{Line, MASKED};
use super::{Form, SAID as KIND};
use crate::clinic::codes::MEDICINES;
use crate::clinic::deed::{self, Deed, fhir_of};
use crate::clinic::gone_through::list::{Flag, Going, entry};
use crate::clinic::read::text;
use crate::clinic::token;
use crate::refusal::Refusal;

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

pub fn deed(form: &Form, statements: &[(Json<'static>, Labels)], going: Going<'_>) -> Result<Deed, Refusal> {
    let mut deed = Deed::default();
    let mut entries = Vec::new();
    let made = Making { going: &going };
    for (number, line) in form.lines.iter().enumerate().filter(|(_, line)| !line.spoken.say.is_empty()) {
        let said = made.line(&mut deed, line, number, statements)?;
        if !line.is_sensitive() {
            entries.push(said);
        }
    }
    for (number, new) in form.new.iter().enumerate().filter(|(_, new)| !new.name.is_empty()) {
        let mut statement = made.statement("medicationCodeableConcept", MEDICINES.concept(&new.name));
        if !new.detail.is_empty() {
            statement["dosage"] = json!([{ "text": new.detail }]);
        }
        let is_sensitive = !categories_of(&fhir_of(&statement), KIND).is_empty();
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
        statements: &[(Json<'static>, Labels)],
    ) -> Result<Value, Refusal> {
        let own = format!("{}/{}", if line.is_request { "MedicationRequest" } else { KIND }, line.id);
        let about = if line.is_request { line.statement.as_deref() } else { Some(line.id.as_str()) };
        let held = about.and_then(|id| statements.iter().find(|(one, _)| text(one, "id") == Some(id)));
        let (how, name) = (line.spoken.how.as_str(), line.spoken.name.as_str());
        match (line.spoken.say.as_str(), held) {
            ("differently", Some(held)) => {
                deed.update(self.told(line, held, "active", how))?;
                let url = format!("{KIND}/{}", text(&held.0, "id").unwrap_or_default());
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
                        deed.update(self.told(line, held, if line.is_request { "not-taken" } else { "stopped" }, how))?;
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
                deed.update(self.told(line, held, "completed", ""))?;
                Ok(entry(&own, name, Flag::Unchanged, "Takes it so"))
            }
            _ => Ok(entry(&own, name, Flag::Unchanged, "Takes it so")),
        }
    }

    fn told(
        &self,
        line: &Line,
        (held, categories): &(Json<'static>, Labels),
        status: &str,
        how: &str,
    ) -> Json<'static> {
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
        if line.is_request { covered(told, line, *categories) } else { told }
    }

    fn about(&self, line: &Line) -> Value {
        let (member, medicine) = &line.medicine;
        let mut statement = self.statement(member, value_of(medicine));
        if line.is_request {
            statement["basedOn"] = json!([{ "reference": format!("MedicationRequest/{}", line.id) }]);
        }
        value_of(&covered(fhir_of(&statement), line, Labels::NONE))
    }

    fn statement(&self, member: &str, medicine: Value) -> Value {
        let mut statement = json!({
            "resourceType": KIND,
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
        deed.create(KIND, condition, Some(url.clone()), statement);
        url
    }

    fn patient(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.going.patient_id) })
    }
}

/// A statement as sensitive as the prescription that it is about: under the labels of that, as far as they are shown; and without a name
/// where these, its own words and the categories that it is in already do not make up all of those of the prescription.
fn covered(mut statement: Json<'static>, line: &Line, held: Labels) -> Json<'static> {
    let wanted = line.labels.as_ref().map_or(&[][..], |labels| labels.items());
    if !wanted.is_empty() {
        let meta = |one: &Json<'static>| one.get("meta").map_or_else(|| json!({}), value_of);
        let mut meta = meta(&statement);
        let mut security = meta["security"].as_array().cloned().unwrap_or_default();
        security.extend(wanted.iter().map(value_of).filter(|label| !security.contains(label)).collect::<Vec<_>>());
        meta["security"] = json!(security);
        deed::set(&mut statement, "meta", meta);
    }
    if !categories_of(&statement, KIND).union(held).contains(line.categories) {
        deed::remove(&mut statement, "medicationReference");
        let masked = json!({ "extension": [{ "url": ABSENT, "valueCode": MASKED }] });
        deed::set(&mut statement, "medicationCodeableConcept", masked);
    }
    statement
}

fn value_of(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_vec()).unwrap_or(Value::Null)
}
