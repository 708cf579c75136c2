//! Broken and hostile archives of `pg_dump -Fc`: an error or the right bytes, wherever a checksum can tell.

use std::fs;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::pg_dump::PgDump;
use super::dumps::{archives_folder, written};
use super::server::Server;
use super::{Shown, flipped, is_error, json_lines, read_at, run, shown, sound};
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::InMemory;

/// Two small tables: an archive of a few thousand bytes.
pub(super) const SMALL: &str =
    "CREATE TABLE a (id integer, v text, j jsonb); CREATE TABLE b (n numeric, at timestamptz);
    INSERT INTO a SELECT i, 'value ' || i, '{\"a\": [1, 2]}' FROM generate_series(1, 20) i;
    INSERT INTO b VALUES (1.50, '2026-01-02 03:04:05+00'), (NULL, NULL);";

fn opened(bytes: &[u8]) -> Result<PgDump, SourceError> {
    PgDump::open(&Arc::from("archive /dumps"), Arc::new(InMemory::new(bytes)))
}

/// What bytes are shown as, if they are an archive at all.
fn shown_of(bytes: &[u8]) -> Option<Shown> {
    Some(shown(&opened(bytes).ok()?.files()))
}

/// Where the first block of data begins, by the table of contents.
fn data_start(shown: &Shown) -> usize {
    let entries = json_lines(shown["toc.jsonl"].as_ref().expect("it is whole"));
    let offsets = entries.iter().filter_map(|entry| entry["data_offset"].as_u64());
    usize::try_from(offsets.min().expect("it has data")).expect("it is small")
}

/// Checks that whatever is shown is JSON, line by line.
fn check_lines(shown: &Shown) {
    for (path, bytes) in shown.iter().filter(|(path, _)| path.ends_with(".jsonl")) {
        for line in bytes.iter().flat_map(|bytes| bytes.split_inclusive(|&byte| byte == b'\n')) {
            assert!(line.ends_with(b"\n"), "{path}");
            serde_json::from_slice::<&serde_json::value::RawValue>(line)
                .unwrap_or_else(|e| panic!("{path}: {e}"));
        }
    }
}

#[test]
fn a_flipped_byte_is_noticed_where_there_is_a_checksum() {
    let server = Server::start();
    server.create("small", SMALL);
    for (options, has_checksum) in [("--compress=9", true), ("--compress=0", false)] {
        let whole = server.dump("small", &[options]);
        let truth = shown_of(&whole).expect("it is whole");
        assert!(truth.values().all(Result::is_ok));
        let start = data_start(&truth);
        assert!((start + 100..20_000).contains(&whole.len()), "{start} of {}", whole.len());
        // Without a checksum, fewer positions show as much.
        for place in (0..whole.len()).step_by(if has_checksum { 1 } else { 7 }) {
            let broken = flipped(&whole, place);
            let Some(found) = shown_of(&broken) else { continue };
            check_lines(&found);
            // The table of contents itself has no checksum.
            if !has_checksum || place < start {
                continue;
            }
            for (path, outcome) in &found {
                let is_right = outcome.as_ref().is_ok_and(|bytes| Some(bytes) == truth[path].as_ref().ok());
                assert!(outcome.is_err() || is_right, "byte {place} of {}: {path} is wrong", whole.len());
            }
        }
        for len in 0..whole.len() {
            let Some(found) = shown_of(&whole[..len]) else { continue };
            let tables = found.iter().filter(|(path, _)| path.starts_with("public/"));
            let is_right = |path: &String, bytes: &Vec<u8>| Some(bytes) == truth[path].as_ref().ok();
            for (path, outcome) in tables {
                let fine = outcome.as_ref().map_or(true, |bytes| is_right(path, bytes));
                assert!(fine, "{len} of {} bytes: {path} is wrong", whole.len());
            }
            assert!(found.values().any(Result::is_err), "{len} of {} bytes pass for whole", whole.len());
        }
    }
}

