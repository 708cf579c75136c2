//! Changes to stores next to a running server show soon, with and without the kernel's notifications.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::support::command::run;
use crate::support::files::{link, names, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::sql::Client;
use crate::support::{archives, eventually, histories, temp_dir};

/// How soon changes must show.
const FRESH: Duration = Duration::from_secs(2);

/// Locked by the test that takes all inotify instances that a user may have, and by those that need one.
static INSTANCES: Mutex<()> = Mutex::new(());

#[test]
fn news_of_watched_stores_show_soon() {
    let _instances = INSTANCES.lock().unwrap_or_else(|held| held.into_inner());
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = Mount::new(&[server.data().display().to_string()]);
    // data, tour, tour/.dolt and tour/.dolt/noms at least.
    assert!(mount.watched_folders() >= 4, "only {} watches", mount.watched_folders());
    everything_shows(&server, &mut client, &mount);
    assert!(!mount.log().contains("cannot be watched"), "{}", mount.log());
}

#[test]
fn news_show_soon_where_the_kernel_gives_no_watch() {
    let _instances = INSTANCES.lock().unwrap_or_else(|held| held.into_inner());
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    let mount = mount_without_watches(&[server.data().display().to_string()]);
    everything_shows(&server, &mut client, &mount);
    let log = mount.log();
    assert_eq!(log.matches("cannot be watched").count(), 1, "once, with the reason:\n{log}");
    assert!(log.contains("fs.inotify.max_user_instances"), "{log}");
}

#[test]
fn a_closed_archive_shows_soon() {
    let dir = temp_dir();
    let write = |name: &str| archives::write_zip(&dir.path().join(name), &[("t.jsonl", b"{}\n")]);
    write("2026-01-02T000000.zip");
    let mount = Mount::new(&[format!("db={}", dir.path().display())]);
    for day in 3..8 {
        write(&format!("2026-01-0{day}T000000.zip"));
        let latest = format!("asof/2026-01-0{day}T000000Z");
        eventually("the archive shows", FRESH, || (link(mount.path("db/latest")) == latest).then_some(()));
    }
}

/// Changes a mounted data folder in every way that a user of Dolt can, and waits for each to show.
fn everything_shows(server: &Server, client: &mut Client, mount: &Mount) {
    for minute in 10..14 {
        client.run(&[&*format!("INSERT INTO issues VALUES ('bd-{minute}','news','open')")]);
        client.commit("news", &format!("2026-02-01T00:{minute}:00"));
        shows(mount, "tour", &format!("2026-02-01T00{minute}00Z"));
    }
    client.run(&["CALL DOLT_BRANCH('news')"]);
    eventually("the branch shows", FRESH, || {
        names(mount.path("tour/branches")).contains(&"news".to_owned()).then_some(())
    });
    client.run(&["CALL DOLT_BRANCH('-D','news')"]);
    eventually("the branch is gone", FRESH, || {
        (!names(mount.path("tour/branches")).contains(&"news".to_owned())).then_some(())
    });
    client.run(&["INSERT INTO issues VALUES ('bd-99','only in the working set','open')"]);
    eventually("live/ shows it", FRESH, || {
        read_text(mount.path("tour/live/issues.jsonl")).contains("bd-99").then_some(())
    });
    histories::tour(client, "another");
    eventually("the database shows", FRESH, || (names(mount.root()) == ["another", "tour"]).then_some(()));
    client.run(&["DROP DATABASE another"]);
    eventually("the database is gone", FRESH, || (names(mount.root()) == ["tour"]).then_some(()));
    client.use_database("tour");
    client.run(&["CALL DOLT_GC()"]);
    let mut client = server.client();
    client.use_database("tour");
    client.commit("after the collection", "2026-03-01T00:00:00");
    shows(mount, "tour", "2026-03-01T000000Z");
    a_replaced_folder_shows(server, &mut client, mount);
}

/// Puts a complete folder next to the server's own, then replaces it by a newer one.
fn a_replaced_folder_shows(server: &Server, client: &mut Client, mount: &Mount) {
    let aside = temp_dir();
    let (shown, copy) = (server.data().join("copy"), aside.path().join("copy"));
    copy_of(&server.data().join("tour"), &copy);
    fs::rename(&copy, &shown).expect("both are ours");
    shows(mount, "copy", "2026-03-01T000000Z");
    client.commit("newer", "2026-04-01T00:00:00");
    copy_of(&server.data().join("tour"), &copy);
    fs::rename(&shown, aside.path().join("old")).expect("both are ours");
    fs::rename(&copy, &shown).expect("both are ours");
    shows(mount, "copy", "2026-04-01T000000Z");
}

fn copy_of(database: &Path, to: &Path) {
    run("cp").arg("-r").arg(database).arg(to).ok();
}

fn shows(mount: &Mount, database: &str, snapshot: &str) {
    let latest = mount.path(&format!("{database}/latest"));
    let is_there = || fs::read_link(&latest).is_ok_and(|target| target.ends_with(snapshot)).then_some(());
    eventually(&format!("{snapshot} shows in {database}"), FRESH, is_there);
}

/// Mounts while this user has no inotify instance left.
fn mount_without_watches(sources: &[String]) -> Mount {
    for _ in 0..10 {
        let taken = all_instances();
        let mount = Mount::new(sources);
        drop(taken);
        // Another test's mount may end meanwhile and release one.
        if mount.watched_folders() == 0 {
            return mount;
        }
    }
    panic!("the mount gets an instance of inotify whenever none is left");
}

fn all_instances() -> Vec<OwnedFd> {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").expect("Linux has inotify");
    let limit: usize = limit.trim().parse().expect("a number");
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).expect("up to the hard limit is allowed");
    let enough = files.current.is_none_or(|files| files > limit as u64 + 512);
    assert!(enough, "the limit on open files hides the one on inotify ({limit}): raise `ulimit -Hn`");
    (0..=limit).map_while(|_| inotify::init(CreateFlags::CLOEXEC).ok()).collect()
}
