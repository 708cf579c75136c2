//! Sources that fail: a prompt EIO for data that only they hold, a line in the log, and everything else keeps working.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::files::{errno, names, read, read_text};
use crate::support::mount::Mount;
use crate::support::oracle::{self, Moment};
use crate::support::server::Server;
use crate::support::{archives, eventually, histories, temp_dir};

/// How long a read from a dead source may take before it fails.
const LIMIT: Duration = Duration::from_secs(35);

#[test]
fn a_server_that_dies_and_comes_back() {
    let mut server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T000000.zip"), &[("t.jsonl", b"{\"zip\":1}\n")]);
    let mount = Mount::new(&[server.url("tour"), format!("backup={}", dir.path().display())]);
    let known = mount.path("tour/asof/2026-01-05T120000Z/issues.jsonl");
    let unknown = mount.path("tour/asof/2026-01-07T200000Z/issues.jsonl");
    let content = read(&known);
    let wanted = oracle::render(&mut client, "issues", Moment::Ref("main"));
    drop(client);

    server.kill();
    let begun = Instant::now();
    assert_eq!(errno(fs::read(&unknown)), libc::EIO);
    assert!(begun.elapsed() < LIMIT, "the error took {:?}", begun.elapsed());
    assert_eq!(read(&known), content, "what was read before stays");
    assert_eq!(read_text(mount.path("backup/latest/t.jsonl")), "{\"zip\":1}\n", "other sources go on");
    assert_eq!(names(mount.path("tour/asof")).len(), 5, "listing goes on");
    let log = mount.log();
    assert!(log.contains(&server.port.to_string()), "the log names the source:\n{log}");

    server.start_again();
    let again = eventually("the table reads again", Duration::from_secs(20), || fs::read(&unknown).ok());
    assert_eq!(again, wanted);
    let mut client = server.client();
    client.use_database("tour");
    client.run(&["DELETE FROM labels"]);
    client.commit("after the crash", "2026-09-01T00:00:00");
    eventually("new commits show again", Duration::from_secs(20), || {
        names(mount.path("tour/asof")).contains(&"2026-09-01T000000Z".to_owned()).then_some(())
    });
}

#[test]
fn a_server_that_stops_answering() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T000000.zip"), &[("t.jsonl", b"{\"zip\":1}\n")]);
    let mount = Mount::new(&[server.url("tour"), format!("backup={}", dir.path().display())]);
    let frozen = server.freeze();
    let begun = Instant::now();
    let stuck = std::thread::spawn({
        let path = mount.path("tour/latest/issues.jsonl");
        move || fs::read(path)
    });
    std::thread::sleep(Duration::from_millis(300));
    let other = Instant::now();
    assert_eq!(read_text(mount.path("backup/latest/t.jsonl")), "{\"zip\":1}\n");
    assert_eq!(names(mount.path("tour/asof")).len(), 5);
    assert!(
        other.elapsed() < Duration::from_secs(2),
        "a stuck source held up the rest for {:?}",
        other.elapsed()
    );
    let outcome = stuck.join().expect("the reader does not panic");
    assert_eq!(errno(outcome), libc::EIO);
    assert!(begun.elapsed() < Duration::from_secs(90), "the error took {:?}", begun.elapsed());
    drop(frozen);
    eventually("it reads again", Duration::from_secs(40), || {
        fs::read(mount.path("tour/latest/issues.jsonl")).ok()
    });
}

#[test]
fn a_table_and_a_database_that_vanish() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    histories::tour(&mut client, "doomed");
    let mount = Mount::new(&[server.url("")]);
    let held = mount.path("doomed/asof/2026-01-05T120000Z/issues.jsonl");
    assert!(fs::metadata(&held).is_ok());
    let other = mount.path("doomed/asof/2026-01-07T200000Z/issues.jsonl");
    client.run(&["DROP DATABASE doomed"]);
    let failed = errno(fs::read(&other));
    assert!([libc::EIO, libc::ENOENT, libc::ESTALE].contains(&failed), "errno {failed}");
    assert!(read_text(mount.path("tour/latest/issues.jsonl")).contains("bd-1"));
    // A table dropped in a later commit stays in the earlier ones.
    client.run(&["USE tour", "DROP TABLE labels"]);
    client.commit("no labels", "2026-09-01T00:00:00");
    eventually("the table is gone from latest", Duration::from_secs(2), || {
        fs::metadata(mount.path("tour/latest/labels.jsonl")).err()
    });
    assert!(read_text(mount.path("tour/asof/2026-01-07T200000Z/labels.jsonl")).contains("bd-3"));
}

#[test]
fn a_view_that_no_longer_works_fails_alone() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    client.run(&["CREATE TABLE gone (a int)", "CREATE VIEW broken AS SELECT a FROM gone", "DROP TABLE gone"]);
    client.commit("a broken view", "2026-09-01T00:00:00");
    let mount = Mount::new(&[server.url("tour")]);
    let latest = mount.path("tour/latest");
    assert!(names(&latest).contains(&"issues.jsonl".to_owned()));
    assert!(read_text(latest.join("issues.jsonl")).contains("bd-1"));
    assert!(read_text(latest.join("schema.sql")).contains("broken"));
    if names(&latest).contains(&"broken.jsonl".to_owned()) {
        assert_eq!(errno(fs::read(latest.join("broken.jsonl"))), libc::EIO);
        assert!(mount.log().contains("broken"), "{}", mount.log());
    }
}

#[test]
fn an_archive_that_vanishes_or_is_replaced_while_mounted() {
    let dir = temp_dir();
    let path = |day: u8| dir.path().join(format!("beads-202601{day:02}-1200.jsonl"));
    for day in [1, 2, 3] {
        fs::write(path(day), archives::lines(2000, usize::from(day))).expect("the folder is ours");
    }
    let mount = Mount::with(&["--timezone", "UTC"], &[dir.path().to_str().expect("UTF-8")]);
    let file = |day: u8| mount.path(&format!("beads/asof/2026-01-{day:02}T120000Z/issues.jsonl"));
    fs::remove_file(path(1)).expect("it was there");
    let failed = errno(fs::read(file(1)));
    assert!([libc::EIO, libc::ENOENT, libc::ESTALE].contains(&failed), "errno {failed}");
    // Replaced by a longer file: readers see the old content or the new one, never a mixture or a truncated one.
    let longer = archives::lines(4000, 9);
    fs::write(path(2), &longer).expect("the folder is ours");
    let settled = eventually("the new content shows", Duration::from_secs(10), || {
        fs::read(file(2)).ok().filter(|got| *got == longer)
    });
    assert_eq!(settled.len() as u64, fs::metadata(file(2)).expect("it is there").len());
    assert_eq!(read(file(3)), archives::lines(2000, 3));
}
