//! `schema.sql`: all definitions, as `pg_restore --schema-only --no-owner --no-acl` would give them to psql, and the
//! state of the sequences, which no other file of the snapshot has.

use super::toc::{Toc, TocEntry};

/// Renders the file: in UTF-8, or else in the encoding of the dump. Its first statement names the encoding.
pub(super) fn schema_sql(toc: &Toc) -> Vec<u8> {
    let mut script = Script { out: Vec::new(), search_path: None, tablespace: None, access_method: None };
    script.settings(toc);
    let search_path_is_set = toc.only("SEARCHPATH").is_some();
    let shown = || toc.entries.iter().filter(|entry| is_shown(entry));
    let is_last = |entry: &&TocEntry| comes_last(entry);
    for entry in shown().filter(|entry| !is_last(entry)).chain(shown().filter(is_last)) {
        script.entry(entry, search_path_is_set);
    }
    script.out
}

/// Whether an entry defines something that every restore makes.
fn is_shown(entry: &TocEntry) -> bool {
    // The first three are settings; databases and privileges belong to the server; large objects are data.
    const LEFT_OUT: [&[u8]; 12] = [
        b"ENCODING",
        b"STDSTRINGS",
        b"SEARCHPATH",
        b"DATABASE",
        b"DATABASE PROPERTIES",
        b"ACL",
        b"ACL LANGUAGE",
        b"DEFAULT ACL",
        b"BLOB",
        b"BLOB METADATA",
        b"STATISTICS DATA",
        b"<Init>",
    ];
    let is_about =
        |what: &[u8]| (entry.is("COMMENT") || entry.is("SECURITY LABEL")) && entry.tag.starts_with(what);
    let is_left_out = LEFT_OUT.contains(&&*entry.kind)
        || is_about(b"DATABASE ")
        || is_about(b"LARGE OBJECT ")
        // Old archives make the schema that every database has.
        || entry.is("SCHEMA") && *entry.tag == *b"public";
    !entry.definition.is_empty() && !entry.has_dumper && !is_left_out
}

/// Whether an entry comes after all others, whatever its place in the table of contents.
fn comes_last(entry: &TocEntry) -> bool {
    entry.is("EVENT TRIGGER")
        || entry.is("MATERIALIZED VIEW DATA")
        || (entry.is("COMMENT") || entry.is("SECURITY LABEL")) && entry.tag.starts_with(b"EVENT TRIGGER ")
}

/// The script, with the settings that hold at its end so far.
struct Script {
    out: Vec<u8>,
    search_path: Option<Box<[u8]>>,
    tablespace: Option<Box<[u8]>>,
    access_method: Option<Box<[u8]>>,
}

impl Script {
    fn settings(&mut self, toc: &Toc) {
        self.push(b"-- The definitions of ");
        self.comment(&toc.header.database);
        self.push(b", dumped from PostgreSQL ");
        self.comment(&toc.header.server);
        self.push(b" by pg_dump ");
        self.comment(&toc.header.pg_dump);
        self.push(b".\n\n");
        for setting in ["ENCODING", "STDSTRINGS", "SEARCHPATH"] {
            if setting == "ENCODING" && toc.text.is_ok_and(|encoding| !encoding.is_utf8()) {
                self.push(b"SET client_encoding = 'UTF8';\n");
            } else if let Some(entry) = toc.only(setting) {
                self.push(entry.definition.trim_ascii_end());
                self.push(b"\n");
            }
        }
        self.push(b"SET check_function_bodies = false;\nSET xmloption = content;\n");
        self.push(b"SET client_min_messages = warning;\nSET row_security = off;\n\n");
    }

    fn entry(&mut self, entry: &TocEntry, search_path_is_set: bool) {
        if !search_path_is_set && !entry.schema().is_empty() {
            self.select_schema(entry.schema());
        }
        let is_partitioned = entry.relkind == Some(b'p');
        self.select(b"default_tablespace", entry.tablespace.as_deref(), |script| &mut script.tablespace);
        // A partitioned table stores nothing: it is made first, and an ALTER TABLE then sets what its partitions use.
        if !is_partitioned {
            let method = entry.access_method.as_deref();
            self.select(b"default_table_access_method", method, |script| &mut script.access_method);
        }
        self.push(b"-- Name: ");
        self.comment(&entry.tag);
        self.push(b"; Type: ");
        self.comment(&entry.kind);
        self.push(b"; Schema: ");
        self.comment(if entry.schema().is_empty() { b"-" } else { entry.schema() });
        self.push(b"; Owner: -\n");
        self.push(entry.definition.trim_ascii_end());
        self.push(b"\n\n");
        if let (true, Some(method)) = (is_partitioned, entry.access_method.as_deref()) {
            self.push(b"ALTER TABLE ");
            self.identifier(entry.schema());
            self.push(b".");
            self.identifier(&entry.tag);
            self.push(b" SET ACCESS METHOD ");
            self.identifier(method);
            self.push(b";\n\n");
        }
    }

    fn select_schema(&mut self, schema: &[u8]) {
        if self.search_path.as_deref() == Some(schema) {
            return;
        }
        self.push(b"SET search_path = ");
        self.identifier(schema);
        self.push(if schema == b"pg_catalog" { b";\n\n" } else { b", pg_catalog;\n\n" });
        self.search_path = Some(schema.into());
    }

    /// Makes a setting hold. An entry that has no value for it takes any.
    fn select(
        &mut self,
        setting: &[u8],
        wanted: Option<&[u8]>,
        held: fn(&mut Self) -> &mut Option<Box<[u8]>>,
    ) {
        let Some(wanted) = wanted else { return };
        if held(self).as_deref() == Some(wanted) {
            return;
        }
        self.push(b"SET ");
        self.push(setting);
        self.push(b" = ");
        if wanted.is_empty() {
            self.push(b"''");
        } else {
            self.identifier(wanted);
        }
        self.push(b";\n\n");
        *held(self) = Some(wanted.into());
    }

    fn push(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// Text from the archive within a comment: it must not end the line.
    fn comment(&mut self, text: &[u8]) {
        let one_line = |&byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
        self.out.extend(text.iter().map(one_line));
    }

    /// A quoted identifier: every name may be quoted.
    fn identifier(&mut self, name: &[u8]) {
        self.push(b"\"");
        for &byte in name {
            self.push(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
        }
        self.push(b"\"");
    }
}
