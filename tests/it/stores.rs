//! A store's own folder as the source, beside the server that is running on it.

use std::time::Duration;

use crate::support::files::{link, names, read_all, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{eventually, histories};

/// How soon news have to show.
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
