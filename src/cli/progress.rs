//! Tells a person at a terminal what a slow start waits for.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What takes no longer needs no word.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something that is being done until this is dropped.
pub(super) struct Progress {
    _under_way: mpsc::Sender<()>,
}

impl Progress {
    /// Says `what` on stderr if that is a terminal and it is not done in time.
    pub fn of(what: String) -> Self {
        let (under_way, done) = mpsc::channel();
        if io::stderr().is_terminal() {
            std::thread::spawn(move || {
                if done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    // A terminal that is gone needs no news.
                    let _ = writeln!(io::stderr(), "asof: {what} ...");
                }
            });
        }
        Self { _under_way: under_way }
    }
}
