//! The stores to damage: one history in every kind of file.

use std::fs;
use std::path::{Path, PathBuf};

use super::truth::Truth;
use crate::support::command::run;
use crate::support::server::{Dolt, Server};
use crate::support::sql::Client;
use crate::support::temp_dir;

pub const NAME: &str = "db";

/// A store, and everything that may ever be read from it.
pub struct Sample {
    /// The version of Dolt that made it.
    pub dolt: Dolt,
    /// The folder that contains the database.
    pub folder: tempfile::TempDir,
    /// Its contents at each step of its history.
    pub truth: Truth,
}

/// A history in a journal; in table files of two generations and a journal; in archives with dictionaries and a
/// journal; and one by the newest Dolt, whose long values are adaptive, in table files and a journal.
pub fn samples() -> Vec<Sample> {
    let mut server = Server::start();
    let mut history = History::begin(&server);
    let journal = history.sample();
    history.collect(&server);
    history.go_on("after a collection");
    let generations = history.sample();
    history.collect(&server);
    let History { database, mut truth, .. } = history;
    server.kill();
    // A collection makes archives without dictionaries; this command makes them with dictionaries.
    let home = temp_dir();
    let dolt = |args: &[&str]| {
        run(Dolt::Pinned.program()).args(args).dir(&database).env("DOLT_ROOT_PATH", home.path()).ok()
    };
    dolt(&["config", "--global", "--add", "user.name", "Test"]);
    dolt(&["config", "--global", "--add", "user.email", "test@example.com"]);
    let said = dolt(&["archive", "--purge"]);
    dolt(&["sql", "-q", "UPDATE issues SET status = 'archived' WHERE id < 20"]);
    truth.note(&database);
    dolt(&["commit", "-am", "after archiving"]);
    truth.note(&database);
    let archives = sample_of(Dolt::Pinned, &database, &truth);
    let samples = vec![journal, generations, archives, by_the_newest()];
    let kinds: Vec<_> = samples.iter().map(|sample| kinds(sample.folder.path())).collect();
    let expected = [(true, 0, 0), (true, 2, 0), (true, 2, 1), (true, 2, 0)];
    assert_eq!(kinds, expected, "journal, table files, archives: {said}");
    samples
}

fn by_the_newest() -> Sample {
    let server = Server::start_as(Dolt::New, None);
    let mut history = History::begin(&server);
    history.collect(&server);
    history.go_on("after a collection");
    history.sample()
}

struct History {
    dolt: Dolt,
    client: Client,
    database: PathBuf,
    truth: Truth,
}

impl History {
    /// Begins the history on a new server.
    fn begin(server: &Server) -> Self {
        let (client, database) = (server.client(), server.data().join(NAME));
        let mut history = Self { dolt: server.dolt, client, database, truth: Truth::default() };
        history.client.new_database(NAME);
        history.note();
        history.first_steps();
        history
    }

    fn note(&mut self) {
        self.truth.note(&self.database);
    }

    /// Makes one change and commits it: damage may lead back to each such state.
    fn step(&mut self, sql: &str) {
        self.client.run(&[sql]);
        self.note();
        self.client.run(&["CALL DOLT_COMMIT('-Am', 'a step', '--skip-empty')"]);
        self.note();
    }

    fn first_steps(&mut self) {
        self.step("CREATE TABLE issues (id int PRIMARY KEY, status varchar(20), title varchar(80), body longtext, j json)");
        let row = |at: usize| format!("({at},'open','title {at} {}',null,'{{\"n\": {at}}}')", at * 7919);
        let rows: Vec<_> = (0..150).map(row).collect();
        self.step(&format!("INSERT INTO issues VALUES {}", rows.join(",")));
        self.step("UPDATE issues SET body = repeat(concat(id, ' ', title, '\\n'), 400) WHERE id IN (3, 70)");
        self.step(
            "UPDATE issues SET j = json_object('a', repeat('json ', 900), 'b', id) WHERE id IN (5, 71)",
        );
        self.step("CREATE TABLE loose (v int, w varchar(10))");
        self.step("INSERT INTO loose VALUES (1,'x'),(1,'x'),(2,null)");
        self.step("CREATE TABLE parents (id int PRIMARY KEY, d decimal(10,3), at datetime(6), b blob)");
        self.step("INSERT INTO parents VALUES (1,1.5,'2026-01-02 03:04:05.000006',x'00ff'),(2,-0.001,null,repeat('b',5000))");
        self.step(
            "CREATE TABLE children (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parents(id))",
        );
        self.step("INSERT INTO children VALUES (1,1),(2,2)");
        self.client.run(&["CALL DOLT_BRANCH('side/one', 'HEAD~3')"]);
        self.note();
        self.client.run(&["CALL DOLT_TAG('v1', 'HEAD~2')"]);
        self.note();
        self.go_on("before any collection");
    }

