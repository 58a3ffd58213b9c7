//! A house with its doors open: the FHIR listener, the loopback listener, the control socket, and what runs beside them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::manage::{self, Manage, ManageState};
use api::{Api, ApiState, BaseUrl, ConnectionNo, Peer};
use axum::body::Body;
use compliance::{Follower, FollowerParts, LogHealth};
use http::{Request, Response};
use outward::Outbox;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use web::{Web, WebState};

use crate::ServerError;
use crate::admin::Admin;
use crate::assembly::House;
use crate::config::Limits;
use crate::control;
use crate::identity::{self, Tokens};
use crate::listener::{Handle, Listener};
use crate::metrics::Requests;
use crate::visits::{self, Relaying};

const FHIR_PATH: &str = "/fhir";

/// The listeners, bound and not yet serving: their ports are known before the record is opened.
pub struct Doors {
    pub listener: Listener,
    pub admin: Listener,
    requests: Arc<Requests>,
    limits: Limits,
}

/// A running server.
pub struct Serving {
    house: Arc<House>,
    tokens: Arc<Tokens>,
    outbox: Outbox,
    stop: watch::Sender<bool>,
    /// The relay of calls runs as long as the doors are open.
    relaying: Relaying,
    listeners: Vec<JoinHandle<()>>,
    beside: Vec<JoinHandle<()>>,
}

impl Doors {
    pub fn bind(
        listen: SocketAddr,
        admin: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let requests = Arc::new(Requests::default());
        let listener = Listener::bind(listen, tls.clone(), limits, requests.clone())?;
        // Its own requests are not counted among those of the API.
        let admin = Listener::bind(admin, tls, limits, Arc::default())?;
        Ok(Self { listener, admin, requests, limits })
    }
}

impl Serving {
    pub fn start(
        house: House,
        doors: Doors,
        tokens: Tokens,
        base_url: &str,
        outward: &outward::Settings,
        relaying: Relaying,
    ) -> Result<Self, ServerError> {
        let Doors { listener, admin, requests, limits } = doors;
        let base = BaseUrl::parse(&format!("{base_url}{FHIR_PATH}"))
            .ok_or_else(|| ServerError::Usage("base_url is not an https address".into()))?;
        let outbox = house.outbox(outward, base_url)?;
        let house = Arc::new(house);
        let tokens = Arc::new(tokens);
        let api = Api::new(ApiState {
            record: house.record.clone(),
            identify: tokens.clone(),
            base,
            clock: house.clock.clone(),
            request_id: Arc::new(request_id),
            limits: api::Limits { body_bytes_max: limits.body_bytes_max },
        });
        let manage = Manage::new(ManageState {
            record: house.record.clone(),
            identity: house.identity.clone(),
            queue: house.queue.clone(),
            policies: house.policies.clone(),
            agreements: house.agreements.clone(),
            origin: base_url.to_owned(),
            request_id: Arc::new(request_id),
        });
        let (rooms, happened) = visits::open(&house, &relaying);
        let mut parties = outward.parties()?;
        parties.extend(relaying.party());
        let pages = Web::new(WebState {
            record: house.record.clone(),
            identity: house.identity.clone(),
            agreements: house.agreements.clone(),
            origin: base_url.to_owned(),
            zone: house.zone.clone(),
            hours: house.hours.clone(),
            hall: rooms.hall.clone(),
            guests: rooms.guests,
            sheets: rooms.sheets.clone(),
            hosts: web::Hosts::default(),
            outbox: outbox.clone(),
            organization: house.identity.organization().to_owned(),
            phone: house.phone.clone(),
            scanner: relaying.clamd.clone(),
            quarantine: rooms.quarantine.clone(),
            request_id: Arc::new(request_id),
        });
        let (stop, stopped) = watch::channel(false);
        let admin_handler = Admin { store: house.store.clone(), requests };
        let follower = visits::write_down(house.clone(), rooms.sheets.clone(), pages.clone(), happened);
        let listeners = vec![
            tokio::spawn(listener.serve(Front { api, manage, pages }, stopped.clone())),
            tokio::spawn(admin.serve(admin_handler, stopped.clone())),
        ];
        let stopping = stopped;
        let mut beside = vec![
            tokio::spawn(house.record.clone().maintain_index()),
            tokio::spawn(identity::sweep(house.identity.clone())),
            tokio::spawn(visits::watch(rooms.hall, rooms.sheets, rooms.quarantine)),
            tokio::spawn(follower),
            tokio::spawn(house.agreements.clone().watch(
                house.queue.clone(),
                house.alert_limits.agreement_days,
                parties,
                stopping.clone(),
            )),
            tokio::spawn(outbox.clone().run(stopping.clone())),
            tokio::spawn(follow(house.clone(), stopping)),
            tokio::spawn(tokens.clone().report_noise(house.store.clone(), house.clock.clone())),
        ];
        match control::bind(&house.directory) {
            Ok(socket) => beside.push(tokio::spawn(control::serve(socket, house.clone()))),
            Err(error) => tracing::warn!(%error, "no control socket: backup cannot run while the server does"),
        }
        Ok(Self { house, tokens, outbox, stop, relaying, listeners, beside })
    }

