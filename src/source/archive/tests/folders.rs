//! Which archives and databases a folder holds, and what changes while it is watched.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;
use crate::content::ErrorKind;
use crate::files::root::Links;

#[tokio::test]
async fn a_mixed_folder_shows_what_is_an_archive() {
    let folder = Folder::new();
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    folder.write("hq-20260122-2000.jsonl", "{}\n");
    folder.write("beads-20260121-2000.jsonl", "{}\n");
    folder.zip("2026-01-21T200000.zip", &[], &[("a", b"a")]);
    folder.zip("pre-restore-2026-01-22T200000.zip", &[], &[("a", b"a")]);
    let archives = folder.archives();
    symlink(archives.join("hq-20260122-2000.jsonl"), archives.join("hq-latest.jsonl")).unwrap();
    folder.write("beads-latest.jsonl", "{}\n");
    folder.write("2026-01-23T000000.zip.tmp", "PK");
    folder.write(".hidden-20260121-2000.jsonl", "{}\n");
    folder.write("README.md", "read me");
    std::fs::write(archives.join(OsStr::from_bytes(b"\xff-20260121-2000.jsonl")), "{}\n").unwrap();
    folder.write("hq.jsonl", "{}\n");
    std::fs::create_dir(archives.join("2026-01-24T000000.zip")).unwrap();
    symlink("/nowhere", archives.join("hq-20260125-0000.jsonl")).unwrap();

    let source = folder.open();
    let databases = databases(&source).await;
    assert_eq!(names(&databases), ["beads", "hq"]);
    let beads = ["pre-restore-2026-01-22T200000.zip", "beads-20260121-2000.jsonl", "2026-01-21T200000.zip"];
    assert_eq!(ids(&databases[0]), beads);
    assert_eq!(ids(&databases[1]), ["hq-20260122-2000.jsonl", "hq-20260121-2000.jsonl"]);
    assert_eq!(source.label(), format!("archive {}", archives.display()));
    let missing = files(&databases[0], "hq-20260121-2000.jsonl").await.err().unwrap();
    assert_eq!(missing.kind, ErrorKind::Missing);
}

#[tokio::test]
async fn a_poll_tells_news_only() {
    let folder = Folder::new();
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    folder.write("beads-20260121-2000.jsonl", "{}\n");
    let source = folder.open();
    let first = databases(&source).await;
    assert!(source.poll().await.unwrap().is_none());
    folder.write("unrelated.txt", "");
    assert!(source.poll().await.unwrap().is_none());

    folder.write("hq-20260122-2000.jsonl", "{}\n");
    let second = databases(&source).await;
    assert!(Arc::ptr_eq(&first[0], &second[0]), "beads has no news");
    assert_eq!(ids(&second[1]), ["hq-20260122-2000.jsonl", "hq-20260121-2000.jsonl"]);
    assert_eq!(ids(&first[1]), ["hq-20260121-2000.jsonl"], "a view handed out stays as it was");

    std::fs::remove_dir_all(folder.archives()).unwrap();
    let error = source.poll().await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    std::fs::create_dir(folder.archives()).unwrap();
    assert!(databases(&source).await.is_empty(), "later emptiness is fine");
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    assert_eq!(names(&databases(&source).await), ["hq"]);
}

#[tokio::test]
async fn whatever_comes_and_goes_is_news_once() {
    let folder = Folder::new();
    let days = ["beads-20260121-2000.jsonl", "beads-20260122-2000.jsonl", "beads-20260123-2000.jsonl"];
    let first = folder.write(days[0], "{}\n");
    folder.write(days[1], "{}\n");
    let source = folder.open();
    assert_eq!(ids(&database(&source).await), [days[1], days[0]]);

    std::fs::remove_file(&first).unwrap();
    folder.write(days[2], "{}\n");
    assert_eq!(ids(&database(&source).await), [days[2], days[1]], "as many as before");
    std::fs::remove_file(folder.archives().join(days[1])).unwrap();
    std::fs::create_dir(folder.archives().join(days[1])).unwrap();
    assert_eq!(ids(&database(&source).await), [days[2]], "a folder took its place");
    std::fs::remove_dir(folder.archives().join(days[1])).unwrap();
    assert!(source.poll().await.unwrap().is_none());
    let elsewhere = folder.archives().join("elsewhere");
    std::fs::write(&elsewhere, "{}\n").unwrap();
    symlink(&elsewhere, &first).unwrap();
    assert_eq!(ids(&database(&source).await), [days[2], days[0]]);
    assert!(source.poll().await.unwrap().is_none());
    std::fs::write(&elsewhere, "[]\n").unwrap();
    assert_eq!(ids(&database(&source).await), [days[2], days[0]], "behind the link");
    assert!(source.poll().await.unwrap().is_none());
}

#[tokio::test]
async fn a_link_out_of_the_folder_is_followed_only_where_that_is_asked_for() {
    let folder = Folder::new();
    let days = ["beads-20260121-2000.jsonl", "beads-20260122-2000.jsonl"];
    folder.write(days[0], "{}\n");
    let elsewhere = folder.path("elsewhere");
    std::fs::write(&elsewhere, "{\"secret\":1}\n").unwrap();
    symlink(&elsewhere, folder.archives().join(days[1])).unwrap();
    assert_eq!(ids(&database(&folder.open()).await), [days[0]]);
    let options = ArchiveOptions { links: Links::Owned, ..ArchiveOptions::default() };
    let followed = ArchiveSource::open(&folder.archives(), options).unwrap();
    let shown = database(&followed).await;
    assert_eq!(ids(&shown), [days[1], days[0]]);
    let listed = files(&shown, days[1]).await.unwrap();
    assert_eq!(read(&listed[0].content).await.unwrap(), b"{\"secret\":1}\n");
}

