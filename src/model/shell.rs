//! Builds commands that a person can paste into a shell.
//!
//! A hint such as `unzip -t FILE` names a file, and a hostile file name must not become a command. Every hint that
//! puts a name into a command uses [`command`].
//!
//! shlex does the quoting, for POSIX shells and names that are not UTF-8. Quotes do not help against characters that
//! a terminal or a paste misreads: the shell's `printf` makes a name with such characters from escapes.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;

use super::terminal;

/// Stands for a name that no shell word can express.
const NAME: &str = "NAME";

/// Builds a command from our `words` and a path from outside.
///
/// The result is safe to print and to paste. A path that begins with `-` gets `./` before it, so that no program
/// takes it for an option.
///
/// ```
/// use asof::model::shell::command;
/// assert_eq!(command("unzip -t", "a.zip"), "unzip -t a.zip");
/// assert_eq!(command("unzip -t", "x';id;'.zip"), r#"unzip -t "x';id;'.zip""#);
/// assert_eq!(command("unzip -t", "a\u{1b}b"), r#"unzip -t "$(printf 'a\033b')""#);
/// assert_eq!(command("unzip -t", "-d"), "unzip -t ./-d");
/// ```
pub fn command(words: &str, path: impl AsRef<OsStr>) -> String {
    format!("{words} {}", operand(path))
}

/// A further operand for a [`command`].
pub fn operand(path: impl AsRef<OsStr>) -> String {
    let path = path.as_ref().as_encoded_bytes();
    let path = if path.starts_with(b"-") { Cow::Owned([b"./", path].concat()) } else { Cow::Borrowed(path) };
    word(&path).unwrap_or_else(|| NAME.to_owned())
}

/// A shell word that yields exactly these bytes and is safe to print. Returns `None` if there is none: no argument
/// can hold a NUL, and `$(...)` drops a newline at the end.
pub fn word(bytes: &[u8]) -> Option<String> {
    let quoted = shlex::bytes::try_quote(bytes).ok()?;
    match String::from_utf8(quoted.into_owned()) {
        Ok(quoted) if is_plain(&quoted) => Some(quoted),
        _ if bytes.ends_with(b"\n") => None,
        _ => Some(printed(bytes)),
    }
}

/// Whether text is safe to show in a message unchanged. A backtick would seem to end the command there.
fn is_plain(text: &str) -> bool {
    terminal::is_safe(text) && !text.contains('`')
}

/// Writes `"$(printf '...')"`, with escapes for every byte that is not plain or is special to printf or the shell.
fn printed(bytes: &[u8]) -> String {
    let mut word = "\"$(printf '".to_owned();
    let escape = |bytes: &[u8], word: &mut String| {
        // Writing to a String cannot fail.
        bytes.iter().for_each(|byte| write!(word, "\\{byte:03o}").unwrap_or_default());
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let text = c.encode_utf8(&mut buffer);
            // A dash may begin an option; `!` recalls history in an interactive shell.
            if is_plain(text) && !matches!(c, '\'' | '\\' | '%' | '-' | '!') {
                word.push(c);
            } else {
                escape(text.as_bytes(), &mut word);
            }
        }
        escape(chunk.invalid(), &mut word);
    }
    word.push_str("')\"");
    word
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

    /// Bytes, many of them special to a shell, to printf or to a terminal.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let pieces = vec![
            "'", "\"", "\\", "`", "$", "$(id)", ";id;", "!", "^", "-", "%s", "\\0", "\n", "\r", "\t", "\x7f",
            "\x1b[31m", "é", "\u{202e}", "\u{9b}", " ", "~", "*", "#", "7",
        ];
        let piece = prop_oneof![
            prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
            prop::sample::select(vec![0xff, 0xc3]).prop_map(|byte| vec![byte]),
            prop::collection::vec(1..=u8::MAX, 1..8),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// Runs `shell` to print the words, each followed by a NUL.
    fn read_by(shell: &str, words: &[String]) -> Vec<u8> {
        let script: String = words.iter().map(|word| format!("printf '%s\\000' {word}\n")).collect();
        let outcome = Command::new(shell).arg("-c").arg(script).output().expect("there is a shell");
        assert!(outcome.status.success() && outcome.stderr.is_empty(), "{shell}: {outcome:?}");
        outcome.stdout
    }

    #[test]
    fn a_shell_reads_back_the_bytes() {
        let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
        let batch = prop::collection::vec(hostile(), 50);
        let outcome = runner.run(&batch, |all| {
            let known: Vec<(String, Vec<u8>)> =
                all.into_iter().filter_map(|bytes| Some((word(&bytes)?, bytes))).collect();
            prop_assert!(known.len() > 25);
            let (words, bytes): (Vec<String>, Vec<Vec<u8>>) = known.into_iter().unzip();
            prop_assert!(words.iter().all(|word| is_plain(word)), "{words:?}");
            let expected: Vec<u8> = bytes.into_iter().flat_map(|bytes| [bytes, vec![0]].concat()).collect();
            for shell in ["sh", "bash"] {
                prop_assert_eq!(&read_by(shell, &words), &expected, "{}: {:?}", shell, &words);
            }
            Ok(())
        });
        outcome.expect("every word means its bytes");
    }

    #[test]
    fn only_what_no_word_can_give_has_none() {
        let mut runner = TestRunner::default();
        let bytes = prop::collection::vec(any::<u8>(), 0..40);
        let outcome = runner.run(&bytes, |bytes| {
            let is_impossible = bytes.contains(&0) || bytes.ends_with(b"\n");
            prop_assert_eq!(word(&bytes).is_none(), is_impossible);
            let command = command("unzip -t", OsStr::from_bytes(&bytes));
            prop_assert!(terminal::is_safe(&command) && command.starts_with("unzip -t "));
            prop_assert_eq!(command == "unzip -t NAME", is_impossible || bytes == b"NAME");
            Ok(())
        });
        outcome.expect("all else has a word");
    }

    #[test]
    fn names_of_people_stay_readable() {
        for (name, quoted) in [
            ("/backups/2026-01-01.zip", "/backups/2026-01-01.zip"),
            ("/my backups/é.zip", "'/my backups/é.zip'"),
            ("it's", "\"it's\""),
            ("", "''"),
            ("a`id`", "\"$(printf 'a\\140id\\140')\""),
            ("a\u{202e}b", "\"$(printf 'a\\342\\200\\256b')\""),
        ] {
            assert_eq!(word(name.as_bytes()).as_deref(), Some(quoted));
        }
        assert_eq!(command("asof umount", "a\n"), "asof umount NAME");
    }
}
