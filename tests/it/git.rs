//! Git repositories as sources: real git, and what a real `dolt push` stores in them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::command::run;
use crate::support::files::{link, names, read_all, read_text};
use crate::support::mount::{Mount, asof};
use crate::support::server::{Dolt, Server};
use crate::support::{eventually, git, histories, temp_dir};

/// How soon a push must show.
const FRESH: Duration = Duration::from_secs(2);

/// A server with a database `tour` that was pushed to a bare repository.
fn pushed(dolt: Dolt) -> (Server, tempfile::TempDir, PathBuf) {
    let server = Server::start_as(dolt, None);
    let folder = temp_dir();
    let remote = git::bare(&folder.path().join("beads.git"));
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    client.run(&[&git::add_remote("g", &remote), "CALL DOLT_PUSH('g','main')"]);
    (server, folder, remote)
}

/// A description of every file of a folder tree, so that the test notices a change.
fn state(folder: &Path) -> String {
    run("find").arg(folder).args(["-printf", "%p %i %s %T@ %m\n"]).ok()
}

#[test]
fn a_repository_shows_what_was_pushed_and_is_never_written() {
    let (server, _folder, remote) = pushed(Dolt::Pinned);
    let before = state(&remote);
    let from_git = Mount::new(&[remote.display().to_string()]);
    let over_sql = Mount::new(&[server.url("tour")]);
    assert_eq!(names(from_git.root()), ["beads"]);
    assert_eq!(names(from_git.path("beads/asof")), names(over_sql.path("tour/asof")));
    for snapshot in names(over_sql.path("tour/asof")) {
        let (ours, theirs) = (format!("beads/asof/{snapshot}"), format!("tour/asof/{snapshot}"));
        assert_eq!(read_all(from_git.path(&ours)), read_all(over_sql.path(&theirs)), "{snapshot}");
    }
    assert!(!from_git.path("beads/live").exists(), "a remote has no working set");
    from_git.unmount();
    assert_eq!(state(&remote), before);
}

/// The database of a hidden folder gets a name without the dot, and a path may contain bytes that are not UTF-8.
#[test]
fn a_hidden_folder_is_shown_and_a_path_may_have_any_bytes() {
    let dir = temp_dir();
    let repository = dir.path().join(OsStr::from_bytes(b"r\xe9po"));
    std::fs::create_dir_all(repository.join(".beads")).expect("the folder is ours");
    std::fs::write(repository.join(".beads/issues.jsonl"), "{\"id\":1}\n").expect("the folder is ours");
    git::git(&repository).args(["init", "-q", "-b", "main"]).ok();
    git::git(&repository).args(["add", "."]).ok();
    git::git(&repository).args(["commit", "-q", "-m", "1"]).ok();
    let ls = |source: &OsStr, path: &str| run(asof()).args(["ls", "--from"]).arg(source).arg(path).ok();
    let within = [b"git:", repository.as_os_str().as_bytes(), b"/.beads"].concat();
    assert_eq!(ls(OsStr::from_bytes(&within), "beads/latest"), "issues.jsonl\n");
    assert_eq!(ls(repository.as_os_str(), "r\\xe9po/latest"), ".beads\n");
    let mount = Mount::new(&[OsStr::from_bytes(&within)]);
    assert_eq!(run("ls").arg(mount.root()).ok(), "beads\n");
}

#[test]
fn pushes_show_within_seconds_also_those_that_rewrite() {
    let (server, folder, remote) = pushed(Dolt::Pinned);
    let mount = Mount::new(&[remote.display().to_string()]);
    let latest = || link(mount.path("beads/latest"));
    let mut client = server.client();
    client.use_database("tour");
    let first = latest();

    client.run(&["INSERT INTO issues VALUES ('bd-91','pushed','open')"]);
    client.commit("pushed later", "2026-09-01T00:00:00");
    client.run(&["CALL DOLT_PUSH('g','main')"]);
    eventually("the push shows", FRESH, || (latest() != first).then_some(()));
    assert!(read_text(mount.path("beads/latest/issues.jsonl")).contains("bd-91"));

    let second = latest();
    // Packed by git, which moves the ref and all objects.
    git::git(&remote).args(["gc", "-q", "--prune=now"]).ok();
    client.run(&["INSERT INTO issues VALUES ('bd-92','after packing','open')"]);
    client.commit("after packing", "2026-09-02T00:00:00");
    client.run(&["CALL DOLT_PUSH('g','main')"]);
    eventually("the push after packing shows", FRESH, || (latest() != second).then_some(()));
    assert!(read_text(mount.path("beads/latest/issues.jsonl")).contains("bd-92"));

    client.run(&["CALL DOLT_RESET('--hard','HEAD~2')", "CALL DOLT_PUSH('--force','g','main')"]);
    eventually("the forced push shows", FRESH, || (latest() == first).then_some(()));
    assert!(!read_text(mount.path("beads/latest/issues.jsonl")).contains("bd-91"));

    // A completely different database, pushed with git.
    let other = git::bare(&folder.path().join("other.git"));
    histories::back_dated(&mut client, "other");
    client.run(&[&git::add_remote("g", &other), "CALL DOLT_PUSH('g','main')"]);
    git::git(&other).args(["push", "-q"]).arg(&remote).arg("+refs/dolt/data").ok();
    eventually("the other database shows", FRESH, || (latest() != first).then_some(()));
    let over_sql = Mount::new(&[server.url("other")]);
    assert_eq!(read_all(mount.path("beads/latest")), read_all(over_sql.path("other/latest")));
}

