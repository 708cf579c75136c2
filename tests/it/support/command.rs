//! Runs other programs under a time limit: a command that touches a mount must never hang a test.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// A command to run, and its time limit (a minute by default).
pub struct Run {
    command: Command,
    limit: Duration,
    input: Option<Vec<u8>>,
}

pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
    line: String,
}

/// Prepares `program`, with messages in English and times in UTC.
pub fn run(program: impl AsRef<OsStr>) -> Run {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    Run { command, limit: Duration::from_secs(60), input: None }
}

/// Prepares a shell command line.
pub fn shell(script: &str) -> Run {
    run("bash").arg("-c").arg(script)
}

impl Run {
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs to the end and returns the outcome. Fails at the time limit, or if the program has ended but a process that
    /// it left behind still holds its output open.
    pub fn outcome(self) -> Outcome {
        self.attempt().unwrap_or_else(|late| panic!("{late}"))
    }

    /// Like [`Self::outcome`] for a program that may run for ever: `None` at the time limit.
    // Only the tests of stores run such a program.
    #[allow(dead_code)]
    pub fn outcome_in_time(self) -> Option<Outcome> {
        self.attempt().ok()
    }

    /// Fails with an error at the time limit.
    fn attempt(mut self) -> Result<Outcome, String> {
        let line = format!("{:?}", self.command);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let begun = Instant::now();
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("cannot start {line}: {e}"));
        if let (Some(bytes), Some(mut pipe)) = (self.input.take(), child.stdin.take()) {
            std::thread::spawn(move || pipe.write_all(&bytes));
        }
        let stdout = drain(child.stdout.take().expect("stdout is piped"));
        let stderr = drain(child.stderr.take().expect("stderr is piped"));
        let status = wait(&mut child, begun + self.limit)
            .ok_or_else(|| format!("not done after {:?}: {line}\n{}", self.limit, late(&stderr)))?;
        let rest = |pipe: &mpsc::Receiver<Vec<u8>>, which: &str| {
            let left = self.limit.saturating_sub(begun.elapsed()).max(Duration::from_secs(5));
            pipe.recv_timeout(left).unwrap_or_else(|_| panic!("{which} is still open after {line}"))
        };
        let stdout = rest(&stdout, "stdout");
        let stderr = String::from_utf8_lossy(&rest(&stderr, "stderr")).into_owned();
        Ok(Outcome { status, stdout, stderr, line })
    }

    /// Runs it, checks that it succeeds, and returns its output.
    pub fn ok(self) -> String {
        self.outcome().expect_status(0).text()
    }
}

impl Outcome {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    #[track_caller]
    pub fn expect_status(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "{}: {}\nstdout: {}\nstderr: {}",
            self.line,
            self.status,
            self.text().chars().take(2000).collect::<String>(),
            self.stderr
        );
        self
    }
}

/// Waits for `child` until `deadline`, then ends its whole process group.
pub fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().expect("the child is ours to wait for") {
            return Some(status);
        }
        if Instant::now() >= deadline {
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            let _ = child.kill();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

fn late(stderr: &mpsc::Receiver<Vec<u8>>) -> String {
    let bytes = stderr.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
