//! Common file tools give correct answers on every kind of mount.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::command::{run, shell};
use crate::support::files::{assert_same, names, read_all};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{archives, histories, temp_dir};

/// Runs every tool on two snapshots, `a` and `b`, of the database folder `db`, and rsync on all of it.
fn all_tools_work(db: &Path, a: &str, b: &str) {
    read_tools_work(db, a, b);
    a_second_rsync_sends_nothing(db, temp_dir().path());
}

/// Runs every tool but rsync on two snapshots of the database folder `db`.
pub fn read_tools_work(db: &Path, a: &str, b: &str) {
    let dir = temp_dir();
    // The expected results, as plain files.
    let plain = dir.path().join("plain/asof");
    for name in [a, b] {
        write_all(&plain.join(name), &read_all(db.join("asof").join(name)));
    }
    let plain = dir.path().join("plain");
    searches_agree(db, &plain, a, b);
    copies_agree(db, &plain, dir.path(), a);
    times_and_sizes(db, dir.path(), a, b);
}

fn write_all(dir: &Path, files: &BTreeMap<String, Vec<u8>>) {
    fs::create_dir_all(dir).expect("the folder is ours");
    for (name, bytes) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder is ours");
        fs::write(path, bytes).expect("the folder is ours");
    }
}

fn searches_agree(db: &Path, plain: &Path, a: &str, b: &str) {
    let a_and_b = |dir: &Path, command: &str| {
        let outcome =
            shell(command).dir(dir).env("A", format!("asof/{a}")).env("B", format!("asof/{b}")).outcome();
        (outcome.status.code(), outcome.text(), outcome.stderr)
    };
    for command in [
        "grep -rc . $A | sort",
        "grep -r open $A $B | sort",
        "grep -rl 'no such text' $A",
        "diff -r $A $B",
        "diff -rq $A $A",
        "cd $A && find . -type f | sort | xargs sha256sum",
        "cd $B && wc -l $(find . -type f | sort)",
        "cat $(find $A -type f | sort) | tail -c 300",
    ] {
        assert_eq!(a_and_b(db, command), a_and_b(plain, command), "{command}");
    }
    let changed = a_and_b(db, "diff -r $A $B");
    assert_eq!(changed.0, Some(1), "the two snapshots differ, or the comparison proves nothing");
}

fn copies_agree(db: &Path, plain: &Path, dir: &Path, a: &str) {
    let source = db.join("asof").join(a);
    let same = |copy: &Path| {
        run("diff").arg("-r").arg(copy).arg(plain.join("asof").join(a)).ok();
        for name in names(&source) {
            let (ours, theirs) = (source.join(&name), copy.join(&name));
            let time = |path: &Path| fs::metadata(path).map(|m| m.mtime()).expect("the copy is complete");
            assert_eq!(time(&ours), time(&theirs), "mtime of the copy {}", theirs.display());
        }
    };
    run("cp").arg("-a").arg(&source).arg(dir.join("cp")).ok();
    same(&dir.join("cp"));
    fs::create_dir(dir.join("tar")).expect("the folder is ours");
    let script =
        "tar cf - -C \"$FROM\" . | tar xf - -C \"$TO\" && tar cf - -C \"$FROM\" . | tar df - -C \"$FROM\"";
    shell(&format!("set -o pipefail; {script}")).env("FROM", &source).env("TO", dir.join("tar")).ok();
    same(&dir.join("tar"));
    // rm deletes the copies like any folder: the modes of the mount do not prevent it.
    run("rm").arg("-r").arg(dir.join("tar")).ok();
}

fn times_and_sizes(db: &Path, dir: &Path, a: &str, b: &str) {
    let asof = db.join("asof");
    let stamp = fs::metadata(asof.join(a)).expect("the snapshot is there").mtime();
    let reference = dir.join("reference");
    run("touch").args(["-d", &format!("@{stamp}")]).arg(&reference).ok();
    let newer = run("find").arg(asof.join(b)).args(["-type", "f", "-newer"]).arg(&reference).ok();
    for (name, _) in read_all(asof.join(b)) {
        let path = asof.join(b).join(&name);
        let is_newer = fs::metadata(&path).expect("it was listed").mtime() > stamp;
        assert_eq!(newer.lines().any(|line| Path::new(line) == path), is_newer, "find -newer on {name}");
    }
    assert!(!newer.is_empty(), "something changed between the snapshots");
    let summed = |flags: &str| {
        let script = format!(
            "find \"$A\" \"$B\" -type f -print0 | du -c --files0-from=- --block-size=1 {flags} | tail -n 1"
        );
        let said = shell(&script).env("A", asof.join(a)).env("B", asof.join(b)).ok();
        said.split('\t')
            .next()
            .and_then(|n| n.parse::<u64>().ok())
            .unwrap_or_else(|| panic!("du says {said}"))
    };
    // Each inode counts once.
    let mut files = BTreeMap::new();
    for name in [a, b] {
        for file in read_all(asof.join(name)).keys() {
            let meta = fs::metadata(asof.join(name).join(file)).expect("it was listed");
            files.insert(meta.ino(), (meta.len(), meta.blocks() * 512));
        }
    }
    let (bytes, blocks) = files.values().fold((0, 0), |sum, f| (sum.0 + f.0, sum.1 + f.1));
    assert_eq!(summed("--apparent-size"), bytes, "du --apparent-size");
    assert_eq!(summed(""), blocks, "du");
}

