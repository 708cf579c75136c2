//! Converts days and microseconds to calendar fields, in the proleptic Gregorian calendar, as Go does for Dolt.

use super::Value;

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// The day that stands for `0000-00-00`: day 0 of month 0 of year 0 read as a date, which is 30 November of the year
/// -1.
const ZERO_DAY: i32 = days_of(-1, 11, 30);

/// Days since 1970-01-01.
const fn days_of(year: i32, month: i32, day: i32) -> i32 {
    // Years begin in March here, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month, day of days since 1970-01-01.
#[inline]
fn date_of(days: i32) -> (i32, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097).unsigned_abs();
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era.cast_signed() + i32::from(month <= 2);
    let [month, day] = [month, day].map(|number| u8::try_from(number).expect("1 to 12, and 1 to 31"));
    (year, month, day)
}

/// A DATE: year in the upper two bytes, month, day. Fields out of range carry over, as they do in the server:
/// a date without a day is the last day of the month before.
#[inline]
pub fn date(packed: u32) -> Value<'static> {
    let [year, month, day] = [packed >> 16, packed >> 8 & 0xff, packed & 0xff].map(u32::cast_signed);
    if packed == 0 {
        return Value::Date { year: 0, month: 0, day: 0 };
    }
    let months = year * 12 + month - 1;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let (year, month, day) = date_of(days_of(year, month, 1) + day - 1);
    Value::Date { year, month, day }
}

/// A DATETIME or TIMESTAMP: microseconds since 1970. The type shows the first `digits` digits of the fraction of a
/// second.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "64 bits of microseconds are fewer than 32 bits of days of 86,400 s"
)]
pub fn date_time(micros: i64, digits: u32) -> Value<'static> {
    let (days, of_day) =
        (micros.div_euclid(MICROS_PER_DAY) as i32, micros.rem_euclid(MICROS_PER_DAY).unsigned_abs());
    if (days, of_day) == (ZERO_DAY, 0) {
        return Value::DateTime { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0 };
    }
    let (year, month, day) = date_of(days);
    let (seconds, micros) = ((of_day / 1_000_000) as u32, (of_day % 1_000_000) as u32);
    // Most values have no fraction, and division is slow.
    let micros = match micros {
        0 => 0,
        _ => micros - micros % 10_u32.pow(6 - digits.min(6)),
    };
    Value::DateTime {
        year,
        month,
        day,
        hour: (seconds / 3600) as u8,
        minute: (seconds / 60 % 60) as u8,
        second: (seconds % 60) as u8,
        micros,
    }
}

/// A TIME: microseconds.
#[inline]
pub fn time(micros: i64) -> Value<'static> {
    let total = micros.unsigned_abs();
    let seconds = total / 1_000_000;
    Value::Time {
        negative: micros < 0,
        // 64 bits of microseconds are more than 32 bits of hours.
        hours: u32::try_from(seconds / 3600).unwrap_or(u32::MAX),
        minutes: (seconds / 60 % 60) as u8,
        seconds: (seconds % 60) as u8,
        micros: (total % 1_000_000) as u32,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (2_932_896, (9999, 12, 31)),
            (-719_528, (0, 1, 1)),
            (ZERO_DAY, (-1, 11, 30)),
        ] {
            assert_eq!(date_of(days), date);
            assert_eq!(days_of(date.0, date.1.into(), date.2.into()), days);
        }
    }

    #[test]
    fn dates_carry_over() {
        let packed = |year: u32, month: u32, day: u32| date(year << 16 | month << 8 | day);
        assert_eq!(packed(2024, 2, 29), Value::Date { year: 2024, month: 2, day: 29 });
        assert_eq!(packed(0, 0, 0), Value::Date { year: 0, month: 0, day: 0 });
        assert_eq!(packed(2024, 3, 0), Value::Date { year: 2024, month: 2, day: 29 });
        assert_eq!(packed(2024, 0, 5), Value::Date { year: 2023, month: 12, day: 5 });
    }

    #[test]
    fn times_below_zero() {
        let expected = Value::Time { negative: true, hours: 838, minutes: 59, seconds: 58, micros: 999_999 };
        assert_eq!(time(-3_020_398_999_999), expected);
        let zero = Value::Time { negative: false, hours: 0, minutes: 0, seconds: 0, micros: 0 };
        assert_eq!(time(0), zero);
    }

    #[test]
    fn the_type_says_how_many_digits_show() {
        let micros = |digits| match date_time(1_234_567, digits) {
            Value::DateTime { micros, .. } => micros,
            other => panic!("{other:?}"),
        };
        assert_eq!([micros(0), micros(1), micros(3), micros(6)], [0, 200_000, 234_000, 234_567]);
    }

    proptest! {
        #[test]
        fn jiff_agrees(micros in -377_705_000_000_000_000_i64..253_402_200_000_000_000) {
            let expected = jiff::Timestamp::from_microsecond(micros).expect("in range");
            let expected = expected.to_zoned(jiff::tz::TimeZone::UTC).datetime();
            let Value::DateTime { year, month, day, hour, minute, second, micros } = date_time(micros, 6) else {
                return Err(TestCaseError::fail("no datetime"));
            };
            let fields = (year, month as i8, day as i8, hour as i8, minute as i8, second as i8, micros as i32);
            let date = (i32::from(expected.year()), expected.month(), expected.day());
            let clock = (expected.hour(), expected.minute(), expected.second());
            let expected =
                (date.0, date.1, date.2, clock.0, clock.1, clock.2, expected.subsec_nanosecond() / 1000);
            prop_assert_eq!(fields, expected);
        }

        #[test]
        fn no_number_makes_it_panic(micros in any::<i64>(), packed in any::<u32>(), digits in 0_u32..9) {
            date(packed);
            date_time(micros, digits);
            time(micros);
        }
    }
}
