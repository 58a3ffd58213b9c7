//! Word that something on the calendar changed: when it lies, never what it is or whose. Pages that show a day ask again.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::head::Head;
use crate::types;

/// Types whose change changes a day's list.
const OF_CALENDAR: [&str; 3] = ["Appointment", "Encounter", "Slot"];
/// Changes that a listener may be behind; one that is further behind is told that any day may have changed.
const BEHIND_MAX: usize = 256;
const ANY_TIME: Span = (i64::MIN, i64::MAX);

type Span = (i64, i64);

pub struct Calendar(broadcast::Sender<Span>);

/// What changed since this was asked for.
pub struct CalendarChanges(broadcast::Receiver<Span>);

impl Default for Calendar {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }
}

impl Calendar {
    pub fn changes(&self) -> CalendarChanges {
        CalendarChanges(self.0.subscribe())
    }

    /// A version took the place of another, which is `None` where it is not at hand.
    pub fn changed(&self, before: Option<&Head>, now: &Head) {
        let before = match (before, now.version) {
            (_, 1) => None,
            (Some(head), _) => Some(span(head)),
            (None, _) => Some(ANY_TIME),
        };
        for span in before.into_iter().chain([span(now)]) {
            // Nobody may be listening.
            let _ = self.0.send(span);
        }
    }
}

impl CalendarChanges {
    /// Completes when something that lies between these times, in milliseconds since 1970, may have changed.
    pub async fn between(&mut self, from_ms: i64, until_ms: i64) {
        loop {
            match self.0.recv().await {
                Ok((low, high)) if high <= from_ms || until_ms <= low => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The record is closed: nothing changes any more.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

pub fn is_of_calendar(type_code: u16) -> bool {
    OF_CALENDAR.contains(&types::name(type_code))
}

/// When it lies, as far as its head tells.
fn span(head: &Head) -> Span {
    let code = if head.type_name() == "Slot" { "start" } else { "date" };
    let (Some(values), Some(param)) = (head.values(), fhir::search::find(head.type_name(), code)) else {
        return ANY_TIME;
    };
    if head.sealed_apart() {
        return ANY_TIME;
    }
    values.spans_ms(param).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or(ANY_TIME)
}
