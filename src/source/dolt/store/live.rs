//! The working set: what is not committed yet.
//!
//! A table that is as in the head commit has that commit's entry, and with it its identity. Another one is named by its
//! address, which always names the same content.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use dolt_store::Address;
use dolt_store::objects::{Refs, RootValue, working_root};
use dolt_store::schema::SchemaOf;
use jiff::Timestamp;

use super::content::TableContent;
use super::database::{CommitFiles, DoltStoreDatabase, shown_tables};
use super::live_memory::LastListing;
use super::schema_file::StoreSchemaContent;
use super::shared::{ReadError, SharedDatabase};
use crate::content::text::TextContent;
use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Audience;
use crate::model::content_id::ContentId;
use crate::source::dolt::common::listing::rows_path;
use crate::source::dolt::common::schema_sql::SCHEMA_FILE;
use crate::source::dolt::store::schema_file;
use crate::util::locks::lock;

const WHEN: &str = "in the working set";

/// The files of the working set as of now; `None` where there is none, or not any more.
pub fn files(database: &DoltStoreDatabase) -> Result<Option<Arc<[FileEntry]>>, ReadError> {
    let shared = &database.shared;
    let Some(head) = database.head() else { return Ok(None) };
    let mut memory = lock(&shared.live);
    shared.store.refresh()?;
    let store_root = shared.store.root();
    let audience = database.audience();
    let is_same = |last: &&LastListing| {
        last.store_root == store_root && last.head == head.id && last.audience == audience
    };
    if let Some(last) = memory.last.as_ref().filter(is_same) {
        return Ok(Some(Arc::clone(&last.files)));
    }
    let refs = Refs::read(&shared.store, &store_root)?;
    let checked_out = shared.store.checked_out()?;
    let branch = refs.main_branch(checked_out.as_deref());
    let Some(working_set) = branch.and_then(|branch| refs.working_sets.get(branch)) else { return Ok(None) };
    let address = working_root(&shared.store, working_set)?;
    let root = RootValue::read(&shared.store, &address)?;
    let Some(committed) = database.files_of(&head.id)? else { return Ok(None) };
    let (earlier, first_seen) = (&memory.first_seen, HashMap::new());
    let mut entries = WorkingSetEntries { shared, committed, audience, earlier, first_seen };
    let mut files: Vec<_> =
        shown_tables(shared, &root).map(|(table, address)| entries.table(table, address)).collect();
    files.push(entries.schema(address, &root));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let files: Arc<[FileEntry]> = files.into();
    memory.first_seen = entries.first_seen;
    memory.last =
        Some(LastListing { store_root, head: Arc::clone(&head.id), audience, files: Arc::clone(&files) });
    Ok(Some(files))
}

struct WorkingSetEntries<'e> {
    shared: &'e Arc<SharedDatabase>,
    /// What the head holds.
    committed: CommitFiles,
    audience: Audience,
    earlier: &'e HashMap<ContentId, Timestamp>,
    first_seen: HashMap<ContentId, Timestamp>,
}

impl WorkingSetEntries<'_> {
    fn table(&mut self, table: &str, address: &Address) -> FileEntry {
        let path = rows_path(table);
        if self.committed.root.tables.get(table) == Some(address)
            && let Some(file) = self.committed_file(&path)
        {
            return file;
        }
        let (database, hash) = (self.shared.database.as_bytes(), address.to_string());
        let id = ContentId::of(&[b"dolt-live", database, table.as_bytes(), hash.as_bytes()]);
        let content = TableContent {
            shared: Arc::clone(self.shared),
            name: table.into(),
            table: *address,
            when: WHEN.to_owned(),
        };
        self.changed(path, id, Content::Tree(Arc::new(content)))
    }

    fn schema(&mut self, address: Address, root: &RootValue) -> FileEntry {
        let path: Arc<str> = SCHEMA_FILE.into();
        let now = schema_file::write(self.shared, SchemaOf::WorkingSet, root);
        let is_as_committed = match &now {
            Ok(now) => schema_file::write(self.shared, SchemaOf::Commit, &self.committed.root)
                .is_ok_and(|committed| committed == *now),
            Err(_) => *root == self.committed.root,
        };
        if is_as_committed && let Some(file) = self.committed_file(&path) {
            return file;
        }
        let database = self.shared.database.as_bytes();
        let Ok(text) = now else {
            // Definitions that cannot be read hide only this file: reading it reports why.
            let id = ContentId::of(&[b"dolt-live-schema-root", database, address.as_bytes()]);
            let (shared, when) = (Arc::clone(self.shared), WHEN.to_owned());
            let content = StoreSchemaContent { shared, root: address, moment: SchemaOf::WorkingSet, when };
            return self.changed(path, id, Content::stream(content));
        };
        let id = ContentId::of(&[b"dolt-live-schema", database, text.as_bytes()]);
        let what = format!("{SCHEMA_FILE} of {} {WHEN} in {}", self.shared.database, self.shared.label);
        self.changed(path, id, Content::stream(TextContent { text: Bytes::from(text), what }))
    }

    fn committed_file(&self, path: &str) -> Option<FileEntry> {
        self.committed.files.iter().find(|file| *file.path == *path).cloned()
    }

    fn changed(&mut self, path: Arc<str>, id: ContentId, content: Content) -> FileEntry {
        // The clock, because the store keeps no time for what is not committed.
        let first_seen = self.first_seen.entry(id);
        let changed = *first_seen
            .or_insert_with(|| self.earlier.get(&id).copied().unwrap_or_else(|| self.shared.clock.now()));
        let (kind, access) = (FileKind::Regular, self.audience.into());
        FileEntry { path, kind, id, changed: changed.into(), links: 1, access, content }
    }
}
