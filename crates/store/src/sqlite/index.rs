//! The keyword index file: derived data, so a damaged one is set aside and rebuilt, never an obstacle.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::{INDEX_FILE, pool, schema};
use crate::StoreError;
use crate::backend::{Keyword, Run};

/// Opens the index file, or begins a new one when it is damaged or sealed with another key. The flag says which.
pub fn open_or_recreate(path: &Path, key: &[u8; 32]) -> Result<(Connection, bool), StoreError> {
    match open(path, key) {
        Ok(connection) => Ok((connection, false)),
        Err(StoreError::Damaged { .. } | StoreError::SchemaTooNew { .. }) => {
            remove(path)?;
            Ok((open(path, key)?, true))
        }
        Err(other) => Err(other),
    }
}

fn open(path: &Path, key: &[u8; 32]) -> Result<Connection, StoreError> {
    let connection = pool::open_writer(path, key, INDEX_FILE)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint = 2000; PRAGMA synchronous = NORMAL;")?;
    schema::migrate(&connection, INDEX_FILE, schema::INDEX)?;
    Ok(connection)
}

fn remove(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(name) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Io { what: "remove the damaged index", kind: e.kind() });
            }
            _ => {}
        }
    }
    Ok(())
}

pub fn runs(c: &Connection) -> Result<Vec<Run>, StoreError> {
    const SQL: &str = "SELECT run, from_seq, to_seq, resources FROM run ORDER BY from_seq";
    let mut statement = c.prepare_cached(SQL)?;
    let rows = statement.query_map([], |r| {
        Ok(Run { run: r.get(0)?, from: r.get(1)?, to: r.get(2)?, resources: r.get::<_, i64>(3)? as u64 })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn write_run(
    c: &mut Connection,
    run: Run,
    replaces: &[u32],
    postings: &[(Keyword, Vec<u8>)],
) -> Result<(), StoreError> {
    let transaction = c.transaction()?;
    for old in replaces {
        transaction.execute("DELETE FROM posting WHERE run = ?1", [old])?;
        transaction.execute("DELETE FROM run WHERE run = ?1", [old])?;
    }
    {
        let mut insert = transaction.prepare_cached("INSERT INTO posting (run, label, block) VALUES (?1, ?2, ?3)")?;
        for (label, block) in postings {
            insert.execute(params![run.run, label.as_slice(), block])?;
        }
    }
    transaction.execute(
        "INSERT INTO run (run, from_seq, to_seq, resources) VALUES (?1, ?2, ?3, ?4)",
        params![run.run, run.from, run.to, run.resources as i64],
    )?;
    Ok(transaction.commit()?)
}

pub fn posting(c: &Connection, run: u32, label: &Keyword) -> Result<Option<Vec<u8>>, StoreError> {
    const SQL: &str = "SELECT block FROM posting WHERE run = ?1 AND label = ?2";
    Ok(c.prepare_cached(SQL)?.query_row(params![run, label.as_slice()], |r| r.get(0)).optional()?)
}
