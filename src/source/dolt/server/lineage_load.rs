//! Loads what [`crate::source::dolt::common::lineage`] needs, in as few queries as possible.
//!
//! It relies on these facts from Dolt's documentation and source, checked on servers: the system table `dolt_diff`
//! compares a commit with its first parent only, has no rows for a commit without parents, names a renamed table
//! by its new name and a dropped one by its old, and `commit_hash IN (...)` is an index look-up that also finds
//! commits of other branches. `dolt_diff_summary(a, b)` compares any two commits by the tables' hashes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::answer_columns::{needed_text, text};
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::sql::{Revision, literal, literals};
use super::table_hashes::table_hashes;
use crate::model::history::{History, SnapshotMeta};
use crate::source::dolt::common::lineage::{Lineage, NewCommit, TableChange};
use crate::util::locks::lock;

/// Commits per look-up in `dolt_diff`: about 0.1 ms each, more with longer lists.
const COMMITS_PER_QUERY: usize = 200;
/// From so many commits on, one scan of `dolt_diff` replaces look-ups: it takes half as long per commit (a history of 20,000
/// commits in 1 s).
const SCAN_FROM: usize = 1000;
/// Comparisons with further parents per query.
const COMPARISONS_PER_QUERY: usize = 25;

type ChangesByCommit = HashMap<Arc<str>, Vec<TableChange>>;

/// What the server knows of some commits.
#[derive(Default)]
struct Found {
    changes: ChangesByCommit,
    /// The commits that are still there: a garbage collection removes those that nothing reaches. One that is gone has no
    /// changes, like one that changed nothing.
    there: HashSet<Arc<str>>,
}

/// Adds the commits of a history that the lineage does not hold yet. Commits that the server no longer has are left out: where
/// a branch was deleted and collected, the others are still listed.
///
/// `lease` has to use the database itself, not one of its revisions. The lineage is not locked during queries; only one
/// such load may run at a time.
pub async fn extend(
    lineage: &Mutex<Lineage>,
    lease: &mut Lease,
    database: &str,
    history: &History,
) -> Result<(), QueryError> {
    let commits = history.timeline.iter().chain(&history.off_timeline);
    let missing: Vec<_> = {
        let lineage = lock(lineage);
        commits.filter(|commit| !lineage.contains(&commit.id)).cloned().collect()
    };
    let mut scanned = match history.timeline.first() {
        Some(head) if missing.len() >= SCAN_FROM && is_whole(&history.timeline) => {
            scan(lease, database, &head.id).await?
        }
        _ => HashMap::new(),
    };
    let is_scanned = !scanned.is_empty();
    let on_timeline: HashSet<_> = history.timeline.iter().map(|commit| &commit.id).collect();
    for chunk in parents_first(&missing).chunks(COMMITS_PER_QUERY) {
        let known: HashSet<_> = chunk.iter().map(|commit| Arc::clone(&commit.id)).collect();
        let is_known = |hash: &Arc<str>| known.contains(hash) || lock(lineage).contains(hash);
        let (covered, others): (Vec<_>, Vec<_>) =
            chunk.iter().partition(|commit| is_scanned && on_timeline.contains(&commit.id));
        let Found { mut changes, there } = look_up(lease, &others, is_known).await?;
        let is_there = |id: &Arc<str>| is_scanned && on_timeline.contains(id) || there.contains(&**id);
        let chunk: Vec<_> = chunk.iter().filter(|commit| is_there(&commit.id)).map(Arc::clone).collect();
        changes.extend(covered.iter().filter_map(|commit| scanned.remove_entry(&commit.id)));
        mark_merged(lease, database, &chunk, &mut changes, is_known).await?;
        for commit in &chunk {
            let parent = commit.parents.first().filter(|parent| is_known(parent));
            if parent.is_none() {
                changes.insert(Arc::clone(&commit.id), all_tables(lease, database, commit).await?);
            }
        }
        let mut lineage = lock(lineage);
        for commit in &chunk {
            let changes = changes.remove(&commit.id).unwrap_or_default();
            let parent = commit.parents.first().cloned();
            let (hash, is_merge) = (Arc::clone(&commit.id), commit.parents.len() > 1);
            lineage.add(NewCommit { hash, time: commit.time, parent, is_merge, changes });
        }
    }
    Ok(())
}

