//! Quotes texts and revisions for SQL: queries use the text protocol, so every operand is written into the query.

use crate::source::dolt::common::ident;

/// `text` as a string literal. Right for the `sql_mode` that [`super::pool`] sets, in which backslash escapes.
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for char in text.chars() {
        match char {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// String literals joined by commas, for `IN (...)` and arguments.
pub fn literals<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<_> = texts.into_iter().map(|text| literal(text.as_ref())).collect();
    quoted.join(", ")
}

/// Ends a query for rows. Dolt 2.2.0 sends the rows of a plain query by a faster path that leaves out JSON, geometry and
/// vectors that are stored out of line. With a limit it takes the old path.
pub const ALL_ROWS: &str = " LIMIT 9223372036854775807";

/// Where in a database's history something is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// A commit, by its hash.
    Commit(std::sync::Arc<str>),
    /// The working set of the default branch.
    Working,
}

impl Revision {
    /// ` AS OF '<hash>'`, or nothing for the working set, which a plain query reads.
    pub fn as_of(&self) -> String {
        match self {
            Self::Commit(hash) => format!(" AS OF {}", literal(hash)),
            Self::Working => String::new(),
        }
    }

    /// The database at this revision as a quoted identifier: `` `db/<hash>` ``. Unlike `AS OF`, it makes a view
    /// read with the definition, and its tables with the rows, of that commit.
    pub fn database(&self, name: &str) -> String {
        match self {
            Self::Commit(hash) => ident(&format!("{name}/{hash}")),
            Self::Working => ident(name),
        }
    }

    /// How messages name it: `at 3fk0…`, `in the working set`.
    pub fn describe(&self) -> String {
        match self {
            Self::Commit(hash) => format!("at {}", short(hash)),
            Self::Working => "in the working set".to_owned(),
        }
    }
}

/// A hash cut for messages.
pub fn short(hash: &str) -> String {
    match hash.char_indices().nth(8) {
        Some((end, _)) => format!("{}…", &hash[..end]),
        None => hash.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_escape_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r"'a\\''b'");
        assert_eq!(literals(["a", "b'"]), "'a', 'b'''");
    }

    #[test]
    fn revisions_read_by_hash() {
        let commit = Revision::Commit("0123456789".into());
        assert_eq!(commit.as_of(), " AS OF '0123456789'");
        assert_eq!(commit.database("a`b"), "`a``b/0123456789`");
        assert_eq!(commit.describe(), "at 01234567…");
        assert_eq!(Revision::Working.database("b"), "`b`");
    }
}
