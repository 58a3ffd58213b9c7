//! Loads the data and measures what runs against a running server: reads, searches, creates, transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::BenchError;
use crate::check::{self, Loaded};
use crate::clinic;
use crate::drive::{Load, Run, STAMP, Work, drive};
use crate::process::Control;
use crate::table::{Aim, Row, Unit};
use crate::wire::Target;

const CONNECTIONS: usize = 64;
const CONNECTIONS_TRANSACTION: usize = 8;
/// One patient and this many Observations are a measured transaction.
const TRANSACTION_OBSERVATIONS: usize = 99;
const LOAD_PATIENTS: usize = 50;

/// How long everything takes.
#[derive(Clone, Copy)]
pub struct Pace {
    pub rounds: usize,
    pub duration: Duration,
    pub warm_up: Duration,
}

/// Everything a row needs to run.
pub struct Site<'a> {
    pub target: &'a Target,
    pub loaded: &'a Loaded,
    pub scratch: &'a std::path::Path,
    pub pace: Pace,
    /// Numbers for fresh identifiers, never given twice
    pub next: Arc<AtomicU64>,
    /// Resources that were acknowledged so far
    pub written: AtomicU64,
}

impl Loaded {
    pub fn resources(&self) -> usize {
        self.patients.len() + self.observations.iter().map(Vec::len).sum::<usize>()
    }
}

/// Loads 2,000 patients, and 10 Observations for each of the first 500, by transactions.
pub async fn load(target: &Target) -> Result<Loaded, BenchError> {
    let mut loaded = Loaded { patients: Vec::new(), observations: Vec::new() };
    let mut connection = target.connect().await?;
    for from in (0..clinic::PATIENTS).step_by(LOAD_PATIENTS) {
        let bundle = clinic::load_bundle(from, from + LOAD_PATIENTS);
        let answer = connection.exchange(&target.post("", &bundle.to_string())).await?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(600)]).into_owned();
            return Err(BenchError::Answer(format!("loading answered {}: {said}", answer.status)));
        }
        for key in check::locations(&check::json(answer.body)?)? {
            if key.starts_with("Patient/") {
                loaded.patients.push(key);
                loaded.observations.push(Vec::new());
            } else if let Some(last) = loaded.observations.last_mut() {
                last.push(key);
            }
        }
    }
    let observed = loaded.observations.iter().filter(|of_patient| of_patient.len() == clinic::CODES.len()).count();
    if (loaded.patients.len(), observed) != (clinic::PATIENTS, clinic::OBSERVED) {
        return Err(BenchError::Answer("the answers to loading do not name every resource".to_owned()));
    }
    Ok(loaded)
}

/// The control alone, with an answer of usual size: what the machine and the generator carry without any server.
pub async fn control(scratch: &std::path::Path, pace: Pace) -> Result<Row, BenchError> {
    let body = clinic::patient(1, &clinic::identifier(1)).to_string();
    let stored = format!("HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nETag: W/\"1\"\r\n\r\n{body}");
    let control = Control::start(stored.as_bytes(), scratch).await?;
    let work = Work::Pick(Arc::new(vec![control.target.get("Patient/1")]));
    let load = Load { connections: CONNECTIONS, duration: pace.duration, status: 200 };
    let mut runs = Vec::new();
    for _ in 0..pace.rounds {
        runs.push(drive(&control.target, &work, &load).await?);
    }
    Ok(Row::new("control", "the control alone", Unit::RequestsPerSecond, Vec::new()).filled(&mut runs, 1.0))
}

pub async fn read(site: &Site<'_>) -> Result<Row, BenchError> {
    let requests = site.loaded.patients.iter().map(|key| site.target.get(key)).collect();
    let aims = vec![Aim::AtLeast(15_000.0), Aim::ShareOfControl(0.40)];
    let (row, runs) = pick(site, Row::new("read", "GET Patient/{id}", Unit::RequestsPerSecond, aims), requests).await?;
    Ok(row.judged(runs.iter().flat_map(|r| &r.samples).try_for_each(|s| check::read(s, site.loaded))))
}

pub async fn name(site: &Site<'_>) -> Result<Row, BenchError> {
    let page = check::PAGE;
    let requests =
        clinic::STEMS.iter().map(|stem| site.target.get(&format!("Patient?name={stem}&_count={page}"))).collect();
    let row = Row::new("name", "Patient?name=prefix, page of 20", Unit::RequestsPerSecond, vec![Aim::AtLeast(4_000.0)]);
    let (row, runs) = pick(site, row, requests).await?;
    Ok(row.judged(runs.iter().flat_map(|r| &r.samples).try_for_each(check::name)))
}

