//! The members of an archive, and where each begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::LeftOutMember;
use super::forward::{Forward, TarBytes};
use super::header::BLOCK;
use super::member::{MemberData, MemberPlace, TarBlob};
use super::sparse::MOST_PARTS;
use super::walk::{TarEnd, TarEntry, TarWalk, WalkStep};
use crate::content::FileKind;
use crate::format::error::FormatError;
use crate::format::input::FormatContext;
use crate::format::packed::{Packing, is_trailing_garbage};
use crate::model::names::nested_paths;

/// The most members of one archive: each takes about 200 bytes of memory.
const MOST_MEMBERS: usize = 4_000_000;

/// Why a member of an archive in several volumes is not read.
const ELSEWHERE: &str = "it goes on in another volume; `tar -M` puts them together";

/// What is wrong with the last member of an archive that was cut off, or is the first of several volumes: nothing in it
/// tells which.
const CUT_OR_VOLUME: &str =
    "the archive was cut off there, or goes on in another volume, which `tar -M` puts together with this one";

/// A volume ends after a whole number of such records, unless tar was asked for another length; so does an archive
/// whose tar was killed.
const RECORD: u64 = 20 * BLOCK as u64;

/// Why a sparse file is not read.
const SPARSE: &str = "a sparse file in a form that is not read; tar unpacks it";

/// How many links to links are followed.
const MOST_LINKS: usize = 100;

/// All members that are shown, sorted by path, and the others.
#[derive(Debug, Default)]
pub(super) struct TarIndex {
    pub(super) members: Vec<Indexed>,
    pub(super) left_out: Vec<LeftOutMember>,
    /// What is wrong with the archive after the last member.
    pub(super) damage: Option<String>,
    /// What keeps the archive from being known to be whole.
    pub(super) doubts: Vec<&'static str>,
}

#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) path: Arc<str>,
    pub(super) kind: FileKind,
    pub(super) data: MemberData,
}

impl TarIndex {
    /// Goes through the archive once. Damage before the end of its first member is an error. A packed archive must be
    /// read to its end: its checksums come last, and nothing in it is proven before.
    pub(super) fn read(context: &FormatContext, archive: &TarBlob) -> Result<Self, FormatError> {
        let bytes = match archive.packing {
            Packing::Plain => TarBytes::File(archive.blob.open()?, archive.blob.len()),
            packing => TarBytes::Stream(context.unpack(packing, &*archive.blob)?),
        };
        let mut walk = TarWalk::new(Forward::new(bytes));
        let mut found =
            FoundMembers { is_plain: archive.packing == Packing::Plain, ..FoundMembers::default() };
        let end = loop {
            match walk.next()? {
                WalkStep::Entry(entry) => found.add(*entry),
                WalkStep::End(end) => break end,
            }
            if found.members.len() + found.left_out.len() > MOST_MEMBERS {
                return Err(FormatError::Unsupported(format!("it has more than {MOST_MEMBERS} members")));
            }
        };
        let mut rest = walk.into_rest();
        // What follows is no part of a member.
        let _ = archive.len.set(rest.position());
        let rest_is_empty = match rest.rest_is_empty() {
            // The end of the archive was there, so nothing of it is missing.
            Err(error) if end == TarEnd::Mark && is_trailing_garbage(&error) => {
                found.doubts.push("bytes that are not packed follow the packed ones");
                Ok(true)
            }
            other => other,
        }?;
        rest.check()?;
        match end {
            TarEnd::Mark if rest_is_empty => {}
            TarEnd::Mark => found.leave_out(b"", "bytes after the end of the archive"),
            TarEnd::LoneBlock => {
                found.doubts.push("it ends in one block of zeros, and something follows that")
            }
            TarEnd::LoneHeader => {
                found.doubts.push("its last header says something of a member that is not there");
            }
            // Every archive has at least one header.
            TarEnd::NoMark if !found.has_entries => {
                return Err(FormatError::damaged("it is empty, which no tar archive is"));
            }
            TarEnd::NoMark => {
                found.doubts.push("it has no end mark, so that members may be missing behind the last one");
            }
            TarEnd::Cut if found.last_is_shown => {}
            TarEnd::Cut => found.damage = Some("it was cut off".into()),
            TarEnd::Damaged(what) if !found.has_entries => return Err(FormatError::Damaged(what)),
            TarEnd::Damaged(what) => found.damage = Some(what),
        }
        Ok(found.into_index())
    }
}

/// What was found so far.
#[derive(Default)]
struct FoundMembers {
    /// The last member of each name: only that one is left when the archive is unpacked.
    members: BTreeMap<Vec<u8>, NamedMember>,
    left_out: Vec<LeftOutMember>,
    damage: Option<String>,
    doubts: Vec<&'static str>,
    has_entries: bool,
    /// Whether it is one of several volumes: the end of the one before is at its beginning.
    is_volume: bool,
    /// Whether it is not packed: no volume is.
    is_plain: bool,
    /// Whether the last member of the archive is among the members.
    last_is_shown: bool,
    /// How many parts of sparse files are kept.
    parts: usize,
}

