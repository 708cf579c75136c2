//! Writers that change the database on the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use crate::support::oracle::{self, Moment};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::sql::Client;

const DATABASE: &str = "live";
/// The pause between two changes, because other tests need the machine too.
const PAUSE: Duration = Duration::from_millis(60);
/// The pause between two garbage collections.
const COLLECTED_EVERY: Duration = Duration::from_secs(5);
const TABLES: [&str; 3] = ["issues", "notes", "loose"];

/// Makes the database and its first commits.
pub fn prepare(server: &Server, ledger: &Ledger) {
    let mut client = server.client();
    client.new_database(DATABASE);
    let mut writer = Writer { server, ledger, client, branch: "main".into(), random: Random::new(1) };
    writer.record_head();
    writer.client.run(&[
        "CREATE TABLE issues (id int PRIMARY KEY, title varchar(60), body longtext, j json)",
        "CREATE TABLE notes (a varchar(10), b int, n decimal(9,2), PRIMARY KEY (b, a))",
        "CREATE TABLE loose (v int, w varchar(10))",
    ]);
    writer.client.run(&["CALL DOLT_COMMIT('-Am', 'tables')"]);
    writer.record_head();
    for _ in 0..5 {
        writer.change_and_commit();
    }
}

/// Commits on the main branch, and sometimes rewrites its history.
pub fn main_line(server: &Server, ledger: &Ledger, is_over: &AtomicBool) {
    let mut writer = Writer::new(server, ledger, "main", 2);
    while !is_over.load(Ordering::Relaxed) {
        match writer.random.below(12) {
            0 => writer.flatten(),
            1 => writer.amend(),
            _ => {
                writer.change_and_commit();
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Makes branches, commits on them, deletes them.
pub fn branches(server: &Server, ledger: &Ledger, is_over: &AtomicBool) {
    let mut writer = Writer::new(server, ledger, "main", 3);
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        let branch = format!("side/{number}");
        writer.switch("main");
        if !writer.try_run(&format!("CALL DOLT_CHECKOUT('-b', '{branch}')")) {
            continue;
        }
        writer.branch.clone_from(&branch);
        let mut own = Vec::new();
        for _ in 0..3 {
            own.extend(writer.change_and_commit());
            std::thread::sleep(PAUSE * 2);
        }
        writer.switch("main");
        ledger.doom(own);
        if writer.try_run(&format!("CALL DOLT_BRANCH('-D', '{branch}')")) {
            ledger.count(|tally| tally.branches_deleted += 1);
        }
    }
}

pub fn collections(server: &Server, ledger: &Ledger, is_over: &AtomicBool) {
    let mut last = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        if last.elapsed() > COLLECTED_EVERY {
            let _nobody_asks = ledger.collect();
            let mut client = server.client();
            client.use_database(DATABASE);
            let full = ledger.tally().collections % 3 == 2;
            client.run(&[if full { "CALL DOLT_GC('--full')" } else { "CALL DOLT_GC()" }]);
            ledger.count(|tally| tally.collections += 1);
            last = Instant::now();
        }
        std::thread::sleep(PAUSE);
    }
}

/// All commits that any branch reaches.
pub fn reachable(server: &Server) -> Vec<String> {
    let mut client = server.client();
    client.use_database(DATABASE);
    let mut commits: Vec<_> = client
        .texts("SELECT name FROM dolt_branches")
        .into_iter()
        .flat_map(|row| client.texts(&format!("SELECT commit_hash FROM dolt_log('{}')", row[0])))
        .map(|mut row| row.remove(0))
        .collect();
    commits.sort();
    commits.dedup();
    commits
}

/// A session on one branch that outlives collections, which end sessions.
struct Writer<'s> {
    server: &'s Server,
    ledger: &'s Ledger,
    client: Client,
    branch: String,
    random: Random,
}

impl<'s> Writer<'s> {
    fn new(server: &'s Server, ledger: &'s Ledger, branch: &str, seed: u64) -> Self {
        let client = server.client();
        let mut writer =
            Self { server, ledger, client, branch: branch.to_owned(), random: Random::new(seed) };
        writer.switch(branch);
        writer
    }

    /// Switches to a branch, in a new session if the old one has ended.
    fn switch(&mut self, branch: &str) {
        self.branch = branch.to_owned();
        let there = format!("USE `{DATABASE}/{branch}`");
        if self.client.query(&there).is_err() {
            let _no_collection = self.ledger.ask();
            self.client = self.server.client();
            self.client.run(&[&there]);
        }
    }

    /// Runs a statement and returns whether it worked. A collection or another session's change may make it fail.
    fn try_run(&mut self, sql: &str) -> bool {
        let is_done = self.client.query(sql).is_ok();
        if !is_done {
            let branch = self.branch.clone();
            self.client = {
                let _no_collection = self.ledger.ask();
                self.server.client()
            };
            self.switch(&branch);
        }
        is_done
    }

    /// Asks the server for the newest commit of the branch. Returns it if it is new.
    fn record_head(&mut self) -> Option<String> {
        let _no_collection = self.ledger.ask();
        // A collection may have ended the session meanwhile.
        self.client = self.server.client();
        self.client.use_database(&format!("{DATABASE}/{}", self.branch));
        let head = self.client.one("SELECT hashof('HEAD')");
        if self.ledger.knows(&head) {
            return None;
        }
        self.client.use_database(DATABASE);
        let files = oracle::files(&mut self.client, Moment::Ref(&head));
        self.client.use_database(&format!("{DATABASE}/{}", self.branch));
        self.ledger.record(&head, files);
        Some(head)
    }

    fn change(&mut self) {
        let (k, v) = (self.random.below(30), self.random.below(1_000_000));
        let table = *self.random.one_of(&TABLES);
        let sql = match table {
            "issues" => format!(
                "REPLACE INTO issues VALUES ({k}, 'title {v}', repeat('body {v} ', {}), json_object('v', {v}))",
                v % 700
            ),
            "notes" if v % 5 == 0 => format!("DELETE FROM notes WHERE b < {}", k / 3),
            "notes" => format!("REPLACE INTO notes VALUES ('k{}', {k}, {v} / 100)", v % 3),
            _ => format!("INSERT INTO loose VALUES ({k}, 'w{}'), ({k}, 'w{}')", v % 4, v % 4),
        };
        self.try_run(&sql);
    }

    /// Returns the new commit, if there is one.
    fn change_and_commit(&mut self) -> Option<String> {
        self.change();
        // It may have succeeded even if it fails: the session may have ended afterwards.
        self.try_run("CALL DOLT_COMMIT('-Am', 'a change', '--allow-empty')");
        self.record_head()
    }

    /// The newest commits of the branch, newest first, without the first two commits of the history.
    fn newest(&mut self, count: usize) -> Vec<String> {
        let _no_collection = self.ledger.ask();
        self.client = self.server.client();
        self.client.use_database(&format!("{DATABASE}/{}", self.branch));
        let log = self.client.texts("SELECT commit_hash FROM dolt_log");
        let all = log.into_iter().map(|mut row| row.remove(0)).collect::<Vec<_>>();
        all[..all.len() - 2].iter().take(count).cloned().collect()
    }

    /// Squashes the last few commits into one.
    fn flatten(&mut self) {
        let last = self.newest(3);
        let steps = last.len();
        self.ledger.doom(last);
        if self.try_run(&format!("CALL DOLT_RESET('--soft', 'HEAD~{steps}')")) {
            self.try_run("CALL DOLT_COMMIT('-Am', 'flattened', '--allow-empty')");
            self.ledger.count(|tally| tally.rewritten += 1);
        }
        self.record_head();
    }

    fn amend(&mut self) {
        let last = self.newest(1);
        self.ledger.doom(last);
        self.change();
        if self.try_run("CALL DOLT_COMMIT('--amend', '-am', 'amended')") {
            self.ledger.count(|tally| tally.rewritten += 1);
        }
        self.record_head();
    }
}