/// `rsync -aH` of the whole database, twice: first with equal contents as hard links, then without sending anything.
fn a_second_rsync_sends_nothing(db: &Path, dir: &Path) {
    let copy = dir.join("rsync");
    let rsync = || {
        let from = format!("{}/", db.display());
        run("rsync").args(["-aH", "--itemize-changes", "--stats", "--exclude=/live"]).arg(from).arg(&copy)
    };
    let first = rsync().ok();
    assert!(!first.contains("Number of regular files transferred: 0"), "{first}");
    for snapshot in names(db.join("asof")) {
        let (ours, theirs) = (db.join("asof").join(&snapshot), copy.join("asof").join(&snapshot));
        let (ours, theirs) = (read_all(ours), read_all_plain(&theirs));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, bytes) in &ours {
            assert_same(&format!("the copy of {snapshot}/{name}"), &theirs[name], bytes);
        }
    }
    let second = rsync().ok();
    assert!(second.contains("Number of regular files transferred: 0"), "{second}");
    let items: Vec<&str> = second.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(items, Vec::<&str>::new(), "the second rsync changes nothing");
}

fn read_all_plain(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let listed = run("find").arg(dir).args(["-type", "f", "-printf", "%P\\n"]).ok();
    let file = |name: &str| (name.to_owned(), fs::read(dir.join(name)).expect("the copy is readable"));
    listed.lines().map(file).collect()
}

#[test]
fn on_a_dolt_server() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let db = mount.path("tour");
    all_tools_work(&db, "2026-01-05T183000Z", "2026-01-07T200000Z");
}

#[test]
fn on_zips() {
    let dir = temp_dir();
    let (old, new) = (archives::lines(3000, 1), archives::lines(3000, 2));
    archives::thrum_folder(
        dir.path(),
        &[
            ("2026-01-02T000000", "2026-01-01T12:00:00Z", &old),
            ("2026-01-03T000000", "2026-01-02T12:00:00Z", &old),
            ("2026-01-04T000000", "2026-01-03T12:00:00Z", &new),
        ],
    );
    let mount = Mount::new(&[format!("backup={}", dir.path().display())]);
    let db = mount.path("backup");
    all_tools_work(&db, "2026-01-02T120000Z", "2026-01-03T120000Z");
}

#[test]
fn on_jsonl_exports() {
    let dir = temp_dir();
    for (name, salt) in [("beads-20260101-1200", 1), ("beads-20260102-1200", 1), ("beads-20260103-1200", 2)] {
        fs::write(dir.path().join(format!("{name}.jsonl")), archives::lines(3000, salt))
            .expect("the folder is ours");
    }
    let mount = Mount::with(&["--timezone", "UTC"], &[dir.path().to_str().expect("UTF-8")]);
    let db = mount.path("beads");
    all_tools_work(&db, "2026-01-02T120000Z", "2026-01-03T120000Z");
}

#[test]
fn an_rsync_after_a_remount_sends_nothing() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let dir = temp_dir();
    let cache = dir.path().join("cache").display().to_string();
    let rsync = || {
        let mount = Mount::with(&["--cache-dir", &cache], &[server.url("tour")]);
        let from = format!("{}/", mount.path("tour").display());
        let run =
            run("rsync").args(["-aH", "--stats", "--exclude=/live"]).arg(from).arg(dir.path().join("copy"));
        let said = run.ok();
        mount.unmount();
        said
    };
    assert!(!rsync().contains("files transferred: 0\n"));
    // In another second, the precision that rsync compares: no time may depend on when the tree was mounted.
    let second = || std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs();
    let mounted = second();
    crate::support::eventually("another second", std::time::Duration::from_secs(5), || {
        (second() > mounted).then_some(())
    });
    let second = rsync();
    assert!(second.contains("files transferred: 0\n"), "{second}");
}

#[test]
fn equal_contents_are_copied_once() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let dir = temp_dir();
    let copy = dir.path().join("copy");
    run("rsync").arg("-aH").arg(mount.path("tour/asof")).arg(&copy).ok();
    let inode = |name: &str| fs::metadata(copy.join("asof").join(name)).expect("it was copied").ino();
    // labels did not change between the first two commits, issues did.
    let (a, b) = ("2026-01-05T120000Z", "2026-01-05T183000Z");
    assert_eq!(inode(&format!("{a}/labels.jsonl")), inode(&format!("{b}/labels.jsonl")));
    assert_ne!(inode(&format!("{a}/issues.jsonl")), inode(&format!("{b}/issues.jsonl")));
}
