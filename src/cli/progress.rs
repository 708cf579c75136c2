//! Shows a person at a terminal what the command is waiting for.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::model::terminal;
use crate::source::verify;

/// Work that takes no longer is not announced.
const PATIENCE: Duration = Duration::from_secs(1);

const REFRESH: Duration = Duration::from_millis(200);

/// A notice that work is under way, until this is dropped.
pub(super) struct Notice {
    _under_way: mpsc::Sender<()>,
}

impl Notice {
    /// Prints `what` on stderr if that is a terminal and the work is not done in time.
    #[allow(clippy::disallowed_methods, reason = "the text is made safe")]
    pub fn of(what: String) -> Self {
        let (under_way, done) = mpsc::channel();
        if io::stderr().is_terminal() {
            std::thread::spawn(move || {
                if done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    // If the terminal is gone, nobody needs the notice.
                    let _ = writeln!(io::stderr(), "asof: {} ...", terminal::line(&what));
                }
            });
        }
        Self { _under_way: under_way }
    }
}

/// A progress bar on stderr until it is dropped, if stderr is a terminal.
pub(super) struct Bar(Option<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>);

impl Bar {
    #[allow(clippy::disallowed_methods, reason = "only asks whether it is a terminal")]
    pub fn show(what: String, progress: verify::Progress) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
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
        Self(Some((end, thread)))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            // The thread only draws: a panic in it changes nothing.
            let _ = thread.join();
        }
    }
}
