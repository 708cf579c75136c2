//! DECIMAL: exponent (i32), sign (i8), coefficient (big-endian); or a number of four bytes for what is not finite.

/// MySQL's DECIMAL has at most 65 digits, which take 27 bytes; Dolt fills up to whole words.
const MAX_COEFFICIENT: usize = 64;
/// Exponents of stored values are smaller.
const MAX_EXPONENT: u32 = 200;

/// What a field without digits stands for, as the server spells it. Version 2 of Dolt writes such fields.
pub fn not_finite(field: &[u8]) -> Option<&'static str> {
    match i32::from_le_bytes(field.try_into().ok()?) {
        0xc000 => Some("NaN"),
        0xd000 => Some("Infinity"),
        0xf000 => Some("-Infinity"),
        _ => None,
    }
}

/// Writes a field as a number with `scale` digits after the point, as the server does: a field with more digits is
/// rounded half away from zero. `None` for a field that is no decimal.
pub fn write(field: &[u8], scale: usize, out: &mut String) -> Option<()> {
    let (exponent, rest) = field.split_first_chunk::<4>()?;
    let (&sign, coefficient) = rest.split_first()?;
    let exponent = i32::from_le_bytes(*exponent);
    if coefficient.len() > MAX_COEFFICIENT || exponent.unsigned_abs() > MAX_EXPONENT {
        return None;
    }
    let mut digits = digits_of(coefficient);
    match usize::try_from(exponent) {
        Ok(zeros) => digits.extend(std::iter::repeat_n(b'0', zeros + scale)),
        Err(_) => fit(&mut digits, exponent.unsigned_abs() as usize, scale),
    }
    // At least one digit before the point.
    let missing = (scale + 1).saturating_sub(digits.len());
    digits.splice(..0, std::iter::repeat_n(b'0', missing));
    if sign.cast_signed() < 0 && digits.iter().any(|&digit| digit != b'0') {
        out.push('-');
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    out.extend(whole.iter().map(|&digit| char::from(digit)));
    if !fraction.is_empty() {
        out.push('.');
        out.extend(fraction.iter().map(|&digit| char::from(digit)));
    }
    Some(())
}

/// Changes `digits`, of which the last `has` stand after the point, so that `wanted` of them do.
fn fit(digits: &mut Vec<u8>, has: usize, wanted: usize) {
    if has <= wanted {
        digits.extend(std::iter::repeat_n(b'0', wanted - has));
        return;
    }
    let cut = has - wanted;
    if digits.len() < cut {
        *digits = vec![b'0'];
        return;
    }
    let rest = digits.split_off(digits.len() - cut);
    if rest.first().is_some_and(|&digit| digit >= b'5') {
        round_up(digits);
    }
}

fn round_up(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

/// The decimal digits of a big-endian number, without leading zeros; none for zero.
fn digits_of(coefficient: &[u8]) -> Vec<u8> {
    const BASE: u64 = 1_000_000_000;
    // Nine digits each, the lowest first.
    let mut groups: Vec<u32> = Vec::new();
    for &byte in coefficient {
        let mut carry = u64::from(byte);
        for group in &mut groups {
            let number = u64::from(*group) << 8 | carry;
            *group = (number % BASE) as u32;
            carry = number / BASE;
        }
        if carry > 0 {
            groups.push(u32::try_from(carry).expect("a carry is less than 256"));
        }
    }
    let text: String = groups.iter().rev().map(|group| format!("{group:09}")).collect();
    text.trim_start_matches('0').as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(exponent: i32, number: i128) -> Vec<u8> {
        let mut field = exponent.to_le_bytes().to_vec();
        field.push((number.signum() as i8) as u8);
        field.extend(number.unsigned_abs().to_be_bytes());
        field
    }

    fn text(exponent: i32, number: i128, scale: usize) -> String {
        let mut out = String::new();
        write(&field(exponent, number), scale, &mut out).expect("a decimal");
        out
    }

    #[test]
    fn the_scale_of_the_type_decides() {
        for (exponent, number, scale, expected) in [
            (-2, 110, 2, "1.10"),
            (-1, 11, 2, "1.10"),
            (0, 0, 0, "0"),
            (0, 0, 3, "0.000"),
            (-3, -5, 3, "-0.005"),
            (-3, -5, 2, "-0.01"),
            (-3, -4, 2, "0.00"),
            (-3, 9995, 2, "10.00"),
            (-3, 999, 0, "1"),
            (-9, 1, 2, "0.00"),
            (3, 7, 0, "7000"),
            (3, -7, 2, "-7000.00"),
            (0, i128::MAX, 0, "170141183460469231731687303715884105727"),
        ] {
            assert_eq!(text(exponent, number, scale), expected, "{number}e{exponent} at {scale}");
        }
    }

    #[test]
    fn what_is_not_finite_has_four_bytes() {
        for (field, name) in
            [([0, 0xc0, 0, 0], "NaN"), ([0, 0xd0, 0, 0], "Infinity"), ([0, 0xf0, 0, 0], "-Infinity")]
        {
            assert_eq!(not_finite(&field), Some(name));
            assert_eq!(not_finite(&field[..3]), None);
            assert_eq!(write(&field, 2, &mut String::new()), None);
        }
        assert_eq!(not_finite(&[0, 0xe0, 0, 0]), None);
        assert_eq!(not_finite(&field(-2, 110)), None);
    }

    #[test]
    fn zero_has_no_coefficient() {
        let mut out = String::new();
        assert_eq!(write(&[0xfe, 0xff, 0xff, 0xff, 0], 2, &mut out), Some(()));
        assert_eq!(out, "0.00");
        assert_eq!(write(&[0, 0, 0, 0], 2, &mut out), None);
        assert_eq!(write(&field(i32::MIN, 1), 2, &mut out), None);
    }

    proptest! {
        #[test]
        fn integers_come_out_as_they_are(number in any::<i128>()) {
            prop_assume!(number != i128::MIN);
            prop_assert_eq!(text(0, number, 0), number.to_string());
        }

        #[test]
        fn no_bytes_make_it_panic(field in prop::collection::vec(any::<u8>(), 0..80), scale in 0_usize..31) {
            write(&field, scale, &mut String::new());
        }
    }
}
