//! The relay inside this process: TURN over UDP, TCP and TLS for those who hold a credential that we minted.
//!
//! The protocol is `turn-server-proto` without I/O; here are its sockets and its policy. One task owns all state, others
//! only read and write sockets. Nobody is named in a log: the library's own lines, which hold addresses, are not kept.

mod challenge;
mod gate;
mod relay;
mod socket;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::relay::Relay;
use super::TurnSecrets;
use super::machine::Addresses;
use crate::{TelehealthError, UnixMs};

pub const ALLOCATIONS_PER_CREDENTIAL_MAX: usize = 12;
pub const ALLOCATIONS_MAX: usize = 2_000;
/// Addresses that one credential is used from at one listener: each try of a browser has a port of its own.
pub const ADDRESSES_PER_CREDENTIAL_MAX: usize = 200;
/// A call of an hour at 2 Mbit/s, both ways, is below 2 GB.
pub const BYTES_PER_ALLOCATION_MAX: u64 = 4 * 1024 * 1024 * 1024;
pub const CONNECTIONS_MAX: usize = 2_000;
/// Of them, of one household: a clinic is one, with all its people.
pub const CONNECTIONS_PER_HOUSEHOLD_MAX: usize = 200;
/// A TCP or TLS connection that has shown no credential for so long is closed.
pub const UNPROVEN_MS: i64 = 20_000;
pub const EVENTS_MAX: usize = 4_096;
/// Frames that wait for a slow client over TCP; more are dropped, as UDP would.
pub const FRAMES_QUEUED_MAX: usize = 256;
pub const FRAME_BYTES_MAX: usize = 16 * 1024;
/// A TCP or TLS connection that says nothing for so long is closed.
pub const STREAM_IDLE_SECONDS: u64 = 300;
pub const HANDSHAKE_SECONDS: u64 = 10;

/// Under which the library knows streams that were handed over; nothing is bound there.
const HTTPS: u16 = 443;

/// The machine's clock, as Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

#[derive(Clone)]
pub struct Options {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    pub tls: Option<(SocketAddr, Arc<rustls::ServerConfig>)>,
    /// Where relayed ports are bound, and what clients are told they are.
    pub relay: IpAddr,
    pub advertised: IpAddr,
    pub realm: String,
    pub secrets: TurnSecrets,
    /// The machine's own: none of them is a peer but by its relayed ports.
    pub machine: Addresses,
    pub clock: Clock,
}

/// A relay that runs until it is dropped.
pub struct Embedded {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    pub tls: Option<SocketAddr>,
    events: mpsc::Sender<relay::Event>,
    handed: relay::Listener,
    tasks: Vec<JoinHandle<()>>,
}

impl Embedded {
    pub async fn start(options: Options) -> Result<Self, TelehealthError> {
        let (events, inbox) = mpsc::channel(EVENTS_MAX);
        let mut relay = Relay::new(&options, events.clone())?;
        let mut tasks = Vec::new();
        let handed = relay.listen_tcp(SocketAddr::new(options.relay, HTTPS));
        let mut started = Self { udp: None, tcp: None, tls: None, events: events.clone(), handed, tasks: Vec::new() };
        if let Some(address) = options.udp {
            let socket = Arc::new(UdpSocket::bind(address).await?);
            let address = socket.local_addr()?;
            started.udp = Some(address);
            let listener = relay.listen_udp(address, socket.clone());
            tasks.push(tokio::spawn(socket::datagrams(socket, events.clone(), move |from, bytes| {
                relay::Event::Frame { listener, from, bytes }
            })));
        }
        let streams = [options.tcp.map(|address| (address, None)), options.tls.map(|(at, tls)| (at, Some(tls)))];
        for (address, tls) in streams.into_iter().flatten() {
            let socket = TcpListener::bind(address).await?;
            let address = socket.local_addr()?;
            let listener = relay.listen_tcp(address);
            let acceptor = tls.map(tokio_rustls::TlsAcceptor::from);
            let place = if acceptor.is_some() { &mut started.tls } else { &mut started.tcp };
            *place = Some(address);
            tasks.push(tokio::spawn(socket::accept(socket, acceptor, listener, events.clone())));
        }
        tasks.push(tokio::spawn(relay.run(inbox)));
        started.tasks = tasks;
        Ok(started)
    }

    /// Serves a stream that another listener took in and knew as one for the relay, by its name (SNI) on port 443, until
    /// it ends. Counting such streams is the listener's.
    pub async fn serve<S>(&self, stream: S, from: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        socket::serve(stream, from, self.handed, self.events.clone()).await;
    }

    /// Turns the secrets over: those who hold a credential of the previous one keep it until it ends.
    pub async fn turn_over(&self, secrets: TurnSecrets) {
        // A relay that has stopped has nothing to turn over.
        let _ = self.events.send(relay::Event::Secrets(secrets)).await;
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
