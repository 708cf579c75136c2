//! Resolves the sides of a comparison from the names on the command line.

use std::sync::Arc;

use crate::catalog::{Database, Databases, SnapshotOrLive, may_be_hash, pairs};
use crate::cli::failure::Failure;
use crate::cli::selection::{newest_tables, no_database};
use crate::cli::suggest::{alike, did_you_mean, listed};
use crate::cli::tree_path::no_time;
use crate::model::snapshot_name::snapshot_name;
use crate::model::time::Timestamp;
use crate::model::time_expr::{self, Clock, TimeExpr};
use crate::model::{shell, terminal};
use crate::query::{DiffSide, DiffSides, table_name};

/// The meaning of an empty side of `A..B`.
const NEWEST: &str = "latest";

/// Folders of a database with snapshots in them.
const FOLDERS: [&str; 5] = ["asof", "branches", "commits", "lost", "tags"];

/// The table and row to compare, if not all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WantedRow<'a> {
    pub table: Option<&'a str>,
    pub key: Option<&'a str>,
}

/// The words of the command line that name the sides, the table and the row.
pub(super) struct Words<'a> {
    pub first: &'a str,
    pub rest: [Option<&'a str>; 3],
}

pub(super) struct ResolvedDiff<'a> {
    pub sides: Vec<DiffSides>,
    /// A failure for each database in which one of the names means nothing.
    pub failed: Vec<Failure>,
    pub young: Vec<YoungDatabase>,
    pub wanted: WantedRow<'a>,
}

/// A database that begins later than the time of one side.
#[derive(Clone)]
pub(super) struct YoungDatabase {
    database: Arc<Database>,
    /// The later of the times before its beginning.
    time: Timestamp,
    /// The other side, if it exists.
    pub known: Option<DiffSide>,
}

impl YoungDatabase {
    pub fn line(&self) -> String {
        let first = self.database.snapshots().first().map_or("", |snapshot| &*snapshot.name);
        let time = snapshot_name(self.time);
        format!("{}: nothing before {time}; it begins with {first}", terminal::json(&self.database.name))
    }
}

struct UnknownSide {
    failure: Failure,
    young: Option<YoungDatabase>,
}

/// Resolves names in the databases at one time.
pub(super) struct SideResolver<'n> {
    pub state: Arc<Databases>,
    pub clock: Clock<'n>,
}

/// The sides in each database that may be meant.
type ResolvedSides = Vec<Result<DiffSides, UnknownSide>>;

