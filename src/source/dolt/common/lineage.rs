//! Which commit last changed a table: what the identity of a table's content rests on.
//!
//! `origin(c, t)` is the commit whose change of table `t` is still what `t` holds at commit `c`:
//!
//! - `c` itself where `c` changed `t` against its first parent, unless another parent of the merge `c` holds
//!   `t` just so: then it is that parent's origin;
//! - otherwise the origin of the first parent.
//!
//! Equal origins mean equal content. Three bookkeeping entries are kept along with the tables: [`SCHEMA`], the last
//! commit that changed any table's definition or any view, and [`VIEWS`] and [`PROCEDURES`], Dolt's tables of these.
//!
//! Pure: who knows the changes (a server, a store) adds them. Per commit this holds 8 bytes per table and one row of fixed
//! size, so 100,000 commits of 25 tables take about 30 MB; and 4 bytes per commit for each table whose versions are
//! asked for.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::time::Timestamp;

pub mod versions;

/// Stands for all definitions together. No table can be called so: NUL is not allowed in names.
pub const SCHEMA: &str = "\0schema";
/// The system table in which Dolt keeps views.
pub const VIEWS: &str = "dolt_schemas";
/// The system table in which Dolt keeps procedures.
pub const PROCEDURES: &str = "dolt_procedures";

/// One commit to add, with what is known of its changes.
#[derive(Debug, Clone)]
pub struct NewCommit {
    pub hash: Arc<str>,
    pub time: Timestamp,
    /// The first parent, where it has one that is known: added before.
    pub parent: Option<Arc<str>>,
    pub is_merge: bool,
    /// Tables that differ from the first parent; without one, all tables that there are.
    pub changes: Vec<TableChange>,
}

/// One table that a commit changed against its first parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    pub table: String,
    /// Whether its definition changed, too.
    pub schema: bool,
    /// Another parent of a merge that holds this table just as the merge does.
    pub same_as: Option<Arc<str>>,
}

/// The origins of all tables at all commits added.
#[derive(Debug, Default)]
pub struct Lineage {
    tables: HashMap<Arc<str>, u32>,
    commits: HashMap<Arc<str>, u32>,
    nodes: Vec<Node>,
    /// By table, the commits that changed its definition against their first parent; ascending.
    redefined: HashMap<u32, Vec<u32>>,
    /// By table that was asked for: for each commit the one that last changed its definition.
    definitions: HashMap<u32, Vec<u32>>,
    /// The first commit that is shown.
    head: Option<u32>,
    /// How many shown commits have one combination of origins, by the tables asked for.
    counts: HashMap<Box<[u32]>, CountsByOrigin>,
}

/// From the origins of some tables to how many shown commits have just these.
type CountsByOrigin = HashMap<Box<[u32]>, u32>;

#[derive(Debug)]
struct Node {
    hash: Arc<str>,
    time: Timestamp,
    /// The first parent; [`UNKNOWN`] without one.
    parent: u32,
    is_merge: bool,
    /// Table to origin, sorted by table.
    origins: Arc<[(u32, u32)]>,
    /// Whether the commit is in the newest view of the history; others are kept since views handed out before
    /// still ask for them.
    shown: bool,
}

/// What decides some content: the origins of the tables that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Hashes of the origins, in the order of the tables asked for.
    pub commits: Vec<Arc<str>>,
    /// Date of the newest of them.
    pub changed: Timestamp,
    /// How many shown commits have just these.
    pub commits_alike: u32,
}

impl Lineage {
    /// Whether a commit was added.
    pub fn contains(&self, hash: &str) -> bool {
        self.commits.contains_key(hash)
    }

    /// Adds a commit; its parents come first. A commit that is there already stays as it is.
    pub fn add(&mut self, commit: NewCommit) {
        if self.contains(&commit.hash) {
            return;
        }
        let at = number(self.nodes.len());
        let parent = commit.parent.as_deref().and_then(|hash| self.commits.get(hash)).copied();
        let inherited =
            parent.map_or_else(Arc::default, |parent| Arc::clone(&self.nodes[parent as usize].origins));
        let is_root = parent.is_none();
        let origins = if commit.changes.is_empty() && !is_root {
            inherited
        } else {
            self.changed_origins(&inherited, &commit.changes, at, is_root)
        };
        self.commits.insert(Arc::clone(&commit.hash), at);
        for change in commit.changes.iter().filter(|change| change.schema) {
            let table = self.table(&change.table);
            self.redefined.entry(table).or_default().push(at);
        }
        let (NewCommit { hash, time, is_merge, .. }, parent) = (commit, parent.unwrap_or(UNKNOWN));
        self.nodes.push(Node { hash, time, parent, is_merge, origins, shown: false });
    }

