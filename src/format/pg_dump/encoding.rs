//! The encodings of PostgreSQL, decoded as PostgreSQL does.
//!
//! `encoding_rs` decodes as browsers do (WHATWG), which is not the same: its ISO-8859-1 is Windows-1252, it gives a
//! character to bytes that have none, and some characters differ. What differs is corrected or refused here, and a test
//! compares every byte and every pair of bytes with a real server. Encodings that differ too much are left out: BIG5,
//! GB18030, GBK and those of JIS X 0213 and CNS 11643.

use std::borrow::Cow;

use encoding_rs as whatwg;

/// How the text of a dump is encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DumpEncoding {
    /// UTF-8, which the server checked.
    Utf8,
    /// Bytes of which the server knew nothing (SQL_ASCII): UTF-8 if they happen to be that.
    Unknown,
    /// One byte per character. The function says what a byte stands for, given what browsers take it for.
    Single(&'static whatwg::Encoding, fn(u8, char) -> Option<char>),
    /// One to three bytes per character. The functions say which bytes, and which characters, are the same for
    /// PostgreSQL.
    Multi(&'static whatwg::Encoding, fn(&[u8]) -> bool, fn(char) -> Option<char>),
}

impl DumpEncoding {
    /// The encoding with this name in PostgreSQL; `None` if it is not decoded.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let same: fn(u8, char) -> Option<char> = |_, char| Some(char);
        let defined: fn(u8, char) -> Option<char> = |_, char| (!is_control(char)).then_some(char);
        Some(match name {
            "UTF8" => Self::Utf8,
            "SQL_ASCII" => Self::Unknown,
            "LATIN1" => Self::Single(whatwg::WINDOWS_1252, |byte, _| Some(char::from(byte))),
            "LATIN2" => Self::Single(whatwg::ISO_8859_2, same),
            "LATIN3" => Self::Single(whatwg::ISO_8859_3, same),
            "LATIN4" => Self::Single(whatwg::ISO_8859_4, same),
            "LATIN5" => Self::Single(whatwg::WINDOWS_1254, |byte, char| {
                Some(if matches!(byte, 0x80..=0x9f) { char::from(byte) } else { char })
            }),
            "LATIN6" => Self::Single(whatwg::ISO_8859_10, same),
            "LATIN7" => Self::Single(whatwg::ISO_8859_13, same),
            "LATIN8" => Self::Single(whatwg::ISO_8859_14, same),
            "LATIN9" => Self::Single(whatwg::ISO_8859_15, same),
            "LATIN10" => Self::Single(whatwg::ISO_8859_16, same),
            "ISO_8859_5" => Self::Single(whatwg::ISO_8859_5, same),
            "ISO_8859_6" => Self::Single(whatwg::ISO_8859_6, same),
            "ISO_8859_7" => Self::Single(whatwg::ISO_8859_7, same),
            "ISO_8859_8" => Self::Single(whatwg::ISO_8859_8, same),
            "WIN866" => Self::Single(whatwg::IBM866, same),
            "WIN874" => Self::Single(whatwg::WINDOWS_874, defined),
            "WIN1250" => Self::Single(whatwg::WINDOWS_1250, defined),
            "WIN1251" => Self::Single(whatwg::WINDOWS_1251, defined),
            "WIN1252" => Self::Single(whatwg::WINDOWS_1252, defined),
            "WIN1253" => Self::Single(whatwg::WINDOWS_1253, defined),
            "WIN1254" => Self::Single(whatwg::WINDOWS_1254, defined),
            "WIN1255" => Self::Single(whatwg::WINDOWS_1255, |byte, char| {
                (byte != 0xca && !is_control(char)).then_some(char)
            }),
            "WIN1256" => Self::Single(whatwg::WINDOWS_1256, same),
            "WIN1257" => Self::Single(whatwg::WINDOWS_1257, defined),
            "WIN1258" => Self::Single(whatwg::WINDOWS_1258, defined),
            "KOI8R" => Self::Single(whatwg::KOI8_R, same),
            "KOI8U" => Self::Single(whatwg::KOI8_U, |byte, char| match byte {
                0xae => Some('\u{255d}'),
                0xbe => Some('\u{256c}'),
                _ => Some(char),
            }),
            "EUC_JP" => Self::Multi(whatwg::EUC_JP, is_euc_jp, Some),
            "EUC_KR" => Self::Multi(whatwg::EUC_KR, is_euc, Some),
            "EUC_CN" => Self::Multi(whatwg::GBK, is_gb_2312, gb_2312),
            "SJIS" => Self::Multi(
                whatwg::SHIFT_JIS,
                |_| true,
                |char| (!is_control(char) && !is_private(char)).then_some(char),
            ),
            "UHC" => Self::Multi(whatwg::EUC_KR, |_| true, Some),
            _ => return None,
        })
    }

    /// Whether the decoded text is always the stored bytes. Such text is checked value by value.
    pub(super) fn is_utf8(self) -> bool {
        matches!(self, Self::Utf8 | Self::Unknown)
    }

    /// The text that these bytes are; `None` if PostgreSQL has no characters for them.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        let plain = |bytes| std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        let strictly = |encoding: &'static whatwg::Encoding| {
            encoding.decode_without_bom_handling_and_without_replacement(bytes)
        };
        match self {
            _ if bytes.is_ascii() => plain(bytes),
            Self::Utf8 | Self::Unknown => plain(bytes),
            Self::Single(encoding, rule) => {
                let text = strictly(encoding)?;
                bytes.iter().zip(text.chars()).map(|(&byte, char)| rule(byte, char)).collect()
            }
            Self::Multi(encoding, are_known, rule) => {
                let text = Some(bytes).filter(|bytes| are_known(bytes)).and_then(|_| strictly(encoding))?;
                text.chars().map(rule).collect()
            }
        }
    }
}

