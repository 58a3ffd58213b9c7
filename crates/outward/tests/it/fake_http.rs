//! A fake of an SMS gateway: a real HTTPS server on a real socket that keeps each request and answers as it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[derive(Clone)]
pub struct Got {
    pub line: String,
    pub headers: HeaderMap,
    pub body: String,
}

pub struct FakeHttp {
    pub address: SocketAddr,
    pub got: Arc<Mutex<Vec<Got>>>,
}

impl FakeHttp {
    /// Answers with these statuses in turn, the last of them again and again.
    pub async fn start(acceptor: TlsAcceptor, statuses: Vec<u16>) -> FakeHttp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let kept = got.clone();
        let statuses = Arc::new(Mutex::new(statuses));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept, statuses) = (acceptor.clone(), kept.clone(), statuses.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| answer(request, kept.clone(), statuses.clone()));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        FakeHttp { address, got }
    }
}

async fn answer(
    request: Request<Incoming>,
    got: Arc<Mutex<Vec<Got>>>,
    statuses: Arc<Mutex<Vec<u16>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    got.lock().unwrap().push(Got { line, headers, body: String::from_utf8_lossy(&body).into_owned() });
    let mut statuses = statuses.lock().unwrap();
    let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
    let answer = Response::builder().status(status).header("location", "https://elsewhere.example/");
    Ok(answer.body(Full::from("taken")).unwrap())
}
