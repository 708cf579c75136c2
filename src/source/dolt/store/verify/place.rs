//! What a chunk is part of, in words: a person has to know what is lost.

use std::borrow::Cow;

use super::references::{Field, references};
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::View;
use crate::source::dolt::store::message::Message;
use crate::source::dolt::store::objects::commit::{COMMIT_ID, Commit};

/// Refs by their beginnings, and what people call them.
const REFS: [(&str, &str); 6] = [
    ("refs/heads/", "branch "),
    ("refs/tags/", "tag "),
    ("refs/remotes/", "remote branch "),
    ("workingSets/heads/", "the working set of branch "),
    ("refs/stashes/", "stashes of "),
    ("refs/statistics/", "statistics of "),
];

/// Says what the last chunk of a way from the root belongs to: `branch main, commit ... of 2026-01-02T03:04:05Z, table
/// issues, index by_status`.
pub fn describe(view: &View, way: &[Address]) -> String {
    let mut place = Place::default();
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
enum Map {
    #[default]
    Refs,
    Tables,
    Indexes,
    Stashes,
    /// Parts of a long value.
    Value,
}

#[derive(Default)]
struct Place {
    map: Map,
    name: Option<String>,
    commit: Option<String>,
    /// Which root value of a working set.
    moment: Option<String>,
    table: Option<String>,
    part: Option<String>,
}

impl Place {
    /// Goes on from a chunk to one that it refers to.
    fn follow(&mut self, chunk: &[u8], own: &Address, next: &Address) {
        let id = Message::id_of(chunk).unwrap_or_default();
        match &id {
            b"STRT" => self.map = Map::Refs,
            b"SLST" => self.map = Map::Stashes,
            b"RTVL" => self.map = Map::Tables,
            &COMMIT_ID => self.enter_commit(chunk, own),
            _ => {}
        }
        let Ok(found) = references(chunk) else { return };
        let Some((field, _)) = found.all.iter().find(|(_, address)| address == next) else { return };
        match field {
            Field::Entry(key) => self.enter(key),
            Field::Index(name) => self.part = Some(format!("index {}", text(name))),
            Field::IndexMap => (self.map, self.part) = (Map::Indexes, Some("its map of indexes".to_owned())),
            Field::LongValue => {
                self.map = Map::Value;
                let part = self.part.as_deref().map_or(String::new(), |part| format!(" of {part}"));
                self.part = Some(format!("a long value{part}"));
            }
            Field::Staged => self.moment = Some("what is staged".to_owned()),
            Field::BeforeMerge => self.moment = Some("from before a merge".to_owned()),
            Field::Commit => self.part = Some("the commit that it names".to_owned()),
            Field::Parent => self.part = Some("a parent of that commit".to_owned()),
            Field::Closure => self.part = Some("the list of that commit's ancestors".to_owned()),
            Field::Ancestor => self.part = Some("an ancestor of that commit".to_owned()),
            Field::Schema => self.part = Some("its schema".to_owned()),
            Field::ForeignKeys => self.part = Some("the foreign keys".to_owned()),
            Field::Artifacts => self.part = Some("its conflicts and violations".to_owned()),
            Field::Statistics => self.part = Some("statistics".to_owned()),
            Field::Root => self.part = Some("the list of tables".to_owned()),
            Field::Child if &id == b"DTBL" => self.part = Some("its rows".to_owned()),
            Field::Child => {}
        }
    }

    /// An entry of the map on the way.
    fn enter(&mut self, key: &[u8]) {
        match self.map {
            Map::Refs => self.name = Some(name(&text(key))),
            Map::Stashes => self.part = Some(format!("stash {}", text(key))),
            Map::Tables => (self.table, self.part) = (Some(format!("table {}", text(key))), None),
            Map::Indexes => self.part = Some(format!("index {}", text(key))),
            Map::Value => {}
        }
    }

    fn enter_commit(&mut self, chunk: &[u8], own: &Address) {
        let commit = Commit::parse(bytes::Bytes::copy_from_slice(chunk));
        let time = commit.map_or_else(|_| String::new(), |commit| format!(" of {}", commit.time));
        (self.commit, self.part) = (Some(format!("commit {own}{time}")), None);
    }
}

/// What people call a ref.
fn name(key: &str) -> String {
    let called =
        REFS.iter().find_map(|(start, called)| Some(format!("{called}{}", key.strip_prefix(start)?)));
    called.unwrap_or_else(|| key.to_owned())
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
