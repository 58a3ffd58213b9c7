//! Point and range reads of the record file.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, params};

use crate::StoreError;
use crate::backend::{BodyRow, ChartNo, HeadRow, Keyword, PastRow, RowNo, Seq};

pub fn body(c: &Connection, row: RowNo) -> Result<Option<BodyRow>, StoreError> {
    const SQL: &str = "SELECT row, chart, version, seq, body FROM body WHERE row = ?1";
    one(c.prepare_cached(SQL)?, params![row as i64], body_row)
}

pub fn head(c: &Connection, chart: ChartNo, row: RowNo) -> Result<Option<HeadRow>, StoreError> {
    const SQL: &str = "SELECT chart, row, version, seq, head FROM head WHERE chart = ?1 AND row = ?2";
    one(c.prepare_cached(SQL)?, params![chart as i64, row as i64], head_row)
}

pub fn heads_of_chart(c: &Connection, chart: ChartNo, limit: usize) -> Result<Vec<HeadRow>, StoreError> {
    const SQL: &str = "SELECT chart, row, version, seq, head FROM head WHERE chart = ?1 ORDER BY row LIMIT ?2";
    many(c.prepare_cached(SQL)?, params![chart as i64, limit as i64], head_row)
}

pub fn heads_after(c: &Connection, after: (ChartNo, RowNo), limit: usize) -> Result<Vec<HeadRow>, StoreError> {
    const SQL: &str = "SELECT chart, row, version, seq, head FROM head WHERE (chart, row) > (?1, ?2) \
                       ORDER BY chart, row LIMIT ?3";
    many(c.prepare_cached(SQL)?, params![after.0 as i64, after.1 as i64, limit as i64], head_row)
}

pub fn heads_since(c: &Connection, seq: Seq, row: RowNo, limit: usize) -> Result<Vec<HeadRow>, StoreError> {
    const SQL: &str = "SELECT chart, row, version, seq, head FROM head \
                       WHERE seq >= ?1 AND (seq > ?1 OR row > ?2) ORDER BY seq, row LIMIT ?3";
    many(c.prepare_cached(SQL)?, params![seq, row as i64, limit as i64], head_row)
}

pub fn heads_before(c: &Connection, seq: Seq, row: RowNo, limit: usize) -> Result<Vec<HeadRow>, StoreError> {
    const SQL: &str = "SELECT chart, row, version, seq, head FROM head \
                       WHERE seq <= ?1 AND (seq < ?1 OR row < ?2) ORDER BY seq DESC, row DESC LIMIT ?3";
    many(c.prepare_cached(SQL)?, params![seq, row as i64, limit as i64], head_row)
}

const PAST: &str = "SELECT chart, row, version, seq, head, body FROM past";

pub fn past(c: &Connection, row: RowNo, version: u32) -> Result<Option<PastRow>, StoreError> {
    one(c.prepare_cached(&format!("{PAST} WHERE row = ?1 AND version = ?2"))?, params![row as i64, version], past_row)
}

pub fn past_of(c: &Connection, row: RowNo, version: u32, limit: usize) -> Result<Vec<PastRow>, StoreError> {
    let sql = format!("{PAST} WHERE row = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3");
    many(c.prepare_cached(&sql)?, params![row as i64, version, limit as i64], past_row)
}

pub fn past_before(c: &Connection, seq: Seq, row: RowNo, limit: usize) -> Result<Vec<PastRow>, StoreError> {
    let sql = format!("{PAST} WHERE seq <= ?1 AND (seq < ?1 OR row < ?2) ORDER BY seq DESC, row DESC LIMIT ?3");
    many(c.prepare_cached(&sql)?, params![seq, row as i64, limit as i64], past_row)
}

pub fn locate(c: &Connection, locator: &Keyword) -> Result<Option<RowNo>, StoreError> {
    const SQL: &str = "SELECT row FROM locator WHERE label = ?1";
    one(c.prepare_cached(SQL)?, params![locator.as_slice()], |r| unsigned(r, 0))
}

