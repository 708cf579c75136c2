//! What is compared with what: the names on the command line.

use std::sync::Arc;

use crate::model::time::Timestamp;

use crate::catalog::{Database, Databases, SnapshotOrLive, may_be_hash, pairs};
use crate::cli::Failure;
use crate::cli::place::{alike, listed, no_time};
use crate::cli::target::{newest_tables, no_database};
use crate::model::snapshot_name::snapshot_name;
use crate::model::time_expr::{self, Clock, TimeExpr};
use crate::model::{shell, terminal};
use crate::query::{DiffSide, DiffSides, table_name};

/// What an empty side of `A..B` stands for.
const NEWEST: &str = "latest";

/// Folders of a database with snapshots in them.
const FOLDERS: [&str; 5] = ["asof", "branches", "commits", "lost", "tags"];

/// Which row of which table is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WantedRow<'a> {
    pub table: Option<&'a str>,
    pub key: Option<&'a str>,
}

/// The words of the command line that name what is compared.
pub(super) struct Words<'a> {
    pub first: &'a str,
    pub rest: [Option<&'a str>; 3],
}

/// What the words mean.
pub(super) struct Meant<'a> {
    /// For one database, or for each of all.
    pub sides: Vec<DiffSides>,
    /// The databases in which one of both names means nothing.
    pub failed: Vec<Failure>,
    /// Those that began after what is compared in the others.
    pub young: Vec<Young>,
    pub wanted: WantedRow<'a>,
}

/// A database that is younger than one side's time.
#[derive(Clone)]
pub(super) struct Young {
    database: Arc<Database>,
    /// The later one of the times that mean nothing in it.
    time: Timestamp,
    /// The side that means something.
    pub known: Option<DiffSide>,
}

impl Young {
    /// What to say of it.
    pub fn line(&self) -> String {
        let first = self.database.snapshots().first().map_or("", |snapshot| &*snapshot.name);
        let time = snapshot_name(self.time);
        format!("{}: nothing before {time}; it begins with {first}", terminal::json(&self.database.name))
    }
}

/// Why a database cannot be compared.
struct Missed {
    failure: Failure,
    young: Option<Young>,
}

/// Reads names.
pub(super) struct Names<'n> {
    pub state: Arc<Databases>,
    pub clock: Clock<'n>,
}

/// What comes of two names in each database that may be meant.
type SidesFound = Vec<Result<DiffSides, Missed>>;

