//! Where each member of an archive lies.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tar::EntryType;

use super::super::error::DumpError;
use super::super::packed::Packing;
use super::LeftOut;
use super::forward::{Bytes, Forward, Notes};
use super::member::{Archive, Data, Place};
use crate::model::names::nested_paths;
use crate::source::FileKind;

/// Members of one archive at most: each takes about 200 bytes of memory.
const MOST_MEMBERS: usize = 4_000_000;

/// All members that are shown, sorted by path, and the others.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) members: Vec<Indexed>,
    pub(super) left_out: Vec<LeftOut>,
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
    pub(super) fn read(archive: &Archive) -> Result<Self, DumpError> {
        let bytes = match archive.packing {
            Packing::Plain => Bytes::File(archive.stored.open()?, archive.stored.len()),
            packing => Bytes::Stream(packing.unpack(&*archive.stored)?),
        };
        let notes = Rc::new(RefCell::new(Notes::default()));
        let mut reader = tar::Archive::new(Forward::new(bytes, &notes));
        let mut found = Found::default();
        found.read(&mut reader, &notes)?;
        if notes.borrow().ended {
            return Err(DumpError::Damaged(
                "it has no end mark: it was cut short, or is no tar archive".into(),
            ));
        }
        if !reader.into_inner().rest_is_empty()? {
            found.leave_out(b"", "bytes after the end of the archive");
        }
        Ok(found.into_index())
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    /// The last member of each name, as they are all that is left when the archive is unpacked.
    members: BTreeMap<Vec<u8>, (FileKind, Data)>,
    left_out: Vec<LeftOut>,
    /// The name of the member whose data is being skipped.
    pending: Option<Vec<u8>>,
}

type Entry<'a> = tar::Entry<'a, Forward>;

impl Found {
    fn read(
        &mut self,
        reader: &mut tar::Archive<Forward>,
        notes: &Rc<RefCell<Notes>>,
    ) -> Result<(), DumpError> {
        notes.borrow_mut().expect_headers();
        let mut entries = reader.entries_with_seek()?;
        loop {
            // Going on to the next member skips the data of the one before.
            let entry = entries.next();
            self.note_hash(&mut notes.borrow_mut());
            let Some(entry) = entry else { return Ok(()) };
            self.add(entry?, notes)?;
            if self.members.len() + self.left_out.len() > MOST_MEMBERS {
                return Err(DumpError::Unsupported(format!("it has more than {MOST_MEMBERS} members")));
            }
            notes.borrow_mut().expect_headers();
        }
    }

    /// Gives the member whose data was just skipped its checksum.
    fn note_hash(&mut self, notes: &mut Notes) {
        let hash = notes.data_hash();
        if let Some((_, data)) = self.pending.take().and_then(|name| self.members.get_mut(&name)) {
            data.set_sha256(hash);
        }
    }

    fn add(&mut self, mut entry: Entry<'_>, notes: &Rc<RefCell<Notes>>) -> Result<(), DumpError> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return check_global(&mut entry);
        }
        let extensions = Extensions::of(&mut entry)?;
        let raw_name = extensions.sparse_name.clone().unwrap_or_else(|| entry.path_bytes().into_owned());
        let Some(name) = plain_name(&raw_name) else { return Ok(()) };
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let file = if executable { FileKind::Executable } else { FileKind::Regular };
        match kind {
            EntryType::Directory => {}
            EntryType::Regular | EntryType::Continuous if raw_name.ends_with(b"/") => {}
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                self.members.insert(name, (FileKind::Symlink, Data::inline(target)));
            }
            EntryType::Link => self.link(name, &entry)?,
            EntryType::GNUSparse => {
                let place = Place::GnuSparse { header: entry.raw_header_position() };
                self.members.insert(name, (file, Data::at(place, entry.size())));
            }
            EntryType::Char | EntryType::Block => self.leave_out(&raw_name, "a device"),
            EntryType::Fifo => self.leave_out(&raw_name, "a named pipe"),
            _ if kind.as_byte() == b'M' => self.leave_out(&raw_name, "the rest of a file of another volume"),
            _ if matches!(kind.as_byte(), b'V' | b'D') => self.leave_out(&raw_name, "a note of GNU tar's"),
            // What is of no known type is a file, as for tar.
            _ => {
                let start = entry.raw_file_position();
                let (place, len) = extensions.place(start, entry.size())?;
                if place == (Place::Whole { start }) {
                    notes.borrow_mut().expect_data(len);
                    self.pending = Some(name.clone());
                }
                self.members.insert(name, (file, Data::at(place, len)));
            }
        }
        Ok(())
    }

    /// A second name of a member before it.
    fn link(&mut self, name: Vec<u8>, entry: &Entry<'_>) -> Result<(), DumpError> {
        if entry.size() != 0 {
            return Err(DumpError::Unsupported("a hard link in it has data of its own".into()));
        }
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        match plain_name(&target).and_then(|target| self.members.get(&target)).cloned() {
            Some(member) => {
                self.members.insert(name, member);
            }
            None => self.leave_out(&name, "a hard link to what is not in the archive"),
        }
        Ok(())
    }

    fn leave_out(&mut self, name: &[u8], reason: &'static str) {
        self.left_out.push(LeftOut { name: name.to_owned(), reason });
    }

    fn into_index(self) -> Index {
        let paths = nested_paths(self.members.keys().map(Vec::as_slice));
        let members = self.members.into_values().zip(paths);
        let mut members: Vec<Indexed> =
            members.map(|((kind, data), path)| Indexed { path: path.into(), kind, data }).collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Index { members, left_out: self.left_out }
    }
}