    pub fn house(&self) -> &House {
        &self.house
    }

    /// Takes messages that are to go out.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Lets requests in flight end, then closes the record.
    pub async fn stop(self) -> Result<(), ServerError> {
        let Self { house, tokens, outbox, stop, relaying, listeners, beside } = self;
        drop((outbox, relaying));
        let _ = stop.send(true);
        for listener in listeners {
            let _ = listener.await;
        }
        for task in beside {
            task.abort();
            let _ = task.await;
        }
        tokens.write_noise(&house.store, (house.clock)()).await;
        let _ = std::fs::remove_file(house.directory.join(crate::directory::CONTROL_SOCKET));
        // A log that is down now must not keep the server from stopping.
        if let Err(error) = house.note(audit::Action::Stop, "system", None).await {
            tracing::error!(%error, "the stop could not be written to the audit log");
        }
        match Arc::try_unwrap(house) {
            Ok(house) => house.close().await,
            // A connection that was cut off may still hold it; closing what is shared is enough.
            Err(house) => {
                let store = house.store.clone();
                tokio::task::spawn_blocking(move || store.close())
                    .await
                    .map_err(|_| ServerError::Refused("the store could not be closed cleanly".into()))
            }
        }
    }
}

/// Sends requests to the room that their path names.
#[derive(Clone)]
struct Front {
    api: Api,
    manage: Manage,
    pages: Web,
}

impl Handle for Front {
    async fn handle(&self, mut request: Request<Body>, peer: IpAddr) -> Response<Body> {
        request.extensions_mut().insert(Peer(peer));
        let path = request.uri().path();
        if is_below(path, FHIR_PATH) {
            return api::serve(&self.api, request).await;
        }
        if is_below(path, manage::PATH) {
            return manage::serve(&self.manage, request).await;
        }
        let ConnectionNo(connection) = request.extensions().get().copied().unwrap_or(ConnectionNo(0));
        web::serve(&self.pages, request, web::Client { address: peer, connection }).await
    }
}

fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads the log and raises alerts, until the server stops. What it has not read then it reads at the next start.
async fn follow(house: Arc<House>, stop: watch::Receiver<bool>) {
    let store = house.store.clone();
    let parts = FollowerParts {
        queue: house.queue.clone(),
        reader: house.store.log_reader(),
        limits: house.alert_limits.clone(),
        health: Arc::new(move || LogHealth::of(store.log())),
    };
    drop(house);
    match Follower::open(parts).await {
        Ok(follower) => follower.run(stop).await,
        Err(error) => tracing::error!(%error, "no alerts: the log cannot be followed"),
    }
}

fn request_id() -> u128 {
    crypto::random_array().map_or(0, u128::from_be_bytes)
}

/// `https://localhost:8443` for a loopback address or all addresses, else the address itself.
pub fn base_url_of(address: SocketAddr) -> String {
    let port = address.port();
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => format!("https://localhost:{port}"),
        _ => format!("https://{address}"),
    }
}

/// SIGTERM and SIGINT, heard from the moment this is made: nobody may be told that the server is ready before.
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub fn listen() -> Result<Self, ServerError> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed =
            |error: std::io::Error| ServerError::Refused(format!("signals cannot be handled: {}", error.kind()));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Returns at the first of them.
    pub async fn stopped(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
