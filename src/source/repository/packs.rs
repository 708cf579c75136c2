//! Objects in packs.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use gix::hash::Kind as HashKind;
use gix::objs::Kind;
use gix::odb::pack;
use gix::odb::pack::cache::DecodeEntry;
use gix::odb::pack::data::decode;
use gix::oid;
use rustix::fd::AsRawFd;

use super::failure::Failure;
use crate::content::ErrorKind;
use crate::files::access;
use crate::files::root::SourcePath;
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;

/// The most that reading one object may allocate, in bytes: git may keep one as a chain of differences, which all are in
/// memory with what they are made from.
pub(crate) const MAX_OBJECT_MEMORY: u32 = 512 << 20;

/// What a reader keeps of unpacked objects that others are made from, in bytes.
const BASE_CACHE: usize = 32 << 20;

/// More packs than any git leaves there: it packs them into one at fifty.
const MOST_PACKS: usize = 10_000;

/// A pack, by its files without their ends.
pub(super) type PackName = SourcePath;

/// What is seen of a pack without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackStamp {
    inode: u64,
    len: u64,
    /// Whom its mode lets read it.
    pub(super) audience: Audience,
    /// Whether what it lacks was promised by the repository that it came from.
    pub(super) is_promised: bool,
}

/// The packs in folders of objects, without those whose metadata cannot be read.
pub(super) fn list(objects: &[SourcePath]) -> BTreeMap<PackName, PackStamp> {
    let mut found = BTreeMap::new();
    for place in objects {
        let folder = place.join("pack");
        let entries = folder.read_dir().and_then(|open| open.paths()).unwrap_or_default();
        let is_there = |path: &Path| entries.binary_search_by(|(other, _)| other.as_path().cmp(path)).is_ok();
        for (path, _) in &entries {
            let is_pack = path.extension().is_some_and(|end| end == "idx");
            if !is_pack || found.len() >= MOST_PACKS {
                continue;
            }
            let stem = path.with_extension("");
            if let Ok(seen) = place.root().metadata(&stem.with_extension("pack")) {
                let is_promised = is_there(&stem.with_extension("promisor"));
                let audience = access::of_file(&seen);
                let seen = PackStamp { inode: seen.ino(), len: seen.len(), audience, is_promised };
                found.insert(SourcePath::new(place.root(), stem), seen);
            }
        }
    }
    found
}

pub(super) struct Packs {
    packs: Vec<Pack>,
    broken: Vec<(PathBuf, ErrorKind, String)>,
}

struct Pack {
    index: pack::index::File,
    data: pack::data::File,
}

/// What unpacking takes, for one thread.
pub(super) struct Unpacking {
    inflate: gix::zlib::Inflate,
    bases: Box<dyn DecodeEntry>,
}

/// What is kept while objects are unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaseCache {
    /// Nothing: few objects are read.
    Nothing,
    /// What other objects may be made from.
    Bases,
}

impl Unpacking {
    pub(super) fn new(cache: BaseCache) -> Self {
        let bases: Box<dyn DecodeEntry> = match cache {
            BaseCache::Nothing => Box::new(pack::cache::Never),
            BaseCache::Bases => Box::new(pack::cache::lru::MemoryCappedHashmap::new(BASE_CACHE)),
        };
        Self { inflate: gix::zlib::Inflate::default(), bases }
    }
}

impl Packs {
    /// Opens packs. A broken pack is reported when an object is missing.
    pub(super) fn open<'n>(names: impl Iterator<Item = &'n PackName>, hash: HashKind) -> Self {
        let (mut packs, mut broken) = (Vec::new(), Vec::new());
        for name in names {
            match Pack::open(name, hash) {
                Ok(pack) => packs.push(pack),
                // `git gc` removed it since it was listed.
                Err(error) if error.kind == ErrorKind::Missing => {}
                Err(error) => broken.push((name.path().to_owned(), error.kind, error.problem.to_string())),
            }
        }
        Self { packs, broken }
    }

    /// Why an object may be missing: a pack that cannot be read.
    pub(super) fn broken(&self) -> Option<Failure> {
        let (stem, kind, problem) = self.broken.first()?;
        let path = stem.with_extension("pack");
        Some(Failure::new(*kind, format!("pack {} cannot be read: {problem}", path.shown())))
    }

    /// Unpacks an object into `buffer`; `None` if it is in none of them.
    pub(super) fn find(
        &self,
        id: &oid,
        buffer: &mut Vec<u8>,
        unpacking: &mut Unpacking,
    ) -> Result<Option<Kind>, Failure> {
        let Unpacking { inflate, bases } = unpacking;
        let mut failure = None;
        // Several may have it, and one of them may be broken.
        for (pack, entry) in self.packs.iter().filter_map(|pack| Some((pack, pack.entry(id)?))) {
            let resolve = |base: &oid, _: &mut Vec<u8>| {
                pack.entry(base).transpose().map(|entry| entry.map(decode::entry::ResolvedBase::InPack))
            };
            buffer.clear();
            let found = entry
                .and_then(|entry| pack.data.decode_entry(entry, buffer, inflate, &resolve, &mut **bases));
            match found {
                Ok(found) => return Ok(Some(found.kind)),
                Err(error) => failure = Some(Failure::git("unpack it", error)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Kind and length of an object as its header states them; `None` if it is in none of them.
    pub(super) fn header(&self, id: &oid, unpacking: &mut Unpacking) -> Option<Result<(Kind, u64), Failure>> {
        let (pack, entry) = self.packs.iter().find_map(|pack| Some((pack, pack.entry(id)?)))?;
        let resolve = |base: &oid| {
            pack.entry(base).transpose().map(|entry| entry.map(decode::header::ResolvedBase::InPack))
        };
        let found = entry.and_then(|entry| pack.data.decode_header(entry, &mut unpacking.inflate, &resolve));
        let found = found.map(|found| (found.kind, found.object_size));
        Some(found.map_err(|error| Failure::git("unpack its header", error)))
    }
}

impl Pack {
    fn open(name: &PackName, hash: HashKind) -> Result<Self, Failure> {
        let open = |end: &str| {
            let file = name.root().open(&name.path().with_extension(end));
            let file = file.and_then(|file| match file.metadata()?.is_file() {
                true => Ok(file),
                false => Err(std::io::Error::other("it is not a regular file")),
            });
            file.map_err(|error| Failure::io(&format!("open its .{end}"), error))
        };
        let (index, data) = (open("idx")?, open("pack")?);
        // The library maps a file by path: this is the one that is open.
        let by_handle = |file: &std::fs::File| format!("/proc/self/fd/{}", file.as_raw_fd());
        let fail = |error| Failure::git("open it", error);
        let index = pack::index::File::at(by_handle(&index), hash).map_err(fail)?;
        let data = pack::data::File::at(by_handle(&data), hash).map_err(fail)?;
        let mut data = data.with_alloc_limit_bytes(Some(MAX_OBJECT_MEMORY as usize));
        // The library tells packs apart by paths, and those of handles are used again.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        data.id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { index, data })
    }

    fn entry(&self, id: &oid) -> Option<gix::Result<pack::data::Entry>> {
        let at = self.index.lookup(id)?;
        Some(self.data.entry(self.index.pack_offset_at_index(at)))
    }
}
