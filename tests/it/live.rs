//! Changes on the server show within two seconds; live/ shows the working set.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::files::{link, names, read_text};
use crate::support::mount::Mount;
use crate::support::oracle::{self, Moment};
use crate::support::server::Server;
use crate::support::{eventually, histories};

/// How soon changes must show.
const FRESH: Duration = Duration::from_secs(2);

#[test]
fn new_commits_branches_tags_and_databases_show_by_themselves() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = Mount::new(&[server.url("")]);
    // Look at everything first, so that a stale kernel cache would show.
    let before = names(mount.path("tour/asof"));
    let latest = link(mount.path("tour/latest"));
    assert_eq!(fs::metadata(mount.path("tour/asof/2026-09-01")).map(|m| m.is_dir()).ok(), Some(true));
    assert!(fs::metadata(mount.path("tour/branches/fresh")).is_err());
    assert!(fs::metadata(mount.path("tour/tags/t/new")).is_err());
    assert!(fs::metadata(mount.path("another")).is_err());

    client.run(&["INSERT INTO issues VALUES ('bd-9','fresh','open')"]);
    client.commit("fresh", "2026-08-01T00:00:00");
    eventually("the commit is listed", FRESH, || {
        (names(mount.path("tour/asof")).len() > before.len()).then_some(())
    });
    assert_eq!(link(mount.path("tour/latest")), "asof/2026-08-01T000000Z", "latest was {latest}");
    assert!(read_text(mount.path("tour/latest/issues.jsonl")).contains("bd-9"));
    assert!(read_text(mount.path("tour/asof/2026-09-01/issues.jsonl")).contains("bd-9"));
    assert!(read_text(mount.path("tour/log.jsonl")).contains("\"fresh\""));

    client.run(&["CALL DOLT_BRANCH('fresh','HEAD~1')", "CALL DOLT_TAG('t/new','HEAD')"]);
    eventually("the branch is there", FRESH, || fs::metadata(mount.path("tour/branches/fresh")).ok());
    eventually("the tag is there", FRESH, || fs::metadata(mount.path("tour/tags/t/new")).ok());
    assert_eq!(names(mount.path("tour/branches")), ["convoy", "fresh", "main"]);

    client.run(&["CALL DOLT_BRANCH('-D','fresh')", "CALL DOLT_TAG('-d','t/new')"]);
    eventually("the branch is gone", FRESH, || fs::symlink_metadata(mount.path("tour/branches/fresh")).err());
    eventually("the tag is gone", FRESH, || fs::symlink_metadata(mount.path("tour/tags/t/new")).err());

    histories::tour(&mut client, "another");
    eventually("the database is there", FRESH, || {
        fs::metadata(mount.path("another/latest/issues.jsonl")).ok()
    });
    assert_eq!(names(mount.root()), ["another", "tour"]);
    client.run(&["DROP DATABASE another"]);
    eventually("the database is gone", FRESH, || (names(mount.root()) == ["tour"]).then_some(()));
}

#[test]
fn an_open_file_keeps_the_content_it_was_opened_with() {
    use std::io::{Read, Seek};
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let mut file = fs::File::open(mount.path("tour/latest/issues.jsonl")).expect("the tour has issues");
    let mut first = String::new();
    file.read_to_string(&mut first).expect("it reads");
    client.run(&["DELETE FROM issues"]);
    client.commit("none left", "2026-09-01T00:00:00");
    eventually("the commit shows", FRESH, || {
        (link(mount.path("tour/latest")).contains("2026-09")).then_some(())
    });
    file.rewind().expect("files seek");
    let mut again = String::new();
    file.read_to_string(&mut again).expect("it reads");
    assert_eq!(first, again);
    assert_eq!(read_text(mount.path("tour/latest/issues.jsonl")), "");
}

#[test]
fn live_shows_what_is_not_committed() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    client.run(&["INSERT INTO dolt_ignore VALUES ('wisps', true), ('wisp_%', true)"]);
    client.commit("ignore", "2026-02-01T00:00:00");
    client.run(&[
        "CREATE TABLE wisps (id int PRIMARY KEY)",
        "INSERT INTO wisps VALUES (7)",
        "INSERT INTO issues VALUES ('bd-50','not committed','open')",
    ]);
    let mount = Mount::new(&[server.url("tour")]);
    let agrees = |client: &mut _| {
        let wanted = oracle::files(client, Moment::Working);
        let Some(shown) = read_moving(&mount.path("tour/live")) else { return false };
        wanted.iter().all(|(name, bytes)| shown.get(name) == Some(bytes)) && shown.len() == wanted.len() + 1
    };
    assert!(agrees(&mut client), "live/ is {:?}", names(mount.path("tour/live")));
    assert!(names(mount.path("tour/live")).contains(&"wisps.jsonl".to_owned()));
    assert!(!names(mount.path("tour/latest")).contains(&"wisps.jsonl".to_owned()));
    assert!(!read_text(mount.path("tour/latest/issues.jsonl")).contains("bd-50"));
    client.run(&[
        "UPDATE issues SET status='reopened'",
        "INSERT INTO wisps VALUES (8)",
        "CREATE TABLE more (a int)",
    ]);
    eventually("live/ follows", FRESH, || agrees(&mut client).then_some(()));
    client.run(&["DROP TABLE wisps", "DELETE FROM issues"]);
    eventually("live/ follows again", FRESH, || agrees(&mut client).then_some(()));
}

/// The files of a folder whose names change while it is read; `None` if one vanished meanwhile. An open file is one content:
/// its size matches the bytes that are read.
fn read_moving(dir: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    use std::io::Read;
    let read = |name: String| {
        let mut file = fs::File::open(dir.join(&name)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("an open file reads");
        let size = file.metadata().expect("an open file has a size").len();
        assert_eq!(size, bytes.len() as u64, "stat and read disagree on {name}");
        Some((name, bytes))
    };
    names(dir).into_iter().map(read).collect()
}
