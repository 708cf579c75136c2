//! What a mount of asof says of itself, read from its `.asof/status.json`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use super::failure::Failure;
use super::mount_table::{self, MountEntry};
use crate::model::terminal::ShowPath;
use crate::vfs::{STATUS_FILE, STATUS_FOLDER};

/// A mount that says nothing for so long hangs, or its machine does.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of a status: 10,000 databases take 3 MB.
const LARGEST: u64 = 32 << 20;

#[derive(Debug, Deserialize)]
pub(super) struct MountStatus {
    pub asof: String,
    pub pid: u32,
    pub started: String,
    pub sources: Vec<SourceStatus>,
    pub databases: Vec<DatabaseStatus>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SourceStatus {
    /// The argument that names it, if it can be written.
    pub source: Option<String>,
    pub label: String,
    pub answers: bool,
    pub since: Option<String>,
    pub reason: Option<String>,
    pub hint: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DatabaseStatus {
    pub name: String,
    pub snapshots: u64,
    pub newest: Option<String>,
}

/// The mounts of asof, by the order of the mount table, without those that another one hides.
pub(super) fn mounts() -> Vec<MountEntry> {
    let mut mounts: Vec<MountEntry> = Vec::new();
    for mount in mount_table::read() {
        mounts.retain(|earlier| earlier.place != mount.place);
        mounts.push(mount);
    }
    mounts.retain(|mount| mount.kind == mount_table::OUR_KIND);
    mounts
}

/// The text of a mount's status.
pub(super) fn text(place: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = || Failure::new(format!("the mount at {} does not report its status", place.shown()));
    let file = place.join(STATUS_FOLDER).join(STATUS_FILE);
    within_patience(move || read(&file)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            cannot().because(&error).hint("it is of an older asof: unmount it, and mount it again")
        }
        io::ErrorKind::PermissionDenied => {
            cannot().because(&error).hint("only the user who mounted it may ask")
        }
        io::ErrorKind::TimedOut => {
            cannot().because(&error).hint("its program may be stopped, or the machine out of memory")
        }
        _ => cannot().because(&error),
    })
}

impl MountStatus {
    /// What the mount at `place` says of itself.
    pub fn of(place: &Path) -> Result<Self, Failure> {
        Self::parse(place, &text(place)?)
    }

    pub fn parse(place: &Path, text: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(text).map_err(|error| {
            Failure::new(format!("the status of the mount at {} cannot be read", place.shown()))
                .because(&error)
                .hint("it may be of another version of asof: unmount it, and mount it again")
        })
    }
}

fn read(file: &PathBuf) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(file)?.take(LARGEST).read_to_end(&mut text)?;
    Ok(text)
}

/// Does `work` on another thread: a hung mount would keep this one for ever.
fn within_patience<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = mpsc::channel();
    std::thread::Builder::new().name("ask".into()).spawn(move || done.send(work()))?;
    let late =
        || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", PATIENCE.as_secs()));
    result.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(late()))
}
