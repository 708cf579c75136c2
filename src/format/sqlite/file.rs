//! A database file with the files that belong to it, and what it answers.

use std::fs::File;
use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};

use super::check::Check;
use super::connection::{Bound, Connected};
use super::problem::{Result, SqliteProblem};
use super::query::Query;
use super::query_queue::QueryQueue;
use super::recent::{Listed, RecentFailures, RecentListings};
use super::relation::Relation;
#[cfg(test)]
use super::relation::RelationListing;
use super::rows::Take;
use super::{merge, worker};
use crate::content::{ErrorKind, SourceError, Wanted};
use crate::format::blob::{Blob, Spools};
use crate::model::content_id::ContentId;

/// Queues for queries that may take long, and for those that are short in any sound file. Queries of stored rows need
/// no queue.
static LONG: LazyLock<QueryQueue> = LazyLock::new(|| QueryQueue::new(at_once()));
static SHORT: LazyLock<QueryQueue> = LazyLock::new(|| QueryQueue::new(at_once()));

static LISTED: LazyLock<RecentListings> = LazyLock::new(RecentListings::new);

static FAILED: LazyLock<RecentFailures> = LazyLock::new(RecentFailures::new);

/// How many queries of either kind run at once.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 4))
}

/// A database file with what belongs to it.
pub(crate) struct SqliteFile {
    pub(super) label: Arc<str>,
    pub(super) db: Arc<dyn Blob>,
    /// The files with `-wal` and with `-journal` added to its name, if they exist.
    beside: [Option<Arc<dyn Blob>>; 2],
    spools: Arc<Spools>,
}

impl SqliteFile {
    /// A database with the files beside it. Reads nothing yet.
    pub(crate) fn new(
        label: Arc<str>,
        db: Arc<dyn Blob>,
        beside: [Option<Arc<dyn Blob>>; 2],
        spools: Arc<Spools>,
    ) -> Self {
        Self { label, db, beside, spools }
    }

    /// The key of the state that is shown: equal keys mean equal tables.
    pub(crate) fn key(&self) -> ContentId {
        let key = |stored: &Option<Arc<dyn Blob>>| {
            stored.as_ref().map_or(Vec::new(), |stored| stored.key().as_bytes().to_vec())
        };
        let [wal, journal] = self.beside.each_ref().map(key);
        ContentId::of(&[b"sqlite", self.db.key().as_bytes(), &wal, &journal])
    }

    /// The tables and views alone.
    #[cfg(test)]
    pub(crate) fn listing(&self) -> Result<RelationListing, SourceError> {
        self.listing_and_schema().map(|(listing, _)| listing)
    }

    /// The tables and views, and the statements that make the schema, which `sqlite3` loads. Reads the schema and no
    /// row.
    pub(crate) fn listing_and_schema(&self) -> Result<Listed, SourceError> {
        // A file that is gone is not listed from memory.
        let listed = self.checked(&Query::Listing.doing(), || Ok(LISTED.get(self.key())))?;
        if let Some(listed) = listed {
            return Ok(listed);
        }
        let mut pieces = Vec::new();
        let asked = self.ask(&Query::Listing, &Wanted::default(), &mut |piece| {
            pieces.push(piece);
            Ok(())
        });
        match asked {
            // The time for a schema depends on the file alone: another attempt would end the same way.
            Err(error) if error.kind == ErrorKind::TimedOut => {
                return Err(SourceError { kind: ErrorKind::Unsupported, ..error });
            }
            asked => asked?,
        }
        let no_answer = || self.no_answer(&Query::Listing);
        let [listing, schema] = &*pieces else { return Err(no_answer()) };
        let listing = serde_json::from_slice(listing).map_err(|error| no_answer().because(error))?;
        let listed = (listing, schema.clone());
        LISTED.put(self.key(), &listed);
        Ok(listed)
    }

    fn no_answer(&self, query: &Query) -> SourceError {
        let doing = query.doing();
        let operation = format!("cannot {doing} of {}: the answer makes no sense", self.db.describe());
        SourceError::new(ErrorKind::Unavailable, &*self.label, operation)
    }

