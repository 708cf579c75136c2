//! Waits for folders to change, by inotify(7) where it works.
//!
//! inotify reports only what programs on this machine do. Writes by another host to a network file system, or to a
//! lower layer of an overlay, cause no event. So an event is only a reason to poll sooner.
//! [`FolderWatch::is_complete`] says whether polls may be rare without events.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::util::locks::lock;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How long to wait after an event for related ones: a commit is several writes.
const SETTLING: Duration = Duration::from_millis(15);

/// New folders may contain new folders. After this many rounds, they appear faster than they can be watched.
const ROUNDS: usize = 8;

/// More folders than this are polled, not watched: each watch takes about 1 KiB of kernel memory and one of the
/// user's `fs.inotify.max_user_watches`, 8192 on small machines.
const MOST_FOLDERS: usize = 2048;

/// Which changes of a folder cause an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// Finished changes: files closed after writing, entries moved, removed, or with new permissions.
    Complete,
    /// Created entries too: for folders in which more will be created.
    Entries,
    /// Every write too: for files that grow.
    Writes,
}

impl Events {
    fn flags(self) -> WatchFlags {
        let complete = WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::ATTRIB | WatchFlags::CLOSE_WRITE;
        let itself = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
        match self {
            Self::Complete => complete | itself,
            Self::Entries => complete | itself | WatchFlags::CREATE,
            Self::Writes => complete | itself | WatchFlags::CREATE | WatchFlags::MODIFY,
        }
    }
}

/// Folders, each with its events.
pub type Watched = BTreeMap<PathBuf, Events>;

/// Watches the folders of one source.
pub struct FolderWatch {
    label: Arc<str>,
    /// None if the kernel refuses one; the log says why.
    inotify: Option<OwnedFd>,
    state: Mutex<WatchState>,
}

#[derive(Default)]
struct WatchState {
    /// The current watches. The kernel never reuses a number.
    held: HashSet<i32>,
    /// The folders, if all of their changes cause events; otherwise None.
    told: Option<Watched>,
    /// The last error in the log.
    complaint: Option<Errno>,
}

impl FolderWatch {
    /// Creates a watch of no folders.
    pub fn new(label: Arc<str>) -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        let inotify = inotify.map_err(|error| complain(&label, error)).ok();
        Self { label, inotify, state: Mutex::default() }
    }

    /// Watches exactly the folders that `find` returns. Call it before you look into them, so that later changes
    /// cause events. Calls `find` again if it finds folders in new folders.
    pub fn renew(&self, mut find: impl FnMut() -> Watched) {
        let mut state = lock(&self.state);
        state.told = None;
        let Some(inotify) = &self.inotify else { return };
        for _ in 0..ROUNDS {
            let folders = find();
            let round = Round::watch(inotify.as_fd(), &folders);
            // Folders in one that was not yet watched may have been missed.
            let is_settled = round.watched.is_subset(&state.held);
            for gone in state.held.difference(&round.watched) {
                // Fails if the folder is gone, and its watch with it.
                let _ = inotify::remove_watch(inotify, *gone);
            }
            state.held = round.watched;
            if let Some(error) = round.failure {
                if state.complaint.replace(error) != Some(error) {
                    complain(&self.label, error);
                }
                return;
            }
            if is_settled {
                state.complaint = None;
                state.told = round.has_all.then_some(folders);
                return;
            }
        }
    }

    /// Whether every change of the current folders causes an event, and every write in `growing`: all are watched,
    /// and only this machine's kernel writes to their file systems.
    pub fn is_complete<'p>(&self, mut growing: impl Iterator<Item = &'p Path>) -> bool {
        let state = lock(&self.state);
        state
            .told
            .as_ref()
            .is_some_and(|told| growing.all(|folder| told.get(folder) == Some(&Events::Writes)))
    }

    /// Waits for an event, at most for `longest`. Discards all events before it returns.
    pub async fn next(&self, longest: Duration) {
        let Some(inotify) = &self.inotify else { return tokio::time::sleep(longest).await };
        let event = async {
            if let Err(error) = next_event(inotify.as_fd()).await {
                tracing::debug!(source = &*self.label, %error, "cannot wait for events");
                std::future::pending::<()>().await;
            }
        };
        // On a timeout, the caller polls anyway.
        let _ = tokio::time::timeout(longest, event).await;
    }
}

async fn next_event(inotify: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a `BorrowedFd` stays open and unchanged while it lives, which is longer than the `AsyncFd`.
    #[allow(unsafe_code)]
    let queue = unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) }?;
    let _ready = queue.readable().await?;
    // The kernel merges equal events in a row until someone reads them.
    tokio::time::sleep(SETTLING).await;
    let mut buffer = [0; 4096];
    // The folder does not matter, nor does an overflow of the queue: the caller looks at everything.
    while rustix::io::read(inotify, &mut buffer).is_ok_and(|length| length > 0) {}
    Ok(())
}

