//! Describes what a chunk is part of: a message has to say what is lost.

use std::borrow::Cow;

use dolt_store::message::{COMMIT_ID, Message};
use dolt_store::objects::{Commit, ReferenceField, references};
use dolt_store::{Address, Store};

use crate::model::time::Timestamp;

/// Prefixes of refs, and their names in messages.
const REFS: [(&str, &str); 6] = [
    ("refs/heads/", "branch "),
    ("refs/tags/", "tag "),
    ("refs/remotes/", "remote branch "),
    ("workingSets/heads/", "the working set of branch "),
    ("refs/stashes/", "stashes of "),
    ("refs/statistics/", "statistics of "),
];

/// Describes what the last chunk of a way from the root belongs to: `branch main, commit ... of 2026-01-02T03:04:05Z, table
/// issues, index by_status`.
pub fn describe(view: &Store, way: &[Address]) -> String {
    let mut place = ChunkDescription::default();
    for step in way.windows(2) {
        // What leads here was whole when it was followed.
        let Ok(Some(chunk)) = view.get(&step[0]) else { break };
        place.follow(&chunk, &step[0], &step[1]);
    }
    let parts = [place.name, place.commit, place.moment, place.table, place.part];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "the store's root".to_owned(),
        false => parts.join(", "),
    }
}

/// What an address map on the way is a map of.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum MapKind {
    #[default]
    Refs,
    Tables,
    Indexes,
    Stashes,
    /// Parts of a long value.
    Value,
}

#[derive(Default)]
struct ChunkDescription {
    map: MapKind,
    name: Option<String>,
    commit: Option<String>,
    /// Which root value of a working set.
    moment: Option<String>,
    table: Option<String>,
    part: Option<String>,
}

impl ChunkDescription {
    /// Follows a reference from a chunk to the next.
    fn follow(&mut self, chunk: &[u8], own: &Address, next: &Address) {
        let id = Message::id_of(chunk).unwrap_or_default();
        match &id {
            b"STRT" => self.map = MapKind::Refs,
            b"SLST" => self.map = MapKind::Stashes,
            b"RTVL" => self.map = MapKind::Tables,
            &COMMIT_ID => self.enter_commit(chunk, own),
            _ => {}
        }
        let Ok(found) = references(chunk) else { return };
        let Some((field, _)) = found.all.iter().find(|(_, address)| address == next) else { return };
        match field {
            ReferenceField::Entry(key) => self.enter(key),
            ReferenceField::Index(name) => self.part = Some(format!("index {}", text(name))),
            ReferenceField::IndexMap => {
                (self.map, self.part) = (MapKind::Indexes, Some("its map of indexes".to_owned()))
            }
            ReferenceField::LongValue => {
                self.map = MapKind::Value;
                let part = self.part.as_deref().map_or(String::new(), |part| format!(" of {part}"));
                self.part = Some(format!("a long value{part}"));
            }
            ReferenceField::Staged => self.moment = Some("what is staged".to_owned()),
            ReferenceField::BeforeMerge => self.moment = Some("from before a merge".to_owned()),
            ReferenceField::Commit => self.part = Some("the commit that it names".to_owned()),
            ReferenceField::Parent => self.part = Some("a parent of that commit".to_owned()),
            ReferenceField::Closure => self.part = Some("the list of that commit's ancestors".to_owned()),
            ReferenceField::Ancestor => self.part = Some("an ancestor of that commit".to_owned()),
            ReferenceField::Schema => self.part = Some("its schema".to_owned()),
            ReferenceField::ForeignKeys => self.part = Some("the foreign keys".to_owned()),
            ReferenceField::Artifacts => self.part = Some("its conflicts and violations".to_owned()),
            ReferenceField::Statistics => self.part = Some("statistics".to_owned()),
            ReferenceField::Root => self.part = Some("the list of tables".to_owned()),
            ReferenceField::Child if &id == b"DTBL" => self.part = Some("its rows".to_owned()),
            ReferenceField::Child => {}
        }
    }

    /// Enters an entry of the map on the way.
    fn enter(&mut self, key: &[u8]) {
        match self.map {
            MapKind::Refs => self.name = Some(name(&text(key))),
            MapKind::Stashes => self.part = Some(format!("stash {}", text(key))),
            MapKind::Tables => (self.table, self.part) = (Some(format!("table {}", text(key))), None),
            MapKind::Indexes => self.part = Some(format!("index {}", text(key))),
            MapKind::Value => {}
        }
    }

    fn enter_commit(&mut self, chunk: &[u8], own: &Address) {
        let commit = Commit::parse(bytes::Bytes::copy_from_slice(chunk));
        let time = commit.map_or_else(
            |_| String::new(),
            |commit| format!(" of {}", Timestamp::from_millisecond(commit.committed_millis)),
        );
        (self.commit, self.part) = (Some(format!("commit {own}{time}")), None);
    }
}

/// The name of a ref in messages.
fn name(key: &str) -> String {
    let called =
        REFS.iter().find_map(|(start, called)| Some(format!("{called}{}", key.strip_prefix(start)?)));
    called.unwrap_or_else(|| key.to_owned())
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
