//! A database of a real Dolt server: over the server, from its files, and pushed into a git repository.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use asof::files::root::Links;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};
use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use asof::source::{Capabilities, Source};

use super::{all_files, damage_needle, restrict};
use crate::fixture::{Calendar, Fixture, HOSTILE, Tables, sql};
use crate::support::command::run;
use crate::support::git::{add_remote, bare};
use crate::support::server::Server;
use crate::support::sql::{Client, ident};
use crate::support::temp_dir;

/// Where Dolt keeps its data in a git repository.
const REF: &str = "refs/dolt/data";

/// The server that all tests that run at the same time share.
fn server() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// A database of the shared server.
struct Database {
    server: Arc<Server>,
    client: Client,
    name: String,
    calendar: Calendar,
}

impl Database {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("beads{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let server = server();
        let mut client = server.client();
        client.new_database(&name);
        Self { server, client, name, calendar: Calendar::default() }
    }

    fn folder(&self) -> PathBuf {
        self.server.data().join(&self.name)
    }

    fn write(&mut self, tables: &Tables) {
        for (name, _) in tables.each() {
            let columns = "(id int PRIMARY KEY, title varchar(200))";
            self.client.rows(&format!("CREATE TABLE IF NOT EXISTS {name} {columns}"));
        }
        for statement in sql(tables) {
            self.client.rows(&statement);
        }
    }

    fn commit(&mut self, tables: &Tables) {
        self.write(tables);
        let date = self.calendar.next("%Y-%m-%dT%H:%M:%S");
        let author = "'--author', 'Test <test@example.com>'";
        self.client.rows(&format!("CALL DOLT_COMMIT('-Am', 'a commit', {author}, '--date', '{date}')"));
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        let table = |name: &str| format!("CREATE TABLE {} (id int PRIMARY KEY)", ident(name));
        // Dolt refuses some of the names.
        let held = HOSTILE.iter().filter(|name| self.client.query(&table(name)).is_ok()).count();
        self.commit(tables);
        held
    }

    fn tag(&mut self) {
        self.client.rows("CALL DOLT_TAG('v1.0')");
    }

    fn branch(&mut self) {
        self.client.rows("CALL DOLT_BRANCH('other')");
    }

    fn lose(&mut self) {
        self.client.rows("CALL DOLT_RESET('--hard', 'HEAD~1')");
    }
}

fn path(table: &str) -> Option<String> {
    Some(format!("{table}.jsonl"))
}

fn open_store(folder: &std::path::Path, options: DoltStoreOptions) -> Arc<dyn Source> {
    let source = DoltStoreSource::open(folder, options);
    Arc::new(source.unwrap_or_else(|error| panic!("{} {:?}", error.chain(), error.hint)))
}

/// The capabilities of a source that reads a Dolt store's files.
const OF_A_STORE: Capabilities = Capabilities {
    working_set: true,
    sql_dump: true,
    versions: true,
    commits: true,
    branches: true,
    tags: true,
    lost_commits: true,
    permissions: true,
};

/// A database asked over its server.
pub struct OverServer(Database);

impl Fixture for OverServer {
    fn new() -> Self {
        Self(Database::new())
    }

    fn expected(&self) -> Capabilities {
        Capabilities { lost_commits: false, permissions: false, ..OF_A_STORE }
    }

    fn is_watched(&self) -> bool {
        false
    }

    fn open(&self) -> Arc<dyn Source> {
        let source = DoltSqlSource::new(&self.0.server.url(&self.0.name), DoltOptions::default());
        Arc::new(source.expect("the URL is right"))
    }

    fn commit(&mut self, tables: &Tables) {
        self.0.commit(tables);
    }

    fn path(&self, table: &str) -> Option<String> {
        path(table)
    }

    fn change_working_set(&mut self, tables: &Tables) {
        self.0.write(tables);
    }

    fn tag(&mut self) {
        self.0.tag();
    }

    fn branch(&mut self) {
        self.0.branch();
    }

    /// Damage is for the server to find.
    fn damage(&mut self) -> bool {
        false
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        self.0.commit_hostile(tables)
    }
}

/// The files of a database, while its server runs.
pub struct Store(Database);

impl Fixture for Store {
    fn new() -> Self {
        Self(Database::new())
    }

    fn expected(&self) -> Capabilities {
        OF_A_STORE
    }

    fn open(&self) -> Arc<dyn Source> {
        open_store(&self.0.folder(), DoltStoreOptions::default())
    }

    fn commit(&mut self, tables: &Tables) {
        self.0.commit(tables);
    }

    fn path(&self, table: &str) -> Option<String> {
        path(table)
    }

    fn change_working_set(&mut self, tables: &Tables) {
        self.0.write(tables);
    }

    fn tag(&mut self) {
        self.0.tag();
    }

    fn branch(&mut self) {
        self.0.branch();
    }

    fn lose(&mut self) {
        self.0.lose();
    }

    fn share(&mut self) {
        run("chmod").args(["-R", "go+rX"]).arg(self.0.folder()).ok();
    }

    fn restrict(&mut self) {
        restrict(&self.0.folder());
    }

    fn damage(&mut self) -> bool {
        all_files(&self.0.folder()).iter().filter(|file| damage_needle(file)).count() > 0
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        self.0.commit_hostile(tables)
    }
}

/// A database that is pushed into a git repository after each commit.
pub struct StoreInGit {
    database: Database,
    folder: tempfile::TempDir,
}

impl StoreInGit {
    fn push(&mut self, options: &str) {
        self.database.client.rows(&format!("CALL DOLT_PUSH({options})"));
    }
}

impl Fixture for StoreInGit {
    fn new() -> Self {
        let (mut database, folder) = (Database::new(), temp_dir());
        let repository = bare(folder.path());
        database.client.rows(&add_remote("origin", &repository));
        Self { database, folder }
    }

    fn expected(&self) -> Capabilities {
        Capabilities { working_set: false, ..OF_A_STORE }
    }

    fn is_watched(&self) -> bool {
        false
    }

    fn open(&self) -> Arc<dyn Source> {
        let reference = DoltStoreSource::named_in_git(self.folder.path(), Links::Beneath, REF);
        open_store(self.folder.path(), DoltStoreOptions { reference, ..DoltStoreOptions::default() })
    }

    fn commit(&mut self, tables: &Tables) {
        self.database.commit(tables);
        self.push("'origin', 'main'");
    }

    fn path(&self, table: &str) -> Option<String> {
        path(table)
    }

    fn tag(&mut self) {
        self.database.tag();
        self.push("'origin', 'v1.0'");
    }

    fn branch(&mut self) {
        self.database.branch();
        self.push("'origin', 'other'");
    }

    fn lose(&mut self) {
        self.database.lose();
        self.push("'--force', 'origin', 'main'");
    }

    fn restrict(&mut self) {
        restrict(self.folder.path());
    }

    /// Git packs what Dolt pushes, so damage is tested on unpacked stores.
    fn damage(&mut self) -> bool {
        false
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        let held = self.database.commit_hostile(tables);
        self.push("'origin', 'main'");
        held
    }
}