/// Whether all parents of the commits are among them. In a shallow clone they are not, and a scan of `dolt_diff` ends
/// where the first one is missing.
fn is_whole(timeline: &[Arc<SnapshotMeta>]) -> bool {
    let there: HashSet<_> = timeline.iter().map(|commit| &commit.id).collect();
    timeline.iter().flat_map(|commit| &commit.parents).all(|parent| there.contains(parent))
}

/// The changes of all commits that a head reaches.
async fn scan(lease: &mut Lease, database: &str, head: &Arc<str>) -> Result<ChangesByCommit, QueryError> {
    // Of the database at that commit, so that later commits do not matter.
    let database = Revision::Commit(Arc::clone(head)).database(database);
    let query = format!("SELECT commit_hash, table_name, schema_change FROM {database}.dolt_diff");
    Ok(find(lease, &query).await?.changes)
}

/// Runs a query for changes. A row without a table only says that a commit is there.
async fn find(lease: &mut Lease, query: &str) -> Result<Found, QueryError> {
    let mut found = Found::default();
    lease
        .for_each(query, |row| {
            let commit: Arc<str> = needed_text(&row, 0)?.into();
            let Some(table) = text(&row, 1)? else {
                found.there.insert(commit);
                return Ok(());
            };
            let schema = needed_text(&row, 2)? != "0";
            found.changes.entry(commit).or_default().push(TableChange { table, schema, same_as: None });
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Orders commits so that each comes after its parents.
fn parents_first(commits: &[Arc<SnapshotMeta>]) -> Vec<Arc<SnapshotMeta>> {
    let by_hash: HashMap<_, _> = commits.iter().map(|commit| (Arc::clone(&commit.id), commit)).collect();
    let mut done = HashSet::with_capacity(commits.len());
    let mut ordered = Vec::with_capacity(commits.len());
    // Oldest first, which is nearly the result, so the stack stays small.
    for start in commits.iter().rev() {
        let mut stack = vec![start];
        while let Some(&commit) = stack.last() {
            if done.contains(&commit.id) {
                stack.pop();
                continue;
            }
            let waiting = commit.parents.iter().filter(|parent| !done.contains(*parent));
            let waiting: Vec<_> = waiting.filter_map(|parent| by_hash.get(parent).copied()).collect();
            if waiting.is_empty() {
                done.insert(Arc::clone(&commit.id));
                ordered.push(Arc::clone(commit));
                stack.pop();
            } else {
                stack.extend(waiting);
            }
        }
    }
    ordered
}

/// Looks for some commits of any branch.
async fn look_up(
    lease: &mut Lease,
    commits: &[&Arc<SnapshotMeta>],
    is_known: impl Fn(&Arc<str>) -> bool,
) -> Result<Found, QueryError> {
    if commits.is_empty() {
        return Ok(Found::default());
    }
    let hashes = |commits: &[&Arc<SnapshotMeta>]| literals(commits.iter().map(|commit| &commit.id));
    let mut query = format!(
        "SELECT commit_hash, NULL, NULL FROM dolt_commits WHERE commit_hash IN ({})",
        hashes(commits)
    );
    // In a shallow clone, dolt_diff fails for a commit whose parent was left behind.
    let with_parents: Vec<_> =
        commits.iter().filter(|commit| commit.parents.first().is_some_and(&is_known)).copied().collect();
    if !with_parents.is_empty() {
        let changes = "SELECT commit_hash, table_name, schema_change FROM dolt_diff WHERE commit_hash IN";
        query = format!("{changes} ({}) UNION ALL {query}", hashes(&with_parents));
    }
    find(lease, &query).await
}

/// Finds the changed tables of merges that are equal in another parent.
///
/// `dolt_diff_summary` finds them in one query, but leaves out tables whose primary key differs, as if they were equal.
/// So a table that it does not name is equal only if the hashes are.
async fn mark_merged(
    lease: &mut Lease,
    database: &str,
    commits: &[Arc<SnapshotMeta>],
    changes: &mut ChangesByCommit,
    is_known: impl Fn(&Arc<str>) -> bool,
) -> Result<(), QueryError> {
    let mut pairs = Vec::new();
    for commit in commits.iter().filter(|commit| changes.contains_key(&commit.id)) {
        let others = commit.parents.iter().skip(1).filter(|parent| is_known(parent));
        pairs.extend(others.map(|parent| (Arc::clone(parent), Arc::clone(&commit.id))));
    }
    for pairs in pairs.chunks(COMPARISONS_PER_QUERY) {
        let differing = differing_tables(lease, pairs).await?;
        for (at, (parent, commit)) in pairs.iter().enumerate() {
            let changed = changes.get_mut(commit).into_iter().flatten();
            for change in changed.filter(|change| change.same_as.is_none()) {
                let may_be_same = !differing.contains(&(at, change.table.clone()));
                if may_be_same && has_one_hash(lease, database, &change.table, [parent, commit]).await? {
                    change.same_as = Some(Arc::clone(parent));
                }
            }
        }
    }
    Ok(())
}

/// Whether a table is the same at two commits. False where it is missing at one.
async fn has_one_hash(
    lease: &mut Lease,
    database: &str,
    table: &str,
    commits: [&Arc<str>; 2],
) -> Result<bool, QueryError> {
    let mut hashes = Vec::with_capacity(commits.len());
    for commit in commits {
        // The function reads the working set of the current database, which for `db/<hash>` is that commit.
        lease.use_database(&format!("{database}/{commit}")).await?;
        match table_hashes(lease, &[table]).await {
            Ok(found) => hashes.extend(found),
            Err(error) if error.is_answer() => {}
            Err(error) => return Err(error),
        }
    }
    lease.use_database(database).await?;
    Ok(matches!(&hashes[..], [one, other] if one == other && !one.is_empty()))
}

/// The tables in which the commits of each pair differ, with the index of the pair.
async fn differing_tables(
    lease: &mut Lease,
    pairs: &[(Arc<str>, Arc<str>)],
) -> Result<BTreeSet<(usize, String)>, QueryError> {
    let selects = pairs.iter().enumerate().map(|(at, (from, to))| {
        let (from, to) = (literal(from), literal(to));
        format!("SELECT {at}, from_table_name, to_table_name FROM dolt_diff_summary({from}, {to})")
    });
    let query = selects.collect::<Vec<_>>().join(" UNION ALL ");
    let mut differing = BTreeSet::new();
    for row in lease.rows(&query).await? {
        let at = needed_text(&row, 0)?;
        let at: usize = at.parse().map_err(|_| Fault::Answer(format!("{at:?} is no number of a pair")))?;
        for column in [1, 2] {
            if let Some(table) = text(&row, column)?.filter(|table| !table.is_empty()) {
                differing.insert((at, table));
            }
        }
    }
    Ok(differing)
}

/// For a commit without a known parent (the first one, or where a shallow clone was cut), with which all its
/// tables begin.
async fn all_tables(
    lease: &mut Lease,
    database: &str,
    commit: &SnapshotMeta,
) -> Result<Vec<TableChange>, QueryError> {
    let database = Revision::Commit(Arc::clone(&commit.id)).database(database);
    let rows = lease.rows(&format!("SHOW TABLES FROM {database}")).await?;
    let tables =
        rows.iter().map(|row| Ok(TableChange { table: needed_text(row, 0)?, schema: true, same_as: None }));
    tables.collect()
}

#[cfg(test)]
mod tests {
    use crate::model::time::Timestamp;

    use super::*;

    fn commit(hash: &str, parents: &[&str]) -> Arc<SnapshotMeta> {
        Arc::new(SnapshotMeta {
            known_as: None,
            id: hash.into(),
            time: Timestamp::UNIX_EPOCH,
            commit: Some(hash.into()),
            parents: parents.iter().map(|&parent| parent.into()).collect(),
            author: String::new(),
            email: String::new(),
            message: String::new(),
            mark: None,
        })
    }

    #[test]
    fn parents_come_first_in_any_order_given() {
        let commits = [
            commit("d", &["b", "c"]),
            commit("a", &["outside"]),
            commit("c", &["a"]),
            commit("b", &["a"]),
            commit("e", &["d"]),
        ];
        for rotation in 0..commits.len() {
            let mut given = commits.to_vec();
            given.rotate_left(rotation);
            let ordered = parents_first(&given);
            assert_eq!(ordered.len(), commits.len());
            for (at, commit) in ordered.iter().enumerate() {
                let before: Vec<_> = ordered[..at].iter().map(|commit| &commit.id).collect();
                let parents = commit.parents.iter().filter(|parent| &***parent != "outside");
                assert!(parents.clone().all(|parent| before.contains(&parent)), "{rotation}: {commit:?}");
            }
        }
    }
}
