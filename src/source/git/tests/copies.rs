//! Folders of copies with times in their names, made as Octopoid's scripts make them.

use super::*;

const FOLDER: &str = "project-management/db-snapshots";

const STATE: &str = ".orchestrator/state.db";

/// What the script that takes a copy does at `stamp`.
fn take(repo: &Repo, stamp: &str) -> String {
    fs::create_dir_all(repo.path.join(FOLDER)).unwrap();
    let name = format!("{FOLDER}/state-{stamp}.db");
    fs::copy(repo.path.join(STATE), repo.path.join(&name)).unwrap();
    repo.clock.set(repo.clock.get() + 600);
    repo.git(&["add", &name]);
    repo.git(&["commit", "-q", "-m", &format!("snapshot: orchestrator DB at {stamp}")]);
    repo.id("HEAD")
}

/// A repository with the work of a few days.
fn begun() -> Repo {
    let repo = Repo::new();
    repo.write(".gitignore", ".orchestrator/\n");
    repo.change("README.md", "code\n");
    repo.sqlite(STATE, "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE agents(name)");
    repo
}

fn add_task(repo: &Repo, title: &str) {
    repo.sqlite(STATE, &format!("INSERT INTO tasks(title) VALUES ('{title}')"));
}

/// The rows of `tasks` in a file of a commit, by `git show` and `sqlite3`.
fn rows(repo: &Repo, file: &str) -> String {
    let bytes = repo.git_bytes(&["show", file]);
    repo.write(".orchestrator/shown.db", bytes);
    let sql = "SELECT json_object('id', id, 'title', title) FROM tasks ORDER BY id";
    repo.sqlite(".orchestrator/shown.db", sql)
}

#[tokio::test]
async fn each_copy_is_a_snapshot_also_those_that_were_removed() {
    let repo = begun();
    let stamps = ["2026-01-10-120000", "2026-01-20-120000", "2026-02-10-083015"];
    let names = stamps.map(|stamp| format!("state-{stamp}.db"));
    let mut commits = Vec::new();
    for stamp in stamps {
        add_task(&repo, stamp);
        commits.push(take(&repo, stamp));
        repo.change("src/main.rs", stamp);
    }
    let one = database(&repo.open_at(FOLDER)).await;
    assert_eq!(one.name(), "state");
    let before = one.history().clone();

    // The oldest one goes, in the commit that brings a new copy.
    repo.shell(&format!("touch -d '40 days ago' {FOLDER}/{}", names[0]));
    add_task(&repo, "the last one");
    let stamp = "2026-02-11-090000";
    take(&repo, stamp);
    repo.shell(&format!("find {FOLDER} -name 'state-*.db' -mtime +30 -delete"));
    assert!(!repo.path.join(FOLDER).join(&names[0]).exists());
    repo.git(&["add", "-u", FOLDER]);
    repo.git(&["commit", "-q", "--amend", "--no-edit"]);
    commits.push(repo.id("HEAD"));

    let one = database(&repo.open_at(FOLDER)).await;
    let history = one.history();
    let newest = format!("state-{stamp}.db");
    let all = [&newest, &names[2], &names[1], &names[0]];
    assert_eq!(ids(&one), all.map(Clone::clone));
    assert_eq!(history.timeline[1..], before.timeline[..]);
    let expected = ["2026-02-11T09:00:00Z", "2026-02-10T08:30:15Z", "2026-01-20T12:00:00Z"];
    assert_eq!(times(&one)[..3], expected);
    for (meta, commit) in history.timeline.iter().rev().zip(&commits) {
        assert_eq!(meta.commit.as_deref(), Some(&**commit));
        assert_eq!((&*meta.author, &*meta.email), ("Someone", "someone@example.org"));
        assert_eq!(meta.message, repo.git(&["show", "-s", "--format=%B", commit]));
    }
    for (name, commit) in [&names[..], std::slice::from_ref(&newest)].concat().iter().zip(&commits) {
        let place = format!("{commit}:{FOLDER}/{name}");
        assert_eq!(paths(&one, name).await, ["agents.jsonl", "schema.sql", "state.db", "tasks.jsonl"]);
        assert_eq!(text(&one, name, "tasks.jsonl").await, rows(&repo, &place), "{name}");
        assert!(bytes(&one, name, "state.db").await == repo.git_bytes(&["show", &place]), "{name}");
    }
    assert_eq!(text(&one, &names[0], "tasks.jsonl").await.lines().count(), 1);

    // All of them are gone, and then the folder.
    repo.git(&["rm", "-q", "-r", FOLDER]);
    repo.write(&format!("{FOLDER}/.gitkeep"), "");
    repo.commit("all removed");
    assert_eq!(*database(&repo.open_at(FOLDER)).await.history(), *history);
    repo.git(&["rm", "-q", "-r", FOLDER]);
    repo.commit("and the folder");
    assert_eq!(*database(&repo.open_at(FOLDER)).await.history(), *history);
}

