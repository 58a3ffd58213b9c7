//! The order of a run: probe the disk, load, measure row by row, import, restart, print.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::BenchError;
use crate::check::Loaded;
use crate::process::{Server, run_to_end};
use crate::rows::{self, Pace, Site};
use crate::table::{self, Aim, Row, Unit};
use crate::{check, fsync, pages, sign_in, stages};

const ROWS: [&str; 11] =
    ["read", "name", "observation", "create", "transaction", "start", "import", STAGES, CONTROL, SIGN_IN, PAGES];
/// What the first row costs, stage by stage: a table of its own.
const STAGES: &str = "stages";
/// Only when asked for: every row that reads measures its own.
const CONTROL: &str = "control";
/// Only when asked for: it takes a quarter of an hour, for each attempt costs what a password costs.
const SIGN_IN: &str = "sign-in";
/// Only when asked for: what each page of the clinic costs.
const PAGES: &str = "pages";
const START_RESOURCES: u64 = 100_000;
const START_ROUNDS: usize = 3;
const REST: Duration = Duration::from_secs(10);
const FOLDERS: [&str; 3] = ["synthea", "uscore-rich", "uscore-150"];

#[derive(clap::Args)]
pub struct Options {
    /// The release build of `wardstone`
    #[arg(long)]
    server: PathBuf,
    /// Only the row of this name: read, name, observation, create, transaction, start, import, stages, control, sign-in, pages
    #[arg(long, value_parser = ROWS)]
    only: Option<String>,
    /// One short round per row and no filling up to 100,000 resources: a smoke test, not a measurement
    #[arg(long)]
    quick: bool,
    /// Pairs of attempts of the row sign-in
    #[arg(long, default_value_t = sign_in::PAIRS)]
    pairs: u32,
    /// Also write the figures here
    #[arg(long)]
    json: Option<PathBuf>,
    /// Folder with the hospitals to import; the row is left out if it is not there
    #[arg(long)]
    hospitals: Option<PathBuf>,
    /// Where the data directories are made (and removed); the system's temporary folder unless given
    #[arg(long)]
    scratch: Option<PathBuf>,
}

pub async fn run(options: &Options) -> Result<(), BenchError> {
    if options.only.as_deref() == Some(SIGN_IN) {
        println!("{}", sign_in::run(options.pairs).await?);
        return Ok(());
    }
    let parent = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let scratch = tempfile::tempdir_in(&parent).map_err(|e| BenchError::File(parent.clone(), e))?;
    if options.only.as_deref() == Some(PAGES) {
        println!("{}", pages::run(&options.server, scratch.path(), options.quick).await?);
        return Ok(());
    }
    let disk = fsync::measure(scratch.path())?;
    let setting = setting(options.quick);
    let mut measured = Vec::new();
    if ROWS[..6].iter().any(|row| wanted(options, row)) {
        measured = serving(options, scratch.path()).await?;
    }
    if options.only.as_deref() == Some(CONTROL) {
        measured.push(rows::control(scratch.path(), pace(options.quick)).await?);
    }
    if let Some(hospitals) = options.hospitals.as_deref().filter(|_| wanted(options, "import")) {
        if FOLDERS.iter().all(|folder| hospitals.join(folder).is_dir()) {
            measured.extend(import(options, hospitals, scratch.path()).await?);
        } else {
            eprintln!("import: left out, no hospitals at {}", hospitals.display());
        }
    }
    println!("{}", table::markdown(&measured, &disk, &setting));
    if wanted(options, STAGES) {
        eprintln!("measuring stages");
        let rates = measured.iter().find(|row| row.name == "read").and_then(Row::rates);
        println!("{}", stages::markdown(&stages::measure().await?, rates));
    }
    if let Some(path) = &options.json {
        let text = format!("{:#}\n", table::json(&measured, &disk, &setting));
        std::fs::write(path, text).map_err(|e| BenchError::File(path.clone(), e))?;
    }
    match measured.iter().find(|row| row.wrong().is_some()) {
        Some(row) => Err(BenchError::Answer(format!("row {}", row.name))),
        None if measured.is_empty() && options.only.as_deref() != Some(STAGES) => {
            Err(BenchError::Process("nothing was measured".to_owned()))
        }
        None => Ok(()),
    }
}

/// Rows against one server and its data directory, then the restart on what they left.
async fn serving(options: &Options, scratch: &Path) -> Result<Vec<Row>, BenchError> {
    let data = scratch.join("data");
    let server = Server::start(&options.server, &data, scratch).await?;
    eprintln!("loading");
    let loaded = rows::load(&server.target).await?;
    let site = Site {
        target: &server.target,
        loaded: &loaded,
        scratch,
        pace: pace(options.quick),
        next: Arc::new(AtomicU64::new(1)),
        written: AtomicU64::new(loaded.resources() as u64),
    };
    let mut measured = Vec::new();
    for name in ROWS[..6].iter().copied().filter(|name| wanted(options, name)) {
        eprintln!("measuring {name}");
        match name {
            "read" => measured.push(rows::read(&site).await?),
            "name" => measured.push(rows::name(&site).await?),
            "observation" => measured.push(rows::observation(&site).await?),
            "create" => measured.push(rows::create(&site).await?),
            "transaction" => measured.push(rows::transaction(&site).await?),
            _ => {}
        }
    }
    if wanted(options, "start") {
        if !options.quick {
            rows::fill(&site, START_RESOURCES).await?;
        }
        let held = site.written.load(Ordering::Relaxed);
        server.stop().await?;
        measured.push(start(options, &data, scratch, &loaded, held).await?);
    } else {
        server.stop().await?;
    }
    Ok(measured)
}

