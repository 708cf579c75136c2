//! Which archives and databases a folder holds, and what changes while it is watched.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;

#[tokio::test]
async fn a_mixed_folder_shows_what_is_an_archive() {
    let folder = Folder::new();
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    folder.write("hq-20260122-2000.jsonl", "{}\n");
    folder.write("beads-20260121-2000.jsonl", "{}\n");
    folder.zip("2026-01-21T200000.zip", &[], &[("a", b"a")]);
    folder.zip("pre-restore-2026-01-22T200000.zip", &[], &[("a", b"a")]);
    symlink(folder.at("hq-20260122-2000.jsonl"), folder.at("hq-latest.jsonl")).unwrap();
    folder.write("beads-latest.jsonl", "{}\n");
    folder.write("2026-01-23T000000.zip.tmp", "PK");
    folder.write(".hidden-20260121-2000.jsonl", "{}\n");
    folder.write("README.md", "read me");
    fs::write(folder.archives().join(OsStr::from_bytes(b"\xff-20260121-2000.jsonl")), "{}\n").unwrap();
    folder.write("hq.jsonl", "{}\n");
    fs::create_dir(folder.at("2026-01-24T000000.zip")).unwrap();
    symlink("/nowhere", folder.at("hq-20260125-0000.jsonl")).unwrap();

    let source = folder.open();
    let databases = databases(&source).await;
    assert_eq!(names(&databases), ["beads", "hq"]);
    let beads = ["pre-restore-2026-01-22T200000.zip", "beads-20260121-2000.jsonl", "2026-01-21T200000.zip"];
    assert_eq!(ids(&databases["beads"]), beads);
    assert_eq!(ids(&databases["hq"]), ["hq-20260122-2000.jsonl", "hq-20260121-2000.jsonl"]);
    assert_eq!(source.label(), format!("archive {}", folder.archives().display()));
    let missing = list(&databases["beads"], "hq-20260121-2000.jsonl").await.err().unwrap();
    assert_says(&missing, ErrorKind::Missing, &[]);
}

#[tokio::test]
async fn a_poll_tells_news_only() {
    let folder = Folder::new();
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    folder.write("beads-20260121-2000.jsonl", "{}\n");
    let source = folder.open();
    let first = databases(&source).await;
    assert!(news(&source).await.is_none());
    folder.write("unrelated.txt", "");
    assert!(news(&source).await.is_none());

    folder.write("hq-20260122-2000.jsonl", "{}\n");
    let second = databases(&source).await;
    assert!(Arc::ptr_eq(&first["beads"], &second["beads"]), "beads has no news");
    assert_eq!(ids(&second["hq"]), ["hq-20260122-2000.jsonl", "hq-20260121-2000.jsonl"]);
    assert_eq!(ids(&first["hq"]), ["hq-20260121-2000.jsonl"], "a view handed out stays as it was");

    fs::remove_dir_all(folder.archives()).unwrap();
    assert_says(&source.poll().await.err().unwrap(), ErrorKind::Unavailable, &[]);
    fs::create_dir(folder.archives()).unwrap();
    assert!(databases(&source).await.is_empty(), "later emptiness is fine");
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    assert_eq!(names(&databases(&source).await), ["hq"]);
}

#[tokio::test]
async fn whatever_comes_and_goes_is_news_once() {
    let folder = Folder::new();
    let days = ["beads-20260121-2000.jsonl", "beads-20260122-2000.jsonl", "beads-20260123-2000.jsonl"];
    let first = folder.write(days[0], "{}\n");
    let second = folder.write(days[1], "{}\n");
    let source = folder.open();
    assert_eq!(ids(&database(&source).await), [days[1], days[0]]);

    fs::remove_file(&first).unwrap();
    folder.write(days[2], "{}\n");
    assert_eq!(ids(&database(&source).await), [days[2], days[1]], "as many as before");
    fs::remove_file(&second).unwrap();
    fs::create_dir(&second).unwrap();
    assert_eq!(ids(&database(&source).await), [days[2]], "a folder took its place");
    fs::remove_dir(&second).unwrap();
    assert!(news(&source).await.is_none());
    symlink(folder.write("elsewhere", "{}\n"), &first).unwrap();
    assert_eq!(ids(&database(&source).await), [days[2], days[0]]);
    assert!(news(&source).await.is_none());
    folder.write("elsewhere", "[]\n");
    assert_eq!(ids(&database(&source).await), [days[2], days[0]], "behind the link");
    assert!(news(&source).await.is_none());
}

