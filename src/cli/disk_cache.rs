//! What a mount leaves on disk for the next one: the lengths of what it has measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Engine, LengthIndex};
use crate::vfs::Vfs;

/// How often what was learned is put on disk. A mount that is killed loses no more than that.
const INTERVAL: Duration = Duration::from_secs(2);

/// The folder: `chosen`, or `asof` below `$XDG_CACHE_HOME`. None where `chosen` is empty, or no place is known.
pub(super) fn folder(chosen: Option<&Path>) -> Option<PathBuf> {
    if let Some(chosen) = chosen {
        return Some(chosen).filter(|path| !path.as_os_str().is_empty()).map(absolute);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).map(|cache| cache.join("asof"))
}

/// A mount in the background leaves the folder that a relative path starts from.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// An engine that knows what earlier mounts have measured. Without that it measures anew: slower, and no less right.
pub(super) fn engine(cache_size: u64, folder: Option<&Path>) -> Engine {
    let mut engine = Engine::new(cache_size);
    if let Some(folder) = folder
        && let Err(error) = engine.use_index(LengthIndex::in_folder(folder))
    {
        let reason = crate::source::chain(&error);
        tracing::warn!(%reason, "sizes that earlier mounts found out are not known; --cache-dir chooses another place");
    }
    engine
}

/// Puts what was learned on disk from time to time, for ever.
pub(super) async fn save_often(vfs: Arc<Vfs>) {
    let mut is_failing = false;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let saving = Arc::clone(&vfs);
        // A panic of the library is told by its own message.
        if let Ok(saved) = tokio::task::spawn_blocking(move || save(&saving, is_failing)).await {
            is_failing = !saved;
        }
    }
}

/// Puts what was learned on disk, and gives whether that worked. Logs why it did not, unless `is_known`.
pub(super) fn save(vfs: &Vfs, is_known: bool) -> bool {
    let saved = vfs.save();
    if let Err(error) = &saved
        && !is_known
    {
        let reason = crate::source::chain(error);
        tracing::warn!(%reason, "sizes are not kept for the next mount; --cache-dir chooses another place");
    }
    saved.is_ok()
}
