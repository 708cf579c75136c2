//! A mount by root shows nothing from outside its sources, whatever an attacker writes to them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::command::run;
use crate::support::files::{errno, names, read_text};
use crate::support::mount::{Mount, asof, detach};
use crate::support::server::Server;
use crate::support::{archives, eventually, git, histories, temp_dir};

/// How soon changes must show.
const FRESH: Duration = Duration::from_secs(5);

const SECRET: &str = "only for root";

/// A source with one archive, and next to it a folder that only root may read.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: temp_dir() };
        fs::create_dir(place.at("source")).expect("the folder is ours");
        fs::create_dir(place.at("secret")).expect("the folder is ours");
        fs::set_permissions(place.at("secret"), fs::Permissions::from_mode(0o700))
            .expect("the folder is ours");
        fs::write(place.at("secret/dump.sql"), SECRET).expect("the folder is ours");
        fs::write(place.at("source/db-2026-01-01.sql"), "for all").expect("the folder is ours");
        place
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn mount(&self, args: &[&str]) -> Mount {
        Mount::with(args, &[self.at("source").display().to_string()])
    }
}

/// The text of everything that a tree shows, without unreadable files.
fn everything(folder: &Path) -> String {
    let mut text = String::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => todo.push(path),
                Ok(kind) if kind.is_file() => {
                    text += &String::from_utf8_lossy(&fs::read(path).unwrap_or_default());
                }
                _ => {}
            }
        }
    }
    text
}

#[test]
fn a_link_in_a_folder_of_archives_shows_nothing_from_elsewhere() {
    let place = Place::new();
    let mount = place.mount(&["-o", "allow_other"]);
    let target = place.at("secret/dump.sql");
    symlink(&target, place.at("source/db-2026-02-01.sql")).expect("the folder is ours");
    symlink("../secret/dump.sql", place.at("source/db-2026-02-02.sql")).expect("the folder is ours");
    // A file that sorts after the links is still listed.
    fs::write(place.at("source/db-2026-03-01.sql"), "for all").expect("the folder is ours");
    eventually("the new archive is listed", FRESH, || {
        names(mount.path("db/asof")).contains(&"2026-03-01T000000Z".to_owned()).then_some(())
    });
    assert_eq!(names(mount.path("db/asof")), ["2026-01-01T000000Z", "2026-03-01T000000Z"]);
    assert!(!everything(mount.root()).contains(SECRET));
    let log = mount.log();
    assert!(log.contains("db-2026-02-01.sql") && log.contains("--follow-links"), "{log}");
    drop(mount);
    let followed = place.mount(&["--follow-links"]);
    assert_eq!(read_text(followed.path("db/asof/2026-02-01T000000Z/db.sql")), SECRET);
    drop(followed);
    chown(place.at("secret/dump.sql"), Some(54_321), None).expect("the tests run as root");
    let strange = place.mount(&["-o", "follow_links"]);
    assert!(!everything(strange.root()).contains(SECRET), "its owner is neither root nor who mounts");
}

/// An attacker swaps a file for a link between asof's check and its open.
#[test]
fn an_archive_that_is_swapped_for_a_link_all_the_time_shows_no_secret() {
    let place = Place::new();
    let (file, aside) = (place.at("source/db-2026-01-01.sql"), place.at("source/aside"));
    let mount = place.mount(&["-o", "allow_other"]);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                fs::rename(&file, &aside).expect("the folder is ours");
                symlink(place.at("secret/dump.sql"), &file).expect("the folder is ours");
                fs::remove_file(&file).expect("the folder is ours");
                fs::rename(&aside, &file).expect("the folder is ours");
            }
        });
        for _ in 0..300 {
            let found = fs::read(mount.path("db/asof/2026-01-01T000000Z/db.sql")).unwrap_or_default();
            assert!(found.is_empty() || found == b"for all", "{}", String::from_utf8_lossy(&found));
        }
        is_done.store(true, Ordering::Relaxed);
    });
    eventually("the file is there again", FRESH * 2, || {
        fs::read(mount.path("db/asof/2026-01-01T000000Z/db.sql")).ok().filter(|found| found == b"for all")
    });
}