/// A name without what means nothing in it: `./a//b` is `a/b`. An absolute name stays as it is. `None` for the folder
/// that the archive is of.
fn plain_name(name: &[u8]) -> Option<Vec<u8>> {
    if name.starts_with(b"/") {
        return Some(name.to_owned());
    }
    let components = name.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    let plain = components.collect::<Vec<_>>().join(&b'/');
    (!plain.is_empty()).then_some(plain)
}

/// A header for all members after it must not say what they are called or how long they are.
fn check_global(entry: &mut Entry<'_>) -> Result<(), DumpError> {
    let Some(extensions) = entry.pax_extensions()? else { return Ok(()) };
    for extension in extensions {
        let extension = extension?;
        if matches!(extension.key_bytes(), b"path" | b"linkpath" | b"size") {
            let key = String::from_utf8_lossy(extension.key_bytes()).into_owned();
            return Err(DumpError::Unsupported(format!("it sets {key} for all its members")));
        }
    }
    Ok(())
}

/// What the extended header of a member says of sparse files.
#[derive(Default)]
struct Extensions {
    sparse_name: Option<Vec<u8>>,
    /// The version of the form, and the length of the unpacked file.
    sparse: bool,
    version: [Option<u64>; 2],
    real_size: Option<u64>,
}

impl Extensions {
    fn of(entry: &mut Entry<'_>) -> Result<Self, DumpError> {
        let mut result = Self::default();
        let Some(extensions) = entry.pax_extensions()? else { return Ok(result) };
        let mut seen = Vec::new();
        for extension in extensions {
            let extension = extension?;
            let (key, value) = (extension.key_bytes(), extension.value_bytes());
            let number = || std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            match key {
                b"path" | b"linkpath" | b"size" => {
                    // Which of two would count differs from program to program.
                    if seen.contains(&key) {
                        return Err(DumpError::Damaged(
                            "a member's extended header says a thing twice".into(),
                        ));
                    }
                    seen.push(key);
                }
                b"GNU.sparse.major" => result.version[0] = number(),
                b"GNU.sparse.minor" => result.version[1] = number(),
                b"GNU.sparse.realsize" => result.real_size = number(),
                b"GNU.sparse.name" => result.sparse_name = Some(value.to_owned()),
                _ => {}
            }
            result.sparse |= key.starts_with(b"GNU.sparse.");
        }
        Ok(result)
    }

    /// Where the data lies, and how long the file is.
    fn place(&self, start: u64, len: u64) -> Result<(Place, u64), DumpError> {
        match (self.sparse, self.version, self.real_size) {
            (false, ..) => Ok((Place::Whole { start }, len)),
            (true, [Some(1), Some(0)], Some(real_size)) => {
                Ok((Place::PaxSparse { start, stored: len }, real_size))
            }
            // Versions 0.0 and 0.1, which GNU tar wrote for a few months of 2005.
            _ => Ok((Place::UnknownSparse, self.real_size.unwrap_or(len))),
        }
    }
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
            ("../a", Some("../a")),
            ("/etc/./passwd", Some("/etc/./passwd")),
            (".a", Some(".a")),
        ] {
            let found = plain_name(name.as_bytes());
            assert_eq!(found.as_deref(), plain.map(str::as_bytes), "{name}");
        }
    }
}
