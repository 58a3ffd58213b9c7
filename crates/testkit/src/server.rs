//! The real server in this process, on a free port, over a directory that goes away with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use server::accounts::Accounts;
use server::config::Limits;
use server::demo::{self, DemoPlan};
use server::directory::TLS_FOLDER;
use server::identity::Tokens;
use server::serving::{Doors, Serving, base_url_of};
use server::{ServerError, certificates, clock, tls};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::Client;

pub struct TestServer {
    runtime: Runtime,
    serving: Option<Serving>,
    folder: TempDir,
    authority: PathBuf,
    pub base_url: String,
    pub users: Vec<TestUser>,
    pub api_token: String,
}

#[derive(Debug, Clone)]
pub struct TestUser {
    pub username: String,
    pub role: String,
    pub token: String,
    pub password: String,
    pub totp_secret: String,
    /// The id of the Patient who this user is.
    pub patient: Option<String>,
}

impl TestServer {
    /// With a demo's data of so many patients.
    pub fn start(patients: u32) -> Result<Self, ServerError> {
        let folder = tempfile::tempdir().map_err(ServerError::io("no temporary folder", Path::new("tmp")))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(ServerError::io("no runtime", Path::new("tokio")))?;
        let plan = DemoPlan { data: folder.path().join("data"), patients, seed: 1, idle_minutes: 15 };
        let opened = runtime.block_on(open(&plan))?;
        let Opened { serving, base_url, authority, accounts } = opened;
        let users = accounts
            .users
            .into_iter()
            .map(|user| TestUser {
                username: user.username,
                role: user.role,
                token: user.token,
                password: user.password,
                totp_secret: user.totp_secret,
                patient: user.patient_id,
            })
            .collect();
        let api_token = accounts.api_token.unwrap_or_default();
        Ok(Self { runtime, serving: Some(serving), folder, authority, base_url, users, api_token })
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn authority(&self) -> &Path {
        &self.authority
    }

    pub fn serving(&self) -> Option<&Serving> {
        self.serving.as_ref()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        // A server that started has the authority that it was started with.
        Client::new(&self.base_url, &self.authority).unwrap_or_else(|error| panic!("no client: {error:?}"))
    }

    /// A client with the integration token.
    pub fn integration(&self) -> Client {
        self.anonymous().with_token(Some(&self.api_token))
    }

    /// A client as the first user with a role.
    pub fn as_role(&self, role: &str) -> Client {
        let user = self.users.iter().find(|user| user.role == role);
        let user = user.unwrap_or_else(|| panic!("the demo has no {role}"));
        self.anonymous().with_token(Some(&user.token))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            let _ = self.runtime.block_on(serving.stop());
        }
    }
}

struct Opened {
    serving: Serving,
    base_url: String,
    authority: PathBuf,
    accounts: Accounts,
}

async fn open(plan: &DemoPlan) -> Result<Opened, ServerError> {
    demo::prepare(&plan.data)?;
    let certificate = certificates::for_localhost(&plan.data.join(TLS_FOLDER), clock::now_ms())?;
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    // A test that leaves a connection open must not wait for it.
    let limits = Limits { shutdown_ms: 1_000, ..Limits::default() };
    let doors = Doors::bind(any, any, tls::server_config(&certificate)?, limits)?;
    let base_url = base_url_of(doors.listener.local_address()?);
    let (house, accounts) = demo::open(plan, &base_url, Arc::new(clock::now_ms)).await?;
    let tokens = Tokens::new(house.identity.clone());
    let serving =
        Serving::start(house, doors, tokens, &base_url, &Default::default(), server::visits::Relaying::none())?;
    Ok(Opened { serving, base_url, authority: certificate.authority.unwrap_or_default(), accounts })
}
