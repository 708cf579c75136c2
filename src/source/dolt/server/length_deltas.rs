//! Finds by how many bytes many versions of a table differ, from one pass over its history.
//!
//! `dolt_diff_<t>` compares commits with their parents, far cheaper per commit than `dolt_diff` (which loads every
//! table of both): 0.06 ms against 0.4 ms. Asked for lists of commits it is cheaper than a scan, too (3,000 commits
//! that change one row each: 180 ms against 300 ms). What it does not answer for is left out:
//!
//! - It shows all versions by the definition of the commit that it is read from. So it is read from a commit of the
//!   same family, and only versions of the family count. It finds key columns by tags, which SQL does not show and
//!   which renamed columns keep; among several key columns they could be mistaken, unless no definition changed.
//! - It stops without an error where it cannot compare. So a delta counts only where rows came: no rows may mean that
//!   nothing differs, or not. Rows of one pair of commits come all or not at all.
//! - It knows one child per parent, and returns a pair twice where a parent occurs twice. So no parent is in a query
//!   twice, and merges are queried one by one.
//!
//! A merge or a rewrite may differ in all rows. So the number of rows is limited, also within a query; the pair of commits
//! that exceeds it is left out, and no more is queried.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::answer_columns::needed_text;
use super::definitions::TableDefinition;
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::sql::{Revision, literals};
use super::table_diff::{ChangedLine, DiffReader};
use super::table_version::{ReadRows, RowsRead, TableVersion};
use crate::content::Content;
use crate::content::versioned::{LengthDelta, LineChange};
use crate::source::dolt::common::ident;
use crate::source::dolt::common::lineage::versions::{Around, MadeVersion};
use crate::source::dolt::common::listing::table_id;
use crate::util::locks::lock;

/// Commits in the first query.
const FEWEST: usize = 8;
/// Most commits in a query: in longer lists each costs more again.
const MOST: usize = 128;
/// A comparison is cheaper than a full read where less than this part of the rows differs: a row takes about 14 µs
/// in `dolt_diff_<t>`, which has it twice, and 5 µs in a full read.
const CHEAPER_BELOW: u64 = 3;
/// What a full read costs however few rows there are, in rows: 0.5 ms.
const ROWS_PER_READ: u64 = 100;
/// Rows of `dolt_diff_<t>` that one call may read in any case: 0.3 s. More are read only where one full read takes longer.
const ROWS_AT_ONCE: u64 = 20_000;
/// Most definitions that one call loads, at 0.4 ms each. (`dolt_schema_diff` returns many in one query, at 1.2 ms each.)
const MOST_DEFINITIONS: usize = 256;
/// The same where reading a version takes hardly longer than loading its definition.
const MOST_DEFINITIONS_OF_SMALL: usize = 16;
/// From so many rows on, a table is not small in that sense: two definitions may be loaded per version.
const ROWS_PER_DEFINITIONS: u64 = 400;

/// Up to about `count` length deltas of versions around one. Fewer where full reads are cheaper. With `most_changes` each has its
/// changes, and all of these come to at most that many bytes.
pub async fn around(
    version: &TableVersion,
    count: usize,
    most_changes: Option<u64>,
) -> Result<Vec<LengthDelta>, QueryError> {
    let definition = &*version.definition().await?;
    if !definition.is_told {
        return Ok(Vec::new());
    }
    let around = lock(&version.database.lineage).versions_around(&version.commit, &version.table, count);
    if around.later.is_empty() && around.earlier.is_empty() {
        return Ok(Vec::new());
    }
    let rows = row_count(version).await?;
    let mut candidates = candidates(version, definition, around, rows).await?;
    match compare(version, definition, &candidates, rows, most_changes).await {
        // It refuses all where keys have different tags: 1.83.2 where a table was dropped and made again.
        Err(error) if error.is_answer() => {
            candidates.retain(|candidate| candidate.is_unchanged);
            compare(version, definition, &candidates, rows, most_changes).await
        }
        compared => compared,
    }
}

/// A version that may be compared with the one that it was made from.
struct Candidate {
    made: MadeVersion,
    /// Whether it is the given version or a later one.
    is_later: bool,
    /// Whether no commit changed the definition between this and the given version.
    is_unchanged: bool,
}

