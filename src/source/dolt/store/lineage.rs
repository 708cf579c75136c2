//! Which commit last changed which table, by the addresses of tables. The answer is that of a server's `dolt_diff`, so that
//! contents get the same identity either way.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use dolt_store::objects::{ForeignKeyParts, RootValue, StoredTable, foreign_key_parts};
use dolt_store::{Address, Chunks, ErrorKind, StoreError};
use lru::LruCache;

use crate::model::history::{History, SnapshotMeta};
use crate::source::dolt::common::lineage::{Lineage, NewCommit, TableChange};
use crate::source::dolt::store::graph::{CommitNode, Graph};

/// Roots kept while comparing: a commit is compared with its parents, which are rarely far.
const READY_ROOTS: NonZeroUsize = NonZeroUsize::new(128).expect("128 is not 0");
/// Tables kept while comparing, of 30 bytes each.
const READY_TABLES: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");
/// Dolt reports a change of the database's collation as a change of a table whose name begins so.
const DATABASE_PREFIX: &str = "__DATABASE__";
/// What the names of Dolt's own tables begin with, whatever their case.
const SYSTEM_PREFIX: &str = "dolt";

/// Whether a table is Dolt's own, which no listing shows.
pub fn is_system_table(name: &str) -> bool {
    name.get(..SYSTEM_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(SYSTEM_PREFIX))
}

/// Adds the commits of a history that the lineage does not hold yet.
pub fn extend(
    lineage: &mut Lineage,
    chunks: &dyn Chunks,
    graph: &Graph,
    database: &str,
    history: &History,
) -> Result<(), StoreError> {
    let missing = history.snapshots().filter(|commit| !lineage.contains(&commit.id));
    let mut nodes: Vec<_> = missing.filter_map(|commit| node(graph, commit)).collect();
    // Parents are lower than their children, so this puts them first.
    nodes.sort_by_key(|node| node.height);
    let mut comparison = Comparison::new(chunks, database);
    for node in nodes {
        let (parent, changes) = comparison.changes(lineage, graph, node)?;
        let (hash, is_merge) = (Arc::clone(&node.meta.id), node.meta.parents.len() > 1);
        lineage.add(NewCommit { hash, time: node.meta.time, parent, is_merge, changes });
    }
    Ok(())
}

fn node<'g>(graph: &'g Graph, commit: &SnapshotMeta) -> Option<&'g Arc<CommitNode>> {
    graph.known(&commit.id.parse().ok()?)
}

/// The parent that the changes are against, if any, and the changes.
type ParentChanges = (Option<Arc<str>>, Vec<TableChange>);

/// Tables and foreign keys of one root.
struct TablesOfRoot {
    value: RootValue,
    foreign_keys: BTreeMap<String, ForeignKeyParts>,
}

/// What of a table decides whether its definition changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Definition {
    schema: Address,
    auto_increment: u64,
}

struct Comparison<'c> {
    chunks: &'c dyn Chunks,
    database: &'c str,
    roots: LruCache<Address, Arc<TablesOfRoot>>,
    definitions: LruCache<Address, Definition>,
}

impl<'c> Comparison<'c> {
    fn new(chunks: &'c dyn Chunks, database: &'c str) -> Self {
        let (roots, definitions) = (LruCache::new(READY_ROOTS), LruCache::new(READY_TABLES));
        Self { chunks, database, roots, definitions }
    }

    /// What a commit changed against its first parent, and that parent; without a parent that is known and readable, all
    /// its tables.
    ///
    /// A commit whose own root cannot be read changes nothing and inherits nothing: what is read of it later has an
    /// identity of its own.
    fn changes(
        &mut self,
        lineage: &Lineage,
        graph: &Graph,
        node: &CommitNode,
    ) -> Result<ParentChanges, StoreError> {
        let Some(ours) = self.root(&node.root)? else { return Ok((None, Vec::new())) };
        let mut parents = node
            .meta
            .parents
            .iter()
            .zip(&node.parents)
            .map(|(id, address)| (id, lineage.contains(id).then(|| graph.known(address)).flatten()));
        let first = match parents.next() {
            Some((id, Some(first))) => self.root(&first.root)?.map(|root| (id, root)),
            _ => None,
        };
        let Some((first, from)) = first else { return Ok((None, all_tables(&ours))) };
        let mut changes = self.between(&from, &ours)?;
        for (id, parent) in parents {
            let Some(parent) = parent else { continue };
            if changes.iter().all(|change| change.same_as.is_some()) {
                break;
            }
            let Some(theirs) = self.root(&parent.root)? else { continue };
            for change in changes.iter_mut().filter(|change| change.same_as.is_none()) {
                if is_same(&theirs, &ours, &change.table) {
                    change.same_as = Some(Arc::clone(id));
                }
            }
        }
        Ok((Some(Arc::clone(first)), changes))
    }