/// What a name stands for.
enum NamedMember {
    File(FileKind, MemberData),
    /// A hard link to a name that was not there yet.
    LinkTo(Vec<u8>),
}

impl FoundMembers {
    fn add(&mut self, entry: TarEntry) {
        (self.has_entries, self.last_is_shown) = (true, false);
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
            // Everything known of it may be wrong, even its name and its link target.
            _ if entry.problem.is_some() => {
                let data = self.data(entry);
                self.put(name, executable, data);
            }
            b'1' => self.link(name, entry, executable),
            b'2' => self.put(name, FileKind::Symlink, MemberData::inline(entry.link)),
            b'3' | b'4' => self.replace(name, "a device"),
            b'6' => self.replace(name, "a named pipe"),
            b'V' => self.leave_out(&name, "a note of GNU tar's"),
            b'M' => self.leave_out(&name, "the rest of a file of another volume"),
            // A member of an unknown type is a file, as for tar.
            _ => {
                let data = self.data(entry);
                self.put(name, executable, data);
            }
        }
    }

    fn put(&mut self, name: Vec<u8>, kind: FileKind, data: MemberData) {
        self.last_is_shown = true;
        self.members.insert(name, NamedMember::File(kind, data));
    }

    /// A second name of a member. Some archives repeat the data for it.
    fn link(&mut self, name: Vec<u8>, entry: TarEntry, kind: FileKind) {
        let target = plain_name(&entry.link).unwrap_or_default();
        match self.members.get(&target) {
            _ if target == name && self.members.contains_key(&name) => {}
            Some(NamedMember::File(kind, data)) => {
                let (kind, data) = (*kind, data.clone());
                self.put(name, kind, data);
            }
            _ if entry.stored > 0 => {
                let data = self.data(entry);
                self.put(name, kind, data);
            }
            _ => {
                self.members.insert(name, NamedMember::LinkTo(target));
            }
        }
    }

    /// Where the bytes of a file are.
    fn data(&mut self, entry: TarEntry) -> MemberData {
        let (start, stored, header) = (entry.start, entry.stored, entry.header);
        let len = match (&entry.extended.sparse, entry.kind) {
            (Some(sparse), _) => sparse.real_size,
            (None, b'S') => entry.real_size,
            (None, _) => Some(stored),
        };
        let place = match (entry.problem, entry.extended.sparse, entry.kind) {
            (Some(_), ..) if self.is_volume => MemberPlace::NotRead { header, reason: ELSEWHERE },
            (Some(_), ..) if self.is_plain && entry.cut_at.is_some_and(|end| end % RECORD == 0) => {
                MemberPlace::Damaged { header, problem: CUT_OR_VOLUME.into() }
            }
            (Some(problem), ..) => MemberPlace::Damaged { header, problem: problem.into() },
            (None, ..) if len.is_none() => MemberPlace::NotRead { header, reason: SPARSE },
            (None, None, b'S') => MemberPlace::GnuSparse { header, stored },
            (None, None, _) => {
                return MemberData::at(MemberPlace::Whole { start }, stored).with_sha256(entry.sha256);
            }
            (None, Some(sparse), _) => match (sparse.major, sparse.minor, sparse.parts) {
                (Some(1), Some(0), _) => MemberPlace::PaxSparse { start, stored },
                (None | Some(0), _, Some(parts)) if self.parts + parts.len() <= MOST_PARTS => {
                    self.parts += parts.len();
                    MemberPlace::MappedSparse { start, stored, parts: parts.into() }
                }
                _ => MemberPlace::NotRead { header, reason: SPARSE },
            },
        };
        MemberData::at(place, len.unwrap_or(stored))
    }

    /// Leaves a member out, and removes the earlier member that it replaces.
    fn replace(&mut self, name: Vec<u8>, reason: &'static str) {
        self.members.remove(&name);
        self.leave_out(&name, reason);
    }

    fn leave_out(&mut self, name: &[u8], reason: &'static str) {
        self.left_out.push(LeftOutMember { name: name.to_owned(), reason });
    }

    /// What a hard link leads to in the end.
    fn resolve(&self, target: &[u8]) -> Option<(FileKind, MemberData)> {
        let mut target = target;
        for _ in 0..MOST_LINKS {
            match self.members.get(target)? {
                NamedMember::File(kind, data) => return Some((*kind, data.clone())),
                NamedMember::LinkTo(next) => target = next,
            }
        }
        None
    }

    fn into_index(mut self) -> TarIndex {
        let links = self.members.iter().filter_map(|(name, member)| match member {
            NamedMember::LinkTo(target) => Some((name.clone(), self.resolve(target))),
            NamedMember::File(..) => None,
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
            NamedMember::File(kind, data) => Some(Indexed { path: path.into(), kind, data }),
            NamedMember::LinkTo(_) => None,
        });
        let mut members: Vec<Indexed> = files.collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let Self { left_out, damage, mut doubts, .. } = self;
        doubts.sort_unstable();
        doubts.dedup();
        TarIndex { members, left_out, damage, doubts }
    }
}

/// A name without its empty and `.` components, as for tar: `./a//b` and `/a/b` are `a/b`. `None` for the top folder.
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