struct Round {
    watched: HashSet<i32>,
    /// Whether every folder has a watch, on a file system with events for all changes.
    has_all: bool,
    failure: Option<Errno>,
}

impl Round {
    fn watch(inotify: BorrowedFd<'_>, folders: &Watched) -> Self {
        let mut round = Self { watched: HashSet::new(), has_all: true, failure: None };
        if folders.len() > MOST_FOLDERS {
            return Self { failure: Some(Errno::NOSPC), ..round };
        }
        for (folder, events) in folders {
            // The same folder keeps its watch; another folder of that name gets a new one.
            match inotify::add_watch(inotify, folder, events.flags()) {
                Ok(watch) => {
                    round.watched.insert(watch);
                    round.has_all &= is_local(folder);
                }
                // What is missing or unreadable can appear or become readable without an event.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => round.has_all = false,
                Err(error) => {
                    round.failure = Some(error);
                    break;
                }
            }
        }
        round
    }
}

/// Whether inotify reports every change: a known file system of one layer, to which only this kernel writes.
fn is_local(folder: &Path) -> bool {
    let Ok(found) = rustix::fs::statfs(folder) else { return false };
    let known = [
        libc::EXT4_SUPER_MAGIC,
        libc::XFS_SUPER_MAGIC,
        libc::BTRFS_SUPER_MAGIC,
        libc::F2FS_SUPER_MAGIC,
        libc::TMPFS_MAGIC,
    ];
    known.contains(&found.f_type)
}

fn complain(label: &str, error: Errno) {
    let hint = match error {
        Errno::MFILE => "fs.inotify.max_user_instances is used up: sysctl raises it",
        Errno::NOSPC => "fs.inotify.max_user_watches is used up, or there are too many folders",
        _ => "",
    };
    tracing::info!(
        source = label,
        %error,
        hint,
        "changes cannot be watched (inotify): looking for them every second instead"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn only(folder: &Path) -> Watched {
        Watched::from([(folder.to_owned(), Events::Writes)])
    }

    fn is_complete(watch: &FolderWatch) -> bool {
        watch.is_complete(std::iter::empty())
    }

    #[tokio::test]
    async fn a_write_after_the_watch_was_renewed_is_an_event() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let watch = FolderWatch::new("test".into());
        watch.renew(|| only(folder.path()));
        std::fs::write(folder.path().join("file"), "x").expect("the folder is ours");
        tokio::time::timeout(LONG / 2, watch.next(LONG)).await.expect("it is told");
    }

    #[test]
    fn folders_are_looked_for_until_none_is_new() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let within = folder.path().join("within");
        let watch = FolderWatch::new("test".into());
        let mut calls = 0;
        let find = || {
            calls += 1;
            let mut found = only(folder.path());
            match within.is_dir() {
                true => drop(found.insert(within.clone(), Events::Writes)),
                // Created after the search, and before its parent is watched.
                false => std::fs::create_dir(&within).expect("the folder is ours"),
            }
            found
        };
        watch.renew(find);
        assert_eq!(calls, 3, "without it, with it, and once more with its watch");
        assert_eq!(is_complete(&watch), is_local(folder.path()));
    }

    #[test]
    fn a_folder_that_grows_unwatched_is_not_told_of() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, below) = (folder.path(), folder.path().join("below"));
        std::fs::create_dir(&below).expect("the folder is ours");
        let watch = FolderWatch::new("test".into());
        watch.renew(|| Watched::from([(path.to_owned(), Events::Entries), (below.clone(), Events::Writes)]));
        assert_eq!(watch.is_complete([&*below].into_iter()), is_local(path));
        assert!(!watch.is_complete([path].into_iter()));
        assert!(!watch.is_complete([&*below, Path::new("/elsewhere")].into_iter()));
    }

    #[test]
    fn nothing_is_put_off_while_a_folder_is_missing_or_there_are_too_many() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let watch = FolderWatch::new("test".into());
        watch.renew(|| only(folder.path()));
        assert_eq!(is_complete(&watch), is_local(folder.path()));
        watch.renew(|| only(&folder.path().join("gone")));
        assert!(!is_complete(&watch));
        let many = (0..=MOST_FOLDERS).map(|n| (folder.path().join(n.to_string()), Events::Writes));
        let many: Watched = many.collect();
        watch.renew(|| many.clone());
        assert!(!is_complete(&watch));
    }

    #[test]
    fn a_file_system_that_others_write_to_is_not_local() {
        // Like network file systems, proc changes without events.
        assert!(!is_local(Path::new("/proc/self")));
        assert!(!is_local(Path::new("/nowhere")));
    }
}
