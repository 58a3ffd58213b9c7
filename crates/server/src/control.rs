//! The control socket: how `wardstone backup` asks a running server. Whoever may enter the data directory may use it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::assembly::House;
use crate::directory::{CONTROL_SOCKET, DataDirectory};
use crate::operator::Operator;
use crate::{ServerError, backup};

/// One line of JSON.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;
const REQUEST_MAX: Duration = Duration::from_secs(5);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Backup { destination: PathBuf, operator: String, reason: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done(String),
    Failed(String),
}

pub fn bind(directory: &DataDirectory) -> Result<UnixListener, ServerError> {
    let path = directory.join(CONTROL_SOCKET);
    // The directory is locked, so a socket that is there belongs to nobody.
    let _ = std::fs::remove_file(&path);
    let socket = UnixListener::bind(&path).map_err(ServerError::io("cannot be bound", &path))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .map_err(ServerError::io("its permissions cannot be set", &path))?;
    Ok(socket)
}

/// Answers one command after the other, until dropped.
pub async fn serve(socket: UnixListener, house: Arc<House>) {
    while let Ok((stream, _)) = socket.accept().await {
        if let Err(error) = answer(stream, &house).await {
            tracing::warn!(kind = %error.kind(), "a control command broke off");
        }
    }
}

/// Sends a command to the server that holds the directory.
pub async fn ask(directory: &DataDirectory, command: &Command) -> Result<String, ServerError> {
    let path = directory.join(CONTROL_SOCKET);
    let failed = |error| ServerError::io("the running server does not answer", &path)(error);
    let mut stream = UnixStream::connect(&path).await.map_err(failed)?;
    let mut line = serde_json::to_vec(command).unwrap_or_default();
    line.push(b'\n');
    let failed = |error| ServerError::io("the running server does not answer", &path)(error);
    stream.write_all(&line).await.map_err(failed)?;
    let mut answer = Vec::new();
    let failed = |error| ServerError::io("the running server broke off", &path)(error);
    stream.read_to_end(&mut answer).await.map_err(failed)?;
    match serde_json::from_slice(&answer) {
        Ok(Answer::Done(text)) => Ok(text),
        Ok(Answer::Failed(text)) => Err(ServerError::Refused(text)),
        Err(_) => Err(ServerError::Refused(format!("{}: the running server broke off", path.display()))),
    }
}

async fn answer(stream: UnixStream, house: &Arc<House>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(REQUEST_BYTES_MAX));
    tokio::time::timeout(REQUEST_MAX, read.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(command) => perform(command, house).await,
        Err(_) => Answer::Failed("the command is not known to this version".into()),
    };
    write.write_all(&serde_json::to_vec(&answer)?).await?;
    write.shutdown().await
}

async fn perform(command: Command, house: &Arc<House>) -> Answer {
    let result = match command {
        Command::Backup { destination, operator: name, reason } => {
            backup(house, &destination, &Operator { name, reason }).await
        }
    };
    match result {
        Ok(text) => Answer::Done(text),
        Err(error) => Answer::Failed(error.to_string()),
    }
}

async fn backup(house: &Arc<House>, destination: &Path, operator: &Operator) -> Result<String, ServerError> {
    backup::make(house, destination, operator).await.map(|made| made.to_string())
}
