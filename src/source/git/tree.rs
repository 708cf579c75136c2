//! Trees of commits: entries found by path, listed and compared.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode, name_order};
use gix::objs::{Kind, TreeRefIter};

use super::objects::CachedReader;
use crate::content::{ErrorKind, FileKind, SourceError};
use crate::memory::Recent;
use crate::source::repository::kind_of;

/// How many files a snapshot may have. A few small trees, each holding another one many times, can stand for more than any
/// memory takes.
const MOST_FILES: usize = 1_000_000;

/// How many bytes their paths may have, together.
const MOST_PATH_BYTES: usize = 256 << 20;

/// What a name in a tree stands for. Two are equal where what is shown of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TreeEntry {
    pub(super) mode: EntryMode,
    pub(super) id: ObjectId,
}

impl TreeEntry {
    /// The whole of a commit; none for one that holds nothing.
    pub(super) fn root(tree: ObjectId) -> Option<Self> {
        (!tree.is_empty_tree()).then(|| Self { mode: EntryKind::Tree.into(), id: tree })
    }

    pub(super) fn is_tree(&self) -> bool {
        self.mode.kind() == EntryKind::Tree
    }

    /// What kind of file it is; none for trees, and for submodules, whose commits are elsewhere.
    pub(super) fn file_kind(&self) -> Option<FileKind> {
        match self.mode.kind() {
            EntryKind::Blob => Some(FileKind::Regular),
            EntryKind::BlobExecutable => Some(FileKind::Executable),
            EntryKind::Link => Some(FileKind::Symlink),
            EntryKind::Tree | EntryKind::Commit => None,
        }
    }
}

/// The entries of a tree, in its order. Of two with one name the first counts, as in git.
#[derive(Debug, Default)]
pub(super) struct TreeEntries {
    /// The tree's own bytes, which hold the names.
    bytes: Box<[u8]>,
    entries: Vec<(Range<usize>, TreeEntry)>,
}

impl TreeEntries {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], TreeEntry)> {
        self.entries.iter().map(|(name, entry)| (&self.bytes[name.clone()], *entry))
    }

    fn parse(tree: ObjectId, bytes: &[u8]) -> Result<Self, gix::Error> {
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(bytes, tree.kind()) {
            let entry = entry?;
            // A name is a part of the bytes.
            let start = entry.filename.as_ptr() as usize - bytes.as_ptr() as usize;
            let name = start..start + entry.filename.len();
            entries.push((name, TreeEntry { mode: entry.mode, id: entry.oid.to_owned() }));
        }
        Ok(Self { bytes: bytes.into(), entries })
    }
}

/// How many entries of trees are kept, for comparing one commit after the other.
const KEPT_ENTRIES: u64 = 100_000;

/// Each tree costs its entries, and one more: an empty one takes room, too.
pub(super) type TreeCache = Recent<ObjectId, Arc<TreeEntries>>;

pub(super) fn entries(
    reader: &mut CachedReader<'_>,
    tree: ObjectId,
) -> Result<Arc<TreeEntries>, SourceError> {
    if let Some(known) = reader.trees.get(&tree) {
        return Ok(Arc::clone(known));
    }
    let objects = reader.objects;
    let entries = TreeEntries::parse(tree, reader.read(tree, Kind::Tree, "tree")?).map_err(|error| {
        let operation = format!("cannot read tree {tree}");
        SourceError::new(kind_of(&error), &*objects.label, operation).because(error)
    })?;
    let entries = Arc::new(entries);
    reader.trees.put(tree, Arc::clone(&entries), entries.entries.len() as u64 + 1);
    reader.trees.shrink_to(KEPT_ENTRIES);
    Ok(entries)
}

pub(super) fn child(
    reader: &mut CachedReader<'_>,
    tree: ObjectId,
    name: &[u8],
) -> Result<Option<TreeEntry>, SourceError> {
    let entries = entries(reader, tree)?;
    let found = entries.iter().find(|(known, _)| *known == name);
    Ok(found.map(|(_, entry)| entry).filter(|entry| !(entry.is_tree() && entry.id.is_empty_tree())))
}

/// Finds one path in the trees of many commits, most of which share what leads to it.
#[derive(Default)]
pub(super) struct Finder {
    known: HashMap<(ObjectId, usize), Option<TreeEntry>>,
}

