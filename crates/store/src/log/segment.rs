//! Segment files: naming, creating, appending durably, and scanning record by record.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use audit::LeafIndex;
use rustix::fs::FallocateFlags;

use super::LogError;
use super::format::{RECORD_HEADER_BYTES, RECORD_MAGIC, RecordHeader, SEGMENT_HEADER_BYTES, SegmentHeader};

/// How much a scan reads ahead.
const SCAN_CHUNK_BYTES: usize = 256 * 1024;

/// A segment on disk.
#[derive(Debug, Clone)]
pub(super) struct SegmentFile {
    pub number: u32,
    pub month: (i64, u8),
    pub path: PathBuf,
}

/// Every file of the folder that is named like a segment, by number.
pub(super) fn list(dir: &Path) -> Result<Vec<SegmentFile>, LogError> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(LogError::io("listing the audit log"))? {
        let entry = entry.map_err(LogError::io("listing the audit log"))?;
        if let Some((number, month)) = entry.file_name().to_str().and_then(parse_name) {
            segments.push(SegmentFile { number, month, path: entry.path() });
        }
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// `segment-2026-11-0001.log`
fn parse_name(name: &str) -> Option<(u32, (i64, u8))> {
    let mut parts = name.strip_prefix("segment-")?.strip_suffix(".log")?.splitn(3, '-');
    let (year, month, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((number, (year, month)))
}

/// The segment that is being appended to.
pub(super) struct Tail {
    pub segment: SegmentFile,
    file: File,
    pub end: u64,
    reserved: u64,
}

impl Tail {
    /// A fresh segment, durable with its header and its place in the folder.
    pub(super) fn create(
        dir: &Path,
        number: u32,
        month: (i64, u8),
        first_leaf: LeafIndex,
        reserve_step: u64,
    ) -> io::Result<Tail> {
        let path = dir.join(format!("segment-{:04}-{:02}-{number:04}.log", month.0, month.1));
        // A file of this number can only be what a failed try left: numbers are never used twice.
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        let mut tail = Tail { segment: SegmentFile { number, month, path }, file, end: 0, reserved: 0 };
        let header = SegmentHeader { number, first_leaf }.encode();
        let made = tail
            .append(&header, reserve_step)
            .and_then(|_| tail.file.sync_all())
            .and_then(|()| File::open(dir)?.sync_all());
        if let Err(error) = made {
            // A segment that holds nothing must not stand in the way of the next try.
            let _ = std::fs::remove_file(&tail.segment.path);
            return Err(error);
        }
        Ok(tail)
    }

    /// Goes on with a segment whose records end at `end`; what lies behind is cut off.
    pub(super) fn resume(segment: SegmentFile, end: u64) -> io::Result<Tail> {
        let file = File::options().read(true).write(true).open(&segment.path)?;
        file.set_len(end)?;
        file.sync_all()?;
        Ok(Tail { segment, file, end, reserved: end })
    }

    /// Writes at the end and makes it durable. After an error the tail must not be used again: what a failed fsync left in
    /// the page cache is not known. Returns whether space could still be reserved ahead.
    pub(super) fn append(&mut self, bytes: &[u8], reserve_step: u64) -> io::Result<bool> {
        let end = self.end + bytes.len() as u64;
        let mut is_reserved = true;
        if end + reserve_step / 2 > self.reserved {
            is_reserved = self.reserve(end + reserve_step);
        }
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        self.end = end;
        Ok(is_reserved)
    }

    /// Gives back what was reserved and not used.
    pub(super) fn trim(&self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.sync_all()
    }

    /// A disk that is too full for a reservation may still hold the record, so that is no failure yet.
    fn reserve(&mut self, until: u64) -> bool {
        let missing = until - self.reserved;
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), self.reserved, missing) {
            Ok(()) => {
                self.reserved = until;
                true
            }
            Err(rustix::io::Errno::NOTSUP) => true,
            Err(_) => false,
        }
    }
}

