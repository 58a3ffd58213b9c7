//! Days since 1970-01-01 as calendar dates (proleptic Gregorian, UTC).

const DAYS_IN_400_YEARS: i64 = 146_097;
/// From 0000-03-01, where the year is counted from so that the leap day is last, to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// Year, month, day.
pub fn date_of_day(day: i64) -> (i64, u8, u8) {
    let shifted = day + DAYS_TO_1970;
    let era = shifted.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = shifted.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month as u8, day_of_month as u8)
}

#[cfg(test)]
mod tests {
    use super::date_of_day;

    #[test]
    fn known_days_have_their_dates() {
        assert_eq!(date_of_day(0), (1970, 1, 1));
        assert_eq!(date_of_day(-1), (1969, 12, 31));
        assert_eq!(date_of_day(11_016), (2000, 2, 29));
        assert_eq!(date_of_day(20_779), (2026, 11, 22));
        assert_eq!(date_of_day(47_540), (2100, 2, 28));
        assert_eq!(date_of_day(47_541), (2100, 3, 1));
    }
}
