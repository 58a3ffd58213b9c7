//! What can be read from the files without opening the log: for the verifier, and for who wants to see what an attacker sees.

use std::io::Write;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{DatabaseKeys, INDEX_FILE, KEYS_FILE, RECORD_FILE, outbox, pool, read, writer};
use crate::StoreError;
use crate::backend::{ChartNo, RowNo, Seq};
use crate::desk::DESK_FILE;
use crate::log::DetailSealer;

/// What [`rows_at`] saw besides the rows.
pub struct Rows {
    /// The last commit.
    pub last_seq: Seq,
    /// Commits whose events are in the outbox, by number.
    pub outbox: Vec<Waiting>,
    /// Every chart that a version belongs to.
    pub charts: Vec<ChartNo>,
}

/// An event in the outbox.
pub struct Waiting {
    pub seq: Seq,
    /// What the event says its commit wrote; none when the event does not open.
    pub written_root: Option<[u8; 32]>,
}

/// Calls `each` with every version, current and past, and its digest, in commit order. One consistent view, also beside
/// a running server.
pub fn rows_at(
    directory: &Path,
    keys: &DatabaseKeys,
    sealer: &dyn DetailSealer,
    each: &mut dyn FnMut(Seq, RowNo, u32, [u8; 32]),
) -> Result<Rows, StoreError> {
    let connection = open(&directory.join(RECORD_FILE), &keys.record, RECORD_FILE)?;
    let snapshot = connection.unchecked_transaction()?;
    let last_seq = writer::last_seq(&snapshot)?;
    read::digests(&snapshot, each)?;
    let mut statement = snapshot.prepare("SELECT seq, event FROM outbox ORDER BY seq")?;
    let waiting = |seq, sealed: &[u8]| Waiting { seq, written_root: outbox::written_root(seq, sealed, sealer) };
    let outbox = statement
        .query_map([], |r| Ok(waiting(r.get(0)?, r.get_ref(1)?.as_blob().unwrap_or_default())))?
        .collect::<Result<_, _>>()?;
    let mut statement = snapshot.prepare("SELECT chart FROM head UNION SELECT chart FROM past")?;
    let charts = statement.query_map([], |r| r.get::<_, i64>(0).map(|n| n as u64))?.collect::<Result<_, _>>()?;
    Ok(Rows { last_seq, outbox, charts })
}

/// Writes every table as whoever holds the database keys sees it: one line a row, blobs in hexadecimal. `open_table` gives
/// the place for one table's lines.
pub fn dump_at<W: Write>(
    directory: &Path,
    keys: &DatabaseKeys,
    desk: &[u8; 32],
    open_table: &mut dyn FnMut(&str, &str) -> std::io::Result<W>,
) -> Result<u64, StoreError> {
    let mut rows = 0;
    let files = [(RECORD_FILE, &*keys.record), (KEYS_FILE, &*keys.keys), (INDEX_FILE, &*keys.index), (DESK_FILE, desk)];
    for (file, key) in files {
        if !directory.join(file).exists() {
            continue;
        }
        let connection = open(&directory.join(file), key, file)?;
        let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
        let tables: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
        for table in tables {
            let failed = |error: std::io::Error| StoreError::Io { what: "write the dump", kind: error.kind() };
            let mut out = open_table(file, &table).map_err(failed)?;
            rows += dump_table(&connection, &table, &mut out, &failed)?;
            out.flush().map_err(failed)?;
        }
    }
    Ok(rows)
}

fn dump_table(
    connection: &Connection,
    table: &str,
    out: &mut impl Write,
    failed: &dyn Fn(std::io::Error) -> StoreError,
) -> Result<u64, StoreError> {
    // Table names come from our own schema.
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
    writeln!(out, "{}", statement.column_names().collect::<Vec<_>>().join("\t")).map_err(failed)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            let separator = if column == 0 { "" } else { "\t" };
            let written = match row.get_ref(column)? {
                ValueRef::Null => write!(out, "{separator}"),
                ValueRef::Integer(number) => write!(out, "{separator}{number}"),
                ValueRef::Real(number) => write!(out, "{separator}{number}"),
                ValueRef::Text(text) => write!(out, "{separator}{}", String::from_utf8_lossy(text)),
                ValueRef::Blob(bytes) => write!(out, "{separator}{}", crypto::kek::hex_encode(bytes)),
            };
            written.map_err(failed)?;
        }
        writeln!(out).map_err(failed)?;
        count += 1;
    }
    Ok(count)
}

fn open(path: &Path, key: &[u8; 32], file: &'static str) -> Result<Connection, StoreError> {
    pool::open(path, key, file, OpenFlags::SQLITE_OPEN_READ_WRITE)
}