/// The versions of the family whose parents are of the family too.
///
/// Each insert into a table with an AUTO_INCREMENT column changes its definition, and only the definition itself tells
/// that only the counter changed. Definitions are loaded one by one up to a limit, and kept, so that the next call comes
/// further.
async fn candidates(
    version: &TableVersion,
    definition: &TableDefinition,
    around: Around,
    rows: u64,
) -> Result<Vec<Candidate>, QueryError> {
    let defined_by = |commit: &Arc<str>| lock(&version.database.lineage).definition(commit, &version.table);
    let by = defined_by(&version.commit);
    let later = around.later.into_iter().map(|made| (made, true));
    let all = later.chain(around.earlier.into_iter().map(|made| (made, false)));
    let most = if rows < ROWS_PER_DEFINITIONS { MOST_DEFINITIONS_OF_SMALL } else { MOST_DEFINITIONS };
    let mut family = FamilyOf { version, definition, left: most };
    let mut candidates = Vec::new();
    for (made, is_later) in all {
        let made_by = defined_by(&made.commit);
        let is_new = made_by.as_ref() == Some(&made.commit);
        let is_unchanged = made_by == by && !is_new;
        let is_candidate = is_unchanged
            || definition.key.len() <= 1
                && family.has(made_by.as_ref()).await?
                // A definition that is new there may have come with the table itself: only the parent says whether
                // it was there, since a table that was renamed leaves no trace under its old name.
                && (!is_new || family.has(Some(&made.parent)).await?);
        if is_candidate {
            candidates.push(Candidate { made, is_later, is_unchanged });
        }
    }
    Ok(candidates)
}

/// Compares definitions of a table with one of them.
struct FamilyOf<'d> {
    version: &'d TableVersion,
    definition: &'d TableDefinition,
    /// How many may still be loaded.
    left: usize,
}

impl FamilyOf<'_> {
    /// Whether the table is known to have a definition of this family at a commit.
    async fn has(&mut self, commit: Option<&Arc<str>>) -> Result<bool, QueryError> {
        let Some(commit) = commit else { return Ok(false) };
        let (database, table) = (&self.version.database, &self.version.table);
        let other = match database.known_definition(table, commit) {
            Some(known) => known,
            None if self.left == 0 => return Ok(false),
            None => {
                self.left -= 1;
                database.definition(table, commit).await?
            }
        };
        Ok(other.is_some_and(|other| other.family.id == self.definition.family.id))
    }
}

/// The length deltas of the candidates that are cheap to compare.
async fn compare(
    version: &TableVersion,
    definition: &TableDefinition,
    candidates: &[Candidate],
    rows: u64,
    most_changes: Option<u64>,
) -> Result<Vec<LengthDelta>, QueryError> {
    // All others are its ancestors.
    let newest = candidates.iter().rfind(|candidate| candidate.is_later);
    let newest = newest.map_or(&version.commit, |newest| &newest.made.commit);
    let place = Revision::Commit(Arc::clone(newest)).database(&version.database.name);
    let place = format!("{place}.{}", ident(&format!("dolt_diff_{}", version.table)));
    let mut steps = Vec::new();
    let mut rows_left = (rows / CHEAPER_BELOW).max(ROWS_AT_ONCE);
    let mut changes_left = most_changes;
    for asked in queries(candidates.iter().map(|candidate| &candidate.made)) {
        let hashes = literals(asked.iter().map(|made| &made.commit));
        let query = format!("SELECT * FROM {place} WHERE to_commit IN ({hashes})");
        let worth = rows.saturating_add(ROWS_PER_READ).saturating_mul(asked.len() as u64) / CHEAPER_BELOW;
        let (columns, most_rows) = (&definition.columns, worth.min(rows_left));
        let pairs = PairsOfCommits { query, columns, most_rows, most_changes: changes_left };
        let mut compared = version.reading(&pairs).await?;
        steps.extend(asked.iter().filter_map(|made| step(version, made, &mut compared.differences)));
        if compared.is_cut_short {
            break;
        }
        rows_left -= compared.rows;
        changes_left = changes_left.map(|left| left - compared.changes);
    }
    Ok(steps)
}

/// Groups the versions into queries.
fn queries<'v>(versions: impl Iterator<Item = &'v MadeVersion>) -> Vec<Vec<&'v MadeVersion>> {
    let mut queries = Vec::new();
    let (mut asked, mut parents) = (Vec::new(), HashSet::new());
    let mut most = FEWEST;
    for made in versions {
        if made.is_merge {
            queries.push(vec![made]);
            continue;
        }
        if asked.len() == most || !parents.insert(&made.parent) {
            queries.push(std::mem::take(&mut asked));
            parents = HashSet::from([&made.parent]);
            most = (most * 4).min(MOST);
        }
        asked.push(made);
    }
    queries.push(asked);
    queries.retain(|asked| !asked.is_empty());
    queries
}

/// How two commits differ.
#[derive(Default)]
struct Difference {
    added: u64,
    removed: u64,
    changes: Vec<LineChange>,
}

/// By the commit that is changed, and the one that it is changed to.
type Differences = HashMap<(String, String), Difference>;

