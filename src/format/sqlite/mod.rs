//! SQLite files: each table and view as rows in JSON lines, and the schema as SQL.
//!
//! Nobody writes to a file while it is read: nothing is locked, and nothing is written or created beside it. Each read
//! has its own connection, read-only and *immutable*. A `-wal` or a hot `-journal` that belongs to the file is applied
//! to a private copy (`merge`), and the copy is read. SQLite itself does all reading (ADR 8).
//!
//! SQLite gets open files, never a path to follow (`handle`). A process of its own runs what the file computes, such as
//! a view; it ends when it takes too much or when nobody waits for it (`worker`, ADR 8).
//!
//! Everything here may block, except for making a [`SqliteFile`] and its contents.

pub(crate) use self::file::SqliteFile;
pub(crate) use self::format::SQLITE;
pub(crate) use self::header::{Plain, is_plain};
pub use self::limits::{RUNNING, set_running};
pub(crate) use self::relation::{Relation, RelationKind};
pub use self::worker::{ARGUMENT, answer_one, use_processes};

mod check;
mod connection;
mod contents;
mod dump;
mod file;
mod format;
mod handle;
mod header;
mod limits;
mod listing;
mod merge;
mod problem;
mod query;
mod query_queue;
mod ran_out;
mod recent;
mod relation;
mod rows;
mod schema;
mod schema_sql;
mod select;
mod stand_ins;
mod statement;
#[cfg(test)]
mod tests;
mod views;
mod worker;

/// How names of SQLite databases end, in lower case.
const NAME_ENDINGS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// Whether a file of `len` bytes that begins with `head` is one of SQLite's, as far as it can be shown.
pub(crate) fn is_sqlite(head: &[u8], len: u64) -> bool {
    is_plain(head, len) == Plain::Yes
}
