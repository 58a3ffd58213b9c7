//! Padding: sealed lengths come in few sizes, so that they do not name what is inside.
//!
//! Plaintext = length u32, content, zeros up to the next bucket. Buckets are an eighth of the power of two
//! below them apart (Padmé's idea), at least 256 bytes.

const LENGTH_BYTES: usize = 4;
const SMALLEST: usize = 256;

pub fn begin(content_len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bucket(LENGTH_BYTES + content_len));
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out
}

pub fn finish(out: Vec<u8>) -> Vec<u8> {
    finish_as_if(out, 0)
}

/// Pads to the bucket of a content that is `filler` bytes longer.
pub fn finish_as_if(mut out: Vec<u8>, filler: usize) -> Vec<u8> {
    let content_len = (out.len() - LENGTH_BYTES) as u32;
    out[..LENGTH_BYTES].copy_from_slice(&content_len.to_be_bytes());
    out.resize(bucket(out.len() + filler), 0);
    out
}

/// Pads what is sealed behind a sealed part of `before` bytes, so that both together have the length of one sealed part.
pub fn finish_behind(mut out: Vec<u8>, before: usize) -> Vec<u8> {
    let content_len = (out.len() - LENGTH_BYTES) as u32;
    out[..LENGTH_BYTES].copy_from_slice(&content_len.to_be_bytes());
    out.resize(bucket(before + out.len()) - before, 0);
    out
}

/// The content without length and padding; `None` if the length is impossible.
pub fn strip(mut padded: Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(padded.get(..LENGTH_BYTES)?.try_into().ok()?) as usize;
    if LENGTH_BYTES + length > padded.len() {
        return None;
    }
    padded.truncate(LENGTH_BYTES + length);
    padded.drain(..LENGTH_BYTES);
    Some(padded)
}

/// The smallest bucket that holds `length`: a multiple of an eighth of the power of two below it.
fn bucket(length: usize) -> usize {
    if length <= SMALLEST {
        return SMALLEST;
    }
    let step = (1usize << (usize::BITS - 1 - (length - 1).leading_zeros())) / 8;
    length.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_and_lengths_fall_into_few_buckets() {
        let mut seen = std::collections::BTreeSet::new();
        for length in 0..5_000usize {
            let content = vec![7u8; length];
            let mut out = begin(length);
            out.extend_from_slice(&content);
            let padded = finish(out);
            assert!(padded.len() <= SMALLEST.max((length + LENGTH_BYTES) * 9 / 8 + 32));
            seen.insert(padded.len());
            assert_eq!(strip(padded), Some(content));
        }
        assert!(seen.len() <= 40, "{} buckets", seen.len());
        assert_eq!(strip(vec![0, 0, 1, 0, 1]), None);
    }

    #[test]
    fn two_parts_are_together_as_long_as_one() {
        const SEALING: usize = crypto::seal::OVERHEAD;
        for main in [0usize, 300, 777, 4_000] {
            for behind in [10usize, 200, 900] {
                let first = finish({
                    let mut out = begin(main);
                    out.resize(out.len() + main, 7);
                    out
                });
                let mut out = begin(behind);
                out.resize(out.len() + behind, 7);
                let second = finish_behind(out, first.len() + SEALING);
                let together = first.len() + SEALING + second.len() + SEALING;
                assert_eq!(bucket(together - SEALING), together - SEALING);
                assert_eq!(strip(second).map(|content| content.len()), Some(behind));
            }
        }
    }
}
