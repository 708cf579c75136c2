//! Values of columns for people.

use super::words::{TextPiece, compare};
use crate::cli::output::{Output, Style};
use crate::model::row::{NULL, text_of};
use crate::model::terminal;

/// Old and new value share one line if they are no longer than this together, in characters.
const ON_ONE_LINE: usize = 120;

/// How much is shown of a value on part of a line, in characters.
const SHORT: usize = 60;

/// How much unchanged text is shown on each side of a change, in characters.
const CONTEXT: usize = 60;

/// Unchanged text is cut only if at least this much goes, in characters.
const WORTH_CUTTING: usize = 20;

/// Longer changed text without blanks is cut to [`LONG_WORD_SHOWN`], in characters.
const LONG_WORD: usize = 400;
const LONG_WORD_SHOWN: usize = 100;

/// Replaces text that is cut.
const CUT: &str = "…";

/// The start of each line of a long text.
const INDENT: &str = "      ";

/// The change of a column's value (JSON), on one line or, for long texts, on several.
pub(super) fn change(out: &Output, column: &str, old: &str, new: &str) -> String {
    let name = out.styled(Style::Strong, &format!("{}:", terminal::json(column)));
    let removed = |text: &str| out.styled(Style::Removed, text);
    let added = |text: &str| out.styled(Style::Added, text);
    let (short_old, short_new) = (terminal::json(old), terminal::json(new));
    if fits(&[&short_old, &short_new]) {
        return format!("    {name} {} -> {}\n", removed(&short_old), added(&short_new));
    }
    let mut block = TextBlock::new(out);
    let head = match (is_text(old), is_text(new)) {
        (_, true) if is_empty(old) => {
            block.whole(Style::Added, &text_of(new));
            format!("{name} {} ->", removed(old))
        }
        (true, _) if is_empty(new) => {
            block.whole(Style::Removed, &text_of(old));
            format!("{name} -> {}", added(new))
        }
        (true, true) => {
            let (old, new) = (text_of(old), text_of(new));
            block.pieces(&compare(&old, &new));
            name
        }
        // Objects and lists are compared by words too; other values replace each other.
        _ if old.as_bytes().first() == new.as_bytes().first() => {
            block.pieces(&compare(old, new));
            name
        }
        _ => {
            block.pieces(&[TextPiece::Removed(old), TextPiece::Added(new)]);
            name
        }
    };
    format!("    {head}\n{}", block.end())
}

/// A column's value, whole, on one line or, for long texts, on several.
pub(super) fn whole(out: &Output, column: &str, value: &str) -> String {
    let name = out.styled(Style::Strong, &format!("{}:", terminal::json(column)));
    let short = terminal::json(value);
    if fits(&[&short]) {
        return format!("    {name} {short}\n");
    }
    let mut block = TextBlock::new(out);
    block.plain(&text_of(value));
    format!("    {name}\n{}", block.end())
}

/// A value on part of a line: a long one is cut.
pub(super) fn short(value: &str) -> String {
    let text = text_of(value);
    match text.char_indices().nth(SHORT) {
        None => terminal::json(value).into_owned(),
        Some((end, _)) if is_text(value) => {
            let quoted = serde_json::Value::from(&text[..end]).to_string();
            format!("{}{CUT}\"", terminal::json(&quoted[..quoted.len() - 1]))
        }
        Some((end, _)) => format!("{}{CUT}", terminal::json(&text[..end])),
    }
}

/// Whether a value is NULL or the empty text.
pub(super) fn is_empty(value: &str) -> bool {
    matches!(value, NULL | "\"\"")
}

fn is_text(value: &str) -> bool {
    value.starts_with('"')
}

fn fits(texts: &[&str]) -> bool {
    texts.iter().map(|text| text.chars().count()).sum::<usize>() <= ON_ONE_LINE
}

/// A long text, line by line, with marked changes.
struct TextBlock<'o> {
    out: &'o Output,
    text: String,
    is_at_start: bool,
}

impl<'o> TextBlock<'o> {
    fn new(out: &'o Output) -> Self {
        Self { out, text: String::new(), is_at_start: true }
    }

