//! An open store: all of its files as of one look at them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::address::Address;
use crate::chunks::archive::ArchiveFile;
use crate::chunks::journal::{FileFlaw, Journal};
use crate::chunks::manifest::FileSpec;
use crate::chunks::table_file::TableFile;
use crate::chunks::{Chunks, archive, found};
use crate::error::{StoreError, chain};
use crate::files::{FilesState, Generation, JOURNAL, StdAccess, StoreFile, StoreFiles, StoreFolder};
use broken::BrokenFile;

mod broken;
mod load;
#[cfg(test)]
mod tests;

/// A store as of one look at its files. The files stay open, so they stay readable when garbage collection removes
/// them. [`Store::renewed`] looks again.
pub struct Store {
    files: Arc<dyn StoreFiles>,
    root: Address,
    journal: Option<Journal>,
    /// The files of the old generation hold most chunks, but come last: most reads are of new chunks.
    chunk_files: Vec<Arc<ChunkFile>>,
    broken: Vec<BrokenFile>,
    /// The root that the manifest names; a journal may hold a newer one.
    manifest_root: Address,
    /// Whether the manifest names a journal that is not there.
    lacks_journal: bool,
    repairs: Vec<Repair>,
    /// What shows that files were written over since an earlier look.
    rewritten: Option<String>,
    state: FilesState,
    ghosts: Arc<HashSet<Address>>,
}

/// Something that is missing or damaged, and what is read in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Repair {
    file: PathBuf,
    problem: String,
}

impl Repair {
    fn error(&self) -> StoreError {
        StoreError::damaged(&self.file, self.problem.clone())
    }
}

/// A file that never changes.
pub struct ChunkFile {
    name: Address,
    is_old: bool,
    kind: ChunkFileKind,
}

enum ChunkFileKind {
    Table(TableFile),
    ArchiveFile(ArchiveFile),
}

