//! How headers and tickets of drafts are written: numbers big end first, texts behind their length.

use crate::RecordError;

#[derive(Default)]
pub struct Writer(pub Vec<u8>);

pub struct Reader<'a>(pub &'a [u8]);

impl Writer {
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    /// Ids and logins: 255 bytes at most.
    pub fn text(&mut self, text: &str) -> Result<(), RecordError> {
        let length = u8::try_from(text.len()).map_err(|_| RecordError::Malformed("an id is too long"))?;
        self.0.push(length);
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Reader<'_> {
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, RecordError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn number(&mut self) -> Result<u64, RecordError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub fn version(&mut self) -> Result<u32, RecordError> {
        u32::try_from(self.number()?).map_err(|_| RecordError::Damaged)
    }

    pub fn text(&mut self) -> Result<String, RecordError> {
        let length = usize::from(self.byte()?);
        let (taken, rest) = self.0.split_at_checked(length).ok_or(RecordError::Damaged)?;
        self.0 = rest;
        String::from_utf8(taken.to_vec()).map_err(|_| RecordError::Damaged)
    }
}
