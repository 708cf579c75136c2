//! A real PostgreSQL server in its own folder, on a socket there.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// The server refuses to run as root, so it runs as nobody then.
const NOBODY: u32 = 65534;

const SUPERUSER: &str = "asof_test";

/// A running server. Killed when dropped.
pub struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    process: Child,
    /// Marks the server for `make test`, in case this process is killed.
    mark: Option<PathBuf>,
}

/// The folder with the programs of the newest installed server: Debian keeps them out of PATH.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").map(|versions| versions.flatten().collect::<Vec<_>>());
    let number = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.unwrap_or_default().iter().map(fs::DirEntry::path).max_by_key(number);
    newest
        .map(|version| version.join("bin"))
        .filter(|programs| programs.join("initdb").is_file())
        .expect("/usr/lib/postgresql/*/bin/initdb: tests/setup/packages.sh check installs PostgreSQL")
}

impl Server {
    /// Starts a server without databases.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let programs = programs();
        if geteuid().is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let data = folder.path().join("data");
        let mut init = command(&programs.join("initdb"), folder.path());
        init.arg("-D").arg(&data).args(["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        stdout_of(init.args(["-U", SUPERUSER]));
        let log = fs::File::create(folder.path().join("log")).expect("the folder is ours");
        let mut server = command(&programs.join("postgres"), folder.path());
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses=", "-F"]);
        let process = server.stdout(Stdio::null()).stderr(log).spawn().expect("the server starts");
        let mark = std::env::var_os("ASOF_TEST_DIR").map(|top| {
            let mark = Path::new(&top).join(format!("postgres-{}.pid", process.id()));
            let _ = fs::write(&mark, process.id().to_string());
            mark
        });
        let server = Self { folder, programs, process, mark };
        server.wait();
        server
    }

    fn wait(&self) {
        let begun = Instant::now();
        while !self.client("pg_isready").output().is_ok_and(|output| output.status.success()) {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The environment by which client programs find the server.
    pub fn environment(&self) -> [(&'static str, OsString); 6] {
        [
            ("PGHOST", self.folder.path().into()),
            ("PGUSER", SUPERUSER.into()),
            ("PGTZ", "UTC".into()),
            ("PGOPTIONS", "".into()),
            ("TZ", "UTC".into()),
            ("LC_ALL", "C.UTF-8".into()),
        ]
    }

    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// One of the client programs, set up for this server.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs().join(program));
        command.envs(self.environment());
        command
    }

    /// Creates a database from these statements.
    pub fn create(&self, database: &str, statements: &str) {
        stdout_of(self.client("createdb").arg(database));
        self.load(database, statements);
    }

    pub fn load(&self, database: &str, statements: &str) {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), statements).expect("the file is ours");
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f"]).arg(file.path());
        stdout_of(&mut psql);
    }

    /// The rows of a query, unaligned, one value per row.
    pub fn query(&self, database: &str, query: &str) -> Vec<String> {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-A", "-t", "-0", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", query]);
        let output = String::from_utf8(stdout_of(&mut psql)).expect("it prints UTF-8");
        output.split_terminator('\0').map(str::to_owned).collect()
    }

    pub fn dump(&self, database: &str, options: &[&str]) -> Vec<u8> {
        let target = tempfile::NamedTempFile::new().expect("a temporary file");
        stdout_of(self.client("pg_dump").arg("-Fc").args(options).arg("-f").arg(target.path()).arg(database));
        fs::read(target.path()).expect("it was just written")
    }
}

/// The output of a program that must succeed.
fn stdout_of(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A command that is not run as root.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ends the server and its processes at once.
        let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        let begun = Instant::now();
        while self.process.try_wait().is_ok_and(|status| status.is_none()) {
            if begun.elapsed() > Duration::from_secs(10) {
                let _ = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Some(mark) = &self.mark {
            let _ = fs::remove_file(mark);
        }
    }
}