#[test]
fn every_form_of_a_repository_is_read() {
    let (server, folder, remote) = pushed(Dolt::Old);
    let expected = read_all(Mount::new(&[remote.display().to_string()]).path("beads/latest"));
    assert!(expected.contains_key("issues.jsonl"));
    let work = folder.path().join("work");
    let (linked, shared) = (folder.path().join("linked"), folder.path().join("shared"));
    for path in [&work, &shared] {
        std::fs::create_dir(path).expect("the folder is ours");
        git::git(path).args(["init", "-q", "-b", "main"]).ok();
    }
    // As in a clone of the repository.
    git::git(&work).args(["fetch", "-q"]).arg(&remote).args(["main", "refs/dolt/data:refs/dolt/data"]).ok();
    git::git(&work).args(["worktree", "add", "-q"]).arg(&linked).arg("FETCH_HEAD").ok();
    // A repository without its own objects.
    let alternates = format!("{}\n", remote.join("objects").display());
    std::fs::write(shared.join(".git/objects/info/alternates"), alternates).expect("the folder is ours");
    let commit = git::object(&remote, "refs/dolt/data");
    git::git(&shared).args(["update-ref", "refs/dolt/data", &commit]).ok();
    let cut = git::bare(&folder.path().join("cut.git"));
    git::git(&cut).args(["fetch", "-q"]).arg(&remote).arg("refs/dolt/data:refs/dolt/data").ok();
    git::cut_files(&cut, 700);
    // Dolt itself reads the files split like this.
    server.command(folder.path(), &["clone", &format!("git+file://{}", cut.display()), "cloned"]);
    let forms = [
        (work.clone(), "work"),
        (work.join(".git"), "work"),
        (linked, "linked"),
        (shared, "shared"),
        (cut, "cut"),
    ];
    for (path, name) in forms {
        // It borrows objects from a repository outside it.
        let options: &[&str] = if name == "shared" { &["--follow-links"] } else { &[] };
        let mount = Mount::with(options, &[path.display().to_string()]);
        assert_eq!(names(mount.root()), [name], "{}", path.display());
        assert_eq!(read_all(mount.path(&format!("{name}/latest"))), expected, "{}", path.display());
    }
}

/// The error of a mount that must fail.
fn refused(path: &Path) -> String {
    let folder = temp_dir();
    let mountpoint = folder.path().join("mnt");
    std::fs::create_dir(&mountpoint).expect("a new folder is writable");
    run(asof()).args(["mount", "-f"]).arg(path).arg(&mountpoint).outcome().expect_status(1).stderr
}

#[test]
fn what_is_missing_in_a_repository_is_named() {
    let (_server, folder, remote) = pushed(Dolt::Pinned);
    let error = refused(&git::bare(&folder.path().join("without.git")));
    assert!(error.contains("refs/dolt/data") && error.contains("dolt push"), "{error}");

    let manifest = git::object(&remote, "refs/dolt/data:manifest");
    let path = remote.join("objects").join(&manifest[..2]).join(&manifest[2..]);
    let bytes = std::fs::read(&path).expect("small pushes leave loose objects");
    std::fs::remove_file(&path).expect("the repository is ours");
    let error = refused(&remote);
    assert!(error.contains(&manifest) && error.contains("manifest of refs/dolt/data"), "{error}");
    assert!(error.contains("missing") && error.contains("git fsck"), "{error}");

    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("the repository is ours");
    let error = refused(&remote);
    assert!(error.contains(&manifest) && error.contains("manifest of refs/dolt/data"), "{error}");

    std::fs::write(&path, bytes).expect("the repository is ours");
    let mut objects = Vec::new();
    for (name, object) in git::files(&remote) {
        if name != "manifest" {
            let path = remote.join("objects").join(&object[..2]).join(&object[2..]);
            std::fs::remove_file(path).expect("the repository is ours");
            objects.push(object);
        }
    }
    let error = refused(&remote);
    assert!(objects.iter().any(|object| error.contains(object)), "{error}");
}
