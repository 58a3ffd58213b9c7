//! Forms that patients were asked to fill in before they come: Tasks with the code of HL7 Structured Data Capture (SDC), for the patient.

use std::collections::HashMap;

use crate::clinic::ask::Asking;
use crate::clinic::book::Person;
use crate::clinic::read::{reference, text};
use crate::clinic::task;
use crate::refusal::Refusal;

const FORMS_MAX: &str = "1000";
/// Of those that were asked for; one that was called off is asked for no more.
const COUNTED: &str = "requested,received,accepted,ready,in-progress,on-hold,completed";

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Forms {
    pub done: usize,
    pub of: usize,
}

impl Forms {
    pub fn is_open(self) -> bool {
        self.done < self.of
    }
}

/// By patient. Who may not see Tasks is told of none.
pub async fn of(
    asking: &Asking<'_>,
    patients: impl Iterator<Item = &Person>,
) -> Result<HashMap<String, Forms>, Refusal> {
    let mut ids: Vec<&str> = patients.map(|patient| patient.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let code = format!("{}|{}", task::SDC, task::QUESTIONNAIRE);
    let pairs = [("patient", &*ids.join(",")), ("code", &code), ("status", COUNTED), ("_count", FORMS_MAX)];
    let sheet = asking.search_if_ever("Task", &pairs).await?;
    let mut forms: HashMap<String, Forms> = HashMap::new();
    for one in sheet.resources() {
        let Some(("Patient", id)) = one.get("for").and_then(reference) else { continue };
        let held = forms.entry(id.to_owned()).or_default();
        held.of += 1;
        held.done += usize::from(text(&one, "status") == Some("completed"));
    }
    Ok(forms)
}
