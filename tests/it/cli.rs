//! The command line: its output for success and failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::command::{Outcome, Run, run, wait};
use crate::support::files::{names, read_text};
use crate::support::mount::{Mount, asof, detach, mounted, quiet_environment, wait_unmounted};
use crate::support::server::{Server, free_port};
use crate::support::{archives, eventually, histories, temp_dir};

/// A folder with an archive, an empty mountpoint, and a home for logs. Unmounts on drop.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = temp_dir();
        fs::create_dir(dir.path().join("mnt")).expect("the folder is ours");
        fs::create_dir(dir.path().join("backup")).expect("the folder is ours");
        archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
        Self { dir }
    }

    fn mountpoint(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    fn source(&self) -> String {
        format!("b={}", self.dir.path().join("backup").display())
    }

    fn asof(&self) -> Run {
        run(asof()).env("HOME", self.dir.path()).env("XDG_STATE_HOME", self.dir.path().join("state"))
    }

    /// Runs `asof mount` with these sources, which must fail and leave nothing mounted.
    #[track_caller]
    fn refused(&self, sources: &[&str]) -> Outcome {
        let outcome = self.asof().arg("mount").args(sources).arg(self.mountpoint()).outcome();
        assert_eq!(mounted(&self.mountpoint()), None, "nothing stays mounted");
        told(outcome)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        detach(&self.mountpoint());
    }
}

/// Checks the form of a failure: status 1, nothing on stdout, what and why on stderr, then a hint.
#[track_caller]
fn told(outcome: Outcome) -> Outcome {
    let outcome = outcome.expect_status(1);
    assert_eq!(outcome.text(), "");
    assert!(outcome.stderr.lines().any(|line| line.starts_with("asof: ")), "{}", outcome.stderr);
    assert!(outcome.stderr.lines().any(|line| line.starts_with("hint: ")), "no hint: {}", outcome.stderr);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    outcome
}

#[track_caller]
fn assert_says(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in: {}", outcome.stderr);
    }
}

#[test]
fn mount_goes_to_the_background_once_the_tree_answers() {
    let place = Place::new();
    let mountpoint = place.mountpoint();
    let outcome = place.asof().arg("mount").arg(place.source()).arg(&mountpoint).outcome().expect_status(0);
    assert_eq!(outcome.stderr, "");
    assert_eq!(mounted(&mountpoint).as_deref(), Some("fuse.asof"));
    assert_eq!(read_text(mountpoint.join("b/latest/t.jsonl")), "{}\n", "it answers at once");
    let again = told(place.asof().arg("mount").arg(place.source()).arg(&mountpoint).outcome());
    assert_says(&again, &["busy", "asof umount"]);
    let gone = place.asof().arg("umount").arg(&mountpoint).outcome().expect_status(0);
    assert_eq!(gone.stderr, "");
    assert_eq!(mounted(&mountpoint), None);
    let nothing = place.asof().arg("umount").arg(&mountpoint).outcome().expect_status(1);
    assert_says(&nothing, &["asof: ", "hint: "]);
}

#[test]
fn relative_paths_and_symlinks_on_the_command_line() {
    let place = Place::new();
    std::os::unix::fs::symlink("mnt", place.dir.path().join("link")).expect("the folder is ours");
    for mountpoint in ["mnt", "./mnt/", "link"] {
        place.asof().dir(place.dir.path()).args(["mount", "b=backup", mountpoint]).ok();
        assert_eq!(mounted(&place.mountpoint()).as_deref(), Some("fuse.asof"), "{mountpoint}");
        assert_eq!(read_text(place.mountpoint().join("b/latest/t.jsonl")), "{}\n");
        place.asof().dir(place.dir.path()).args(["umount", mountpoint]).ok();
        assert_eq!(mounted(&place.mountpoint()), None, "{mountpoint}");
    }
}

#[test]
fn a_store_by_a_relative_path_stays_when_the_program_leaves_the_folder() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    for (folder, source) in
        [(server.data(), "."), (server.data().join("tour"), "../tour"), (server.data(), "tour")]
    {
        let place = Place::new();
        place.asof().dir(&folder).args(["mount", source]).arg(place.mountpoint()).ok();
        client.commit("seen later", "2026-09-01T00:00:00");
        let latest = place.mountpoint().join("tour/latest");
        let is_shown = || fs::read_link(&latest).is_ok_and(|to| to.to_string_lossy().contains("2026-09-01"));
        eventually(source, Duration::from_secs(10), || is_shown().then_some(()));
        place.asof().arg("umount").arg(place.mountpoint()).ok();
        client.run(&["CALL DOLT_RESET('--hard','HEAD~1')"]);
    }
}

