//! The signals that end a mount: whichever would end a program takes the mount down first.

use std::path::Path;

use futures_util::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, mountpoint};
use crate::model::terminal::ShowPath;

/// Signals whose default is to end the program and that may come from outside. Not those of a fault of its own (SIGSEGV and
/// the like), nor SIGKILL, which nobody can catch. SIGPIPE ends no Rust program.
const ENDING: [libc::c_int; 14] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGXCPU,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGSTKFLT,
    libc::SIGTRAP,
];

/// Signals that would end the program, and do not: a write beyond a limit on the size of files fails, and no more.
const IGNORED: [libc::c_int; 1] = [libc::SIGXFSZ];

/// The signals that end a mount.
pub(super) struct Signals {
    ending: Vec<Signal>,
    _ignored: Vec<Signal>,
}

impl Signals {
    /// Listens to them from now on.
    pub async fn listen() -> Result<Self, Failure> {
        let listen = |number: libc::c_int| {
            signal(SignalKind::from_raw(number))
                .map_err(|error| Failure::new("cannot listen for signals").because(&error))
        };
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        Ok(Self {
            ending: ENDING.into_iter().chain(real_time).map(listen).collect::<Result<_, _>>()?,
            _ignored: IGNORED.into_iter().map(listen).collect::<Result<_, _>>()?,
        })
    }

    /// Waits for one of them, then unmounts; what is still open reads on until it is closed, or until a
    /// second signal.
    pub async fn unmount(mut self, place: &Path) {
        loop {
            self.next().await;
            // Never leaves a dead mount behind: what is busy is detached.
            let outcome = mountpoint::unmount(place, false).or_else(|_| {
                tracing::warn!(
                    "files are open: the tree is detached, and this ends with them or at a second signal"
                );
                mountpoint::unmount(place, true)
            });
            match outcome {
                Ok(()) => break,
                Err(error) => tracing::error!(mountpoint = %place.shown(), %error, "cannot unmount"),
            }
        }
        self.next().await;
        tracing::warn!("ended by a second signal while files were open");
        std::process::exit(1);
    }

    /// Waits for one of them.
    pub async fn next(&mut self) {
        select_all(self.ending.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    }
}