impl Store {
    /// Opens a store, the folder of a database, a backup or the folder of a `file://` remote.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        let store = StoreFolder::locate(folder, &StdAccess).unwrap_or_else(|| folder.to_owned());
        Self::open_files(Arc::new(StoreFolder::new(store)))
    }

    /// Opens the store in these files.
    ///
    /// Where the manifest or the journal is missing or damaged, the newest root that can be proven is taken: see
    /// [`Self::repairs`]. Table files and archives that cannot be read are left out: see [`Self::broken`].
    ///
    /// # Errors
    /// What is wrong with the manifest or the journal, or with the file that may hold the root.
    pub fn open_files(files: Arc<dyn StoreFiles>) -> Result<Self, StoreError> {
        let ghosts = Arc::new(load::ghosts(&*files)?);
        load::load(&files, &ghosts, None)?.ok_or_else(|| {
            // Without an earlier look there is always something new.
            StoreError::damaged(files.folder(), "its files changed all the time")
        })
    }

    /// Looks at the files again; `None` if they did not change, which takes three `stat` calls for a folder. Reads only
    /// the new part of a journal that grew.
    pub fn renewed(&self) -> Result<Option<Self>, StoreError> {
        load::load(&self.files, &self.ghosts, Some(self))
    }

    /// Where the files are.
    pub fn files(&self) -> &dyn StoreFiles {
        &*self.files
    }

    /// Whether a shallow clone left this chunk behind on purpose.
    pub fn is_ghost(&self, address: &Address) -> bool {
        self.ghosts.contains(address)
    }

    /// What is wrong with the files that cannot be read, and what is read in place of what is missing or damaged.
    pub fn problems(&self) -> Vec<String> {
        self.broken().map(|error| chain(error)).chain(self.repairs().map(|error| error.to_string())).collect()
    }

    /// What is missing or damaged, and what is read in its place.
    pub fn repairs(&self) -> impl Iterator<Item = StoreError> {
        self.repairs.iter().map(Repair::error)
    }

    /// Which bytes of the journal were skipped because they are damaged, if any.
    pub fn journal_damage(&self) -> Option<StoreError> {
        self.journal.as_ref().and_then(Journal::damage)
    }

    /// What shows that files were written over since the previous look: what was found out before may no longer hold.
    pub fn rewritten(&self) -> Option<&str> {
        self.rewritten.as_deref()
    }

    /// What is wrong with the files that cannot be read.
    pub fn broken(&self) -> impl Iterator<Item = &StoreError> {
        self.broken.iter().map(|broken| &*broken.error)
    }

    /// What is wrong with the files, except files that cannot be read and damaged chunks.
    pub fn flaws(&self) -> Result<Vec<FileFlaw>, StoreError> {
        let mut flaws: Vec<_> = self.missing_journal().map(FileFlaw::Damage).into_iter().collect();
        flaws.extend(self.repairs().map(FileFlaw::Damage));
        for file in &self.chunk_files {
            if let ChunkFileKind::Table(table) = &file.kind
                && !table.is_named(&file.name)
            {
                let problem = "its index is not the one that its name is the hash of";
                flaws.push(FileFlaw::Damage(StoreError::damaged(table.file().path(), problem)));
            }
        }
        if let Some(journal) = &self.journal {
            flaws.extend(journal.damage().map(FileFlaw::Damage));
            flaws.extend(journal.tail()?);
            if !self.manifest_root.is_empty() && !self.has(&self.manifest_root) {
                let problem = format!(
                    "it lacks {}, the root that the manifest names: what was written last is lost",
                    self.manifest_root
                );
                flaws.push(FileFlaw::Damage(StoreError::damaged(journal.path(), problem)));
            }
        }
        Ok(flaws)
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        self.chunk_files.len() + usize::from(self.journal.is_some())
    }

    /// Whether the files that could not be read are as they were.
    fn is_as_broken(&self) -> Result<bool, StoreError> {
        for broken in &self.broken {
            if !broken.is_unchanged()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why a chunk is in none of the files.
    pub fn absent(&self, address: &Address) -> StoreError {
        let broken = self.broken.first().map(|broken| Arc::clone(&broken.error));
        let damage = || self.journal_damage().map(Arc::new);
        let lacking = || self.missing_journal().map(Arc::new);
        match broken.or_else(damage).or_else(lacking) {
            Some(source) => StoreError::HiddenChunk { address: *address, source },
            None => StoreError::MissingChunk { address: *address, store: self.files.folder().to_owned() },
        }
    }

    /// The error for a journal that the manifest names and that is not there.
    fn missing_journal(&self) -> Option<StoreError> {
        let error =
            std::io::Error::new(std::io::ErrorKind::NotFound, "the manifest names it, and it is not there");
        self.lacks_journal.then(|| StoreError::io(&self.files.folder().join(JOURNAL), "open", error))
    }

    /// The address of the store's root; empty in a store where nothing was ever written.
    pub fn root(&self) -> Address {
        self.root
    }

    /// Whether any file holds the chunk.
    pub fn has(&self, address: &Address) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.has(address))
            || self.chunk_files.iter().any(|file| file.has(address))
    }

    /// The chunk, if any file holds it. If it is damaged in one file, the others are searched.
    pub fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        found(|out| self.get_in(address, out))
    }

    /// Puts the chunk into `out`, if any file holds it. Returns whether one does.
    fn get_in(&self, address: &Address, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let mut failure = None;
        let mut is_in = |found: Result<bool, StoreError>| {
            found.unwrap_or_else(|error| {
                failure = Some(error);
                false
            })
        };
        let is_found = self.journal.iter().any(|journal| is_in(journal.get_in(address, out)))
            || self.chunk_files.iter().any(|file| is_in(file.get_in(address, out)));
        if is_found {
            return Ok(true);
        }
        failure.map_or(Ok(false), Err)
    }

    /// All copies of a chunk, each with its content checked against its address.
    pub fn copies(&self, address: &Address) -> impl Iterator<Item = Result<Bytes, StoreError>> {
        let journal = self.journal.iter().map(|journal| journal.get_verified(address));
        // Table files and archives always check the address.
        let files = self.chunk_files.iter().map(|file| file.get(address));
        journal.chain(files).filter_map(Result::transpose)
    }

    /// The addresses of all chunks, in no order; one may come several times. An error stands for a record that cannot
    /// be read.
    pub fn addresses(&self) -> impl Iterator<Item = Result<Address, StoreError>> {
        let journal = self.journal.iter().flat_map(Journal::addresses);
        journal.chain(self.chunk_files.iter().flat_map(|file| file.addresses().map(Ok)))
    }

    /// The addresses of the chunks that may be commits and are not in `earlier`, or of all that may be; one may come
    /// several times. Files that both have open are skipped. An error stands for a record that cannot be read.
    pub fn possible_commits_since<'v>(
        &'v self,
        earlier: Option<&'v Self>,
    ) -> impl Iterator<Item = Result<Address, StoreError>> {
        let former = earlier.and_then(|earlier| earlier.journal.as_ref());
        let journal = self.journal.iter().flat_map(move |journal| journal.possible_commits_since(former));
        let files = self.files_since(earlier).flat_map(|file| file.addresses().map(Ok));
        let is_known = move |address: &Address| earlier.is_some_and(|earlier| earlier.has(address));
        journal.chain(files).filter(move |found| !found.as_ref().is_ok_and(is_known))
    }

    /// How many chunks are new since `earlier`: those in files that it does not have open, and those appended to the
    /// journal. All chunks if there is no `earlier`.
    pub fn count_since(&self, earlier: Option<&Self>) -> usize {
        let former = earlier.and_then(|earlier| earlier.journal.as_ref());
        let journal = self.journal.as_ref().map_or(0, |journal| journal.count_since(former));
        journal + self.files_since(earlier).map(|file| file.len()).sum::<usize>()
    }

    fn files_since<'v>(&'v self, earlier: Option<&'v Self>) -> impl Iterator<Item = &'v Arc<ChunkFile>> {
        let is_new = move |file: &&Arc<ChunkFile>| earlier.is_none_or(|earlier| !earlier.has_open(file));
        self.chunk_files.iter().filter(is_new)
    }

    /// Whether every file of `earlier` is here, so that no chunk was removed since.
    pub fn keeps_all_of(&self, earlier: &Self) -> bool {
        let is_kept = |journal: &Journal| self.journal.as_ref().is_some_and(|own| own.continues(journal));
        earlier.journal.iter().all(is_kept) && earlier.chunk_files.iter().all(|file| self.has_open(file))
    }

    fn has_open(&self, file: &Arc<ChunkFile>) -> bool {
        self.chunk_files.iter().any(|own| Arc::ptr_eq(own, file))
    }
}