/// LZ4 and Zstandard are written without checksums, so all that can be checked is: no panic, and whole lines of JSON.
#[test]
fn other_compressions_never_break_the_reader() {
    for (archive, step) in [("pg17-lz4.dump", 23), ("pg17-zstd-pipe.dump", 23)] {
        let whole = fs::read(archives_folder().join(archive)).expect("it is part of the sources");
        for place in (0..whole.len()).step_by(step) {
            let broken = flipped(&whole, place);
            check_lines(&shown_of(&broken).unwrap_or_default());
            check_lines(&shown_of(&whole[..place]).unwrap_or_default());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn random_heads_are_refused(
        version in 0_u8..20, sizes in any::<[u8; 2]>(), rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = b"PGDMP\x01".to_vec();
        bytes.extend([version, 0, sizes[0] % 10, sizes[1] % 10, 1]);
        bytes.extend(rest);
        if let Some(found) = shown_of(&bytes) {
            check_lines(&found);
        }
    }
}

/// Writes archives of any version, by the description in `pg_backup_archiver.c`.
pub(super) struct Writer {
    minor: u8,
    out: Vec<u8>,
}

impl Writer {
    fn new(minor: u8, entries: i32) -> Self {
        let mut writer = Self { minor, out: b"PGDMP\x01".to_vec() };
        writer.out.extend([minor, 0, 4, 8, 1]);
        match minor {
            ..15 => writer.int(0),
            _ => writer.out.push(0),
        }
        for part in [5, 4, 3, 2, 0, 126, 0] {
            writer.int(part);
        }
        for text in ["database", "15.1", "15.1"] {
            writer.text(Some(text));
        }
        writer.int(entries);
        writer
    }

    fn int(&mut self, int: i32) {
        self.out.push(u8::from(int < 0));
        self.out.extend(int.unsigned_abs().to_le_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        self.int(text.map_or(-1, |text| text.len() as i32));
        self.out.extend(text.unwrap_or_default().bytes());
    }

    /// An entry up to the place of its data.
    fn entry(&mut self, id: i32, kind: &str, section: i32, definition: &str, copy: Option<&str>) {
        self.int(id);
        self.int(i32::from(copy.is_some()));
        self.text(Some("0"));
        self.text(Some("0"));
        self.text(Some(if section == 1 { kind } else { "t" }));
        self.text(Some(kind));
        self.int(section);
        self.text(Some(definition));
        self.text(Some(""));
        self.text(copy);
        self.text((section != 1).then_some("public"));
        self.text(None);
        if self.minor >= 14 {
            self.text(None);
        }
        if self.minor >= 16 {
            self.int(0);
        }
        self.text(Some("owner"));
        self.text(Some("false"));
        self.text(None);
    }

    /// An entry without data.
    fn definition(&mut self, id: i32, kind: &str, section: i32, definition: &str) {
        self.entry(id, kind, section, definition, None);
        self.data_place(3, 0);
    }

    fn data_place(&mut self, state: u8, offset: u64) {
        self.out.push(state);
        self.out.extend(offset.to_le_bytes());
    }

    /// One table, whose data is said to be at `offset`; `None`: where it really is.
    pub(super) fn table(minor: u8, data: &str, offset: Option<u64>) -> Vec<u8> {
        let write = |offset| {
            let mut writer = Self::new(minor, 4);
            writer.definition(1, "ENCODING", 1, "SET client_encoding = 'UTF8';\n");
            writer.definition(2, "STDSTRINGS", 1, "SET standard_conforming_strings = 'on';\n");
            writer.definition(3, "TABLE", 2, "CREATE TABLE t (\n    id integer,\n    v text\n);\n");
            writer.entry(4, "TABLE DATA", 3, "", Some("COPY t (id, v) FROM stdin;\n"));
            writer.data_place(2, offset);
            writer
        };
        let end = write(0).out.len() as u64;
        let mut writer = write(offset.unwrap_or(end));
        writer.out.push(1);
        writer.int(4);
        writer.int(data.len() as i32);
        writer.out.extend(data.bytes());
        writer.int(0);
        writer.out
    }
}

const ROWS: &str = "1\tone\n2\t\\N\n\\.\n\n\n";

#[test]
fn every_version_of_the_format_is_read() {
    let server = Server::start();
    for minor in 12..=16 {
        let bytes = Writer::table(minor, ROWS, None);
        let (file, dump) = written(&bytes);
        assert_eq!(dump.header().created, [2026, 1, 2, 3, 4, 5]);
        let rows = sound("public/t.jsonl", read_at(&dump.files(), "public/t.jsonl"));
        assert_eq!(rows, b"{\"id\":1,\"v\":\"one\"}\n{\"id\":2,\"v\":null}\n");
        // `pg_restore` decides whether this is such an archive, if it knows the version.
        let output = run(server.client("pg_restore").args(["-a", "-f", "-"]).arg(file.path()));
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success() || script.contains("FROM stdin;\n1\tone\n2\t\\N\n\\.\n"),
            "{script}"
        );
        assert!(output.status.success() || minor > 14, "{}", String::from_utf8_lossy(&output.stderr));
    }
    for minor in [0, 11, 17, 255] {
        let mut bytes = Writer::table(14, ROWS, None);
        bytes[6] = minor;
        let error = opened(&bytes).err().expect("no such version is read");
        is_error(&error, ErrorKind::Unsupported, &format!("1.{minor}"));
    }
}

/// A wrong row is reported with its line.
#[test]
fn wrong_rows_are_refused_with_their_line() {
    for (data, problem) in [
        ("1\tone\n2\n\\.\n", "line 2 of its data: 1 values for 2 columns"),
        ("1\tone\ttwo\n\\.\n", "line 1 of its data: more values than 2 columns"),
        ("1\tone\n\n\\.\n", "line 2 of its data: column \"id\": an integer should be here"),
        ("1\tone\nx\ttwo\n\\.\n", "line 2 of its data: column \"id\": an integer should be here"),
        ("1\t\\q\n\\.\n", "line 1 of its data: column \"v\": an unknown escape"),
        ("1\t\\377\n\\.\n", "line 1 of its data: column \"v\": it is not UTF-8"),
        ("1\tone\n", "line 2 of its data: the data ends here, without its end mark"),
        ("1\tone", "line 1 of its data: the data ends here, without its end mark"),
        ("1\tone\n\\.\n2\ttwo\n", "something follows the end mark"),
    ] {
        let (_file, dump) = written(&Writer::table(14, data, None));
        let error = read_at(&dump.files(), "public/t.jsonl").expect_err(data);
        is_error(&error, ErrorKind::Damaged, problem);
        assert!(error.hint.is_some());
    }
}

#[test]
fn hostile_counts_lengths_and_offsets_are_refused_at_once() {
    let good = Writer::table(14, ROWS, None);
    for offset in [0, 5, 100, good.len() as u64, good.len() as u64 - 1, u64::MAX] {
        let (_file, dump) = written(&Writer::table(14, ROWS, Some(offset)));
        let error = read_at(&dump.files(), "public/t.jsonl").expect_err("nothing is there");
        assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
    }
    let open = |bytes: &[u8]| opened(bytes).err().map(|error| error.chain());
    for count in [-1, 5, i32::MAX] {
        let mut bytes = good.clone();
        let encoding = bytes.windows(8).position(|bytes| bytes == b"ENCODING").expect("the first entry");
        let head = bytes[..encoding].windows(5);
        let place = head.rev().position(|bytes| bytes == [0, 4, 0, 0, 0]).expect("the count of entries");
        let place = encoding - 5 - place;
        let mut writer = Writer { minor: 14, out: Vec::new() };
        writer.int(count);
        bytes.splice(place..place + 5, writer.out);
        assert!(open(&bytes).is_some(), "{count} entries");
    }
    // A string and a chunk that claim more bytes than there are.
    let mut bytes = good.clone();
    let place = bytes.windows(6).position(|bytes| bytes == b"CREATE").expect("its definition");
    bytes[place - 4..place].copy_from_slice(&i32::MAX.to_le_bytes());
    assert!(open(&bytes).is_some_and(|error| error.contains("a string of 2147483647 bytes")));
    let mut bytes = good.clone();
    let place = bytes.windows(5).position(|bytes| bytes == b"1\tone").expect("its data");
    for len in [i32::MAX, 0] {
        bytes[place - 4..place].copy_from_slice(&len.to_le_bytes());
        let (_file, dump) = written(&bytes);
        assert!(read_at(&dump.files(), "public/t.jsonl").is_err(), "a chunk of {len} bytes");
    }
    let id = good.windows(6).position(|bytes| bytes == [1, 0, 4, 0, 0, 0]).expect("the block");
    let mut bytes = good;
    bytes[id + 2] = 3;
    let (_file, dump) = written(&bytes);
    let error = read_at(&dump.files(), "public/t.jsonl").expect_err("it is another's block");
    assert!(error.chain().contains("entry 3"), "{}", error.chain());
}

/// A loop of parents does not run for ever.
#[test]
fn tables_that_inherit_from_themselves_end() {
    let mut writer = Writer::new(14, 3);
    writer.definition(1, "ENCODING", 1, "SET client_encoding = 'UTF8';\n");
    writer.definition(3, "TABLE", 2, "CREATE TABLE public.t (\n)\nINHERITS (public.t, t);\n");
    writer.entry(4, "TABLE DATA", 3, "", Some("COPY t (id) FROM stdin;\n"));
    writer.data_place(1, 0);
    let (_file, dump) = written(&writer.out);
    assert_eq!(dump.files().len(), 3);
    assert!(read_at(&dump.files(), "public/t.jsonl").is_err(), "its data is nowhere");
}

/// A dump that is written to while it is read gives an error that says so.
#[test]
fn a_dump_that_changes_is_not_mixed() {
    let (file, dump) = written(&Writer::table(14, ROWS, None));
    let files = dump.files();
    fs::write(file.path(), Writer::table(14, "7\tseven\n\\.\n", None)).expect("the file is ours");
    for path in ["public/t.jsonl", "schema.sql", "toc.jsonl"] {
        let error = read_at(&files, path).expect_err("it changed");
        assert_eq!(error.kind, ErrorKind::Changed, "{}", error.chain());
    }
}
