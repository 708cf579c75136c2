//! Folders of archives: zip members byte for byte, exports row by row, and no files that do not belong there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use crate::support::archives::{lines, thrum_folder, write_zip};
use crate::support::command::run;
use crate::support::files::{assert_same, errno, link, names, read, read_text};
use crate::support::mount::{Mount, asof};
use crate::support::{eventually, temp_dir, tree};

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders are UTF-8")
}

#[test]
fn members_are_what_unzip_says() {
    let dir = temp_dir();
    let zip = dir.path().join("2026-01-02T150405.zip");
    let big = lines(40_000, 3);
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let members: [(&str, &[u8]); 6] = [
        ("manifest.json", br#"{"version":1,"timestamp":"2026-01-01T10:00:00Z","counts":{}}"#),
        ("messages/a.jsonl", &big),
        ("messages/deep/er/b.bin", &binary),
        ("empty", b""),
        ("with space/ünï code.txt", b"text"),
        ("config/quo'te \"x\".md", b"# md\n"),
    ];
    write_zip(&zip, &members);
    let mount = Mount::new(&[format!("m={}", dir.path().display())]);
    let listed = names(mount.path("m/asof"));
    assert_eq!(listed, ["2026-01-01T100000Z"], "the manifest tells the true time");
    let shown = crate::support::files::read_all(mount.path("m/latest"));
    assert_eq!(shown.len(), members.len());
    for (name, _) in members {
        // unzip reads member names as patterns.
        let pattern = name.replace('[', "\\[");
        let wanted = run("unzip").arg("-p").arg(&zip).arg(&pattern).outcome().expect_status(0).stdout;
        assert_same(name, &shown[name], &wanted);
    }
    let tested = run("unzip").arg("-tq").arg(&zip).ok();
    assert!(tested.contains("No errors"), "{tested}");
}

#[test]
fn hostile_members_stay_inside() {
    let dir = temp_dir();
    let members: [(&str, &[u8]); 6] = [
        ("../../etc/passwd", b"up"),
        ("/etc/shadow", b"absolute"),
        ("a/../../b", b"sideways"),
        ("a//b", b"empty part"),
        ("./c", b"dot"),
        ("plain", b"plain"),
    ];
    write_zip(&dir.path().join("2026-01-02T150405.zip"), &members);
    let mount = Mount::new(&[format!("m={}", dir.path().display())]);
    let shown = crate::support::files::read_all(mount.path("m/latest"));
    let mut contents: Vec<&[u8]> = shown.values().map(Vec::as_slice).collect();
    let mut wanted: Vec<&[u8]> = members.iter().map(|m| m.1).collect();
    contents.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(contents, wanted, "every member is somewhere below the snapshot: {:?}", shown.keys());
    for name in shown.keys() {
        assert!(!name.split('/').any(|part| part == ".." || part == "." || part.is_empty()), "{name}");
    }
}

#[test]
fn exports_in_both_forms() {
    let dir = temp_dir();
    let true_jsonl = b"{\"id\":\"bd-1\",\"title\":\"\xc3\xa9\"}\n{\"id\":\"bd-2\",\"title\":\"x\"}\n";
    fs::write(dir.path().join("beads-20260101-1200.jsonl"), true_jsonl).expect("the folder is ours");
    let rows =
        r#"{"rows": [{"id":"bd-1","priority":"2","metadata":"{}"},{"id":"bd-2","title":"b \"q\" é"}]}"#;
    fs::write(dir.path().join("beads-20260102-1200.jsonl"), rows).expect("the folder is ours");
    fs::write(dir.path().join("beads-20260103-1200.jsonl"), "{}").expect("the folder is ours");
    fs::write(dir.path().join("hq-main-20260103-1201.jsonl"), "{\"id\":1}\n").expect("the folder is ours");
    std::os::unix::fs::symlink("beads-20260103-1200.jsonl", dir.path().join("beads-latest.jsonl"))
        .expect("the folder is ours");
    let mount = Mount::with(&["--timezone", "UTC"], &[text(dir.path())]);
    assert_eq!(names(mount.root()), ["beads", "hq-main"]);
    let listed = names(mount.path("beads/asof"));
    assert_eq!(listed, ["2026-01-01T120000Z", "2026-01-02T120000Z", "2026-01-03T120000Z"]);
    assert_eq!(link(mount.path("beads/latest")), "asof/2026-01-03T120000Z");
    let at = |day: u8| read(mount.path(&format!("beads/asof/2026-01-0{day}T12:00/issues.jsonl")));
    assert_eq!(at(1), true_jsonl, "true JSONL passes through");
    let rendered = "{\"id\":\"bd-1\",\"priority\":\"2\",\"metadata\":\"{}\"}\n{\"id\":\"bd-2\",\"title\":\"b \\\"q\\\" é\"}\n";
    assert_eq!(String::from_utf8_lossy(&at(2)), rendered, "one row per line");
    assert_eq!(at(3), b"", "no rows");
}

#[test]
fn local_times_in_names_are_read_in_the_zone_given() {
    let dir = temp_dir();
    fs::write(dir.path().join("beads-20260701-1200.jsonl"), "{\"a\":1}\n").expect("the folder is ours");
    let listed =
        |zone: &str| names(Mount::with(&["--timezone", zone], &[text(dir.path())]).path("beads/asof"));
    assert_eq!(listed("UTC"), ["2026-07-01T120000Z"]);
    assert_eq!(listed("Europe/Berlin"), ["2026-07-01T100000Z"]);
    assert_eq!(listed("America/New_York"), ["2026-07-01T160000Z"]);
}

#[test]
fn what_does_not_belong_is_left_out_and_told() {
    let dir = temp_dir();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("beads-20260101-1200.jsonl"), "{\"a\":1}\n").expect("the folder is ours");
    fs::write(at("beads-20260102-1200.jsonl.tmp"), "{\"a\":").expect("the folder is ours");
    fs::write(at("2026-01-02T150405.zip.tmp"), "PK").expect("the folder is ours");
    fs::write(at("README.txt"), "hello").expect("the folder is ours");
    fs::write(at("not a time.zip"), "hello").expect("the folder is ours");
    fs::create_dir(at("a folder-20260101-1200.jsonl")).expect("the folder is ours");
    std::os::unix::fs::symlink("/nowhere", at("gone-20260101-1200.jsonl")).expect("the folder is ours");
    let mount = Mount::with(&["--timezone", "UTC"], &[text(dir.path())]);
    assert_eq!(names(mount.root()), ["beads"]);
    assert_eq!(names(mount.path("beads/asof")), ["2026-01-01T120000Z"]);
    let log = mount.log();
    for name in ["beads-20260102-1200.jsonl.tmp", "2026-01-02T150405.zip.tmp", "README.txt"] {
        assert!(log.contains(name), "the log does not say that {name} is left out:\n{log}");
    }
}

