//! Visits by video: their rooms, what is written into the log of them, and those who come by a link.

use std::sync::Arc;
use std::time::Duration;

use telehealth::guests::Guests;
use telehealth::hall::{Hall, Happened, TICK_MS, What};
use telehealth::room::Audit;
use telehealth::turn::Relays;
use tokio::sync::mpsc;

use crate::assembly::House;

/// Events that wait to be written. A room that makes more is told to wait by the limits of its people.
const WAITING_MAX: usize = 16_384;

/// The rooms, and what happens in them.
pub fn hall(house: &House) -> (Hall, mpsc::Receiver<Happened>) {
    let (to, happened) = mpsc::channel(WAITING_MAX);
    let tell = Arc::new(move |one: Happened| {
        if to.try_send(one).is_err() {
            tracing::error!("what happened in a visit could not be written down");
        }
    });
    (Hall::new(Relays::none(), house.clock.clone(), Arc::new(fill), tell), happened)
}

pub fn guests(house: &House) -> Guests {
    Guests::new(house.desk.clone(), house.clock.clone(), Arc::new(fill))
}

fn fill(bytes: &mut [u8]) -> bool {
    crypto::random(bytes).is_ok()
}

/// Looks after the rooms until the server stops.
pub async fn watch(hall: Hall) {
    let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS));
    loop {
        ticks.tick().await;
        hall.tick();
    }
}

/// Each event with the opaque id of the visit, the role and a closed word: who it was is in the ticket's own event.
pub async fn write_down(house: Arc<House>, mut happened: mpsc::Receiver<Happened>) {
    while let Some(Happened { visit, role, what }) = happened.recv().await {
        let role = role.map_or("nobody".to_owned(), |role| format!("{role:?}").to_lowercase());
        let (words, is_failure) = match what {
            What::Room { what, detail } => {
                let failed = matches!(what, Audit::TicketRefused | Audit::NotHost | Audit::RateLimited);
                let detail = detail.map_or_else(String::new, |detail| format!(" {detail}"));
                (format!("{what:?}{detail}"), failed)
            }
            What::Visit { status, .. } => (format!("status {}", status.word()), false),
        };
        let subject = format!("visit {visit}: {role}: {words}");
        let outcome = match is_failure {
            true => audit::event::Outcome::Failed { code: 403 },
            false => audit::event::Outcome::Success,
        };
        if let Err(error) = house.note_outcome(audit::Action::Visit, "system", Some(&subject), None, outcome).await {
            tracing::error!(%error, "what happened in a visit could not be written down");
        }
    }
}
