//! Wrapped keys, in a file of their own: what is deleted here is overwritten, and backed up apart from the data.

use std::path::Path;
use std::sync::Mutex;

use crypto::keyring::WrappedChartKey;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::{KEYS_FILE, pool, schema};
use crate::StoreError;
use crate::backend::ChartNo;

pub struct KeyDatabase {
    connection: Mutex<Connection>,
    key: Zeroizing<[u8; 32]>,
}

impl KeyDatabase {
    pub fn open(path: &Path, key: Zeroizing<[u8; 32]>) -> Result<Self, StoreError> {
        let connection = pool::open_writer(path, &key, KEYS_FILE)?;
        connection.execute_batch("PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 256;")?;
        schema::migrate(&connection, KEYS_FILE, schema::KEYS)?;
        Ok(Self { connection: Mutex::new(connection), key })
    }

    pub fn chart_key(&self, chart: ChartNo) -> Result<Option<WrappedChartKey>, StoreError> {
        const SQL: &str = "SELECT general, sensitive FROM chart_key WHERE chart = ?1";
        self.with(|c| {
            Ok(c.prepare_cached(SQL)?
                .query_row([chart as i64], |r| Ok(WrappedChartKey { general: r.get(0)?, sensitive: r.get(1)? }))
                .optional()?)
        })
    }

    /// Durable when it returns: a key comes before the first row that uses it.
    pub fn add_chart_keys(&self, keys: &[(ChartNo, WrappedChartKey)]) -> Result<(), StoreError> {
        self.with(|c| {
            let transaction = c.unchecked_transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR IGNORE INTO chart_key (chart, general, sensitive) VALUES (?1, ?2, ?3)",
                )?;
                for (chart, key) in keys {
                    insert.execute(params![*chart as i64, key.general, key.sensitive])?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// The highest chart number that has a key.
    pub fn chart_max(&self) -> Result<ChartNo, StoreError> {
        self.with(|c| {
            Ok(c.query_row("SELECT coalesce(max(chart), 0) FROM chart_key", [], |r| r.get::<_, i64>(0))? as u64)
        })
    }

    pub fn day_key(&self, day: i32) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|c| {
            Ok(c.prepare_cached("SELECT wrapped FROM day_key WHERE day = ?1")?
                .query_row([day], |r| r.get(0))
                .optional()?)
        })
    }

    pub fn add_day_key(&self, day: i32, wrapped: &[u8]) -> Result<(), StoreError> {
        self.with(|c| {
            c.execute("INSERT OR IGNORE INTO day_key (day, wrapped) VALUES (?1, ?2)", params![day, wrapped])?;
            Ok(())
        })
    }

    /// A copy under the same database key, for the key set of a backup.
    pub fn copy(&self, destination: &Path) -> Result<(), StoreError> {
        self.with(|c| {
            use rusqlite::OpenFlags;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let mut copy = pool::open(destination, &self.key, KEYS_FILE, flags)?;
            pool::copy_all(c, &mut copy)?;
            Ok(copy.execute_batch("PRAGMA journal_mode = DELETE;")?)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&*self.connection.lock().map_err(|_| StoreError::Closed)?)
    }
}
