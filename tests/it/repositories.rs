//! Git repositories as sources, compared with the answers of real git.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

use crate::support::command::run;
use crate::support::files::{errno, link, names, read, read_all, read_text};
use crate::support::mount::{Mount, asof};
use crate::support::work_tree::{Work, tour};
use crate::support::{eventually, git, temp_dir, tree};

/// How soon a commit must show.
const FRESH: Duration = Duration::from_secs(2);

/// A description of every file of a folder tree, so that the test notices a change.
fn state(folder: &Path) -> String {
    run("find").arg(folder).args(["-printf", "%p %i %s %T@ %C@ %m\n"]).ok()
}

#[test]
fn a_repository_is_shown_as_git_has_it_and_never_written() {
    let work = tour();
    let before = state(&work.path);
    let mount = work.mount();
    assert_eq!(names(mount.root()), ["code"]);
    let expected = ["2026-01-01T120000Z", "2026-01-02T120000Z", "2026-01-03T120000Z"];
    assert_eq!(names(mount.path("code/asof")), expected);
    for snapshot in tree::log(&mount.path("code")) {
        let folder = mount.path("code").join(&snapshot.path);
        let listing = work.git(&["ls-tree", "-r", &snapshot.commit]);
        for line in listing.lines() {
            let (facts, path) = line.split_once('\t').expect("a tab stands before the path");
            let (mode, blob) = (&facts[..6], facts.rsplit_once(' ').expect("three facts").1);
            let bytes =
                git::git(&work.path).args(["cat-file", "blob", blob]).outcome().expect_status(0).stdout;
            let shown = folder.join(path);
            let found = fs::symlink_metadata(&shown).expect("it is there");
            match mode {
                "120000" => assert_eq!(link(&shown).as_bytes(), bytes, "{path}"),
                _ => assert_eq!(read(&shown), bytes, "{path}"),
            }
            let expected = match mode {
                "120000" => 0o120_777,
                "100755" => 0o100_555,
                _ => 0o100_444,
            };
            assert_eq!((found.mode(), found.len()), (expected, bytes.len() as u64), "{path}");
            let last = work.git(&["log", "-1", "--format=%ct", &snapshot.commit, "--", path]);
            assert_eq!(found.mtime().to_string(), last, "{path}");
        }
        let shown = run("find").args([".", "!", "-type", "d"]).dir(&folder).ok();
        assert_eq!(shown.lines().count(), listing.lines().count(), "{}", snapshot.name);
        assert_eq!(snapshot.line["source"], format!("git {}", work.path.display()));
    }
    assert_eq!(link(mount.path("code/branches/main")), "../asof/2026-01-03T120000Z");
    assert_eq!(link(mount.path("code/tags/v1/first")), "../../asof/2026-01-02T120000Z");
    assert_eq!(link(mount.path("code/asof/HEAD~2")), "2026-01-01T120000Z");
    assert!(!mount.path("code/live").exists(), "what is not committed is not shown");
    mount.unmount();
    assert_eq!(state(&work.path), before);
}

/// The same files in a commit and in a folder of archives.
#[test]
fn what_is_in_a_committed_file_is_what_an_archive_shows() {
    let (dir, time) = (temp_dir(), "20260121-200000");
    let (work, archives) = (dir.path().join("code"), dir.path().join("backups"));
    for folder in [&work, &archives] {
        fs::create_dir(folder).expect("the folder is ours");
    }
    fs::copy("src/format/tests/archives/pg16-gzip.dump", work.join("shop.dump"))
        .expect("the fixture is there");
    let make = "mkdir -p in/sub && seq 3000 >in/many && ln -s ../many in/sub/link && tar -czf files.tar.gz -C in . \
        && echo 'SELECT 1;' | gzip >old.sql.gz && rm -r in && head -c 700 files.tar.gz >cut.tar.gz";
    run("sh").args(["-ec", make]).dir(&work).ok();
    git::git(&work).args(["init", "-q", "-b", "main"]).ok();
    git::git(&work).args(["add", "."]).ok();
    git::git(&work).args(["commit", "-q", "-m", "1"]).ok();
    for (name, ending) in [("shop", "dump"), ("files", "tar.gz"), ("old", "sql.gz")] {
        let from = work.join(format!("{name}.{ending}"));
        fs::copy(from, archives.join(format!("{name}-{time}.{ending}"))).expect("the folder is ours");
    }
    let sources = [format!("git:{}", work.display()), archives.display().to_string()];
    let mount = Mount::new(&sources);
    for (in_git, in_archive) in [
        ("code/latest/shop.dump.tables/app", "shop/latest/app"),
        ("code/latest/files.tar.gz.members", "files/latest/files"),
    ] {
        let shown = read_all(mount.path(in_git));
        assert!(!shown.is_empty(), "{in_git}");
        assert_eq!(shown, read_all(mount.path(in_archive)), "{in_git}");
    }
    assert_eq!(read_text(mount.path("code/latest/old.sql.gz.unpacked/old.sql")), "SELECT 1;\n");
    mount.unmount();
    // The check reads them, too.
    let said = run(asof()).args(["verify", &sources[0]]).outcome().expect_status(1).text();
    assert!(said.contains("cut.tar.gz.members"), "{said}");
}

