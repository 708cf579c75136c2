//! The primary keys of tables, from the CREATE statements in `schema.sql`.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use super::{ROWS, file};
use crate::engine::Engine;
use crate::model::names::escape_with_suffix;
use crate::source::{FileEntry, SourceError};

/// The file of a snapshot that holds its CREATE statements.
pub const SCHEMA: &str = "schema.sql";

/// A longer file is not looked at, in bytes.
const LONGEST: u64 = 64 << 20;

/// The columns of the primary keys, by the path of the file that shows the table.
pub type Keys = HashMap<String, Vec<String>>;

/// The keys of the tables of a snapshot; none where it has no `schema.sql`.
///
/// # Errors
/// What the source says when it cannot be read.
pub async fn keys_of(files: &[FileEntry], engine: &Engine) -> Result<Keys, Arc<SourceError>> {
    let Some(schema) = file(files, SCHEMA) else { return Ok(Keys::new()) };
    let reader = engine.open(schema.id, &schema.content).await?;
    let len = engine.len(schema.id, &schema.content).await?;
    if len > LONGEST {
        return Ok(Keys::new());
    }
    let text = reader.read(0, len as usize).await?;
    Ok(primary_keys(&String::from_utf8_lossy(&text)))
}

/// What a statement is made of, without its literals and comments.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Other(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }

    fn name(self) -> Option<String> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Other(_) => None,
        }
    }
}

fn primary_keys(schema: &str) -> Keys {
    let mut tokens = tokens(schema).into_iter().peekable();
    let mut keys = Keys::new();
    while let Some(token) = tokens.next() {
        if !token.is("CREATE") || tokens.next_if(|next| next.is("TABLE")).is_none() {
            continue;
        }
        for word in ["IF", "NOT", "EXISTS"] {
            tokens.next_if(|next| next.is(word));
        }
        let name = tokens.next().and_then(Token::name);
        if tokens.next_if_eq(&Token::Other('(')).is_none() {
            continue;
        }
        if let (Some(name), Some(key)) = (name, key_in(&mut tokens)) {
            keys.insert(escape_with_suffix(&name, ROWS), key);
        }
    }
    keys
}

/// The key that the definitions up to the closing parenthesis declare.
fn key_in(tokens: &mut Peekable<IntoIter<Token>>) -> Option<Vec<String>> {
    let (mut key, mut definition, mut depth) = (None, Vec::new(), 1);
    for token in tokens.by_ref() {
        depth += nesting(&token);
        if depth == 0 || depth == 1 && token == Token::Other(',') {
            key = key.or_else(|| declared(std::mem::take(&mut definition)));
        } else {
            definition.push(token);
        }
        if depth == 0 {
            break;
        }
    }
    key
}

fn nesting(token: &Token) -> i32 {
    match token {
        Token::Other('(') => 1,
        Token::Other(')') => -1,
        _ => 0,
    }
}

/// The columns of `PRIMARY KEY (...)`, or the column that is declared to be it.
fn declared(definition: Vec<Token>) -> Option<Vec<String>> {
    let mut depth = 0;
    let is_outside: Vec<bool> = definition
        .iter()
        .map(|token| {
            depth += nesting(token);
            depth == 0
        })
        .collect();
    let at = (0..definition.len().saturating_sub(1))
        .find(|&at| is_outside[at] && definition[at].is("PRIMARY") && definition[at + 1].is("KEY"))?;
    let rest = &definition[at + 2..];
    let is_of_table = at == 0 || definition[0].is("CONSTRAINT") && at <= 2;
    if !is_of_table {
        return definition.into_iter().next().and_then(Token::name).map(|column| vec![column]);
    }
    let mut columns = Vec::new();
    let (mut depth, mut is_next) = (0, false);
    for token in rest {
        depth += nesting(token);
        match token {
            Token::Other('(') if depth == 1 => is_next = true,
            Token::Other(',') if depth == 1 => is_next = true,
            _ if is_next => {
                columns.extend(token.clone().name());
                is_next = false;
            }
            _ => {}
        }
        if depth == 0 && !columns.is_empty() {
            break;
        }
    }
    (!columns.is_empty()).then_some(columns)
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else if matches!(first, '`' | '"' | '[' | '\'') {
            let end = if first == '[' { ']' } else { first };
            let (text, after) = quoted(&rest[1..], end);
            if first != '\'' {
                tokens.push(Token::Quoted(text));
            }
            rest = after;
        } else if is_of_word(first) {
            let len = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..len].to_owned()));
            rest = &rest[len..];
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Other(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The text up to `end`, which stands for itself when it is doubled, and what comes after it.
fn quoted(text: &str, end: char) -> (String, &str) {
    let (mut found, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(end) {
        found.push_str(before);
        match after.strip_prefix(end).filter(|_| end != ']') {
            Some(more) => {
                found.push(end);
                rest = more;
            }
            None => return (found, after),
        }
    }
    (found + rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn keys(sql: &str, wanted: &[(&str, &[&str])]) {
        let wanted: Keys = wanted
            .iter()
            .map(|(path, key)| ((*path).to_owned(), key.iter().map(|c| (*c).to_owned()).collect()))
            .collect();
        assert_eq!(primary_keys(sql), wanted, "{sql}");
    }

    #[test]
    fn keys_as_dolt_declares_them() {
        keys(
            "-- CREATE TABLE `no` (`x` int, PRIMARY KEY (`x`))\n\
             SET FOREIGN_KEY_CHECKS = 0;\n\
             CREATE TABLE `we/ird` (\n  `key` int NOT NULL,\n  `b``t` varchar(20) DEFAULT 'PRIMARY KEY (''x'')',\n  \
             PRIMARY KEY (`key`,`b``t`(10)),\n  KEY `i` (`b``t`)\n) ENGINE=InnoDB;\n\
             CREATE TABLE `loose` (\n  `PRIMARY` int,\n  `KEY` int\n);\n\
             create view v as select 1;\n",
            &[("we%2Fird.jsonl", &["key", "b`t"])],
        );
    }

    #[test]
    fn keys_as_sqlite_files_declare_them() {
        keys(
            "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT /* PRIMARY KEY */);\n\
             CREATE TABLE IF NOT EXISTS \"b\" (x, y, CONSTRAINT k PRIMARY KEY (y DESC, [x] COLLATE NOCASE)) WITHOUT ROWID;\n\
             CREATE TABLE c(x CHECK (x > (1)), y);\nCREATE TABLE d AS SELECT 1;\nCREATE TABLE e(x",
            &[("a.jsonl", &["id"]), ("b.jsonl", &["y", "x"])],
        );
    }
}
