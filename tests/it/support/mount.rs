//! A test's own mount: `asof mount -f` as a child, always unmounted on drop.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::command::wait;
use super::{eventually, temp_dir};

/// How long one mount may live: after that, a test that hangs on it gets errors instead of waiting for ever. The real
/// history needs minutes on a loaded machine.
fn life() -> Duration {
    Duration::from_secs(840) + super::live_time()
}

pub struct Mount {
    child: Child,
    root: PathBuf,
    log: PathBuf,
    down: bool,
    _alive: mpsc::Sender<()>,
    _dir: tempfile::TempDir,
}

pub fn asof() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_asof"))
}

impl Mount {
    #[track_caller]
    pub fn new<S: AsRef<OsStr>>(sources: &[S]) -> Self {
        Self::with(&[], sources)
    }

    #[track_caller]
    pub fn with<S: AsRef<OsStr>>(args: &[&str], sources: &[S]) -> Self {
        Self::under(&[], args, sources)
    }

    /// The same, with the program started by a tracer.
    #[track_caller]
    pub fn under<S: AsRef<OsStr>>(starter: &[String], args: &[&str], sources: &[S]) -> Self {
        let dir = temp_dir();
        let root = dir.path().join("mnt");
        fs::create_dir(&root).expect("a new folder is writable");
        let log = dir.path().join("log");
        let log_file = File::create(&log).expect("a new folder is writable");
        let command = match starter.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(asof());
                command
            }
            None => Command::new(asof()),
        };
        let mut command = quiet_environment(command, dir.path());
        command.args(["mount", "-f"]).args(args).args(sources).arg(&root);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let pid = Pid::from_child(&child);
        let begun = Instant::now();
        while mounted(&root).is_none() {
            let log = || fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = child.try_wait().expect("the mount is our child") {
                panic!("{command:?} ended with {status}:\n{}", log());
            }
            if begun.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                panic!("{command:?} mounts nothing within a minute:\n{}", log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let (alive, dropped) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let life = life();
            if dropped.recv_timeout(life) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("a test still holds its mount after {life:?}: ending it");
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self { child, root, log, down: false, _alive: alive, _dir: dir }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The peak memory of the program so far, in bytes (`VmHWM`).
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("proc_pid_status(5)");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib << 10
    }

    /// The number of folders that the program watches (inotify), according to the kernel.
    pub fn watched_folders(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fdinfo", self.child.id())).expect("the program runs");
        let told = open.flatten().filter_map(|file| fs::read_to_string(file.path()).ok());
        told.map(|info| info.lines().filter(|line| line.starts_with("inotify wd:")).count()).sum()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is ours")
    }

    /// Unmounts with SIGTERM, and checks that nothing is left.
    pub fn unmount(mut self) {
        self.stop();
    }

    /// Kills the program like a crash, and removes the dead mount.
    pub fn kill(mut self) {
        self.down = true;
        let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
        let status = wait(&mut self.child, Instant::now() + Duration::from_secs(20));
        detach(&self.root);
        assert!(status.is_some(), "asof does not end within 20 s of SIGKILL");
        let log = self.log();
        assert!(!log.contains("panicked at"), "asof panicked:\n{log}");
    }

    fn stop(&mut self) {
        self.down = true;
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let status = wait(&mut self.child, Instant::now() + Duration::from_secs(20));
        let left = mounted(&self.root).is_some();
        if left {
            detach(&self.root);
        }
        if !std::thread::panicking() {
            let log = self.log();
            assert!(status.is_some(), "asof does not end within 20 s of SIGTERM:\n{log}");
            assert!(!left, "asof ended and left its mount:\n{log}");
            assert!(!log.contains("panicked at"), "asof panicked:\n{log}");
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if !self.down {
            self.stop();
        }
        if std::thread::panicking() {
            eprintln!("--- log of {}\n{}", self.root.display(), tail(&self.log()));
        }
    }
}

fn tail(log: &str) -> &str {
    let from = log.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
    &log[from..]
}

/// An environment in which no setting of the user changes what the program does.
pub fn quiet_environment(mut command: Command, home: &Path) -> Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ASOF_") || name.starts_with("XDG_") || name.starts_with("DOLT") {
            command.env_remove(&*name);
        }
    }
    command.env("HOME", home).env("TZ", "UTC").env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

/// The type of the file system mounted at exactly `path`, if one is.
pub fn mounted(path: &Path) -> Option<String> {
    let table = fs::read("/proc/self/mountinfo").expect("Linux has a mount table");
    table.split(|&b| b == b'\n').rev().find_map(|line| {
        let line = String::from_utf8_lossy(line);
        let (before, after) = line.split_once(" - ")?;
        let place = unescaped(before.split(' ').nth(4)?);
        (Path::new(&place) == path).then(|| after.split(' ').next().unwrap_or_default().to_owned())
    })
}

/// Mount table fields write blanks and backslashes in octal.
fn unescaped(field: &str) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = (first == b'\\').then(|| tail.get(..3)).flatten();
        let byte = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[3..] } else { tail };
    }
    OsString::from_vec(bytes)
}

/// Removes a dead mount, lazily if it is busy.
pub fn detach(path: &Path) {
    for (program, args) in [("umount", &["-l"][..]), ("fusermount3", &["-u", "-z"][..])] {
        if mounted(path).is_some() {
            let _ = Command::new(program).args(args).arg(path).stderr(Stdio::null()).status();
        }
    }
}

/// Waits until `path` is no longer a mountpoint.
pub fn wait_unmounted(path: &Path) {
    eventually("unmounted", Duration::from_secs(15), || mounted(path).is_none().then_some(()));
}
