//! The signals that end a mount: asof unmounts first on every signal that would end a program.

use std::path::Path;

use futures_util::future::select_all;
use libc::{
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGPWR, SIGQUIT, SIGSTKFLT, SIGTERM, SIGTRAP, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGXCPU,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::mountpoint;
use crate::model::terminal::ShowPath;

/// Signals from outside that end a program by default. Left out: faults of the program (SIGSEGV and the like), SIGKILL,
/// which cannot be caught, and SIGPIPE, which Rust programs ignore.
const ENDING: [libc::c_int; 14] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR,
    SIGSTKFLT, SIGTRAP,
];

pub(super) struct Signals {
    ending: Vec<Signal>,
    /// SIGXFSZ, which would end the program: with a listener, a write beyond the limit on file sizes just fails.
    _file_size: Signal,
}

impl Signals {
    pub async fn listen() -> Result<Self, Failure> {
        let listen = |number: libc::c_int| {
            signal(SignalKind::from_raw(number))
                .map_err(|error| Failure::new("cannot listen for signals").because(&error))
        };
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        Ok(Self {
            ending: ENDING.into_iter().chain(real_time).map(listen).collect::<Result<_, _>>()?,
            _file_size: listen(libc::SIGXFSZ)?,
        })
    }

    /// Waits for one of them, then unmounts. Open files stay readable until they are closed, or until a second signal.
    pub async fn unmount(mut self, place: &Path) {
        loop {
            self.next().await;
            // Never leaves a dead mount behind: a busy one is detached.
            let outcome = mountpoint::unmount(place, false).or_else(|_| {
                tracing::warn!(
                    "files are still open: the tree is detached; asof ends when they are closed, or at a second signal"
                );
                mountpoint::unmount(place, true)
            });
            match outcome {
                Ok(()) => break,
                Err(error) => tracing::error!(mountpoint = %place.shown(), %error, "cannot unmount"),
            }
        }
        self.next().await;
        tracing::warn!("ended by a second signal while files were still open");
        std::process::exit(1);
    }

    pub async fn next(&mut self) {
        select_all(self.ending.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    }
}
