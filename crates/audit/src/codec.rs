//! Bounded reading and writing of the compact binary form: LEB128 varints, zigzag, length-prefixed text.

use crate::AuditError;

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Zigzag of the wrapping difference, so that neighbours cost one byte in either direction.
pub(crate) fn put_delta(out: &mut Vec<u8>, from: u64, to: u64) {
    let delta = to.wrapping_sub(from) as i64;
    put_varint(out, ((delta << 1) ^ (delta >> 63)) as u64);
}

pub(crate) fn put_text(out: &mut Vec<u8>, what: &'static str, text: &str, limit: usize) -> Result<(), AuditError> {
    if text.len() > limit {
        return Err(AuditError::TooLong { what, limit });
    }
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Reads from the front of a slice and never past its end.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, what }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], AuditError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(AuditError::Truncated(self.what))?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], AuditError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(AuditError::Truncated(self.what))?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, AuditError> {
        Ok(self.array::<1>()?[0])
    }

    /// The shortest form only, so that one value has one encoding.
    pub(crate) fn varint(&mut self) -> Result<u64, AuditError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || shift > 0 && byte == 0 {
                return Err(AuditError::Malformed(self.what));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(AuditError::Malformed(self.what))
    }

    pub(crate) fn delta(&mut self, from: u64) -> Result<u64, AuditError> {
        let zigzag = self.varint()?;
        let delta = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        Ok(from.wrapping_add(delta as u64))
    }

    pub(crate) fn text(&mut self, what: &'static str, limit: usize) -> Result<&'a str, AuditError> {
        let length = self.varint()?;
        if length > limit as u64 {
            return Err(AuditError::TooLong { what, limit });
        }
        std::str::from_utf8(self.take(length as usize)?).map_err(|_| AuditError::Malformed(what))
    }

    pub(crate) fn end(self) -> Result<(), AuditError> {
        if self.rest.is_empty() { Ok(()) } else { Err(AuditError::Malformed(self.what)) }
    }
}
