//! How many leaves a log's files hold now, without opening it for work: also beside a running server.

use std::path::Path;

use audit::LeafIndex;

use super::LogError;
use super::segment::{Scan, Step, list};

/// The end of the last segment's intact records. Whatever a write's leaf below it names was committed before it was in the
/// log; what a running server commits from now on gets a leaf at or beyond it.
pub fn durable_leaves_at(dir: &Path) -> Result<LeafIndex, LogError> {
    let failed = LogError::io("reading a segment");
    for segment in list(dir)?.iter().rev() {
        let mut scan = Scan::open(&segment.path).map_err(&failed)?;
        // Without a header it is just being made and holds nothing; the one before it ends the log.
        let Some(header) = scan.header().map_err(&failed)? else { continue };
        let mut end = header.first_leaf;
        // A record that is not intact ends the log, or is damage that the verifier names.
        while let Step::Record { header, .. } = scan.step().map_err(&failed)? {
            end = header.end_leaf();
        }
        return Ok(end);
    }
    Ok(0)
}
