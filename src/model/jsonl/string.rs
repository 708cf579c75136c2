//! Writes JSON strings and escapes only what JSON requires, like serde_json.

use super::out::Out;

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Appends `text` to `out` as a JSON string with its quotes.
pub fn json_string(text: &str, out: &mut impl Out) {
    out.put(b"\"");
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_prefix(rest));
        out.put(plain);
        let Some((&byte, tail)) = special.split_first() else { break };
        escape_byte(byte, out);
        rest = tail;
    }
    out.put(b"\"");
}

/// The number of leading bytes that need no escape: up to the first quote, backslash or control character.
pub(in crate::model) fn plain_prefix(bytes: &[u8]) -> usize {
    // Most text needs no escapes, so this checks eight bytes at a time until one needs an escape.
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = special_bytes(u64::from_le_bytes(*word));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + tail.iter().position(|&byte| is_special(byte)).unwrap_or(tail.len())
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Sets the high bit of each special byte of a little-endian word. Bytes after the first special one may be marked
/// wrongly because the subtractions borrow; bytes before it never are.
fn special_bytes(word: u64) -> u64 {
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = is_zero(word ^ (ONES * b'"' as u64));
    let backslash = is_zero(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGH_BITS
}

/// Appends the escape for a byte that ends [`plain_prefix`].
pub(super) fn escape_byte(byte: u8, out: &mut impl Out) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            return out.put(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.put(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendered(text: &str) -> String {
        let mut out = Vec::new();
        json_string(text, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn every_ascii_character_at_every_place_of_a_word_is_as_in_serde_json() {
        for char in (0..=0x7f_u8).map(char::from).chain(['\u{80}', 'é', '\u{2028}', '\u{ffff}', '𝄞']) {
            for place in 0..20 {
                let text = format!("{}{char}{}", "a".repeat(place), "ÿ\u{1}\"".repeat(3));
                assert_eq!(rendered(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_string_is_as_in_serde_json(any in any::<String>(), escapes in "[\\x00-\\x7f\"\\\\!#\\[\\]é]{0,64}") {
            prop_assert_eq!(rendered(&any), serde_json::to_string(&any).unwrap());
            prop_assert_eq!(rendered(&escapes), serde_json::to_string(&escapes).unwrap());
        }

        #[test]
        fn the_plain_prefix_is_what_a_byte_by_byte_scan_finds(bytes in any::<Vec<u8>>()) {
            let expected = bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_prefix(&bytes), expected);
        }
    }
}
