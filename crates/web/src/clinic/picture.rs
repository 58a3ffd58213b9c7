//! Pictures of people, taken apart: only what makes the picture is kept. Where and with what it was taken, and whatever was hung on
//! it, stays outside (JPEG: ITU-T T.81 annex B; PNG: W3C PNG, third edition, section 5).

/// Of a picture as it is kept: a face at 320 by 400 is a tenth of it.
pub const PICTURE_BYTES_MAX: usize = 128 * 1024;
const SIDE_MAX: u32 = 2_000;

#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Unfit {
    NoPicture,
    Broken,
    TooLarge,
    /// The camera wrote that it is to be turned, and that note would be lost.
    Turned,
}

impl Unfit {
    pub fn words(self) -> &'static str {
        match self {
            Unfit::NoPicture => "Choose a picture in JPEG or PNG format.",
            Unfit::Broken => "This picture cannot be read. Save it again as JPEG or PNG, or choose another.",
            Unfit::TooLarge => {
                "This picture is too large: at most 128 kB, and 2,000 pixels a side. Make it smaller first."
            }
            Unfit::Turned => {
                "This picture lies on its side. Turn it with a picture program, save it, and choose it again."
            }
        }
    }
}

/// What a picture is by its first bytes, whatever its name says.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some("image/png"),
        _ => None,
    }
}

pub fn clean(bytes: &[u8]) -> Result<Picture, Unfit> {
    let media_type = media_type(bytes).ok_or(Unfit::NoPicture)?;
    let bytes = if media_type == "image/jpeg" { jpeg(bytes)? } else { png(bytes)? };
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(Unfit::TooLarge);
    }
    Ok(Picture { media_type, bytes })
}

/// Frames, tables and scans; no application segments but Adobe's, which says how colours are meant, and no comments.
fn jpeg(bytes: &[u8]) -> Result<Vec<u8>, Unfit> {
    let mut out = vec![0xFF, 0xD8];
    let mut rest = &bytes[2..];
    let (mut has_frame, mut has_scan) = (false, false);
    loop {
        let marker = match rest {
            // Markers may be filled up with further FFs.
            [0xFF, 0xFF, ..] => {
                rest = &rest[1..];
                continue;
            }
            [0xFF, marker, ..] => *marker,
            _ => return Err(Unfit::Broken),
        };
        if marker == 0xD9 {
            break;
        }
        let [_, _, high, low, ..] = rest else { return Err(Unfit::Broken) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let segment = rest.get(..2 + length).filter(|_| length >= 2).ok_or(Unfit::Broken)?;
        rest = &rest[2 + length..];
        let content = &segment[4..];
        match marker {
            0xE1 if content.starts_with(b"Exif\0\0") && is_turned(&content[6..]) => return Err(Unfit::Turned),
            0xEE if content.starts_with(b"Adobe") => out.extend_from_slice(segment),
            0xE0..=0xEF | 0xFE => {}
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let [_, a, b, c, d, ..] = content else { return Err(Unfit::Broken) };
                let side = |a: u8, b: u8| u32::from(u16::from_be_bytes([a, b]));
                sides(side(*a, *b), side(*c, *d))?;
                has_frame = true;
                out.extend_from_slice(segment);
            }
            0xC4 | 0xDB | 0xDD => out.extend_from_slice(segment),
            0xDA if has_frame => {
                has_scan = true;
                out.extend_from_slice(segment);
                let length = scan(rest).ok_or(Unfit::Broken)?;
                out.extend_from_slice(&rest[..length]);
                rest = &rest[length..];
            }
            _ => return Err(Unfit::Broken),
        }
    }
    out.extend_from_slice(&[0xFF, 0xD9]);
    if has_scan { Ok(out) } else { Err(Unfit::Broken) }
}

/// Bytes until the next marker that is no restart and no stuffed FF.
fn scan(rest: &[u8]) -> Option<usize> {
    rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF))
}

