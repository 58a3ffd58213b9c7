//! The line of one browser into the room of a visit: a WebSocket (RFC 6455) whose first words are a ticket, so that no cookie and
//! no address opens it.

use std::time::Duration;

use axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use telehealth::hall::{Line, Said};
use telehealth::signal::MESSAGE_BYTES_MAX;
use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use crate::Web;
use crate::answer;
use crate::refusal::Refusal;

/// A message that a browser does not take within this ends its line.
const WRITE_MAX: Duration = Duration::from_secs(20);

/// Answers 101 and goes on beside the request; whoever has no ticket is cut off by the room within seconds.
pub fn open(web: &Web, parts: &Parts, visit: &str, upgrade: Option<OnUpgrade>) -> Result<Response<Body>, Refusal> {
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    // Browsers name the page that opens a line, and no page can make them name another (RFC 6455, 10.2).
    if text(ORIGIN) != web.0.origin {
        return Err(Refusal::CrossSite);
    }
    let key = text(SEC_WEBSOCKET_KEY);
    let is_asked = text(UPGRADE).eq_ignore_ascii_case("websocket") && text(SEC_WEBSOCKET_VERSION) == "13";
    let Some(upgrade) = upgrade.filter(|_| is_asked && !key.is_empty()) else {
        return Err(Refusal::Invalid("this address takes a WebSocket"));
    };
    let Some((line, said)) = web.hall().connect(visit) else { return Err(Refusal::NotFound) };
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| Refusal::Defect)?;
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let limits = WebSocketConfig::default()
                .max_message_size(Some(MESSAGE_BYTES_MAX))
                .max_frame_size(Some(MESSAGE_BYTES_MAX));
            let io = TokioIo::new(upgraded);
            talk(WebSocketStream::from_raw_socket(io, Role::Server, Some(limits)).await, line, said).await;
        }
    });
    let mut response = answer::with(StatusCode::SWITCHING_PROTOCOLS, "text/plain; charset=utf-8", Body::empty());
    let headers = response.headers_mut();
    headers.remove(http::header::CONTENT_TYPE);
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

async fn talk<S>(mut socket: WebSocketStream<S>, line: Line, mut said: Receiver<Said>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        tokio::select! {
            // The room dropped this line, or was forgotten.
            told = said.recv() => match told {
                Some(Said::Text(text)) => {
                    let sending = tokio::time::timeout(WRITE_MAX, socket.send(Message::text(text)));
                    if !matches!(sending.await, Ok(Ok(()))) {
                        return;
                    }
                }
                Some(Said::Close) | None => {
                    let _ = tokio::time::timeout(WRITE_MAX, socket.close(None)).await;
                    return;
                }
            },
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => line.heard(&text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            },
        }
    }
}
