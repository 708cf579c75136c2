//! Folders of copies that are named for their time, as Octopoid commits them: each name that was ever there is a
//! snapshot, also when later commits have removed it.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::time::Timestamp;
use gix::ObjectId;
use jiff::tz::TimeZone;

use super::graph::{At, CommitNumber, Graph};
use super::layout;
use super::objects::CachedReader;
use super::shown::BESIDE;
use super::tree::{self, TreeEntries, TreeEntry};
use crate::content::{FileKind, SourceError, chain};
use crate::format::{EXPORT, FileFormat, SQLITE};
use crate::source::dated_names::{ArchiveName, LeftOut, SeriesConventions, parse_file_name};

mod database;

pub(super) use database::CopiesDatabase;

/// What is under the name of a copy, as the newest commit has it that has it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    copy: ObjectId,
    /// What SQLite left beside it, in the order of [`BESIDE`].
    beside: [Option<ObjectId>; 2],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatedCopy {
    name: String,
    format: FileFormat,
    time: Timestamp,
    held: Held,
    /// The commit that wrote what it holds.
    place: CommitNumber,
}

enum CopyStep {
    Wrote(Box<[u8]>),
    Removed(Box<[u8]>, Held),
}

/// A copy on the way from the newest commit to the oldest; the commit that wrote it is not known at first.
type Trace = (Held, Option<CommitNumber>);

/// What each commit did, by the commits read so far.
#[derive(Default)]
pub(super) struct Copies {
    steps: HashMap<ObjectId, Box<[CopyStep]>>,
}

/// Whether the chosen folder is one of copies: most of the names that tell what it is for are those of SQLite databases
/// or exports with a time. The newest commit of `line`, newest first, that has such names at all decides.
pub(super) fn is_folder_of(
    graph: &Graph,
    line: &[CommitNumber],
    reader: &mut CachedReader<'_>,
) -> Result<bool, SourceError> {
    for place in line {
        let At::Known(Some(entry)) = graph.commit(*place).at else { continue };
        if !entry.is_tree() {
            return Ok(false);
        }
        let (mut copies, mut others) = (0, 0);
        for (name, entry) in tree::entries(reader, entry.id)?.iter().filter(|(name, _)| layout::is_told(name))
        {
            match copy_name(name) {
                Some(_) if is_file(&entry) => copies += 1,
                _ if belongs_to_another(name) => {}
                _ => others += 1,
            }
        }
        if copies + others > 0 {
            return Ok(copies > others);
        }
    }
    Ok(false)
}

impl Copies {
    /// All copies that the commits of `line`, newest first, ever held, by database, oldest first. `fallback` is the
    /// database of those whose names begin with their time; `zones` are `--timezone` and that of the system.
    pub(super) fn look(
        &mut self,
        graph: &Graph,
        line: &[CommitNumber],
        reader: &mut CachedReader<'_>,
        fallback: &str,
        zones: (Option<&TimeZone>, &TimeZone),
    ) -> BTreeMap<String, Vec<DatedCopy>> {
        let mut by_database: BTreeMap<String, Vec<DatedCopy>> = BTreeMap::new();
        let traces = self.traces(graph, line, reader);
        let mut conventions = SeriesConventions::of_folder(fallback);
        for (_, parsed) in traces.keys().filter_map(|name| copy_name(name)) {
            conventions.learn(&parsed);
        }
        for (name, (held, place)) in traces {
            let Some((name, parsed)) = copy_name(&name) else { continue };
            let series = conventions.of(&parsed);
            let time = parsed.time.as_ref().and_then(|time| time.resolve(series, zones.0, zones.1));
            let Some(time) = time else {
                let source = &*reader.objects.label;
                tracing::info!(source, name, "a copy is left out: the time in its name is not sure");
                continue;
            };
            let Some(place) = place.or(line.last().copied()) else { continue };
            let database = if parsed.prefix.is_empty() { fallback } else { &parsed.prefix };
            let copy = DatedCopy { name: name.to_owned(), format: parsed.format, time, held, place };
            by_database.entry(database.to_owned()).or_default().push(copy);
        }
        for copies in by_database.values_mut() {
            // They are sorted by name.
            copies.sort_by_key(|copy| copy.time);
        }
        by_database
    }