#[test]
fn links_are_links_and_what_may_be_run_runs() {
    let work = tour();
    let mount = work.mount();
    let latest = mount.path("code/latest");
    assert_eq!(
        read_text(latest.join("bin/main")),
        "fn main() { println!(\"2\") }\n",
        "a link within is followed"
    );
    assert_eq!(errno(fs::read(latest.join("dangling"))), Errno::NOENT.raw_os_error());
    assert_eq!(run(latest.join("bin/run")).ok(), "run\n");
    let copy = work.folder.path().join("copy");
    run("cp").arg("-a").arg(format!("{}/", latest.display())).arg(&copy).ok();
    assert_eq!(link(copy.join("outside")), "/etc/hostname", "a copy has the link, not what it leads to");
    assert_eq!(fs::metadata(copy.join("bin/run")).expect("it is there").mode() & 0o777, 0o555);
    run("rsync").args(["-aH", "--delete"]).arg(format!("{}/", latest.display())).arg(&copy).ok();
    let again = run("rsync").args(["-aHi", "--delete"]).arg(format!("{}/", latest.display())).arg(&copy).ok();
    assert_eq!(again, "", "a second rsync sends nothing");
    // Symlinks cannot have such attributes.
    let told = run("getfattr").args(["-h", "-d"]).arg(latest.join("outside")).ok();
    assert_eq!(told, "");
}

#[test]
fn what_no_link_can_say_is_an_error_of_its_own() {
    let work = Work::new();
    for (name, target) in [("long", "x".repeat(5000)), ("empty", String::new()), ("nul", "a\0b".to_owned())] {
        let blob = git::git(&work.path).args(["hash-object", "-w", "--stdin"]).input(target).ok();
        let entry = format!("120000,{},{name}", blob.trim());
        work.git(&["update-index", "--add", "--cacheinfo", &entry]);
    }
    work.write("good", "good\n");
    work.git(&["add", "good"]);
    work.git(&["commit", "-q", "-m", "links"]);
    let mount = work.mount();
    let latest = mount.path("code/latest");
    assert_eq!(names(&latest), ["empty", "good", "long", "nul"]);
    for name in ["long", "empty", "nul"] {
        assert_eq!(errno(fs::read_link(latest.join(name))), Errno::IO.raw_os_error(), "{name}");
    }
    assert_eq!(read_text(latest.join("good")), "good\n");
}