/// Whether browsers give this character to bytes that have none.
fn is_control(char: char) -> bool {
    matches!(char, '\u{80}'..='\u{9f}')
}

/// Whether browsers give this character to bytes that users may give a meaning.
fn is_private(char: char) -> bool {
    matches!(char, '\u{e000}'..='\u{f8ff}')
}

/// The bytes of each character that is not ASCII, in an encoding in which such characters begin with the highest bit
/// set.
fn characters(mut bytes: &[u8], len: fn(u8) -> usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let start = bytes.iter().position(|byte| !byte.is_ascii())?;
        let end = bytes.len().min(start + len(bytes[start]));
        let (char, rest) = (&bytes[start..end], &bytes[end..]);
        bytes = rest;
        Some(char)
    })
}

/// Two bytes for each character, both in the upper half: browsers accept more than that.
fn is_euc(bytes: &[u8]) -> bool {
    characters(bytes, |_| 2).all(|char| char.iter().all(|&byte| byte >= 0xa1))
}

/// Browsers know more characters, which NEC and IBM added, and read two characters of JIS X 0212 as others.
fn is_euc_jp(bytes: &[u8]) -> bool {
    characters(bytes, |first| if first == 0x8f { 3 } else { 2 })
        .all(|char| !matches!(*char, [0xf9..=0xfe, _] | [0x8f, 0xa2, 0xb7 | 0xc3]))
}

/// The pairs of GB 2312: browsers read those of GBK, which are more.
fn is_gb_2312(bytes: &[u8]) -> bool {
    characters(bytes, |_| 2).all(|char| {
        matches!(
            *char,
            [0xa1 | 0xa3, 0xa1..=0xfe]
                | [0xa2, 0xb1..=0xe2 | 0xe5..=0xee | 0xf1..=0xfc]
                | [0xa4, 0xa1..=0xf3]
                | [0xa5, 0xa1..=0xf6]
                | [0xa6, 0xa1..=0xb8 | 0xc1..=0xd8]
                | [0xa7, 0xa1..=0xc1 | 0xd1..=0xf1]
                | [0xa8, 0xa1..=0xba | 0xc5..=0xe9]
                | [0xa9, 0xa4..=0xef]
                | [0xd7, 0xa1..=0xf9]
                | [0xb0..=0xd6 | 0xd8..=0xf7, 0xa1..=0xfe]
        )
    })
}

/// What PostgreSQL takes a character of GB 2312 for.
fn gb_2312(char: char) -> Option<char> {
    Some(match char {
        '\u{b7}' => '\u{30fb}',
        '\u{2014}' => '\u{2015}',
        _ => char,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_that_differ_too_much_are_left_out() {
        for name in ["BIG5", "GB18030", "MULE_INTERNAL", "EUC_TW", "EUC_JIS_2004", "latin1", ""] {
            assert!(DumpEncoding::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn an_end_within_a_character_is_refused() {
        for name in ["EUC_JP", "EUC_CN", "EUC_KR", "SJIS", "UHC"] {
            let encoding = DumpEncoding::named(name).expect(name);
            for bytes in [&b"\xb0"[..], b"a\xb0\xa1\xb0"] {
                let is_kana = name == "SJIS";
                assert!(is_kana || encoding.decode(bytes).is_none(), "{} in {name}", bytes.escape_ascii());
            }
        }
    }
}
