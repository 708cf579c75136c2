//! Makes the output of `SHOW CREATE TABLE` loadable, and reads the columns that it names.
//!
//! What Dolt (1.88.1) shows does not always make the same table again, and is put right here:
//!
//! - It shows the DEFAULT of an ENUM as its member's number and that of a SET as its bits (`DEFAULT '2'`), which no server
//!   takes back, and shows members without escaping their backslashes.
//! - It shows the DEFAULT of a DECIMAL in a spelling that depends on its version, and a file must not: see [`canonical_decimal`].
//! - It shows the index that comes with a foreign key, which would be one of the user's own then.
//!
//! All other statements load as they are. (Dolt itself forgets the comment of a table whose key is a clause of its own,
//! as it shows all keys.)

use dolt_store::sql::canonical_decimal;

use crate::model::sql_literal::text_literal;

/// A `CREATE TABLE` statement, with what is needed to put rows into the table.
#[derive(Debug, PartialEq, Eq)]
pub struct CreateTable {
    /// The statement as it can be loaded, without an end.
    pub statement: String,
    pub columns: Vec<Column>,
}

/// A column of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Whether its values are generated, and cannot be put in.
    pub is_generated: bool,
    /// The members of an ENUM.
    pub members: Option<Vec<String>>,
}

/// Reads a statement as Dolt shows it; `None` for one that has not its form.
pub fn read(shown: &str) -> Option<CreateTable> {
    let mut rest = shown.strip_prefix("CREATE TABLE ")?;
    quoted(&mut rest, '`', false)?;
    rest = rest.strip_prefix(" (\n")?;
    let mut created =
        CreateTable { statement: shown[..shown.len() - rest.len()].to_owned(), columns: Vec::new() };
    // Keys and constraints come after the columns, and begin with a word.
    while rest.starts_with("  `") {
        column(&mut rest, &mut created)?;
    }
    created.statement.push_str(&without_implied_indexes(rest));
    Some(created)
}

/// Takes out the indexes that come with foreign keys: named as these, over their columns, and nothing more. (One that
/// was made for a key without a name has that of its column, like others.)
fn without_implied_indexes(keys: &str) -> String {
    let mut kept = keys.to_owned();
    for (at, before) in keys.match_indices("\n  CONSTRAINT ") {
        let Some((name, columns)) = foreign_key(&keys[at + before.len()..]) else { continue };
        let index = format!("  KEY {name} {columns},\n");
        let line =
            kept.match_indices(&index).map(|(at, _)| at).find(|&at| at == 0 || kept[..at].ends_with('\n'));
        if let Some(at) = line {
            kept.replace_range(at..at + index.len(), "");
        }
    }
    kept
}

