//! Counters in Prometheus' text format. Numbers about the machine and the log, never about a person.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use http::StatusCode;
use store::Sqlite;

/// What the listener counts.
pub struct Requests {
    started: Instant,
    by_class: [AtomicU64; 5],
    failed_handshakes: AtomicU64,
    over_seats: AtomicU64,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            by_class: Default::default(),
            failed_handshakes: AtomicU64::new(0),
            over_seats: AtomicU64::new(0),
        }
    }
}

impl Requests {
    pub fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.by_class[class].fetch_add(1, Relaxed);
    }

    pub fn count_failed_handshake(&self) {
        self.failed_handshakes.fetch_add(1, Relaxed);
    }

    /// A connection of an address that has as many as it may.
    pub fn count_over_seats(&self) {
        self.over_seats.fetch_add(1, Relaxed);
    }
}

pub fn render(requests: &Requests, store: &Sqlite) -> String {
    let mut out = Text(String::with_capacity(4096));
    out.gauge("wardstone_uptime_seconds", "Seconds since the start.", requests.started.elapsed().as_secs());
    out.gauge("wardstone_resident_bytes", "Memory of the process.", resident_bytes());
    out.head("wardstone_requests_total", "Answers by class of status.", "counter");
    for (class, count) in requests.by_class.iter().enumerate() {
        let _ = writeln!(out.0, "wardstone_requests_total{{class=\"{}xx\"}} {}", class + 1, count.load(Relaxed));
    }
    out.counter(
        "wardstone_failed_handshakes_total",
        "Connections that ended before TLS was agreed.",
        requests.failed_handshakes.load(Relaxed),
    );
    out.counter(
        "wardstone_refused_connections_total",
        "Connections of addresses that had as many as one may have.",
        requests.over_seats.load(Relaxed),
    );
    out.head("wardstone_file_bytes", "Sizes of the files.", "gauge");
    for (file, bytes) in store.file_sizes() {
        let _ = writeln!(out.0, "wardstone_file_bytes{{file=\"{file}\"}} {bytes}");
    }
    audit_log(&mut out, store);
    out.0
}

fn audit_log(out: &mut Text, store: &Sqlite) {
    let log = store.log();
    let metrics = log.metrics();
    out.gauge("wardstone_audit_available", "1 while the audit log takes events.", u64::from(metrics.is_available));
    out.gauge("wardstone_audit_leaves", "Events in the log.", log.size());
    out.counter("wardstone_audit_events_total", "Events written since the start.", metrics.events);
    out.counter("wardstone_audit_groups_total", "Groups written since the start.", metrics.groups);
    out.gauge("wardstone_audit_queue", "Events that wait.", metrics.queue_depth);
    out.head("wardstone_audit_sync_microseconds", "Write and flush of a group.", "gauge");
    for (quantile, us) in [("0.5", metrics.sync_us_p50), ("0.99", metrics.sync_us_p99)] {
        let _ = writeln!(out.0, "wardstone_audit_sync_microseconds{{quantile=\"{quantile}\"}} {us}");
    }
    out.gauge("wardstone_audit_unanchored_leaves", "Events that no checkpoint covers.", metrics.unanchored_leaves);
    out.gauge("wardstone_audit_checkpoint_size", "Events under the last checkpoint.", metrics.last_checkpoint_size);
    out.gauge(
        "wardstone_audit_checkpoint_milliseconds",
        "Time of the last checkpoint, in milliseconds since 1970.",
        metrics.last_checkpoint_ms,
    );
    out.gauge(
        "wardstone_audit_sink_healthy",
        "1 if the sink took the last checkpoint.",
        metrics.is_sink_healthy.into(),
    );
    out.gauge(
        "wardstone_audit_space_reserved",
        "1 if space is reserved ahead of the writer.",
        metrics.is_space_reserved.into(),
    );
    for (kind, count) in [
        ("write", metrics.write_failures),
        ("seal", metrics.seal_failures),
        ("anchor", metrics.anchor_failures),
        ("sink", metrics.sink_failures),
    ] {
        let name = format!("wardstone_audit_{kind}_failures_total");
        out.counter(&name, "Failures of the log.", count);
    }
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        let _ = writeln!(self.0, "{name} {value}");
    }
}

/// From `/proc/self/statm`; 0 where there is none.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