pub fn was_done(c: &Connection, once: &Keyword) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT 1 FROM done WHERE label = ?1";
    Ok(one(c.prepare_cached(SQL)?, params![once.as_slice()], |_| Ok(()))?.is_some())
}

pub fn high_water(c: &Connection) -> Result<(RowNo, ChartNo), StoreError> {
    const SQL: &str = "SELECT coalesce((SELECT max(row) FROM body), 0), \
                       max(coalesce((SELECT max(chart) FROM head), 0), coalesce((SELECT max(chart) FROM past), 0))";
    Ok(c.query_row(SQL, [], |r| Ok((unsigned(r, 0)?, unsigned(r, 1)?)))?)
}

/// Every version, current and past, with its digest, in commit order.
pub fn digests(c: &Connection, each: &mut dyn FnMut(Seq, RowNo, u32, [u8; 32])) -> Result<(), StoreError> {
    const SQL: &str = "SELECT b.chart, b.row, b.version, b.seq, h.head, b.body, h.version, h.seq \
                           FROM body b LEFT JOIN head h ON h.chart = b.chart AND h.row = b.row \
                       UNION ALL SELECT chart, row, version, seq, head, body, version, seq FROM past \
                       ORDER BY 4, 2";
    let mut statement = c.prepare(SQL)?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let head: Option<Vec<u8>> = r.get(4)?;
        let (version, seq): (u32, Seq) = (r.get(2)?, r.get(3)?);
        // A head that is missing or of another version is a difference like any other: it changes the digest.
        let agrees = r.get::<_, Option<u32>>(6)? == Some(version) && r.get::<_, Option<Seq>>(7)? == Some(seq);
        let digest = digest(
            unsigned(r, 0)?,
            unsigned(r, 1)?,
            version,
            if agrees { head.as_deref().unwrap_or_default() } else { b"" },
            r.get_ref(5)?.as_blob().unwrap_or_default(),
        );
        each(seq, unsigned(r, 1)?, version, digest);
    }
    Ok(())
}

/// SHA-256 over what a version is at rest; the audit leaf of its write carries it.
pub fn digest(chart: ChartNo, row: RowNo, version: u32, head: &[u8], body: &[u8]) -> [u8; 32] {
    let mut clear = [0; 28];
    clear[..8].copy_from_slice(&chart.to_be_bytes());
    clear[8..16].copy_from_slice(&row.to_be_bytes());
    clear[16..20].copy_from_slice(&version.to_be_bytes());
    clear[20..24].copy_from_slice(&(head.len() as u32).to_be_bytes());
    clear[24..].copy_from_slice(&(body.len() as u32).to_be_bytes());
    let mut hash = crypto::hash::Sha256::new();
    for piece in [clear.as_slice(), head, body] {
        hash.update(piece);
    }
    hash.finish()
}

fn one<T>(
    mut statement: CachedStatement<'_>,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    Ok(statement.query_row(params, read).optional()?)
}

fn many<T>(
    mut statement: CachedStatement<'_>,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    Ok(statement.query_map(params, read)?.collect::<Result<_, _>>()?)
}

fn unsigned(r: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    r.get::<_, i64>(column).map(|n| n as u64)
}

fn head_row(r: &Row<'_>) -> rusqlite::Result<HeadRow> {
    Ok(HeadRow { chart: unsigned(r, 0)?, row: unsigned(r, 1)?, version: r.get(2)?, seq: r.get(3)?, head: r.get(4)? })
}

fn body_row(r: &Row<'_>) -> rusqlite::Result<BodyRow> {
    Ok(BodyRow { row: unsigned(r, 0)?, chart: unsigned(r, 1)?, version: r.get(2)?, seq: r.get(3)?, body: r.get(4)? })
}

fn past_row(r: &Row<'_>) -> rusqlite::Result<PastRow> {
    Ok(PastRow {
        chart: unsigned(r, 0)?,
        row: unsigned(r, 1)?,
        version: r.get(2)?,
        seq: r.get(3)?,
        head: r.get(4)?,
        body: r.get(5)?,
    })
}
