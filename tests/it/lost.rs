//! Commits that no branch or tag reaches any more: lost/ shows them as long as the store still holds them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, openat};
use serde_json::Value;

use crate::support::files::{errno, names, read_all, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::sql::{Client, quote};
use crate::support::tree::{self, Snapshot, with_message};
use crate::support::{eventually, histories};

/// How soon lost and recovered commits must show: a poll, a scan, another poll, and a reserve for slow machines.
const SOON: Duration = Duration::from_secs(4);

/// The number of commits that are flattened.
const MANY: usize = 20;

/// Creates a database with [`MANY`] commits after a first one: new and changed rows, new tables. Returns the first
/// hash.
fn many(client: &mut Client, database: &str) -> String {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE issues (id int PRIMARY KEY, title text)",
        "CREATE TABLE still (id int PRIMARY KEY)",
        "INSERT INTO still VALUES (1)",
    ]);
    let first = client.commit("first", "2026-03-01T00:00:00");
    for n in 0..MANY {
        client.run(&[&format!("INSERT INTO issues VALUES ({n}, 'issue {n}')")]);
        if n % 5 == 0 {
            client
                .run(&[&format!("CREATE TABLE extra_{n} (a int)"), "UPDATE issues SET title = 'all alike'"]);
        }
        client.commit(&format!("step {n}"), &format!("2026-03-02T00:{n:02}:00"));
    }
    first
}

fn source(server: &Server, database: &str) -> Vec<String> {
    vec![server.data().join(database).display().to_string()]
}

/// The lost commits by hash: the folders, without the log.
fn lost(mount: &Mount, database: &str) -> Vec<String> {
    let mut names = names(mount.path(&format!("{database}/lost")));
    names.retain(|name| name != "log.jsonl");
    names
}

fn lost_log(mount: &Mount, database: &str) -> Vec<Value> {
    let text = read_text(mount.path(&format!("{database}/lost/log.jsonl")));
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn wait_for_scan(mount: &Mount) {
    eventually("the first scan ends", Duration::from_secs(20), || {
        mount.log().contains("looked through all").then_some(())
    });
}

#[test]
fn a_flattened_history_is_lost_and_not_gone() {
    let server = Server::start();
    let mut client = server.client();
    let first = many(&mut client, "flat");
    let mount = Mount::new(&source(&server, "flat"));
    wait_for_scan(&mount);
    assert_eq!(lost(&mount, "flat"), [""; 0], "nothing is lost yet");
    let steps = tree::log(&mount.path("flat")).into_iter();
    let steps = steps.filter(|s| s.line["message"].as_str().is_some_and(|m| m.starts_with("step")));
    let before: BTreeMap<String, Snapshot> = steps.map(|s| (s.commit.clone(), s)).collect();
    let contents: BTreeMap<String, BTreeMap<String, Vec<u8>>> =
        before.values().map(|s| (s.commit.clone(), read_all(mount.path("flat").join(&s.path)))).collect();
    assert_eq!(before.len(), MANY);
    let parents: BTreeMap<String, String> = client
        .texts("SELECT commit_hash, parent_hash FROM dolt_commit_ancestors WHERE parent_index = 0")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let inode =
        |path: PathBuf| fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).ino();
    let still = inode(mount.path("flat/asof/2026-03-01T000000Z/still.jsonl"));

    client.run(&[&format!("CALL DOLT_RESET('--soft', {})", quote(&first))]);
    client.commit("flattened", "2026-03-05T00:00:00");
    let hashes: Vec<String> = before.keys().cloned().collect();
    eventually("all that was flattened is in lost/", SOON, || (lost(&mount, "flat") == hashes).then_some(()));
    assert_eq!(names(mount.path("flat/asof")).len(), 3, "Dolt's own commit, the first and the flattened one");
    for (hash, files) in &contents {
        let folder = mount.path(&format!("flat/lost/{hash}"));
        assert_eq!(&read_all(&folder), files, "lost/{hash}, which was {}", before[hash].path);
        assert_eq!(inode(folder.join("still.jsonl")), still, "it never changed, so it is one file");
        let link = fs::read_link(mount.path(&format!("flat/asof/{hash}"))).expect("a hash is a name");
        assert_eq!(link, PathBuf::from(format!("../lost/{hash}")));
        assert_eq!(errno(fs::metadata(mount.path(&format!("flat/commits/{hash}")))), libc::ENOENT);
    }
    let log = lost_log(&mount, "flat");
    assert_eq!(log.len(), MANY);
    for (n, line) in log.iter().enumerate() {
        let hash = line["commit"].as_str().expect("a hash");
        assert_eq!(line["message"], format!("step {n}"));
        assert_eq!(line["time"], format!("2026-03-02T00:{n:02}:00Z"));
        for field in ["time", "commit", "author", "email", "message", "source", "tags"] {
            assert_eq!(line[field], before[hash].line[field], "{field} of {hash}");
        }
        assert_eq!(line["branches"], serde_json::json!([]));
        assert_eq!(line["path"], format!("lost/{hash}"));
        assert_eq!(line["parents"], serde_json::json!([parents[hash]]));
    }
    let shown = fs::metadata(mount.path("flat/latest/still.jsonl")).expect("it is there");
    assert_eq!((shown.ino(), shown.nlink()), (still, MANY as u64 + 3), "once more below live/");
    let remount = Mount::new(&source(&server, "flat"));
    eventually("a new mount finds them, too", SOON, || (lost(&remount, "flat") == hashes).then_some(()));
    for (hash, files) in &contents {
        for name in files.keys() {
            let path = format!("flat/lost/{hash}/{name}");
            assert_eq!(inode(remount.path(&path)), inode(mount.path(&path)), "{path}");
        }
    }
    assert!(tree::log(&remount.path("flat")).iter().all(|s| !before.contains_key(&s.commit)));
}

