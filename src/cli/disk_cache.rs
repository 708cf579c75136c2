//! What a mount leaves on disk for the next one: what it has found out about contents.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::home;
use crate::engine::{Engine, Index, IndexError, SegmentStore};
use crate::memory::{self, unpacking};
use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;
use crate::util::private;
use crate::util::records::remove_stale;
use crate::vfs::Vfs;

/// How often what was learned is put on disk. A mount that is killed loses no more than that.
const INTERVAL: Duration = Duration::from_secs(2);

/// The folder: `chosen`, or `asof` below `$XDG_CACHE_HOME`. None where `chosen` is empty, or no place is known.
pub(super) fn folder(chosen: Option<&Path>) -> Option<PathBuf> {
    if let Some(chosen) = chosen {
        return Some(chosen).filter(|path| !path.as_os_str().is_empty()).map(absolute);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = || home::folder().map(|home| home.join(".cache"));
    cache.or_else(of_user).map(|cache| cache.join("asof"))
}

/// Makes the folder of a cache where it is missing, and tells whether what is in it is believed: sizes are taken from
/// there, so that nobody else may write to it. Logs why it is not.
pub(super) fn is_believed(path: &Path) -> bool {
    let is_default = folder(None).as_deref() == Some(path);
    let made = if is_default { private::make_own_folder(path) } else { private::make_folder(path) };
    if let Err(error) = &made {
        let folder = path.shown();
        tracing::warn!(%folder, %error, "what earlier mounts kept there is not used, and nothing is kept; --cache-dir chooses another place");
    }
    made.is_ok()
}

/// A mount in the background leaves the folder that a relative path starts from.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// An engine that knows what earlier mounts have found out, and keeps segments in up to `segments` bytes of disk
/// (none for 0). Without that it does it anew: slower, and no less right.
pub(super) fn engine(cache_size: u64, folder: Option<&Path>, segments: u64, clock: &WallClock) -> Engine {
    let mut engine = Engine::new(memory::usable(cache_size));
    unpacking::draw_on(engine.budget());
    let Some(folder) = folder else { return engine };
    if let Err(error) = engine.use_index(Index::in_folder(folder, clock)) {
        let reason = crate::content::chain(&error);
        tracing::warn!(%reason, "what earlier mounts found out is not known; --cache-dir chooses another place");
    }
    remove_stale(folder, clock);
    if segments > 0 {
        let place = folder.join("segments");
        match SegmentStore::open(&place, segments, clock) {
            Ok(store) => engine.use_segments(store),
            Err(error) => {
                let folder = place.shown();
                tracing::warn!(%folder, %error, "nothing is kept on disk there; --cache-dir chooses another place");
            }
        }
    }
    engine
}

/// A thread of its own that puts what was learned on disk: no source that hangs holds it up.
pub(super) struct Saver {
    end: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Saver {
    /// Saves from now on.
    ///
    /// # Errors
    /// What the operating system says when it has no more threads.
    pub fn start(vfs: Arc<Vfs>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let save_often = move || {
            let mut is_failing = false;
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
                is_failing = !save(&vfs, is_failing);
            }
            save(&vfs, is_failing);
            vfs.flush();
        };
        let thread = std::thread::Builder::new().name("save".into()).spawn(save_often)?;
        Ok(Self { end, thread })
    }

    /// Saves once more and ends.
    pub fn finish(self) {
        drop(self.end);
        // Its panic was told when it happened.
        let _ = self.thread.join();
    }
}

/// Puts what was learned on disk, and gives whether that worked. Logs why it did not, unless `is_known`.
fn save(vfs: &Vfs, is_known: bool) -> bool {
    let saved = vfs.save();
    if let Err(error) = &saved
        && !is_known
    {
        not_kept(error);
    }
    saved.is_ok()
}

/// Logs why nothing is kept.
pub(super) fn not_kept(error: &IndexError) {
    let reason = crate::content::chain(error);
    tracing::warn!(%reason, "sizes are not kept for the next time; --cache-dir chooses another place");
}