#[tokio::test]
async fn an_archive_in_whose_place_a_link_is_put_stays_listed_and_cannot_be_read() {
    let folder = Folder::new();
    let name = "beads-20260121-2000.jsonl";
    let path = folder.write(name, "{}\n");
    let source = folder.open();
    let before = database(&source).await;
    fs::write(folder.path("elsewhere"), "{\"secret\":1}\n").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(folder.path("elsewhere"), &path).unwrap();
    // What was listed before is opened after the swap.
    if let Ok(listed) = list(&before, name).await {
        assert!(try_read(&listed[0].content).await.is_err());
    }
    let after = database(&source).await;
    assert_eq!(ids(&after), [name]);
    assert_says(&list(&after, name).await.err().unwrap(), ErrorKind::Refused, &[]);
}

#[tokio::test]
async fn a_zip_that_was_half_written_gets_whole() {
    let folder = Folder::new();
    let name = "2026-01-21T200000.zip";
    let whole = fs::read(folder.zip(name, &[], &[("a", b"abc")])).unwrap();
    folder.write(name, &whole[..whole.len() / 2]);
    let source = folder.open();
    assert!(list(&database(&source).await, name).await.is_err());
    folder.write(name, &whole);
    assert_eq!(text(&database(&source).await, name, "a").await, "abc");
}

#[tokio::test]
async fn a_name_renames_one_database_or_chooses_one() {
    let folder = Folder::new();
    folder.write("hq-20260121-2000.jsonl", "{}\n");
    let renamed = open_as(&folder.archives(), Some("town")).unwrap();
    assert_eq!(names(&databases(&renamed).await), ["town"]);
    folder.write("rig-20260121-2000.jsonl", "{}\n");
    folder.write("hq-20260122-2000.jsonl", "{}\n");
    assert_eq!(ids(&databases(&renamed).await["town"]).len(), 2);

    let chosen = open_as(&folder.archives(), Some("rig")).unwrap();
    assert_eq!(names(&databases(&chosen).await), ["rig"]);
    let error = refused(&folder.archives(), Some("town"));
    assert_says(&error, ErrorKind::Invalid, &["hq, rig"]);
    assert_hints(&error, &[]);
}

#[tokio::test]
async fn a_folder_called_archives_takes_the_name_above() {
    let folder = Folder::new();
    folder.zip("2026-01-21T200000.zip", &[], &[("a", b"a")]);
    let (repository, archives) = (folder.path("my-repo"), folder.path("my-repo/archives"));
    fs::create_dir(&repository).unwrap();
    fs::rename(folder.archives(), &archives).unwrap();
    assert_eq!(names(&databases(&open(&archives)).await), ["my-repo"]);

    assert_eq!(names(&databases(&open(&repository)).await), ["my-repo"]);
    fs::rename(&archives, repository.join("jsonl")).unwrap();
    let error = refused(&repository, None);
    assert_says(&error, ErrorKind::Invalid, &[]);
    assert_hints(&error, &["my-repo/jsonl?"]);
}

#[tokio::test]
async fn one_file_is_a_source_too() {
    let folder = Folder::new();
    let zip = folder.zip("2026-01-21T200000.zip", &[], &[("a", b"a")]);
    assert_eq!(names(&databases(&open(&zip)).await), ["beads"]);
    let bare = folder.zip("backup.zip", &[], &[("a", b"a")]);
    run(Command::new("touch").args(["-d", "@1000000000"]).arg(&bare));
    let source = open(&bare);
    let shown = database(&source).await;
    assert_eq!((shown.name(), times(&shown)), ("backup", vec!["2001-09-09T01:46:40Z".to_owned()]));
    assert_eq!(text(&shown, NEWEST, "a").await, "a");
    assert_eq!(names(&databases(&open_as(&bare, Some("x")).unwrap()).await), ["x"]);
    fs::remove_file(&bare).unwrap();
    assert_says(&source.poll().await.err().unwrap(), ErrorKind::Missing, &[]);

    let latest = folder.at("hq-latest.jsonl");
    symlink(folder.write("hq-20260121-2000.jsonl", "{}\n"), &latest).unwrap();
    assert_eq!(ids(&database(&open(&latest)).await), ["hq-20260121-2000.jsonl"]);
}

#[test]
fn what_is_no_archive_is_refused_with_a_hint() {
    let folder = Folder::new();
    run(Command::new("mkfifo").arg(folder.at("pipe.zip")));
    for (path, kind) in [
        (folder.path("nothing"), ErrorKind::Missing),
        (folder.archives(), ErrorKind::Invalid),
        (folder.write("notes.txt", "x"), ErrorKind::Invalid),
        (folder.at("pipe.zip"), ErrorKind::Invalid),
    ] {
        let error = refused(&path, None);
        assert_says(&error, kind, &[path.to_str().unwrap()]);
        assert_hints(&error, &[]);
    }
}