#[test]
fn the_background_process_ends_with_its_mount() {
    let place = Place::new();
    let mountpoint = place.mountpoint();
    let log = place.dir.path().join("asof.log");
    place.asof().arg("mount").arg("--log-file").arg(&log).arg(place.source()).arg(&mountpoint).ok();
    let pid = process_of(&mountpoint).expect("somebody serves the mount");
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).expect("the process is there");
    assert_eq!(cwd, Path::new("/"), "a process in the background keeps no folder busy");
    assert!(read_plain(&log).contains("mounted"), "the log is where it was asked for");
    place.asof().arg("umount").arg(&mountpoint).ok();
    eventually("the process ends", Duration::from_secs(10), || {
        process_of(&mountpoint).is_none().then_some(())
    });
}

fn read_plain(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The id of the process whose command line names this mountpoint.
fn process_of(mountpoint: &Path) -> Option<i32> {
    let named = |id: i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let ours = line.contains("asof") && line.contains(mountpoint.to_str()?);
        (ours && id != std::process::id() as i32).then_some(id)
    };
    fs::read_dir("/proc").ok()?.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).find_map(named)
}

#[test]
fn the_source_is_named_among_the_mounts() {
    let place = Place::new();
    let shown = || run("findmnt").args(["-n", "-o", "SOURCE"]).arg(place.mountpoint()).ok().trim().to_owned();
    let odd = place.dir.path().join("a:b, c");
    fs::rename(place.dir.path().join("backup"), &odd).expect("both are ours");
    place.asof().arg("mount").arg(&odd).arg(place.mountpoint()).ok();
    assert_eq!(shown(), place.dir.path().join("a_b__c").to_str().expect("UTF-8"));
    place.asof().arg("umount").arg(place.mountpoint()).ok();
    wait_unmounted(&place.mountpoint());
    let server = Server::start();
    server.client().run(&["CREATE USER u IDENTIFIED BY 'hidden'", "GRANT ALL ON *.* TO u"]);
    histories::tour(&mut server.client(), "tour");
    let url = format!("dolt://u@127.0.0.1:{}/tour", server.port);
    let mount = place.asof().env("ASOF_DOLT_PASSWORD", "hidden").arg("mount").arg(url);
    mount.arg(place.mountpoint()).ok();
    assert_eq!(shown(), format!("dolt/u@127.0.0.1_{}/tour", server.port));
}

