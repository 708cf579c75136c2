//! Several sources of one database form one timeline.

use std::fs;

use crate::support::files::{errno, link, names, read, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{archives, temp_dir, tree};

const EXPORT: &[u8] = b"{\"id\":1,\"from\":\"archive\"}\n";

/// A server whose history begins on 2026-01-10, and a folder of hourly exports from 2026-01-05 on that the server does not
/// have; one of them has the exact time of a commit.
fn both() -> (Server, tempfile::TempDir) {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("flat");
    client.run(&[
        "CREATE TABLE issues (id int PRIMARY KEY, `from` varchar(20))",
        "INSERT INTO issues VALUES (1,'dolt')",
    ]);
    client.commit("one", "2026-01-10T00:00:00");
    client.run(&["INSERT INTO issues VALUES (2,'dolt')"]);
    client.commit("two", "2026-01-12T00:00:00");
    let dir = temp_dir();
    for time in ["20260105-1200", "20260110-0000", "20260111-0600"] {
        fs::write(dir.path().join(format!("flat-{time}.jsonl")), EXPORT).expect("the folder is ours");
    }
    (server, dir)
}

#[test]
fn archives_answer_for_what_the_server_has_lost() {
    let (server, dir) = both();
    let sources = [format!("flat={}", server.url("flat")), format!("flat={}", dir.path().display())];
    let mount = Mount::with(&["--timezone", "UTC"], &sources);
    assert_eq!(names(mount.root()), ["flat"]);
    let at = |time: &str| read_text(mount.path(&format!("flat/asof/{time}/issues.jsonl")));
    let (archive, one) = ("{\"id\":1,\"from\":\"archive\"}\n", "{\"id\":1,\"from\":\"dolt\"}\n");
    let two = format!("{one}{{\"id\":2,\"from\":\"dolt\"}}\n");
    assert_eq!(errno(fs::metadata(mount.path("flat/asof/2026-01-05"))), libc::ENOENT);
    assert_eq!(at("2026-01-05T12:00"), archive, "before the server's history");
    assert_eq!(at("2026-01-09T23:59"), archive);
    assert_eq!(at("2026-01-10"), one, "the live database wins the tie");
    assert_eq!(at("2026-01-11T05:59"), one);
    assert_eq!(at("2026-01-11T06:00"), archive, "the newest candidate wins");
    assert_eq!(at("2026-01-11T23:59"), archive);
    assert_eq!(at("2026-01-12"), two);
    assert_eq!(at("now"), two);
    assert!(link(mount.path("flat/latest")).starts_with("asof/2026-01-12"));
    let log = tree::log(&mount.path("flat"));
    let sources: Vec<&str> = log.iter().filter_map(|s| s.line["source"].as_str()).collect();
    assert!(sources.iter().any(|s| s.contains(&server.port.to_string())), "{sources:?}");
    assert!(sources.iter().any(|s| s.contains(&*dir.path().to_string_lossy())), "{sources:?}");
    // Three exports, two commits and the server's initial one, each under its own name.
    assert_eq!(names(mount.path("flat/asof")).len(), 6);
    for snapshot in &log {
        assert!(fs::metadata(mount.path("flat").join(&snapshot.path)).is_ok(), "{}", snapshot.path);
    }
}

#[test]
fn the_order_of_the_sources_does_not_matter() {
    let (server, dir) = both();
    let sources = [format!("flat={}", dir.path().display()), format!("flat={}", server.url("flat"))];
    let mount = Mount::with(&["--timezone", "UTC"], &sources);
    let one = b"{\"id\":1,\"from\":\"dolt\"}\n";
    assert_eq!(read(mount.path("flat/asof/2026-01-10/issues.jsonl")), one);
    assert_eq!(read(mount.path("flat/asof/2026-01-11T07:00/issues.jsonl")), EXPORT);
}

#[test]
fn two_folders_of_zips_merge() {
    let (a, b) = (temp_dir(), temp_dir());
    archives::write_zip(&a.path().join("2026-01-01T000000.zip"), &[("t.jsonl", b"{\"a\":1}\n")]);
    archives::write_zip(&b.path().join("2026-01-02T000000.zip"), &[("t.jsonl", b"{\"b\":1}\n")]);
    let mount = Mount::new(&[format!("m={}", a.path().display()), format!("m={}", b.path().display())]);
    assert_eq!(names(mount.path("m/asof")), ["2026-01-01T000000Z", "2026-01-02T000000Z"]);
    assert_eq!(read_text(mount.path("m/asof/2026-01-01T12:00/t.jsonl")), "{\"a\":1}\n");
    assert_eq!(read_text(mount.path("m/latest/t.jsonl")), "{\"b\":1}\n");
}
