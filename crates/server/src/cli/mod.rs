//! The command line: one file for each subcommand.

mod admin_code;
mod alert;
mod audit_export;
mod audit_verify;
mod baa;
mod backup;
mod demo;
mod device;
mod doctor;
mod explain;
mod export;
mod first_admin;
mod glass;
mod import;
mod init;
mod label;
mod login;
mod logout;
mod policy;
mod recover_admin;
mod reindex;
mod relay_coturn;
mod remote;
mod restore;
mod role;
mod serve;
mod session;
mod store_dump;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use crypto::EnvironmentClass;

use crate::assembly::{House, Opening, Watch};
use crate::directory::DataDirectory;
use crate::kek::KekArgs;
use crate::{ServerError, clock, logging, say};

pub use remote::ProofArgs;

/// What offline commands take references to be local against, unless told otherwise.
const BASE_URL_DEFAULT: &str = "https://localhost:8443";

/// A self-hosted clinical record: FHIR R4, sealed at rest, decided and audited before every answer.
#[derive(Debug, Parser)]
#[command(
    name = "wardstone",
    version,
    max_term_width = 110,
    after_help = "Examples:\n  \
        wardstone demo                                   a clinic of synthetic patients on https://localhost:8443\n  \
        wardstone init --data /srv/wardstone --kek-file /media/key/kek --new-kek\n  \
        wardstone serve --config /etc/wardstone.toml\n\n\
        Exit codes: 0 all done, 1 failed or done in part, 2 called wrongly."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What is logged to stderr, as in RUST_LOG: error, warn, info, debug
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Serve(serve::Args),
    Import(import::Args),
    Export(export::Args),
    Reindex(reindex::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    /// The audit log: verify it, or export it as FHIR AuditEvents
    #[command(subcommand)]
    Audit(Audit),
    /// What is at rest
    #[command(subcommand)]
    Store(Store),
    Doctor(doctor::Args),
    Login(login::Args),
    Logout(logout::Args),
    User(user::Args),
    Role(role::Args),
    Device(device::Args),
    Session(session::Args),
    Token(token::Args),
    Policy(policy::Args),
    Alert(alert::Args),
    Baa(baa::Args),
    /// Relays of calls that run elsewhere
    #[command(subcommand)]
    Relay(Relay),
    Glass(glass::Args),
    Label(label::Args),
    Explain(explain::Args),
}

#[derive(Debug, Subcommand)]
enum Audit {
    Verify(audit_verify::Args),
    Export(audit_export::Args),
}

#[derive(Debug, Subcommand)]
enum Relay {
    CoturnConfig(relay_coturn::Args),
}

#[derive(Debug, Subcommand)]
enum Store {
    Dump(store_dump::Args),
}

/// Which directory, and with which key.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "WARDSTONE_DATA")]
    pub data: PathBuf,
    #[command(flatten)]
    pub kek: KekArgs,
}

impl DataArgs {
    pub fn directory(&self) -> Result<DataDirectory, ServerError> {
        DataDirectory::open(&self.data)
    }

    fn class(&self) -> Result<EnvironmentClass, ServerError> {
        Ok(self.directory()?.root_file()?.class)
    }

    /// Opens everything, for a command that works while no server does.
    async fn house(&self, base_url: &str) -> Result<House, ServerError> {
        let directory = self.directory()?;
        let kek = self.kek.for_directory(&directory)?;
        let base_url = format!("{}/fhir", base_url.trim_end_matches('/'));
        House::open(Opening {
            directory,
            kek,
            class: None,
            base_url,
            sink: None,
            watch: Watch::default(),
            clock: clock::system(),
        })
        .await
    }
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let hardened = crypto::memory::harden();
    let (form, filter) = match &cli.command {
        Command::Serve(args) => (logging::Form::Json, args.log_filter()),
        _ => (logging::Form::Human, "warn".to_owned()),
    };
    logging::start(form, cli.log.as_deref().unwrap_or(&filter));
    if let Err(problem) = hardened {
        tracing::warn!("{problem}");
    }
    let result = match cli.command {
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Import(args) => block_on(import::run(args)),
        Command::Export(args) => block_on(export::run(args)),
        Command::Reindex(args) => block_on(reindex::run(args)),
        Command::Backup(args) => block_on(backup::run(args)),
        Command::Restore(args) => block_on(restore::run(args)),
        Command::Audit(Audit::Verify(args)) => audit_verify::run(&args),
        Command::Audit(Audit::Export(args)) => block_on(audit_export::run(args)),
        Command::Store(Store::Dump(args)) => block_on(store_dump::run(args)),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Login(args) => block_on(login::run(args)),
        Command::Logout(args) => block_on(logout::run(args)),
        Command::User(args) => block_on(user::run(args)),
        Command::Role(args) => block_on(role::run(args)),
        Command::Device(args) => block_on(device::run(args)),
        Command::Session(args) => block_on(session::run(args)),
        Command::Token(args) => block_on(token::run(args)),
        Command::Policy(args) => block_on(policy::run(args)),
        Command::Alert(args) => block_on(alert::run(args)),
        Command::Baa(args) => block_on(baa::run(args)),
        Command::Relay(Relay::CoturnConfig(args)) => relay_coturn::run(&args),
        Command::Glass(args) => block_on(glass::run(args)),
        Command::Label(args) => block_on(label::run(args)),
        Command::Explain(args) => block_on(explain::run(args)),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::InPart) => ExitCode::FAILURE,
        Err(error) => {
            say::error(format!("wardstone: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// How a command ended that did not fail as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Some of it failed, or something is wrong with what was looked at.
    InPart,
}

fn block_on(work: impl Future<Output = Result<Outcome, ServerError>>) -> Result<Outcome, ServerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| ServerError::Refused(format!("the runtime does not start: {}", error.kind())))?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
