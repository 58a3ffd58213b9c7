//! Forms that patients were asked to fill in before they come: Tasks with the code of HL7 Structured Data Capture (SDC), for the patient.

use std::collections::HashMap;

use record::TASK_OPEN;

use crate::clinic::ask::Asking;
use crate::clinic::book::Person;
use crate::clinic::form_task::FormTask;
use crate::clinic::read::{reference, text};
use crate::refusal::Refusal;

const FORMS_MAX: &str = "1000";

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
    // One that was called off is asked for no more.
    let counted = format!("{TASK_OPEN},completed");
    let sheet = FormTask::search(asking, &ids.join(","), &[("status", &counted), ("_count", FORMS_MAX)]).await?;
    let mut forms: HashMap<String, Forms> = HashMap::new();
    for one in sheet.resources() {
        let Some(("Patient", id)) = one.get("for").and_then(reference) else { continue };
        let held = forms.entry(id.to_owned()).or_default();
        held.of += 1;
        held.done += usize::from(text(&one, "status") == Some("completed"));
    }
    Ok(forms)
}