#[test]
fn a_slow_start_is_explained_on_a_terminal_only() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let place = Place::new();
    let command =
        format!("{} mount {} {}", asof().display(), server.url("tour"), place.mountpoint().display());
    let slowly = |mount: Run| {
        let frozen = server.freeze();
        let outcome = std::thread::spawn(move || mount.outcome());
        std::thread::sleep(Duration::from_millis(2500));
        drop(frozen);
        let outcome = outcome.join().expect("the command ends").expect_status(0);
        place.asof().arg("umount").arg(place.mountpoint()).ok();
        wait_unmounted(&place.mountpoint());
        format!("{}{}", outcome.text(), outcome.stderr)
    };
    let home = place.dir.path();
    let on_terminal = run("script").args(["-qec", &command, "/dev/null"]).env("HOME", home);
    let said = slowly(on_terminal);
    assert!(said.contains("asof: reading the history of dolt://root@127.0.0.1"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let through_pipe = run("sh").args(["-c", &command]).env("HOME", home);
    assert_eq!(slowly(through_pipe), "");
}

#[test]
fn logs_of_former_mounts_do_not_pile_up() {
    let place = Place::new();
    let folder = place.dir.path().join("state/asof");
    fs::create_dir_all(&folder).expect("the folder is ours");
    let mut other = place.dir.path().join("other");
    fs::create_dir(&other).expect("the folder is ours");
    other = other.canonicalize().expect("it is there");
    place.asof().arg("mount").arg(place.source()).arg(&other).ok();
    let in_use = names(&folder);
    assert_eq!(in_use.len(), 1);
    let long_ago = |days: u64| std::time::SystemTime::now() - Duration::from_secs(days * 86_400);
    let age = |name: &str, days| {
        let file = fs::File::options().append(true).create(true).open(folder.join(name));
        file.and_then(|file| file.set_modified(long_ago(days))).expect("the folder is ours");
    };
    age(&in_use[0], 500);
    (0..30).for_each(|number| age(&format!("former-{number:02}.log"), 100 + number));
    age("notes.txt", 900);
    let own = PathBuf::from(in_use[0].replace("other", "mnt"));
    fs::write(folder.join(&own), vec![b'x'; 2 << 20]).expect("the folder is ours");
    place.asof().arg("mount").arg(place.source()).arg(place.mountpoint()).ok();
    let left = names(&folder);
    detach(&other);
    for name in [&*in_use[0], "notes.txt", "former-00.log", "former-19.log"] {
        assert!(left.contains(&name.to_owned()), "{name} stays: {left:?}");
    }
    assert_eq!(left.iter().filter(|name| name.starts_with("former-")).count(), 20, "{left:?}");
    let length = |path: &Path| fs::metadata(folder.join(path)).expect("it is there").len();
    assert_eq!(length(&own.with_extension("log-old")), 2 << 20, "a long log is put aside");
    assert!(length(&own) < 1 << 20);
}

#[test]
fn each_signal_unmounts() {
    let usual =
        [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM];
    for signal in
        usual.into_iter().chain([Signal::XCPU, Signal::VTALARM, Signal::PROF, Signal::IO, Signal::POWER])
    {
        let place = Place::new();
        let mountpoint = place.mountpoint();
        place.asof().arg("mount").arg(place.source()).arg(&mountpoint).ok();
        let pid = process_of(&mountpoint).and_then(Pid::from_raw).expect("somebody serves the mount");
        kill_process(pid, signal).expect("the process is there");
        wait_unmounted(&mountpoint);
        eventually("the process ends", Duration::from_secs(10), || {
            process_of(&mountpoint).is_none().then_some(())
        });
    }
}

#[test]
fn a_signal_unmounts_a_busy_tree_too() {
    let place = Place::new();
    let mountpoint = place.mountpoint();
    let mut command = quiet_environment(Command::new(asof()), place.dir.path());
    command.args(["mount", "-f"]).arg(place.source()).arg(&mountpoint).stderr(Stdio::null());
    let mut child = command.spawn().expect("asof starts");
    eventually("mounted", Duration::from_secs(30), || mounted(&mountpoint));
    let held = fs::File::open(mountpoint.join("b/latest/t.jsonl")).expect("the member is there");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("the process is there");
    wait_unmounted(&mountpoint);
    drop(held);
    let status = wait(&mut child, Instant::now() + Duration::from_secs(15));
    assert!(status.is_some_and(|s| s.success()), "it ends well: {status:?}");
}

#[test]
fn umount_of_a_busy_tree_says_who_holds_it_and_lazy_detaches() {
    let place = Place::new();
    let mountpoint = place.mountpoint();
    place.asof().arg("mount").arg(place.source()).arg(&mountpoint).ok();
    let held = fs::File::open(mountpoint.join("b/latest/t.jsonl")).expect("the member is there");
    let busy = place.asof().arg("umount").arg(&mountpoint).outcome().expect_status(1);
    assert_says(&busy, &["hint: ", "--lazy"]);
    assert!(mounted(&mountpoint).is_some());
    place.asof().args(["umount", "--lazy"]).arg(&mountpoint).ok();
    assert_eq!(mounted(&mountpoint), None);
    drop(held);
    eventually("the process ends", Duration::from_secs(10), || {
        process_of(&mountpoint).is_none().then_some(())
    });
}

#[test]
fn a_mountpoint_that_cannot_be_used() {
    let place = Place::new();
    let at =
        |mountpoint: &Path| told(place.asof().arg("mount").arg(place.source()).arg(mountpoint).outcome());
    assert_says(&at(&place.dir.path().join("missing")), &["missing", "mkdir"]);
    let full = place.dir.path().join("backup");
    assert_says(&at(&full), &["not empty"]);
    assert_eq!(mounted(&full), None);
    let file = place.dir.path().join("file");
    fs::write(&file, "").expect("the folder is ours");
    at(&file);
    assert_eq!(names(place.mountpoint()), Vec::<String>::new());
    let other = place.dir.path().join("other");
    fs::create_dir(&other).expect("the folder is ours");
    fs::write(other.join("x"), "").expect("the folder is ours");
    place.asof().args(["mount", "-o", "nonempty"]).arg(place.source()).arg(&other).ok();
    place.asof().arg("umount").arg(&other).ok();
    assert_eq!(names(&other), ["x"]);
    for hiding in [&full, place.dir.path()] {
        let outcome =
            place.asof().args(["mount", "-o", "nonempty"]).arg(place.source()).arg(hiding).outcome();
        assert_says(&told(outcome), &["would hide its own source"]);
        assert_eq!(mounted(hiding), None);
    }
    assert_eq!(names(&full), ["2026-01-02T150405.zip"]);
}

#[test]
fn a_source_that_is_not_there() {
    let place = Place::new();
    let missing = place.dir.path().join("nowhere");
    let missing = missing.to_str().expect("UTF-8");
    assert_says(&place.refused(&[missing]), &[missing]);
    let empty = place.dir.path().join("empty");
    fs::create_dir(&empty).expect("the folder is ours");
    assert_says(&place.refused(&[empty.to_str().expect("UTF-8")]), &["empty"]);
    let foreign = place.dir.path().join("notes.txt");
    fs::write(&foreign, "hello").expect("the folder is ours");
    assert_says(&place.refused(&[foreign.to_str().expect("UTF-8")]), &["notes.txt"]);
    // One bad source among good ones is also an error.
    assert_says(&place.refused(&[&place.source(), missing]), &[missing]);
}

#[test]
fn a_folder_in_which_nothing_is_found_names_those_below_that_hold_something() {
    let place = Place::new();
    let backups = place.dir.path().join("backups");
    for (folder, name) in
        [("last", "db-20210813-133946.sql"), ("daily", "db-20210813.sql"), ("monthly", "db-202108.sql")]
    {
        fs::create_dir_all(backups.join(folder)).expect("the folder is ours");
        fs::write(backups.join(folder).join(name), "select 1;").expect("the folder is ours");
    }
    fs::create_dir(backups.join("empty")).expect("the folder is ours");
    let refused = place.refused(&[backups.to_str().expect("UTF-8")]);
    assert_says(
        &refused,
        &["found no archive in", "no Dolt database", "daily, last, monthly hold archives: mount one of them"],
    );
    fs::write(backups.join("notes.sql"), "select 1;").expect("the folder is ours");
    fs::remove_dir_all(backups.join("daily")).expect("the folder is ours");
    fs::remove_dir_all(backups.join("last")).expect("the folder is ours");
    fs::remove_dir_all(backups.join("monthly")).expect("the folder is ours");
    assert_says(
        &place.refused(&[backups.to_str().expect("UTF-8")]),
        &["1 archive is left out", "--undated=mtime"],
    );
}

#[test]
fn a_server_that_is_not_there() {
    let place = Place::new();
    let port = free_port().to_string();
    let begun = Instant::now();
    assert_says(&place.refused(&[&format!("dolt://root@127.0.0.1:{port}/db")]), &["127.0.0.1", &port]);
    assert_says(&place.refused(&["dolt://root@no-such-host.invalid/db"]), &["no-such-host.invalid"]);
    assert!(begun.elapsed() < Duration::from_secs(40), "it took {:?}", begun.elapsed());
    for url in ["dolt://", "dolt://host:notaport/db", "dolt://host:99999"] {
        let outcome = place.asof().arg("mount").arg(url).arg(place.mountpoint()).outcome();
        assert!(matches!(outcome.status.code(), Some(1 | 2)), "{url}: {}", outcome.status);
        assert_says(&outcome, &["asof: ", "hint: "]);
        assert_eq!(mounted(&place.mountpoint()), None);
    }
}

#[test]
fn a_listener_that_says_nothing_does_not_hang_the_mount() {
    let place = Place::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let port = silent.local_addr().expect("it is bound").port();
    let begun = Instant::now();
    assert_says(&place.refused(&[&format!("dolt://root@127.0.0.1:{port}/db")]), &[&port.to_string()]);
    assert!(begun.elapsed() < Duration::from_secs(45), "it took {:?}", begun.elapsed());
}

#[test]
fn users_passwords_and_databases_of_a_server() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    client.run(&["CREATE USER 'reader'@'%' IDENTIFIED BY 'se cret'", "GRANT ALL ON *.* TO 'reader'@'%'"]);
    let place = Place::new();
    let url = format!("dolt://reader@127.0.0.1:{}/tour", server.port);
    let mount = || place.asof().arg("mount").arg(&url).arg(place.mountpoint());
    let refused = |run: Run| {
        let outcome = told(run.outcome());
        assert_eq!(mounted(&place.mountpoint()), None);
        assert!(!outcome.stderr.contains("wrong-one"), "a password is never shown: {}", outcome.stderr);
        outcome
    };
    assert_says(&refused(mount()), &["reader", "ASOF_DOLT_PASSWORD"]);
    refused(mount().env("ASOF_DOLT_PASSWORD", "wrong-one"));
    assert_says(&place.refused(&[&server.url("nope")]), &["nope"]);
    let file = place.dir.path().join("password");
    refused(mount().arg("--password-file").arg(&file));
    fs::write(&file, "se cret\n").expect("the folder is ours");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    for with_password in
        [mount().env("ASOF_DOLT_PASSWORD", "se cret"), mount().arg("--password-file").arg(&file)]
    {
        with_password.ok();
        assert_eq!(names(place.mountpoint()), ["tour"]);
        let pid = process_of(&place.mountpoint()).expect("somebody serves the mount");
        let line = read_plain(Path::new(&format!("/proc/{pid}/cmdline")));
        assert!(!line.contains("se cret"), "no password on a command line: {line:?}");
        place.asof().arg("umount").arg(place.mountpoint()).ok();
    }
}