#[tokio::test]
async fn an_archive_in_whose_place_a_link_is_put_stays_listed_and_cannot_be_read() {
    let folder = Folder::new();
    let name = "beads-20260121-2000.jsonl";
    let path = folder.write(name, "{}\n");
    let source = folder.open();
    let before = database(&source).await;
    let elsewhere = folder.path("elsewhere");
    std::fs::write(&elsewhere, "{\"secret\":1}\n").unwrap();
    std::fs::remove_file(&path).unwrap();
    symlink(&elsewhere, &path).unwrap();
    // What was listed before is opened after the swap.
    let listed = files(&before, name).await;
    assert!(match listed {
        Ok(listed) => read(&listed[0].content).await.is_err(),
        Err(_) => true,
    });
    let after = database(&source).await;
    assert_eq!(ids(&after), [name]);
    let error = files(&after, name).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
}

#[tokio::test]
async fn a_zip_that_was_half_written_gets_whole() {
    let folder = Folder::new();
    let whole = std::fs::read(folder.zip("2026-01-21T200000.zip", &[], &[("a", b"abc")])).unwrap();
    folder.write("2026-01-21T200000.zip", &whole[..whole.len() / 2]);
    let source = folder.open();
    let before = database(&source).await;
    assert!(files(&before, "2026-01-21T200000.zip").await.is_err());
    folder.write("2026-01-21T200000.zip", &whole);
    let after = database(&source).await;
    let listed = files(&after, "2026-01-21T200000.zip").await.unwrap();
    assert_eq!(read(&listed[0].content).await.unwrap(), b"abc");
}

#[tokio::test]
async fn a_name_renames_one_database_or_chooses_one() {
    let folder = Folder::new();
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    let renamed = open_as(&folder.archives(), Some("town")).unwrap();
    assert_eq!(names(&databases(&renamed).await), ["town"]);
    folder.write("rig-20260121-2000.jsonl", "{}\n");
    folder.write("hq-20260122-2000.jsonl", "{}\n");
    let later = databases(&renamed).await;
    assert_eq!((names(&later), ids(&later[0]).len()), (vec!["town"], 2));

    let chosen = open_as(&folder.archives(), Some("rig")).unwrap();
    assert_eq!(names(&databases(&chosen).await), ["rig"]);
    let error = open_as(&folder.archives(), Some("town")).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.chain().contains("hq, rig"), "{}", error.chain());
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn a_folder_called_archives_takes_the_name_above() {
    let folder = Folder::new();
    folder.zip("2026-01-21T200000.zip", &[], &[("a", b"a")]);
    std::fs::create_dir(folder.path("my-repo")).unwrap();
    let archives = folder.path("my-repo").join("archives");
    std::fs::rename(folder.archives(), &archives).unwrap();
    assert_eq!(names(&databases(&open(&archives).unwrap()).await), ["my-repo"]);

    assert_eq!(names(&databases(&open(&folder.path("my-repo")).unwrap()).await), ["my-repo"]);
    std::fs::rename(&archives, folder.path("my-repo").join("jsonl")).unwrap();
    let error = open(&folder.path("my-repo")).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.hint.unwrap().contains("my-repo/jsonl?"));
}

#[tokio::test]
async fn one_file_is_a_source_too() {
    let folder = Folder::new();
    let zip = folder.zip("2026-01-21T200000.zip", &[], &[("a", b"a")]);
    assert_eq!(names(&databases(&open(&zip).unwrap()).await), ["beads"]);
    let bare = folder.zip("backup.zip", &[], &[("a", b"a")]);
    std::fs::File::options()
        .append(true)
        .open(&bare)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
        .unwrap();
    let source = open(&bare).unwrap();
    let shown = database(&source).await;
    assert_eq!(shown.name(), "backup");
    assert_eq!(shown.history().timeline[0].time.to_string(), "2001-09-09T01:46:40Z");
    assert_eq!(read_newest(&open(&bare).unwrap(), "a").await.unwrap(), b"a");
    assert_eq!(names(&databases(&open_as(&bare, Some("x")).unwrap()).await), ["x"]);
    std::fs::remove_file(&bare).unwrap();
    assert_eq!(source.poll().await.err().unwrap().kind, ErrorKind::Missing);

    let export = folder.write("hq-20260121-2000.jsonl", "{}\n");
    let latest = folder.archives().join("hq-latest.jsonl");
    symlink(export, &latest).unwrap();
    let source = open(&latest).unwrap();
    assert_eq!(ids(&database(&source).await), ["hq-20260121-2000.jsonl"]);
}

#[test]
fn what_is_no_archive_is_refused_with_a_hint() {
    let folder = Folder::new();
    let text = folder.write("notes.txt", "x");
    let pipe = folder.archives().join("pipe.zip");
    assert!(run(Command::new("mkfifo").arg(&pipe)).status.success());
    for (path, kind) in [
        (folder.path("nothing"), ErrorKind::Missing),
        (folder.archives(), ErrorKind::Invalid),
        (text, ErrorKind::Invalid),
        (pipe, ErrorKind::Invalid),
    ] {
        let error = open(&path).err().unwrap_or_else(|| panic!("{}", path.display()));
        assert_eq!(error.kind, kind, "{}", error.chain());
        assert!(error.hint.is_some(), "{}", error.chain());
        assert!(error.chain().contains(path.to_str().unwrap()), "{}", error.chain());
    }
}
