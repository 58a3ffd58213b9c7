//! What commands that speak to a running server share: who is signed in where, one request, and what a refusal means.

mod client;
mod prompt;
mod proof;
pub mod session_file;
pub mod show;

use std::path::PathBuf;

use http::Method;
use serde_json::Value;
use zeroize::Zeroizing;

pub use client::Client;
pub use prompt::secret;
pub use proof::ProofArgs;

use crate::{ServerError, say};
use session_file::Session;

const STEP_UP: &str = "urn:wardstone:problem:step-up";

#[derive(Debug, Clone, clap::Args)]
pub struct SessionArgs {
    /// Where `wardstone login` kept the session [default: $XDG_STATE_HOME/wardstone/session.json]
    #[arg(long, value_name = "FILE", env = "WARDSTONE_SESSION")]
    session: Option<PathBuf>,
}

/// Of every command that works through a running server.
#[derive(Debug, Clone, clap::Args)]
pub struct RemoteArgs {
    #[command(flatten)]
    session: SessionArgs,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

/// A server, as somebody who signed in.
pub struct Remote {
    client: Client,
    pub login: String,
    json: bool,
}

impl SessionArgs {
    pub fn path(&self) -> Result<PathBuf, ServerError> {
        match &self.session {
            Some(path) => std::path::absolute(path).map_err(ServerError::io("is no path", path)),
            None => session_file::default_path(|name| std::env::var(name).ok()),
        }
    }

    pub fn load(&self) -> Result<Session, ServerError> {
        session_file::load(&self.path()?)?
            .ok_or_else(|| ServerError::Refused("nobody is signed in: wardstone login".into()))
    }
}

impl RemoteArgs {
    pub fn open(&self) -> Result<Remote, ServerError> {
        let session = self.session.load()?;
        let client = Client::new(&session.server, session.ca_cert.as_deref())?;
        let client = client.with_token(Zeroizing::new(session.token.clone()));
        Ok(Remote { client, login: session.login.clone(), json: self.json })
    }
}

impl Remote {
    pub async fn get(&self, path: &str) -> Result<Value, ServerError> {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Value, ServerError> {
        self.send(Method::POST, path, Some(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Value, ServerError> {
        self.send(Method::PUT, path, Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, ServerError> {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn delete_with(&self, path: &str, body: Value) -> Result<Value, ServerError> {
        self.send(Method::DELETE, path, Some(&body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ServerError> {
        let answer = self.client.send(method, path, body).await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(answer.status.as_u16(), &answer.body)) }
    }

    /// As JSON if that was asked for, else as `shown` writes it.
    pub fn say(&self, answer: &Value, shown: impl FnOnce(&Value)) {
        if self.json { say::line(format!("{answer:#}")) } else { shown(answer) }
    }

    /// As JSON if that was asked for, else one sentence.
    pub fn done(&self, answer: &Value, sentence: impl AsRef<str>) {
        self.say(answer, |_| say::line(show::clean(sentence.as_ref())));
    }
}

/// A problem (RFC 9457) in the words of a command line.
pub fn refusal(status: u16, problem: &Value) -> ServerError {
    let text = |name: &str| problem[name].as_str().map(show::clean).unwrap_or_default();
    let (title, detail) = (text("title"), text("detail"));
    let said = match (title.is_empty(), detail.is_empty()) {
        (true, _) => format!("the server answered {status}"),
        (false, true) => title,
        (false, false) => format!("{title}: {detail}"),
    };
    ServerError::Refused(match (status, problem["type"].as_str()) {
        (401, _) => format!("{said}: wardstone login"),
        (_, Some(STEP_UP)) => format!("{said}: wardstone login --step-up"),
        _ => said,
    })
}

/// One segment of a path, whatever is in it.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            // A segment that is `.` or `..` would be another path.
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A query of the pairs that have a value: `?state=open&rule=noise`, or nothing.
pub fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let given = pairs.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", segment(value))));
    let given: Vec<String> = given.collect();
    if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_next() {
        let said = |status, problem| refusal(status, &problem).to_string();
        assert_eq!(said(401, json!({"title": "Not signed in"})), "Not signed in: wardstone login");
        assert_eq!(
            said(403, json!({"type": STEP_UP, "title": "Fresh sign-in needed"})),
            "Fresh sign-in needed: wardstone login --step-up"
        );
        assert_eq!(said(409, json!({"title": "A", "detail": "b\u{1b}c"})), "A: b c");
        assert_eq!(said(502, Value::Null), "the server answered 502");
    }

    #[test]
    fn names_stay_in_their_segment() {
        assert_eq!(segment("ana.b"), "ana%2Eb");
        assert_eq!(segment("../x?y"), "%2E%2E%2Fx%3Fy");
        assert_eq!(query(&[("state", Some("open")), ("rule", None)]), "?state=open");
        assert_eq!(query(&[]), "");
    }
}
