//! The candidates of a search, one after the other.

use std::sync::Arc;

use store::{Backend, RowNo};

use crate::head::{ChartHeads, Head};
use crate::{Record, RecordError};

/// Where candidates come from.
pub(crate) enum Source {
    /// Rows named by `_id`.
    Rows(Vec<Arc<Head>>),
    /// One chart, of which heads of this type are candidates.
    Chart {
        heads: Arc<ChartHeads>,
        type_code: u16,
    },
    /// Charts whose heads hold every match, and keywords of what lies outside them.
    Charts(Vec<Arc<Head>>),
    Keywords(crate::index::Candidates),
}

/// Candidates as heads, by ascending row.
pub(crate) struct Walk {
    source: Source,
    at: usize,
    after: RowNo,
    /// The last candidate that no list holds.
    held: Option<Arc<Head>>,
}

impl Walk {
    pub fn new(mut source: Source, after: RowNo) -> Self {
        if let Source::Rows(heads) | Source::Charts(heads) = &mut source {
            let in_order = heads.windows(2).all(|pair| pair[0].row < pair[1].row);
            if !in_order {
                heads.sort_unstable_by_key(|head| head.row);
                heads.dedup_by_key(|head| head.row);
            }
        }
        Self { source, at: 0, after, held: None }
    }

    pub async fn next<B: Backend>(&mut self, record: &Record<B>) -> Result<Option<&Arc<Head>>, RecordError> {
        match &mut self.source {
            Source::Rows(heads) | Source::Charts(heads) => {
                let rest = heads.get(self.at..).unwrap_or_default();
                let found = rest.iter().position(|head| head.row > self.after);
                self.at += found.map_or(rest.len(), |at| at + 1);
                Ok(found.map(|at| &rest[at]))
            }
            Source::Chart { heads, type_code } => {
                while let Some(at) = heads.next_of(*type_code, self.at) {
                    self.at = at + 1;
                    if heads[at].row > self.after {
                        return Ok(Some(&heads[at]));
                    }
                }
                self.at = heads.len();
                Ok(None)
            }
            Source::Keywords(candidates) => {
                while let Some(place) = record.next_candidate(candidates, self.after).await? {
                    self.after = place.row;
                    let head = match record.head(place.chart, place.row).await? {
                        Some(head) => Some(head),
                        None => record.head_moved(place.row).await?,
                    };
                    if let Some(head) = head {
                        return Ok(Some(self.held.insert(head)));
                    }
                }
                Ok(None)
            }
        }
    }
}
