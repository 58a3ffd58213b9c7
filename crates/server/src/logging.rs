//! Structured logs on stderr: JSON for a server, plain lines for a demo. No value of a record ever gets here.

use tracing_subscriber::EnvFilter;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Human,
}

/// RUST_LOG wins over `filter`. A second call changes nothing.
pub fn start(form: Form, filter: &str) {
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    let _ = match form {
        Form::Json => lines.json().flatten_event(true).try_init(),
        Form::Human => lines.with_target(false).try_init(),
    };
}