#[test]
fn names_for_databases_and_tables_left_out() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    client.run(&["CREATE TABLE federation_peers (name varchar(20) PRIMARY KEY, password_encrypted blob)"]);
    client.commit("secrets", "2026-03-01T00:00:00");
    let named = Mount::new(&[format!("other={}", server.url("tour"))]);
    assert_eq!(names(named.root()), ["other"]);
    assert_eq!(
        names(named.path("other/latest")),
        ["issues.jsonl", "labels.jsonl", "schema.sql"],
        "secrets are left out"
    );
    let filtered = Mount::with(&["--exclude", "lab*"], &[server.url("tour")]);
    assert!(!names(filtered.path("tour/latest")).contains(&"labels.jsonl".to_owned()));
    let through_options =
        Mount::with(&["-o", "ro,noauto,_netdev,x-systemd.automount,exclude=issues"], &[server.url("tour")]);
    assert!(!names(through_options.path("tour/latest")).contains(&"issues.jsonl".to_owned()));
}

#[test]
fn a_command_line_that_makes_no_sense_is_status_2() {
    let place = Place::new();
    let source = place.source();
    let mountpoint = place.mountpoint();
    let mountpoint = mountpoint.to_str().expect("UTF-8");
    for args in [
        &["mount"][..],
        &["mount", mountpoint],
        &["mount", "--no-such-flag", &source, mountpoint],
        &["mount", "--cache-size", "lots", &source, mountpoint],
        &["mount", "--cache-size", "99999999999T", &source, mountpoint],
        &["mount", "--timezone", "Mars/Olympus", &source, mountpoint],
        &["mount", "-o", "no_such_option", &source, mountpoint],
        &["no-such-command"],
        &["umount"],
    ] {
        let outcome = place.asof().args(args).outcome().expect_status(2);
        assert!(!outcome.stderr.is_empty(), "{args:?} says why");
        assert_eq!(mounted(Path::new(mountpoint)), None);
    }
}

