//! A test's own `dolt sql-server`: on a free port, in a temporary folder, killed on drop.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::command::run;
use super::sql::Client;
use super::{temp_dir, top};

/// A Dolt that `make test` builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dolt {
    /// The pinned one (1.88.1).
    Pinned,
    /// An older one (1.83.2), whose stores are in use.
    Old,
    /// A newer one (2.2.0), which writes adaptive values by default.
    New,
}

impl Dolt {
    pub const EVERY: [Self; 3] = [Self::Pinned, Self::Old, Self::New];

    /// The program: the one that the environment names, or the one that `make test` built.
    pub fn program(self) -> PathBuf {
        let (variable, built) = match self {
            Self::Pinned => ("DOLT", ".cache/dolt/dolt"),
            Self::Old => ("DOLT_OLD", ".cache/dolt-1.83/dolt"),
            Self::New => ("DOLT_NEW", ".cache/dolt-2/dolt"),
        };
        if let Some(path) = std::env::var_os(variable) {
            return path.into();
        }
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(built);
        let advice = format!("set {variable}=/path/to/dolt, or run `make test` once, which builds it");
        assert!(built.exists(), "no Dolt at {}: {advice}", built.display());
        built
    }
}

pub struct Server {
    pub dolt: Dolt,
    process: Option<Process>,
    pub port: u16,
    dir: tempfile::TempDir,
}

struct Process {
    child: Child,
    mark: PathBuf,
}

impl Server {
    /// Starts a server without databases.
    pub fn start() -> Self {
        Self::start_as(Dolt::Pinned, None)
    }

    /// Starts a version of Dolt, with a copy of the databases of a stopped server if one is given.
    pub fn start_as(dolt: Dolt, copied: Option<&Self>) -> Self {
        let data = copied.map(|other| {
            assert!(other.process.is_none(), "a running server's databases may change while they are copied");
            other.data()
        });
        Self::start_over(dolt, data.as_deref())
    }

    /// Starts one of the Dolts with a copy of a folder of databases, which no server may have open.
    pub fn start_over(dolt: Dolt, data: Option<&Path>) -> Self {
        let dir = temp_dir();
        fs::create_dir_all(dir.path().join(".dolt")).expect("a new folder is writable");
        fs::create_dir_all(dir.path().join("data")).expect("a new folder is writable");
        let config = r#"{"user.name":"Test","user.email":"test@example.com","metrics.disabled":"true"}"#;
        fs::write(dir.path().join(".dolt/config_global.json"), config).expect("a new folder is writable");
        if let Some(data) = data {
            run("cp").arg("-a").arg(data).arg(dir.path()).ok();
        }
        for _ in 0..5 {
            let port = free_port();
            if let Some(process) = launch(dolt, dir.path(), port) {
                return Self { dolt, process: Some(process), port, dir };
            }
        }
        panic!(
            "dolt sql-server does not start:\n{}",
            fs::read_to_string(dir.path().join("log")).unwrap_or_default()
        );
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port).expect("the server was answering")
    }

    /// The source to mount: the whole server, or one database of it.
    pub fn url(&self, database: &str) -> String {
        let mut url = format!("dolt://root@127.0.0.1:{}", self.port);
        if !database.is_empty() {
            url.push('/');
            url.push_str(&percent_encoded(database));
        }
        url
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs a `dolt` command in a folder, as the server's user, and returns its output.
    pub fn command(&self, folder: &Path, args: &[&str]) -> String {
        let dolt = run(self.dolt.program()).args(args).dir(folder);
        dolt.env("HOME", self.dir.path()).env("DOLT_ROOT_PATH", self.dir.path()).env("NO_COLOR", "1").ok()
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, with the same data.
    pub fn start_again(&mut self) {
        let process = launch(self.dolt, self.dir.path(), self.port);
        self.process = Some(process.expect("the server starts again on its own port"));
    }

    /// Adds these lines to the settings that it reads when it starts again.
    pub fn configure(&self, settings: &str) {
        self.write_settings("", settings);
    }

    /// Like [`Self::configure`], for the settings of the listener: `tls_cert: ...`.
    pub fn configure_listener(&self, settings: &str) {
        self.write_settings(settings, "");
    }

    fn write_settings(&self, listener: &str, settings: &str) {
        let own = "data_dir: data\nlog_level: debug";
        let listener = format!("listener: {{host: 127.0.0.1, port: {}, {listener}}}", self.port);
        fs::write(self.dir.path().join(SETTINGS), format!("{own}\n{listener}\n{settings}\n"))
            .expect("the folder is ours");
    }

    /// Suspends the server's process: connections stay open and nothing answers. It continues when the guard is
    /// dropped.
    pub fn freeze(&self) -> Frozen {
        let process = self.process.as_ref().expect("a killed server cannot be frozen");
        let pid = Pid::from_child(&process.child);
        kill_process(pid, Signal::STOP).expect("the server is our child");
        // The signal takes effect thread by thread.
        while !is_stopped(process.child.id()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Frozen(pid)
    }

    /// Every statement that the server has started (from its debug log).
    pub fn statements(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.path().join("log")).expect("the server writes its log");
        log.lines().filter(|line| line.contains("msg=\"Starting query\"")).filter_map(logged_query).collect()
    }
}

/// Whether every thread of the process is stopped.
fn is_stopped(id: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{id}/task")).expect("the process is our child");
    let state = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next())
    };
    threads.flatten().all(|thread| state(thread) == Some('T'))
}

pub struct Frozen(Pid);

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.mark);
    }
}

/// The file of settings, next to the databases.
const SETTINGS: &str = "config.yaml";

/// Starts the program and waits until it answers; `None` if it ends first (its port was taken).
fn launch(dolt: Dolt, dir: &Path, port: u16) -> Option<Process> {
    let log = File::create(dir.join("log")).expect("the server's folder is writable");
    let mut command = Command::new(dolt.program());
    command.arg("sql-server");
    if dir.join(SETTINGS).exists() {
        command.args(["--config", SETTINGS]);
    } else {
        let port = port.to_string();
        command.args(["--data-dir", "data", "-H", "127.0.0.1", "--loglevel", "debug", "-P", &port]);
    }
    command
        .current_dir(dir)
        .env("HOME", dir)
        .env("DOLT_ROOT_PATH", dir)
        .env("TZ", "UTC")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("an open file can be shared"))
        .stderr(log);
    let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let mark = top().join(format!("dolt-{}.pid", child.id()));
    let _ = fs::write(&mark, child.id().to_string());
    let mut process = Process { child, mark };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if process.child.try_wait().expect("the server is our child").is_some() {
            return None;
        }
        if Client::connect(port).is_ok_and(|mut client| client.query("SELECT 1").is_ok()) {
            return Some(process);
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    panic!("dolt sql-server does not answer after a minute; see {}", dir.join("log").display());
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// The statement in a line of the log (`query="..."`, escaped as in Go).
fn logged_query(line: &str) -> Option<String> {
    let rest = line.split_once(" query=")?.1;
    let Some(quoted) = rest.strip_prefix('"') else {
        return Some(rest.split(' ').next().unwrap_or_default().into());
    };
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(text),
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    None
}

/// `text` as one component of a URL.
pub fn percent_encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}