impl Finder {
    /// What stands at `path` in a commit's tree.
    pub(super) fn find(
        &mut self,
        reader: &mut CachedReader<'_>,
        root: ObjectId,
        path: &[Vec<u8>],
    ) -> Result<Option<TreeEntry>, SourceError> {
        let mut at = TreeEntry::root(root);
        for (depth, name) in path.iter().enumerate() {
            let Some(tree) = at.filter(TreeEntry::is_tree) else { return Ok(None) };
            at = match self.known.get(&(tree.id, depth)) {
                Some(known) => *known,
                None => {
                    let found = child(reader, tree.id, name)?;
                    self.known.insert((tree.id, depth), found);
                    found
                }
            };
        }
        Ok(at)
    }
}

/// One file below a folder, by git's own path.
pub(super) type FoundFile = (Vec<u8>, TreeEntry);

#[derive(Default)]
pub(super) struct TreeListing {
    pub(super) files: Vec<FoundFile>,
    pub(super) submodules: Vec<Vec<u8>>,
}

/// All files at or below an entry. One that is no tree itself is a file of the name `alone`.
pub(super) fn list(
    reader: &mut CachedReader<'_>,
    entry: Option<TreeEntry>,
    alone: &[u8],
) -> Result<TreeListing, SourceError> {
    let mut listing = TreeListing::default();
    let mut todo: Vec<FoundFile> = entry.map(|entry| (Vec::new(), entry)).into_iter().collect();
    let mut path_bytes = 0;
    while let Some((path, entry)) = todo.pop() {
        if entry.is_tree() {
            for (name, entry) in entries(reader, entry.id)?.iter() {
                let path = below(&path, name);
                path_bytes += path.len();
                todo.push((path, entry));
            }
            if todo.len() + listing.files.len() > MOST_FILES || path_bytes > MOST_PATH_BYTES {
                let label = &*reader.objects.label;
                let problem = format!(
                    "it has more than {MOST_FILES} files, or paths of more than {MOST_PATH_BYTES} bytes"
                );
                return Err(
                    SourceError::new(ErrorKind::Unsupported, label, "cannot list a commit").because(problem)
                );
            }
            continue;
        }
        let path = if path.is_empty() { alone.to_vec() } else { path };
        match entry.file_kind() {
            Some(_) => listing.files.push((path, entry)),
            None => listing.submodules.push(path),
        }
    }
    // What came first in its tree is last on the stack's way: sorted, and of equal paths only the first is kept.
    listing.files.reverse();
    listing.files.sort_by(|a, b| a.0.cmp(&b.0));
    listing.files.dedup_by(|later, first| later.0 == first.0);
    Ok(listing)
}

pub(super) fn below(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, name].join(&b'/') }
}

/// The paths at which two entries differ: files that came, went or changed. `None` if there are more than `limit`.
pub(super) fn differences(
    reader: &mut CachedReader<'_>,
    old: Option<TreeEntry>,
    new: Option<TreeEntry>,
    alone: &[u8],
    limit: usize,
) -> Result<Option<Vec<Vec<u8>>>, SourceError> {
    let mut found = Vec::new();
    let mut path_bytes = 0;
    let mut todo = vec![(Vec::new(), old, new)];
    while let Some((path, old, new)) = todo.pop() {
        if old == new {
            continue;
        }
        let is_file = |entry: &Option<TreeEntry>| entry.is_some_and(|entry| entry.file_kind().is_some());
        if is_file(&old) || is_file(&new) {
            found.push(if path.is_empty() { alone.to_vec() } else { path.clone() });
        }
        let mut tree_of = |entry: Option<TreeEntry>| match entry.filter(TreeEntry::is_tree) {
            Some(tree) => entries(reader, tree.id),
            None => Ok(Arc::default()),
        };
        let (before, after) = (tree_of(old)?, tree_of(new)?);
        for (name, old, new) in differing(&before, &after) {
            let path = below(&path, name);
            path_bytes += path.len();
            todo.push((path, old, new));
        }
        if found.len() + todo.len() > limit || path_bytes > MOST_PATH_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// The names whose entries differ, with both. What was a file and is a folder now went and came.
pub(super) fn differing<'e>(
    before: &'e TreeEntries,
    after: &'e TreeEntries,
) -> Vec<(&'e [u8], Option<TreeEntry>, Option<TreeEntry>)> {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut found = Vec::new();
    loop {
        // In the order of git, which takes the names of folders as if they ended in a slash.
        let order = match (old.peek(), new.peek()) {
            (Some((a, x)), Some((b, y))) => name_order(a, x.is_tree(), b, y.is_tree()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return found,
        };
        let gone = old.next_if(|_| order != Ordering::Greater);
        let come = new.next_if(|_| order != Ordering::Less);
        let (gone_entry, come_entry) = (gone.map(|(_, entry)| entry), come.map(|(_, entry)| entry));
        if let Some((name, _)) = gone.or(come).filter(|_| gone_entry != come_entry) {
            found.push((name, gone_entry, come_entry));
        }
    }
}