#[test]
fn a_deleted_branch_and_an_amended_commit_are_lost_until_a_name_reaches_them() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = Mount::new(&source(&server, "tour"));
    wait_for_scan(&mount);
    client.run(&["CALL DOLT_CHECKOUT('-b','side')", "INSERT INTO issues VALUES ('bd-7','aside','open')"]);
    let side = client.commit("on the side", "2026-04-01T00:00:00");
    client.run(&["CALL DOLT_CHECKOUT('main')"]);
    let beside = mount.path(&format!("tour/commits/{side}"));
    let files = eventually("the branch shows", SOON, || beside.exists().then(|| read_all(&beside)));
    assert!(String::from_utf8_lossy(&files["issues.jsonl"]).contains("aside"));
    let lost_at = mount.path(&format!("tour/lost/{side}"));
    assert!(!lost_at.exists());

    client.run(&["CALL DOLT_BRANCH('-D','side')"]);
    eventually("its commit is lost", SOON, || (lost(&mount, "tour") == [side.clone()]).then_some(()));
    assert_eq!(read_all(&lost_at), files);
    client.run(&[&format!("CALL DOLT_BRANCH('again', {})", quote(&side))]);
    eventually("it is found again", SOON, || lost(&mount, "tour").is_empty().then_some(()));
    assert_eq!(read_all(&beside), files);

    let amended = client.one("SELECT hash FROM dolt_branches WHERE name='main'");
    client.run(&[
        "CALL DOLT_BRANCH('-D','again')",
        "CALL DOLT_COMMIT('--amend','-m','said better','--date','2026-04-02T00:00:00')",
    ]);
    let mut both = [side, amended.clone()];
    both.sort();
    eventually("the amended commit is lost", SOON, || (lost(&mount, "tour") == both).then_some(()));
    // Created and lost between two polls.
    client.run(&["INSERT INTO issues VALUES ('bd-8','at once','open')"]);
    let made = client.commit("soon undone", "2026-04-03T00:00:00");
    client.run(&["CALL DOLT_RESET('--hard','HEAD~1')"]);
    eventually("that is lost, too", SOON, || lost(&mount, "tour").contains(&made).then_some(()));
    let log = tree::log(&mount.path("tour"));
    assert!(log.iter().all(|s| s.commit != amended && s.commit != made));
    assert_eq!(with_message(&log, "said better").time.as_second(), 1_775_088_000);
}

