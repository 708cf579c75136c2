//! Makes text from outside safe for a terminal.
//!
//! A file name, a commit message or a server's error can hold characters that control a terminal or change how other
//! characters look: they recolour the screen, set its title, hide text, or show `gpj.exe` as `exe.jpg`. The functions
//! here show each of these characters by its escape (`\x1b`, `\u{202e}`) and leave all other text unchanged.
//!
//! Inside the program and in machine formats, data keeps its exact bytes. Where text leaves for a person (errors, log
//! lines, output of commands), the writer at that point calls these functions, so that no caller can forget to. Safe
//! text does not change, so calling them twice does no harm.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Characters that control a terminal, are invisible, or change how their neighbours look, by their Unicode
/// properties: controls (Cc), format characters such as bidi overrides and zero-width joiners (Cf), line and
/// paragraph separators, and everything else that shows as nothing. U+FE00 to U+FE0F are safe: they only choose
/// between two pictures of the character before them, as in many emoji.
const UNSAFE: &str = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}[\p{Default_Ignorable_Code_Point}--[\x{fe00}-\x{fe0f}]]]";

static IN_A_LINE: LazyLock<Regex> = LazyLock::new(|| regex(UNSAFE));
static IN_LINES: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"[{UNSAFE}--[\n\t]]")));

fn regex(class: &str) -> Regex {
    Regex::new(class).expect("the class is well formed and the crate has its Unicode tables")
}

/// Escapes text for one line, newlines too, so that a name cannot imitate one of our lines.
///
/// ```
/// use asof::model::terminal::line;
/// assert_eq!(line("é 漢 \\ \""), "é 漢 \\ \"");
/// assert_eq!(line("a\x1b[31m\nb\u{9b}\u{202e}"), r"a\x1b[31m\nb\u{9b}\u{202e}");
/// ```
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(&IN_A_LINE, text, escape)
}

/// Escapes text that may have several lines, such as a commit message: keeps newlines and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(&IN_LINES, text, escape)
}

/// Escapes JSON text for one line by JSON's own escapes (`\u202e`), so that it keeps its meaning.
pub fn json(text: &str) -> Cow<'_, str> {
    escaped(&IN_A_LINE, text, escape_as_json)
}

/// Whether text is safe in one line unchanged.
pub fn is_safe(text: &str) -> bool {
    !IN_A_LINE.is_match(text)
}

/// Shows a path, with bytes that are not UTF-8 as `\xff`. [`Path::display`] shows `�` for all of them.
pub trait ShowPath {
    /// Returns a value that displays the path. The writer escapes control characters, as its format requires.
    fn shown(&self) -> ShownBytes<'_>;
}

impl ShowPath for Path {
    fn shown(&self) -> ShownBytes<'_> {
        self.as_os_str().shown()
    }
}

impl ShowPath for OsStr {
    fn shown(&self) -> ShownBytes<'_> {
        ShownBytes(self.as_encoded_bytes())
    }
}

/// Displays bytes as text; see [`ShowPath`].
#[derive(Debug, Clone, Copy)]
pub struct ShownBytes<'b>(&'b [u8]);

impl fmt::Display for ShownBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

fn escaped<'t>(unsafe_in: &Regex, text: &'t str, escape: fn(char, &mut String)) -> Cow<'t, str> {
    unsafe_in.replace_all(text, |found: &Captures| {
        let mut escaped = String::new();
        found[0].chars().for_each(|c| escape(c, &mut escaped));
        escaped
    })
}

fn escape(c: char, escaped: &mut String) {
    match c {
        '\n' => escaped.push_str("\\n"),
        '\t' => escaped.push_str("\\t"),
        '\r' => escaped.push_str("\\r"),
        // Writing to a String cannot fail.
        c if c.is_ascii() => write!(escaped, "\\x{:02x}", u32::from(c)).unwrap_or_default(),
        c => write!(escaped, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default(),
    }
}

fn escape_as_json(c: char, escaped: &mut String) {
    match c {
        '\n' | '\t' | '\r' => escape(c, escaped),
        c => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use proptest::prelude::*;

    use super::*;

    /// Characters that must not reach a terminal, listed without the tables that the code uses.
    fn is_dangerous(c: char) -> bool {
        matches!(c,
            '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{115f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
    }

    /// Text in which every second character is dangerous.
    fn hostile() -> impl Strategy<Value = String> {
        let dangerous = prop::sample::select(
            (0..=0xe0fff).filter_map(char::from_u32).filter(|c| is_dangerous(*c)).collect::<Vec<_>>(),
        );
        prop::collection::vec(prop_oneof![any::<char>(), dangerous], 0..60).prop_map(String::from_iter)
    }

    #[test]
    fn every_dangerous_character_is_escaped() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| is_dangerous(*c)) {
            let text = c.to_string();
            assert!(line(&text).is_ascii() && json(&text).is_ascii(), "{:x}", u32::from(c));
            assert_eq!(lines(&text) == text, matches!(c, '\n' | '\t'), "{:x}", u32::from(c));
        }
    }

    #[test]
    fn text_of_people_stays_as_it_is() {
        for text in ["plain é 漢 עברית عربي ไทย \\ \" '", "❤\u{fe0f} 👍🏽 e\u{301}", "\u{fffd}\u{a0}"]
        {
            assert_eq!((&*line(text), &*lines(text), &*json(text)), (text, text, text));
        }
        assert_eq!(lines("a\n\tb\r"), "a\n\tb\\r");
    }

    #[test]
    fn json_spells_as_json_does() {
        assert_eq!(json("a\u{1b}[31mb\nc\td\u{9b}e\u{7f}"), "a\\u001b[31mb\\nc\\td\\u009be\\u007f");
        assert_eq!(json("x\u{202e}y\u{200b}z\u{e0041}"), "x\\u202ey\\u200bz\\udb40\\udc41");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_printed(text in hostile()) {
            prop_assert!(!line(&text).contains(is_dangerous) && is_safe(&line(&text)));
            prop_assert!(!lines(&text).contains(|c| is_dangerous(c) && c != '\n' && c != '\t'));
            prop_assert!(!json(&text).contains(is_dangerous));
            let once = line(&text);
            prop_assert_eq!(line(&once), once.as_ref());
        }

        #[test]
        fn what_is_safe_stays(text in hostile()) {
            let kept: String = text.chars().filter(|c| is_safe(&c.to_string())).collect();
            prop_assert_eq!(&*line(&kept), &*kept);
            prop_assert_eq!(&*lines(&kept), &*kept);
            prop_assert_eq!(&*json(&kept), &*kept);
        }

        #[test]
        fn escaped_json_is_the_same_json(text in hostile()) {
            let written = serde_json::Value::from(text.as_str()).to_string();
            let read: String = serde_json::from_str(&json(&written)).expect("it is JSON");
            prop_assert_eq!(read, text);
        }

        #[test]
        fn paths_show_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let shown = Path::new(OsStr::from_bytes(&bytes)).shown().to_string();
            match std::str::from_utf8(&bytes) {
                Ok(text) => prop_assert_eq!(shown, text),
                Err(_) => prop_assert!(shown.contains("\\x")),
            }
        }
    }
}