/// The result of a query.
#[derive(Default)]
struct Compared {
    /// Only of pairs whose rows were all read.
    differences: Differences,
    rows: u64,
    /// Bytes of changes.
    changes: u64,
    is_cut_short: bool,
}

impl Compared {
    fn cut_short(self) -> RowsRead<Self> {
        RowsRead::CutShort(Self { is_cut_short: true, ..self })
    }
}

struct PairsOfCommits<'p> {
    query: String,
    columns: &'p [String],
    /// More are not read.
    most_rows: u64,
    /// Where changes are wanted, how many bytes of them; more are not read.
    most_changes: Option<u64>,
}

impl ReadRows for PairsOfCommits<'_> {
    type Value = Compared;

    async fn read(&self, lease: &mut Lease) -> Result<RowsRead<Compared>, QueryError> {
        let mut answer = lease.start(&self.query).await?;
        let mut compared = Compared::default();
        let Some(reader) = DiffReader::new(answer.columns(), self.columns)? else {
            return Ok(compared.cut_short());
        };
        let mut change = ChangedLine::default();
        let mut last = None;
        while let Some(row) = answer.next().await? {
            let pair = reader.commits(&row)?;
            let is_next = last.as_ref() != Some(&pair);
            if is_next && compared.differences.contains_key(&pair) {
                // Then a pair may be unfinished wherever the answer is cut.
                return Err(Fault::Answer("rows of one pair of commits that are apart".to_owned()).into());
            }
            if compared.rows == self.most_rows {
                compared.differences.remove(&pair);
                return Ok(compared.cut_short());
            }
            compared.rows += 1;
            let is_changed = reader.read(&row, &mut change)?;
            let difference = compared.differences.entry(pair.clone()).or_default();
            if is_changed {
                let (added, removed) = (change.to.len() as u64, change.from.len() as u64);
                difference.added += added;
                difference.removed += removed;
                if let Some(most) = self.most_changes {
                    compared.changes += added + removed;
                    if compared.changes > most {
                        compared.differences.remove(&pair);
                        return Ok(compared.cut_short());
                    }
                    difference.changes.push(change.to_owned());
                }
            }
            last = Some(pair);
        }
        Ok(RowsRead::Whole(compared))
    }
}

fn step(version: &TableVersion, made: &MadeVersion, differences: &mut Differences) -> Option<LengthDelta> {
    let Difference { added, removed, changes } =
        differences.remove(&(made.parent.to_string(), made.commit.to_string()))?;
    let id = |commit: &str| table_id(&version.database.identity, &version.table, commit);
    let (database, table) = (Arc::clone(&version.database), Arc::clone(&version.table));
    let [commit, shown_at] = [&made.commit, &made.commit].map(Arc::clone);
    let content = Content::Versioned(Arc::new(TableVersion { database, table, commit, shown_at }));
    Some(LengthDelta { from: id(&made.from), to: id(&made.commit), content, added, removed, changes })
}

async fn row_count(version: &TableVersion) -> Result<u64, QueryError> {
    let (database, table) = (ident(&version.database.name), ident(&version.table));
    let as_of = Revision::Commit(Arc::clone(&version.commit)).as_of();
    let query = format!("SELECT count(*) FROM {database}.{table}{as_of}");
    let rows = version.database.pool.rows(Some(&version.database.name), &query).await?;
    let count = rows.first().map(|row| needed_text(row, 0)).transpose()?.unwrap_or_default();
    count.parse().map_err(|_| Fault::Answer(format!("{count:?} is no number of rows")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parent_is_asked_for_twice_and_merges_alone() {
        let made = |commit: usize, parent: usize, is_merge| MadeVersion {
            commit: commit.to_string().into(),
            is_merge,
            parent: parent.to_string().into(),
            from: "from".into(),
        };
        let line = |from: usize, to: usize| (from..to).map(move |at| made(at, at - 1, false));
        let versions =
            line(1, 5).chain([made(5, 4, true)]).chain(line(6, 100)).chain([made(1000, 98, false)]);
        let versions: Vec<_> = versions.chain(line(101, 300)).collect();
        let queries = queries(versions.iter());
        let lens: Vec<_> = queries.iter().map(Vec::len).collect();
        assert_eq!(lens, [1, 8, 32, 58, 128, 72]);
        let asked: HashSet<_> = queries.iter().flatten().map(|made| &made.commit).collect();
        assert_eq!(asked.len(), versions.len());
        for query in &queries {
            let parents: HashSet<_> = query.iter().map(|made| &made.parent).collect();
            assert_eq!(parents.len(), query.len());
            assert!(query.len() == 1 || query.iter().all(|made| !made.is_merge));
        }
    }
}