#[test]
fn what_is_collected_leaves_and_the_rest_lives_on() {
    let server = Server::start();
    let mut client = server.client();
    let first = many(&mut client, "flat");
    let mount = Mount::new(&source(&server, "flat"));
    wait_for_scan(&mount);
    client.run(&[&format!("CALL DOLT_RESET('--soft', {})", quote(&first))]);
    client.commit("flattened", "2026-03-05T00:00:00");
    eventually("all are lost", SOON, || (lost(&mount, "flat").len() == MANY).then_some(()));
    let hash = lost_log(&mount, "flat")[7]["commit"].as_str().expect("a hash").to_owned();
    let (folder, last) = (mount.path(&format!("flat/lost/{hash}")), lost(&mount, "flat")[0].clone());
    let dir = File::open(&folder).expect("it is there");
    let file = File::open(folder.join("issues.jsonl")).expect("it is there");
    let size = file.metadata().expect("it is open").len();
    let rest = read_all(mount.path("flat/latest"));

    let calls_gc = client.query("CALL DOLT_GC()");
    assert!(calls_gc.is_ok(), "{calls_gc:?}");
    // Garbage collection ends the sessions that saw the collected commits.
    let mut client = server.client();
    client.use_database("flat");
    eventually("what was collected leaves", SOON, || lost(&mount, "flat").is_empty().then_some(()));
    assert_eq!(lost_log(&mount, "flat").len(), 0);
    assert_eq!(errno(fs::metadata(mount.path(&format!("flat/lost/{last}")))), libc::ENOENT);
    let below = |name: &str| openat(&dir, name, OFlags::RDONLY, Mode::empty()).map(drop);
    assert_eq!(below("schema.sql"), Err(rustix::io::Errno::STALE));
    let listing = rustix::fs::Dir::read_from(&dir).and_then(|mut entries| entries.next().transpose());
    assert_eq!(listing.map(|_| ()), Err(rustix::io::Errno::STALE));
    // An open file is complete or fails; it is never truncated or changed.
    let mut bytes = Vec::new();
    match std::io::Read::read_to_end(&mut &file, &mut bytes) {
        Ok(read) => assert_eq!(read as u64, size),
        Err(error) => assert!(matches!(error.raw_os_error(), Some(libc::ESTALE | libc::EIO)), "{error}"),
    }
    assert_eq!(read_all(mount.path("flat/latest")), rest);
    client.run(&["INSERT INTO issues VALUES (99,'later')"]);
    client.commit("later", "2026-03-06T00:00:00");
    eventually("new commits show", SOON, || {
        // `latest` may move on between two calls about one path.
        let text = fs::read_to_string(mount.path("flat/latest/issues.jsonl"));
        text.is_ok_and(|text| text.contains("later")).then_some(())
    });
    assert_eq!(lost(&mount, "flat"), [""; 0]);
}

#[test]
fn only_a_store_has_a_folder_for_what_is_lost() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let over_sql = Mount::new(&[server.url("tour")]);
    assert!(!names(over_sql.path("tour")).contains(&"lost".to_owned()));
    assert_eq!(errno(fs::metadata(over_sql.path("tour/lost"))), libc::ENOENT);
    let from_files = Mount::new(&source(&server, "tour"));
    assert_eq!(names(from_files.path("tour/lost")), ["log.jsonl"]);
    assert_eq!(read_text(from_files.path("tour/lost/log.jsonl")), "");
}
