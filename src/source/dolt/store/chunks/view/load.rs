//! From the files of a store to a view of it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{ChunkFile, Guess, View};
use crate::content::{ErrorKind, chain};
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::Chunks;
use crate::source::dolt::store::chunks::broken::Broken;
use crate::source::dolt::store::chunks::file::Stamp;
use crate::source::dolt::store::chunks::journal::{JOURNAL, Journal};
use crate::source::dolt::store::chunks::manifest::{MANIFEST, Manifest, TableSpec};
use crate::source::dolt::store::chunks::place::{Files, Generation, Place, State};
use crate::source::dolt::store::error::StoreError;
use crate::source::dolt::store::proof::prove;

/// How often a listing is tried again while files come and go.
const ATTEMPTS: usize = 5;
/// How long it is waited in between.
const PAUSE: Duration = Duration::from_millis(10);

impl View {
    /// Reads what the files are now. What `earlier` has open already is taken from there, and of a journal
    /// that grew only the new part is read. Table files and archives that cannot be read are logged and done
    /// without.
    ///
    /// Where the manifest or the journal is missing or damaged, the newest root is taken that can be proven, and logged.
    ///
    /// `None` where nothing changed since `earlier`.
    ///
    /// # Errors
    /// What is wrong with the manifest or the journal, or with the file that may hold the store's root.
    pub fn load(place: &Place, files: &Files, earlier: Option<&Self>) -> Result<Option<Self>, StoreError> {
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
            // While files are copied, what is there says nothing for a moment.
            let was_whole = earlier.is_some_and(|earlier| earlier.guesses.is_empty());
            let may_guess = is_last && (!was_whole || state.is_settled());
            let now = files.at(&state)?;
            let open = earlier.into_iter().flat_map(|earlier| &earlier.files);
            let open = open.map(|file| ((file.name, file.is_old), file)).collect();
            let load = Loading { place, now: &now, earlier, open, is_last, may_guess };
            match load.view(state) {
                // A file that the manifest names and that is gone, or chunks that are: the store was
                // collected just now. A manifest that is half there is being copied.
                Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Damaged) && !is_last => {
                    attempt += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(error),
                Ok(view) => {
                    view.complain(earlier);
                    return Ok(Some(view));
                }
            }
        }
    }
}

/// One attempt to read the files of a store.
struct Loading<'l> {
    place: &'l Place,
    now: &'l Generation<'l>,
    earlier: Option<&'l View>,
    /// The files that the earlier view has open, by name and generation.
    open: HashMap<(Address, bool), &'l Arc<ChunkFile>>,
    is_last: bool,
    /// Whether what is missing or damaged may be made good by what else there is.
    may_guess: bool,
}

/// Files that were opened.
#[derive(Default)]
struct Opened {
    files: Vec<Arc<ChunkFile>>,
    broken: Vec<Broken>,
    guesses: Vec<Guess>,
    rewritten: Option<String>,
}