    fn go_on(&mut self, status: &str) {
        self.step(&format!("UPDATE issues SET status = '{}' WHERE id BETWEEN 40 AND 60", &status[..12]));
        self.client.run(&["INSERT INTO loose VALUES (3,'not yet')"]);
        self.note();
    }

    fn collect(&mut self, server: &Server) {
        self.client.run(&["CALL DOLT_GC('--archive-level', '0')"]);
        // A collection ends every session on the server.
        self.client = server.client();
        self.client.use_database(NAME);
        self.note();
    }

    fn sample(&self) -> Sample {
        sample_of(self.dolt, &self.database, &self.truth)
    }
}

fn sample_of(dolt: Dolt, database: &Path, truth: &Truth) -> Sample {
    let folder = temp_dir();
    let own = folder.path().join(NAME).join(".dolt");
    copy(&database.join(".dolt/noms"), &own.join("noms"));
    fs::copy(database.join(".dolt/repo_state.json"), own.join("repo_state.json"))
        .expect("every database has it");
    let mut truth = truth.clone();
    truth.settle(&folder.path().join(NAME));
    Sample { dolt, folder, truth }
}

/// Whether there is a journal, and the numbers of table files and of archives with a dictionary.
fn kinds(folder: &Path) -> (bool, usize, usize) {
    let (mut has_journal, mut tables, mut archives) = (false, 0, 0);
    for (path, bytes) in files(folder) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are ASCII");
        match name {
            JOURNAL => has_journal = !bytes.is_empty(),
            name if name.ends_with(".darc") => archives += usize::from(has_dictionary(&bytes)),
            name => tables += usize::from(name.len() == JOURNAL.len()),
        }
    }
    (has_journal, tables, archives)
}

const JOURNAL: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
/// The bytes after the index of a table file.
const TABLE_FOOTER: usize = 20;
/// The bytes per chunk in the index of a table file.
const TABLE_ENTRY: usize = 28;

/// Whether a byte of a file belongs to one chunk only: in the journal, or in the blocks of a table file.
pub fn is_one_chunk(path: &Path, bytes: &[u8], at: usize) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).expect("names are ASCII");
    if name == JOURNAL {
        return true;
    }
    if name.len() != JOURNAL.len() {
        return false;
    }
    let footer = &bytes[bytes.len() - TABLE_FOOTER..];
    let count = u32::from_be_bytes(footer[..4].try_into().expect("4 bytes")) as usize;
    at < bytes.len() - TABLE_FOOTER - count * TABLE_ENTRY
}

/// Whether any chunk of an archive of version 3 needs a dictionary: then the first span of its pair is not zero.
fn has_dictionary(bytes: &[u8]) -> bool {
    let footer = &bytes[bytes.len() - 220..];
    let number = |at: usize| u32::from_be_bytes(footer[at..at + 4].try_into().expect("4 bytes")) as usize;
    let (index_len, spans, chunks, metadata) = (number(4), number(8), number(12), number(16));
    assert_eq!((footer[212], &footer[213..]), (3, &b"DOLTARC"[..]), "an archive of version 3");
    let index = bytes.len() - 220 - metadata - index_len;
    let pairs = index + 8 * spans + 8 * chunks;
    bytes[pairs..pairs + 8 * chunks].chunks(8).any(|pair| pair[..4] != [0; 4])
}

pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is ours") {
            let path = entry.expect("the folder is ours").path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let bytes = fs::read(&path).expect("the folder is ours");
                    found.push((path, bytes));
                }
            }
        }
    }
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let path = to.join(path.strip_prefix(from).expect("it is below"));
        fs::create_dir_all(path.parent().expect("it is below")).expect("the folder is ours");
        fs::write(path, bytes).expect("the folder is ours");
    }
}
