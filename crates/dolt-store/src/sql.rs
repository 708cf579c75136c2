//! Names and numbers in SQL.

/// More zeros than any DECIMAL has digits.
const MAX_EXPONENT: usize = 100;

/// `name` as a quoted identifier: in backticks, backticks doubled.
pub fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Quoted identifiers, joined by commas.
pub(crate) fn idents<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| ident(name.as_ref())).collect::<Vec<_>>().join(",")
}

/// A number without an exponent, without zeros before its digits and at the end of its fraction; zero has no sign.
/// `None` for a text that is no number.
///
/// Dolt 1.88 prints `DECIMAL(20,5) DEFAULT 1000` as `'1000'`, and 2.2 as `'1000.00000'`; small ones as `'0.000000123'`
/// and `'1.230E-7'`.
pub fn canonical_decimal(text: &str) -> Option<String> {
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", text),
    };
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if number.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let shift = usize::try_from(exponent.unsigned_abs()).ok().filter(|&shift| shift <= MAX_EXPONENT)?;
    let zeros = "0".repeat(shift);
    // Where the point stands in the digits.
    let (digits, point) = match exponent < 0 {
        true => (format!("{zeros}{whole}{fraction}"), whole.len()),
        false => (format!("{whole}{fraction}{zeros}"), whole.len() + shift),
    };
    let (whole, fraction) = digits.split_at(point);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (_, "") => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_double_their_backticks() {
        assert_eq!(ident("issues"), "`issues`");
        assert_eq!(ident("a`b\"c'd\\"), "`a``b\"c'd\\`");
    }

    #[test]
    fn one_spelling_for_what_every_version_prints() {
        for (printed, expected) in [
            ("1000.00000", "1000"),
            ("1000", "1000"),
            ("-1.500", "-1.5"),
            ("-0.00", "0"),
            ("0.000000123", "0.000000123"),
            ("1.230E-7", "0.000000123"),
            ("0E-10", "0"),
            ("1e20", "100000000000000000000"),
            ("-12.5e+1", "-125"),
            ("-12.5e1", "-125"),
            (".5", "0.5"),
            ("007.10", "7.1"),
        ] {
            assert_eq!(canonical_decimal(printed).as_deref(), Some(expected), "{printed}");
        }
        for text in ["", "-", "NaN", "1,0", "e5", "1e", "1e99999", "--1", "0x1"] {
            assert_eq!(canonical_decimal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_spelling_of_its_own_stays(text in "-?[0-9]{1,5}(\\.[0-9]{1,5})?([eE]-?[0-9]{1,2})?") {
            let once = canonical_decimal(&text).expect("a number");
            prop_assert_eq!(canonical_decimal(&once), Some(once.clone()));
            prop_assert_eq!(once.parse::<f64>().ok(), text.parse::<f64>().ok().map(|number| number + 0.0));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.eE]{0,12}") {
            canonical_decimal(&text);
        }
    }
}
