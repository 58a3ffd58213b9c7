//! Asks a ClamAV daemon of this machine whether there is something in a file: `zINSTREAM` of clamd(8), over its socket or loopback.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// From the first byte to the answer.
pub const SCAN_MAX: Duration = Duration::from_secs(60);
const CHUNK_BYTES: usize = 64 * 1024;
const REPLY_BYTES_MAX: u64 = 1_024;
const SIGNATURE_CHARS_MAX: usize = 80;

/// Where the daemon listens. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clamd {
    Unix(PathBuf),
    /// Of this machine: files go there in clear.
    Loopback(SocketAddr),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    /// The name of what was found.
    Found(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("the scanner is not there")]
    Away(#[source] std::io::Error),
    #[error("the scanner did not answer in time")]
    Late,
    /// Too large for it, or an answer that is none.
    #[error("the scanner did not take the file")]
    Refused,
}

impl Clamd {
    /// `unix:/run/clamav/clamd.ctl` or `127.0.0.1:3310`; none for what is neither, or is another machine's.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            return path.starts_with('/').then(|| Self::Unix(path.into()));
        }
        let address: SocketAddr = text.parse().ok()?;
        address.ip().is_loopback().then_some(Self::Loopback(address))
    }

    pub async fn scan(&self, bytes: &[u8]) -> Result<Verdict, ScanError> {
        self.scan_within(bytes, SCAN_MAX).await
    }

    pub async fn scan_within(&self, bytes: &[u8], limit: Duration) -> Result<Verdict, ScanError> {
        let asking = async {
            match self {
                Self::Unix(path) => ask(UnixStream::connect(path).await.map_err(ScanError::Away)?, bytes).await,
                Self::Loopback(at) => ask(TcpStream::connect(at).await.map_err(ScanError::Away)?, bytes).await,
            }
        };
        tokio::time::timeout(limit, asking).await.map_err(|_| ScanError::Late)?
    }
}

async fn ask(stream: impl AsyncRead + AsyncWrite, bytes: &[u8]) -> Result<Verdict, ScanError> {
    let (mut from, mut to) = tokio::io::split(Box::pin(stream));
    // It may answer and hang up before it has read all: what it said counts, and not that the rest could not be written.
    let writing = async {
        to.write_all(b"zINSTREAM\0").await?;
        for chunk in bytes.chunks(CHUNK_BYTES) {
            to.write_all(&(chunk.len() as u32).to_be_bytes()).await?;
            to.write_all(chunk).await?;
        }
        to.write_all(&0u32.to_be_bytes()).await?;
        to.flush().await
    };
    let mut reply = Vec::new();
    let mut limited = (&mut from).take(REPLY_BYTES_MAX);
    let (written, read) = tokio::join!(writing, limited.read_to_end(&mut reply));
    match (verdict(&reply), written.and(read)) {
        (Some(verdict), _) => Ok(verdict),
        (None, Err(error)) if reply.is_empty() => Err(ScanError::Away(error)),
        (None, _) => Err(ScanError::Refused),
    }
}

/// `stream: OK`, `stream: Win.Test.EICAR_HDB-1 FOUND`; anything else is no verdict.
fn verdict(reply: &[u8]) -> Option<Verdict> {
    let said = std::str::from_utf8(reply).ok()?.trim_end_matches(['\0', '\n']).strip_prefix("stream: ")?;
    if said == "OK" {
        return Some(Verdict::Clean);
    }
    let name = said.strip_suffix(" FOUND")?;
    Some(Verdict::Found(name.chars().filter(char::is_ascii_graphic).take(SIGNATURE_CHARS_MAX).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_is_of_this_machine_and_only_its_own_words_are_a_verdict() {
        assert_eq!(Clamd::parse("unix:/run/clamd.ctl"), Some(Clamd::Unix("/run/clamd.ctl".into())));
        assert!(matches!(Clamd::parse("127.0.0.1:3310"), Some(Clamd::Loopback(_))));
        assert!(matches!(Clamd::parse("[::1]:3310"), Some(Clamd::Loopback(_))));
        for wrong in ["", "unix:clamd.ctl", "203.0.113.9:3310", "0.0.0.0:3310", "localhost", "127.0.0.1"] {
            assert_eq!(Clamd::parse(wrong), None, "{wrong}");
        }
        assert_eq!(verdict(b"stream: OK\0"), Some(Verdict::Clean));
        assert_eq!(verdict(b"stream: Eicar-Signature FOUND\0"), Some(Verdict::Found("Eicar-Signature".into())));
        for wrong in
            [&b""[..], b"OK", b"stream: ", b"stream: OK FOUND OK", b"INSTREAM size limit exceeded. ERROR\0", b"\xff"]
        {
            assert_eq!(verdict(wrong), None, "{wrong:?}");
        }
    }
}
