//! Column types, as schemas write them: `varchar(20) CHARACTER SET latin1 COLLATE latin1_bin`.

use std::iter::Peekable;
use std::str::Chars;

use super::collation;

/// A column's type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqlType {
    /// The first word, in lower case: `varchar`.
    pub base: String,
    /// The text before character set, collation and SRID: `int unsigned`, `varchar(20)`.
    pub head: String,
    /// The numbers in parentheses.
    pub arguments: Vec<u32>,
    /// The members of an ENUM or SET.
    pub members: Vec<String>,
    /// The name of the collation, or the default.
    pub collation: String,
    /// The spatial reference system, where one is required.
    pub srid: Option<u32>,
}

impl SqlType {
    /// Parses a type; `None` for a text that is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut tokens = tokens(text)?.into_iter().peekable();
        let Some((Token::Word(first), mut end)) = tokens.next() else { return None };
        let mut parsed =
            Self { base: first.to_lowercase(), collation: collation::DEFAULT.to_owned(), ..Self::default() };
        if matches!(tokens.peek(), Some((Token::Sign('('), _))) {
            end = parsed.read_arguments(&mut tokens)?;
        }
        let mut character_set = None;
        let mut collation = None;
        while let Some((token, token_end)) = tokens.next() {
            let Token::Word(word) = token else { return None };
            match word.to_lowercase().as_str() {
                "character" => {
                    tokens.next().filter(|(token, _)| token.is_word("set"))?;
                    character_set = Some(next_word(&mut tokens)?);
                }
                "collate" => collation = Some(next_word(&mut tokens)?),
                "srid" => parsed.srid = Some(next_word(&mut tokens)?.parse().ok()?),
                _ => end = token_end,
            }
        }
        parsed.head = text.get(..end)?.to_owned();
        match (character_set, collation) {
            (_, Some(collation)) => parsed.collation = collation,
            // Which collation a character set has by default depends on the version that reads it.
            (Some(_), None) => return None,
            (None, None) => {}
        }
        Some(parsed)
    }

    /// Reads the arguments in parentheses; returns the place after them.
    fn read_arguments(&mut self, tokens: &mut Tokens) -> Option<usize> {
        tokens.next();
        loop {
            match tokens.next()?.0 {
                Token::Word(number) => self.arguments.push(number.parse().ok()?),
                Token::Text(member) => self.members.push(member),
                Token::Sign(_) => return None,
            }
            match tokens.next()? {
                (Token::Sign(','), _) => {}
                (Token::Sign(')'), end) => return Some(end),
                _ => return None,
            }
        }
    }

    /// Whether values are text or names, which have a character set.
    pub fn has_collation(&self) -> bool {
        matches!(
            self.base.as_str(),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
        )
    }
}

pub fn is_spatial(base: &str) -> bool {
    let single = base.strip_prefix("multi").unwrap_or(base);
    matches!(single, "point" | "linestring" | "polygon")
        || matches!(base, "geometry" | "geomcollection" | "geometrycollection")
}

type Tokens = Peekable<std::vec::IntoIter<(Token, usize)>>;

fn next_word(tokens: &mut Tokens) -> Option<String> {
    match tokens.next()?.0 {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

impl Token {
    fn is_word(&self, wanted: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(wanted))
    }
}

/// The tokens of a type, each with the place after it.
fn tokens(text: &str) -> Option<Vec<(Token, usize)>> {
    let mut rest = text.chars().peekable();
    let mut tokens = Vec::new();
    let place = |rest: &Peekable<Chars<'_>>| text.len() - rest.clone().map(char::len_utf8).sum::<usize>();
    while let Some(char) = rest.next() {
        let token = match char {
            ' ' => continue,
            '(' | ')' | ',' => Token::Sign(char),
            '\'' => Token::Text(quoted(&mut rest)?),
            _ => {
                let mut word = String::from(char);
                while let Some(&next) =
                    rest.peek().filter(|next| !matches!(next, ' ' | '(' | ')' | ',' | '\''))
                {
                    word.push(next);
                    rest.next();
                }
                Token::Word(word)
            }
        };
        tokens.push((token, place(&rest)));
    }
    Some(tokens)
}

/// Reads a text to its closing quote. Backslashes escape, as they do when the server reads the type. The server does
/// not escape backslashes when it writes members, so the result is what it shows and not always what was meant.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '\'' if rest.peek() == Some(&'\'') => {
                rest.next();
                text.push('\'');
            }
            '\'' => return Some(text),
            '\\' => text.push(unescaped(rest.next()?)),
            other => text.push(other),
        }
    }
}

/// The character that a backslash and this one stand for.
pub fn unescaped(char: char) -> char {
    match char {
        '0' => '\0',
        'b' => '\u{8}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'Z' => '\u{1a}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> SqlType {
        SqlType::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn types_with_arguments() {
        let int = parse("int unsigned");
        assert_eq!((int.base.as_str(), int.head.as_str(), int.arguments.len()), ("int", "int unsigned", 0));
        let decimal = parse("decimal(10,2)");
        assert_eq!((decimal.base.as_str(), decimal.arguments.as_slice()), ("decimal", &[10, 2][..]));
        let point = parse("point SRID 4326");
        assert_eq!((point.head.as_str(), point.srid, is_spatial(&point.base)), ("point", Some(4326), true));
    }

    #[test]
    fn types_with_a_collation() {
        let plain = parse("varchar(20)");
        assert_eq!((plain.head.as_str(), plain.collation.as_str()), ("varchar(20)", "utf8mb4_0900_bin"));
        let other = parse("char(3) CHARACTER SET latin1 COLLATE latin1_bin");
        assert_eq!((other.head.as_str(), other.collation.as_str()), ("char(3)", "latin1_bin"));
        assert_eq!(SqlType::parse("char(3) CHARACTER SET latin1"), None);
    }

    #[test]
    fn members_are_unescaped() {
        let members = parse("enum('a','it''s','x,y','\\\\','é\\n','') COLLATE utf8mb4_bin");
        assert_eq!(members.members, ["a", "it's", "x,y", "\\", "é\n", ""]);
        assert_eq!(members.collation, "utf8mb4_bin");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in
            ["", "(1)", "enum('a", "enum('a',)", "int 'x'", "char(3) COLLATE", "decimal(1 2)", "set('\\"]
        {
            assert_eq!(SqlType::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z(),'\\\\ é0-9]{0,30}") {
            let _ = SqlType::parse(&text);
        }
    }
}
