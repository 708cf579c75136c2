//! Where each member of an archive lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::error::DumpError;
use super::super::members::is_trailing_garbage;
use super::super::packed::Packing;
use super::LeftOut;
use super::forward::{Bytes, Forward};
use super::header::BLOCK;
use super::member::{Archive, Data, Place};
use super::sparse::MOST_PARTS;
use super::walk::{End, Entry, Step, Walk};
use crate::content::FileKind;
use crate::model::names::nested_paths;

/// Members of one archive at most: each takes about 200 bytes of memory.
const MOST_MEMBERS: usize = 4_000_000;

/// Why a member of an archive in several volumes is not read.
const ELSEWHERE: &str = "it goes on in another volume; `tar -M` puts them together";

/// What is wrong with the last member of an archive that was cut off, or is the first of several volumes: nothing in it tells which.
const CUT_OR_VOLUME: &str =
    "the archive was cut off there, or goes on in another volume, which `tar -M` puts together with this one";

/// Volumes end behind a whole number of such records, unless another length was asked for; so does what tar wrote before it was killed.
const RECORD: u64 = 20 * BLOCK as u64;

/// Why a sparse file is not read.
const SPARSE: &str = "a sparse file in a form that is not read; tar unpacks it";

/// How many links to links are followed.
const MOST_LINKS: usize = 100;

/// All members that are shown, sorted by path, and the others.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) members: Vec<Indexed>,
    pub(super) left_out: Vec<LeftOut>,
    /// What is wrong with the archive behind the last member.
    pub(super) damage: Option<String>,
    /// What keeps the archive from being known to be whole.
    pub(super) doubts: Vec<&'static str>,
}

/// One member that is shown.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) path: Arc<str>,
    pub(super) kind: FileKind,
    pub(super) data: Data,
}

impl Index {
    /// Goes through the archive once.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged before the end of its first member. What is packed counts only as
    /// a whole: before its checksums are reached, nothing in it is proven.
    pub(super) fn read(archive: &Archive) -> Result<Self, DumpError> {
        let bytes = match archive.packing {
            Packing::Plain => Bytes::File(archive.stored.open()?, archive.stored.len()),
            packing => Bytes::Stream(packing.unpack(&*archive.stored)?),
        };
        let mut walk = Walk::new(Forward::new(bytes));
        let mut found = Found { is_plain: archive.packing == Packing::Plain, ..Found::default() };
        let end = loop {
            match walk.next()? {
                Step::Entry(entry) => found.add(*entry),
                Step::End(end) => break end,
            }
            if found.members.len() + found.left_out.len() > MOST_MEMBERS {
                return Err(DumpError::Unsupported(format!("it has more than {MOST_MEMBERS} members")));
            }
        };
        let mut rest = walk.into_rest();
        // What follows is no part of a member.
        let _ = archive.len.set(rest.position());
        let rest_is_empty = match rest.rest_is_empty() {
            // The end of the archive was there, so that nothing of it is missing.
            Err(error) if end == End::Mark && is_trailing_garbage(&error) => {
                found.doubts.push("bytes that are not packed follow the packed ones");
                Ok(true)
            }
            other => other,
        }?;
        rest.check()?;
        match end {
            End::Mark if rest_is_empty => {}
            End::Mark => found.leave_out(b"", "bytes after the end of the archive"),
            End::LoneBlock => found.doubts.push("it ends in one block of zeros, and something follows that"),
            End::LoneHeader => {
                found.doubts.push("its last header says something of a member that is not there");
            }
            // As every archive has one header at least, an empty file is none.
            End::NoMark if found.is_empty => {
                return Err(DumpError::Damaged("it is empty, which no tar archive is".into()));
            }
            End::NoMark => {
                found.doubts.push("it has no end mark, so that members may be missing behind the last one");
            }
            End::Cut if found.last_is_shown => {}
            End::Cut => found.damage = Some("it was cut off".into()),
            End::Damaged(what) if found.is_empty => return Err(DumpError::Damaged(what)),
            End::Damaged(what) => found.damage = Some(what),
        }
        Ok(found.into_index())
    }
}

/// What was found so far.
struct Found {
    /// The last member of each name, as they are all that is left when the archive is unpacked.
    members: BTreeMap<Vec<u8>, Member>,
    left_out: Vec<LeftOut>,
    damage: Option<String>,
    doubts: Vec<&'static str>,
    is_empty: bool,
    /// Whether it is one of several volumes: the end of the one before is at its beginning.
    is_volume: bool,
    /// Whether it is not packed: no volume is.
    is_plain: bool,
    /// Whether the last member of the archive is among the members.
    last_is_shown: bool,
    /// How many more parts of sparse files may be kept.
    part_room: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            members: BTreeMap::new(),
            left_out: Vec::new(),
            damage: None,
            doubts: Vec::new(),
            is_empty: true,
            is_volume: false,
            is_plain: false,
            last_is_shown: false,
            part_room: MOST_PARTS,
        }
    }
}

/// What a name stands for.
enum Member {
    File(FileKind, Data),
    /// A hard link to a name that was not there yet.
    LinkTo(Vec<u8>),
}

