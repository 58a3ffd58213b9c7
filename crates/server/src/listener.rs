//! Accepts TLS connections and serves HTTP/1.1 and HTTP/2 within named limits, until told to stop.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use api::ConnectionNo;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::ServerError;
use crate::config::Limits;
use crate::metrics::Requests;
use crate::progress::{Progress, Watched};
use crate::seats::{Seat, Seats};
use crate::unread::Unread;

const HSTS: (HeaderName, HeaderValue) =
    (http::header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
/// Connections that wait in the kernel.
const BACKLOG: u32 = 1024;
/// After an accept failed (too many open files), the next is tried after this time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A connection is looked at so often within the time it may be idle or stalled.
const LOOKS_PER_IDLE: u64 = 4;
/// HTTP/2 streams of one connection at once.
const STREAMS_MAX: u32 = 128;
/// Bytes that HTTP/2 takes in before the handler has read them: a stream, a connection.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// What answers a request.
pub trait Handle: Clone + Send + Sync + 'static {
    fn handle(&self, request: Request<Body>, peer: IpAddr) -> impl Future<Output = Response<Body>> + Send;
}

pub struct Listener {
    listener: TcpListener,
    tls: TlsAcceptor,
    limits: Limits,
    requests: Arc<Requests>,
}

impl Listener {
    pub fn bind(
        address: SocketAddr,
        tls: Arc<ServerConfig>,
        limits: Limits,
        requests: Arc<Requests>,
    ) -> Result<Self, ServerError> {
        let failed =
            |error: std::io::Error| ServerError::Refused(format!("cannot listen on {address}: {}", error.kind()));
        let bind = || {
            let socket = match address {
                SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
                SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
            }?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        Ok(Self { listener: bind().map_err(failed)?, tls: TlsAcceptor::from(tls), limits, requests })
    }

    pub fn local_address(&self) -> Result<SocketAddr, ServerError> {
        self.listener
            .local_addr()
            .map_err(|error| ServerError::Refused(format!("the listener has no address: {}", error.kind())))
    }

    /// Serves until `stop` says so, then lets requests in flight end, for as long as the limits give them.
    pub async fn serve(self, handler: impl Handle, mut stop: watch::Receiver<bool>) {
        let limits = self.limits;
        let free = Arc::new(Semaphore::new(limits.connections_max as usize));
        let seats = Arc::new(Seats::new(limits.connections_per_address_max));
        let builders = Arc::new(Builders::new(&limits));
        while !*stop.borrow() {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &free) => accepted,
                _ = stop.changed() => continue,
            };
            let (stream, peer, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(kind = %error.kind(), "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let peer = peer.ip().to_canonical();
            let Some(seat) = seats.take(peer) else {
                self.requests.count_over_seats();
                continue;
            };
            let connection = Connection {
                tls: self.tls.clone(),
                peer,
                limits,
                builders: builders.clone(),
                requests: self.requests.clone(),
                stop: stop.clone(),
            };
            tokio::spawn(connection.run(stream, handler.clone(), (permit, seat)));
        }
        drop(self.listener);
        let all_ended = free.acquire_many(limits.connections_max);
        let patience = Duration::from_millis(limits.shutdown_ms);
        if tokio::time::timeout(patience, all_ended).await.is_err() {
            tracing::warn!("connections were cut off: they did not end in time");
        }
    }
}

/// Waits for room before it takes a connection: what is beyond the limit waits in the kernel.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = free.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

/// Numbers of TLS connections, of all listeners: none is given out twice while the process runs.
static NEXT_CONNECTION: AtomicU64 = AtomicU64::new(1);

struct Builders {
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
}

impl Builders {
    fn new(limits: &Limits) -> Self {
        let mut http1 = auto::Builder::new(TokioExecutor::new()).http1_only();
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(limits.header_read_ms))
            .max_headers(limits.headers_max)
            .max_buf_size(limits.header_bytes_max);
        let mut http2 = auto::Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_millis(limits.idle_ms))
            .keep_alive_timeout(Duration::from_millis(limits.handshake_ms));
        Self { http1, http2 }
    }
}

struct Connection {
    tls: TlsAcceptor,
    peer: IpAddr,
    limits: Limits,
    builders: Arc<Builders>,
    requests: Arc<Requests>,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn run(mut self, stream: TcpStream, handler: impl Handle, _room: (OwnedSemaphorePermit, Seat)) {
        let progress = Arc::new(Progress::new());
        let handshake = self.tls.accept(Watched { stream, progress: progress.clone() });
        let patience = Duration::from_millis(self.limits.handshake_ms);
        let Ok(Ok(stream)) = tokio::time::timeout(patience, handshake).await else {
            self.requests.count_failed_handshake();
            return;
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let builder = if is_http2 { &self.builders.http2 } else { &self.builders.http1 };

        let (counted, peer) = (self.requests.clone(), self.peer);
        let number = NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed);
        let active = progress.clone();
        let request_max = Duration::from_millis(self.limits.request_ms);
        let body_bytes_max = self.limits.body_bytes_max;
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            let (handler, active, counted) = (handler.clone(), active.clone(), counted.clone());
            async move {
                active.begin_request();
                let is_http1 = request.version() < Version::HTTP_2;
                let waits_to_be_told = is_http1 && request.headers().contains_key(header::EXPECT);
                let unread = Unread::default();
                let mut request = request.map(|body| Body::new(unread.lend(body)));
                request.extensions_mut().insert(ConnectionNo(number));
                let answering = handler.handle(request, peer);
                let mut response = tokio::time::timeout(request_max, answering).await.unwrap_or_else(|_| too_slow());
                if !unread.take_in(body_bytes_max, waits_to_be_told).await && is_http1 {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                active.end_request();
                counted.count(response.status());
                response.headers_mut().insert(HSTS.0, HSTS.1);
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let look_every = Duration::from_millis((self.limits.idle_ms / LOOKS_PER_IDLE).max(1));
        let mut ending: Option<Ending> = None;
        loop {
            tokio::select! {
                // The client went away, or broke a rule of the protocol: nothing to say to it.
                _ended = &mut connection => return,
                _ = self.stop.changed(), if ending.is_none() => {
                    ending = Some(Ending::new(self.limits.shutdown_ms, 0));
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep(ending.as_ref().map_or(look_every, |ending| ending.left(look_every))) => {
                    if progress.is_stalled(&self.limits)
                        || ending.as_ref().is_some_and(|ending| ending.is_over(&progress))
                    {
                        return;
                    }
                    if ending.is_none() && progress.is_idle(&self.limits) {
                        ending = Some(Ending::new(self.limits.ending_ms, self.limits.request_ms));
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// When a connection that was told to end is dropped: whoever does not take its last answers until then is cut off.
struct Ending {
    at: Instant,
    /// A request that was already on its way when the connection was told to end may be worked on until then.
    at_last: Instant,
}

impl Ending {
    fn new(ending_ms: u64, request_ms: u64) -> Self {
        let at = Instant::now() + Duration::from_millis(ending_ms);
        Self { at, at_last: at + Duration::from_millis(request_ms) }
    }

    fn is_over(&self, progress: &Progress) -> bool {
        let now = Instant::now();
        now >= self.at_last || (now >= self.at && !progress.is_working())
    }

    /// Until the next look.
    fn left(&self, look_every: Duration) -> Duration {
        match self.at.saturating_duration_since(Instant::now()) {
            Duration::ZERO => look_every,
            left => left.min(look_every),
        }
    }
}

fn too_slow() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
