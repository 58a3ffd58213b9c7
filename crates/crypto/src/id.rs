//! Resource ids that reveal nothing: one AES-256 block over the row number and a check, written in base 32.
//!
//! A read finds its row from the id alone, without an index, and ids show neither order nor count. An id that was not
//! made here fails its check (64 bits) and so names no row.

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};

use crate::CryptoError;

/// Characters of a server-assigned id.
pub const ID_CHARS: usize = 26;
const CHECK: u64 = 0x5741_5244_5354_4f4e;
/// Lower case, without i, l, o, u: ids are read over the telephone.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

pub struct IdCipher {
    encrypt: EncryptingKey,
    decrypt: DecryptingKey,
}

impl IdCipher {
    pub fn new(key: &[u8; 32]) -> Result<Self, CryptoError> {
        let unbound = || UnboundCipherKey::new(&AES_256, key).map_err(|_| CryptoError::Malformed("id key"));
        Ok(Self {
            encrypt: EncryptingKey::ecb(unbound()?).map_err(|_| CryptoError::Malformed("id key"))?,
            decrypt: DecryptingKey::ecb(unbound()?).map_err(|_| CryptoError::Malformed("id key"))?,
        })
    }

    /// The id of a row.
    pub fn id(&self, row: u64) -> Result<String, CryptoError> {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&row.to_be_bytes());
        block[8..].copy_from_slice(&CHECK.to_be_bytes());
        self.encrypt.encrypt(&mut block).map_err(|_| CryptoError::Malformed("id key"))?;
        Ok(encode(u128::from_be_bytes(block)))
    }

    /// The row an id of ours names; `None` for any other id.
    pub fn row(&self, id: &str) -> Option<u64> {
        let mut block = decode(id)?.to_be_bytes();
        self.decrypt.decrypt(&mut block, DecryptionContext::None).ok()?;
        let (row, check) = block.split_at(8);
        if check != CHECK.to_be_bytes() {
            return None;
        }
        Some(u64::from_be_bytes(row.try_into().ok()?))
    }
}

fn encode(mut number: u128) -> String {
    let mut out = [0; ID_CHARS];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(number & 31) as usize];
        number >>= 5;
    }
    out.iter().map(|&b| char::from(b)).collect()
}

fn decode(id: &str) -> Option<u128> {
    if id.len() != ID_CHARS {
        return None;
    }
    let mut number: u128 = 0;
    for (i, c) in id.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&a| a == c)? as u128;
        // 26 digits hold 130 bits: the first may only be 0..=7.
        if i == 0 && digit > 7 {
            return None;
        }
        number = number << 5 | digit;
    }
    Some(number)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_row_and_nothing_else_does() {
        let ids = IdCipher::new(&[9; 32]).unwrap();
        for row in [0, 1, 2, 1 << 40, u64::MAX] {
            let id = ids.id(row).unwrap();
            assert_eq!(id.len(), ID_CHARS);
            assert_eq!(ids.row(&id), Some(row));
            assert_eq!(IdCipher::new(&[8; 32]).unwrap().row(&id), None);
        }
        for other in ["", "1", "example", "zzzzzzzzzzzzzzzzzzzzzzzzzz", "00000000000000000000000000"] {
            assert_eq!(ids.row(other), None);
        }
    }
}