#[tokio::test]
async fn the_newest_bytes_of_a_name_count_and_equal_copies_are_one_content() {
    let repo = begun();
    add_task(&repo, "first");
    take(&repo, "2026-01-01-000000");
    take(&repo, "2026-01-02-000000");
    add_task(&repo, "second");
    let again = take(&repo, "2026-01-03-000000");
    add_task(&repo, "corrected");
    let corrected = take(&repo, "2026-01-03-000000");
    let id = "state-2026-01-03-000000.db";
    let source = repo.open_at(FOLDER);
    let one = database(&source).await;
    assert_eq!(text(&one, id, "tasks.jsonl").await, rows(&repo, &format!("{corrected}:{FOLDER}/{id}")));
    assert_ne!(text(&one, id, "tasks.jsonl").await, rows(&repo, &format!("{again}:{FOLDER}/{id}")));
    assert_eq!(one.history().timeline[0].commit.as_deref(), Some(&*corrected));
    let table = |id: &'static str| file(&one, id, "tasks.jsonl");
    let (a, b) = (table("state-2026-01-01-000000.db").await, table("state-2026-01-02-000000.db").await);
    assert_eq!((a.id, a.changed, a.links), (b.id, b.changed, 2));
    assert_eq!(a.changed, one.history().timeline[2].time);
    assert_eq!(table(id).await.links, 1);

    // What is new shows, and what is known stays.
    assert!(news(&source).await.is_none());
    add_task(&repo, "third");
    take(&repo, "2026-01-04-000000");
    assert_eq!(database(&source).await.history().timeline[1..], one.history().timeline[..]);
}

#[tokio::test]
async fn several_databases_exports_and_what_lies_beside_them() {
    let repo = Repo::new();
    repo.write("README.md", "Backups.\n");
    repo.sqlite("hq-2026-01-01-000000.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    repo.write("hq-2026-01-01-000000.db-wal", "");
    repo.write("beads-20260102-0300.jsonl", "{\"rows\":[{\"id\":1}]}\n");
    std::os::unix::fs::symlink("beads-20260102-0300.jsonl", repo.path.join("beads-latest.jsonl")).unwrap();
    repo.write("beads-20260103-0300.jsonl", "{\"id\":2}\n");
    repo.write("notes.txt", "one of five\n");
    let commit = repo.commit("all at once");
    let found = databases(&repo.open()).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["beads", "hq"]);
    let beads = &found["beads"];
    assert_eq!(ids(beads), ["beads-20260103-0300.jsonl", "beads-20260102-0300.jsonl"]);
    // One commit cannot stand for two snapshots of a database.
    assert!(beads.history().timeline.iter().all(|meta| meta.commit.is_none()));
    assert_eq!(found["hq"].history().timeline[0].commit.as_deref(), Some(&*commit));
    assert_eq!(paths(beads, "beads-20260102-0300.jsonl").await, ["issues.json", "issues.jsonl"]);
    assert_eq!(text(beads, "beads-20260102-0300.jsonl", "issues.jsonl").await, "{\"id\":1}\n");
    assert_eq!(paths(beads, "beads-20260103-0300.jsonl").await, ["issues.jsonl"]);
    assert_eq!(text(&found["hq"], "hq-2026-01-01-000000.db", "t.jsonl").await, "{\"a\":1}\n");

    let named = try_open(&repo.place(), Some("hq")).expect("it opens");
    assert_eq!(database(&named).await.name(), "hq");
    assert_says(&refused(&repo.place(), Some("x")).await, ErrorKind::Invalid, &[]);
}

#[tokio::test]
async fn a_folder_of_mostly_other_files_is_shown_as_it_is() {
    let repo = Repo::new();
    repo.sqlite("state-2026-01-01-000000.db", "CREATE TABLE t(a)");
    repo.write("main.rs", "fn main() {}\n");
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_eq!(ids(&one), [commit]);
}

#[tokio::test]
async fn a_copy_that_cannot_be_read_fails_alone() {
    let repo = begun();
    add_task(&repo, "first");
    take(&repo, "2026-01-01-000000");
    let lost = repo.loose(&repo.id(&format!("HEAD:{FOLDER}/state-2026-01-01-000000.db")));
    add_task(&repo, "second");
    let second = take(&repo, "2026-01-02-000000");
    // The tree of a commit in between is gone as well.
    let tree = repo.loose(&repo.id(&format!("{second}:{FOLDER}")));
    add_task(&repo, "third");
    take(&repo, "2026-01-03-000000");
    for object in [&lost, &tree] {
        fs::remove_file(object).expect("small objects are loose");
    }
    let one = database(&repo.open_at(FOLDER)).await;
    let names = ["2026-01-03", "2026-01-02", "2026-01-01"].map(|day| format!("state-{day}-000000.db"));
    assert_eq!(ids(&one), names);
    assert_eq!(paths(&one, &names[2]).await, ["schema.sql", "state.db"]);
    for path in ["schema.sql", "state.db"] {
        assert_says(&failure(&one, &names[2], path).await, ErrorKind::Missing, &[]);
    }
    let expected = rows(&repo, &format!("HEAD:{FOLDER}/{}", names[1]));
    assert_eq!(text(&one, &names[1], "tasks.jsonl").await, expected);
}

#[tokio::test]
async fn a_log_beside_a_copy_counts_also_after_both_were_removed() {
    let repo = Repo::new();
    let name = "state-2026-01-01-000000.db";
    let live = repo.folder.path().join("live.db");
    copy_in_use("CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT);", &live, &repo.path.join(name));
    repo.commit("a copy in use");
    let expected = "{\"id\":3,\"title\":\"in the log\"}\n";
    assert_eq!(text(&database(&repo.open()).await, name, "tasks.jsonl").await, expected);
    repo.git(&["rm", "-q", "-r", "."]);
    repo.sqlite("state-2026-02-01-000000.db", "CREATE TABLE tasks(id)");
    repo.commit("the next one");
    let one = database(&repo.open()).await;
    assert_eq!(ids(&one), ["state-2026-02-01-000000.db", name]);
    assert_eq!(text(&one, name, "tasks.jsonl").await, expected);
    assert_eq!(text(&one, "state-2026-02-01-000000.db", "tasks.jsonl").await, "");
}
