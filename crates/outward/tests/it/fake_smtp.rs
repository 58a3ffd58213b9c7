//! A fake of an SMTP server: it speaks enough of RFC 5321 over real sockets and real TLS to take one message at a time, keeps what
//! it took, and delivers nothing.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    WithTls,
    WithStarttls,
    /// Offers no STARTTLS, as somebody in between would have it.
    InClear,
}

#[derive(Default)]
pub struct Taken {
    /// What the client said before and after TLS, credentials and messages apart.
    pub in_clear: Vec<String>,
    pub auth: Vec<String>,
    pub recipients: Vec<String>,
    pub messages: Vec<String>,
}

pub struct FakeSmtp {
    pub address: SocketAddr,
    pub taken: Arc<Mutex<Taken>>,
}

impl FakeSmtp {
    /// `to_recipient` is what it answers to a recipient: `250 ok`, `550 no`.
    pub async fn start(acceptor: TlsAcceptor, begins: Begins, to_recipient: &'static str) -> FakeSmtp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let kept = taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept) = (acceptor.clone(), kept.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, acceptor, begins, to_recipient, &kept).await;
                });
            }
        });
        FakeSmtp { address, taken }
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    begins: Begins,
    to_recipient: &str,
    taken: &Mutex<Taken>,
) -> std::io::Result<()> {
    if begins == Begins::WithTls {
        let stream = acceptor.accept(stream).await?;
        return talk(stream, true, to_recipient, taken).await;
    }
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 fake\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        taken.lock().unwrap().in_clear.push(line.trim_end().to_owned());
        match line.to_ascii_uppercase().trim_end() {
            "STARTTLS" if begins == Begins::WithStarttls => {
                stream.write_all(b"220 go ahead\r\n").await?;
                let stream = acceptor.accept(stream.into_inner()).await?;
                return talk(stream, false, to_recipient, taken).await;
            }
            said if said.starts_with("EHLO") => {
                let offers = if begins == Begins::WithStarttls { "250-STARTTLS\r\n" } else { "" };
                stream.write_all(format!("250-fake\r\n{offers}250 AUTH PLAIN\r\n").as_bytes()).await?;
            }
            _ => stream.write_all(b"250 ok\r\n").await?,
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    greets: bool,
    to_recipient: &str,
    taken: &Mutex<Taken>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if greets {
        stream.write_all(b"220 fake\r\n").await?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-fake\r\n250 AUTH PLAIN",
            "AUTH" => {
                taken.lock().unwrap().auth.push(line.to_owned());
                "235 welcome"
            }
            "RCPT" => {
                taken.lock().unwrap().recipients.push(line.to_owned());
                to_recipient
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut message = String::new();
                while !message.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut message).await? == 0 {
                        return Ok(());
                    }
                }
                taken.lock().unwrap().messages.push(message);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}