/// From spawning the process to the first resource, on a directory that holds `held` resources.
async fn start(options: &Options, data: &Path, scratch: &Path, loaded: &Loaded, held: u64) -> Result<Row, BenchError> {
    let mut times_ms = Vec::new();
    for _ in 0..START_ROUNDS {
        let server = Server::start(&options.server, data, scratch).await?;
        let mut connection = server.target.connect().await?;
        check::fetch(&loaded.patients[0], &server.target, &mut connection).await?;
        times_ms.push(server.started.elapsed().as_secs_f64() * 1000.0);
        server.stop().await?;
    }
    times_ms.sort_by(f64::total_cmp);
    let work = format!("start to first answer, at least {held} resources");
    Ok(Row::new("start", work, Unit::Milliseconds, vec![Aim::AtMost(1000.0)]).with(times_ms[times_ms.len() / 2]))
}

/// Imports the hospitals offline, then serves them and looks at the memory at rest.
async fn import(options: &Options, hospitals: &Path, scratch: &Path) -> Result<Vec<Row>, BenchError> {
    let data = scratch.join("imported");
    eprintln!("measuring import");
    // The directory and its keys are made by the first start.
    Server::start(&options.server, &data, scratch).await?.stop().await?;
    let folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| hospitals.join(folder)).collect();
    let mut input = Input::default();
    for folder in &folders {
        input.count(folder)?;
    }
    let mut arguments = vec![OsStr::new("import"), OsStr::new("--data"), data.as_os_str()];
    arguments.extend(folders.iter().map(|folder| folder.as_os_str()));
    let before = Instant::now();
    run_to_end(&options.server, &arguments, &scratch.join("import.log"))?;
    let seconds = before.elapsed().as_secs_f64();
    let server = Server::start(&options.server, &data, scratch).await?;
    let patients = count(&server, "Patient").await?;
    tokio::time::sleep(REST).await;
    let resident_mb = server.resident_mb()?;
    server.stop().await?;
    let rate = input.resources as f64 / seconds;
    let verdict = if patients == input.patients {
        Ok(())
    } else {
        Err(BenchError::Answer(format!("{patients} patients of {} after the import", input.patients)))
    };
    let work = format!("import of {} resources", input.resources);
    Ok(vec![
        Row::new("import", work, Unit::ResourcesPerSecond, vec![Aim::AtLeast(5_000.0)]).with(rate).judged(verdict),
        Row::new("memory", "memory after it, at rest", Unit::Megabytes, vec![Aim::AtMost(300.0)]).with(resident_mb),
    ])
}

#[derive(Default)]
struct Input {
    resources: usize,
    patients: usize,
}

#[derive(Deserialize)]
struct InputBundle {
    entry: Vec<InputEntry>,
}

#[derive(Deserialize)]
struct InputEntry {
    resource: InputResource,
}

#[derive(Deserialize)]
struct InputResource {
    #[serde(rename = "resourceType")]
    kind: String,
    #[serde(flatten)]
    _rest: std::collections::BTreeMap<String, IgnoredAny>,
}

impl Input {
    fn count(&mut self, folder: &Path) -> Result<(), BenchError> {
        let named = |e| BenchError::File(folder.to_owned(), e);
        for file in std::fs::read_dir(folder).map_err(named)? {
            let path = file.map_err(named)?.path();
            if path.extension() != Some(OsStr::new("json")) {
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|e| BenchError::File(path.clone(), e))?;
            let bundle: InputBundle =
                serde_json::from_slice(&bytes).map_err(|e| BenchError::File(path.clone(), std::io::Error::other(e)))?;
            self.resources += bundle.entry.len();
            self.patients += bundle.entry.iter().filter(|e| e.resource.kind == "Patient").count();
        }
        Ok(())
    }
}

/// Resources of a type, page by page as any client would.
async fn count(server: &Server, kind: &str) -> Result<usize, BenchError> {
    const PAGES_MAX: usize = 1000;
    let mut connection = server.target.connect().await?;
    let mut found = 0;
    let mut next = format!("{kind}?_count=100");
    for _ in 0..PAGES_MAX {
        let bundle = check::fetch(&next, &server.target, &mut connection).await?;
        found += bundle["entry"].as_array().map_or(0, Vec::len);
        let links = bundle["link"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(url) = links.iter().find(|l| l["relation"] == "next").and_then(|l| l["url"].as_str()) else {
            return Ok(found);
        };
        // The part below the base, whichever form the link has.
        url.rsplit('/').next().unwrap_or_default().clone_into(&mut next);
    }
    Err(BenchError::Answer("pages without an end".to_owned()))
}

fn wanted(options: &Options, row: &str) -> bool {
    options.only.as_deref().is_none_or(|only| only == row)
}

fn pace(quick: bool) -> Pace {
    if quick {
        Pace { rounds: 1, duration: Duration::from_secs(1), warm_up: Duration::from_millis(200) }
    } else {
        Pace { rounds: 3, duration: Duration::from_secs(5), warm_up: Duration::from_secs(1) }
    }
}

/// What a reader must know to compare: the machine's processors, how busy it was, how long was measured.
fn setting(quick: bool) -> String {
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    let rounds = if quick { "one round of 1 s (quick)" } else { "median of 3 rounds of 5 s" };
    format!("{processors} processors, generator included · load average before {load} · {rounds}")
}