#[test]
fn new_commits_show_within_seconds_through_gc_and_rewriting() {
    let work = tour();
    let mount = work.mount();
    let latest = || link(mount.path("code/latest"));
    let shows = |what: &str, name: &str| {
        eventually(what, FRESH, || (latest() == format!("asof/{name}")).then_some(()));
    };
    work.write("new", "new\n");
    work.commit("new", "04T12:00:00");
    shows("a commit", "2026-01-04T120000Z");
    assert_eq!(read_text(mount.path("code/latest/new")), "new\n");
    work.git(&["gc", "-q", "--prune=now"]);
    work.write("new", "newer\n");
    let newer = work.commit("newer", "05T12:00:00");
    shows("a commit after gc", "2026-01-05T120000Z");
    assert_eq!(read_text(mount.path("code/latest/new")), "newer\n");
    assert_eq!(read_text(mount.path("code/asof/2026-01-04T120000Z/new")), "new\n");
    let open = fs::File::open(mount.path("code/latest/new")).expect("it is there");
    work.git(&["reset", "-q", "--hard", "HEAD~2"]);
    shows("a branch that was taken back", "2026-01-03T120000Z");
    assert!(!mount.path(&format!("code/commits/{newer}")).exists());
    assert_eq!(std::io::read_to_string(open).expect("what is open goes on"), "newer\n");
    work.git(&["branch", "topic/deep/x"]);
    eventually("a branch", FRESH, || mount.path("code/branches/topic/deep/x").is_symlink().then_some(()));
}

#[test]
fn a_path_and_a_branch_may_be_chosen() {
    let work = tour();
    work.git(&["checkout", "-q", "-b", "other/one", "HEAD~1"]);
    work.write("src/other.rs", "// other\n");
    work.commit("other", "04T12:00:00");
    work.git(&["checkout", "-q", "main"]);
    let bare = work.folder.path().join("code.git");
    run("git").args(["clone", "-q", "--bare"]).args([&work.path, &bare]).ok();
    let place = |rest: &str| format!("git:{}{rest}", bare.display());
    let mount =
        Mount::new(&[place("/src"), format!("named={}", place("/bin/main")), place("?ref=other/one")]);
    assert_eq!(names(mount.root()), ["code", "named", "src"]);
    assert_eq!(names(mount.path("src/asof")), ["2026-01-01T120000Z", "2026-01-03T120000Z"]);
    assert_eq!(names(mount.path("src/latest/")), ["main.rs"]);
    assert_eq!(names(mount.path("named/asof")), ["2026-01-02T120000Z"]);
    assert_eq!(link(mount.path("named/latest/main")), "../src/main.rs");
    assert_eq!(link(mount.path("code/latest")), "asof/2026-01-04T120000Z");
    assert_eq!(names(mount.path("code/latest/src")), ["main.rs", "other.rs"]);
    assert_eq!(link(mount.path("src/branches/other/one")).rsplit('/').next().map(|c| c.len()), Some(40));
}

#[test]
fn a_broken_object_fails_for_its_own_file() {
    let work = tour();
    let blob = work.git(&["rev-parse", "HEAD:src/main.rs"]);
    let path = work.path.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(&path).expect("it is loose, and ours");
    fs::write(&path, b"x\x01\x02\x03 no object").expect("the folder is ours");
    let mount = work.mount();
    assert_eq!(names(mount.path("code/latest/src")), ["main.rs"]);
    assert_eq!(errno(fs::read(mount.path("code/latest/src/main.rs"))), Errno::IO.raw_os_error());
    assert_eq!(read_text(mount.path("code/latest/README.md")), "read me\n");
    assert_eq!(read_text(mount.path("code/asof/2026-01-01T120000Z/src/main.rs")), "fn main() {}\n");
    assert!(mount.log().contains(&blob), "the log names it:\n{}", mount.log());
    fs::remove_file(&path).expect("it is ours");
    assert_eq!(errno(fs::read(mount.path("code/latest/src/main.rs"))), Errno::STALE.raw_os_error());
}

#[test]
fn what_is_no_repository_with_commits_is_refused_with_a_reason() {
    let folder = temp_dir();
    let mountpoint = folder.path().join("mnt");
    fs::create_dir(&mountpoint).expect("a new folder is writable");
    let refused = |source: &str| {
        run(asof()).args(["mount", "-f", source]).arg(&mountpoint).outcome().expect_status(1).stderr
    };
    let unborn = Work::new();
    let error = refused(&unborn.path.display().to_string());
    assert!(error.contains("`main`") && error.contains("no commit"), "{error}");
    let error = refused(&format!("git:{}", folder.path().join("none").display()));
    assert!(error.contains("found no git repository"), "{error}");
    let work = tour();
    let error = refused(&format!("git:{}?ref=x", work.path.display()));
    assert!(error.contains("found no branch `x`") && error.contains("git branch -a"), "{error}");
}