#[test]
fn copies_made_before_a_restore_never_answer_for_a_time() {
    let dir = temp_dir();
    let (old, new) = (lines(10, 1), lines(10, 2));
    thrum_folder(
        dir.path(),
        &[
            ("2026-01-02T000000", "2026-01-01T00:00:00Z", &old),
            ("pre-restore-2026-01-05T000000", "2026-01-04T00:00:00Z", &new),
        ],
    );
    let mount = Mount::new(&[format!("m={}", dir.path().display())]);
    let listed = names(mount.path("m/asof"));
    assert_eq!(listed, ["2026-01-01T000000Z", "2026-01-04T000000Z-pre-restore"]);
    assert_eq!(read(mount.path("m/asof/now/issues.jsonl")), old);
    assert_eq!(link(mount.path("m/latest")), "asof/2026-01-01T000000Z");
    assert_eq!(read(mount.path("m/asof/2026-01-04T000000Z-pre-restore/issues.jsonl")), new);
}

#[test]
fn new_archives_show_and_removed_ones_go() {
    let dir = temp_dir();
    fs::write(dir.path().join("beads-20260101-1200.jsonl"), "{\"a\":1}\n").expect("the folder is ours");
    let mount = Mount::with(&["--timezone", "UTC"], &[text(dir.path())]);
    let listed = || names(mount.path("beads/asof"));
    assert_eq!(listed().len(), 1);
    let half = dir.path().join("beads-20260102-1200.jsonl.tmp");
    fs::write(&half, "{\"a\":2}\n").expect("the folder is ours");
    fs::rename(&half, dir.path().join("beads-20260102-1200.jsonl")).expect("the folder is ours");
    let limit = std::time::Duration::from_secs(4);
    eventually("the new export is listed", limit, || (listed().len() == 2).then_some(()));
    assert_eq!(read_text(mount.path("beads/latest/issues.jsonl")), "{\"a\":2}\n");
    fs::remove_file(dir.path().join("beads-20260101-1200.jsonl")).expect("the folder is ours");
    eventually("the removed one is gone", limit, || (listed().len() == 1).then_some(()));
}

