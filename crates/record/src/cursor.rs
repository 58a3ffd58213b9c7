//! Paging links: sealed, bound to caller, policy version and question, so that they say nothing and cannot be lent.
//!
//! Plaintext: kind u8, caller u64, policy version u64, made at i64, position (row u64, seq i64, offset u64), question text.

use std::borrow::Cow;

use access::Caller;
use crypto::SealKey;

use crate::{Pairs, RecordError};

/// A link older than this is refused.
const AGE_MS_MAX: i64 = 24 * 3_600_000;
const CURSOR_BYTES_MAX: usize = 16 * 1024;
const AAD: &[u8] = b"wardstone/cursor/v1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Search = 1,
    History = 2,
    Everything = 3,
    Audit = 4,
}

/// Where the next page begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    pub row: u64,
    pub seq: i64,
    pub offset: u64,
}

pub struct Cursor {
    pub kind: Kind,
    pub position: Position,
    /// What was asked, as its room wrote it.
    pub question: String,
}

impl Cursor {
    pub fn seal(
        &self,
        key: &SealKey,
        caller: &Caller,
        policy_version: u64,
        now_ms: i64,
    ) -> Result<String, RecordError> {
        if self.question.len() > CURSOR_BYTES_MAX / 2 {
            return Err(RecordError::TooMany {
                what: "bytes of a search with further pages",
                limit: CURSOR_BYTES_MAX / 2,
            });
        }
        let mut plain = Vec::with_capacity(64 + self.question.len());
        plain.push(self.kind as u8);
        plain.extend_from_slice(&caller.user().0.to_be_bytes());
        plain.extend_from_slice(&policy_version.to_be_bytes());
        plain.extend_from_slice(&now_ms.to_be_bytes());
        plain.extend_from_slice(&self.position.row.to_be_bytes());
        plain.extend_from_slice(&self.position.seq.to_be_bytes());
        plain.extend_from_slice(&self.position.offset.to_be_bytes());
        plain.extend_from_slice(self.question.as_bytes());
        Ok(crypto::kek::hex_encode(&key.seal(AAD, &plain)?))
    }

    pub fn open(
        text: &str,
        kind: Kind,
        key: &SealKey,
        caller: &Caller,
        policy_version: u64,
        now_ms: i64,
    ) -> Result<Self, RecordError> {
        if text.len() > 2 * CURSOR_BYTES_MAX {
            return Err(RecordError::Cursor);
        }
        let sealed = crypto::kek::hex_decode(text).ok_or(RecordError::Cursor)?;
        let plain = key.open(AAD, &sealed).map_err(|_| RecordError::Cursor)?;
        let mut at = plain.as_slice();
        let found_kind = take::<1>(&mut at)?[0];
        let user = u64::from_be_bytes(take(&mut at)?);
        let policy = u64::from_be_bytes(take(&mut at)?);
        let made_ms = i64::from_be_bytes(take(&mut at)?);
        let position = Position {
            row: u64::from_be_bytes(take(&mut at)?),
            seq: i64::from_be_bytes(take(&mut at)?),
            offset: u64::from_be_bytes(take(&mut at)?),
        };
        let is_good = found_kind == kind as u8
            && user == caller.user().0
            && policy == policy_version
            && now_ms.saturating_sub(made_ms) <= AGE_MS_MAX;
        if !is_good {
            return Err(RecordError::Cursor);
        }
        let question = String::from_utf8(at.to_vec()).map_err(|_| RecordError::Cursor)?;
        Ok(Self { kind, position, question })
    }
}

/// Pairs as one text: names and values on lines of their own, newlines and backslashes escaped.
pub fn write_pairs(pairs: &Pairs<'_>) -> String {
    let mut out = String::new();
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        for c in part.chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\\' => out.push_str("\\\\"),
                c => out.push(c),
            }
        }
        out.push('\n');
    }
    out
}

pub fn read_pairs(text: &str) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let mut lines = text.split_terminator('\n').map(|line| {
        let mut out = String::with_capacity(line.len());
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => out.push(if chars.next() == Some('n') { '\n' } else { '\\' }),
                c => out.push(c),
            }
        }
        Cow::Owned(out)
    });
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        pairs.push((name, value));
    }
    pairs
}

fn take<const N: usize>(at: &mut &[u8]) -> Result<[u8; N], RecordError> {
    let (taken, rest) = at.split_first_chunk::<N>().ok_or(RecordError::Cursor)?;
    *at = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_as_text() {
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            vec![("name".into(), "a\nb\\n\\".into()), ("".into(), "".into()), ("x".into(), "1,2".into())];
        assert_eq!(read_pairs(&write_pairs(&pairs)), pairs);
    }
}
