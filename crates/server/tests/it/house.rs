//! The binary as a process, in a folder that goes away with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::Client;

/// Debug builds on a busy machine; what the issue asks of a release build is measured elsewhere.
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(30);

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_wardstone")
}

/// Runs a command to its end.
pub fn wardstone(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// As `wardstone`, for a command that must succeed; its stdout.
pub fn wardstone_ok(arguments: &[&str]) -> String {
    let output = wardstone(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {:?}\n{}{errors}", output.status, text(&output));
    text(&output)
}

/// As `wardstone`, for a command that must fail with this code; all it said.
pub fn wardstone_refused(arguments: &[&str], code: i32) -> String {
    let output = wardstone(arguments);
    let said = format!("{}{}", text(&output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    said
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("RUST_LOG");
    for (variable, _) in server::config::VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// A folder with a demo in it, running or not.
pub struct House {
    pub folder: TempDir,
    pub patients: u32,
    child: Option<Child>,
    credentials: Value,
    /// From spawning the process to the credentials file.
    pub started_in: Duration,
}

impl House {
    /// Starts a demo in a new folder.
    pub fn start(patients: u32) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), patients)
    }

    pub fn start_in(folder: TempDir, patients: u32) -> Self {
        let mut house = House { folder, patients, child: None, credentials: Value::Null, started_in: Duration::ZERO };
        house.start_again();
        house
    }

    /// Starts with the shell's words in front, as for limits.
    pub fn start_under(patients: u32, shell: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut house = House { folder, patients, child: None, credentials: Value::Null, started_in: Duration::ZERO };
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), binary()]).args(house.demo_arguments());
        house.spawn(command);
        house
    }

    pub fn start_again(&mut self) {
        let arguments = self.demo_arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.spawn(command(&arguments));
    }

    fn demo_arguments(&self) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        ["demo", "--data", &path("data"), "--patients", &self.patients.to_string(), "--listen", "127.0.0.1:0"]
            .into_iter()
            .chain(["--credentials", &path("credentials.json"), "--log", "debug"])
            .map(str::to_owned)
            .collect()
    }

    fn spawn(&mut self, mut command: Command) {
        let credentials = self.folder.path().join("credentials.json");
        let _ = std::fs::remove_file(&credentials);
        let temporary = self.folder.path().join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.path().join("stderr.log")).unwrap();
        command.env("TMPDIR", temporary).env_remove("RUST_LOG").stdout(Stdio::null()).stderr(log);
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        while !credentials.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the demo ended at once: {}", self.log());
            assert!(began.elapsed() < START_MAX, "the demo does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.started_in = began.elapsed();
        self.credentials = serde_json::from_slice(&std::fs::read(&credentials).unwrap()).unwrap();
        self.child = Some(child);
    }

    /// What it wrote to stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr.log")).unwrap_or_default()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn credentials(&self) -> &Value {
        &self.credentials
    }

    /// SIGTERM, and a clean end.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < STOP_MAX, "the demo does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(child.wait().unwrap().success(), "{}", self.log());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn anonymous(&self) -> Client {
        let of = |name: &str| self.credentials[name].as_str().unwrap().to_owned();
        Client::new(&of("base_url"), Path::new(&of("ca_cert"))).unwrap()
    }

    pub fn integration(&self) -> Client {
        self.anonymous().with_token(self.credentials["api_token"].as_str())
    }

    pub fn user(&self, role: &str) -> &Value {
        let users = self.credentials["users"].as_array().unwrap();
        users.iter().find(|user| user["role"] == role).unwrap()
    }

    pub fn as_role(&self, role: &str) -> Client {
        self.anonymous().with_token(self.user(role)["token"].as_str())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A small valid Patient under an id that the client chose.
pub fn patient(id: &str, family: &str) -> Vec<u8> {
    json!({"resourceType": "Patient", "id": id, "name": [{"family": family, "given": ["Test"]}], "gender": "other"})
        .to_string()
        .into_bytes()
}

/// Copies a folder with all below it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}
