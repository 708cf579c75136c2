//! Whether a text of the schema is one statement: SQLite reads only the first one, but the shell that loads a dump
//! would run all of them, and commands of its own.

/// Whether the text is one statement, with or without its semicolon, as the `sqlite3` shell takes statements apart. The
/// semicolons within a trigger do not end it: only one after its `END` does.
pub(super) fn is_one_statement(sql: &[u8]) -> bool {
    let mut rest = sql;
    let mut is_ended = false;
    // Whether it begins with `CREATE`, or `CREATE TEMP`, which TRIGGER may follow; its type in the schema does not
    // count.
    let mut beginning = Beginning::Nothing;
    // Whether the last words were a semicolon, and then END: what ends a trigger with the next semicolon.
    let (mut after_semicolon, mut after_end) = (false, false);
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else { return true };
        if let Some(after) = comment(rest) {
            rest = after;
            continue;
        }
        if is_ended {
            return false;
        }
        let len = token_len(rest, first);
        let (token, after) = rest.split_at(len);
        rest = after;
        beginning = beginning.then(token);
        if first == b';' {
            is_ended = beginning != Beginning::Trigger || after_end;
            (after_semicolon, after_end) = (true, false);
        } else {
            after_end = after_semicolon && token.eq_ignore_ascii_case(b"end");
            after_semicolon = false;
        }
    }
}

/// How a statement begins, which tells a trigger from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    Nothing,
    Create,
    Temporary,
    Trigger,
    Other,
}

impl Beginning {
    fn then(self, token: &[u8]) -> Self {
        let is = |word: &str| token.eq_ignore_ascii_case(word.as_bytes());
        match self {
            Self::Nothing if is("create") => Self::Create,
            Self::Create if is("temp") || is("temporary") => Self::Temporary,
            Self::Create | Self::Temporary if is("trigger") => Self::Trigger,
            Self::Trigger => Self::Trigger,
            _ => Self::Other,
        }
    }
}

/// What follows the comment that a text begins with.
fn comment(text: &[u8]) -> Option<&[u8]> {
    let end: &[u8] = if text.starts_with(b"--") {
        b"\n"
    } else if text.starts_with(b"/*") {
        b"*/"
    } else {
        return None;
    };
    let at = text[2..].windows(end.len()).position(|window| window == end);
    Some(at.map_or(&[], |at| &text[2 + at + end.len()..]))
}

/// Length of the quoted text, the word or the sign that a text begins with.
fn token_len(text: &[u8], first: u8) -> usize {
    let end = match first {
        b'\'' | b'"' | b'`' => first,
        b'[' => b']',
        _ => {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
            return text.iter().take_while(|byte| is_word(byte)).count().max(1);
        }
    };
    text[1..].iter().position(|&byte| byte == end).map_or(text.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_statement_alone() {
        for sql in [
            "CREATE TABLE t(a DEFAULT ';', \"b;\", [c;], `d;`) -- ; e\n /* ; */",
            "CREATE TABLE t(a);",
            "CREATE TABLE t(a); -- done",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;",
        ] {
            assert!(is_one_statement(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn more_than_one() {
        for sql in [
            "CREATE TABLE t(a);\n.system touch x",
            "CREATE TABLE t(a); DROP TABLE u",
            "CREATE TABLE trigger(a); DROP TABLE u",
            "CREATE TABLE t(a) /* ; */; -- \nDROP TABLE u",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;\n.system touch x",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; eNd /* */ ; DROP TABLE t; END",
        ] {
            assert!(!is_one_statement(sql.as_bytes()), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(sql in any::<Vec<u8>>()) {
            is_one_statement(&sql);
        }
    }
}
