//! The chart follows the room: the appointment and the encounter of a visit begin when the patient is let in and end when the visit does,
//! with who was there, how they were known, what they agreed to and where the patient was. Written with the authority of who hosts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::Caller;
use fhir::Json;
use record::RecordError;
use telehealth::sheets::Sheet;
use telehealth::status::VisitEvent;

use super::encounter;
use crate::Web;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::moves::{self, Act, Change};
use crate::clinic::read::{text, version};
use crate::pages::today::act;
use crate::refusal::Refusal;

/// Somebody else may change the appointment at the same time, and be faster.
const TRIES: usize = 4;
/// Visits that one process remembers the hosts of; the oldest beyond it are followed by nobody but their people.
const HOSTS_MAX: usize = 4_096;

/// Who hosts which visit, as they were when they opened the room.
#[derive(Clone, Default)]
pub struct Hosts(Arc<Mutex<HashMap<String, Caller>>>);

impl Hosts {
    pub fn put(&self, visit: &str, caller: &Caller) {
        let mut hosts = self.held();
        hosts.insert(visit.to_owned(), caller.clone());
        // Rooms that were opened and in which nobody was let in end without a word.
        if hosts.len() > HOSTS_MAX {
            let oldest = hosts.iter().min_by_key(|(_, caller)| caller.time_ms()).map(|(visit, _)| visit.clone());
            oldest.map(|oldest| hosts.remove(&oldest));
        }
    }

    pub fn forget(&self, visit: &str) {
        self.held().remove(visit);
    }

    fn of(&self, visit: &str) -> Option<Caller> {
        self.held().get(visit).cloned()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Caller>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing where nobody hosts, or where it is so already.
pub async fn follow(web: &Web, visit: &str, event: VisitEvent) -> Result<(), Refusal> {
    let act = match event {
        VisitEvent::Start => Act::Start,
        VisitEvent::Finish => Act::Finish,
        _ => return Ok(()),
    };
    let Some(caller) = web.0.hosts.of(visit) else { return Ok(()) };
    let asking = Asking { record: web.record(), caller: &caller };
    let sheet = web.sheets().of(visit).map_err(super::unread)?;
    let mut last = RecordError::Conflict;
    for _ in 0..TRIES {
        let changes = changes(&asking, visit, act, &sheet).await?;
        if changes.is_empty() {
            return Ok(());
        }
        match asking.transact(&moves::transaction(changes)).await {
            Ok(_) => {
                if act == Act::Finish {
                    web.0.hosts.forget(visit);
                }
                return Ok(());
            }
            Err(error) if error.is_overtaken() => last = error,
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.into())
}

async fn changes(asking: &Asking<'_>, visit: &str, act: Act, sheet: &Sheet) -> Result<Vec<Change>, Refusal> {
    let held = asking.read("Appointment", visit).await?;
    let mut appointment = held.get().tree()?.into_owned();
    let now = day::instant(asking.record.now_ms());
    // They came before they were let in.
    if let (Act::Start, Some(arrived_ms)) = (act, sheet.course.arrived_ms) {
        moves::moved(&mut appointment, Act::Arrive, &day::instant(arrived_ms), None, None);
    }
    let (mut changes, status) = act::changes(asking, &appointment, held.get().version(), act, None, &now).await?;
    let is_so = status == act.goal();
    if is_so {
        // Pressed on the day's list, or the second call of one visit: what remains to be said of it is in its encounter.
        changes.clear();
    }
    if act == Act::Finish {
        tell(asking, &appointment, &mut changes, sheet).await?;
    }
    Ok(changes)
}

/// Puts what is known of the visit into the encounter that is about to be written, or into the one there is.
async fn tell(
    asking: &Asking<'_>,
    appointment: &Json<'_>,
    changes: &mut Vec<Change>,
    sheet: &Sheet,
) -> Result<(), Refusal> {
    let is_encounter = |change: &&mut Change| change.url.starts_with("Encounter");
    if let Some(change) = changes.iter_mut().find(is_encounter) {
        encounter::tell(&mut change.resource, sheet);
        return Ok(());
    }
    let Some((_, mut held)) = act::encounter(asking, appointment).await? else { return Ok(()) };
    encounter::tell(&mut held, sheet);
    let url = format!("Encounter/{}", text(&held, "id").unwrap_or_default());
    changes.push(Change { method: "PUT", url, if_match: Some(version(&held)), is_new: false, resource: held });
    Ok(())
}
