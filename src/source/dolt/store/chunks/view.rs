//! The files of a store at one instant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::archive::Archive;
use super::broken::Broken;
use super::file::StoreFile;
use super::journal::{Flaw, JOURNAL, Journal};
use super::manifest::TableSpec;
use super::place::{Generation, State};
use super::table_file::TableFile;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::archive;
use crate::source::dolt::store::error::StoreError;

mod load;
#[cfg(test)]
mod tests;

/// What a store held at one instant. The files stay open, and so stay readable when garbage collection
/// removes them.
pub struct View {
    root: Address,
    journal: Option<Journal>,
    /// Those of the old generation, which hold most chunks, come last: what is asked for most is new.
    files: Vec<Arc<ChunkFile>>,
    broken: Vec<Broken>,
    /// The root that the manifest names, which a journal may go beyond.
    manifest_root: Address,
    /// Whether the manifest names a journal, and there is none.
    lacks_journal: bool,
    /// What is not as it should be, and was made good by what else there is.
    guesses: Vec<Guess>,
    /// What shows that files were written over since an earlier view.
    rewritten: Option<String>,
    state: State,
}

/// Something that is missing or damaged, and what was made of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guess {
    file: PathBuf,
    problem: String,
}

impl Guess {
    fn error(&self) -> StoreError {
        StoreError::damaged(&self.file, self.problem.clone())
    }
}

/// A file that never changes.
pub struct ChunkFile {
    name: Address,
    is_old: bool,
    kind: Kind,
}

enum Kind {
    Table(TableFile),
    Archive(Archive),
}

impl View {
    /// Which files cannot be read, and why; and what was made of the rest.
    pub fn broken_files(&self) -> Vec<String> {
        let guesses = self.guesses.iter().map(|guess| guess.error().to_string());
        self.broken().map(|error| crate::content::chain(error)).chain(guesses).collect()
    }

    /// What shows that files were written over since the view that this one follows.
    pub fn rewritten(&self) -> Option<&str> {
        self.rewritten.as_deref()
    }

    /// What is wrong with the files that cannot be read.
    pub fn broken(&self) -> impl Iterator<Item = &StoreError> {
        self.broken.iter().map(|broken| &**broken.error())
    }

    /// What is wrong with the files of a store beside those that cannot be read, and beside what is wrong with chunks.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn flaws(&self, store: &Path) -> Result<Vec<Flaw>, StoreError> {
        let mut flaws: Vec<_> = self.missing_journal(store).map(Flaw::Damage).into_iter().collect();
        flaws.extend(self.guesses.iter().map(|guess| Flaw::Damage(guess.error())));
        for file in &self.files {
            if let Kind::Table(table) = &file.kind
                && !table.is_named(&file.name)
            {
                let problem = "its index is not the one that its name is the hash of";
                flaws.push(Flaw::Damage(StoreError::damaged(table.path(), problem)));
            }
        }
        if let Some(journal) = &self.journal {
            flaws.extend(journal.damage().map(Flaw::Damage));
            flaws.extend(journal.tail()?);
            if !self.manifest_root.is_empty() && !self.has(&self.manifest_root) {
                let problem = format!(
                    "it lacks {}, the root that the manifest names: what was written last is lost",
                    self.manifest_root
                );
                flaws.push(Flaw::Damage(StoreError::damaged(journal.path(), problem)));
            }
        }
        Ok(flaws)
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        self.files.len() + usize::from(self.journal.is_some())
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

    /// Logs which files cannot be read, but for those of which `earlier` said so.
    fn complain(&self, earlier: Option<&Self>) {
        let story = |broken: &Broken| crate::content::chain(&**broken.error());
        let said: Vec<_> = earlier.iter().flat_map(|earlier| &earlier.broken).map(story).collect();
        for story in self.broken.iter().map(story).filter(|story| !said.contains(story)) {
            tracing::warn!("{story}; only what needs its chunks cannot be read");
        }
        let is_said = |guess: &&Guess| earlier.is_some_and(|earlier| earlier.guesses.contains(guess));
        for guess in self.guesses.iter().filter(|guess| !is_said(guess)) {
            tracing::warn!("{}", guess.error());
        }
    }

    /// Why a chunk is in none of the files. `store` is the folder of all of them.
    pub fn absent(&self, address: &Address, store: &Path) -> StoreError {
        let broken = self.broken.first().map(|broken| Arc::clone(broken.error()));
        let damage = || self.journal.as_ref().and_then(Journal::damage).map(Arc::new);
        let lacking = || self.missing_journal(store).map(Arc::new);
        match broken.or_else(damage).or_else(lacking) {
            Some(source) => StoreError::HiddenChunk { address: *address, source },
            None => StoreError::MissingChunk { address: *address, store: store.to_owned() },
        }
    }