impl SideResolver<'_> {
    /// Resolves `A B [TABLE [KEY]]` or `A..B [TABLE [KEY]]`.
    pub fn resolve<'a>(&self, words: &Words<'a>) -> Result<ResolvedDiff<'a>, Failure> {
        let [second, third, fourth] = words.rest;
        let mut failed = None;
        for (from, to) in pairs(words.first) {
            let newest = |text: &'a str| if text.is_empty() { NEWEST } else { text };
            let (table, owner) = self.table(second);
            let found = self.sides(newest(from), newest(to), owner.as_ref());
            match (found.iter().any(Result::is_ok), fourth) {
                (true, None) => return resolved(found, WantedRow { table, key: third }),
                (true, Some(more)) => {
                    return Err(Failure::usage(format!("`{more}` is one word too many"))
                        .hint("only a table and a row's key may follow A..B"));
                }
                (false, _) => failed = failed.or(Some(found)),
            }
        }
        if let Some(found) = failed.filter(|_| self.single(words.first).is_none()) {
            return resolved(found, WantedRow::default());
        }
        let Some(second) = second else {
            let hint = format!("name both sides: `{} {NEWEST}`", shell::command("asof diff", words.first));
            return Err(Failure::usage(format!("what should `{}` be compared with?", words.first)).hint(hint));
        };
        let (table, owner) = self.table(third);
        resolved(self.sides(words.first, second, owner.as_ref()), WantedRow { table, key: fourth })
    }

    /// The failure if a table was given instead of the second side.
    pub async fn missing_side(&self, words: &Words<'_>) -> Option<Failure> {
        self.single(words.first)?;
        let (owner, table) = self.split(words.rest[0]?);
        let databases = owner.map_or_else(|| self.state.databases().cloned().collect(), |owner| vec![owner]);
        if !newest_tables(&databases).await.contains(table_name(table)) {
            return None;
        }
        let rest: Vec<String> = words.rest.into_iter().flatten().map(shell::operand).collect();
        let failure = Failure::usage(format!("`{table}` is a table: name both sides first"));
        Some(failure.hint(format!(
            "as in `{} {NEWEST} {}`",
            shell::command("asof diff", words.first),
            rest.join(" ")
        )))
    }

    /// Whether a word may be the hash of a lost commit that has not been found yet.
    pub fn may_be_lost(&self, words: &Words) -> bool {
        let is_partial = self.state.databases().any(|database| database.is_lost_partial());
        let names = std::iter::once(words.first).chain(words.rest[0]);
        let mut parts = names.flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()));
        is_partial && parts.any(may_be_hash)
    }

    /// A table's name, and its database if given.
    fn table<'a>(&self, table: Option<&'a str>) -> (Option<&'a str>, Option<Arc<Database>>) {
        match table.map(|table| (table, self.split(table))) {
            Some((_, (Some(database), table))) => (Some(table), Some(database)),
            other => (other.map(|(table, _)| table), None),
        }
    }

    /// The database at the start of a path, and the rest.
    fn split<'a>(&self, path: &'a str) -> (Option<Arc<Database>>, &'a str) {
        let path = path.trim_matches('/');
        let database = |name: &str| self.state.database(name).cloned();
        match path.split_once('/').map(|(name, rest)| (database(name), rest)) {
            Some((Some(database), rest)) => (Some(database), rest),
            _ => (None, path),
        }
    }

    /// The meaning of one name in any database.
    fn single(&self, text: &str) -> Option<SnapshotOrLive> {
        let (database, rest) = self.split(text);
        match database {
            Some(database) => self.snapshot_or_live(&database, rest),
            None => self.state.databases().find_map(|database| self.snapshot_or_live(database, rest)),
        }
    }

    /// Resolves two names in the given database, or else in all databases.
    fn sides(&self, from: &str, to: &str, owner: Option<&Arc<Database>>) -> ResolvedSides {
        let ((of_from, first), (of_to, second)) = (self.split(from), self.split(to));
        let given = |own: &Option<Arc<Database>>, other: &Option<Arc<Database>>| {
            own.clone().or_else(|| other.clone()).or_else(|| owner.cloned())
        };
        let both = given(&of_from, &of_to).zip(given(&of_to, &of_from));
        let is_every = both.is_none();
        let databases = match both {
            Some(both) => vec![both],
            None => self.state.databases().map(|database| (database.clone(), database.clone())).collect(),
        };
        let side = |database: &Arc<Database>, text: &str, whole: &str| {
            // A branch name may begin with the database's name.
            let of =
                self.snapshot_or_live(database, text).or_else(|| self.snapshot_or_live(database, whole))?;
            Some(DiffSide { database: database.clone(), of })
        };
        let compared = |(old, new): (Arc<Database>, Arc<Database>)| {
            let (database, text, other) = match (side(&old, first, from), side(&new, second, to)) {
                (Some(from), Some(to)) => return Ok(DiffSides { from, to }),
                (Some(known), None) => (new, second, (first, Some(known))),
                (None, known) => (old, first, (second, known)),
            };
            let young = if is_every { self.young(&database, text, other) } else { None };
            Err(UnknownSide { failure: self.unknown(&database, text), young })
        };
        databases.into_iter().map(compared).collect()
    }

    /// The database, if it begins after the time `text`, and also after the other side unless that exists in it.
    fn young(
        &self,
        database: &Arc<Database>,
        text: &str,
        other: (&str, Option<DiffSide>),
    ) -> Option<YoungDatabase> {
        let mut time = self.before_all(database, text)?;
        let (other, known) = other;
        if known.is_none() {
            time = time.max(self.before_all(database, other)?);
        }
        Some(YoungDatabase { database: database.clone(), time, known })
    }

    /// The time that a text means, if the database begins after it.
    fn before_all(&self, database: &Database, text: &str) -> Option<Timestamp> {
        let first = database.snapshots().first()?;
        match time_expr::parse(text.strip_prefix("asof/").unwrap_or(text), &self.clock) {
            TimeExpr::At(time) => Some(time).filter(|time| *time < first.meta.time),
            _ => None,
        }
    }

    /// The meaning of a name in a database: as in `diff/`, or a path of the tree.
    fn snapshot_or_live(&self, database: &Database, text: &str) -> Option<SnapshotOrLive> {
        if let Some(found) = database.snapshot_or_live(text, &self.clock) {
            return Some(found);
        }
        let (folder, name) = text.split_once('/')?;
        match folder {
            "asof" | "commits" | "lost" => {
                database.snapshot_of(name, &self.clock).map(SnapshotOrLive::Snapshot)
            }
            "branches" => database.branch(name).cloned().map(SnapshotOrLive::Snapshot),
            "tags" => database.tag(name).cloned().map(SnapshotOrLive::Snapshot),
            _ => None,
        }
    }

    /// The failure for a name that means nothing in a database.
    fn unknown(&self, database: &Database, text: &str) -> Failure {
        let failure = Failure::new(format!("`{text}` means no snapshot of {}", database.name));
        let databases: Vec<&str> = self.state.databases().map(|database| &*database.name).collect();
        if databases.contains(&text) {
            return failure
                .hint(format!("that is a database: add one of its snapshots, as in {text}/yesterday"));
        }
        if text == "live" {
            return failure
                .hint(format!("{} has no working set; `{NEWEST}` is its newest snapshot", database.name));
        }
        let refs = database.branches().chain(database.tags()).map(|(path, _)| path);
        let names: Vec<&str> = refs.chain([NEWEST, "live", "yesterday"]).collect();
        if let (Some(_), Some(first)) = (self.before_all(database, text), database.snapshots().first()) {
            return failure.hint(format!("{} begins later, with {}", database.name, first.name));
        }
        let of_databases = text.split_once('/').map_or(Vec::new(), |(first, _)| alike(first, &databases));
        let stranger = text.split_once('/').filter(|(first, rest)| {
            !FOLDERS.contains(first) && !rest.is_empty() && self.single(rest).is_some()
        });
        let similar = did_you_mean(text, &names);
        let snapshots: Vec<&str> = database.snapshots().iter().map(|snapshot| &*snapshot.name).collect();
        failure.hint(match (text.is_empty(), of_databases.is_empty(), stranger, similar) {
            (true, ..) => format!("the databases are: {}", listed(&databases)),
            (_, false, ..) => format!("did you mean the database {}?", of_databases.join(" or ")),
            (.., Some((first, _)), _) => no_database(first, &databases),
            (.., Some(similar)) => similar,
            _ => no_time(&format!("{}/asof", database.name), text, &snapshots),
        })
    }
}

/// The sides that were resolved, or the first failure if there are none.
fn resolved(found: ResolvedSides, wanted: WantedRow) -> Result<ResolvedDiff, Failure> {
    if !found.iter().any(Result::is_ok) {
        let none = || Failure::new("the sources contain no database");
        return Err(found.into_iter().find_map(Result::err).map_or_else(none, |side| side.failure));
    }
    let mut diff = ResolvedDiff { sides: Vec::new(), failed: Vec::new(), young: Vec::new(), wanted };
    for result in found {
        match result {
            Ok(sides) => diff.sides.push(sides),
            Err(UnknownSide { young: Some(database), .. }) => diff.young.push(database),
            Err(UnknownSide { failure, young: None }) => diff.failed.push(failure),
        }
    }
    Ok(diff)
}
