//! A store's own folder as the source, while a server runs on it.

use std::fs;
use std::time::Duration;

use crate::support::files::{link, names, read_all, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{eventually, histories};

/// How soon changes must show.
const FRESH: Duration = Duration::from_secs(2);

#[test]
fn a_data_folder_is_mounted_beside_its_running_server() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let over_sql = Mount::new(&[server.url("")]);
    let from_files = Mount::new(&[server.data().display().to_string()]);
    for folder in ["tour/asof", "tour/commits", "tour/branches", "tour/tags"] {
        assert_eq!(names(from_files.path(folder)), names(over_sql.path(folder)), "{folder}");
    }
    for snapshot in names(over_sql.path("tour/asof")) {
        let snapshot = format!("tour/asof/{snapshot}");
        assert_eq!(read_all(from_files.path(&snapshot)), read_all(over_sql.path(&snapshot)), "{snapshot}");
    }
    client.run(&["INSERT INTO issues VALUES ('bd-90','only in the working set','open')"]);
    eventually("live/ shows it", FRESH, || {
        read_text(from_files.path("tour/live/issues.jsonl")).contains("bd-90").then_some(())
    });
    let before = link(from_files.path("tour/latest"));
    client.commit("one more", "2026-09-01T00:00:00");
    eventually("the commit shows", FRESH, || (link(from_files.path("tour/latest")) != before).then_some(()));
    assert!(read_text(from_files.path("tour/latest/issues.jsonl")).contains("bd-90"));
    histories::tour(&mut client, "another");
    eventually("the database shows", FRESH, || {
        (names(from_files.root()) == ["another", "tour"]).then_some(())
    });
}

#[test]
fn a_store_needs_no_server() {
    let mut server = Server::start();
    histories::tour(&mut server.client(), "tour");
    server.kill();
    let mount = Mount::new(&[server.data().join("tour").display().to_string()]);
    assert!(read_text(mount.path("tour/latest/issues.jsonl")).contains("bd-"));
}

#[test]
fn a_store_that_goes_away_stays_as_it_was_and_a_dropped_database_leaves() {
    let mut server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    histories::tour(&mut client, "other");
    server.kill();
    let (data, aside) = (server.data(), server.data().with_file_name("aside"));
    let noms = data.join("tour/.dolt/noms");
    let mount = Mount::new(&[data.display().to_string()]);
    let alone = Mount::new(&[data.join("tour").display().to_string()]);
    let whole = read_all(mount.path("tour/latest"));
    let warnings = |mount: &Mount| mount.log().matches("the store of tour is not there any more").count();
    // What is removed, what stays in its place, and which mounts notice.
    let absences: [(&std::path::Path, bool); 3] =
        [(&data, false), (&data, true), (&data.join("tour/.dolt"), false)];
    for (nth, (away, leaves_a_folder)) in absences.into_iter().enumerate() {
        fs::rename(away, &aside).expect("the folder is ours");
        if leaves_a_folder {
            fs::create_dir(away).expect("the folder is ours");
        }
        eventually("the log tells", Duration::from_secs(20), || (warnings(&alone) > nth).then_some(()));
        std::thread::sleep(2 * FRESH);
        assert_eq!(names(mount.root()), ["other", "tour"], "without {}", away.display());
        assert_eq!(names(alone.root()), ["tour"], "without {}", away.display());
        assert_eq!(read_all(mount.path("tour/latest")), whole);
        if leaves_a_folder {
            fs::remove_dir(away).expect("the folder is ours");
        }
        fs::rename(&aside, away).expect("the folder is ours");
        eventually("it is back", Duration::from_secs(20), || {
            (alone.log().matches("the source answers again").count() > nth).then_some(())
        });
    }
    // The journal replaces a missing manifest.
    fs::rename(noms.join("manifest"), &aside).expect("the folder is ours");
    eventually("the log tells", Duration::from_secs(20), || {
        alone.log().contains("the newest root that can be proven is shown").then_some(())
    });
    assert_eq!(read_all(mount.path("tour/latest")), whole);
    fs::rename(&aside, noms.join("manifest")).expect("the folder is ours");
    fs::rename(data.join("other"), &aside).expect("the folder is ours");
    eventually("a database that is taken away leaves", Duration::from_secs(20), || {
        (names(mount.root()) == ["tour"]).then_some(())
    });
    assert_eq!(read_all(mount.path("tour/latest")), whole);
}
