//! Copies a prefix of a log for a backup while the log goes on: records, checkpoint and public key. Tiles and state are
//! derived; opening the copy makes them anew.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use audit::Checkpoint;

use super::LogError;
use super::anchor::{CHECKPOINT_FILE, KEY_FILE};
use super::format::SEGMENT_HEADER_BYTES;
use super::segment::{Scan, Step, list};

/// Copies exactly the leaves that `checkpoint` (the text of a note this log signed) covers into the empty folder `to`.
pub fn copy_prefix(from: &Path, to: &Path, checkpoint: &str) -> Result<u64, LogError> {
    let failed = || LogError::io("copying the audit log");
    let size = Checkpoint::parse_unverified(checkpoint)?.size;
    let mut next = 0;
    for segment in list(from)? {
        if next >= size {
            break;
        }
        let mut scan = Scan::open(&segment.path).map_err(failed())?;
        let name = segment.path.file_name().unwrap_or_default();
        let mut copy = File::create_new(to.join(name)).map_err(failed())?;
        scan.seek(0);
        copy.write_all(scan.peek(0, SEGMENT_HEADER_BYTES).map_err(failed())?).map_err(failed())?;
        scan.seek(SEGMENT_HEADER_BYTES as u64);
        // What stands behind a segment's successor was never acknowledged: it begins at a leaf that is not next.
        while next < size {
            match scan.step().map_err(failed())? {
                Step::Record { header, record } if header.first_leaf == next && header.end_leaf() <= size => {
                    copy.write_all(record).map_err(failed())?;
                    next = header.end_leaf();
                }
                _ => break,
            }
        }
        copy.sync_all().map_err(failed())?;
    }
    if next != size {
        return Err(LogError::Corrupt { place: format!("leaf {next}"), what: "the log ends before its checkpoint" });
    }
    for (name, text) in [
        (CHECKPOINT_FILE, checkpoint.to_owned()),
        (KEY_FILE, std::fs::read_to_string(from.join(KEY_FILE)).map_err(failed())?),
    ] {
        let mut file = File::create_new(to.join(name)).map_err(failed())?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed())?;
    }
    File::open(to).and_then(|folder| folder.sync_all()).map_err(failed())?;
    Ok(size)
}
