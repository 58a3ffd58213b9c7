//! The one place that reads the clock; everything else is given it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

pub fn system() -> Clock {
    Arc::new(now_ms)
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// `2026-11-22T10:15:00Z`.
pub fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| "unknown".to_owned(), |t| format!("{t:.0}"))
}

/// How long ago a file was written, in milliseconds; 0 if that lies ahead.
pub fn age_ms(path: &std::path::Path, now_ms: i64) -> Option<i64> {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    let modified_ms = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    Some((now_ms - modified_ms).max(0))
}
