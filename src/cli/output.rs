//! Standard output. Text for people is made safe for terminals here (see [`terminal`]), so that no command can forget to.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::LazyLock;

use regex::Regex;

use super::failure::Failure;
use crate::model::terminal;

/// Size of the output buffer, in bytes.
const BUFFER: usize = 64 << 10;

/// When to write in colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// What a coloured piece of text means, with its ANSI code (ECMA-48, SGR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Style {
    Name = 33,
    Added = 32,
    Removed = 31,
    Changed = 36,
    Strong = 1,
    Faint = 2,
}

/// The codes that [`Output::styled`] writes. Data that contains one can only choose one of these colours.
static COLOURS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\x1b\\[(?:0|1|2|31|32|33|36)m").expect("the expression is well formed"));

pub(super) struct Output {
    out: BufWriter<Stdout>,
    has_colours: bool,
    is_terminal: bool,
}

impl Output {
    #[allow(clippy::disallowed_methods, reason = "this is where output passes")]
    pub fn plain() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Self { out: BufWriter::with_capacity(BUFFER, stdout), has_colours: false, is_terminal }
    }

    #[allow(clippy::disallowed_methods, reason = "only asks whether it is a terminal")]
    pub fn coloured(choice: ColourChoice) -> Self {
        let has_colours = match choice {
            ColourChoice::Auto => {
                io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
            ColourChoice::Always => true,
            ColourChoice::Never => false,
        };
        Self { has_colours, ..Self::plain() }
    }

    /// Writes exactly these bytes: the content of a file.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(|error| failed(&error))
    }

    /// Writes lines for people and keeps newlines: text that may contain its own goes through [`terminal::line`] first.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let text = self.for_people(text);
        self.bytes(text.as_bytes())
    }

    /// Writes one line for people and escapes newlines in it, so that no name can forge a line.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.bytes(format!("{}\n", terminal::line(line)).as_bytes())
    }

    pub fn json_lines(&mut self, lines: &[u8]) -> Result<(), Failure> {
        let lines = self.for_programs(lines).into_owned();
        self.bytes(&lines)
    }

    /// A name in a list that programs read too: exact in a pipe and escaped on a terminal, as in GNU ls.
    pub fn name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.is_terminal { terminal::line(name) } else { Cow::Borrowed(name) }
    }

    /// Writes lines with names that [`Self::name`] made.
    pub fn names(&mut self, lines: &str) -> Result<(), Failure> {
        if self.is_terminal { self.text(lines) } else { self.bytes(lines.as_bytes()) }
    }

    /// Escapes everything that controls a terminal, except the colours of [`Style`] if colours are on.
    fn for_people<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.has_colours {
            return terminal::lines(text);
        }
        let mut safe = String::with_capacity(text.len());
        let mut end = 0;
        for colour in COLOURS.find_iter(text) {
            safe.push_str(&terminal::lines(&text[end..colour.start()]));
            safe.push_str(colour.as_str());
            end = colour.end();
        }
        safe.push_str(&terminal::lines(&text[end..]));
        Cow::Owned(safe)
    }

    /// JSON, exact in a pipe. On a terminal, controls that serde_json leaves (C1, bidi) become JSON escapes.
    fn for_programs<'l>(&self, lines: &'l [u8]) -> Cow<'l, [u8]> {
        if !self.is_terminal {
            return Cow::Borrowed(lines);
        }
        let text = String::from_utf8_lossy(lines);
        let lines: Vec<Cow<str>> = text.split('\n').map(terminal::json).collect();
        Cow::Owned(lines.join("\n").into_bytes())
    }

    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let mut line =
            serde_json::to_vec(value).expect("plain strings and numbers always serialise into memory");
        line.push(b'\n');
        self.json_lines(&line)
    }

    /// `text` in the colour of `style`, if colours are on.
    pub fn styled(&self, style: Style, text: &str) -> String {
        match self.has_colours && !text.is_empty() {
            true => format!("\x1b[{}m{text}\x1b[0m", style as u8),
            false => text.to_owned(),
        }
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| failed(&error))
    }
}

/// The failure of a write. A pipe whose reader has closed it ends the command without an error.
fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::output_closed(),
        _ => Failure::new("cannot write to standard output").because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_pass() {
        let coloured = Output::coloured(ColourChoice::Always);
        let name = coloured.styled(Style::Name, "a\u{1b}[5mb");
        let text = format!("{name}\u{1b}[2J\u{202e}\n\u{1b}[1;31m\u{9b}");
        assert_eq!(
            coloured.for_people(&text),
            "\u{1b}[33ma\\x1b[5mb\u{1b}[0m\\x1b[2J\\u{202e}\n\\x1b[1;31m\\u{9b}"
        );
        assert_eq!(Output::plain().for_people("\u{1b}[33m"), "\\x1b[33m");
    }

    #[test]
    fn every_style_passes_unchanged() {
        let coloured = Output::coloured(ColourChoice::Always);
        for style in [Style::Name, Style::Added, Style::Removed, Style::Changed, Style::Strong, Style::Faint]
        {
            let text = coloured.styled(style, "text");
            assert!(text != "text" && coloured.for_people(&text) == text, "{text:?}");
        }
    }
}
