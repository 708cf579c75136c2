//! Finds the lines that hold a text.

use bytes::Bytes;
use regex::bytes::{Regex, RegexBuilder};

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern<'p> {
    /// A text as it is, or as it is written in a JSON string.
    Text(&'p str),
    /// A regular expression over a line.
    Regex(&'p str),
}

/// Finds lines.
#[derive(Debug)]
pub struct Matcher {
    regex: Regex,
}

impl Matcher {
    /// A matcher for a pattern; `ignores_case` is about letters.
    pub fn new(pattern: Pattern<'_>, ignores_case: bool) -> Result<Self, regex::Error> {
        let source = match pattern {
            Pattern::Regex(regex) => regex.to_owned(),
            Pattern::Text(text) => {
                let (plain, spelt) = (regex::escape(text), regex::escape(&spelt(text)));
                if plain == spelt { plain } else { format!("{plain}|{spelt}") }
            }
        };
        let regex = RegexBuilder::new(&source).case_insensitive(ignores_case).multi_line(true).build()?;
        Ok(Self { regex })
    }

    /// The lines of `text` that match, without their line feeds.
    pub fn lines(&self, text: &Bytes) -> Vec<Bytes> {
        let (mut found, mut from) = (Vec::new(), 0);
        while from < text.len() {
            let Some(hit) = self.regex.find_at(text, from) else { break };
            if hit.start() >= text.len() {
                break;
            }
            let start = memchr::memrchr(b'\n', &text[..hit.start()]).map_or(0, |at| at + 1);
            let end = memchr::memchr(b'\n', &text[hit.start()..]).map_or(text.len(), |at| hit.start() + at);
            // A match that continues in the next line does not count, but another one within the line does.
            if hit.end() <= end || self.regex.is_match(&text[start..end]) {
                found.push(Bytes::copy_from_slice(&text[start..end]));
            }
            from = end + 1;
        }
        found
    }
}

/// A text as it is written in a JSON string, without the quotes.
fn spelt(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: Pattern, ignores_case: bool, text: &str) -> Vec<String> {
        let matcher = Matcher::new(pattern, ignores_case).expect("it is well formed");
        let lines = matcher.lines(&Bytes::copy_from_slice(text.as_bytes()));
        // The findings of a scan line by line.
        let naive: Vec<&[u8]> = text
            .split_terminator('\n')
            .map(str::as_bytes)
            .filter(|line| matcher.regex.is_match(line))
            .collect();
        assert_eq!(lines, naive, "{pattern:?} in {text:?}");
        lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn lines_are_found_as_by_a_scan() {
        use Pattern::{Regex, Text};
        let text = "{\"a\":\"x.y\"}\n{\"a\":\"xay\"}\n\n{\"a\":\"say \\\"hi\\\"\"}\nXAY last";
        assert_eq!(found(Text("x.y"), false, text).len(), 1);
        assert_eq!(found(Regex("x.y"), false, text).len(), 2);
        assert_eq!(found(Regex("x.y"), true, text).len(), 3);
        assert_eq!(found(Text("say \"hi\""), false, text).len(), 1);
        assert_eq!(found(Regex(r"^$"), false, text), [""]);
        assert_eq!(found(Regex(r"last$"), false, text).len(), 1);
        assert!(found(Text("nowhere"), true, text).is_empty());
        // Matches across lines do not count; what matches within one of these lines does.
        assert_eq!(found(Regex(r#"\}\s*\{|xay"#), false, text), ["{\"a\":\"xay\"}"]);
        assert!(Matcher::new(Regex("("), false).is_err());
    }
}
