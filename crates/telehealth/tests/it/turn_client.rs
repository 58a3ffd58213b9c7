//! A client of relays, as a browser is one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use turn_server_proto::types::attribute::{ChannelNumber, Data, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_server_proto::types::message::{ALLOCATE, CHANNEL_BIND, SEND};
use turn_server_proto::types::stun::attribute::{ErrorCode, Nonce, Realm, Username};
use turn_server_proto::types::stun::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials, MessageType,
    MessageWrite, MessageWriteExt, MessageWriteVec, Method, TransactionId,
};

pub const REALM: &str = "visits.example.org";

pub enum Wire {
    Udp(UdpSocket, SocketAddr),
    Stream(Box<dyn Stream>),
}

pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

pub struct Client {
    pub wire: Wire,
    nonce: String,
    username: String,
    password: String,
}

impl Client {
    pub fn new(wire: Wire, (username, password): (String, String)) -> Self {
        Self { wire, nonce: String::new(), username, password }
    }

    pub fn udp(server: SocketAddr, credential: (String, String)) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self::new(Wire::Udp(socket, server), credential)
    }

    pub fn tcp(server: SocketAddr, credential: (String, String)) -> Self {
        Self::new(Wire::Stream(Box::new(connect(server))), credential)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        match &mut self.wire {
            Wire::Udp(socket, server) => drop(socket.send_to(bytes, *server).unwrap()),
            Wire::Stream(stream) => {
                stream.write_all(bytes).unwrap();
                stream.flush().unwrap();
            }
        }
    }

    /// None: nothing came in time.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        match &mut self.wire {
            Wire::Udp(socket, _) => {
                let mut buffer = vec![0; 2048];
                let length = socket.recv(&mut buffer).ok()?;
                buffer.truncate(length);
                Some(buffer)
            }
            Wire::Stream(stream) => {
                let mut bytes = vec![0; 4];
                stream.read_exact(&mut bytes).ok()?;
                let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                let rest = if bytes[0] >> 6 == 1 { length.next_multiple_of(4) } else { 16 + length };
                bytes.resize(4 + rest, 0);
                stream.read_exact(&mut bytes[4..]).ok()?;
                Some(bytes)
            }
        }
    }

    pub fn hushed(&mut self) -> Option<Vec<u8>> {
        if let Wire::Udp(socket, _) = &self.wire {
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        }
        self.receive()
    }

    /// The answer to a signed request: the address of an allocation, or the error's code.
    pub fn request(&mut self, method: Method, peer: Option<SocketAddr>) -> Result<Option<SocketAddr>, u16> {
        if self.nonce.is_empty() {
            // The first one has no credentials and is answered with a nonce.
            assert_eq!(self.attempt(ALLOCATE, None, false), Err(401));
        }
        self.attempt(method, peer, true)
    }

    pub fn becomes(&mut self, (username, password): (String, String)) {
        (self.username, self.password) = (username, password);
    }

    pub fn answers_what_was_asked_of(&mut self, other: &Self) {
        self.nonce.clone_from(&other.nonce);
    }

    pub fn attempt(
        &mut self,
        method: Method,
        peer: Option<SocketAddr>,
        signed: bool,
    ) -> Result<Option<SocketAddr>, u16> {
        let id = self.ask(method, peer, signed);
        let bytes = self.receive().expect("an answer");
        let answer = Message::from_bytes(&bytes).unwrap();
        assert_eq!(answer.transaction_id(), id);
        if let Ok(nonce) = answer.attribute::<Nonce>() {
            self.nonce = nonce.nonce().to_owned();
        }
        if answer.has_class(MessageClass::Success) {
            return Ok(answer.attribute::<XorRelayedAddress>().ok().map(|address| address.addr(id)));
        }
        Err(answer.attribute::<ErrorCode>().unwrap().code())
    }

    pub fn ask(&mut self, method: Method, peer: Option<SocketAddr>, signed: bool) -> TransactionId {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Request, method);
        let mut message = Message::builder(kind, id, MessageWriteVec::new());
        if method == ALLOCATE {
            message.add_attribute(&RequestedTransport::new(17)).unwrap();
        }
        if method == CHANNEL_BIND {
            message.add_attribute(&ChannelNumber::new(0x4001)).unwrap();
        }
        if let Some(peer) = peer {
            message.add_attribute(&XorPeerAddress::new(peer, id)).unwrap();
        }
        if signed {
            message.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
            message.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
            message.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
            let key = LongTermKeyCredentials::new(self.username.clone(), self.password.clone(), REALM.to_owned());
            let credentials = MessageIntegrityCredentials::LongTerm(key);
            message.add_message_integrity(&credentials, IntegrityAlgorithm::Sha1).unwrap();
        }
        self.send(&message.finish());
        id
    }

    pub fn allocate(&mut self) -> SocketAddr {
        self.request(ALLOCATE, None).unwrap().unwrap()
    }

    pub fn tell(&mut self, peer: SocketAddr, data: &[u8]) {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Indication, SEND);
        let mut message = Message::builder(kind, id, MessageWriteVec::new());
        message.add_attribute(&XorPeerAddress::new(peer, id)).unwrap();
        message.add_attribute(&Data::new(data)).unwrap();
        self.send(&message.finish());
    }

    /// Data of an indication, and from whom.
    pub fn heard(&mut self) -> (SocketAddr, Vec<u8>) {
        let bytes = self.receive().expect("data");
        let message = Message::from_bytes(&bytes).unwrap();
        let from = message.attribute::<XorPeerAddress>().unwrap().addr(message.transaction_id());
        (from, message.attribute::<Data<'_>>().unwrap().data().to_vec())
    }
}

pub fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}
