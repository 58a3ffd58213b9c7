//! What durability costs here: an append of 4 KiB with fdatasync, many times, in the directory that the server uses.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::BenchError;

const APPENDS: usize = 500;
const APPEND_BYTES: usize = 4096;

pub struct Fsync {
    pub p50_us: u32,
    pub p99_us: u32,
}

pub fn measure(folder: &Path) -> Result<Fsync, BenchError> {
    let path = folder.join("fsync-probe");
    let named = |e| BenchError::File(path.clone(), e);
    let mut file = std::fs::File::create(&path).map_err(named)?;
    let block = [0x5a_u8; APPEND_BYTES];
    let mut times_us = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let before = Instant::now();
        file.write_all(&block).map_err(named)?;
        file.sync_data().map_err(named)?;
        times_us.push(u32::try_from(before.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    std::fs::remove_file(&path).map_err(named)?;
    times_us.sort_unstable();
    Ok(Fsync { p50_us: times_us[APPENDS / 2], p99_us: times_us[APPENDS * 99 / 100] })
}