#[test]
fn a_log_beside_a_database_is_no_way_out() {
    let place = Place::new();
    let sqlite = |path: &Path, sql: &str| run("sqlite3").arg("-bail").arg(path).arg(sql).ok();
    let database = place.at("source/tasks-2026-01-02.db");
    sqlite(&database, "PRAGMA journal_mode=wal; CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('for all');");
    // A log that fits the database, and that only root may read.
    let secret = place.at("secret/tasks.db");
    fs::copy(&database, &secret).expect("the folder is ours");
    let script = format!("UPDATE t SET a = '{SECRET}';\n.shell cp {0}-wal {0}-kept\n", secret.display());
    run("sqlite3").arg("-bail").arg(&secret).input(script).ok();
    let log = place.at("secret/tasks.db-kept");
    assert!(fs::metadata(&log).expect("SQLite wrote one").len() > 32);
    symlink(&log, place.at("source/tasks-2026-01-02.db-wal")).expect("the folder is ours");
    let mount = place.mount(&[]);
    assert!(!everything(mount.root()).contains(SECRET));
    let table = fs::read(mount.path("tasks/asof/2026-01-02T000000Z/t.jsonl"));
    assert!(table.is_err(), "without its log, rows might be missing in silence");
    drop(mount);
    let followed = place.mount(&["--follow-links"]);
    assert!(everything(followed.root()).contains(SECRET), "the log is a real one");
}

#[test]
fn no_part_of_a_dolt_store_is_a_way_out() {
    let mut server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "mine");
    histories::tour(&mut client, "theirs");
    client.run(&[
        "USE theirs",
        &format!("INSERT INTO issues VALUES ('bd-77','{SECRET}','open')"),
        "CALL dolt_commit('-Am','more')",
    ]);
    server.kill();
    let data = server.data();
    let (mine, theirs) = (data.join("mine/.dolt/noms"), data.join("theirs/.dolt/noms"));
    let source = temp_dir();
    let shown = |what: &str| {
        let folder = source.path().join("data");
        let mount = Mount::new(&[folder.display().to_string()]);
        let text = everything(mount.root());
        assert!(!text.contains(SECRET), "{what}");
        mount
    };
    let copy = |from: &Path, to: &str| {
        let to = source.path().join("data").join(to);
        fs::create_dir_all(to.parent().expect("it has one")).expect("the folder is ours");
        run("cp").arg("-r").arg(from).arg(to).ok();
    };
    copy(&mine, "mine/.dolt/noms");
    // A whole database, its store, its old generation, and single files.
    let at = |path: &str| source.path().join("data").join(path);
    symlink(data.join("theirs"), at("linked")).expect("the folder is ours");
    fs::create_dir_all(at("half/.dolt")).expect("the folder is ours");
    symlink(&theirs, at("half/.dolt/noms")).expect("the folder is ours");
    fs::create_dir_all(at("files/.dolt/noms")).expect("the folder is ours");
    for entry in fs::read_dir(&theirs).expect("it is there").flatten() {
        symlink(entry.path(), at("files/.dolt/noms").join(entry.file_name())).expect("the folder is ours");
    }
    let mount = shown("links to stores, and to their files");
    assert_eq!(names(mount.root()), ["mine"]);
    assert!(mount.log().contains("--follow-links"), "{}", mount.log());
    drop(mount);
    let old = at("mine/.dolt/noms/oldgen");
    let _ = fs::remove_dir_all(&old);
    symlink(&theirs, &old).expect("the folder is ours");
    let folder = at("mine");
    let refused = run(asof()).args(["ls", "--from"]).arg(&folder).outcome().expect_status(1);
    assert!(
        refused.stderr.contains("oldgen") && refused.stderr.contains("--follow-links"),
        "{}",
        refused.stderr
    );
    fs::remove_file(&old).expect("it is ours");
    // With --follow-links the links are followed, because root owns all of them.
    let folder = source.path().join("data").display().to_string();
    let followed = Mount::with(&["--follow-links"], &[folder]);
    assert_eq!(names(followed.root()), ["files", "half", "linked", "mine"]);
    assert!(everything(&followed.path("half/latest")).contains(SECRET));
}