#[test]
fn a_line_that_is_no_json_fails_its_file_only() {
    let dir = temp_dir();
    let good = lines(100, 1);
    fs::write(dir.path().join("beads-20260101-1200.jsonl"), &good).expect("the folder is ours");
    fs::write(dir.path().join("beads-20260102-1200.jsonl"), &good[..good.len() - 20])
        .expect("the folder is ours");
    let mount = Mount::with(&["--timezone", "UTC"], &[text(dir.path())]);
    let cut = mount.path("beads/asof/2026-01-02T120000Z/issues.jsonl");
    assert_eq!(errno(fs::read(&cut)), libc::EIO);
    let log = mount.log();
    assert!(
        log.contains("beads-20260102-1200.jsonl") && log.contains("line 100"),
        "which file, which line:\n{log}"
    );
    assert_eq!(read(mount.path("beads/asof/2026-01-01T120000Z/issues.jsonl")), good);
}

#[test]
fn a_zip_cut_at_twenty_places_hurts_nothing_else() {
    let whole = temp_dir();
    let zip = whole.path().join("2026-01-05T000000.zip");
    let content = lines(5000, 5);
    write_zip(&zip, &[("issues.jsonl", &content), ("small", b"small"), ("other.jsonl", &lines(3000, 6))]);
    let bytes = fs::read(&zip).expect("it was just written");
    let dir = temp_dir();
    write_zip(&dir.path().join("2026-01-01T000000.zip"), &[("issues.jsonl", &content)]);
    for part in 0..20 {
        let cut = bytes.len() * part / 20;
        let name = format!("2026-02-{:02}T000000.zip", part + 1);
        fs::write(dir.path().join(name), &bytes[..cut]).expect("the folder is ours");
    }
    // Another zip, whose directory is whole but whose data is not.
    let mut broken = bytes.clone();
    let middle = bytes.len() / 3;
    broken[middle..middle + 64].fill(0x55);
    fs::write(dir.path().join("2026-03-01T000000.zip"), &broken).expect("the folder is ours");
    let mount = Mount::new(&[format!("m={}", dir.path().display())]);
    assert_eq!(read(mount.path("m/asof/2026-01-15/issues.jsonl")), content, "the whole one is not harmed");
    for name in names(mount.path("m/asof")) {
        let member = mount.path(&format!("m/asof/{name}/issues.jsonl"));
        match fs::read(&member) {
            Ok(got) => assert_same(&name, &got, &content),
            Err(e) => assert!(matches!(e.raw_os_error(), Some(libc::EIO | libc::ENOENT)), "{name}: {e}"),
        }
    }
    let log = mount.log();
    for part in 0..20 {
        let name = format!("2026-02-{:02}T000000.zip", part + 1);
        assert!(log.contains(&name), "the log says nothing of {name}:\n{log}");
    }
    assert!(log.contains("no central directory at its end"), "{log}");
    assert!(!log.contains("EOCD"), "the parser's own words mean nothing to a user:\n{log}");
    let damaged = mount.path("m/asof/2026-03-01T000000Z/issues.jsonl");
    for _ in 0..3 {
        assert_eq!(errno(fs::read(&damaged)), libc::EIO);
    }
    let log = mount.log();
    let about = |line: &&str| line.contains("cannot read") && line.contains("2026-03-01T000000.zip");
    assert_eq!(log.lines().filter(about).count(), 1, "one broken file, one line:\n{log}");
}

