//! The processes that are measured: the server and the control, started here, stopped here, killed if this process fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::BenchError;
use crate::control;
use crate::wire::Target;

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);
/// Lines of a failed child's log that are shown.
const LOG_LINES_MAX: usize = 12;

pub struct Server {
    process: Process,
    pub target: Target,
    pub started: Instant,
}

pub struct Control {
    _process: Process,
    pub target: Target,
}

struct Process {
    child: Child,
    log: PathBuf,
}

#[derive(Deserialize)]
struct Credentials {
    fhir_url: String,
    ca_cert: PathBuf,
    api_token: String,
    #[serde(default)]
    users: Vec<DemoUser>,
}

/// One of the demo's people.
#[derive(Deserialize)]
pub struct DemoUser {
    pub username: String,
    /// A program's account has a token alone.
    #[serde(default)]
    pub password: String,
    #[serde(default)]
    pub totp_secret: String,
    pub role: String,
    pub token: String,
}

impl Server {
    /// Starts `wardstone demo` on a free port without patients and returns as soon as it says that it listens.
    pub async fn start(binary: &Path, data: &Path, scratch: &Path) -> Result<Self, BenchError> {
        Ok(Self::start_demo(binary, data, scratch, 0).await?.0)
    }

    /// The same with patients, and the people who may sign in.
    pub async fn start_demo(
        binary: &Path,
        data: &Path,
        scratch: &Path,
        patients: u32,
    ) -> Result<(Self, Vec<DemoUser>), BenchError> {
        let credentials = scratch.join("credentials.json");
        let mut command = Command::new(binary);
        command.arg("demo").arg("--data").arg(data).args([
            "--patients",
            &patients.to_string(),
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        command.arg("--credentials").arg(&credentials);
        let started = Instant::now();
        let (process, known) =
            Process::start::<Credentials>(command, &credentials, &scratch.join("server.log")).await?;
        let target = Target::new(&known.fhir_url, &known.ca_cert, &known.api_token)?;
        Ok((Self { process, target, started }, known.users))
    }

    /// Resident memory in MB (10^6 bytes).
    pub fn resident_mb(&self) -> Result<f64, BenchError> {
        let path = PathBuf::from(format!("/proc/{}/status", self.process.child.id()));
        let status = std::fs::read_to_string(&path).map_err(|e| BenchError::File(path.clone(), e))?;
        let kib =
            status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| BenchError::Process("no VmRSS".to_owned()))
    }

    /// Asks the server to end and waits until it has.
    pub async fn stop(mut self) -> Result<(), BenchError> {
        self.process.signal();
        let asked = Instant::now();
        while asked.elapsed() < STOPPED_WITHIN {
            if self.process.child.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(BenchError::Process(format!("the server did not stop within {STOPPED_WITHIN:?}")))
    }
}

impl Control {
    /// Serves `answer`, a whole HTTP answer, from a bare handler.
    pub async fn start(answer: &[u8], scratch: &Path) -> Result<Self, BenchError> {
        let bytes = scratch.join("control.bytes");
        let ready = scratch.join("control.json");
        let ca_cert = scratch.join("control.pem");
        std::fs::write(&bytes, answer).map_err(|e| BenchError::File(bytes.clone(), e))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("control").arg("--bytes").arg(&bytes).arg("--ready").arg(&ready);
        let (process, known) = Process::start::<control::Ready>(command, &ready, &scratch.join("control.log")).await?;
        std::fs::write(&ca_cert, known.certificate_pem).map_err(|e| BenchError::File(ca_cert.clone(), e))?;
        Ok(Self { _process: process, target: Target::new(&known.url, &ca_cert, "")? })
    }
}

/// Runs the server's binary to its end; its output goes to `log`.
pub fn run_to_end(binary: &Path, arguments: &[&std::ffi::OsStr], log: &Path) -> Result<(), BenchError> {
    let mut command = Command::new(binary);
    command.args(arguments);
    let mut process = Process::spawn(command, log)?;
    let status = process.child.wait()?;
    if status.success() { Ok(()) } else { Err(process.failed(&status.to_string())) }
}

impl Process {
    /// Starts `command` and waits until it has written `ready`.
    async fn start<T: DeserializeOwned>(command: Command, ready: &Path, log: &Path) -> Result<(Self, T), BenchError> {
        if ready.exists() {
            std::fs::remove_file(ready).map_err(|e| BenchError::File(ready.to_owned(), e))?;
        }
        let mut process = Self::spawn(command, log)?;
        let asked = Instant::now();
        while asked.elapsed() < READY_WITHIN {
            if let Ok(text) = std::fs::read(ready) {
                let known = serde_json::from_slice(&text)
                    .map_err(|e| BenchError::Process(format!("{}: {e}", ready.display())))?;
                return Ok((process, known));
            }
            if let Some(status) = process.child.try_wait()? {
                return Err(process.failed(&status.to_string()));
            }
            tokio::time::sleep(POLL).await;
        }
        Err(process.failed("not ready in time"))
    }

    fn spawn(mut command: Command, log: &Path) -> Result<Self, BenchError> {
        let output = File::create(log).map_err(|e| BenchError::File(log.to_owned(), e))?;
        let errors = output.try_clone()?;
        let program = PathBuf::from(command.get_program());
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|e| BenchError::File(program, e))?;
        Ok(Self { child, log: log.to_owned() })
    }

    fn signal(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // A child that has already ended needs no signal.
            let _gone = kill_process(pid, Signal::TERM);
        }
    }

    fn failed(&self, how: &str) -> BenchError {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n");
        BenchError::Process(format!("child process: {how}\n{tail}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if the child has ended, which is what is wanted.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
