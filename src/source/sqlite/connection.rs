//! Connections to files that lie still and may be hostile.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::is_sqlite;
use super::problem::Problem;
use crate::source::stored::read_full;

/// The longest value and the longest stored row that is read, in bytes.
pub(super) const LONGEST_ROW: i32 = 128 * 1024 * 1024;

/// Steps of SQLite's virtual machine that one read takes at most, whatever the length of the file: some seconds.
const STEPS: u64 = 300_000_000;

/// The same for each byte of the file. A sound table takes a few: a column that a row has takes at least one byte, and
/// some five steps. Columns that were added to a table take none in its older rows.
const STEPS_PER_BYTE: u64 = 500;

/// How many steps pass between two looks at how many there were.
const STEPS_BETWEEN: i32 = 100_000;

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 8 * 1024;

/// Bytes of the header of every file that is not empty.
const HEADER: usize = 100;

/// How texts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// A connection to one file, with what is to be known of the file.
pub(super) struct Connected {
    pub(super) connection: Connection,
    /// Length of the file in bytes.
    pub(super) len: u64,
    /// How its texts are stored.
    pub(super) encoding: Encoding,
}

impl Connected {
    /// Opens a file that nobody writes to.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut header = [0; HEADER];
        read_full(&mut &file, &mut header)?;
        // SQLite takes a file of a few bytes for an empty database.
        if len > 0 && !(len >= HEADER as u64 && is_sqlite(&header, len)) {
            return Err(Problem::NotADatabase);
        }
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(immutable_uri(path.as_os_str()), flags)?;
        harden(&connection)?;
        let most = STEPS.saturating_add(len.saturating_mul(STEPS_PER_BYTE));
        let mut steps = 0_u64;
        let handler = move || {
            steps += STEPS_BETWEEN as u64;
            steps > most
        };
        connection.progress_handler(STEPS_BETWEEN, Some(handler))?;
        Ok(Self { connection, len, encoding: encoding(&header) })
    }
}

/// Switches off what a schema could do harm with. The file may come from anybody.
pub(super) fn harden(connection: &Connection) -> Result<(), Problem> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_ROW)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A mapped file that is cut while it is read ends the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(())
}

/// The URI under which SQLite opens a file without looking for what lies beside it.
fn immutable_uri(path: &OsStr) -> String {
    let mut uri = "file://".to_owned();
    for &byte in path.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// What the header says (sqlite.org/fileformat2.html, 1.3.13). One of a file without a table need not say anything.
fn encoding(header: &[u8; HEADER]) -> Encoding {
    match header[56..60] {
        [0, 0, 0, 2] => Encoding::Utf16Le,
        [0, 0, 0, 3] => Encoding::Utf16Be,
        _ => Encoding::Utf8,
    }
}