    fn changed_origins(
        &mut self,
        inherited: &[(u32, u32)],
        changes: &[TableChange],
        at: u32,
        is_root: bool,
    ) -> Arc<[(u32, u32)]> {
        let mut origins = inherited.to_vec();
        for change in changes {
            let table = self.table(&change.table);
            let theirs = change.same_as.as_deref().and_then(|parent| self.origin_of(parent, table));
            set(&mut origins, table, theirs.unwrap_or(at));
        }
        if is_root || changes.iter().any(|change| change.schema || change.table == VIEWS) {
            let schema = self.table(SCHEMA);
            set(&mut origins, schema, at);
        }
        if is_root {
            for kept in [VIEWS, PROCEDURES] {
                let kept = self.table(kept);
                set(&mut origins, kept, at);
            }
        }
        origins.into()
    }

    /// Says which commits the newest view of the history shows, the newest one of the main timeline first: what
    /// [`Origin::commits_alike`] counts.
    pub fn show<'h>(&mut self, hashes: impl Iterator<Item = &'h str>) {
        let mut now = vec![false; self.nodes.len()];
        self.head = None;
        for at in hashes.filter_map(|hash| self.commits.get(hash)) {
            self.head.get_or_insert(*at);
            now[*at as usize] = true;
        }
        let shown = self.nodes.iter().zip(&now);
        if shown.clone().any(|(node, &now)| node.shown && !now) {
            self.counts.clear();
        }
        let fresh: Vec<_> =
            shown.enumerate().filter(|(_, (node, now))| **now && !node.shown).map(|(at, _)| at).collect();
        for at in fresh {
            self.nodes[at].shown = true;
            for (tables, counts) in &mut self.counts {
                *counts.entry(combination(&self.nodes[at], tables)).or_default() += 1;
            }
        }
        for (node, now) in self.nodes.iter_mut().zip(now) {
            node.shown = now;
        }
    }

    /// What decides content that is made of these tables at a commit. A table that the lineage does not know
    /// counts as changed by the commit itself, which is safe: nothing is shared then.
    ///
    /// `None` for a commit that was not added.
    pub fn origin(&mut self, commit: &str, tables: &[&str]) -> Option<Origin> {
        let at = *self.commits.get(commit)?;
        let tables: Box<[u32]> = tables.iter().map(|table| self.table(table)).collect();
        let origins = combination(&self.nodes[at as usize], &tables);
        let resolved: Vec<_> =
            origins.iter().map(|&origin| if origin == UNKNOWN { at } else { origin }).collect();
        let changed = resolved.iter().map(|&origin| self.nodes[origin as usize].time).max();
        let commits = resolved.iter().map(|&origin| Arc::clone(&self.nodes[origin as usize].hash)).collect();
        let commits_alike = if origins.contains(&UNKNOWN) { 1 } else { self.count(tables, &origins) };
        let changed = changed.unwrap_or(self.nodes[at as usize].time);
        Some(Origin { commits, changed, commits_alike })
    }

    /// [`Self::origin`], and in how many places its content is shown: once per commit, and once more below `live/` where
    /// it is that of `head`.
    pub fn shown_origin(
        &mut self,
        commit: &str,
        tables: &[&str],
        head: Option<&str>,
    ) -> Option<(Origin, u32)> {
        let origin = self.origin(commit, tables)?;
        let head = head.and_then(|head| self.origin(head, tables));
        let is_live = head.is_some_and(|head| head.commits == origin.commits);
        let links = origin.commits_alike.saturating_add(u32::from(is_live));
        Some((origin, links))
    }

    fn count(&mut self, tables: Box<[u32]>, origins: &[u32]) -> u32 {
        let nodes = &self.nodes;
        let counts = self.counts.entry(tables).or_insert_with_key(|tables| {
            let mut counts = HashMap::new();
            for node in nodes.iter().filter(|node| node.shown) {
                *counts.entry(combination(node, tables)).or_default() += 1;
            }
            counts
        });
        // An older view may ask for a commit that the newest no longer shows: it shows it once.
        counts.get(origins).copied().unwrap_or(1).max(1)
    }

    fn node(&self, hash: &str) -> Option<&Node> {
        self.commits.get(hash).map(|&at| &self.nodes[at as usize])
    }

    fn origin_of(&self, commit: &str, table: u32) -> Option<u32> {
        find(&self.node(commit)?.origins, table)
    }

    fn table(&mut self, name: &str) -> u32 {
        if let Some(&table) = self.tables.get(name) {
            return table;
        }
        let table = number(self.tables.len());
        self.tables.insert(name.into(), table);
        table
    }
}

/// Stands in a combination for a table without an origin, and for a parent that is not known.
const UNKNOWN: u32 = u32::MAX;

/// What a commit or a table is counted by; memory holds fewer than 2^32 of them.
fn number(index: usize) -> u32 {
    u32::try_from(index).expect("memory holds fewer commits and tables")
}

