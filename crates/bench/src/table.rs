//! What was measured against what was promised: one row per work, as a Markdown table and as JSON.

use serde_json::{Value, json};

use crate::BenchError;
use crate::drive::Run;
use crate::fsync::Fsync;

#[derive(Clone, Copy)]
pub enum Unit {
    RequestsPerSecond,
    ResourcesPerSecond,
    Milliseconds,
    Megabytes,
}

#[derive(Clone, Copy)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// At least this share of the control of the same run
    ShareOfControl(f64),
}

pub struct Row {
    pub name: &'static str,
    pub work: String,
    unit: Unit,
    aims: Vec<Aim>,
    figure: f64,
    latency_us: Option<(u32, u32)>,
    errors: u64,
    control: Option<f64>,
    wrong: Option<String>,
}

impl Row {
    pub fn new(name: &'static str, work: impl Into<String>, unit: Unit, aims: Vec<Aim>) -> Self {
        let work = work.into();
        Self { name, work, unit, aims, figure: 0.0, latency_us: None, errors: 0, control: None, wrong: None }
    }

    pub fn with(mut self, figure: f64) -> Self {
        self.figure = figure;
        self
    }

    /// The median run's rate times `factor`, its latencies, and the errors of all runs.
    pub fn filled(mut self, runs: &mut [Run], factor: f64) -> Self {
        runs.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        self.errors = runs.iter().map(|r| r.errors).sum();
        self.wrong = runs.iter().find_map(|r| r.first_error.clone());
        let middle = runs.len() / 2;
        if let Some(run) = runs.get_mut(middle) {
            self.figure = run.per_second() * factor;
            self.latency_us = Some((run.quantile_us(0.50), run.quantile_us(0.99)));
        }
        if runs.iter().any(|r| r.samples.is_empty()) {
            self.wrong.get_or_insert_with(|| "a run without an answer to check".to_owned());
        }
        self
    }

    pub fn against(mut self, controls: &mut [Run]) -> Self {
        controls.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        self.control = controls.get(controls.len() / 2).map(Run::per_second);
        self
    }

    pub fn judged(mut self, checked: Result<(), BenchError>) -> Self {
        if let Err(error) = checked {
            self.wrong.get_or_insert_with(|| error.to_string());
        }
        self
    }

    /// The rates of the server and of the control, in the same run.
    pub fn rates(&self) -> Option<(f64, f64)> {
        Some((self.figure, self.control?))
    }

    /// What makes the figure worthless, if anything does.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    fn verdict(&self) -> &'static str {
        if self.wrong.is_some() || self.errors > 0 {
            "WRONG"
        } else if self.aims.is_empty() {
            "–"
        } else if self.aims.iter().all(|aim| self.meets(*aim)) {
            "met"
        } else {
            "missed"
        }
    }

    fn meets(&self, aim: Aim) -> bool {
        match aim {
            Aim::AtLeast(least) => self.figure >= least,
            Aim::AtMost(most) => self.figure <= most,
            Aim::ShareOfControl(share) => self.control.is_some_and(|control| self.figure >= share * control),
        }
    }

    fn target(&self) -> String {
        let words: Vec<String> = self
            .aims
            .iter()
            .map(|aim| match aim {
                Aim::AtLeast(least) => format!("≥ {}", self.unit.show(*least)),
                Aim::AtMost(most) => format!("≤ {}", self.unit.show(*most)),
                Aim::ShareOfControl(share) => format!("≥ {:.0} % of control", share * 100.0),
            })
            .collect();
        words.join(", ")
    }

    fn line(&self) -> String {
        let (p50, p99) = self.latency_us.map_or((dash(), dash()), |(p50, p99)| (milliseconds(p50), milliseconds(p99)));
        let control =
            self.control.map_or_else(dash, |c| format!("{} ({:.0} %)", self.unit.show(c), 100.0 * self.figure / c));
        format!(
            "| {} | {} | {p50} | {p99} | {} | {control} | {} | {} |",
            self.work,
            self.unit.show(self.figure),
            self.errors,
            self.target(),
            self.verdict()
        )
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "work": self.work, "unit": self.unit.symbol(), "figure": self.figure,
            "p50_us": self.latency_us.map(|l| l.0), "p99_us": self.latency_us.map(|l| l.1), "errors": self.errors,
            "control": self.control, "target": self.target(), "verdict": self.verdict(), "wrong": self.wrong,
        })
    }
}

impl Unit {
    fn symbol(self) -> &'static str {
        match self {
            Self::RequestsPerSecond => "/s",
            Self::ResourcesPerSecond => "resources/s",
            Self::Milliseconds => "ms",
            Self::Megabytes => "MB",
        }
    }

    fn show(self, figure: f64) -> String {
        match self {
            Self::RequestsPerSecond => format!("{}/s", grouped(figure)),
            _ => format!("{} {}", grouped(figure), self.symbol()),
        }
    }
}

pub fn markdown(rows: &[Row], fsync: &Fsync, setting: &str) -> String {
    let mut text = String::from(
        "| work | measured | p50 | p99 | errors | control | target | verdict |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text.push_str(&row.line());
        text.push('\n');
    }
    text.push_str(&format!(
        "\nfsync (4 KiB append + fdatasync): p50 {}, p99 {} · {setting}\n",
        milliseconds(fsync.p50_us),
        milliseconds(fsync.p99_us)
    ));
    for row in rows {
        if let Some(wrong) = row.wrong() {
            text.push_str(&format!("{}: {wrong}\n", row.name));
        }
    }
    text
}

pub fn json(rows: &[Row], fsync: &Fsync, setting: &str) -> Value {
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    json!({"rows": rows, "fsync_p50_us": fsync.p50_us, "fsync_p99_us": fsync.p99_us, "setting": setting})
}

fn milliseconds(us: u32) -> String {
    format!("{:.2} ms", f64::from(us) / 1000.0)
}

fn dash() -> String {
    "–".to_owned()
}

/// Thousands apart: 15,000.
fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
