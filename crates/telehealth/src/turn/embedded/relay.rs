//! The one task that owns allocations: events in, frames out, relayed ports in between.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use turn_server_proto::api::{SocketAllocateError, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::stun::agent::Transmit;
use turn_server_proto::types::{AddressFamily, Instant as LibraryInstant, TransportType};

use super::challenge::{Challenges, nonce_of, question, with_nonce};
use super::gate::{Gate, Verdict};
use super::{
    ADDRESSES_PER_CREDENTIAL_MAX, ALLOCATIONS_MAX, ALLOCATIONS_PER_CREDENTIAL_MAX, BYTES_PER_ALLOCATION_MAX, Clock,
    Options, UNPROVEN_MS, socket,
};
use crate::UnixMs;
use crate::turn::TurnSecrets;
use crate::turn::machine::Addresses;

const SWEEP_MS: u64 = 1_000;
/// Addresses of the machine change: they are read again as often.
const MACHINE_SWEEPS: u32 = 30;
/// What the library may remember before its state is made anew; while nobody relays, and at the latest.
const REMEMBERED_IDLE_MAX: usize = 1_000;
const REMEMBERED_MAX: usize = 300_000;
/// A packet from one relayed port to another may cause one more, and no chain.
const HOPS_MAX: usize = 64;

pub type Listener = usize;

pub enum Event {
    Frame { listener: Listener, from: SocketAddr, bytes: Vec<u8> },
    Connected { listener: Listener, from: SocketAddr, frames: mpsc::Sender<Vec<u8>> },
    Disconnected { listener: Listener, from: SocketAddr },
    Relayed { port: SocketAddr, from: SocketAddr, bytes: Vec<u8> },
    Secrets(TurnSecrets),
}

struct Front {
    at: SocketAddr,
    transport: TransportType,
    udp: Option<Arc<UdpSocket>>,
    streams: BTreeMap<SocketAddr, Stream>,
    server: TurnServer,
    /// Credentials that the library knows, each with the addresses that it was used from: it keeps a nonce for each.
    known: HashMap<String, HashSet<SocketAddr>>,
}

struct Stream {
    frames: mpsc::Sender<Vec<u8>>,
    since_ms: UnixMs,
    /// Something with a credential that holds came through it.
    is_proven: bool,
}

struct Port {
    listener: Listener,
    username: String,
    socket: Arc<UdpSocket>,
    task: JoinHandle<()>,
    bytes: u64,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub struct Relay {
    gate: Gate,
    relay: std::net::IpAddr,
    advertised: std::net::IpAddr,
    clock: Clock,
    events: mpsc::Sender<Event>,
    started: Instant,
    fronts: Vec<Front>,
    /// By the address that clients are told.
    ports: BTreeMap<SocketAddr, Port>,
    machine: Addresses,
    /// Sweeps until the machine's addresses are read again.
    machine_in: u32,
}

impl Relay {
    pub fn new(options: &Options, events: mpsc::Sender<Event>) -> std::io::Result<Self> {
        let own = vec![options.advertised, options.relay];
        let machine = (options.machine)()?;
        let challenges = Challenges::new().map_err(std::io::Error::other)?;
        Ok(Self {
            gate: Gate { challenges, realm: options.realm.clone(), secrets: options.secrets.clone(), own, machine },
            relay: options.relay,
            advertised: options.advertised,
            clock: options.clock.clone(),
            events,
            started: Instant::now(),
            fronts: Vec::new(),
            ports: BTreeMap::new(),
            machine: options.machine.clone(),
            machine_in: MACHINE_SWEEPS,
        })
    }

    pub fn listen_udp(&mut self, at: SocketAddr, socket: Arc<UdpSocket>) -> Listener {
        self.listen(at, TransportType::Udp, Some(socket))
    }

    pub fn listen_tcp(&mut self, at: SocketAddr) -> Listener {
        self.listen(at, TransportType::Tcp, None)
    }