#[test]
fn a_repository_that_leads_into_another_one_is_told_apart_from_it() {
    let place = Place::new();
    let repository = |name: &str, text: &str| {
        let path = place.at(name);
        fs::create_dir_all(&path).expect("the folder is ours");
        git::git(&path).args(["init", "-q", "-b", "main"]).ok();
        fs::write(path.join("file"), text).expect("the folder is ours");
        git::git(&path).args(["add", "-A"]).ok();
        git::git(&path).args(["commit", "-q", "-m", text]).ok();
        path
    };
    let secret = repository("secret/work", SECRET);
    let other = repository("other", "for all");
    let alternates = format!("{}\n", secret.join(".git/objects").display());
    fs::write(other.join(".git/objects/info/alternates"), alternates).expect("the folder is ours");
    let place_of = |path: &Path| format!("git:{}", path.display());
    let mount = Mount::new(&[place_of(&other)]);
    fs::write(other.join(".git/refs/heads/main"), git::object(&secret, "HEAD")).expect("the folder is ours");
    std::thread::sleep(FRESH / 2);
    assert!(!everything(mount.root()).contains(SECRET));
    assert!(read_text(mount.path("other/latest/file")).contains("for all"), "what was seen stays");
    drop(mount);
    let refused = |path: &Path| {
        let folder = temp_dir();
        let mountpoint = folder.path().join("mnt");
        fs::create_dir(&mountpoint).expect("the folder is ours");
        let outcome = run(asof()).args(["mount", "-f"]).arg(place_of(path)).arg(&mountpoint).outcome();
        detach(&mountpoint);
        let outcome = outcome.expect_status(1);
        assert!(outcome.stderr.contains("--follow-links"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains(SECRET), "{}", outcome.stderr);
    };
    refused(&other);
    fs::remove_dir_all(other.join(".git")).expect("the folder is ours");
    fs::write(other.join(".git"), format!("gitdir: {}\n", secret.join(".git").display()))
        .expect("it is ours");
    refused(&other);
    // Git's own ownership check.
    chown(&secret, Some(54_321), None).expect("the tests run as root");
    let outcome = run(asof()).args(["ls", "--from"]).arg(place_of(&secret)).outcome().expect_status(1);
    assert!(outcome.stderr.contains("safe.directory"), "{}", outcome.stderr);
    let home = temp_dir();
    fs::write(home.path().join(".gitconfig"), format!("[safe]\n\tdirectory = {}\n", secret.display()))
        .expect("the folder is ours");
    let listed = run(asof()).args(["ls", "--from"]).arg(place_of(&secret)).env("HOME", home.path()).ok();
    assert_eq!(listed, "work\n");
}

#[test]
fn links_within_archives_are_shown_as_links_and_not_followed() {
    let place = Place::new();
    symlink(place.at("secret/dump.sql"), place.at("link")).expect("the folder is ours");
    run("tar")
        .arg("-cf")
        .arg(place.at("source/t-2026-01-03.tar"))
        .arg("-C")
        .arg(place.dir.path())
        .arg("link")
        .ok();
    run("zip")
        .args(["-q", "-y"])
        .arg(place.at("source/z-2026-01-03.zip"))
        .arg("link")
        .dir(place.dir.path())
        .ok();
    let mount = place.mount(&[]);
    let mut seen = 0;
    let mut todo = vec![mount.path("t/asof/2026-01-03T000000Z"), mount.path("z/asof/2026-01-03T000000Z")];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).expect("it is listed").flatten() {
            let kind = entry.file_type().expect("it has a kind");
            if kind.is_dir() {
                todo.push(entry.path());
            } else if kind.is_symlink() {
                assert_eq!(fs::read_link(entry.path()).expect("a link"), place.at("secret/dump.sql"));
                seen += 1;
            } else {
                assert!(!read_text(entry.path()).contains(SECRET), "{}", entry.path().display());
            }
        }
    }
    assert!(seen > 0, "the tar's is a link");
}

