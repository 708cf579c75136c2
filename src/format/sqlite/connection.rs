//! Connects to files that nobody writes to and that may be hostile.

use std::fs::File;
use std::os::unix::fs::FileExt;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::handle;
use super::header::{HEADER, Plain, is_plain};
use super::problem::{LONGEST_ROW, Result, SqliteProblem};
use crate::content::Wanted;
use crate::memory::unpacking;

/// Most steps of SQLite's virtual machine in one read, whatever the length of the file: some seconds.
const STEPS: u64 = 300_000_000;

/// More steps for each byte of the file. A sound table takes a few: a column of a row takes at least one byte and some
/// five steps. Columns that were added to a table take none in its older rows.
const STEPS_PER_BYTE: u64 = 500;

/// Steps between two checks of their number.
const STEPS_BETWEEN: i32 = 100_000;

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 8 * 1024;

/// All files together may use one part in [`PAGES_PART`] of the memory for unpacking for their pages.
const PAGES_PART: i64 = 4;

/// Memory that SQLite may take beyond that, in bytes.
const BESIDE: i64 = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextEncoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// A connection to one file, with facts about the file.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) len: u64,
    pub(super) encoding: TextEncoding,
}

/// The limit that ends an endless query.
pub(super) enum Bound {
    /// A number of steps; the query also ends when nobody wants its answer.
    Steps(Wanted),
    /// Its process is killed from outside. SQLite may take this much memory, in bytes.
    Process { heap: u64 },
}

impl Connected {
    /// Opens a file that nobody writes to.
    pub(super) fn open(file: &File, bound: Bound) -> Result<Self> {
        let len = file.metadata()?.len();
        let mut header = [0; HEADER];
        // SQLite takes a file of a few bytes for an empty database.
        if len > 0 {
            let known = usize::try_from(len).unwrap_or(HEADER).min(HEADER);
            file.read_exact_at(&mut header[..known], 0)?;
            match is_plain(&header[..known], len) {
                Plain::Yes if known == HEADER => {}
                Plain::Yes | Plain::Damaged => return Err(SqliteProblem::NotADatabase),
                Plain::No => return Err(SqliteProblem::NotPlain),
            }
        }
        let mut connection = handle::connect(file)?;
        if let Bound::Process { heap } = bound {
            connection.pragma_update(None, "hard_heap_limit", i64::try_from(heap).unwrap_or(i64::MAX))?;
        }
        harden(&connection)?;
        if let Bound::Steps(wanted) = bound {
            // For all connections together: above the first limit they give pages back, above the second a query fails.
            let memory = i64::try_from(unpacking::most()).unwrap_or(i64::MAX);
            connection.pragma_update(None, "soft_heap_limit", memory / PAGES_PART)?;
            connection.pragma_update(None, "hard_heap_limit", memory.saturating_add(BESIDE))?;
            let most = STEPS.saturating_add(len.saturating_mul(STEPS_PER_BYTE));
            let mut steps = 0_u64;
            let handler = move || {
                steps += STEPS_BETWEEN as u64;
                steps > most || !wanted.is_wanted()
            };
            connection.progress_handler(STEPS_BETWEEN, Some(handler))?;
        }
        Ok(Self { connection, len, encoding: encoding(&header) })
    }
}

/// Switches off what a hostile schema could use.
pub(super) fn harden(connection: &Connection) -> Result<()> {
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
    // A mapped file that is truncated while it is read ends the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(())
}

/// The encoding that the header states (sqlite.org/fileformat2.html, 1.3.13). A file without a table need not state
/// one.
fn encoding(header: &[u8; HEADER]) -> TextEncoding {
    match header[56..60] {
        [0, 0, 0, 2] => TextEncoding::Utf16Le,
        [0, 0, 0, 3] => TextEncoding::Utf16Be,
        _ => TextEncoding::Utf8,
    }
}