#[test]
fn help_version_manual_and_completions() {
    let place = Place::new();
    let help = place.asof().arg("--help").ok();
    for word in ["mount", "umount", "dolt://"] {
        assert!(help.contains(word), "--help says nothing of {word}");
    }
    let help = place.asof().args(["mount", "--help"]).ok();
    for word in [
        "--cache-size",
        "--timezone",
        "--exclude",
        "--password-file",
        "--tls-ca",
        "--tls-pin",
        "--tls-name",
        "ASOF_DOLT_PASSWORD",
    ] {
        assert!(help.contains(word), "mount --help says nothing of {word}");
    }
    assert_eq!(place.asof().arg("--version").ok().trim(), concat!("asof ", env!("CARGO_PKG_VERSION")));
    let manual = place.dir.path().join("man");
    fs::create_dir(&manual).expect("the folder is ours");
    place.asof().arg("man").arg(&manual).ok();
    assert!(names(&manual).contains(&"asof-mount.1".to_owned()), "{:?}", names(&manual));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.asof().args(["completions", shell]).ok().contains("asof"), "{shell}");
    }
}

#[test]
fn a_dead_mount_can_be_unmounted() {
    let place = Place::new();
    let mountpoint = place.mountpoint();
    place.asof().arg("mount").arg(place.source()).arg(&mountpoint).ok();
    let pid = process_of(&mountpoint).and_then(Pid::from_raw).expect("somebody serves the mount");
    kill_process(pid, Signal::KILL).expect("the process is there");
    eventually("the mount is dead", Duration::from_secs(10), || fs::metadata(mountpoint.join("b")).err());
    let again = told(place.asof().arg("mount").arg(place.source()).arg(&mountpoint).outcome());
    assert_says(&again, &["umount"]);
    place.asof().arg("umount").arg(&mountpoint).ok();
    assert_eq!(mounted(&mountpoint), None);
}
