//! Beads' own program, `bd`: trackers that it makes and reads, on a Dolt server of the test.
//!
//! It uses its own folders, sends nothing anywhere, and leaves no process behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Run, run};
use super::server::Server;
use super::sql::{Client, quote};
use super::{tell, temp_dir, top};

/// The user's own `bd`, if the environment names one: nothing here builds or installs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bd {
    /// A 1.1 (`BD`): dependencies have a key of their own, and a column for each kind of target.
    New,
    /// A 1.0 (`BD_OLD`): one column for targets, which is part of the key.
    Old,
}

impl Bd {
    /// The environment variable that names the program, and its required version.
    fn variable(self) -> (&'static str, &'static str) {
        match self {
            Self::New => ("BD", "a bd 1.1"),
            Self::Old => ("BD_OLD", "a bd 1.0"),
        }
    }

    /// Whether there is one. If not, prints that `what` does not run.
    pub fn is_given_for(self, what: &str) -> bool {
        let (variable, version) = self.variable();
        let is_given = std::env::var_os(variable).is_some_and(|path| !path.is_empty());
        if !is_given {
            tell(&format!("NOT RUN: {what}: {variable} is not set to the path of {version}"));
        }
        is_given
    }

    /// The program. Callers first check that it is given.
    pub fn program(self) -> PathBuf {
        let (variable, version) = self.variable();
        std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} has to name {version}")).into()
    }
}

/// A tracker: a folder with settings, and a database on the server.
pub struct Tracker {
    bd: Bd,
    database: String,
    folder: PathBuf,
    port: u16,
    dir: tempfile::TempDir,
}

impl Tracker {
    pub fn new(bd: Bd, server: &Server, database: &str) -> Self {
        Self::init(bd, server, database, &[])
    }

    /// `bd init --from-jsonl`, with the issues in `jsonl`, some of which have these additional types.
    pub fn from_jsonl(bd: Bd, server: &Server, database: &str, types: &str, jsonl: &str) -> Self {
        let settings = format!("types.custom: {types:?}\n");
        Self::init(bd, server, database, &[("config.yaml", &settings), ("issues.jsonl", jsonl)])
    }

    fn init(bd: Bd, server: &Server, database: &str, files: &[(&str, &str)]) -> Self {
        let dir = temp_dir();
        let tracker = Self {
            bd,
            database: database.to_owned(),
            folder: dir.path().join("work"),
            port: server.port,
            dir,
        };
        let beads = tracker.folder.join(".beads");
        fs::create_dir_all(&beads).expect("a new folder is writable");
        for (name, text) in files {
            fs::write(beads.join(name), text).expect("a new folder is writable");
        }
        run("git").args(["init", "-q"]).arg(&tracker.folder).ok();
        let port = server.port.to_string();
        let server =
            ["--server", "--server-host", "127.0.0.1", "--server-port", &port, "--database", database];
        let quiet = ["--prefix", "bd", "--non-interactive", "--skip-hooks", "--skip-agents", "--quiet"];
        let source: &[&str] = if files.is_empty() { &[] } else { &["--from-jsonl"] };
        tracker.bd(&[&["init"][..], &server, &quiet, source].concat());
        tracker
    }

    /// A tracker that already exists in a folder.
    pub fn of_folder(bd: Bd, server: &Server, folder: &Path) -> Self {
        let (database, folder) = ("restored".into(), folder.to_owned());
        Self { bd, database, folder, port: server.port, dir: temp_dir() }
    }

    /// Runs `bd` and returns its output.
    pub fn bd(&self, args: &[&str]) -> String {
        self.prepared(args).ok()
    }

    pub fn bd_reading(&self, args: &[&str], input: &str) -> String {
        self.prepared(args).input(input).ok()
    }

    fn prepared(&self, args: &[&str]) -> Run {
        let home = self.dir.path().join("home");
        fs::create_dir_all(&home).expect("a new folder is writable");
        let path = std::env::var("PATH").expect("there is a PATH");
        // Uses no settings of the user, and sends no telemetry.
        let mut command = run("env").arg("-i").arg(format!("PATH={path}"));
        command = command.arg(format!("HOME={}", home.display())).args(["LC_ALL=C.UTF-8", "TZ=UTC"]);
        command = command.args(["BD_DISABLE_METRICS=1", "BD_DISABLE_EVENT_FLUSH=1"]);
        command = command.args(["BEADS_DOLT_AUTO_START=0", "BD_ACTOR=tester"]);
        command = command.arg(format!("BEADS_DOLT_SERVER_PORT={}", self.port));
        // An import of some hundred issues takes half a minute.
        let command = command.arg(self.bd.program()).args(args).dir(&self.folder);
        command.within(Duration::from_secs(240))
    }

    /// The output of `bd export --all`.
    pub fn export(&self) -> String {
        self.bd(&["export", "--all"])
    }

    /// Commits what `bd` left in the working set.
    pub fn commit(&self, client: &mut Client) {
        client.use_database(&self.database);
        client.run(&[&format!("CALL DOLT_COMMIT('-A', '--allow-empty', '-m', {})", quote("all of it"))]);
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let left = processes_of(self.dir.path());
        if !left.is_empty() && !std::thread::panicking() {
            panic!("bd left processes behind: {left:?}");
        }
    }
}

/// The command lines of processes that have a folder in their environment.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("temporary folders have plain names");
    assert!(folder.starts_with(top().to_str().expect("temporary folders have plain names")));
    let all = fs::read_dir("/proc").expect("Linux has /proc");
    let of_it = |process: fs::DirEntry| {
        let environment = fs::read(process.path().join("environ")).ok()?;
        let command = fs::read(process.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&environment)
            .contains(folder)
            .then(|| String::from_utf8_lossy(&command).replace('\0', " "))
    };
    all.flatten().filter_map(of_it).collect()
}