impl Names<'_> {
    /// What is to be compared: `A B [TABLE [KEY]]` or `A..B [TABLE [KEY]]`.
    pub fn read<'a>(&self, words: &Words<'a>) -> Result<Meant<'a>, Failure> {
        let [second, third, fourth] = words.rest;
        let mut failed = None;
        for (from, to) in pairs(words.first) {
            let newest = |text: &'a str| if text.is_empty() { NEWEST } else { text };
            let (table, owner) = self.table(second);
            let found = self.sides(newest(from), newest(to), owner.as_ref());
            match (found.iter().any(Result::is_ok), fourth) {
                (true, None) => return meant(found, WantedRow { table, key: third }),
                (true, Some(more)) => {
                    return Err(Failure::usage(format!("`{more}` is one word too many"))
                        .hint("after A..B there may be a table and a row's key"));
                }
                (false, _) => failed = failed.or(Some(found)),
            }
        }
        if let Some(found) = failed.filter(|_| self.single(words.first).is_none()) {
            return meant(found, WantedRow::default());
        }
        let Some(second) = second else {
            let hint = format!("name both sides: `{} {NEWEST}`", shell::command("asof diff", words.first));
            return Err(Failure::usage(format!("what is `{}` to be compared with?", words.first)).hint(hint));
        };
        let (table, owner) = self.table(third);
        meant(self.sides(words.first, second, owner.as_ref()), WantedRow { table, key: fourth })
    }

    /// What to say where a table stands in the place of the second side.
    pub async fn forgotten(&self, words: &Words<'_>) -> Option<Failure> {
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

    /// Whether one of the words may be the hash of a lost commit that is not found yet.
    pub fn may_be_lost(&self, words: &Words) -> bool {
        let is_partial = self.state.databases().any(|database| database.is_lost_partial());
        let names = std::iter::once(words.first).chain(words.rest[0]);
        let mut parts = names.flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()));
        is_partial && parts.any(may_be_hash)
    }

    /// A table's name, and its database where that is said.
    fn table<'a>(&self, table: Option<&'a str>) -> (Option<&'a str>, Option<Arc<Database>>) {
        match table.map(|table| (table, self.split(table))) {
            Some((_, (Some(database), table))) => (Some(table), Some(database)),
            other => (other.map(|(table, _)| table), None),
        }
    }

    /// The database that a path begins with, and the rest.
    fn split<'a>(&self, path: &'a str) -> (Option<Arc<Database>>, &'a str) {
        let path = path.trim_matches('/');
        let database = |name: &str| self.state.database(name).cloned();
        match path.split_once('/').map(|(name, rest)| (database(name), rest)) {
            Some((Some(database), rest)) => (Some(database), rest),
            _ => (None, path),
        }
    }

    /// What one name means in any database.
    fn single(&self, text: &str) -> Option<SnapshotOrLive> {
        let (database, rest) = self.split(text);
        match database {
            Some(database) => self.snapshot_or_live(&database, rest),
            None => self.state.databases().find_map(|database| self.snapshot_or_live(database, rest)),
        }
    }

    /// Two names in each database that may be meant: the one that is said, or else all.
    fn sides(&self, from: &str, to: &str, owner: Option<&Arc<Database>>) -> SidesFound {
        let ((of_from, first), (of_to, second)) = (self.split(from), self.split(to));
        let said = |own: &Option<Arc<Database>>, other: &Option<Arc<Database>>| {
            own.clone().or_else(|| other.clone()).or_else(|| owner.cloned())
        };
        let both = said(&of_from, &of_to).zip(said(&of_to, &of_from));
        let is_every = both.is_none();
        let databases = match both {
            Some(both) => vec![both],
            None => self.state.databases().map(|database| (database.clone(), database.clone())).collect(),
        };
        let side = |database: &Arc<Database>, text: &str, whole: &str| {
            // A branch may begin as the database is called.
            let of =
                self.snapshot_or_live(database, text).or_else(|| self.snapshot_or_live(database, whole))?;
            Some(DiffSide { database: database.clone(), of })
        };
        let compared = |(old, new): (Arc<Database>, Arc<Database>)| {
            let (database, text) = match (side(&old, first, from), side(&new, second, to)) {
                (Some(from), Some(to)) => return Ok(DiffSides { from, to }),
                (None, known) if is_every => {
                    return Err(self.missed(&old, first, (second, known)));
                }
                (Some(known), None) if is_every => {
                    return Err(self.missed(&new, second, (first, Some(known))));
                }
                (None, _) => (old, first),
                (Some(_), None) => (new, second),
            };
            Err(Missed { failure: self.unknown(&database, text), young: None })
        };
        databases.into_iter().map(compared).collect()
    }

    /// Why one of all databases cannot be compared: `text` means nothing in it, and the other side what is known of it.
    fn missed(&self, database: &Arc<Database>, text: &str, other: (&str, Option<DiffSide>)) -> Missed {
        let young = || {
            let time = self.before_all(database, text)?;
            let time = match other {
                (_, Some(_)) => time,
                (text, None) => time.max(self.before_all(database, text)?),
            };
            Some(Young { database: database.clone(), time, known: other.1.clone() })
        };
        Missed { failure: self.unknown(database, text), young: young() }
    }

    /// The time that a text means, if the database began after it.
    fn before_all(&self, database: &Database, text: &str) -> Option<Timestamp> {
        let first = database.snapshots().first()?;
        match time_expr::parse(text.strip_prefix("asof/").unwrap_or(text), &self.clock) {
            TimeExpr::At(time) => Some(time).filter(|time| *time < first.meta.time),
            _ => None,
        }
    }

    /// What a name means in a database: what it means in `diff/`, or a path of the tree.
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

    /// What to say of a name that means nothing in a database.
    fn unknown(&self, database: &Database, text: &str) -> Failure {
        let failure = Failure::new(format!("`{text}` means no snapshot of {}", database.name));
        let databases: Vec<&str> = self.state.databases().map(|database| &*database.name).collect();
        if databases.contains(&text) {
            return failure
                .hint(format!("that is a database: say which of its snapshots, as in {text}/yesterday"));
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
        let like = alike(text, &names);
        let snapshots: Vec<&str> = database.snapshots().iter().map(|snapshot| &*snapshot.name).collect();
        failure.hint(match (text.is_empty(), of_databases.is_empty(), like.is_empty()) {
            (true, ..) => format!("the databases are: {}", listed(&databases)),
            (_, false, _) => format!("did you mean the database {}?", of_databases.join(" or ")),
            _ if let Some((first, _)) = stranger => no_database(first, &databases),
            (.., false) => format!("did you mean {}?", like.join(" or ")),
            _ => no_time(&format!("{}/asof", database.name), text, &snapshots),
        })
    }
}

/// All that could be read; the first failure where nothing could.
fn meant(found: SidesFound, wanted: WantedRow) -> Result<Meant, Failure> {
    let (mut sides, mut missed) = (Vec::new(), Vec::new());
    for one in found {
        match one {
            Ok(both) => sides.push(both),
            Err(why) => missed.push(why),
        }
    }
    if sides.is_empty() {
        let none = || Failure::new("the sources hold no database");
        return Err(missed.into_iter().next().map_or_else(none, |why| why.failure));
    }
    let (mut failed, mut young) = (Vec::new(), Vec::new());
    for Missed { failure, young: one } in missed {
        match one {
            Some(one) => young.push(one),
            None => failed.push(failure),
        }
    }
    Ok(Meant { sides, failed, young, wanted })
}
