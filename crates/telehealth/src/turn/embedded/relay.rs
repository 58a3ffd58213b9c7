//! The one task that owns allocations: events in, frames out, relayed ports in between.

use std::collections::{BTreeMap, HashSet, VecDeque};
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

use super::gate::{Gate, Verdict};
use super::{ALLOCATIONS_MAX, ALLOCATIONS_PER_CREDENTIAL_MAX, BYTES_PER_ALLOCATION_MAX, Clock, Options, socket};
use crate::turn::TurnSecrets;
use crate::turn::machine::Addresses;

const SWEEP_MS: u64 = 1_000;
/// Addresses of the machine change: they are read again as often.
const MACHINE_SWEEPS: u32 = 30;
/// Requests without credentials that a listener answers at once and a second: the library keeps a nonce for each.
const CHALLENGES_BURST: u32 = 200;
const CHALLENGES_PER_SECOND: u32 = 20;
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
    streams: BTreeMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
    server: TurnServer,
    known: HashSet<String>,
    challenged: usize,
    challenges_left: u32,
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
        Ok(Self {
            gate: Gate { realm: options.realm.clone(), secrets: options.secrets.clone(), own, machine },
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
            known: HashSet::new(),
            challenged: 0,
            challenges_left: CHALLENGES_BURST,
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
                self.fronts[listener].streams.insert(from, frames);
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
        let mut of = None;
        match self.gate.look(&bytes, from, (self.clock)()) {
            Verdict::Drop => return,
            Verdict::Answer(answer) => return front.send(from, answer),
            Verdict::Pass { challenged: false } => {}
            Verdict::Pass { challenged: true } => {
                if front.challenges_left == 0 {
                    return;
                }
                front.challenges_left -= 1;
                front.challenged += 1;
            }
            Verdict::Known { username, password } => {
                if front.known.insert(username.clone()) {
                    front.server.add_user(username.clone(), password);
                }
                of = Some(username);
            }
        }
        let transmit = Transmit::new(bytes, front.transport, from, front.at);
        self.feed(listener, transmit, of.as_deref());
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
            let front = &mut self.fronts[listener];
            front.challenges_left = (front.challenges_left + CHALLENGES_PER_SECOND).min(CHALLENGES_BURST);
            let remembered = front.known.len() + front.challenged;
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
        front.challenged = 0;
    }

    fn now(&self) -> LibraryInstant {
        LibraryInstant::from_nanos(i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Front {
    fn send(&self, to: SocketAddr, mut bytes: Vec<u8>) {
        match &self.udp {
            Some(socket) => drop(socket.try_send_to(&bytes, to)),
            None => {
                if let Some(frames) = self.streams.get(&to) {
                    // Channel data ends at a multiple of four in a stream (RFC 8656, 12.5); the library (0.7) leaves that out.
                    bytes.resize(bytes.len().next_multiple_of(4), 0);
                    drop(frames.try_send(bytes));
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