    fn traces(
        &mut self,
        graph: &Graph,
        line: &[CommitNumber],
        reader: &mut CachedReader<'_>,
    ) -> BTreeMap<Box<[u8]>, Trace> {
        let mut found: BTreeMap<Box<[u8]>, Trace> = BTreeMap::new();
        // Whether all that this commit holds is found.
        let mut is_known = false;
        for &place in line {
            if !is_known && let Some(entries) = entries_at(graph.commit(place).at, reader) {
                is_known = true;
                for (name, held) in held_in(&entries) {
                    found.entry(name).or_insert((held, None));
                }
            }
            if !super::history::is_touched(graph, place) {
                continue;
            }
            let Some(steps) = self.steps(graph, place, reader) else {
                // What is still traced is in this commit, or was lost sight of in the one after it.
                found.values_mut().for_each(|(_, written)| *written = written.or(Some(place)));
                is_known = false;
                continue;
            };
            for step in steps {
                match step {
                    CopyStep::Wrote(name) => {
                        if let Some((_, written)) = found.get_mut(name) {
                            *written = written.or(Some(place));
                        }
                    }
                    CopyStep::Removed(name, held) => drop(found.entry(name.clone()).or_insert((*held, None))),
                }
            }
        }
        found
    }

    /// What a commit did; `None` if it, or the one before it, cannot be read.
    fn steps(
        &mut self,
        graph: &Graph,
        place: CommitNumber,
        reader: &mut CachedReader<'_>,
    ) -> Option<&[CopyStep]> {
        match self.steps.entry(graph.commit(place).object) {
            Slot::Occupied(known) => Some(known.into_mut()),
            Slot::Vacant(slot) => {
                let before = entries_at(graph.before(place), reader)?;
                let after = entries_at(graph.commit(place).at, reader)?;
                Some(slot.insert(steps_between(&before, &after)))
            }
        }
    }
}

fn steps_between(before: &TreeEntries, after: &TreeEntries) -> Box<[CopyStep]> {
    let mut steps = Vec::new();
    let mut gone = false;
    for (name, old, new) in tree::differing(before, after) {
        if copy_name(name).is_none() {
            continue;
        }
        let (old, new) = (old.filter(is_file), new.filter(is_file));
        if new.is_some_and(|new| old.is_none_or(|old| old.id != new.id)) {
            steps.push(CopyStep::Wrote(name.into()));
        }
        gone |= old.is_some() && new.is_none();
    }
    if gone {
        let left: HashMap<Box<[u8]>, Held> = held_in(after).collect();
        let removed = held_in(before).filter(|(name, _)| !left.contains_key(name));
        steps.extend(removed.map(|(name, held)| CopyStep::Removed(name, held)));
    }
    steps.into()
}

/// The copies in a folder, with the files that SQLite left beside each.
fn held_in(entries: &TreeEntries) -> impl Iterator<Item = (Box<[u8]>, Held)> {
    let is_beside = |name: &[u8]| BESIDE.iter().any(|end| name.ends_with(end));
    let files = || entries.iter().filter(|(_, entry)| is_file(entry));
    let beside: HashMap<&[u8], ObjectId> =
        files().filter(|(name, _)| is_beside(name)).map(|(name, entry)| (name, entry.id)).collect();
    files().filter(|(name, _)| copy_name(name).is_some()).map(move |(name, entry)| {
        let beside = BESIDE.map(|end| beside.get(&*[name, end].concat()).copied());
        (name.into(), Held { copy: entry.id, beside })
    })
}

/// What the chosen folder holds; `None` if that cannot be read.
fn entries_at(at: At, reader: &mut CachedReader<'_>) -> Option<Arc<TreeEntries>> {
    match at {
        At::Known(Some(entry)) if entry.is_tree() => match tree::entries(reader, entry.id) {
            Ok(entries) => Some(entries),
            Err(error) => {
                tracing::debug!("a commit cannot be looked into: {}", chain(&error));
                None
            }
        },
        At::Known(_) => Some(Arc::default()),
        At::Unreadable(_) => None,
    }
}

fn is_file(entry: &TreeEntry) -> bool {
    matches!(entry.file_kind(), Some(FileKind::Regular | FileKind::Executable))
}

/// The name of a copy, taken apart; `None` for any other.
fn copy_name(name: &[u8]) -> Option<(&str, ArchiveName)> {
    let name = std::str::from_utf8(name).ok()?;
    let parsed = parse_file_name(name).ok()?;
    let has_time = parsed.time.as_ref().is_some_and(|time| time.ends_the_name);
    let is_copy = has_time && [SQLITE, EXPORT].into_iter().any(|format| parsed.format.is_plain(format));
    is_copy.then_some((name, parsed))
}

/// Whether it is the name of what comes with a copy.
fn belongs_to_another(name: &[u8]) -> bool {
    let why = std::str::from_utf8(name).ok().and_then(|name| parse_file_name(name).err());
    why.is_some_and(|why| why != LeftOut::Foreign)
}
