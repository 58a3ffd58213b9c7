//! A log that panics when a planted value appears in it.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Watches every event and span, of every level.
#[derive(Clone, Default)]
pub struct LogTrap {
    planted: Arc<Mutex<Vec<String>>>,
}

impl LogTrap {
    /// Runs `work` with the trap as its log.
    pub fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(self.clone()), work)
    }

    /// From now on this value must not appear.
    pub fn plant(&self, value: impl Into<String>) {
        self.planted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(value.into());
    }

    fn look(&self, text: &str) {
        let planted = self.planted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(found) = planted.iter().position(|value| text.contains(value.as_str())) {
            drop(planted);
            panic!("planted value number {found} was logged");
        }
    }
}

impl<S: Subscriber> Layer<S> for LogTrap {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.look(&text.0);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut text = Text(String::new());
        attributes.record(&mut text);
        self.look(&text.0);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        self.look(&text.0);
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "planted value number 0 was logged")]
    fn a_planted_value_in_a_log_line_is_caught() {
        let trap = LogTrap::default();
        trap.plant("Zebulon");
        trap.watch(|| tracing::debug!(name = "Zebulon", "opened"));
    }

    #[test]
    fn other_lines_pass() {
        let trap = LogTrap::default();
        trap.plant("Zebulon");
        trap.watch(|| tracing::debug!(name = "another", "opened"));
    }
}