/// Whether Exif says that the picture is to be turned before it is shown (tag 0x0112 of the first directory).
fn is_turned(tiff: &[u8]) -> bool {
    let is_big = tiff.starts_with(b"MM");
    let number = |at: usize| {
        let pair: [u8; 2] = tiff.get(at..at + 2)?.try_into().ok()?;
        Some(if is_big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let first = || {
        let word: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
        usize::try_from(if is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }).ok()
    };
    let Some(at) = first().filter(|at| *at < tiff.len()) else { return false };
    let count = usize::from(number(at).unwrap_or(0));
    let entry = (0..count).map(|n| at + 2 + n * 12).find(|entry| number(*entry) == Some(0x0112));
    entry.and_then(|entry| number(entry + 8)).is_some_and(|turn| (2..=8).contains(&turn))
}

/// The chunks that draw; none of those that tell.
fn png(bytes: &[u8]) -> Result<Vec<u8>, Unfit> {
    let mut out = bytes[..8].to_vec();
    let mut rest = &bytes[8..];
    let (mut is_first, mut has_data) = (true, false);
    loop {
        let length: [u8; 4] = rest.get(..4).and_then(|word| word.try_into().ok()).ok_or(Unfit::Broken)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Unfit::Broken)?;
        let whole = length.checked_add(12).ok_or(Unfit::Broken)?;
        let chunk = rest.get(..whole).ok_or(Unfit::Broken)?;
        rest = &rest[whole..];
        let name = &chunk[4..8];
        if is_first != (name == b"IHDR") {
            return Err(Unfit::Broken);
        }
        is_first = false;
        match name {
            b"IHDR" => {
                let side =
                    |at: usize| chunk.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes);
                sides(side(8).unwrap_or(0), side(12).unwrap_or(0))?;
                out.extend_from_slice(chunk);
            }
            b"IDAT" => {
                has_data = true;
                out.extend_from_slice(chunk);
            }
            b"PLTE" | b"tRNS" => out.extend_from_slice(chunk),
            b"IEND" => {
                out.extend_from_slice(chunk);
                break;
            }
            _ => {}
        }
    }
    if has_data { Ok(out) } else { Err(Unfit::Broken) }
}

fn sides(height: u32, width: u32) -> Result<(), Unfit> {
    match (height, width) {
        (0, _) | (_, 0) => Err(Unfit::Broken),
        (height, width) if height > SIDE_MAX || width > SIDE_MAX => Err(Unfit::TooLarge),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker, length[0], length[1]], content].concat()
    }

    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32).to_be_bytes()[..], name, content, &[0; 4]].concat()
    }

    fn exif(turn: u8) -> Vec<u8> {
        let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0];
        let tiff = [&b"MM\0\x2A\0\0\0\x08\0\x01"[..], &entry, b"GPS 42.65 N 73.75 W"].concat();
        segment(0xE1, &[b"Exif\0\0", &tiff[..]].concat())
    }

    fn shot(more: &[Vec<u8>], side: u16) -> Vec<u8> {
        let [a, b] = side.to_be_bytes();
        let frame = segment(0xC0, &[8, a, b, 0, 10, 1, 1, 0x11, 0]);
        let scan = [segment(0xDA, &[1, 1, 0, 0, 63, 0]), vec![0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD0, 0x56]].concat();
        [&[0xFF, 0xD8][..], &more.concat(), &segment(0xDB, &[0; 65]), &frame, &scan, &[0xFF, 0xD9], b"<?php and more"]
            .concat()
    }

    #[test]
    fn of_a_photograph_only_the_picture_is_kept() {
        let told = shot(&[segment(0xE0, b"JFIF\0"), exif(1), segment(0xFE, b"by Nora"), segment(0xE2, b"ICC")], 10);
        let kept = clean(&told).map(|picture| picture.bytes);
        assert_eq!(kept, Ok(shot(&[], 10).strip_suffix(b"<?php and more").unwrap_or_default().to_vec()));
        assert_eq!(clean(&shot(&[exif(6)], 10)), Err(Unfit::Turned));
        assert_eq!(clean(&shot(&[], 2_001)), Err(Unfit::TooLarge));
        assert_eq!(clean(&shot(&[], 0)), Err(Unfit::Broken));
    }

    #[test]
    fn of_a_drawing_only_the_picture_is_kept() {
        let head = chunk(b"IHDR", &[0, 0, 0, 9, 0, 0, 0, 9, 8, 2, 0, 0, 0]);
        let whole = |more: &[u8]| {
            [b"\x89PNG\r\n\x1A\n", &head[..], more, &chunk(b"IDAT", b"xyz"), &chunk(b"IEND", b"")].concat()
        };
        let told = [whole(&chunk(b"tEXt", b"Author Nora")), b"trailing".to_vec()].concat();
        assert_eq!(clean(&told).map(|picture| (picture.media_type, picture.bytes)), Ok(("image/png", whole(&[]))));
    }

    #[test]
    fn what_is_cut_off_anywhere_or_is_no_picture_is_refused() {
        let whole = shot(&[exif(1)], 10);
        let end = whole.len() - b"<?php and more".len();
        for length in 0..end {
            assert!(clean(&whole[..length]).is_err(), "{length}");
        }
        for text in [&b"GIF89a"[..], b"<svg onload=alert(1)>", b"%PDF", b""] {
            assert_eq!(clean(text), Err(Unfit::NoPicture));
        }
        let large = [&shot(&[], 10)[..], &[]].concat();
        let scan = large.iter().position(|byte| *byte == 0x12).unwrap_or(0);
        let stuffed = [&large[..scan], &vec![0x11; PICTURE_BYTES_MAX], &large[scan..]].concat();
        assert_eq!(clean(&stuffed), Err(Unfit::TooLarge));
    }
}
