//! `wardstone serve`

use std::path::PathBuf;

use compliance::Countries;
use crypto::EnvironmentClass;

use super::Outcome;
use crate::assembly::{House, Opening, Watch};
use crate::certificates::CertificateFiles;
use crate::config::Config;
use crate::directory::DataDirectory;
use crate::identity::Tokens;
use crate::kek::KekArgs;
use crate::serving::{Doors, Serving, Signals};
use crate::visits::{Relaying, host_of};
use crate::{ServerError, clock, say, tls};

/// Serve a production data directory
///
/// Settings come from a TOML file; environment variables (WARDSTONE_LISTEN, WARDSTONE_DATA, …) override its lines.
/// The key-encryption key is named by the file or by an option and is never in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone serve --config /etc/wardstone.toml\n  \
    wardstone serve --config /etc/wardstone.toml --passphrase-fd 3 3< /run/credentials/passphrase\n  \
    wardstone serve --print-config > wardstone.toml")]
pub struct Args {
    /// The settings
    #[arg(long, value_name = "FILE", env = "WARDSTONE_CONFIG")]
    config: Option<PathBuf>,
    /// Print the settings in force as TOML, and end
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    kek: KekArgs,
}

impl Args {
    /// What the settings say is logged. What is wrong with them is said by `run`.
    pub fn log_filter(&self) -> String {
        let config = Config::load(self.config.as_deref(), |name| std::env::var(name).ok());
        config.map_or_else(|_| "info".to_owned(), |config| config.log)
    }
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let config = Config::load(args.config.as_deref(), |name| std::env::var(name).ok())?;
    if args.print_config {
        say::line(config.to_toml());
        return Ok(Outcome::Done);
    }
    let mut named = args.kek;
    if named.kek_file.is_none() && named.passphrase_file.is_none() && named.passphrase_fd.is_none() {
        named.kek_file = config.key.kek_file.clone();
        named.passphrase_file = config.key.passphrase_file.clone();
    }
    let directory = DataDirectory::open(&config.data)?;
    let class = directory.root_file()?.class;
    if class != EnvironmentClass::Production {
        return Err(crypto::CryptoError::WrongEnvironment { held: class, asked: EnvironmentClass::Production }.into());
    }
    let kek = named.for_directory(&directory)?;
    // Before the ports are taken: a wrong key is the likelier mistake.
    directory.root_file()?.unwrap(&kek, EnvironmentClass::Production)?;
    for (name, path) in [("tls.certificate", &config.tls.certificate), ("tls.key", &config.tls.key)] {
        if path.as_os_str().is_empty() {
            return Err(ServerError::Usage(format!("{name} is not set: name a PEM file")));
        }
    }
    let certificate =
        CertificateFiles { chain: config.tls.certificate.clone(), key: config.tls.key.clone(), authority: None };
    for (service, party) in config.parties()? {
        tracing::info!(service = service.name(), by = party.name(), "another machine is used");
    }
    let tls = tls::server_config(&certificate)?;
    let doors = Doors::bind(config.listen, config.admin_listen, tls.clone(), config.limits)?;
    let admin = doors.admin.local_address()?;
    let base_url = config.base_url.trim_end_matches('/').to_owned();
    let countries = match &config.countries {
        Some(file) => Countries::open(file)?,
        None => {
            tracing::warn!("countries is not set: every public address is of unknown country");
            Countries::none()
        }
    };
    let opening = Opening {
        directory,
        kek,
        class: Some(EnvironmentClass::Production),
        base_url: format!("{base_url}/fhir"),
        sink: config.audit.sink.clone(),
        watch: Watch { countries, limits: config.alerts.clone(), people: config.people.clone() },
        clock: clock::system(),
    };
    let house = House::open(opening).await?;
    house.note(audit::Action::Start, "system", None).await?;
    let tokens = Tokens::new(house.identity.clone());
    if house.identity.accounts().is_empty() {
        tracing::warn!("there are no accounts: wardstone user first-admin makes the first");
    }
    if config.audit.sink.is_none() {
        tracing::warn!("audit.sink is not set: a rollback of the whole directory could not be told from the truth");
    }
    let mut signals = Signals::listen()?;
    let relaying = Relaying::start(&config.visits, host_of(&base_url), &tls).await?;
    let serving = Serving::start(house, doors, tokens, &base_url, &config.outward, relaying)?;
    tracing::info!(listen = %config.listen, %admin, %base_url, "serving");
    signals.stopped().await;
    tracing::info!("stopping");
    serving.stop().await?;
    tracing::info!("stopped");
    Ok(Outcome::Done)
}