    fn between(
        &mut self,
        from: &Arc<TablesOfRoot>,
        to: &Arc<TablesOfRoot>,
    ) -> Result<Vec<TableChange>, StoreError> {
        if Arc::ptr_eq(from, to) {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        for (table, now) in &to.value.tables {
            match from.value.tables.get(table) {
                None => changes.push(changed(table, true)),
                Some(before) => {
                    let is_rekeyed = foreign_keys(from, table) != foreign_keys(to, table);
                    if is_rekeyed || before != now {
                        let definitions = (self.definition(before)?, self.definition(now)?);
                        // Of definitions that cannot be read it is not known that they are the same.
                        let is_same = definitions.0.is_some() && definitions.0 == definitions.1;
                        changes.push(changed(table, is_rekeyed || !is_same));
                    }
                }
            }
        }
        let dropped = from.value.tables.keys().filter(|table| !to.value.tables.contains_key(*table));
        changes.extend(dropped.map(|table| changed(table, true)));
        if from.value.collation != to.value.collation {
            changes.push(changed(&format!("{DATABASE_PREFIX}{}", self.database), true));
        }
        Ok(changes)
    }

    /// A root; `None` where it stays unreadable, which a listing of its commit reports.
    fn root(&mut self, address: &Address) -> Result<Option<Arc<TablesOfRoot>>, StoreError> {
        if let Some(root) = self.roots.get(address) {
            return Ok(Some(Arc::clone(root)));
        }
        let read = || {
            let value = RootValue::read(self.chunks, address)?;
            let foreign_keys = foreign_key_parts(self.chunks, &value)?;
            Ok(TablesOfRoot { value, foreign_keys })
        };
        let root = there(read())?.map(Arc::new);
        if let Some(root) = &root {
            self.roots.put(*address, Arc::clone(root));
        }
        Ok(root)
    }

    /// The definition of a table; `None` where it stays unreadable.
    fn definition(&mut self, table: &Address) -> Result<Option<Definition>, StoreError> {
        if let Some(definition) = self.definitions.get(table) {
            return Ok(Some(*definition));
        }
        let Some(read) = there(StoredTable::read(self.chunks, table))? else { return Ok(None) };
        // 0 and 1 say the same: nothing was counted yet.
        let definition = Definition { schema: read.schema, auto_increment: read.auto_increment.max(1) };
        self.definitions.put(*table, definition);
        Ok(Some(definition))
    }
}

/// What could be read; `None` for what stays unreadable. Failures that may pass stay failures.
fn there<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.kind() {
            ErrorKind::Missing | ErrorKind::Damaged | ErrorKind::Unsupported => Ok(None),
            _ => Err(error),
        },
    }
}

fn all_tables(root: &TablesOfRoot) -> Vec<TableChange> {
    let tables = root.value.tables.keys().filter(|table| !is_system_table(table));
    tables.map(|table| changed(table, true)).collect()
}

fn changed(table: &str, schema: bool) -> TableChange {
    TableChange { table: table.to_owned(), schema, same_as: None }
}

fn foreign_keys<'r>(root: &'r TablesOfRoot, table: &str) -> Option<&'r ForeignKeyParts> {
    root.foreign_keys.get(&table.to_lowercase())
}

