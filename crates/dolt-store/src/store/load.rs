//! From the files of a store to an open store.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::broken::BrokenFile;
use super::{ChunkFile, Repair, Store};
use crate::address::Address;
use crate::chunks::Chunks;
use crate::chunks::journal::Journal;
use crate::chunks::manifest::{FileSpec, StoreManifest};
use crate::error::{ErrorKind, StoreError, chain};
use crate::files::{FilesState, Generation, JOURNAL, MANIFEST, StoreFiles};
use crate::objects::{Commit, Refs, RootValue};

/// How often a look is repeated while files come and go.
const ATTEMPTS: usize = 5;
/// The pause between two of these looks.
const PAUSE: Duration = Duration::from_millis(10);
/// The file that lists the chunks that a shallow clone left behind on purpose, one address a line.
const GHOSTS: &str = "ghostObjects.txt";

/// The chunks that a shallow clone left behind on purpose; none in another store.
pub fn ghosts(files: &dyn StoreFiles) -> Result<HashSet<Address>, StoreError> {
    let now = files.at(&files.state()?)?;
    let Some(bytes) = now.read(GHOSTS)? else { return Ok(HashSet::new()) };
    let damaged = |problem: String| StoreError::damaged(&now.path(GHOSTS), problem);
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
    let ghosts = text.lines().map(str::parse::<Address>).collect::<Result<_, _>>();
    ghosts.map_err(|error| damaged(error.to_string()))
}

/// Opens the store as its files are now; `None` if nothing changed since `earlier`. Takes over the files that `earlier`
/// has open, and reads only the new part of a journal that grew.
pub fn load(
    files: &Arc<dyn StoreFiles>,
    ghosts: &Arc<HashSet<Address>>,
    earlier: Option<&Store>,
) -> Result<Option<Store>, StoreError> {
    let mut attempt = 1;
    loop {
        let state = files.state()?;
        if let Some(earlier) = earlier
            && state.is_unchanged_since(&earlier.state)
            && earlier.is_as_broken()?
        {
            return Ok(None);
        }
        let is_last = attempt == ATTEMPTS || !files.may_vanish();
        // While files are being copied, what is there means nothing: a store that was whole is repaired only when it is
        // settled.
        let was_whole = earlier.is_some_and(|earlier| earlier.repairs.is_empty());
        let may_repair = is_last && (!was_whole || state.is_settled());
        let now = files.at(&state)?;
        let open = earlier.into_iter().flat_map(|earlier| &earlier.chunk_files);
        let open = open.map(|file| ((file.name, file.is_old), file)).collect();
        let attempted =
            LoadAttempt { files, ghosts, now: &*now, earlier, open, is_last, may_repair }.load(state);
        match attempted {
            // A file that the manifest names is missing, or a chunk is: Dolt collected garbage just now. An incomplete
            // manifest is just being copied.
            Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Damaged) && !is_last => {
                attempt += 1;
                std::thread::sleep(PAUSE);
            }
            loaded => return loaded.map(Some),
        }
    }
}

struct LoadAttempt<'l> {
    files: &'l Arc<dyn StoreFiles>,
    ghosts: &'l Arc<HashSet<Address>>,
    now: &'l dyn Generation,
    earlier: Option<&'l Store>,
    /// The files that the earlier view has open, by name and generation.
    open: HashMap<(Address, bool), &'l Arc<ChunkFile>>,
    is_last: bool,
    /// Whether other files may stand in for what is missing or damaged.
    may_repair: bool,
}

/// Files that were opened.
#[derive(Default)]
struct OpenedFiles {
    files: Vec<Arc<ChunkFile>>,
    broken: Vec<BrokenFile>,
    repairs: Vec<Repair>,
    rewritten: Option<String>,
}

