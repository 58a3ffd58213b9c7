//! Medical record numbers: eight digits that say nothing of when or where, the last of which checks the others.

use store::Backend;

use crate::Record;

const PREFIX: &str = "WS-";
/// Before the check digit. The first is never 0.
const DIGITS: u32 = 7;

impl<B: Backend> Record<B> {
    /// A number to try for a new patient. `seed` is fresh with each request, and cannot be told from the number; `attempt` counts
    /// those that were taken. Whoever uses it makes sure that nobody has it, as the condition of the create.
    pub fn record_number(&self, seed: u128, attempt: u8) -> String {
        let mut input = [0; 17];
        input[..16].copy_from_slice(&seed.to_be_bytes());
        input[16] = attempt;
        let label = self.0.numbers.label(&input);
        let drawn = u64::from_be_bytes(*label.first_chunk::<8>().unwrap_or(&[0; 8]));
        let least = 10u64.pow(DIGITS - 1);
        let number = least + drawn % (9 * least);
        format!("{PREFIX}{number}{}", check_digit(number))
    }
}

/// Luhn (ISO/IEC 7812-1, annex B): finds every wrong digit, and neighbours exchanged but 09 and 90.
fn check_digit(number: u64) -> u64 {
    let digits = (0..DIGITS).map(|place| (number / 10u64.pow(place) % 10, place % 2 == 0));
    let sum: u64 = digits.map(|(digit, doubled)| if doubled { digit * 2 / 10 + digit * 2 % 10 } else { digit }).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_luhns() {
        assert_eq!((check_digit(2_739_871), check_digit(1_000_000), check_digit(9_999_999)), (8, 8, 7));
    }
}
