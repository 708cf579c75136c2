//! SQLite files: each table and view as rows in JSON lines, and the schema as SQL.
//!
//! A file lies still while it is read: nothing is locked, and nothing is written or made beside it. Each read has a
//! connection of its own, read-only and *immutable*. A `-wal` or a hot `-journal` that belongs to the file counts:
//! both are applied to a private copy (`merge`), and the copy is read. All reading is SQLite's own (ADR 27).
//!
//! Everything here may block, but for making a [`SqliteFile`] and asking it for a content.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::ErrorCode;
use sha2::{Digest, Sha256};

use self::connection::Connected;
pub(in crate::source) use self::dump::DumpContent;
use self::problem::Problem;
use self::relation::LeftOut;
pub(in crate::source) use self::relation::{Relation, RelationKind};
use self::rows::RowsContent;
use self::schema::Schema;
use self::schema_content::SchemaContent;
use super::stored::{Spool, Spools, Stored};
use super::{Closed, ErrorKind, SourceError};
use crate::model::content_id::ContentId;

mod connection;
mod dump;
mod merge;
mod problem;
mod relation;
mod rows;
mod schema;
mod schema_content;
mod schema_sql;
mod select;
mod statement;
#[cfg(test)]
mod tests;
mod views;

/// What every SQLite file of at least one page starts with (sqlite.org/fileformat2.html, 1.3.1).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How names of SQLite databases end, in lower case.
pub(in crate::source) const NAME_ENDINGS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// Most messages of a check that are told.
const MOST_MESSAGES: u32 = 100;

/// Whether a file of `len` bytes that begins with `head` is one of SQLite's. A file without bytes is an empty database.
/// What is encrypted looks like noise, and is not.
pub(in crate::source) fn is_sqlite(head: &[u8], len: u64) -> bool {
    len == 0 || head.starts_with(MAGIC)
}

/// Whether a path is called like a SQLite database.
pub(in crate::source) fn is_database_name(path: &str) -> bool {
    let end = path.rsplit_once('.').map(|(_, end)| end);
    end.is_some_and(|end| NAME_ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// A database file with what belongs to it.
pub(in crate::source) struct SqliteFile {
    label: Arc<str>,
    /// The database itself.
    db: Arc<dyn Stored>,
    /// What its name with `-wal` added holds, if there is such a file.
    wal: Option<Arc<dyn Stored>>,
    /// What its name with `-journal` added holds, if there is such a file.
    journal: Option<Arc<dyn Stored>>,
    spools: Arc<Spools>,
}

/// What the tables and views of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Listing {
    /// Those that can be shown, in the order in which they were made.
    pub(in crate::source) shown: Vec<Relation>,
    /// The others.
    pub(in crate::source) left_out: Vec<LeftOut>,
}

/// What the rendered rows of a table or view are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct RowsDigest {
    /// SHA-256 of the bytes.
    pub(in crate::source) sha256: [u8; 32],
    /// How many they are.
    pub(in crate::source) len: u64,
}

/// Where the database can be opened by name.
enum Place {
    /// The file itself.
    File(PathBuf),
    /// An unpacked or merged copy.
    Copy(Arc<Spool>),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Copy(spool) => spool.path(),
        }
    }
}

impl SqliteFile {
    /// A database with the files beside it. Reads nothing yet.
    pub(in crate::source) fn new(
        label: Arc<str>,
        db: Arc<dyn Stored>,
        wal: Option<Arc<dyn Stored>>,
        journal: Option<Arc<dyn Stored>>,
        spools: Arc<Spools>,
    ) -> Self {
        Self { label, db, wal, journal, spools }
    }

    /// Names the state that is shown: equal keys, equal tables.
    pub(in crate::source) fn key(&self) -> ContentId {
        let key = |stored: &Option<Arc<dyn Stored>>| stored.as_ref().map(|stored| stored.key());
        let (wal, journal) = (key(&self.wal), key(&self.journal));
        let bytes = |key: &Option<ContentId>| key.map_or(Vec::new(), |key| key.as_bytes().to_vec());
        ContentId::of(&[b"sqlite", self.db.key().as_bytes(), &bytes(&wal), &bytes(&journal)])
    }

    /// The tables and views. Reads the schema and no row.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged where the schema lies.
    pub(in crate::source) fn listing(&self) -> Result<Listing, SourceError> {
        self.with("list the tables", |connected| {
            let schema = Schema::read(&connected.connection)?;
            relation::sort_out(connected, &schema)
        })
    }

    /// The rows of a table or view of [`Self::listing`].
    pub(in crate::source) fn rows(self: &Arc<Self>, relation: &Relation) -> RowsContent {
        RowsContent { file: Arc::clone(self), relation: relation.clone() }
    }

