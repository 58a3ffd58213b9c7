//! `wardstone demo`

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::identity::{IDLE_MINUTES, IDLE_MINUTES_MAX};

use super::Outcome;
use crate::accounts::Accounts;
use crate::config::{ADMIN_LISTEN_DEFAULT, LISTEN_DEFAULT, Limits};
use crate::demo::{DemoPlan, PATIENTS_MAX};
use crate::directory::TLS_FOLDER;
use crate::identity::Tokens;
use crate::serving::{Doors, Serving, Signals, base_url_of};
use crate::visits::{Relaying, Visits, host_of};
use crate::{ServerError, certificates, clock, demo, files, say, tls};

/// Serve a clinic of synthetic patients; running it again continues with the same data
///
/// The data directory, its keys and a certificate are made at the first start. A demo's key lies in clear beside its
/// directory (DIR.kek) and protects nothing: never put real data into a demo.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone demo\n  \
    wardstone demo --patients 200 --seed 7 --data /tmp/clinic\n  \
    wardstone demo --listen 127.0.0.1:0 --credentials /tmp/credentials.json")]
pub struct Args {
    /// Where the demo keeps its data
    #[arg(long, value_name = "DIR", default_value = "wardstone-demo")]
    data: PathBuf,
    /// Synthetic patients to make at the first start
    #[arg(long, value_name = "NUMBER", default_value_t = 25, value_parser = clap::value_parser!(u32).range(0..=PATIENTS_MAX as i64))]
    patients: u32,
    /// The same seed makes the same patients
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Address and port of the FHIR API; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = LISTEN_DEFAULT)]
    listen: SocketAddr,
    /// Loopback address of health and metrics
    #[arg(long, value_name = "ADDR", default_value = ADMIN_LISTEN_DEFAULT)]
    admin_listen: SocketAddr,
    /// Where users, passwords and tokens are written when the server is ready [default: DIR.credentials.json]
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Screens lock after so many minutes without activity
    #[arg(long, value_name = "MINUTES", default_value_t = IDLE_MINUTES, value_parser = clap::value_parser!(u32).range(1..=IDLE_MINUTES_MAX as i64))]
    idle_minutes: u32,
    /// Visits by video go through the relay of this server alone
    #[arg(long)]
    relay_only: bool,
    /// Files of visits are looked into by this ClamAV daemon before they come into a chart
    #[arg(long)]
    clamd: Option<String>,
    /// Endpoints for e-mail and text messages, as [outward] of a configuration has them; nothing is sent without
    #[arg(long, value_name = "FILE")]
    outward: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let started = Instant::now();
    if !args.admin_listen.ip().is_loopback() {
        return Err(ServerError::Usage(
            "--admin-listen: health and metrics are served on a loopback address only".into(),
        ));
    }
    let data = std::path::absolute(&args.data).map_err(ServerError::io("is no path", &args.data))?;
    let credentials = args.credentials.clone().unwrap_or_else(|| files::sibling(&data, ".credentials.json"));

    let outward = args.outward.as_deref().map_or_else(|| Ok(Default::default()), endpoints)?;

    // The directory before its certificate: a refusal must leave nothing behind.
    demo::prepare(&data)?;
    let certificate = certificates::for_localhost(&data.join(TLS_FOLDER), clock::now_ms())?;
    let tls = tls::server_config(&certificate)?;
    let doors = Doors::bind(args.listen, args.admin_listen, tls.clone(), Limits::default())?;
    let base_url = base_url_of(doors.listener.local_address()?);
    let admin = base_url_of(doors.admin.local_address()?);

    let plan = DemoPlan { data, patients: args.patients, seed: args.seed, idle_minutes: args.idle_minutes };
    let (house, accounts) = demo::open(&plan, &base_url, clock::system()).await?;
    house.note(audit::Action::Start, "system", None).await?;
    let tokens = Tokens::new(house.identity.clone());
    let mut signals = Signals::listen()?;
    let here = args.listen.ip();
    let any = SocketAddr::new(here, 0);
    let visits = Visits {
        relay_listen: Some(any),
        relay_tls_listen: Some(any),
        relay_address: Some(if here.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { here }),
        relay_only: args.relay_only,
        clamd: args.clamd,
        ..Visits::default()
    };
    let relaying = Relaying::start(&visits, host_of(&base_url), &tls).await?;
    let serving = Serving::start(house, doors, tokens, &base_url, &outward, relaying)?;
    let authority = certificate.authority.unwrap_or_default();
    accounts.write_credentials(&credentials, &base_url, &authority)?;

    say::line(format!("Wardstone demo: synthetic patients only, ready after {:.1} s", started.elapsed().as_secs_f64()));
    say::line(format!("  pages         {base_url}/"));
    say::line(format!("  FHIR R4       {base_url}/fhir"));
    say::line(format!("  certificate   {}", authority.display()));
    say::line(format!("  health        {admin}/healthz, {admin}/metrics"));
    say::line(format!(
        "  data          {} (its key lies in clear beside it and protects nothing)",
        plan.data.display()
    ));
    say::line(format!("  credentials   {} (passwords and tokens of these users)", credentials.display()));
    say_users(&accounts);
    signals.stopped().await;
    serving.stop().await?;
    Ok(Outcome::Done)
}

/// Read before anything is made, so that a mistake in it leaves nothing behind.
fn endpoints(path: &Path) -> Result<outward::Settings, ServerError> {
    let text = std::fs::read_to_string(path).map_err(ServerError::io("cannot be read", path))?;
    let settings: outward::Settings =
        toml::from_str(&text).map_err(|error| ServerError::Usage(format!("{}: {error}", path.display())))?;
    settings.check()?;
    Ok(settings)
}

fn say_users(accounts: &Accounts) {
    for account in &accounts.users {
        say::line(format!("    {:<12} {:<24} {}", account.role, account.username, account.name));
    }
}