#[test]
fn one_file_is_a_source_too() {
    let dir = temp_dir();
    let zip = dir.path().join("2026-01-02T150405.zip");
    write_zip(&zip, &[("t.jsonl", b"{}\n")]);
    let export = dir.path().join("beads-20260101-1200.jsonl");
    fs::write(&export, "{\"a\":1}\n").expect("the folder is ours");
    let mount =
        Mount::with(&["--timezone", "UTC"], &[format!("z={}", zip.display()), text(&export).to_owned()]);
    assert_eq!(names(mount.root()), ["beads", "z"]);
    assert_eq!(read_text(mount.path("z/latest/t.jsonl")), "{}\n");
    assert_eq!(read_text(mount.path("beads/latest/issues.jsonl")), "{\"a\":1}\n");
    assert_eq!(tree::log(&mount.path("z")).len(), 1);
    assert!(asof().exists());
}

#[test]
fn unchanged_members_share_their_inode() {
    use std::os::unix::fs::MetadataExt;
    let dir = temp_dir();
    let (same, other) = (lines(2000, 1), lines(2000, 2));
    thrum_folder(
        dir.path(),
        &[
            ("2026-01-02T000000", "2026-01-01T00:00:00Z", &same),
            ("2026-01-03T000000", "2026-01-02T00:00:00Z", &same),
            ("2026-01-04T000000", "2026-01-03T00:00:00Z", &other),
        ],
    );
    let mount = Mount::new(&[format!("m={}", dir.path().display())]);
    let stat = |day: u8| {
        let meta = fs::metadata(mount.path(&format!("m/asof/2026-01-0{day}T000000Z/issues.jsonl")))
            .expect("a member");
        (meta.ino(), meta.mtime(), meta.nlink())
    };
    assert_eq!(stat(1), stat(2));
    assert_eq!(stat(1).2, 2);
    assert_ne!(stat(2).0, stat(3).0);
    assert!(stat(3).1 > stat(2).1);
}

/// An unreadable archive must not look deleted: a mirror would delete its copy.
#[test]
fn archives_that_cannot_be_read_stay_listed() {
    let dir = temp_dir();
    let at = |name: &str| dir.path().join(name);
    let manifest: &[u8] = br#"{"version":1,"timestamp":"2026-01-01T10:00:00Z","counts":{}}"#;
    write_zip(&at("m-2026-01-02T150405.zip"), &[("manifest.json", manifest), ("a.jsonl", b"{}\n")]);
    fs::write(at("m-20260103-1200.jsonl"), "{\"a\":1}\n").expect("the folder is ours");
    let allow = |mode| {
        for name in ["m-2026-01-02T150405.zip", "m-20260103-1200.jsonl"] {
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("the files are ours");
        }
    };
    // Root may read everything unless it drops that capability.
    let is_root = fs::metadata("/proc/self").expect("there is /proc").uid() == 0;
    let without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"].map(str::to_owned);
    let starter = if is_root { &without[..] } else { &[] };
    let mount = Mount::under(starter, &["--timezone", "UTC"], &[text(dir.path())]);
    let before = names(mount.path("m/asof"));
    assert_eq!(before.len(), 2, "{before:?}");
    let paths = before.iter().map(|name| mount.path(&format!("m/asof/{name}"))).collect::<Vec<_>>();
    let files = ["a.jsonl", "issues.jsonl"].map(|name| {
        let found = paths.iter().map(|path| path.join(name)).find(|path| path.exists());
        found.unwrap_or_else(|| panic!("there is no {name} in {paths:?}"))
    });
    allow(0o000);
    eventually("both are reported", Duration::from_secs(20), || {
        (mount.log().matches("nothing of it can be read before").count() == 2).then_some(())
    });
    assert_eq!(names(mount.path("m/asof")), before);
    drop(mount);
    // A mount that never read them uses their names.
    let mount = Mount::under(starter, &["--timezone", "UTC"], &[text(dir.path())]);
    assert_eq!(names(mount.path("m/asof")), ["2026-01-02T150405Z", "2026-01-03T120000Z"]);
    let unreadable =
        fs::read(mount.path("m/asof/2026-01-03T120000Z").join(files[1].file_name().expect("it has one")));
    assert_eq!(errno(unreadable), libc::EIO);
    allow(0o600);
    eventually("they are read again", Duration::from_secs(20), || {
        let text = fs::read(mount.path("m/asof/2026-01-03T120000Z/issues.jsonl"));
        (text.ok()? == b"{\"a\":1}\n" && names(mount.path("m/asof")).len() == 2).then_some(())
    });
}