/// The name and the columns of a foreign key as they are written, from the name on.
fn foreign_key(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    quoted(&mut rest, '`', false)?;
    let name = &text[..text.len() - rest.len()];
    let columns = rest.strip_prefix(" FOREIGN KEY ")?;
    rest = columns.strip_prefix('(')?;
    loop {
        quoted(&mut rest, '`', false)?;
        if let Some(after) = rest.strip_prefix(')') {
            return Some((name, &columns[..columns.len() - after.len()]));
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// Reads one column with what separates it from the next, and appends it.
fn column(rest: &mut &str, created: &mut CreateTable) -> Option<()> {
    let start = *rest;
    *rest = rest.strip_prefix("  ")?;
    let name = quoted(rest, '`', false)?;
    *rest = rest.strip_prefix(' ')?;
    created.statement.push_str(&start[..start.len() - rest.len()]);
    let kind = ["enum(", "set(", "decimal("].into_iter().find(|kind| rest.starts_with(kind)).unwrap_or("");
    let members = match kind {
        "enum(" | "set(" => members(rest, kind, &mut created.statement)?,
        _ => Vec::new(),
    };
    let mut is_generated = false;
    let mut depth = 0_usize;
    loop {
        if depth == 0 {
            is_generated |= rest.starts_with(" GENERATED ALWAYS AS ");
            if let Some(after) = rest.strip_prefix(" DEFAULT '").filter(|_| !kind.is_empty())
                && let Some((number, after)) = after.split_once('\'')
                && let Some(default) = default(number, kind, &members)
            {
                created.statement.push_str(&format!(" DEFAULT {}", text_literal(&default)));
                *rest = after;
                continue;
            }
            if let Some(after) = rest.strip_prefix(",\n") {
                created.statement.push_str(",\n");
                *rest = after;
                break;
            }
            if rest.starts_with("\n)") {
                break;
            }
        }
        let from = *rest;
        let char = rest.chars().next()?;
        match char {
            '\'' | '"' | '`' => {
                quoted(rest, char, char != '`')?;
            }
            _ => *rest = &rest[char.len_utf8()..],
        }
        match char {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        created.statement.push_str(&from[..from.len() - rest.len()]);
    }
    let members = (kind == "enum(").then_some(members);
    created.columns.push(Column { name, is_generated, members });
    Some(())
}

/// Reads the members of an ENUM or SET, and appends them as they can be loaded.
fn members(rest: &mut &str, kind: &str, out: &mut String) -> Option<Vec<String>> {
    *rest = rest.strip_prefix(kind)?;
    out.push_str(kind);
    let mut members = Vec::new();
    loop {
        let member = quoted(rest, '\'', false)?;
        out.push_str(&text_literal(&member));
        members.push(member);
        if let Some(after) = rest.strip_prefix(')') {
            *rest = after;
            out.push(')');
            return Some(members);
        }
        *rest = rest.strip_prefix(',')?;
        out.push(',');
    }
}

/// The text of a default that is shown as a number; `None` for one that is not.
fn default(number: &str, kind: &str, members: &[String]) -> Option<String> {
    if kind == "decimal(" {
        return canonical_decimal(number);
    }
    let number: u64 = number.parse().ok()?;
    if kind == "enum(" {
        return members.get(usize::try_from(number).ok()?.checked_sub(1)?).cloned();
    }
    if number.checked_shr(members.len().try_into().ok()?).unwrap_or(0) != 0 {
        return None;
    }
    let set = members.iter().enumerate().filter(|(bit, _)| number >> bit & 1 == 1);
    Some(set.map(|(_, member)| member.as_str()).collect::<Vec<_>>().join(","))
}

/// Takes a quoted text from the front, quotes doubled within it; `escapes`: whether backslashes escape.
fn quoted(rest: &mut &str, quote: char, escapes: bool) -> Option<String> {
    let mut text = String::new();
    let mut chars = rest.char_indices();
    chars.next().filter(|(_, char)| *char == quote)?;
    while let Some((at, char)) = chars.next() {
        if char == quote {
            let after = &rest[at + quote.len_utf8()..];
            if !after.starts_with(quote) {
                *rest = after;
                return Some(text);
            }
            chars.next();
        } else if char == '\\' && escapes {
            text.push(chars.next()?.1);
            continue;
        }
        text.push(char);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_and_defaults() {
        let shown = "CREATE TABLE `a``b (\n  ` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `e` enum('a','b\\','c''d',',\n  `x`') \
            NOT NULL DEFAULT '3',\n  `s` set('x','y','z') DEFAULT '5' COMMENT 'DEFAULT ''1'',\n  `no` int',\n  \
            `g` int GENERATED ALWAYS AS ((`id` + length(',\n  )'))) STORED,\n  `v` varchar(20) DEFAULT 'it''s \\' GENERATED ALWAYS AS ',\n  \
            `n` enum('') COLLATE utf8mb4_bin DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  KEY `  ``e` (`e`)\n) ENGINE=InnoDB";
        let created = read(shown).expect("it is a statement");
        let names: Vec<_> = created.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "e", "s", "g", "v", "n"]);
        let generated: Vec<_> = created.columns.iter().filter(|column| column.is_generated).collect();
        assert!(matches!(generated.as_slice(), [column] if column.name == "g"));
        let members = created.columns[1].members.as_deref().expect("an ENUM");
        assert_eq!(members, ["a", "b\\", "c'd", ",\n  `x`"]);
        assert!(created.columns[2].members.is_none());
        let loadable = shown
            .replace("'b\\','c''d',',\n  `x`')", "'b\\\\','c''d',',\\n  `x`')")
            .replace("NOT NULL DEFAULT '3'", "NOT NULL DEFAULT 'c''d'")
            .replace("DEFAULT '5'", "DEFAULT 'x,z'");
        assert_eq!(created.statement, loadable);
    }

    #[test]
    fn defaults_of_nothing_and_of_too_much_stay() {
        for (shown, loadable) in [
            ("set('a') DEFAULT '0'", "set('a') DEFAULT ''"),
            ("set('a') DEFAULT '2'", "set('a') DEFAULT '2'"),
            ("enum('a') DEFAULT '0'", "enum('a') DEFAULT '0'"),
            ("enum('a') DEFAULT 'a'", "enum('a') DEFAULT 'a'"),
            ("int DEFAULT '1'", "int DEFAULT '1'"),
            ("decimal(20,5) NOT NULL DEFAULT '1000.00000'", "decimal(20,5) NOT NULL DEFAULT '1000'"),
            ("decimal(20,10) DEFAULT '-1.230E-7'", "decimal(20,10) DEFAULT '-0.000000123'"),
            ("decimal(5,2) DEFAULT 'NaN'", "decimal(5,2) DEFAULT 'NaN'"),
            (
                "decimal(5,2) DEFAULT ((1.10 + 2)) COMMENT ' DEFAULT ''1.0'",
                "decimal(5,2) DEFAULT ((1.10 + 2)) COMMENT ' DEFAULT ''1.0'",
            ),
            ("double DEFAULT '1.0'", "double DEFAULT '1.0'"),
        ] {
            let whole = |column: &str| format!("CREATE TABLE `t` (\n  `c` {column}\n) ENGINE=InnoDB");
            assert_eq!(read(&whole(shown)).expect(shown).statement, whole(loadable));
        }
    }

    #[test]
    fn indexes_of_foreign_keys_are_left_to_these() {
        let whole = |keys: &str| {
            let constraints = "  CONSTRAINT `f``x` FOREIGN KEY (`a`,`b`) REFERENCES `t` (`c`,`d`),\n  \
                CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `t` (`c`),\n  CONSTRAINT `h` CHECK (1)\n) ENGINE=InnoDB";
            format!("CREATE TABLE `t` (\n  `a` int,\n  `b` int,\n{keys}{constraints}")
        };
        let kept = "  KEY `a` (`a`),\n  UNIQUE KEY `g` (`a`),\n  KEY `h` (`b`),\n";
        let shown = whole(&format!("  KEY `f``x` (`a`,`b`),\n{kept}"));
        assert_eq!(read(&shown).expect("it is a statement").statement, whole(kept));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for shown in [
            "",
            "CREATE VIEW `v`",
            "CREATE TABLE t (",
            "CREATE TABLE `t` (\n  `a",
            "CREATE TABLE `t` (\n  `a` enum(1)",
        ] {
            assert_eq!(read(shown), None, "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(  `|enum\\(|set\\(|decimal\\(| DEFAULT '|[(),'`\"\\\\\n é1])*") {
            read(&format!("CREATE TABLE `t` (\n{text}"));
        }
    }
}