impl LoadAttempt<'_> {
    fn load(&self, state: FilesState) -> Result<Store, StoreError> {
        let mut opened = OpenedFiles::default();
        let (manifest, lacks_manifest) = self.manifest(self.now, &mut opened)?;
        self.open_all(self.now, &manifest.files, false, &mut opened)?;
        if let Some(old) = self.now.old() {
            let old = &*old;
            let (old_manifest, _) = self.manifest(old, &mut opened)?;
            self.open_all(old, &old_manifest.files, true, &mut opened)?;
        }
        // After the manifest, so that its root is never newer than the files.
        let journal = self.journal(&mut opened)?;
        let names_journal = manifest.files.iter().any(|spec| spec.name.to_string() == JOURNAL);
        let lacks_journal = names_journal && journal.is_none();
        let root = journal.as_ref().and_then(Journal::root).unwrap_or(manifest.root);
        let OpenedFiles { files: chunk_files, broken, repairs, rewritten } = opened;
        let manifest_root = manifest.root;
        let (files, ghosts) = (Arc::clone(self.files), Arc::clone(self.ghosts));
        let store = Store {
            files,
            root,
            journal,
            chunk_files,
            broken,
            manifest_root,
            lacks_journal,
            repairs,
            rewritten,
            state,
            ghosts,
        };
        self.rooted(store, lacks_manifest)
    }

    /// The manifest of a generation. If it cannot be read: a manifest of the files that are there, and why.
    fn manifest(
        &self,
        generation: &dyn Generation,
        opened: &mut OpenedFiles,
    ) -> Result<(StoreManifest, Option<StoreError>), StoreError> {
        let (why, problem) = match StoreManifest::read(generation) {
            Ok(Some(manifest)) => return Ok((manifest, None)),
            Ok(None) => (no_manifest(generation), "there is none".to_owned()),
            Err(StoreError::DamagedFile { file, problem }) => {
                (StoreError::DamagedFile { file, problem: problem.clone() }, problem)
            }
            Err(error) => return Err(error),
        };
        let found = StoreManifest::of_files(generation)?;
        // Most stores have no old generation.
        let is_old = generation.path(MANIFEST) != self.now.path(MANIFEST);
        if is_old && found.files.is_empty() && why.kind() == ErrorKind::Missing {
            return Ok((found, Some(why)));
        }
        // The first garbage collection writes the files of the old generation before their manifest.
        if is_old && self.is_last && !self.may_repair {
            return Ok((StoreManifest { files: Vec::new(), ..found }, Some(why)));
        }
        if !self.may_repair {
            return Err(why);
        }
        let problem = format!("{problem}; all table files beside it are read");
        opened.repairs.push(Repair { file: generation.path(MANIFEST), problem });
        Ok((found, Some(why)))
    }

    /// Opens the files of a generation. If one that the manifest names is missing, and repair is allowed, opens all
    /// others too: the manifest may be older than they are.
    fn open_all(
        &self,
        generation: &dyn Generation,
        specs: &[FileSpec],
        is_old: bool,
        opened: &mut OpenedFiles,
    ) -> Result<(), StoreError> {
        let mut lacks = false;
        for spec in specs.iter().filter(|spec| spec.name.to_string() != JOURNAL) {
            lacks |= self.open_one(generation, *spec, is_old, opened)?;
        }
        if lacks && self.may_repair {
            let named: HashSet<_> = specs.iter().map(|spec| spec.name).collect();
            for spec in StoreManifest::of_files(generation)?.files {
                if !named.contains(&spec.name) {
                    self.open_one(generation, spec, is_old, opened)?;
                }
            }
        }
        Ok(())
    }

    /// Opens a file. Returns whether it is missing.
    fn open_one(
        &self,
        generation: &dyn Generation,
        spec: FileSpec,
        is_old: bool,
        opened: &mut OpenedFiles,
    ) -> Result<bool, StoreError> {
        if let Some(file) = self.still_open(generation, &spec.name, is_old, opened)? {
            opened.files.push(file);
            return Ok(false);
        }
        match ChunkFile::open(generation, spec, is_old) {
            Ok(file) => opened.files.push(Arc::new(file)),
            Err(error) if error.kind() == ErrorKind::Missing && !self.is_last => return Err(error),
            Err(error) => {
                let is_missing = error.kind() == ErrorKind::Missing;
                let names = ChunkFile::names(&spec.name);
                let places = names.iter().flat_map(|name| generation.places(name)).collect();
                opened.broken.push(BrokenFile::new(error, places)?);
                return Ok(is_missing);
            }
        }
        Ok(false)
    }

    /// The file that the earlier look has open by that name, unless another one is there now.
    fn still_open(
        &self,
        generation: &dyn Generation,
        name: &Address,
        is_old: bool,
        opened: &mut OpenedFiles,
    ) -> Result<Option<Arc<ChunkFile>>, StoreError> {
        let Some(&file) = self.open.get(&(*name, is_old)) else { return Ok(None) };
        let path = file.file().path();
        let own_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(now) = generation.stamp(own_name)? else { return Ok(Some(Arc::clone(file))) };
        if file.file().differs_from(&now) != Some(true) {
            return Ok(Some(Arc::clone(file)));
        }
        if file.file().stamp()?.is_same_file(&now) {
            opened.rewritten.get_or_insert_with(|| format!("{own_name} is not as it was"));
        }
        Ok(None)
    }

    /// The journal, whether or not the manifest names it yet: Dolt itself uses the file if it exists, and takes the
    /// root from it.
    fn journal(&self, opened: &mut OpenedFiles) -> Result<Option<Journal>, StoreError> {
        let Some(stamp) = self.now.stamp(JOURNAL)? else { return Ok(None) };
        let open = || Journal::open(self.now.open(JOURNAL)?).map(Some);
        let earlier = self.earlier.and_then(|earlier| earlier.journal.as_ref());
        let Some(earlier) = earlier else { return open() };
        if !earlier.stamp()?.is_same_file(&stamp) {
            return open();
        }
        match earlier.rewritten()? {
            None => earlier.extended().map(Some),
            Some(seen) => {
                opened.rewritten = Some(format!("of its journal, {seen}"));
                open()
            }
        }
    }

    /// The store with the newest root that is certain or can be proven.
    fn rooted(&self, store: Store, lacks_manifest: Option<StoreError>) -> Result<Store, StoreError> {
        let is_doubtful = store.journal_damage().is_some() || !store.repairs.is_empty();
        let is_there = store.root.is_empty() || store.has(&store.root);
        if !is_doubtful && is_there {
            return Ok(store);
        }
        if !self.may_repair {
            return if is_there { Ok(store) } else { Err(store.absent(&store.root)) };
        }
        let journal = store.journal.iter().flat_map(Journal::roots);
        let all: Vec<Address> = journal.chain([&store.manifest_root]).copied().collect();
        let checked_out = self.files.checked_out()?;
        let mut seen = HashSet::new();
        let mut failure = None;
        for root in all.into_iter().filter(|root| !root.is_empty() && seen.insert(*root)) {
            match prove(self.files.folder(), checked_out.as_deref(), &store, &root) {
                Ok(()) => return Ok(self.with_root(store, root, failure.as_ref())),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match (lacks_manifest, failure) {
            (Some(why), None) => Err(why),
            (_, Some(failure)) if !is_there => Err(failure),
            // The store may be readable in part.
            _ => Ok(store),
        }
    }

    /// The store with a root that was proven; `failure` is why the newest one could not be.
    fn with_root(&self, store: Store, root: Address, failure: Option<&StoreError>) -> Store {
        let shown = format!("the newest root that can be proven is shown, {root}");
        let mut repairs = store.repairs.clone();
        match failure {
            Some(why) => {
                let problem = format!("its last root leads nowhere ({}); {shown}", chain(why));
                repairs.push(Repair { file: self.now.path(JOURNAL), problem });
            }
            None => repairs.iter_mut().for_each(|repair| repair.problem.push_str(&format!("; {shown}"))),
        }
        Store { root, repairs, ..store }
    }
}

fn no_manifest(generation: &dyn Generation) -> StoreError {
    let problem = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no manifest of a Dolt store");
    StoreError::io(&generation.path(MANIFEST), "read", problem)
}

/// Proves a root that no whole manifest names: reads all that is needed to show its main branch, which is the refs, the
/// newest commit, and the list of its tables.
fn prove(
    store: &Path,
    checked_out: Option<&str>,
    chunks: &dyn Chunks,
    root: &Address,
) -> Result<(), StoreError> {
    let refs = Refs::read(chunks, root)?;
    let head = refs.main_branch(checked_out).and_then(|branch| refs.branches.get(branch));
    let head = head.ok_or_else(|| StoreError::DamagedChunk {
        address: *root,
        file: store.to_owned(),
        problem: "it is a root that names no branch".to_owned(),
    })?;
    let commit = Commit::read(chunks, head)?;
    RootValue::read(chunks, &commit.root)?;
    Ok(())
}