/// What lies at one place of a segment.
pub(super) enum Step<'s> {
    Record {
        header: RecordHeader,
        record: &'s [u8],
    },
    /// Nothing but zeroes (reserved space) up to the end.
    End,
    /// Bytes that are no intact record. The position stays.
    Bad,
}

/// Reads a segment from front to back in bounded memory.
pub(super) struct Scan {
    file: File,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    base: u64,
    /// Where the next record begins in the file.
    position: u64,
}

impl Scan {
    pub(super) fn open(path: &Path) -> io::Result<Scan> {
        Ok(Scan { file: File::open(path)?, buffer: Vec::new(), base: 0, position: SEGMENT_HEADER_BYTES as u64 })
    }

    pub(super) fn header(&self) -> io::Result<Option<SegmentHeader>> {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        match self.file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(SegmentHeader::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn seek(&mut self, offset: u64) {
        self.position = offset;
    }

    /// Forgets what was read ahead: the file may have grown since.
    pub(super) fn forget(&mut self) {
        self.buffer.clear();
    }

    /// Where the next record begins.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next record, checked.
    pub(super) fn step(&mut self) -> io::Result<Step<'_>> {
        let offset = self.position;
        let Some(header) = RecordHeader::decode(self.peek(offset, RECORD_HEADER_BYTES)?) else {
            return if self.is_zero_from(offset)? { Ok(Step::End) } else { Ok(Step::Bad) };
        };
        let length = header.record_bytes();
        let record = self.peek(offset, length)?;
        if record.len() < length || !header.is_intact(record) {
            return Ok(Step::Bad);
        }
        self.position = offset + length as u64;
        let record = self.peek(offset, length)?;
        Ok(Step::Record { header, record })
    }

    /// The next record's header and offset, its content unchecked.
    pub(super) fn hop(&mut self) -> io::Result<Option<(u64, RecordHeader)>> {
        let offset = self.position;
        let header = RecordHeader::decode(self.peek(offset, RECORD_HEADER_BYTES)?);
        if let Some(header) = header {
            self.position = offset + header.record_bytes() as u64;
        }
        Ok(header.map(|header| (offset, header)))
    }

    /// The place of the next intact record behind `offset`, if any.
    pub(super) fn find_record_after(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let mut rest = Vec::new();
        let length = self.file.metadata()?.len();
        rest.resize(length.saturating_sub(offset + 1) as usize, 0);
        self.file.read_exact_at(&mut rest, offset + 1)?;
        for at in 0..rest.len().saturating_sub(RECORD_HEADER_BYTES) {
            if !rest[at..].starts_with(RECORD_MAGIC) {
                continue;
            }
            let is_intact = RecordHeader::decode(&rest[at..])
                .and_then(|header| rest.get(at..at + header.record_bytes()).map(|record| header.is_intact(record)));
            if is_intact == Some(true) {
                return Ok(Some(offset + 1 + at as u64));
            }
        }
        Ok(None)
    }

    /// Up to `length` bytes at `offset`; fewer only at the end of the file.
    pub(super) fn peek(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let is_held = offset >= self.base && offset + length as u64 <= self.base + self.buffer.len() as u64;
        if !is_held {
            self.buffer.resize(length.max(SCAN_CHUNK_BYTES), 0);
            self.base = offset;
            let mut filled = 0;
            while filled < self.buffer.len() {
                match self.file.read_at(&mut self.buffer[filled..], offset + filled as u64)? {
                    0 => break,
                    count => filled += count,
                }
            }
            self.buffer.truncate(filled);
        }
        let start = (offset - self.base) as usize;
        let end = self.buffer.len().min(start + length);
        Ok(&self.buffer[start..end])
    }

    fn is_zero_from(&mut self, offset: u64) -> io::Result<bool> {
        let mut at = offset;
        loop {
            let bytes = self.peek(at, SCAN_CHUNK_BYTES)?;
            if bytes.is_empty() {
                return Ok(true);
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += bytes.len() as u64;
        }
    }
}
