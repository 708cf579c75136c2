//! The order of rows in a difference, as bytes that sort as the rows do.
//!
//! It is the order of [`compare_keys`](crate::model::row::compare_keys): whole numbers as numbers, everything else by
//! its bytes. To be a total order where numbers meet other values, whole numbers come before other numbers.

/// The kinds of values, in order.
const BEFORE_NUMBERS: u8 = 1;
const WHOLE_NUMBERS: u8 = 2;
const LIKE_NUMBERS: u8 = 3;
const BEHIND_NUMBERS: u8 = 4;

/// Ends a text: JSON never holds this byte.
const END: u8 = 0;

/// Writes the sort key of a row, from the values of its key as JSON.
pub fn write_place(values: &[&str], out: &mut Vec<u8>) {
    values.iter().for_each(|value| write_line(value.as_bytes(), out));
}

/// Writes the sort key of a line that has no key.
pub fn write_line(line: &[u8], out: &mut Vec<u8>) {
    let number = std::str::from_utf8(line).ok().and_then(|text| text.parse::<i128>().ok());
    match (number, line.first()) {
        (Some(number), _) => {
            out.push(WHOLE_NUMBERS);
            // With the sign bit inverted, negative numbers come first.
            out.extend_from_slice(&(number.cast_unsigned() ^ 1 << 127).to_be_bytes());
        }
        (None, Some(b'-'..=b'9')) => out.push(LIKE_NUMBERS),
        (None, Some(b':'..)) => out.push(BEHIND_NUMBERS),
        (None, _) => out.push(BEFORE_NUMBERS),
    }
    out.extend_from_slice(line);
    out.push(END);
}

/// Writes any text so that no written text is a prefix of another one.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        out.push(byte);
        if byte == END {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[END, END]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::row::compare_keys;

    fn place(values: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        write_place(values, &mut out);
        out
    }

    proptest! {
        #[test]
        fn places_compare_as_keys_do(
            a in prop::collection::vec("-?[1-9][0-9]{0,20}|0|\"[ -~é]{0,4}\"|null|true|\\[1\\]", 2),
            b in prop::collection::vec("-?[1-9][0-9]{0,20}|0|\"[ -~é]{0,4}\"|null|true|\\[1\\]", 2),
        ) {
            let (a, b): (Vec<&str>, Vec<&str>) = (a.iter().map(|v| &**v).collect(), b.iter().map(|v| &**v).collect());
            prop_assert_eq!(place(&a).cmp(&place(&b)), compare_keys(&a, &b));
        }

        #[test]
        fn texts_are_apart_whatever_follows(a in "[\0-\u{3}]{0,4}", b in "[\0-\u{3}]{0,4}", x: u8, y: u8) {
            let written = |text: &str, behind: u8| {
                let mut out = Vec::new();
                write_text(text, &mut out);
                out.push(behind);
                out
            };
            if a != b {
                prop_assert_eq!(written(&a, x).cmp(&written(&b, y)), a.cmp(&b));
            }
        }
    }

    #[test]
    fn numbers_of_all_kinds_have_one_order() {
        // Comparing some pairs by bytes and others as numbers would make a circle.
        let mut places =
            ["9", "10", "5.5", "-3", "\"a\"", "null", "{}"].map(|value| (place(&[value]), value));
        places.sort();
        assert_eq!(places.map(|(_, value)| value), ["\"a\"", "-3", "9", "10", "5.5", "null", "{}"]);
    }
}