impl Found {
    fn add(&mut self, entry: Entry) {
        (self.is_empty, self.last_is_shown) = (false, false);
        if entry.kind == b'M' || entry.extended.is_volume {
            self.is_volume = true;
            self.doubts.push("a file in it began in another volume");
        }
        let Some(name) = plain_name(&entry.name) else {
            if !entry.is_folder() && entry.kind != b'V' {
                self.leave_out(&entry.name, "a member without a name");
            }
            return;
        };
        if entry.is_folder() {
            // A folder takes the place of a file; what is in it stays.
            self.members.remove(&name);
            return;
        }
        let executable = if entry.executable { FileKind::Executable } else { FileKind::Regular };
        match entry.kind {
            // What is known of it may be wrong: its name and what it leads to, too.
            _ if entry.problem.is_some() => {
                let data = self.data(entry);
                self.put(name, executable, data);
            }
            b'1' => self.link(name, entry, executable),
            b'2' => self.put(name, FileKind::Symlink, Data::inline(entry.link)),
            b'3' | b'4' => self.replace(name, "a device"),
            b'6' => self.replace(name, "a named pipe"),
            b'V' => self.leave_out(&name, "a note of GNU tar's"),
            b'M' => self.leave_out(&name, "the rest of a file of another volume"),
            // What is of no known type is a file, as for tar.
            _ => {
                let data = self.data(entry);
                self.put(name, executable, data);
            }
        }
    }

    fn put(&mut self, name: Vec<u8>, kind: FileKind, data: Data) {
        self.last_is_shown = true;
        self.members.insert(name, Member::File(kind, data));
    }

    /// A second name of a member. Some archives give it the data, too.
    fn link(&mut self, name: Vec<u8>, entry: Entry, kind: FileKind) {
        let target = plain_name(&entry.link).unwrap_or_default();
        match self.members.get(&target) {
            _ if target == name && self.members.contains_key(&name) => {}
            Some(Member::File(kind, data)) => {
                let (kind, data) = (*kind, data.clone());
                self.put(name, kind, data);
            }
            _ if entry.stored > 0 => {
                let data = self.data(entry);
                self.put(name, kind, data);
            }
            _ => {
                self.members.insert(name, Member::LinkTo(target));
            }
        }
    }

    /// Where the bytes of a file are.
    fn data(&mut self, entry: Entry) -> Data {
        let (start, stored, header) = (entry.start, entry.stored, entry.header);
        let len = match (&entry.extended.sparse, entry.kind) {
            (Some(sparse), _) => sparse.real_size,
            (None, b'S') => entry.real_size,
            (None, _) => Some(stored),
        };
        let place = match (entry.problem, entry.extended.sparse, entry.kind) {
            (Some(_), ..) if self.is_volume => Place::NotRead { header, reason: ELSEWHERE },
            (Some(_), ..) if self.is_plain && entry.cut_at.is_some_and(|end| end % RECORD == 0) => {
                Place::Damaged { header, problem: CUT_OR_VOLUME.into() }
            }
            (Some(problem), ..) => Place::Damaged { header, problem: problem.into() },
            (None, ..) if len.is_none() => Place::NotRead { header, reason: SPARSE },
            (None, None, b'S') => Place::GnuSparse { header, stored },
            (None, None, _) => return Data::at(Place::Whole { start }, stored).with_sha256(entry.sha256),
            (None, Some(sparse), _) => match (sparse.major, sparse.minor, sparse.parts) {
                (Some(1), Some(0), _) => Place::PaxSparse { start, stored },
                (None | Some(0), _, Some(parts)) if parts.len() <= self.part_room => {
                    self.part_room -= parts.len();
                    Place::MappedSparse { start, stored, parts: parts.into() }
                }
                _ => Place::NotRead { header, reason: SPARSE },
            },
        };
        Data::at(place, len.unwrap_or(stored))
    }

    /// What is not shown takes the place of what has its name.
    fn replace(&mut self, name: Vec<u8>, reason: &'static str) {
        self.members.remove(&name);
        self.leave_out(&name, reason);
    }

    fn leave_out(&mut self, name: &[u8], reason: &'static str) {
        self.left_out.push(LeftOut { name: name.to_owned(), reason });
    }

    /// What a hard link leads to in the end.
    fn resolve(&self, target: &[u8]) -> Option<(FileKind, Data)> {
        let mut target = target;
        for _ in 0..MOST_LINKS {
            match self.members.get(target)? {
                Member::File(kind, data) => return Some((*kind, data.clone())),
                Member::LinkTo(next) => target = next,
            }
        }
        None
    }

    fn into_index(mut self) -> Index {
        let links = self.members.iter().filter_map(|(name, member)| match member {
            Member::LinkTo(target) => Some((name.clone(), self.resolve(target))),
            Member::File(..) => None,
        });
        let links: Vec<_> = links.collect();
        for (name, found) in links {
            match found {
                Some((kind, data)) => self.put(name, kind, data),
                None => self.replace(name, "a hard link to what is not in the archive"),
            }
        }
        let paths = nested_paths(self.members.keys().map(Vec::as_slice));
        let files = self.members.into_values().zip(paths).filter_map(|(member, path)| match member {
            Member::File(kind, data) => Some(Indexed { path: path.into(), kind, data }),
            Member::LinkTo(_) => None,
        });
        let mut members: Vec<Indexed> = files.collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let Self { left_out, damage, mut doubts, .. } = self;
        doubts.sort_unstable();
        doubts.dedup();
        Index { members, left_out, damage, doubts }
    }
}

/// A name without what means nothing in it: `./a//b` and `/a/b` are `a/b`, as for tar. `None` for the folder that the
/// archive is of.
fn plain_name(name: &[u8]) -> Option<Vec<u8>> {
    let components = name.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    let plain = components.collect::<Vec<_>>().join(&b'/');
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_means_nothing() {
        for (name, plain) in [
            ("a", Some("a")),
            ("./a/./b//c/", Some("a/b/c")),
            (".", None),
            ("./", None),
            ("", None),
            ("/", None),
            ("../a", Some("../a")),
            ("/etc/./passwd", Some("etc/passwd")),
            (".a", Some(".a")),
        ] {
            let found = plain_name(name.as_bytes());
            assert_eq!(found.as_deref(), plain.map(str::as_bytes), "{name}");
        }
    }
}