    /// The journal, where the manifest of the store in a folder names one that is not there.
    fn missing_journal(&self, store: &Path) -> Option<StoreError> {
        let error =
            std::io::Error::new(std::io::ErrorKind::NotFound, "the manifest names it, and it is not there");
        self.lacks_journal.then(|| StoreError::io(&store.join(JOURNAL), "open", error))
    }

    /// The address of the store's root; empty in a store where nothing was ever written.
    pub fn root(&self) -> Address {
        self.root
    }

    /// Whether any file holds the chunk.
    pub fn has(&self, address: &Address) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.has(address))
            || self.files.iter().any(|file| match &file.kind {
                Kind::Table(table) => table.has(address),
                Kind::Archive(archive) => archive.has(address),
            })
    }

    /// The chunk, if any file holds it. One that is damaged in one file is looked for in the others.
    ///
    /// # Errors
    /// [`StoreError::DamagedChunk`]; what the operating system said.
    pub fn get(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        let mut failure = None;
        let journal = self.journal.iter().map(|journal| journal.get(address));
        let files = self.files.iter().map(|file| match &file.kind {
            Kind::Table(table) => table.get(address),
            Kind::Archive(archive) => archive.get(address),
        });
        for found in journal.chain(files) {
            match found {
                Ok(None) => {}
                Ok(Some(chunk)) => return Ok(Some(chunk)),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// All copies of a chunk, each with its content held against its address.
    ///
    /// # Errors
    /// As [`Self::get`], for each copy.
    pub fn copies(&self, address: &Address) -> impl Iterator<Item = Result<Bytes, StoreError>> {
        let journal = self.journal.iter().map(|journal| journal.get_verified(address));
        // These hash what they read anyway.
        let files = self.files.iter().map(|file| match &file.kind {
            Kind::Table(table) => table.get(address),
            Kind::Archive(archive) => archive.get(address),
        });
        journal.chain(files).filter_map(Result::transpose)
    }

    /// The addresses of all chunks, in no order; one may come several times. An error stands for what cannot be read.
    pub fn addresses(&self) -> impl Iterator<Item = Result<Address, StoreError>> {
        let journal = self.journal.iter().flat_map(Journal::addresses);
        journal.chain(self.files.iter().flat_map(|file| file.addresses().map(Ok)))
    }

    /// The addresses of the chunks that may be commits and are not in `earlier`, or of all; one may come several times.
    /// What both have open is not looked through. An error stands for what cannot be read.
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

    /// How many chunks there are in what `earlier` has not open, or in all.
    pub fn count_since(&self, earlier: Option<&Self>) -> usize {
        let former = earlier.and_then(|earlier| earlier.journal.as_ref());
        let journal = self.journal.as_ref().map_or(0, |journal| journal.count_since(former));
        journal + self.files_since(earlier).map(|file| file.len()).sum::<usize>()
    }

    fn files_since<'v>(&'v self, earlier: Option<&'v Self>) -> impl Iterator<Item = &'v Arc<ChunkFile>> {
        let is_new = move |file: &&Arc<ChunkFile>| earlier.is_none_or(|earlier| !earlier.has_open(file));
        self.files.iter().filter(is_new)
    }

    /// Whether every file of `earlier` is here, so that no chunk was removed since.
    pub fn keeps_all_of(&self, earlier: &Self) -> bool {
        let is_kept = |journal: &Journal| self.journal.as_ref().is_some_and(|own| own.continues(journal));
        earlier.journal.iter().all(is_kept) && earlier.files.iter().all(|file| self.has_open(file))
    }

    fn has_open(&self, file: &Arc<ChunkFile>) -> bool {
        self.files.iter().any(|own| Arc::ptr_eq(own, file))
    }
}

impl ChunkFile {
    fn file(&self) -> &StoreFile {
        match &self.kind {
            Kind::Table(table) => table.file(),
            Kind::Archive(archive) => archive.file(),
        }
    }

    fn addresses(&self) -> Box<dyn Iterator<Item = Address> + '_> {
        match &self.kind {
            Kind::Table(table) => Box::new(table.addresses()),
            Kind::Archive(archive) => Box::new(archive.addresses()),
        }
    }

    fn len(&self) -> usize {
        match &self.kind {
            Kind::Table(table) => table.len(),
            Kind::Archive(archive) => archive.len(),
        }
    }

    /// What a file may be called: as a table file, as an archive.
    fn names(name: &Address) -> [String; 2] {
        [name.to_string(), format!("{name}{}", archive::SUFFIX)]
    }

    fn open(generation: &Generation<'_>, spec: TableSpec, is_old: bool) -> Result<Self, StoreError> {
        let [table, archive] = Self::names(&spec.name);
        // As Dolt does: a table file wins over an archive of the same name.
        let kind = match generation.has(&table) || !generation.has(&archive) {
            true => Kind::Table(TableFile::open(generation.open(&table)?, spec.chunks)?),
            false => Kind::Archive(Archive::open(generation.open(&archive)?, spec.chunks)?),
        };
        Ok(Self { name: spec.name, is_old, kind })
    }
}