    fn pieces(&mut self, pieces: &[TextPiece]) {
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                TextPiece::Same(text) => self.same(text, at == 0, at + 1 == pieces.len()),
                TextPiece::Removed(text) => self.changed(Style::Removed, "[-", text, "-]"),
                TextPiece::Added(text) => self.changed(Style::Added, "{+", text, "+}"),
            }
        }
    }

    /// Adds changed text, whole. Shows ends of lines, since they may be the change.
    fn changed(&mut self, style: Style, open: &str, text: &str, close: &str) {
        for line in text.split_inclusive('\n') {
            let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\\n"));
            let marked = self.out.styled(style, &format!("{open}{}{end}{close}", words(content)));
            self.push(&marked);
            if !end.is_empty() {
                self.end_line();
            }
        }
    }

    /// Adds a text that was added or removed as a whole, without marks.
    fn whole(&mut self, style: Style, text: &str) {
        for line in text.split('\n') {
            let line = self.out.styled(style, &words(line));
            self.push(&line);
            self.end_line();
        }
    }

    /// Adds unchanged text: only the words next to changes.
    fn same(&mut self, text: &str, is_first: bool, is_last: bool) {
        let sides = 2 - usize::from(is_first) - usize::from(is_last);
        let is_long = text.chars().count() > sides * CONTEXT + WORTH_CUTTING;
        if !is_long && text.matches('\n').count() <= sides + 1 {
            return self.plain(text);
        }
        let head = if is_first { "" } else { head(text) };
        let tail = if is_last { "" } else { tail(&text[head.len()..]) };
        self.plain(head);
        let cut = self.out.styled(Style::Faint, CUT);
        self.push(&cut);
        if tail.is_empty() || text[..text.len() - tail.len()].ends_with('\n') {
            self.end_line();
        }
        self.plain(tail);
    }

    fn plain(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n');
            self.push(&visible(content.unwrap_or(line)));
            if content.is_some() {
                self.end_line();
            }
        }
    }

    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.is_at_start {
            self.text.push_str(INDENT);
        }
        self.is_at_start = false;
        self.text.push_str(text);
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        self.is_at_start = true;
    }

    fn end(mut self) -> String {
        if !self.is_at_start {
            self.end_line();
        }
        self.text
    }
}

/// The first line, or as much of it as is shown.
fn head(text: &str) -> &str {
    let shown = text.char_indices().nth(CONTEXT).map_or(text, |(end, _)| &text[..end]);
    match (shown.find('\n'), shown.rfind(char::is_whitespace)) {
        (Some(end), _) => &text[..=end],
        (None, Some(blank)) if shown.len() < text.len() && blank > 0 => &text[..blank],
        _ => shown,
    }
}

/// The last line, or as much of it as is shown.
fn tail(text: &str) -> &str {
    let start = text.char_indices().rev().nth(CONTEXT - 1).map_or(0, |(at, _)| at);
    let after = |at: usize| &text[at + text[at..].chars().next().map_or(0, char::len_utf8)..];
    let shown = &text[start..];
    match (shown.rfind('\n'), shown.find(char::is_whitespace)) {
        (Some(end), _) => after(start + end),
        (None, Some(blank)) if start > 0 && start + blank + 1 < text.len() => after(start + blank),
        _ => shown,
    }
}

fn words(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(word).collect()
}

/// A word of changed text; a very long one is cut.
fn word(text: &str) -> String {
    let len = text.chars().count();
    match text.char_indices().nth(LONG_WORD_SHOWN) {
        Some((end, _)) if len > LONG_WORD => {
            format!("{}{CUT}({len} characters)", visible(&text[..end]))
        }
        _ => visible(text),
    }
}

