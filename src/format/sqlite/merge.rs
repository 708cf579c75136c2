//! Merges a database with the files that belong to it: a write-ahead log, or the journal of an interrupted transaction.
//!
//! SQLite applies both to the database that it opens. So it gets a private copy, which is then read like any other
//! file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection::harden;
use super::problem::{Result, SqliteProblem};
use crate::format::blob::{Blob, Spool, TemporaryFolder, explained, read_full};
use crate::format::error::invalid;

/// What a log begins with, except for the last bit, which is the byte order of its checksums
/// (sqlite.org/fileformat2.html, 4.1).
const WAL_MAGIC: u32 = 0x377f_0682;

/// What a rollback journal begins with, and what it ends with if it names another journal (sqlite.org/fileformat2.html,
/// 3).
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// How many bytes of either tell what it is.
const HEAD: usize = 32;

/// Whether a file begins like a write-ahead log that may hold changes. SQLite leaves empty ones behind.
pub(super) fn is_wal(head: &[u8]) -> bool {
    let magic = head.first_chunk().map(|magic| u32::from_be_bytes(*magic) & !1);
    head.len() == HEAD && magic == Some(WAL_MAGIC)
}

/// Whether a file begins like a journal that may have something to undo. SQLite zeroes or empties all others.
pub(super) fn is_hot_journal(head: &[u8]) -> bool {
    head.starts_with(&JOURNAL_MAGIC)
}

/// A part that exists and has to be applied.
pub(super) fn if_it_counts(
    stored: Option<&Arc<dyn Blob>>,
    counts: impl Fn(&[u8]) -> bool,
) -> io::Result<Option<&dyn Blob>> {
    let Some(stored) = stored else { return Ok(None) };
    let mut head = [0; HEAD];
    let count = read_full(&mut stored.read()?, &mut head)?;
    Ok(counts(&head[..count]).then_some(&**stored))
}

/// The database with the files beside it applied.
pub(super) fn merged(db: &dyn Blob, wal: Option<&dyn Blob>, journal: Option<&dyn Blob>) -> Result<Spool> {
    let parts = [Some(db), wal, journal].into_iter().flatten();
    let needed = parts.map(|stored| stored.len()).fold(0, u64::saturating_add);
    let full = |problem| match problem {
        SqliteProblem::Io(error) => SqliteProblem::Io(explained(error, needed)),
        SqliteProblem::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            SqliteProblem::Io(explained(io::ErrorKind::StorageFull.into(), needed))
        }
        other => other,
    };
    in_a_folder(db, wal, journal).map_err(full)
}

fn in_a_folder(db: &dyn Blob, wal: Option<&dyn Blob>, journal: Option<&dyn Blob>) -> Result<Spool> {
    let folder = TemporaryFolder::new()?;
    let path = folder.path().join("db");
    copy(db, &path)?;
    if let Some(wal) = wal {
        copy(wal, &folder.path().join("db-wal"))?;
    }
    if let Some(journal) = journal {
        let mut copied = copy(journal, &folder.path().join("db-journal"))?;
        if names_another_journal(&mut copied)? {
            return Err(SqliteProblem::SuperJournal);
        }
    }
    settle(&path)?;
    Ok(Spool::of(&path)?)
}

fn copy(stored: &dyn Blob, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut to = options.read(true).write(true).create_new(true).mode(0o600).open(path)?;
    let len = match stored.as_file() {
        // The kernel copies from file to file, and shares the blocks if the file system can.
        Some(file) => {
            let mut from = file.open()?;
            let len = io::copy(&mut from, &mut to)?;
            file.check(&from)?;
            len
        }
        None => io::copy(&mut stored.read()?, &mut to)?,
    };
    if len != stored.len() {
        return Err(invalid(format!("{} states {} bytes and has {len}", stored.describe(), stored.len())));
    }
    Ok(to)
}

/// Whether a journal names another file that decides about it. SQLite would look for that file anywhere and remove it.
fn names_another_journal(journal: &mut File) -> io::Result<bool> {
    let len = journal.seek(SeekFrom::End(0))?;
    let Some(start) = len.checked_sub(JOURNAL_MAGIC.len() as u64) else { return Ok(false) };
    journal.seek(SeekFrom::Start(start))?;
    let mut end = [0; JOURNAL_MAGIC.len()];
    journal.read_exact(&mut end)?;
    Ok(end == JOURNAL_MAGIC)
}

/// Lets SQLite recover a copy, so that the database file alone holds everything.
fn settle(path: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    harden(&connection)?;
    // In the memory of this process, rather than in a file that several share.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // Nothing here has to outlast a crash.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    connection.query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}
