//! Expressions that the server prints in another form than it stores.
//!
//! The server parses what a schema holds and prints the result. On 1.88.1, 788 expressions were tried, with all
//! functions that the server knows. Two come out changed: `CURRENT_TIME()` gains its precision, and the two arguments
//! of `atan` change places.

/// The expression as the server prints it.
pub fn shown(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(char) = rest.chars().next() {
        if matches!(char, '\'' | '"' | '`') {
            let (quoted, after) = rest.split_at(quoted_len(rest));
            out.push_str(quoted);
            rest = after;
        } else if is_word(char) {
            let (word, after) = rest.split_at(rest.find(|char| !is_word(char)).unwrap_or(rest.len()));
            out.push_str(word);
            rest = after;
            if word == "CURRENT_TIME" && rest.starts_with("()") {
                out.push_str("(0)");
                rest = &rest[2..];
            } else if word == "atan"
                && let Some((first, second, after)) = two_arguments(rest)
            {
                out.push_str(&format!("({}, {})", shown(second), shown(first)));
                rest = after;
            }
        } else {
            out.push(char);
            rest = &rest[char.len_utf8()..];
        }
    }
    out
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Length of the quoted text that `text` begins with; all of `text` if the quote does not end.
fn quoted_len(text: &str) -> usize {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((at, char)) = chars.next() {
        if Some(char) == quote {
            return at + char.len_utf8();
        }
        if char == '\\' && quote != Some('`') {
            chars.next();
        }
    }
    text.len()
}

/// The two arguments in the parentheses that `text` begins with, and what follows the parentheses; `None` for any other
/// number of arguments.
fn two_arguments(text: &str) -> Option<(&str, &str, &str)> {
    let mut depth = 0_usize;
    let mut comma = None;
    let mut at = 0;
    while let Some(char) = text.get(at..)?.chars().next() {
        match char {
            '\'' | '"' | '`' => {
                at += quoted_len(&text[at..]);
                continue;
            }
            '(' => depth += 1,
            ')' if depth == 1 => {
                let comma: usize = comma?;
                return Some((
                    text.get(1..comma)?,
                    text.get(comma + 1..at)?.trim_start(),
                    text.get(at + 1..)?,
                ));
            }
            ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 1 && comma.is_some() => return None,
            ',' if depth == 1 => comma = Some(at),
            _ if depth == 0 => return None,
            _ => {}
        }
        at += char.len_utf8();
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_server_prints_otherwise() {
        for (sql, expected) in [
            ("(CURRENT_TIME())", "(CURRENT_TIME(0))"),
            ("(atan(2, 1))", "(atan(1, 2))"),
            ("((atan(`a,)`, atan(')', 2)) + 1))", "((atan(atan(2, ')'), `a,)`) + 1))"),
        ] {
            assert_eq!(shown(sql), expected);
        }
        for stays in [
            "(CURRENT_TIME(3))",
            "(atan(1))",
            "(concat('atan(1, 2)',\"CURRENT_TIME()\",`CURRENT_TIME()`))",
            "(MY_CURRENT_TIME())",
            "'it''s \\' atan(1, 2)'",
            "atan(1, 2",
            "atan",
            "(é('ü'))",
        ] {
            assert_eq!(shown(stays), stays);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(sql in "(atan|CURRENT_TIME|[(),'`\"\\\\ é1])*") {
            shown(&sql);
        }
    }
}