/// Text with escapes for what would control the terminal. Doubles backslashes, so that text cannot forge an escape.
fn visible(text: &str) -> String {
    terminal::json(&text.replace('\\', "\\\\")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        change(&Output::plain(), "c", old, new)
    }

    fn json(text: &str) -> String {
        serde_json::Value::from(text).to_string()
    }

    #[test]
    fn short_values_share_one_line() {
        assert_eq!(shown("1.50", "null"), "    c: 1.50 -> null\n");
        assert_eq!(shown("\"a\\nb\\u001b\"", "\"null\""), "    c: \"a\\nb\\u001b\" -> \"null\"\n");
        assert_eq!(
            change(&Output::plain(), "a\u{1b}", "1", "\"\u{9b}\""),
            "    a\\u001b: 1 -> \"\\u009b\"\n"
        );
    }

    #[test]
    fn long_texts_show_the_words_that_changed() {
        let before = "The pump in hall 3 leaks since the storm, and nobody has looked at it until now.";
        let after = "The pump in hall 4 leaks since the storm, and nobody has looked at it until now.";
        assert_eq!(
            shown(&json(before), &json(after)),
            "    c:\n      The pump in hall [-3-]{+4+} leaks since the storm, and nobody has looked at it until now.\n"
        );
    }

    #[test]
    fn unchanged_text_is_cut() {
        let many = "This sentence says nothing. ".repeat(20);
        let (before, after) = (format!("{many}old word\n\n{many}"), format!("{many}new word\n\n{many}"));
        assert_eq!(
            shown(&json(&before), &json(&after)),
            "    c:\n      …This sentence says nothing. This sentence says nothing. [-old-]{+new+} word\n      …\n"
        );
        let lines: String = (0..50).map(|n| format!("line {n} of fifty\n")).collect();
        let changed = lines.replace("line 20 of", "line twenty of").replace("line 49 of fifty\n", "");
        assert_eq!(
            shown(&json(&lines), &json(&changed)),
            "    c:\n      …\n      line [-20-]{+twenty+} of fifty\n      …\n      [-line 49 of fifty\\n-]\n"
        );
    }

    #[test]
    fn added_and_removed_texts_are_shown_whole() {
        let text = "word ".repeat(100);
        let lines = format!("{text}\n\nend");
        let (came, went) = (shown("null", &json(&lines)), shown(&json(&lines), "\"\""));
        assert_eq!(came, format!("    c: null ->\n      {text}\n\n      end\n"));
        assert_eq!(went, format!("    c: -> \"\"\n      {text}\n\n      end\n"));
        // A number is not compared with a text.
        assert_eq!(shown("17", &json(&text)), format!("    c:\n      [-17-]{{+\"{text}\"+}}\n"));
        let (old, new) = (format!("[{}1]", "0,".repeat(60)), format!("[{}2]", "0,".repeat(60)));
        assert!(shown(&old, &new).ends_with("[-1-]{+2+}]\n"), "{}", shown(&old, &new));
    }

    #[test]
    fn nothing_in_a_text_reaches_the_terminal() {
        let before = format!("{}\u{1b}]0;title\u{7} and \\n no line\ttab\r", "x ".repeat(40));
        let text = shown(&json(&before), &json(&format!("{before}\u{202e}")));
        assert!(text.contains("\\u001b]0;title\\u0007 and \\\\n no line\\ttab\\r{+\\u202e+}"), "{text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }

    #[test]
    fn very_long_words_are_cut() {
        let cut = format!("{}…(10000 characters)", "ab".repeat(50));
        assert_eq!(shown("\"\"", &json(&"ab".repeat(5000))), format!("    c: \"\" ->\n      {cut}\n"));
        assert_eq!(
            shown("17", &json(&"ab".repeat(5000))),
            format!("    c:\n      [-17-]{{+\"{}…(10002 characters)+}}\n", &"ab".repeat(50)[..99])
        );
    }

    #[test]
    fn a_single_value_is_shown_whole() {
        assert_eq!(whole(&Output::plain(), "c", "\"a\\nb\""), "    c: \"a\\nb\"\n");
        let text = format!("{}\nend \u{1b}", "word ".repeat(100));
        let shown = whole(&Output::plain(), "c", &json(&text));
        assert_eq!(shown, format!("    c:\n      {}\n      end \\u001b\n", "word ".repeat(100)));
    }

    #[test]
    fn values_on_part_of_a_line() {
        assert_eq!(short("\"a\\\"b\""), "\"a\\\"b\"");
        assert_eq!(short("12345678901234567890.50"), "12345678901234567890.50");
        assert_eq!(short(&json(&"é\u{1b}".repeat(40))), format!("\"{}…\"", "é\\u001b".repeat(30)));
        assert_eq!(short(&"9".repeat(70)), format!("{}…", "9".repeat(60)));
        assert!(is_empty("null") && is_empty("\"\"") && !is_empty("0"));
    }
}