fn is_same(one: &TablesOfRoot, other: &TablesOfRoot, table: &str) -> bool {
    let is_same_table = one.value.tables.get(table) == other.value.tables.get(table);
    is_same_table && foreign_keys(one, table) == foreign_keys(other, table)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use dolt_store::testing::{MemoryChunks, commit, root_value, table, write_store};

    use super::*;
    use crate::source::dolt::common::lineage::SCHEMA;
    use crate::source::dolt::store::chunk_store::ChunkStore;
    use crate::source::dolt::store::walk;

    /// A history that is made commit by commit.
    #[derive(Default)]
    struct LineageRepo {
        chunks: MemoryChunks,
        commits: u64,
    }

    impl LineageRepo {
        fn table(&mut self, schema: u8, rows: &str, auto_increment: u64) -> Address {
            self.chunks.put(table(Address::new([schema; 20]), rows.as_bytes(), auto_increment))
        }

        fn commit(&mut self, parents: &[Address], tables: &[(&str, Address)], collation: u16) -> Address {
            let root = self.chunks.put(root_value(tables, collation));
            self.commits += 1;
            let text = self.commits.to_string();
            let commit: Bytes = commit(root, self.commits, parents, self.commits * 1000, &text);
            self.chunks.put(commit)
        }

        /// The origin of a table at a commit, as the number of a commit.
        fn origins(&self, head: &Address) -> impl FnMut(&Address, &str) -> String {
            let folder = tempfile::tempdir().expect("a temporary folder");
            write_store(folder.path(), &self.chunks.all(), head);
            let store = ChunkStore::of_folder(folder.path());
            let mut graph = Graph::default();
            let timeline = walk::log(&store, &mut graph, head, &[]).expect("a log");
            let history = History { timeline, ..History::default() };
            let mut lineage = Lineage::default();
            extend(&mut lineage, &store, &graph, "db", &history).expect("a lineage");
            move |commit, table| {
                let origin = lineage.origin(&commit.to_string(), &[table]).expect("it was added");
                let found = history.timeline.iter().find(|commit| commit.id == origin.commits[0]);
                found.expect("it is in the history").message.clone()
            }
        }
    }

    #[test]
    fn definitions_change_with_schemas_counters_names_and_collations() {
        let mut repo = LineageRepo::default();
        let (plain, counted, other) = (repo.table(1, "", 0), repo.table(1, "", 5), repo.table(2, "", 5));
        let one = repo.commit(&[], &[("t", plain)], 0);
        let one_counted = repo.table(1, "", 1);
        let two = repo.commit(&[one], &[("t", one_counted)], 0);
        let three = repo.commit(&[two], &[("t", counted)], 0);
        let four = repo.commit(&[three], &[("t", other)], 0);
        let five = repo.commit(&[four], &[("u", other)], 0);
        let six = repo.commit(&[five], &[("u", other)], 45);
        let mut origin = repo.origins(&six);
        let schemas = [one, two, three, four, five, six].map(|commit| origin(&commit, SCHEMA));
        assert_eq!(schemas, ["1", "1", "3", "4", "5", "6"]);
        assert_eq!([origin(&two, "t"), origin(&five, "u"), origin(&six, "u")], ["2", "5", "5"]);
    }

    #[test]
    fn a_root_that_cannot_be_read_shares_with_nobody() {
        let mut repo = LineageRepo::default();
        let x = repo.table(1, "1", 0);
        let one = repo.commit(&[], &[("x", x)], 0);
        let gone = repo.chunks.put(commit(Address::new([8; 20]), 2, &[one], 2000, "gone"));
        repo.commits += 1;
        let three = repo.commit(&[gone], &[("x", x)], 0);
        let mut origin = repo.origins(&three);
        assert_eq!([origin(&one, "x"), origin(&gone, "x"), origin(&three, "x")], ["1", "gone", "3"]);
        assert_eq!([origin(&gone, SCHEMA), origin(&three, SCHEMA)], ["gone", "3"]);
    }

    #[test]
    fn tables_of_dolt_are_told_by_their_names() {
        for name in ["dolt_schemas", "DOLT_docs", "dolt"] {
            assert!(is_system_table(name), "{name}");
        }
        for name in ["dol", "issues", "my_dolt_x", "dölt_", ""] {
            assert!(!is_system_table(name), "{name}");
        }
    }
}