#[test]
fn what_asof_leaves_on_disk_is_for_its_user_alone() {
    let place = Place::new();
    fs::create_dir(place.at("mnt")).expect("the folder is ours");
    fs::remove_file(place.at("source/db-2026-01-01.sql")).expect("the folder is ours");
    let asof = || {
        run(asof())
            .env("HOME", place.dir.path())
            .env("XDG_STATE_HOME", place.at("state"))
            .env("XDG_CACHE_HOME", place.at("cache"))
    };
    // The permissions that earlier versions of asof left.
    fs::create_dir_all(place.at("state/asof")).expect("the folder is ours");
    fs::set_permissions(place.at("state/asof"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let rows = archives::lines(5, 1);
    archives::thrum_folder(&place.at("source"), &[("2026-01-02T000000", "2026-01-01T00:00:00Z", &rows)]);
    let source = format!("m={}", place.at("source").display());
    asof().args(["mount", &source]).arg(place.at("mnt")).outcome().expect_status(0);
    let read = fs::read(place.at("mnt/m/latest/issues.jsonl"));
    asof().arg("umount").arg(place.at("mnt")).outcome().expect_status(0);
    assert_eq!(read.expect("it was mounted"), rows);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    for folder in ["state/asof", "cache/asof"] {
        assert_eq!(mode(&place.at(folder)), 0o700, "{folder}");
        let files: Vec<_> = fs::read_dir(place.at(folder)).expect("it is there").flatten().collect();
        assert!(!files.is_empty(), "{folder}");
        for file in files.iter().filter(|file| file.path().is_file()) {
            assert_eq!(mode(&file.path()), 0o600, "{}", file.path().display());
        }
    }
}

#[test]
fn a_cache_that_another_user_can_write_to_changes_no_size() {
    let place = Place::new();
    let zips = place.at("zips");
    fs::create_dir(&zips).expect("the folder is ours");
    let rows = archives::lines(50, 1);
    archives::thrum_folder(&zips, &[("2026-01-02T000000", "2026-01-01T00:00:00Z", &rows)]);
    let cache = place.at("cache-of-all");
    let source = format!("m={}", zips.display());
    let size = |cache: &Path| {
        let mount =
            Mount::with(&["--cache-dir", &cache.display().to_string()], std::slice::from_ref(&source));
        let size = fs::metadata(mount.path("m/latest/issues.jsonl")).expect("it is there").len();
        (size, mount.log())
    };
    let (right, _) = size(&cache);
    assert_eq!(right, rows.len() as u64);
    assert!(fs::read_dir(&cache).expect("it was made").next().is_some());
    for (owner, mode) in [(54_321, 0o700), (0, 0o777)] {
        chown(&cache, Some(owner), None).expect("the tests run as root");
        fs::set_permissions(&cache, fs::Permissions::from_mode(mode)).expect("it is ours");
        let (again, log) = size(&cache);
        assert_eq!(again, right);
        assert!(log.contains("cache-of-all") && log.contains("cache folder disabled"), "{log}");
    }
    // A link to another user's folder is not trusted either.
    chown(&cache, Some(54_321), None).expect("the tests run as root");
    symlink(&cache, place.at("by-link")).expect("the folder is ours");
    assert!(size(&place.at("by-link")).1.contains("cache folder disabled"));
}

#[test]
fn a_pipe_or_a_device_in_the_place_of_an_archive_holds_up_nothing() {
    let place = Place::new();
    run("mkfifo").arg(place.at("source/db-2026-02-01.sql")).ok();
    symlink("/dev/zero", place.at("source/db-2026-02-02.sql")).expect("the folder is ours");
    run("mknod").arg(place.at("source/db-2026-02-03.sql")).args(["c", "1", "5"]).ok();
    let mount = place.mount(&[]);
    assert_eq!(names(mount.path("db/asof")), ["2026-01-01T000000Z"]);
    assert_eq!(errno(fs::read(mount.path("db/asof/2026-02-01T000000Z/x"))), libc::ENOENT);
}
