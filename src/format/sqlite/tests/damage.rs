//! Broken files: reading gives an error or the right rows, and ends in any case.

use super::*;
use crate::content::ErrorKind;

const SCRIPT: &str = "PRAGMA page_size=512; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c); CREATE INDEX i ON t(b);
    CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE VIEW v AS SELECT b, count(*) AS n FROM t GROUP BY b;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
    INSERT INTO t SELECT i, 'text ' || i, zeroblob(i * 60) FROM n; INSERT INTO w SELECT b, a FROM t;";

/// Reads all that there is. Returns the rows of each relation that could be read.
fn read_all(path: &Path) -> Vec<(String, Vec<u8>)> {
    let file = open(path);
    let Ok(listing) = file.listing() else { return Vec::new() };
    sound("the check", file.quick_check());
    let read = |relation: &Relation| Some((relation.name.to_string(), try_rows(&file, relation).ok()?));
    listing.shown.iter().filter_map(read).collect()
}

/// Flips each byte of a small database in turn. A flipped byte of a text gives another text, which nothing can tell.
/// But rows are never fewer or more than they were, unless SQLite's own check says that the file is broken.
#[test]
fn each_byte_flipped() {
    let (folder, path) = made_by(SCRIPT);
    let sound = read_all(&path);
    assert_eq!(sound.len(), 3);
    let bytes = std::fs::read(&path).expect("it is there");
    let step = if std::env::var_os("ASOF_LONG_TESTS").is_some() { 1 } else { 7 };
    println!("flipping one of every {step} of {} bytes", bytes.len());
    let broken = folder.path("broken.db");
    let mut failed = 0;
    for at in (0..bytes.len()).step_by(step) {
        let mut copy = bytes.clone();
        copy[at] ^= 0xff;
        std::fs::write(&broken, copy).expect("the folder is ours");
        let read = read_all(&broken);
        failed += usize::from(read.len() < sound.len());
        for (name, rows) in read.iter().filter(|(name, _)| name == "t" || name == "w") {
            let count = rows.iter().filter(|&&byte| byte == b'\n').count();
            if count != 12 {
                let messages = open(&broken).quick_check().expect("it can be opened").wrong;
                assert!(!messages.is_empty(), "byte {at}: {count} rows of {name}");
            }
        }
    }
    assert!(failed > 0, "nothing was noticed");
}

/// Random bytes of a larger database with all kinds of tables are changed: reading never panics and never hangs.
#[test]
fn random_bytes_flipped() {
    let (folder, path) = made_by("CREATE TABLE t(a TEXT PRIMARY KEY, b, g AS (length(b))); CREATE VIRTUAL TABLE f USING fts5(a, b);
         CREATE VIRTUAL TABLE f4 USING fts4(a, b); CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1);
         CREATE TABLE w(k, v, PRIMARY KEY(v DESC, k)) WITHOUT ROWID; CREATE VIEW v AS SELECT a, count(*) AS n FROM t JOIN w ON k = a;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
         INSERT INTO t SELECT i * 7919 % 1009 || ' word' || i, randomblob(i * 31 % 6000) FROM n;
         INSERT INTO f SELECT a, hex(substr(b, 1, 20)) FROM t; INSERT INTO f4 SELECT * FROM f; INSERT INTO w SELECT a, rowid FROM t;
         INSERT INTO box SELECT rowid, rowid, rowid + 1, 0, rowid * 2 FROM t; PRAGMA journal_mode=WAL;",
    );
    let bytes = std::fs::read(&path).expect("it is there");
    assert_eq!(read_all(&path).len(), 6);
    let rounds = if std::env::var_os("ASOF_LONG_TESTS").is_some() { 3000 } else { 100 };
    println!("{rounds} rounds over {} bytes", bytes.len());
    let broken = folder.path("broken.db");
    let mut state = 20_260_102_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..rounds {
        let mut copy = bytes.clone();
        for _ in 0..=random(20) {
            // Half of them in the first bytes of a page, where its structure is.
            let page = random(bytes.len() / 4096) * 4096;
            let at = if random(2) == 0 { page + random(64) } else { random(bytes.len()) };
            copy[at] = random(256) as u8;
        }
        std::fs::write(&broken, copy).expect("the folder is ours");
        read_all(&broken);
    }
}

