//! Branches, tags, commits and the log of a database.

use std::fs;

use jiff::Timestamp;

use crate::asof::agrees;
use crate::support::files::{link, names};
use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::oracle::{self, Moment};
use crate::support::server::Server;
use crate::support::sql::Client;
use crate::support::tree;

#[test]
fn branches_tags_and_commits() {
    let server = Server::start();
    let mut client = server.client();
    let hashes = histories::branching(&mut client, "b");
    let hash = |name: &str| hashes.iter().find(|(n, _)| *n == name).expect("the history names it").1.clone();
    let mount = Mount::new(&[server.url("b")]);
    let log = tree::log(&mount.path("b"));
    assert_eq!(names(mount.path("b/branches")), ["convoy", "feature", "main"]);
    assert_eq!(names(mount.path("b/tags")), ["beside", "open", "v1.0"]);
    let leads = |path: &str, commit: &str| {
        let target =
            fs::canonicalize(mount.path(&format!("b/{path}"))).unwrap_or_else(|e| panic!("{path}: {e}"));
        let at =
            log.iter().find(|s| s.commit == commit).unwrap_or_else(|| panic!("{commit} is not in the log"));
        assert_eq!(target, mount.path("b").join(&at.path), "{path}");
        if at.path != path {
            assert!(!link(mount.path(&format!("b/{path}"))).starts_with('/'), "{path} is relative");
        }
        agrees(&target, &oracle::files(&mut server_client(&server, "b"), Moment::Ref(commit)));
    };
    leads("branches/main", &client.one("SELECT hash FROM dolt_branches WHERE name='main'"));
    leads("branches/feature/one", &hash("side"));
    leads("branches/convoy/deep/er-bd1", &hash("lonely"));
    leads("tags/open/slug-1", &hash("side"));
    leads("tags/v1.0", &hash("base"));
    leads("tags/beside", &hash("lonely"));
    // Commits that only a side branch reaches have their own folders; the rest are symlinks.
    let beside = log.iter().find(|s| s.commit == hash("lonely")).expect("the log has every commit");
    assert_eq!(beside.path, format!("commits/{}", hash("lonely")));
    assert!(fs::symlink_metadata(mount.path(&format!("b/{}", beside.path))).expect("it is there").is_dir());
    assert!(!names(mount.path("b/asof")).contains(&beside.name), "only the main line is under asof/");
    for snapshot in &log {
        leads(&format!("commits/{}", snapshot.commit), &snapshot.commit.clone());
    }
    assert_eq!(names(mount.path("b/commits")).len(), log.len());
}

fn server_client(server: &Server, database: &str) -> Client {
    let mut client = server.client();
    client.use_database(database);
    client
}

#[test]
fn the_log_tells_each_snapshot() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let log = tree::log(&mount.path("tour"));
    let rows = client.texts("SELECT commit_hash, committer, email, date, message FROM dolt_log");
    assert_eq!(log.len(), rows.len());
    for row in rows {
        let line = &log.iter().find(|s| s.commit == row[0]).unwrap_or_else(|| panic!("no {}", row[0])).line;
        assert_eq!((line["author"].as_str(), line["email"].as_str()), (Some(&*row[1]), Some(&*row[2])));
        assert_eq!(line["message"].as_str(), Some(&*row[4]));
        let time: Timestamp = format!("{}Z", row[3]).parse().expect("a commit date");
        assert_eq!(line["time"].as_str().and_then(|t| t.parse().ok()), Some(time));
        assert!(line["source"].as_str().is_some_and(|s| s.contains(&server.port.to_string())), "{line}");
    }
    let of = |message: &str, key: &str| tree::with_message(&log, message).line[key].clone();
    assert_eq!(of("first issues", "tags"), serde_json::json!(["v1"]));
    assert_eq!(of("labels", "branches"), serde_json::json!(["convoy/docs-bd3"]));
    assert_eq!(of("drop bd-2", "branches"), serde_json::json!(["main"]));
    assert_eq!(of("close bd-1", "tags"), serde_json::json!([]));
    let listed: Vec<&str> = log.iter().map(|s| s.name.as_str()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(listed, sorted, "oldest first");
}
