//! `wardstone login`

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Outcome;
use super::remote::{Client, ProofArgs, SessionArgs, refusal, session_file, show};
use crate::{ServerError, files, say};

/// Sign in to a running server, as yourself, with password and one-time code
///
/// The session ends after 15 minutes without a command, after 12 hours, or with `wardstone logout`. What it may do is what
/// your roles may; grave acts ask for a sign-in that is fresh (--step-up).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone login --server https://clinic.example:8443 --login ana\n  \
    wardstone login --credentials wardstone-demo.credentials.json --login admin\n  \
    wardstone login --step-up\n  \
    WARDSTONE_TOTP=123456 wardstone login --server https://clinic.example --login ana --password-file /run/secrets/ana")]
pub struct Args {
    #[command(flatten)]
    session: SessionArgs,
    /// Address of the server [default: that of the session or of the credentials]
    #[arg(long, value_name = "URL", env = "WARDSTONE_SERVER")]
    server: Option<String>,
    /// Who signs in [default: who is signed in]
    #[arg(long, value_name = "NAME")]
    login: Option<String>,
    /// PEM file of the authority that the server's certificate is under [default: those of the system]
    #[arg(long, value_name = "FILE", env = "WARDSTONE_CA_CERT")]
    ca_cert: Option<PathBuf>,
    /// A demo's credentials file: server and authority are taken from it
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    #[command(flatten)]
    proof: ProofArgs,
    /// Prove again that it is you, in the session that is there
    #[arg(long, conflicts_with_all = ["server", "login", "ca_cert", "credentials"])]
    step_up: bool,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    if args.step_up { step_up(&args).await } else { sign_in(&args).await }
}

async fn sign_in(args: &Args) -> Result<Outcome, ServerError> {
    let path = args.session.path()?;
    let held = session_file::load(&path)?;
    let demo = args.credentials.as_deref().map(Demo::read).transpose()?;
    let login = args.login.clone().or_else(|| held.as_ref().map(|held| held.login.clone()));
    let login = login.ok_or_else(|| ServerError::Usage("name who signs in: --login".into()))?;
    let named = args.server.clone().or_else(|| demo.as_ref().map(|demo| demo.server.clone()));
    let ca_named = args.ca_cert.clone().or_else(|| demo.as_ref().map(|demo| demo.ca_cert.clone()));
    let (server, ca_cert) = match (named, &held) {
        (Some(server), _) => (server, ca_named),
        (None, Some(held)) => (held.server.clone(), ca_named.or_else(|| held.ca_cert.clone())),
        (None, None) => {
            return Err(ServerError::Usage("name the server: --server, or --credentials for a demo".into()));
        }
    };
    let ca_cert =
        ca_cert.map(|path| std::path::absolute(&path).map_err(ServerError::io("is no path", &path))).transpose()?;

    let client = Client::new(&server, ca_cert.as_deref())?;
    let (password, code) = (args.proof.password()?, args.proof.code()?);
    let proof = json!({"login": login, "password": password.as_str(), "totp": code.as_str()});
    let answer = client.send(Method::POST, "/manage/session", Some(&proof)).await?;
    let token = answer.body["token"].as_str();
    let Some(token) = token.filter(|_| answer.status.is_success()) else {
        return Err(match answer.status.as_u16() {
            401 => ServerError::Refused("not signed in: login, password or code is wrong".into()),
            status => refusal(status, &answer.body),
        });
    };
    // Who signs in anew leaves no session behind that nobody can end.
    if let Some(held) = held {
        let old = Client::new(&held.server, held.ca_cert.as_deref());
        if let Ok(old) = old {
            let old = old.with_token(Zeroizing::new(held.token.clone()));
            let _ = old.send(Method::DELETE, "/manage/session", None).await;
        }
    }
    let session = session_file::Session { server, ca_cert, login: login.clone(), token: token.to_owned() };
    session_file::save(&path, &session)?;
    let roles = answer.body["session"]["roles"].as_array().map_or_else(String::new, |roles| {
        roles.iter().filter_map(Value::as_str).map(show::clean).collect::<Vec<_>>().join(", ")
    });
    say::line(format!("{login} is signed in ({roles})."));
    Ok(Outcome::Done)
}

async fn step_up(args: &Args) -> Result<Outcome, ServerError> {
    let path = args.session.path()?;
    let mut held = args.session.load()?;
    let client = Client::new(&held.server, held.ca_cert.as_deref())?.with_token(Zeroizing::new(held.token.clone()));
    let proof = json!({"totp": args.proof.code()?.as_str()});
    let answer = client.send(Method::POST, "/manage/session/step-up", Some(&proof)).await?;
    if !answer.status.is_success() {
        return Err(refusal(answer.status.as_u16(), &answer.body));
    }
    // A session that proved more gets a new secret; the old one is worth nothing from now on.
    if let Some(token) = answer.body["token"].as_str() {
        held.token = token.to_owned();
        session_file::save(&path, &held)?;
    }
    say::line(format!("{} is freshly signed in.", held.login));
    Ok(Outcome::Done)
}

struct Demo {
    server: String,
    ca_cert: PathBuf,
}

impl Demo {
    fn read(path: &Path) -> Result<Self, ServerError> {
        let text = Zeroizing::new(files::read_text(path)?);
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        match (json["base_url"].as_str(), json["ca_cert"].as_str()) {
            (Some(server), Some(ca_cert)) => Ok(Self { server: server.into(), ca_cert: ca_cert.into() }),
            _ => Err(ServerError::Malformed {
                path: path.display().to_string(),
                reason: "is no credentials file of a demo".into(),
            }),
        }
    }
}
