//! The cache folder: what a run saves there for the next one, sizes and hashes of contents.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::user_folders::{absolute, of_asof};
use crate::engine::{Engine, FactsIndex, IndexError};
use crate::memory::{self, unpacking};
use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;
use crate::util::private;
use crate::util::records::remove_stale;
use crate::vfs::Vfs;

/// How often new facts are saved. A mount that is killed loses no more than this.
const INTERVAL: Duration = Duration::from_secs(2);

/// The cache folder: `chosen`, by default `asof` in `$XDG_CACHE_HOME`; `None` if `chosen` is empty.
pub(super) fn folder(chosen: Option<&Path>) -> Option<PathBuf> {
    match chosen {
        Some(chosen) => Some(chosen).filter(|path| !path.as_os_str().is_empty()).map(absolute),
        None => of_asof("XDG_CACHE_HOME", ".cache"),
    }
}

/// Creates the cache folder if it is missing. Returns false, and logs why, if other users may write to it: asof believes the
/// sizes that are saved there.
pub(super) fn is_trusted(path: &Path) -> bool {
    let is_default = folder(None).as_deref() == Some(path);
    let made = if is_default { private::make_own_folder(path) } else { private::make_folder(path) };
    if let Err(error) = &made {
        let folder = path.shown();
        tracing::warn!(%folder, %error, "cache folder disabled; --cache-dir chooses another one");
    }
    made.is_ok()
}

/// An engine that knows what earlier runs saved in `folder`. Without a folder it is slower, but just as correct.
pub(super) fn engine(cache_size: u64, folder: Option<&Path>, clock: &WallClock) -> Engine {
    let mut engine = Engine::new(memory::usable(cache_size));
    unpacking::draw_on(engine.budget());
    let Some(folder) = folder else { return engine };
    if let Err(error) = engine.use_index(FactsIndex::in_folder(folder, clock)) {
        let reason = crate::content::chain(&error);
        tracing::warn!(%reason, "cannot use the sizes that earlier runs saved; --cache-dir chooses another folder");
    }
    remove_stale(folder, clock);
    engine
}

/// A thread that saves new facts. It has its own thread so that a source that hangs does not delay it.
pub(super) struct Saver {
    end: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Saver {
    pub fn start(vfs: Arc<Vfs>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let save_often = move || {
            // Logs only the first of several failures in a row.
            let mut is_failing = false;
            let mut save = || {
                let saved = vfs.save();
                if let (Err(error), false) = (&saved, is_failing) {
                    not_saved(error);
                }
                is_failing = saved.is_err();
            };
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
                save();
            }
            save();
        };
        let thread = std::thread::Builder::new().name("save".into()).spawn(save_often)?;
        Ok(Self { end, thread })
    }

    /// Saves one last time and ends the thread.
    pub fn finish(self) {
        drop(self.end);
        // A panic was logged when it happened.
        let _ = self.thread.join();
    }
}

pub(super) fn not_saved(error: &IndexError) {
    let reason = crate::content::chain(error);
    tracing::warn!(%reason, "cannot save sizes for the next run; --cache-dir chooses another folder");
}
