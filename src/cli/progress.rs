//! Tells a person at a terminal what is waited for.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::model::terminal;
use crate::source::verify;

/// What takes no longer needs no word.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the progress bar moves.
const REFRESH: Duration = Duration::from_millis(200);

/// Something that is being done until this is dropped.
pub(super) struct Progress {
    _under_way: mpsc::Sender<()>,
}

impl Progress {
    /// Says `what` on stderr if that is a terminal and it is not done in time.
    #[allow(clippy::disallowed_methods, reason = "the text is made safe")]
    pub fn of(what: String) -> Self {
        let (under_way, done) = mpsc::channel();
        if io::stderr().is_terminal() {
            std::thread::spawn(move || {
                if done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    // A terminal that is gone needs no news.
                    let _ = writeln!(io::stderr(), "asof: {} ...", terminal::line(&what));
                }
            });
        }
        Self { _under_way: under_way }
    }
}

/// A progress bar on stderr, where that is a terminal, until it is dropped.
pub(super) struct Bar {
    end: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bar {
    /// Shows how far `what` is.
    #[allow(clippy::disallowed_methods, reason = "only asks whether it is a terminal")]
    pub fn show(what: String, progress: verify::Progress) -> Self {
        if !io::stderr().is_terminal() {
            return Self { end: None, thread: None };
        }
        let (end, ended) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {prefix} {eta}");
            let bar = ProgressBar::new(0).with_message(terminal::line(&what).into_owned());
            bar.set_style(style.expect("the template is well formed"));
            while ended.recv_timeout(REFRESH) == Err(RecvTimeoutError::Timeout) {
                let (done, total, bytes) = progress.now();
                bar.set_length(total);
                bar.set_position(done);
                bar.set_prefix(HumanBytes(bytes).to_string());
            }
            bar.finish_and_clear();
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It only draws.
            let _ = thread.join();
        }
    }
}
