//! Reading sockets into events, and streams in frames (RFC 8656, 3.1: STUN messages and channel data, padded).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::relay::{Event, Listener};
use super::{
    CONNECTIONS_MAX, CONNECTIONS_PER_HOUSEHOLD_MAX, FRAME_BYTES_MAX, FRAMES_QUEUED_MAX, HANDSHAKE_SECONDS,
    STREAM_IDLE_SECONDS,
};
use crate::window::household;

const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

pub async fn datagrams(
    socket: Arc<UdpSocket>,
    events: mpsc::Sender<Event>,
    event: impl Fn(SocketAddr, Vec<u8>) -> Event,
) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        // An error here is an ICMP answer to something that was sent; the socket goes on.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        if events.send(event(from, buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}

pub async fn accept(socket: TcpListener, tls: Option<TlsAcceptor>, listener: Listener, events: mpsc::Sender<Event>) {
    let places = Arc::new(Places::default());
    loop {
        let Ok((stream, from)) = socket.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(place) = places.take(household(from.ip())) else { continue };
        let (tls, events) = (tls.clone(), events.clone());
        tokio::spawn(async move {
            let _place = place;
            // Frames are small and late ones are useless.
            let _ = stream.set_nodelay(true);
            match tls {
                None => serve(stream, from, listener, events).await,
                Some(tls) => {
                    let handshake = timeout(Duration::from_secs(HANDSHAKE_SECONDS), tls.accept(stream));
                    if let Ok(Ok(stream)) = handshake.await {
                        serve(stream, from, listener, events).await;
                    }
                }
            }
        });
    }
}

/// Connections of one listener, by household.
#[derive(Default)]
struct Places(Mutex<HashMap<u128, usize>>);

struct Place {
    of: u128,
    places: Arc<Places>,
}

impl Places {
    fn take(self: &Arc<Self>, of: u128) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.get(&of).copied().unwrap_or_default();
        if taken.values().sum::<usize>() >= CONNECTIONS_MAX || theirs >= CONNECTIONS_PER_HOUSEHOLD_MAX {
            return None;
        }
        taken.insert(of, theirs + 1);
        Some(Place { of, places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = taken.get_mut(&self.of) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

pub async fn serve<S>(stream: S, from: SocketAddr, listener: Listener, events: mpsc::Sender<Event>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (frames, mut queue) = mpsc::channel::<Vec<u8>>(FRAMES_QUEUED_MAX);
    if events.send(Event::Connected { listener, from, frames }).await.is_err() {
        return;
    }
    let reading = async {
        while let Ok(Some(bytes)) = timeout(Duration::from_secs(STREAM_IDLE_SECONDS), frame(&mut reader)).await {
            if events.send(Event::Frame { listener, from, bytes }).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some(bytes) = queue.recv().await {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = reading => {}, () = writing => {} }
    let _ = events.send(Event::Disconnected { listener, from }).await;
}

/// One STUN message, or channel data without the padding that it has in a stream: the library (0.7) takes it for the next
/// frame. None: the stream ended, or is no TURN.
async fn frame<R: AsyncRead + Unpin>(reader: &mut R) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4];
    reader.read_exact(&mut bytes).await.ok()?;
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    let (rest, padding) = match bytes[0] >> 6 {
        0 if length.is_multiple_of(4) => (16 + length, 0),
        1 => (length.next_multiple_of(4), length.next_multiple_of(4) - length),
        _ => return None,
    };
    if rest > FRAME_BYTES_MAX {
        return None;
    }
    bytes.resize(4 + rest, 0);
    reader.read_exact(&mut bytes[4..]).await.ok()?;
    bytes.truncate(4 + rest - padding);
    Some(bytes)
}