/// A folder of archives in a git work tree is a folder of archives.
#[test]
fn archives_in_a_work_tree_come_first_unless_git_is_asked_for() {
    let work = Work::new();
    work.write("hq-20260101-1200.jsonl", "{\"id\":1}\n");
    work.commit("begin", "02T12:00:00");
    work.git(&["mv", "hq-20260101-1200.jsonl", "hq-20260103-1200.jsonl"]);
    work.commit("the next day", "04T12:00:00");
    let mount = Mount::new(&[work.path.display().to_string(), format!("repo=git:{}", work.path.display())]);
    assert_eq!(names(mount.root()), ["hq", "repo"]);
    assert_eq!(names(mount.path("hq/asof")), ["2026-01-03T120000Z"]);
    // Git still has what was deleted from the folder.
    assert_eq!(names(mount.path("repo/asof")), ["2026-01-01T120000Z", "2026-01-03T120000Z"]);
}

#[test]
fn copies_that_octopoid_deleted_are_mounted_at_the_times_in_their_names() {
    let work = Work::new();
    let folder = "project-management/db-snapshots";
    fs::create_dir_all(work.path.join(folder)).expect("the folder is ours");
    let take = |stamp: &str, rows: u32| {
        let name = format!("{folder}/state-{stamp}.db");
        let sql = "CREATE TABLE tasks(id INTEGER PRIMARY KEY); INSERT INTO tasks SELECT value FROM \
                   generate_series(1,";
        run("sqlite3").arg(work.path.join(&name)).arg(format!("{sql}{rows})")).ok();
        name
    };
    let oldest = take("2026-01-01-120000", 1);
    let commit = work.commit("snapshot: orchestrator DB at 2026-01-01 12:00:00", "01T12:00:01");
    take("2026-01-15-120000", 2);
    work.commit("snapshot: orchestrator DB at 2026-01-15 12:00:00", "15T12:00:01");
    take("2026-01-31-120000", 3);
    work.git(&["rm", "-q", &oldest]);
    work.commit("snapshot: orchestrator DB at 2026-01-31 12:00:00", "31T12:00:01");

    let source = format!("git:{}/{folder}", work.path.display());
    let mount = Mount::with(&["--timezone", "Europe/Berlin"], &[source]);
    assert_eq!(names(mount.root()), ["state"]);
    let expected = ["2026-01-01T110000Z", "2026-01-15T110000Z", "2026-01-31T110000Z"];
    assert_eq!(names(mount.path("state/asof")), expected);
    let shown = mount.path("state/asof/2026-01-01T110000Z");
    assert_eq!(names(&shown), ["schema.sql", "state.db", "tasks.jsonl"]);
    let bytes = git::git(&work.path).arg("show").arg(format!("{commit}:{oldest}")).outcome();
    assert_eq!(read(shown.join("state.db")), bytes.expect_status(0).stdout);
    let copy = work.folder.path().join("restored.db");
    fs::write(&copy, read(shown.join("state.db"))).expect("the folder is ours");
    let rows = run("sqlite3").arg(&copy).arg("SELECT json_object('id', id) FROM tasks").ok();
    assert_eq!(read_text(shown.join("tasks.jsonl")), rows);
    assert_eq!(rows, "{\"id\":1}\n");
    assert_eq!(link(mount.path("state/asof/2026-01-20")), "2026-01-15T110000Z");
    assert_eq!(link(mount.path("state/asof/HEAD~2")), "2026-01-01T110000Z");
    assert_eq!(link(mount.path(&format!("state/asof/{commit}"))), "2026-01-01T110000Z");

    // Another copy, during the mount.
    take("2026-02-01-120000", 4);
    work.commit("snapshot: orchestrator DB at 2026-02-01 12:00:00", "31T13:00:01");
    let newest = || link(mount.path("state/latest"));
    eventually("the copy shows", FRESH, || (newest() == "asof/2026-02-01T110000Z").then_some(()));
    assert_eq!(read_text(mount.path("state/latest/tasks.jsonl")).lines().count(), 4);
}
