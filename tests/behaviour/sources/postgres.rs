//! A folder of dumps that `pg_dump -Fc` wrote.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use asof::source::{Capabilities, Source};

use super::{Archives, damage_middle};
use crate::fixture::{Fixture, HOSTILE, Tables, sql};
use crate::support::postgres::Server;

const TABLES: &str = "CREATE TABLE issues (id integer PRIMARY KEY, title text);
    CREATE TABLE notes (id integer PRIMARY KEY, title text);";

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

/// Dumps of a database of its own.
pub struct Dumps {
    archives: Archives,
    server: Arc<Server>,
    database: String,
    tags: u32,
}

impl Dumps {
    fn dump(&mut self) {
        let bytes = self.server.dump(&self.database, &[]);
        let name = format!("v0.{}_%Y%m%d_%H%M%S.dump", self.tags);
        self.archives.add(&name, |path| fs::write(path, bytes).expect("the folder is ours"));
    }
}

impl Fixture for Dumps {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let database = format!("app{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let server = server();
        server.create(&database, TABLES);
        Self { archives: Archives::new(), server, database, tags: 1 }
    }

    fn expected(&self) -> Capabilities {
        Capabilities { tags: true, permissions: true, ..Capabilities::default() }
    }

    fn open(&self) -> Arc<dyn Source> {
        self.archives.open()
    }

    fn commit(&mut self, tables: &Tables) {
        self.server.load(&self.database, &format!("BEGIN; {}; COMMIT;", sql(tables).join(";\n")));
        self.dump();
    }

    fn path(&self, table: &str) -> Option<String> {
        Some(format!("public/{table}.jsonl"))
    }

    fn key(&self) -> Option<Vec<String>> {
        None
    }

    fn tag(&mut self) {
        // The tag is part of the name of the newest dump.
        let newest = self.archives.newest();
        let name = newest.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let (_, time) = name.split_once('_').expect("tag and time");
        fs::rename(&newest, newest.with_file_name(format!("v1.0_{time}"))).expect("the folder is ours");
    }

    fn restrict(&mut self) {
        self.archives.restrict();
    }

    fn damage(&mut self) -> bool {
        damage_middle(&self.archives.newest());
        true
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        let table = |name: &&str| format!("CREATE TABLE \"{name}\" (id integer PRIMARY KEY);");
        let more: Vec<String> = HOSTILE.iter().map(table).collect();
        self.server.load(&self.database, &more.join("\n"));
        self.commit(tables);
        HOSTILE.len()
    }
}
