//! Standard output, for commands that write much to it.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use super::Failure;

/// How much is gathered before it is written, in bytes.
const GATHERED: usize = 64 << 10;

/// Whether to write in colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColourChoice {
    /// On a terminal, where NO_COLOR is not set
    Auto,
    Always,
    Never,
}

/// What a piece of text stands out as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Name,
    Added,
    Removed,
    Changed,
    Strong,
    Faint,
}

impl Style {
    /// Its ANSI code (ECMA-48, SGR).
    fn code(self) -> &'static str {
        match self {
            Self::Name => "33",
            Self::Added => "32",
            Self::Removed => "31",
            Self::Changed => "36",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// Standard output.
pub(super) struct Output {
    out: BufWriter<Stdout>,
    has_colours: bool,
}

impl Output {
    /// Standard output without colours.
    pub fn plain() -> Self {
        Self { out: BufWriter::with_capacity(GATHERED, io::stdout()), has_colours: false }
    }

    /// Standard output with colours where they are wanted.
    pub fn coloured(choice: ColourChoice) -> Self {
        let is_wanted = || {
            let is_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            io::stdout().is_terminal()
                && !is_off
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        };
        let has_colours = match choice {
            ColourChoice::Auto => is_wanted(),
            ColourChoice::Always => true,
            ColourChoice::Never => false,
        };
        Self { has_colours, ..Self::plain() }
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// See [`failed`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(|error| failed(&error))
    }

    /// Writes a line of JSON.
    ///
    /// # Errors
    /// See [`failed`].
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let mut line =
            serde_json::to_vec(value).expect("plain strings and numbers always serialise into memory");
        line.push(b'\n');
        self.write(&line)
    }

    /// `text` in the colour of `style`, where there are colours.
    pub fn styled(&self, style: Style, text: &str) -> String {
        match self.has_colours && !text.is_empty() {
            true => format!("\x1b[{}m{text}\x1b[0m", style.code()),
            false => text.to_owned(),
        }
    }

    /// Writes what is gathered.
    ///
    /// # Errors
    /// See [`failed`].
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| failed(&error))
    }
}

/// What comes of a write that failed. A pipe whose reader has left wants no more: that ends the command, and is no
/// failure.
fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::enough(),
        _ => Failure::new("cannot write to standard output").because(error),
    }
}

/// Text of others for a terminal: what would control it is shown as `?`.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect()
}

/// Text of others for a terminal, so that nothing of it is lost: what would control the terminal, or is not seen (changes of
/// the direction of writing, blanks of no width), is spelt as JSON spells it.
pub(super) fn spelt(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => spelt.push_str("\\n"),
            '\t' => spelt.push_str("\\t"),
            '\r' => spelt.push_str("\\r"),
            c if c.is_control() || is_unseen(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    spelt.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => spelt.push(c),
        }
    }
    spelt
}

/// Characters that are shown as nothing and change how others look (Unicode, General_Category Cf and the two separators).
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::spelt;

    #[test]
    fn nothing_of_others_controls_a_terminal() {
        assert_eq!(spelt("plain é 漢 \\ \""), "plain é 漢 \\ \"");
        assert_eq!(spelt("a\u{1b}[31mb\nc\td\u{9b}e\u{7f}"), "a\\u001b[31mb\\nc\\td\\u009be\\u007f");
        assert_eq!(spelt("x\u{202e}y\u{200b}z\u{e0041}"), "x\\u202ey\\u200bz\\udb40\\udc41");
    }
}
