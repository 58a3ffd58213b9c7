//! Being done is taken back by who was done: the message or task is what it was before, with its owner and its day.

use fhir::Json;
use record::{RecordError, ResourceKey};

use crate::clinic::ask::Asking;
use crate::clinic::read::{has_code, reference, text};
use crate::clinic::task;
use crate::refusal::Refusal;

/// What is done, as a form takes it back.
pub struct Undo {
    pub address: String,
    pub version: u32,
}

impl Undo {
    /// As the address of a list says it; nothing of one that names no resource.
    pub fn of(query: &[(String, String)]) -> Option<Self> {
        let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let version = value("version")?.parse().ok()?;
        let [task, message] = [("Task", "task"), ("Communication", "message")].map(|(kind, name)| {
            let id = value(name).filter(|id| ResourceKey::parse(kind, id).is_some())?;
            Some(Self { address: format!("/inbox/{name}s/{id}"), version })
        });
        task.or(message)
    }

    /// For the address of a list.
    pub fn asked(kind: &str, id: &str, version: u32) -> String {
        format!("&{}={id}&version={version}", if kind == "Task" { "task" } else { "message" })
    }
}

/// Whether this is done by its owner, as pages are done with things: orders and co-signatures end on pages of their own.
pub fn may_reopen(task: &Json<'_>, own: &str) -> bool {
    text(task, "status") == Some("completed")
        && task.get("owner").and_then(reference) == Some(("Practitioner", own))
        && task::order(task).is_none()
        && !has_code(task, "code", task::COSIGN)
}

/// What would be taken back, on the page of one item.
pub async fn offered(asking: &Asking<'_>, kind: &str, id: &str, own: &str) -> Result<Option<Undo>, Refusal> {
    let is_task = kind == "Task";
    let held = if is_task { asking.read("Task", id).await } else { asking.read("Task", &task::handles(id)).await };
    let held = match held {
        Ok(held) => held,
        Err(RecordError::NotFound | RecordError::Gone | RecordError::Denied(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let version = held.get().version();
    // A task that began as done was never open.
    let is_offered = (version > 1 || !is_task) && may_reopen(&held.get().tree()?, own);
    let address = format!("/inbox/{}/{id}", if is_task { "tasks" } else { "messages" });
    Ok(is_offered.then_some(Undo { address, version }))
}

/// As it was before it was done, if it was open then.
pub async fn before(asking: &Asking<'_>, id: &str, version: u32) -> Result<Option<Json<'static>>, Refusal> {
    if version == 0 {
        return Ok(None);
    }
    let key = ResourceKey::parse("Task", id).ok_or(Refusal::NotFound)?;
    let held = asking.record.vread(asking.caller, &key, version).await?;
    let task = held.get().tree()?.into_owned();
    Ok(Some(task).filter(|task| text(task, "status").is_some_and(record::is_task_open)))
}
