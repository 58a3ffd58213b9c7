//! Imports transaction and batch Bundles and bulk NDJSON. Each piece commits as a whole with a label made from its
//! content, so an import that was interrupted goes on where it stopped and nothing comes in twice.

mod piece;
mod report;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::{Purpose, Role};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::Semaphore;

use crate::ServerError;
use crate::assembly::House;
use crate::operator::{self, Operator};

pub use piece::Piece;
pub use report::Report;
pub use source::Source;

/// Pieces prepared at once for each processor.
const IN_FLIGHT_PER_CORE: usize = 2;
const DRAW_EVERY: Duration = Duration::from_millis(200);

pub struct ImportPlan {
    pub paths: Vec<PathBuf>,
    pub operator: Operator,
    pub report: Option<PathBuf>,
    pub progress: bool,
}

/// What came of it.
#[derive(Default)]
pub struct Summary {
    /// Resources written now, by type.
    pub written: BTreeMap<String, u64>,
    pub already_there: u64,
    pub failed: u64,
    pub files: u64,
    /// Elements that the collection policy left out, by rule.
    pub dropped: BTreeMap<String, u64>,
    pub took: Duration,
}

impl Summary {
    pub fn resources(&self) -> u64 {
        self.written.values().sum()
    }

    fn add(&mut self, other: Summary) {
        for (name, count) in other.written {
            *self.written.entry(name).or_default() += count;
        }
        for (rule, count) in other.dropped {
            *self.dropped.entry(rule).or_default() += count;
        }
        self.already_there += other.already_there;
        self.failed += other.failed;
        self.files += other.files;
    }
}

pub async fn run(house: &House, plan: &ImportPlan) -> Result<Summary, ServerError> {
    let started = Instant::now();
    let sources = source::find(&plan.paths)?;
    let report = Arc::new(Report::open(plan.report.as_deref())?);
    let subject = plan.operator.because(&format!("{} files", sources.len()));
    house.note(audit::Action::Import, &plan.operator.name, Some(&subject)).await?;

    // Else the index would grow in memory until the end.
    let indexing = tokio::spawn(house.record.clone().maintain_index());
    let progress = progress(plan.progress, sources.iter().map(|source| source.bytes).sum());
    let imported = import_phases(house, plan, &sources, &report, &progress).await;
    indexing.abort();
    let _ = indexing.await;
    let mut summary = imported?;
    summary.files = sources.len() as u64;
    summary.took = started.elapsed();
    progress.finish_and_clear();
    house.record.flush_index(1).await?;
    report.finish()?;
    let outcome = match summary.failed {
        0 => audit::Outcome::Success,
        _ => audit::Outcome::Failed { code: 422 },
    };
    let count = Some(summary.resources());
    house.note_outcome(audit::Action::Import, &plan.operator.name, Some("end"), count, outcome).await?;
    Ok(summary)
}

async fn import_phases(
    house: &House,
    plan: &ImportPlan,
    sources: &[Source],
    report: &Arc<Report>,
    progress: &ProgressBar,
) -> Result<Summary, ServerError> {
    let mut summary = Summary::default();
    // Patients of bulk files come first: what belongs to a patient is sealed under the patient's own key.
    for phase in source::Phase::ALL {
        summary.add(import_phase(house, plan, sources, phase, report, progress).await?);
    }
    Ok(summary)
}

async fn import_phase(
    house: &House,
    plan: &ImportPlan,
    sources: &[Source],
    phase: source::Phase,
    report: &Arc<Report>,
    progress: &ProgressBar,
) -> Result<Summary, ServerError> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let room = Arc::new(Semaphore::new(cores * IN_FLIGHT_PER_CORE));
    let mut running = tokio::task::JoinSet::new();
    let mut summary = Summary::default();
    let mut failed = 0;
    for source in sources.iter().filter(|source| source.is_in(phase)) {
        let pieces = match source.pieces(phase) {
            Ok(pieces) => pieces,
            Err(error) => {
                report.file(&source.path, None, "", &error.to_string(), "failed");
                failed += 1;
                continue;
            }
        };
        // Where a batch of one file ends, its next may begin: files are independent of each other.
        for piece in pieces {
            let piece = match piece {
                Ok(piece) => piece,
                Err(malformed) => {
                    report.file(&source.path, Some(malformed.line), "", &malformed.rule, "failed");
                    failed += 1;
                    continue;
                }
            };
            let permit = room.clone().acquire_owned().await.map_err(|_| stopped())?;
            while let Some(ended) = running.try_join_next() {
                summary.add(joined(ended)?);
            }
            let (record, clock, report) = (house.record.clone(), house.clock.clone(), report.clone());
            let (operator, progress) = (plan.operator.name.clone(), progress.clone());
            running.spawn(async move {
                let caller = operator::caller(&operator, Role::Integration, Purpose::Treatment, &clock)?;
                let bytes = piece.source_bytes;
                let result = piece.import(&record, &caller, &report).await;
                progress.inc(bytes);
                if let Ok(summary) = &result {
                    progress.set_message(format!("{} resources", summary.resources()));
                }
                drop(permit);
                result
            });
        }
    }
    while let Some(ended) = running.join_next().await {
        summary.add(joined(ended)?);
    }
    summary.failed += failed;
    Ok(summary)
}

fn joined(ended: Result<Result<Summary, ServerError>, tokio::task::JoinError>) -> Result<Summary, ServerError> {
    ended.map_err(|_| stopped())?
}

fn stopped() -> ServerError {
    ServerError::Refused("a defect stopped the import; run it again to go on where it stopped".into())
}

fn progress(is_shown: bool, bytes: u64) -> ProgressBar {
    let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(DRAW_EVERY);
    bar
}