    fn listen(&mut self, at: SocketAddr, transport: TransportType, udp: Option<Arc<UdpSocket>>) -> Listener {
        self.fronts.push(Front {
            at,
            transport,
            udp,
            streams: BTreeMap::new(),
            server: TurnServer::new(transport, at, self.gate.realm.clone()),
            known: HashMap::new(),
        });
        self.fronts.len() - 1
    }

    pub async fn run(mut self, mut inbox: mpsc::Receiver<Event>) {
        let mut sweep = interval(Duration::from_millis(SWEEP_MS));
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(event) => self.take(event),
                    None => return,
                },
                _ = sweep.tick() => self.sweep(),
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Secrets(secrets) => self.gate.secrets = secrets,
            Event::Connected { listener, from, frames } => {
                let stream = Stream { frames, since_ms: (self.clock)(), is_proven: false };
                self.fronts[listener].streams.insert(from, stream);
            }
            Event::Disconnected { listener, from } => {
                self.fronts[listener].streams.remove(&from);
                // An empty read tells the library that the stream is over.
                let (to, transport) = (self.fronts[listener].at, self.fronts[listener].transport);
                self.feed(listener, Transmit::new(Vec::new(), transport, from, to), None);
            }
            Event::Frame { listener, from, bytes } => self.frame(listener, from, bytes),
            Event::Relayed { port, from, bytes } => {
                // What comes through the socket and claims to be near is not let in either.
                if self.gate.is_near(from.ip()) || !self.count(port, bytes.len()) {
                    return;
                }
                if let Some(listener) = self.ports.get(&port).map(|held| held.listener) {
                    self.feed(listener, Transmit::new(bytes, TransportType::Udp, from, port), None);
                }
            }
        }
    }

    fn frame(&mut self, listener: Listener, from: SocketAddr, bytes: Vec<u8>) {
        let front = &mut self.fronts[listener];
        let (at, transport) = (front.at, front.transport);
        match self.gate.look(&bytes, from, (self.clock)()) {
            Verdict::Drop => {}
            Verdict::Answer(answer) => front.send(from, answer),
            Verdict::Pass => self.feed(listener, Transmit::new(bytes, transport, from, at), None),
            Verdict::Known { username, stale: Some(stale), .. } if !front.is_known(&username, from) => {
                front.send(from, stale);
            }
            // The library told its own nonce with an answer, and looks at it.
            Verdict::Known { username, stale: Some(_), .. } => {
                self.feed(listener, Transmit::new(bytes, transport, from, at), Some(&username));
            }
            Verdict::Known { username, password, key, stale: None } => {
                if !front.learn(&username, password, from) {
                    return;
                }
                let Some(nonce) = self.nonce_for(listener, from) else { return };
                if let Some(request) = with_nonce(&bytes, &nonce, &key) {
                    self.feed(listener, Transmit::new(request, transport, from, at), Some(&username));
                }
            }
        }
    }

    /// The nonce that the library keeps for an address: it takes no other, and ours were made without it.
    fn nonce_for(&mut self, listener: Listener, from: SocketAddr) -> Option<String> {
        let now = self.now();
        let front = &mut self.fronts[listener];
        let asking = Transmit::new(question(), front.transport, from, front.at);
        match quietly(|| front.server.recv(asking, now).map(|answer| answer.build().data)) {
            Ok(answer) => answer.as_deref().and_then(nonce_of),
            Err(_) => {
                self.renew(listener);
                None
            }
        }
    }

    /// Hands something to the library of a listener and does what it asks, without its log lines. A panic of it costs
    /// that listener its allocations and nobody else anything.
    fn feed(&mut self, listener: Listener, transmit: Transmit<Vec<u8>>, of: Option<&str>) {
        let mut work = VecDeque::from([(listener, transmit)]);
        for _ in 0..HOPS_MAX {
            let Some((listener, transmit)) = work.pop_front() else { return };
            let now = self.now();
            let server = &mut self.fronts[listener].server;
            let answered = quietly(|| server.recv(transmit, now).map(|answer| answer.build()));
            let Ok(answered) = answered else { return self.renew(listener) };
            if let Some(answer) = answered {
                self.deliver(listener, answer, &mut work);
            }
            self.pump(listener, of, &mut work);
        }
    }

    fn pump(&mut self, listener: Listener, of: Option<&str>, work: &mut VecDeque<(Listener, Transmit<Vec<u8>>)>) {
        loop {
            let now = self.now();
            let server = &mut self.fronts[listener].server;
            let Ok(asked) = quietly(|| server.poll(now)) else { return self.renew(listener) };
            match asked {
                TurnServerPollRet::WaitUntil(_) => break,
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let port = self.allocate(listener, allocation_transport, family, of);
                    let server = &mut self.fronts[listener].server;
                    let told = quietly(|| {
                        server.allocated_socket(
                            transport,
                            listen_addr,
                            client_addr,
                            allocation_transport,
                            family,
                            port,
                            now,
                        );
                    });
                    if told.is_err() {
                        return self.renew(listener);
                    }
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    self.ports.remove(&listen_addr);
                }
                // Relaying over TCP (RFC 6062) is never allocated, so that there is nothing to connect.
                TurnServerPollRet::TcpConnect { .. } => break,
                TurnServerPollRet::TcpClose { remote_addr, .. } => {
                    self.fronts[listener].streams.remove(&remote_addr);
                }
            }
        }
        loop {
            let now = self.now();
            let server = &mut self.fronts[listener].server;
            let Ok(Some(transmit)) = quietly(|| server.poll_transmit(now)) else { break };
            self.deliver(listener, transmit, work);
        }
    }

    fn allocate(
        &mut self,
        listener: Listener,
        transport: TransportType,
        family: AddressFamily,
        of: Option<&str>,
    ) -> Result<SocketAddr, SocketAllocateError> {
        let full = SocketAllocateError::InsufficientCapacity;
        let username = of.ok_or(full)?;
        if family != (if self.relay.is_ipv4() { AddressFamily::IPV4 } else { AddressFamily::IPV6 }) {
            return Err(SocketAllocateError::AddressFamilyNotSupported);
        }
        let held = self.ports.values().filter(|port| port.username == username).count();
        if transport != TransportType::Udp
            || held >= ALLOCATIONS_PER_CREDENTIAL_MAX
            || self.ports.len() >= ALLOCATIONS_MAX
        {
            return Err(full);
        }
        // Binding is one system call without waiting.
        let socket = std::net::UdpSocket::bind((self.relay, 0)).map_err(|_| full)?;
        socket.set_nonblocking(true).map_err(|_| full)?;
        let socket = Arc::new(UdpSocket::from_std(socket).map_err(|_| full)?);
        let port = SocketAddr::new(self.advertised, socket.local_addr().map_err(|_| full)?.port());
        let reading = socket::datagrams(socket.clone(), self.events.clone(), move |from, bytes| Event::Relayed {
            port,
            from,
            bytes,
        });
        let task = tokio::spawn(reading);
        self.ports.insert(port, Port { listener, username: username.to_owned(), socket, task, bytes: 0 });
        Ok(port)
    }

    fn deliver(
        &mut self,
        listener: Listener,
        transmit: Transmit<Vec<u8>>,
        work: &mut VecDeque<(Listener, Transmit<Vec<u8>>)>,
    ) {
        if transmit.from == self.fronts[listener].at {
            return self.fronts[listener].send(transmit.to, transmit.data);
        }
        if !self.count(transmit.from, transmit.data.len()) {
            return;
        }
        // To another relayed port of ours: handed over here, whatever translates addresses outside.
        if let Some(other) = self.ports.get(&transmit.to) {
            work.push_back((
                other.listener,
                Transmit::new(transmit.data, TransportType::Udp, transmit.from, transmit.to),
            ));
            return;
        }
        // Our own address is no peer otherwise: neither our listeners nor what else runs here.
        if self.gate.is_near(transmit.to.ip()) || self.gate.own.contains(&transmit.to.ip()) {
            return;
        }
        if let Some(port) = self.ports.get(&transmit.from) {
            // A full buffer loses a packet, as networks do.
            let _ = port.socket.try_send_to(&transmit.data, transmit.to);
        }
    }

    fn count(&mut self, port: SocketAddr, bytes: usize) -> bool {
        let Some(port) = self.ports.get_mut(&port) else { return false };
        port.bytes = port.bytes.saturating_add(bytes as u64);
        port.bytes <= BYTES_PER_ALLOCATION_MAX
    }

    fn sweep(&mut self) {
        self.look_around();
        for listener in 0..self.fronts.len() {
            let mut work = VecDeque::new();
            self.pump(listener, None, &mut work);
            let idle = !self.ports.values().any(|port| port.listener == listener);
            let now_ms = (self.clock)();
            let front = &mut self.fronts[listener];
            // Without its sender a stream is closed.
            front.streams.retain(|_, stream| stream.is_proven || now_ms < stream.since_ms + UNPROVEN_MS);
            let remembered = front.known.values().map(|addresses| 1 + addresses.len()).sum::<usize>();
            if remembered > REMEMBERED_MAX || idle && remembered > REMEMBERED_IDLE_MAX {
                self.renew(listener);
            }
        }
    }

    /// What cannot be read now stays as it was.
    fn look_around(&mut self) {
        self.machine_in -= 1;
        if self.machine_in > 0 {
            return;
        }
        self.machine_in = MACHINE_SWEEPS;
        match (self.machine)() {
            Ok(machine) => self.gate.machine = machine,
            Err(error) => tracing::warn!(kind = ?error.kind(), "the relay cannot read the machine's addresses"),
        }
    }

    fn renew(&mut self, listener: Listener) {
        tracing::info!(listener, "the relay forgets its allocations of one listener");
        self.ports.retain(|_, port| port.listener != listener);
        let realm = self.gate.realm.clone();
        let front = &mut self.fronts[listener];
        front.server = TurnServer::new(front.transport, front.at, realm);
        front.known.clear();
    }

    fn now(&self) -> LibraryInstant {
        LibraryInstant::from_nanos(i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Front {
    fn is_known(&self, username: &str, from: SocketAddr) -> bool {
        self.known.get(username).is_some_and(|addresses| addresses.contains(&from))
    }

    /// Makes a credential and where it is used from known to the library, which forgets neither. False: it was used from
    /// too many addresses.
    fn learn(&mut self, username: &str, password: String, from: SocketAddr) -> bool {
        if let Some(stream) = self.streams.get_mut(&from) {
            stream.is_proven = true;
        }
        if let Some(addresses) = self.known.get_mut(username) {
            if addresses.len() >= ADDRESSES_PER_CREDENTIAL_MAX && !addresses.contains(&from) {
                return false;
            }
            addresses.insert(from);
            return true;
        }
        self.known.insert(username.to_owned(), HashSet::from([from]));
        self.server.add_user(username.to_owned(), password);
        true
    }

    fn send(&self, to: SocketAddr, mut bytes: Vec<u8>) {
        match &self.udp {
            Some(socket) => drop(socket.try_send_to(&bytes, to)),
            None => {
                if let Some(stream) = self.streams.get(&to) {
                    // Channel data ends at a multiple of four in a stream (RFC 8656, 12.5); the library (0.7) leaves that out.
                    bytes.resize(bytes.len().next_multiple_of(4), 0);
                    drop(stream.frames.try_send(bytes));
                }
            }
        }
    }
}

/// The library logs addresses of people.
fn quietly<T>(call: impl FnOnce() -> T) -> std::thread::Result<T> {
    let nobody = tracing::subscriber::NoSubscriber::new();
    tracing::subscriber::with_default(nobody, || catch_unwind(AssertUnwindSafe(call)))
}
