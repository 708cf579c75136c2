//! `schema.sql`: the statements that make the schema, as the file has them.

use super::relation::RelationListing;
use super::schema::{EntryKind, Schema, SchemaEntry, is_internal};

/// The file: comments on what is not shown, tables in the order in which they were made, indexes, views, triggers.
pub(super) fn compose(schema: &Schema, listing: &RelationListing) -> Vec<u8> {
    let mut file = Vec::new();
    for left_out in &listing.left_out {
        let line =
            format!("-- The {} {:?} is not shown: it {}.", left_out.what, left_out.name, left_out.reason);
        comment_line(&mut file, &line);
    }
    let order = [
        &[EntryKind::Table, EntryKind::VirtualTable][..],
        &[EntryKind::Index],
        &[EntryKind::View],
        &[EntryKind::Trigger],
    ];
    for kinds in order {
        for entry in schema.entries.iter().filter(|entry| kinds.contains(&entry.kind)) {
            add(&mut file, entry, schema, listing);
        }
    }
    file
}

fn add(file: &mut Vec<u8>, entry: &SchemaEntry, schema: &Schema, listing: &RelationListing) {
    let Some(sql) = &entry.sql else { return };
    // SQLite makes its own tables itself, and modules theirs.
    if is_internal(&entry.lossy_name) || schema.shadows.contains(&entry.lossy_name) {
        return;
    }
    let is_broken = |name: &str| listing.left_out.iter().any(|out| out.is_broken && out.name == name);
    if entry.kind == EntryKind::VirtualTable && is_broken(&entry.lossy_name) {
        for line in String::from_utf8_lossy(sql).lines() {
            comment_line(file, &format!("-- {line}"));
        }
        return;
    }
    file.extend_from_slice(sql);
    file.extend_from_slice(end_of(sql));
}

/// One line, whatever the names in it hold.
pub(super) fn comment_line(file: &mut Vec<u8>, text: &str) {
    file.extend(text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { byte }));
    file.push(b'\n');
}

/// What ends a statement: the stored text may end in a comment, which would swallow the semicolon.
pub(super) fn end_of(sql: &[u8]) -> &'static [u8] {
    let mut rest = sql;
    loop {
        let (skip, end): (usize, &[u8]) = match rest {
            [] => return b";\n",
            [b'-', b'-', ..] => (2, b"\n"),
            [b'/', b'*', ..] => (2, b"*/"),
            [b'\'', ..] => (1, b"'"),
            [b'"', ..] => (1, b"\""),
            [b'`', ..] => (1, b"`"),
            [b'[', ..] => (1, b"]"),
            _ => {
                rest = &rest[1..];
                continue;
            }
        };
        match rest[skip..].windows(end.len()).position(|window| window == end) {
            Some(at) => rest = &rest[skip + at + end.len()..],
            None if end == b"\n" => return b"\n;\n",
            None if end == b"*/" => return b"*/;\n",
            None => return b";\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_semicolon_stands_outside_of_comments() {
        for (sql, end) in [
            ("CREATE TABLE t(a)", ";\n"),
            ("CREATE VIEW v AS SELECT 1 -- one", "\n;\n"),
            ("CREATE VIEW v AS SELECT 1 -- one\n", ";\n"),
            ("CREATE VIEW v AS SELECT 1 /* one", "*/;\n"),
            ("CREATE VIEW v AS SELECT 1 /* one */", ";\n"),
            ("CREATE VIEW v AS SELECT '-- it''s', \"/*\", `--`, [--]", ";\n"),
            ("CREATE VIEW v AS SELECT 1 /* ' */ -- '", "\n;\n"),
            ("CREATE TABLE t(a -- first\n, b /* \" */)", ";\n"),
        ] {
            assert_eq!(end_of(sql.as_bytes()), end.as_bytes(), "{sql}");
        }
    }
}