    /// SHA-256 of the rendered rows of a table or view.
    pub(super) fn digest(&self, relation: &Relation) -> Result<[u8; 32], SourceError> {
        let mut hash = Sha256::new();
        self.ask(&Query::Rows(relation.clone()), &Wanted::default(), &mut |piece| {
            hash.update(&piece);
            Ok(())
        })?;
        Ok(hash.finalize().into())
    }

    /// What SQLite's own check finds: nothing if the file is sound. Damage is a result, not an error.
    pub(crate) fn quick_check(&self) -> Result<Check, SourceError> {
        let mut answer = Vec::new();
        let asked = self.ask(&Query::Check, &Wanted::default(), &mut |piece| {
            answer.extend_from_slice(&piece);
            Ok(())
        });
        match asked {
            Err(error) if error.kind == ErrorKind::Damaged => {
                Ok(Check { wrong: vec![error.chain()], ..Check::default() })
            }
            Err(error) => Err(error),
            Ok(()) => {
                serde_json::from_slice(&answer).map_err(|error| self.no_answer(&Query::Check).because(error))
            }
        }
    }

    /// Runs a query and passes its answer to `take`.
    pub(super) fn ask(&self, query: &Query, wanted: &Wanted, take: Take<'_>) -> Result<(), SourceError> {
        self.checked(&query.doing(), || match self.answer(query, wanted, take) {
            // The reader left: no failure.
            Err(SqliteProblem::Closed) => Ok(()),
            done => done,
        })
    }

    fn answer(&self, query: &Query, wanted: &Wanted, take: Take<'_>) -> Result<()> {
        if !query.runs_foreign_code() {
            return query.answer(&mut self.connected(wanted)?, take);
        }
        let asked = serde_json::to_vec(query).map_err(std::io::Error::other)?;
        let id = ContentId::of(&[self.key().as_bytes(), &asked]);
        let ran_out_lately = || FAILED.get(id).map_or(Ok(()), |ran_out| Err(SqliteProblem::RanOut(ran_out)));
        ran_out_lately()?;
        let queue = if query.is_short() { &SHORT } else { &LONG };
        let _permit = queue.wait(&self.label, wanted)?;
        // Another caller may have run the same query meanwhile.
        ran_out_lately()?;
        let asked = self.with_file(|file| worker::ask(query, file, wanted, take));
        if let Err(SqliteProblem::RanOut(ran_out)) = &asked
            && ran_out.is_worth_remembering()
        {
            FAILED.put(id, ran_out.clone());
        }
        asked
    }

    pub(super) fn connected(&self, wanted: &Wanted) -> Result<Connected> {
        self.with_file(|file| Connected::open(file, Bound::Steps(wanted.clone())))
    }

    /// Does work, and checks that the files did not change meanwhile.
    pub(super) fn checked<T>(&self, doing: &str, work: impl FnOnce() -> Result<T>) -> Result<T, SourceError> {
        let done = work();
        // A file that is written to while it is read looks damaged: "changed" is the better answer.
        let (problem, stored) = match (self.changed(), done) {
            (Some((error, stored)), _) => (SqliteProblem::Io(error), stored),
            (None, Err(problem)) => (problem, &*self.db),
            (None, Ok(value)) => return Ok(value),
        };
        Err(problem.told(&self.label, format!("cannot {doing} of {}", stored.describe()), stored))
    }

    /// The part that changed, if any.
    fn changed(&self) -> Option<(std::io::Error, &dyn Blob)> {
        let mut parts = std::iter::once(&self.db).chain(self.beside.iter().flatten());
        parts.find_map(|stored| Some((stored.check().err()?, &**stored)))
    }

    /// Reads the file itself, or an unpacked or merged copy.
    fn with_file<T>(&self, read: impl FnOnce(&File) -> Result<T>) -> Result<T> {
        let [wal, journal] = self.beside.each_ref().map(Option::as_ref);
        let wal = merge::if_it_counts(wal, merge::is_wal)?;
        let journal = merge::if_it_counts(journal, merge::is_hot_journal)?;
        if wal.is_some() || journal.is_some() {
            return read(self.spools.made(self.key(), || merge::merged(&*self.db, wal, journal))?.file());
        }
        match self.db.as_file() {
            Some(version) => read(&version.open()?),
            None => read(self.spools.unpacked(&*self.db)?.file()),
        }
    }
}
