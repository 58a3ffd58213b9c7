//! Whether a connection gets on: when it last had a request, and whether its peer takes what is written to it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::config::Limits;

/// No write waits for the peer.
const NOT_BLOCKED: u64 = u64::MAX;
/// A write as long as this is part of an answer; shorter ones may be HTTP/2 asking whether the peer is there.
const ANSWER_WRITE_BYTES_MIN: usize = 1024;

/// Times are milliseconds since the connection began.
pub struct Progress {
    born: Instant,
    in_flight: AtomicU64,
    last_answer_ms: AtomicU64,
    last_write_ms: AtomicU64,
    blocked_since_ms: AtomicU64,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            born: Instant::now(),
            in_flight: AtomicU64::new(0),
            last_answer_ms: AtomicU64::new(0),
            last_write_ms: AtomicU64::new(0),
            blocked_since_ms: AtomicU64::new(NOT_BLOCKED),
        }
    }

    pub fn begin_request(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub fn end_request(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.last_answer_ms.store(self.now_ms(), Relaxed);
    }

    /// Requests are being answered.
    pub fn is_working(&self) -> bool {
        self.in_flight.load(Relaxed) != 0
    }

    /// Nothing is asked, and nothing of an answer was written for a while or the last answer has had its time to be taken.
    pub fn is_idle(&self, limits: &Limits) -> bool {
        let answered_ms = self.last_answer_ms.load(Relaxed);
        let now_ms = self.now_ms();
        let quiet_ms = now_ms.saturating_sub(answered_ms.max(self.last_write_ms.load(Relaxed)));
        !self.is_working()
            && (quiet_ms >= limits.idle_ms
                || now_ms.saturating_sub(answered_ms) >= limits.request_ms.max(limits.idle_ms))
    }

    /// The peer has taken nothing of what waits for it, whatever it sends itself.
    pub fn is_stalled(&self, limits: &Limits) -> bool {
        match self.blocked_since_ms.load(Relaxed) {
            NOT_BLOCKED => false,
            since_ms => self.now_ms().saturating_sub(since_ms) >= limits.idle_ms,
        }
    }

    fn now_ms(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    fn wrote(&self, poll: &Poll<io::Result<usize>>) {
        if let Poll::Ready(written) = poll {
            if written.as_ref().is_ok_and(|bytes| *bytes >= ANSWER_WRITE_BYTES_MIN) {
                self.last_write_ms.store(self.now_ms(), Relaxed);
            }
            self.blocked_since_ms.store(NOT_BLOCKED, Relaxed);
        } else if self.blocked_since_ms.load(Relaxed) == NOT_BLOCKED {
            self.blocked_since_ms.store(self.now_ms(), Relaxed);
        }
    }
}

/// The connection below TLS, whose writes are noted.
pub struct Watched<S> {
    pub stream: S,
    pub progress: Arc<Progress>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress.wrote(&poll);
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.progress.wrote(&poll);
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