/// Name and time stay the same when an archive is replaced; the content is that of the new file.
#[test]
fn an_archive_that_is_replaced_shows_what_it_holds_now() {
    let dir = temp_dir();
    let path = dir.path().join("beads-20260101-1200.jsonl");
    fs::write(&path, "{\"a\":1}\n").expect("the folder is ours");
    let mount = Mount::with(&["--timezone", "UTC"], &[text(dir.path())]);
    let shown = mount.path("beads/asof/2026-01-01T120000Z/issues.jsonl");
    assert_eq!(read_text(&shown), "{\"a\":1}\n");
    assert_eq!(fs::metadata(&shown).expect("it is there").len(), 8);
    let sums = mount.path("beads/sums/2026-01-01T120000Z.sha256");
    let before = read_text(&sums);
    let next = dir.path().join("next.tmp");
    fs::write(&next, "{\"a\":1000}\n").expect("the folder is ours");
    fs::rename(&next, &path).expect("the folder is ours");
    eventually("the new bytes", Duration::from_secs(10), || {
        (fs::read_to_string(&shown).is_ok_and(|text| text == "{\"a\":1000}\n")).then_some(())
    });
    assert_eq!(fs::metadata(&shown).expect("it is there").len(), 11);
    assert_eq!(names(mount.path("beads/asof")), ["2026-01-01T120000Z"], "its name stays");
    // The kernel caches each name for up to a second.
    eventually("the new sum", Duration::from_secs(10), || (read_text(&sums) != before).then_some(()));
    let checked =
        run("sha256sum").args(["-c", "sums/2026-01-01T120000Z.sha256"]).dir(mount.path("beads")).ok();
    assert!(checked.contains("OK"), "{checked}");
    assert_eq!(names(mount.path("beads/versions/issues")), ["2026-01-01T120000Z.jsonl"]);
    eventually("the new version", Duration::from_secs(10), || {
        let version = read_text(mount.path("beads/versions/issues/2026-01-01T120000Z.jsonl"));
        (version == "{\"a\":1000}\n").then_some(())
    });
}

/// If a checksum list cannot be computed, only that file fails.
#[test]
fn one_damaged_archive_leaves_the_sums_of_the_others() {
    let dir = temp_dir();
    let name = |hour: u8| format!("2026-01-01T{hour:02}0000.zip");
    for hour in 0..4 {
        write_zip(&dir.path().join(name(hour)), &[("t.jsonl", format!("{{\"a\":{hour}}}\n").as_bytes())]);
    }
    let second = dir.path().join(name(1));
    let whole = fs::read(&second).expect("it was just written");
    fs::write(&second, &whole[..whole.len() / 2]).expect("the folder is ours");
    let mount = Mount::new(&[format!("m={}", dir.path().display())]);
    let listed = run("ls").args(["-l", text(&mount.path("m/sums"))]).outcome();
    assert_eq!(names(mount.path("m/sums")).len(), 4, "{}", listed.text());
    for (hour, is_whole) in [(0, true), (1, false), (2, true), (3, true)] {
        let sums = fs::read_to_string(mount.path(&format!("m/sums/2026-01-01T{hour:02}0000Z.sha256")));
        assert_eq!(sums.is_ok(), is_whole, "{hour}: {sums:?}");
    }
}