pub async fn observation(site: &Site<'_>) -> Result<Row, BenchError> {
    let mut requests = Vec::with_capacity(clinic::OBSERVED * clinic::CODES.len());
    for patient in &site.loaded.patients[..clinic::OBSERVED] {
        for (code, ..) in clinic::CODES {
            requests.push(site.target.get(&format!("Observation?subject={patient}&code={code}")));
        }
    }
    let aims = vec![Aim::AtLeast(8_000.0)];
    let row = Row::new("observation", "Observation?subject=Patient/X&code=Y", Unit::RequestsPerSecond, aims);
    let (row, runs) = pick(site, row, requests).await?;
    Ok(row.judged(runs.iter().flat_map(|r| &r.samples).try_for_each(|s| check::observation(s, site.loaded))))
}

pub async fn create(site: &Site<'_>) -> Result<Row, BenchError> {
    let body = clinic::patient(clinic::PATIENTS, &format!("NEW-{STAMP}")).to_string();
    let work = Work::stamp(site.target.post("Patient", &body), &site.next);
    let load = Load { connections: CONNECTIONS, duration: site.pace.duration, status: 201 };
    let mut runs = write(site, &work, &load, 1).await?;
    let mut connection = site.target.connect().await?;
    let mut verdict = Ok(());
    for sample in runs.iter().flat_map(|r| &r.samples) {
        verdict = verdict.and(check::create(sample, site.target, &mut connection).await);
    }
    let row = Row::new("create", "POST Patient", Unit::RequestsPerSecond, vec![Aim::AtLeast(3_000.0)]);
    Ok(row.filled(&mut runs, 1.0).judged(verdict))
}

pub async fn transaction(site: &Site<'_>) -> Result<Row, BenchError> {
    let resources = TRANSACTION_OBSERVATIONS + 1;
    let work = transaction_work(site.target, &site.next);
    let load = Load { connections: CONNECTIONS_TRANSACTION, duration: site.pace.duration, status: 200 };
    let mut runs = write(site, &work, &load, resources).await?;
    let mut connection = site.target.connect().await?;
    let mut verdict = Ok(());
    for sample in runs.iter().flat_map(|r| &r.samples) {
        verdict = verdict.and(check::transaction(sample, resources, site.target, &mut connection).await);
    }
    let row = Row::new("transaction", "transaction of 1 + 99", Unit::ResourcesPerSecond, vec![Aim::AtLeast(6_000.0)]);
    Ok(row.filled(&mut runs, 100.0).judged(verdict))
}

/// Adds transactions until `wanted` resources are there.
pub async fn fill(site: &Site<'_>, wanted: u64) -> Result<(), BenchError> {
    const STEP: Duration = Duration::from_secs(2);
    const STEPS_MAX: usize = 60;
    let work = transaction_work(site.target, &site.next);
    let load = Load { connections: CONNECTIONS_TRANSACTION, duration: STEP, status: 200 };
    for _ in 0..STEPS_MAX {
        if site.written.load(Ordering::Relaxed) >= wanted {
            return Ok(());
        }
        let run = drive(site.target, &work, &load).await?;
        site.written.fetch_add(run.answers * (TRANSACTION_OBSERVATIONS as u64 + 1), Ordering::Relaxed);
        if let Some(error) = run.first_error {
            return Err(BenchError::Answer(error));
        }
    }
    Err(BenchError::Process(format!("{wanted} resources were not written in time")))
}

fn transaction_work(target: &Target, next: &Arc<AtomicU64>) -> Work {
    let bundle = clinic::chart_bundle(&format!("TX-{STAMP}"), TRANSACTION_OBSERVATIONS).to_string();
    Work::stamp(target.post("", &bundle), next)
}

/// Measures reads of prebuilt requests, in turns with a control that answers with one of the answers.
async fn pick(site: &Site<'_>, row: Row, requests: Vec<Vec<u8>>) -> Result<(Row, Vec<Run>), BenchError> {
    let mut connection = site.target.connect().await?;
    let answer = connection.exchange(&requests[0]).await?;
    let stored = [answer.head, answer.body].concat();
    let control = Control::start(&stored, site.scratch).await?;
    let work = Work::Pick(Arc::new(requests));
    let load = Load { connections: CONNECTIONS, duration: site.pace.duration, status: 200 };
    warm(site, &work, &load).await?;
    let (mut runs, mut controls) = (Vec::new(), Vec::new());
    for _ in 0..site.pace.rounds {
        runs.push(drive(site.target, &work, &load).await?);
        controls.push(drive(&control.target, &work, &load).await?);
    }
    let row = row.filled(&mut runs, 1.0).against(&mut controls);
    Ok((row, runs))
}

/// Measures writes of `resources` each.
async fn write(site: &Site<'_>, work: &Work, load: &Load, resources: usize) -> Result<Vec<Run>, BenchError> {
    warm(site, work, load).await?;
    let mut runs = Vec::new();
    for _ in 0..site.pace.rounds {
        let run = drive(site.target, work, load).await?;
        site.written.fetch_add(run.answers * resources as u64, Ordering::Relaxed);
        runs.push(run);
    }
    Ok(runs)
}

async fn warm(site: &Site<'_>, work: &Work, load: &Load) -> Result<(), BenchError> {
    let warm_up = Load { duration: site.pace.warm_up, ..*load };
    drive(site.target, work, &warm_up).await.map(|_| ())
}