fn combination(node: &Node, tables: &[u32]) -> Box<[u32]> {
    tables.iter().map(|&table| find(&node.origins, table).unwrap_or(UNKNOWN)).collect()
}

fn find(origins: &[(u32, u32)], table: u32) -> Option<u32> {
    origins.binary_search_by_key(&table, |entry| entry.0).ok().map(|at| origins[at].1)
}

fn set(origins: &mut Vec<(u32, u32)>, table: u32, origin: u32) {
    match origins.binary_search_by_key(&table, |entry| entry.0) {
        Ok(at) => origins[at].1 = origin,
        Err(at) => origins.insert(at, (table, origin)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(table: &str) -> TableChange {
        TableChange { table: table.into(), schema: false, same_as: None }
    }

    fn commit(hash: &str, parent: Option<&str>, second: i64, changes: Vec<TableChange>) -> NewCommit {
        let time = Timestamp::from_second(second);
        NewCommit { hash: hash.into(), time, parent: parent.map(Into::into), is_merge: false, changes }
    }

    fn origin(lineage: &mut Lineage, commit: &str, table: &str) -> (String, u32) {
        let origin = lineage.origin(commit, &[table]).expect("a commit that was added");
        (origin.commits[0].to_string(), origin.commits_alike)
    }

    /// root - a1 - a2 - m - a3, and root - b1 - m: `x` changed on the first side, `y` on the other.
    fn merged() -> Lineage {
        let mut lineage = Lineage::default();
        lineage.add(commit("root", None, 1, vec![change("x"), change("y")]));
        lineage.add(commit("a1", Some("root"), 2, vec![change("x")]));
        lineage.add(commit("b1", Some("root"), 3, vec![change("y")]));
        lineage.add(commit("a2", Some("a1"), 4, vec![]));
        let theirs = TableChange { same_as: Some("b1".into()), ..change("y") };
        lineage.add(commit("m", Some("a2"), 5, vec![theirs]));
        lineage.add(commit("a3", Some("m"), 6, vec![change("x")]));
        lineage.show(["root", "a1", "b1", "a2", "m", "a3"].into_iter());
        lineage
    }

    #[test]
    fn origins_follow_the_first_parent_and_merges() {
        let mut lineage = merged();
        let expected = [
            ("root", "x", "root", 2),
            ("b1", "x", "root", 2),
            ("a1", "x", "a1", 3),
            ("m", "x", "a1", 3),
            ("a3", "x", "a3", 1),
            ("a2", "y", "root", 3),
            ("b1", "y", "b1", 3),
            ("m", "y", "b1", 3),
            ("a3", "y", "b1", 3),
        ];
        for (at, table, from, alike) in expected {
            assert_eq!(origin(&mut lineage, at, table), (from.to_owned(), alike), "{table} at {at}");
        }
    }

    #[test]
    fn several_tables_count_as_one_content() {
        let mut lineage = merged();
        let both = lineage.origin("m", &["x", "y"]).expect("m was added");
        assert_eq!(both.commits, ["a1".into(), "b1".into()]);
        assert_eq!((both.commits_alike, both.changed.as_second()), (1, 3));
    }

    #[test]
    fn counts_follow_what_is_shown() {
        let mut lineage = merged();
        assert_eq!(origin(&mut lineage, "a3", "y").1, 3);
        lineage.add(commit("a4", Some("a3"), 7, vec![change("x")]));
        lineage.show(["root", "a1", "b1", "a2", "m", "a3", "a4"].into_iter());
        assert_eq!(origin(&mut lineage, "a3", "y").1, 4);
        lineage.show(["root", "a1"].into_iter());
        assert_eq!(origin(&mut lineage, "a1", "y").1, 2);
        assert_eq!(origin(&mut lineage, "a3", "y").1, 1, "a commit of an older view is shown once");
    }

    #[test]
    fn definitions_and_views_have_origins_of_their_own() {
        let mut lineage = merged();
        assert_eq!(origin(&mut lineage, "a3", SCHEMA).0, "root");
        lineage.add(commit("s", Some("a3"), 7, vec![TableChange { schema: true, ..change("x") }]));
        lineage.add(commit("v", Some("s"), 8, vec![change(VIEWS)]));
        assert_eq!(origin(&mut lineage, "s", SCHEMA).0, "s");
        assert_eq!(origin(&mut lineage, "s", VIEWS).0, "root");
        assert_eq!(
            (origin(&mut lineage, "v", SCHEMA).0, origin(&mut lineage, "v", VIEWS).0),
            ("v".into(), "v".into())
        );
    }

    #[test]
    fn a_table_that_nothing_is_known_of_is_shared_with_nobody() {
        let mut lineage = merged();
        assert_eq!(origin(&mut lineage, "a2", "never seen"), ("a2".to_owned(), 1));
        assert!(lineage.origin("no such commit", &["x"]).is_none());
    }
}