impl Loading<'_> {
    fn view(&self, state: State) -> Result<View, StoreError> {
        let mut opened = Opened::default();
        let (manifest, lacks_manifest) = self.manifest(self.now, &mut opened)?;
        self.open_all(self.now, &manifest.files, false, &mut opened)?;
        if let Some(old) = &self.now.old() {
            let (old_manifest, _) = self.manifest(old, &mut opened)?;
            self.open_all(old, &old_manifest.files, true, &mut opened)?;
        }
        // After the manifest, so that its root is never newer than the files.
        let journal = self.journal(&mut opened)?;
        let names_journal = manifest.files.iter().any(|spec| spec.name.to_string() == JOURNAL);
        let lacks_journal = names_journal && journal.is_none();
        let root = journal.as_ref().and_then(Journal::root).unwrap_or(manifest.root);
        let Opened { files, broken, guesses, rewritten } = opened;
        let manifest_root = manifest.root;
        let view =
            View { root, journal, files, broken, manifest_root, lacks_journal, guesses, rewritten, state };
        self.rooted(view, lacks_manifest)
    }

    /// The manifest of a generation; without one that can be read, the files that there are, and why.
    fn manifest(
        &self,
        generation: &Generation<'_>,
        opened: &mut Opened,
    ) -> Result<(Manifest, Option<StoreError>), StoreError> {
        let (why, problem) = match Manifest::read(generation) {
            Ok(Some(manifest)) => return Ok((manifest, None)),
            Ok(None) => (no_manifest(generation), "there is none".to_owned()),
            Err(StoreError::DamagedFile { file, problem }) => {
                (StoreError::DamagedFile { file, problem: problem.clone() }, problem)
            }
            Err(error) => return Err(error),
        };
        let found = Manifest::of_files(generation)?;
        // Most stores have no old generation.
        let is_old = generation.path(MANIFEST) != self.now.path(MANIFEST);
        if is_old && found.files.is_empty() && why.kind() == ErrorKind::Missing {
            return Ok((found, Some(why)));
        }
        // A first collection writes the files before their manifest.
        if is_old && self.is_last && !self.may_guess {
            return Ok((Manifest { files: Vec::new(), ..found }, Some(why)));
        }
        if !self.may_guess {
            return Err(why);
        }
        let problem = format!("{problem}; all table files beside it are read");
        opened.guesses.push(Guess { file: generation.path(MANIFEST), problem });
        Ok((found, Some(why)))
    }

    /// Opens the files of a generation. Where one is missing that the manifest names, all others are opened as well: the
    /// manifest may be older than they are.
    fn open_all(
        &self,
        generation: &Generation<'_>,
        specs: &[TableSpec],
        is_old: bool,
        opened: &mut Opened,
    ) -> Result<(), StoreError> {
        let mut lacks = false;
        for spec in specs.iter().filter(|spec| spec.name.to_string() != JOURNAL) {
            lacks |= self.open_one(generation, *spec, is_old, opened)?;
        }
        if lacks && self.may_guess {
            let named: HashSet<_> = specs.iter().map(|spec| spec.name).collect();
            for spec in Manifest::of_files(generation)?.files {
                if !named.contains(&spec.name) {
                    self.open_one(generation, spec, is_old, opened)?;
                }
            }
        }
        Ok(())
    }

    /// Opens a file; gives whether it is missing.
    fn open_one(
        &self,
        generation: &Generation<'_>,
        spec: TableSpec,
        is_old: bool,
        opened: &mut Opened,
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
                opened.broken.push(Broken::new(error, places)?);
                return Ok(is_missing);
            }
        }
        Ok(false)
    }

    /// The file that the earlier view has open by that name, unless another one lies there now.
    fn still_open(
        &self,
        generation: &Generation<'_>,
        name: &Address,
        is_old: bool,
        opened: &mut Opened,
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

    /// The journal, whether or not the manifest names it yet: Dolt itself goes by the file, and by its root.
    fn journal(&self, opened: &mut Opened) -> Result<Option<Journal>, StoreError> {
        let Some(path) = self.now.journal() else { return Ok(None) };
        let Some(stamp) = Stamp::of_path(&path)? else { return Ok(None) };
        let earlier = self.earlier.and_then(|earlier| earlier.journal.as_ref());
        let Some(earlier) = earlier else { return Journal::open(&path).map(Some) };
        if !earlier.stamp()?.is_same_file(&stamp) {
            return Journal::open(&path).map(Some);
        }
        match earlier.rewritten()? {
            None => earlier.extended().map(Some),
            Some(seen) => {
                opened.rewritten = Some(format!("of its journal, {seen}"));
                Journal::open(&path).map(Some)
            }
        }
    }

    /// The view with the newest root that can be believed.
    fn rooted(&self, view: View, lacks_manifest: Option<StoreError>) -> Result<View, StoreError> {
        let store = self.now.store();
        let damage = view.journal.as_ref().and_then(Journal::damage);
        let is_doubtful = damage.is_some() || !view.guesses.is_empty();
        let is_there = view.root.is_empty() || view.has(&view.root);
        if !is_doubtful && is_there {
            return Ok(view);
        }
        if !self.may_guess {
            return if is_there { Ok(view) } else { Err(view.absent(&view.root, store)) };
        }
        let journal = view.journal.iter().flat_map(Journal::roots);
        let all: Vec<Address> = journal.chain([&view.manifest_root]).copied().collect();
        let mut seen = HashSet::new();
        let mut failure = None;
        for root in all.into_iter().filter(|root| !root.is_empty() && seen.insert(*root)) {
            match prove(self.place, &Within(&view, store), &root) {
                Ok(()) => return Ok(self.with_root(view, root, failure.as_ref())),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match (lacks_manifest, failure) {
            (Some(why), None) => Err(why),
            (_, Some(failure)) if !is_there => Err(failure),
            // What is there may be readable in part.
            _ => Ok(view),
        }
    }

    /// The view with a root that was proven; `failure` is why the newest one could not be.
    fn with_root(&self, view: View, root: Address, failure: Option<&StoreError>) -> View {
        let shown = format!("the newest root that can be proven is shown, {root}");
        let mut guesses = view.guesses.clone();
        match failure {
            Some(why) => {
                let problem = format!("its last root leads nowhere ({}); {shown}", chain(why));
                guesses.push(Guess { file: self.now.path(JOURNAL), problem });
            }
            None => guesses.iter_mut().for_each(|guess| guess.problem.push_str(&format!("; {shown}"))),
        }
        View { root, guesses, ..view }
    }
}

/// The chunks of a view while it is made.
struct Within<'v>(&'v View, &'v Path);

impl Chunks for Within<'_> {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let Self(view, store) = self;
        view.get(address)?.ok_or_else(|| view.absent(address, store))
    }
}

fn no_manifest(generation: &Generation<'_>) -> StoreError {
    let problem = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no manifest of a Dolt store");
    StoreError::io(&generation.path(MANIFEST), "read", problem)
}
