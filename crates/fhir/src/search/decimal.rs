//! Exact decimals: comparing them never rounds. Digits beyond [`DIGITS_MAX`] or a huge exponent are not searchable.

use std::cmp::Ordering;

/// FHIR asks for 18; i128 holds 38, and a search widens by two.
const DIGITS_MAX: u32 = 34;
const EXPONENT_MAX: i32 = 120;

/// `mantissa` × 10^`exponent`, without trailing zeros.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    mantissa: i128,
    exponent: i32,
}

/// What a number in a query stands for.
#[derive(Clone, Copy, Debug)]
pub struct Searched {
    pub exact: Decimal,
    /// The values that round to the digits given: `low` included, `high` not.
    pub low: Decimal,
    pub high: Decimal,
    /// Ten percent to both sides, for `ap`.
    pub about_low: Decimal,
    pub about_high: Decimal,
}

impl Decimal {
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent, _) = read(text)?;
        Some(Self::new(mantissa, exponent))
    }

    fn new(mut mantissa: i128, mut exponent: i32) -> Self {
        if mantissa == 0 {
            return Self { mantissa: 0, exponent: 0 };
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        Self { mantissa, exponent }
    }

    pub fn encode(self, out: &mut Vec<u8>) {
        out.push(self.exponent as i8 as u8);
        let mut rest = ((self.mantissa << 1) ^ (self.mantissa >> 127)) as u128;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    /// Reads what `encode` wrote and steps over it.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (&exponent, mut rest) = bytes.split_first()?;
        let (mut raw, mut shift) = (0u128, 0);
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            if shift >= 128 {
                return None;
            }
            raw |= u128::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        *bytes = rest;
        Some(Self { mantissa: (raw >> 1) as i128 ^ -((raw & 1) as i128), exponent: i32::from(exponent as i8) })
    }

    /// Position of the first digit: 1 for 0.1…9.99, counted in powers of ten.
    fn magnitude(self) -> i32 {
        self.mantissa.unsigned_abs().ilog10() as i32 + self.exponent
    }
}

impl Searched {
    /// R4 search.html#number: 100 is [99.5, 100.5), 100.00 is [99.995, 100.005), and 1e2 is [95, 105).
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent, scientific) = read(text)?;
        let (scaled, place) = if scientific { (mantissa * 100, exponent - 2) } else { (mantissa * 10, exponent - 1) };
        let (a, b) = (mantissa * 9, mantissa * 11);
        Some(Self {
            exact: Decimal::new(mantissa, exponent),
            low: Decimal::new(scaled - 5, place),
            high: Decimal::new(scaled + 5, place),
            about_low: Decimal::new(a.min(b), exponent - 1),
            about_high: Decimal::new(a.max(b), exponent - 1),
        })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.exponent == other.exponent {
            return self.mantissa.cmp(&other.mantissa);
        }
        let signs = self.mantissa.signum().cmp(&other.mantissa.signum());
        if signs != Ordering::Equal || self.mantissa == 0 {
            return signs;
        }
        let sizes = self.magnitude().cmp(&other.magnitude());
        if sizes != Ordering::Equal {
            return if self.mantissa < 0 { sizes.reverse() } else { sizes };
        }
        // INVARIANT: same magnitude, so the scaled mantissa has no more digits than the other one.
        let place = self.exponent.min(other.exponent);
        let scale = |d: &Self| d.mantissa.saturating_mul(10i128.saturating_pow((d.exponent - place) as u32));
        scale(self).cmp(&scale(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

/// Mantissa and exponent as written (1.50 is 150 × 10⁻²), and whether an exponent was written.
fn read(text: &str) -> Option<(i128, i32, bool)> {
    let (number, written) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(text[at + 1..].parse::<i32>().ok()?)),
        None => (text, None),
    };
    let (negative, number) = match number.as_bytes().first()? {
        b'-' => (true, &number[1..]),
        b'+' => (false, &number[1..]),
        _ => (false, number),
    };
    let (mut mantissa, mut exponent, mut point, mut count, mut seen) = (0i128, written.unwrap_or(0), false, 0, false);
    for c in number.bytes() {
        match c {
            b'0'..=b'9' => {
                seen = true;
                mantissa = mantissa * 10 + i128::from(c - b'0');
                count += u32::from(mantissa != 0);
                exponent = exponent.checked_sub(i32::from(point))?;
                if count > DIGITS_MAX {
                    return None;
                }
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if !seen || number.ends_with('.') || exponent.abs() > EXPONENT_MAX {
        return None;
    }
    Some((if negative { -mantissa } else { mantissa }, exponent, written.is_some()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_value() {
        let d = |t: &str| Decimal::parse(t).unwrap();
        let ordered =
            ["-1e3", "-5.41", "-5.4", "-0.001", "0", "0.0000001", "5.395", "5.4", "5.41", "99.99", "1e2", "1e20"];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(d(a).cmp(&d(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(d("5.40"), d("5.4"));
        assert_eq!(d("0.1"), d("1e-1"));
        for bad in ["", "-", ".", "1.", "1e", "abc", "1e999", "1 2"] {
            assert!(Decimal::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_encoding_reads_back() {
        for text in ["0", "-1", "5.40", "123456789012345678.123", "-0.00000000012", "1e100", "-9e-100"] {
            let held = Decimal::parse(text).unwrap();
            let mut out = Vec::new();
            held.encode(&mut out);
            let mut rest = out.as_slice();
            assert_eq!(Decimal::decode(&mut rest), Some(held), "{text}");
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn digits_given_make_the_range() {
        let range = |t: &str| Searched::parse(t).map(|s| (s.low, s.high));
        let of = |a: &str, b: &str| Some((Decimal::parse(a).unwrap(), Decimal::parse(b).unwrap()));
        assert_eq!(range("100"), of("99.5", "100.5"));
        assert_eq!(range("100.00"), of("99.995", "100.005"));
        assert_eq!(range("1e2"), of("95", "105"));
        assert_eq!(range("-5.4"), of("-5.45", "-5.35"));
    }
}
