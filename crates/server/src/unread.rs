//! What a handler leaves unread of a request's body. Answered over it, HTTP/1 can only end the connection and HTTP/2 resets
//! the stream: the next request finds nobody there, and who is still sending may lose the answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The rest of a refused request may take so long to come.
const REST_MAX: Duration = Duration::from_secs(10);

/// Where a body comes back to when the handler lets go of it.
#[derive(Clone, Default)]
pub struct Unread(Arc<Mutex<Option<Left>>>);

struct Left {
    body: Incoming,
    /// Somebody has begun to read it: a client that asked whether to send (`Expect`) was told to.
    is_begun: bool,
}

impl Unread {
    pub fn lend(&self, body: Incoming) -> Lent {
        Lent { left: Some(Left { body, is_begun: false }), back: self.clone() }
    }

    /// Takes in what is left and forgets it; false if that would be too much, take too long or make a client send that
    /// waits to be told.
    pub async fn take_in(&self, bytes_max: usize, waits_to_be_told: bool) -> bool {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Left { mut body, is_begun }) = left.filter(|left| !left.body.is_end_stream()) else { return true };
        if (waits_to_be_told && !is_begun) || body.size_hint().lower() > bytes_max as u64 {
            return false;
        }
        let rest = async {
            let mut taken = 0;
            while let Some(frame) = body.frame().await {
                taken += frame.ok()?.data_ref().map_or(0, Bytes::len);
                if taken > bytes_max {
                    return None;
                }
            }
            Some(())
        };
        tokio::time::timeout(REST_MAX, rest).await.is_ok_and(|taken| taken.is_some())
    }
}

/// A body on loan to a handler.
pub struct Lent {
    left: Option<Left>,
    back: Unread,
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.back.0.lock().unwrap_or_else(PoisonError::into_inner) = self.left.take();
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.left {
            Some(left) => {
                left.is_begun = true;
                Pin::new(&mut left.body).poll_frame(context)
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.as_ref().is_none_or(|left| left.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.left.as_ref().map_or_else(SizeHint::default, |left| left.body.size_hint())
    }
}