impl Chunks for Store {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        self.get(address)?.ok_or_else(|| self.absent(address))
    }

    fn chunk_in<'r>(&self, address: &Address, room: &'r mut Vec<u8>) -> Result<&'r [u8], StoreError> {
        match self.get_in(address, room)? {
            true => Ok(room),
            false => Err(self.absent(address)),
        }
    }
}

impl ChunkFile {
    fn file(&self) -> &StoreFile {
        match &self.kind {
            ChunkFileKind::Table(table) => table.file(),
            ChunkFileKind::ArchiveFile(archive) => archive.file(),
        }
    }

    fn has(&self, address: &Address) -> bool {
        match &self.kind {
            ChunkFileKind::Table(table) => table.has(address),
            ChunkFileKind::ArchiveFile(archive) => archive.has(address),
        }
    }

    fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        found(|out| self.get_in(address, out))
    }

    fn get_in(&self, address: &Address, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        match &self.kind {
            ChunkFileKind::Table(table) => table.get_in(address, out),
            ChunkFileKind::ArchiveFile(archive) => archive.get_in(address, out),
        }
    }

    fn addresses(&self) -> Box<dyn Iterator<Item = Address> + '_> {
        match &self.kind {
            ChunkFileKind::Table(table) => Box::new(table.addresses()),
            ChunkFileKind::ArchiveFile(archive) => Box::new(archive.addresses()),
        }
    }

    fn len(&self) -> usize {
        match &self.kind {
            ChunkFileKind::Table(table) => table.len(),
            ChunkFileKind::ArchiveFile(archive) => archive.len(),
        }
    }

    /// The two names that a file may have: as a table file and as an archive.
    fn names(name: &Address) -> [String; 2] {
        [name.to_string(), format!("{name}{}", archive::SUFFIX)]
    }

    fn open(generation: &dyn Generation, spec: FileSpec, is_old: bool) -> Result<Self, StoreError> {
        let [table, archive] = Self::names(&spec.name);
        // As Dolt does: a table file wins over an archive of the same name.
        let kind = match generation.has(&table) || !generation.has(&archive) {
            true => ChunkFileKind::Table(TableFile::open(generation.open(&table)?, spec.chunks)?),
            false => ChunkFileKind::ArchiveFile(ArchiveFile::open(generation.open(&archive)?, spec.chunks)?),
        };
        Ok(Self { name: spec.name, is_old, kind })
    }
}
