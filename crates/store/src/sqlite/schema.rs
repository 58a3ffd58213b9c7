//! The tables, by version. Migrations only go forward, each in a transaction of its own.
//!
//! Clear columns are row, chart, version, commit sequence and key generation; everything else is sealed.

use rusqlite::Connection;

use crate::StoreError;
use crate::sqlite::pool::damaged_or;

pub const RECORD: &[&str] = &["
    CREATE TABLE head (
        chart INTEGER NOT NULL, row INTEGER NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL,
        head BLOB NOT NULL, PRIMARY KEY (chart, row)) WITHOUT ROWID;
    CREATE INDEX head_seq ON head (seq);
    CREATE TABLE body (
        row INTEGER PRIMARY KEY, chart INTEGER NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL,
        body BLOB NOT NULL);
    CREATE TABLE past (
        row INTEGER NOT NULL, version INTEGER NOT NULL, chart INTEGER NOT NULL, seq INTEGER NOT NULL,
        head BLOB NOT NULL, body BLOB NOT NULL);
    CREATE UNIQUE INDEX past_version ON past (row, version);
    CREATE INDEX past_seq ON past (seq, row);
    CREATE TABLE locator (label BLOB PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE done (label BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE outbox (seq INTEGER PRIMARY KEY, event BLOB NOT NULL);
    CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"];

pub const KEYS: &[&str] = &["
    CREATE TABLE chart_key (chart INTEGER PRIMARY KEY, general BLOB NOT NULL, sensitive BLOB NOT NULL);
    CREATE TABLE day_key (day INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);
"];

pub const INDEX: &[&str] = &[
    "
    CREATE TABLE run (
        run INTEGER PRIMARY KEY, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL, resources INTEGER NOT NULL);
    CREATE TABLE posting (
        run INTEGER NOT NULL, label BLOB NOT NULL, block BLOB NOT NULL, PRIMARY KEY (run, label)) WITHOUT ROWID;
",
    "
    -- How names sound is posted too: what was posted before lacks it and is posted again.
    DELETE FROM posting;
    DELETE FROM run;
",
];

pub const DESK: &[&str] = &["
    CREATE TABLE entry (
        shelf INTEGER NOT NULL, key BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (shelf, key)) WITHOUT ROWID;
"];

/// Brings a file up to the newest version this program knows.
pub fn migrate(connection: &Connection, file: &'static str, steps: &[&str]) -> Result<(), StoreError> {
    let held: u32 = connection.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(|e| damaged_or(e, file))?;
    let known = steps.len() as u32;
    if held > known {
        return Err(StoreError::SchemaTooNew { file, held, known });
    }
    for (version, step) in steps.iter().enumerate().skip(held as usize) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {}", version + 1))?;
        transaction.commit()?;
    }
    Ok(())
}