#[test]
fn a_database_that_is_cut_short_is_an_error_and_not_fewer_rows() {
    let (folder, path) = made_by(SCRIPT);
    let sound = read_all(&path);
    let bytes = std::fs::read(&path).expect("it is there");
    let broken = folder.path("broken.db");
    for len in (1..bytes.len()).step_by(97) {
        std::fs::write(&broken, &bytes[..len]).expect("the folder is ours");
        for (name, rows) in read_all(&broken) {
            let whole = sound.iter().find(|(sound, _)| *sound == name).expect("it was there before");
            assert!(rows == whole.1, "{name} of {len} bytes");
        }
        let messages = open(&broken).quick_check().expect("it can be opened").wrong;
        assert!(!messages.is_empty(), "{len} bytes of {} are sound", bytes.len());
    }
}

#[test]
fn what_is_broken_is_said_with_what_to_do() {
    let (_folder, path) = made_by(SCRIPT);
    break_first_page(&path, "t", 512);
    let file = open(&path);
    let error = try_rows(&file, &relation(&file, "t")).expect_err("its first page is gone");
    is_error(&error, ErrorKind::Damaged, "cannot read table t of ");
    is_error(&error, ErrorKind::Damaged, "malformed");
    let hint = error.hint.expect("a hint");
    assert!(hint.contains("integrity_check") && hint.contains(".recover"), "{hint}");
    assert_eq!(rows(&file, "w").lines().count(), 12, "the other table is sound");
    assert!(!file.quick_check().expect("it can be read").wrong.is_empty());
}

/// A file that is encrypted, or of another program, may be sound: nobody can tell.
#[test]
fn what_is_no_plain_database_is_said_to_be_none_and_not_called_damaged() {
    let folder = SqliteFolder::new();
    let path = folder.path("noise.db");
    let noise: Vec<u8> =
        (0..8192_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(!is_sqlite(&noise[..100], 8192));
    std::fs::write(&path, noise).expect("the folder is ours");
    let error = open(&path).listing().expect_err("it is noise");
    is_error(&error, ErrorKind::Unsupported, "not a plain SQLite file");
    assert!(error.hint.expect("a hint").contains("encrypted"));
    assert_eq!(open(&path).quick_check().expect_err("it cannot be checked").kind, ErrorKind::Unsupported);
}

/// Makes the inner pages of a table, except its first one, refer to nothing but the next of them: a tree with more rows
/// than there are atoms.
fn knot(bytes: &mut [u8], path: &Path, table: &str) {
    const PAGE: usize = 512;
    let query = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}';");
    let root: u32 = sqlite3(path, &query).trim().parse().expect("a page");
    let query = format!(
        "SELECT pageno FROM dbstat WHERE name = '{table}' AND pagetype = 'internal' AND pageno <> {root};"
    );
    let inner: Vec<u32> = sqlite3(path, &query).lines().map(|line| line.parse().expect("a page")).collect();
    assert!(inner.len() > 5, "{inner:?}");
    for (&page, &next) in std::iter::once(&root).chain(&inner).zip(&inner) {
        let page = &mut bytes[(page as usize - 1) * PAGE..page as usize * PAGE];
        let header: usize = 12;
        let cells = usize::from(u16::from_be_bytes([page[3], page[4]]));
        for cell in 0..cells {
            let at = header + 2 * cell;
            let place = usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
            page[place..place + 4].copy_from_slice(&next.to_be_bytes());
        }
        page[8..12].copy_from_slice(&next.to_be_bytes());
    }
}

#[test]
fn a_tree_without_end_ends() {
    let (folder, path) = made_by("PRAGMA page_size=512; CREATE TABLE t(a); CREATE TABLE k(a TEXT PRIMARY KEY); CREATE TABLE s(rowid, oid, _rowid_);
         CREATE TABLE w(a PRIMARY KEY) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO t SELECT 'row ' || i FROM n; INSERT INTO k SELECT a FROM t; INSERT INTO s SELECT a, 1, 2 FROM t;
         INSERT INTO w SELECT a FROM t;",
    );
    let mut bytes = std::fs::read(&path).expect("it is there");
    for (name, problem) in
        [("t", "out of order"), ("k", "out of order"), ("s", "more rows than"), ("w", "malformed")]
    {
        knot(&mut bytes, &path, name);
        let broken = folder.path("broken.db");
        std::fs::write(&broken, &bytes).expect("the folder is ours");
        let file = open(&broken);
        let error = try_rows(&file, &relation(&file, name)).expect_err("it has no end");
        is_error(&error, ErrorKind::Damaged, problem);
        assert!(!file.quick_check().expect("it can be read").wrong.is_empty());
    }
}