    /// What the rows of a table or view of [`Self::listing`] are: reads them all.
    ///
    /// # Errors
    /// Where reading the rows fails.
    pub(in crate::source) fn digest(&self, relation: &Relation) -> Result<RowsDigest, SourceError> {
        let (mut hash, mut len) = (Sha256::new(), 0);
        self.read_rows(relation, &mut |piece: Bytes| {
            len += piece.len() as u64;
            hash.update(&piece);
            Ok(())
        })?;
        Ok(RowsDigest { sha256: hash.finalize().into(), len })
    }

    /// The statements that make the schema, with comments on what is not shown. `sqlite3` loads it.
    ///
    /// # Errors
    /// As [`Self::listing`].
    pub(in crate::source) fn schema_sql(&self) -> Result<Bytes, SourceError> {
        self.with("read the schema", |connected| {
            let schema = Schema::read(&connected.connection)?;
            let listing = relation::sort_out(connected, &schema)?;
            Ok(schema_sql::compose(&schema, &listing).into())
        })
    }

    /// [`Self::schema_sql`] as a content that is read when it is asked for.
    pub(in crate::source) fn schema(self: &Arc<Self>) -> SchemaContent {
        SchemaContent { file: Arc::clone(self) }
    }

    /// What SQLite's own check finds wrong, at most 100 messages: none where the file is sound.
    ///
    /// # Errors
    /// When the file cannot be read at all. That it is damaged is no error here.
    pub(in crate::source) fn quick_check(&self) -> Result<Vec<String>, SourceError> {
        match self.with("check the database", messages) {
            Err(error) if error.kind == ErrorKind::Damaged => Ok(vec![error.chain()]),
            done => done,
        }
    }

    /// The whole file as SQL.
    pub(in crate::source) fn dump(self: &Arc<Self>) -> DumpContent {
        DumpContent { file: Arc::clone(self) }
    }

    fn write_dump(&self, take: &mut dyn FnMut(Bytes) -> Result<(), Closed>) -> Result<(), SourceError> {
        self.with("dump the tables", |connected| match dump::write(connected, take) {
            // Nobody wants the rest: no failure.
            Err(Problem::Closed) => Ok(()),
            done => done,
        })
    }

    fn read_rows(
        &self,
        relation: &Relation,
        take: &mut dyn FnMut(Bytes) -> Result<(), Closed>,
    ) -> Result<(), SourceError> {
        let doing = format!("read {} {}", relation.kind.word(), relation.name.escape_debug());
        self.with(&doing, |connected| match rows::render(connected, relation, take) {
            // Nobody wants the rest: no failure.
            Err(Problem::Closed) => Ok(()),
            done => done,
        })
    }

    /// Does work on a connection of its own, and checks that all of it saw the state that is meant.
    fn with<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&mut Connected) -> Result<T, Problem>,
    ) -> Result<T, SourceError> {
        let done = self.place().and_then(|place| {
            let mut connected = Connected::open(place.path())?;
            work(&mut connected)
        });
        // What is written to while it is read looks damaged: that it changed is the better answer.
        let (problem, stored) = match (self.changed(), done) {
            (Some((error, stored)), _) => (Problem::Io(error), stored),
            (None, Err(problem)) => (problem, &*self.db),
            (None, Ok(value)) => return Ok(value),
        };
        Err(problem.told(&self.label, format!("cannot {doing} of {}", stored.describe()), stored))
    }

    /// The part that is no longer what it was, if any.
    fn changed(&self) -> Option<(std::io::Error, &dyn Stored)> {
        let parts = [Some(&self.db), self.wal.as_ref(), self.journal.as_ref()];
        parts.into_iter().flatten().find_map(|stored| Some((stored.check().err()?, &**stored)))
    }

    fn place(&self) -> Result<Place, Problem> {
        let wal = merge::if_it_counts(self.wal.as_ref(), merge::is_wal)?;
        let journal = merge::if_it_counts(self.journal.as_ref(), merge::is_hot_journal)?;
        if wal.is_some() || journal.is_some() {
            let merged = self.spools.made(self.key(), || merge::merged(&*self.db, wal, journal))?;
            return Ok(Place::Copy(merged));
        }
        match self.db.as_file() {
            Some(file) => {
                self.db.check()?;
                Ok(Place::File(file.path.clone()))
            }
            None => Ok(Place::Copy(self.spools.unpacked(&*self.db)?)),
        }
    }
}

/// The answer of `PRAGMA quick_check`, which is `ok` alone for a sound file.
fn messages(connected: &mut Connected) -> Result<Vec<String>, Problem> {
    let check = || -> Result<Vec<String>, rusqlite::Error> {
        let query = format!("PRAGMA main.quick_check({MOST_MESSAGES})");
        let mut statement = connected.connection.prepare(&query)?;
        let mut rows = statement.query([])?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            let message = row.get_ref(0)?.as_bytes().unwrap_or_default();
            messages.push(String::from_utf8_lossy(message).into_owned());
        }
        Ok(if messages == ["ok"] { Vec::new() } else { messages })
    };
    match check() {
        // So a virtual table answers whose inner tables are broken.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(vec![error.to_string()]),
        done => Ok(done?),
    }
}
