//! Ids, times and links of contents that stay the same over several snapshots.

use std::os::unix::fs::{FileExt, MetadataExt};

use super::*;
use crate::content::ErrorKind;

async fn entry(database: &Arc<dyn Database>, id: &str, path: &str) -> FileEntry {
    files(database, id).await.unwrap().iter().find(|file| &*file.path == path).unwrap().clone()
}

const DAYS: [&str; 3] = ["2026-01-01T000000.zip", "2026-01-02T000000.zip", "2026-01-03T000000.zip"];

/// Three zips: `same` never changes, `other` in the second; `gone` is missing there.
fn three_zips(folder: &Folder) {
    folder.zip(DAYS[0], &[], &[("same", b"text"), ("other", b"one"), ("gone", b"g")]);
    folder.zip(DAYS[1], &[], &[("other", b"two"), ("same", b"text")]);
    folder.zip(DAYS[2], &[], &[("same", b"text"), ("other", b"two"), ("gone", b"g")]);
}

#[tokio::test]
async fn neighbours_with_one_content_share_one_identity() {
    let folder = Folder::new();
    three_zips(&folder);
    let database = database(&folder.open()).await;
    let mut told = Vec::new();
    for (path, day) in [("same", 0), ("same", 1), ("same", 2), ("other", 0), ("other", 1), ("other", 2)] {
        let file = entry(&database, DAYS[day], path).await;
        told.push((file.id, file.changed.to_string(), file.links));
    }
    let [first, second] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"].map(str::to_owned);
    assert_eq!(told[0], (told[0].0, first.clone(), 3));
    assert_eq!((&told[1], &told[2]), (&told[0], &told[0]));
    assert_eq!(told[3], (told[3].0, first, 1));
    assert_eq!(told[4], (told[4].0, second, 2));
    assert_eq!(told[5], told[4]);
    assert_ne!(told[3].0, told[4].0);
    assert_ne!(told[0].0, told[3].0);
    let (before, after) = (entry(&database, DAYS[0], "gone").await, entry(&database, DAYS[2], "gone").await);
    assert_ne!(before.id, after.id);
    assert_eq!((before.links, after.links), (1, 1));
}

#[tokio::test]
async fn ids_are_the_same_after_a_remount_and_when_an_archive_is_added() {
    let folder = Folder::new();
    three_zips(&folder);
    let before = entry(&database(&folder.open()).await, DAYS[2], "same").await;
    folder.zip("2026-01-04T000000.zip", &[], &[("same", b"text")]);
    let database = database(&folder.open()).await;
    let after = entry(&database, DAYS[2], "same").await;
    assert_eq!((before.id, before.changed, before.links, after.links), (after.id, after.changed, 3, 4));
    assert_eq!(entry(&database, "2026-01-04T000000.zip", "same").await.id, before.id);
}

/// Contents made to have one CRC, length and packed length must not share an identity.
#[tokio::test]
async fn a_crc_collision_is_no_equality() {
    let folder = Folder::new();
    let path = folder.zip(DAYS[0], &["-0", "-X"], &[("a", b"content one")]);
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(11).position(|window| window == b"content one").unwrap();
    bytes[at..at + 11].copy_from_slice(b"content two");
    folder.write(DAYS[1], bytes);
    let database = database(&folder.open()).await;
    assert_ne!(entry(&database, DAYS[0], "a").await.id, entry(&database, DAYS[1], "a").await.id);
}

#[tokio::test]
async fn exports_share_an_identity_too() {
    let folder = Folder::new();
    let days = ["beads-20260101-0000.jsonl", "beads-20260102-0000.jsonl", "beads-20260103-0000.jsonl"];
    folder.write(days[0], "{\"id\":1}\n");
    folder.write(days[1], "{\"id\":1}\n");
    folder.write(days[2], "{\"id\":2}\n");
    let database = database(&folder.open()).await;
    let entries = [
        entry(&database, days[0], "issues.jsonl").await,
        entry(&database, days[1], "issues.jsonl").await,
        entry(&database, days[2], "issues.jsonl").await,
    ];
    assert_eq!(entries[0].id, entries[1].id);
    assert_ne!(entries[1].id, entries[2].id);
    assert_eq!(entries.each_ref().map(|entry| entry.links), [2, 2, 1]);
    assert_eq!(entries[1].changed.to_string(), "2026-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_damaged_neighbour_only_breaks_the_run() {
    let folder = Folder::new();
    three_zips(&folder);
    folder.write(DAYS[1], "no zip");
    let database = database(&folder.open()).await;
    for day in [DAYS[0], DAYS[2]] {
        assert_eq!(entry(&database, day, "same").await.links, 1);
    }
    assert!(files(&database, DAYS[1]).await.is_err());
}

/// Gives the file at `path` other bytes, and its old modification time again.
fn rewrite_in_place(path: &Path, at: u64, bytes: &[u8]) {
    let modified = path.metadata().unwrap().modified().unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
    file.set_modified(modified).unwrap();
}

/// Moves a file with these bytes and the old one's modification time to `path`, as `rsync -t` does.
fn replace_by_rename(path: &Path, bytes: &[u8]) {
    let modified = path.metadata().unwrap().modified().unwrap();
    let other = path.with_extension("incoming");
    fs::write(&other, bytes).unwrap();
    fs::File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
    fs::rename(&other, path).unwrap();
}

#[tokio::test]
async fn an_export_replaced_by_one_of_equal_length_and_mtime_is_another_content() {
    let folder = Folder::new();
    let name = "beads-20260101-0000.jsonl";
    let path = folder.write(name, "{\"id\":1}\n");
    let source = folder.open();
    let before = entry(&database(&source).await, name, "issues.jsonl").await;
    replace_by_rename(&path, b"{\"id\":2}\n");
    assert_eq!(read(&before.content).await.unwrap_err().kind, ErrorKind::Changed);
    let after = entry(&database(&source).await, name, "issues.jsonl").await;
    assert_ne!(before.id, after.id);
    assert_eq!(read(&after.content).await.unwrap(), b"{\"id\":2}\n");
    assert_eq!(entry(&database(&folder.open()).await, name, "issues.jsonl").await.id, after.id, "remounted");
}

/// Linux before 6.13 gives several of these writes one time; newer ones tell every two apart that were looked at.
#[tokio::test]
async fn writes_in_place_within_one_tick_are_other_contents() {
    let folder = Folder::new();
    let name = "beads-20260101-0000.jsonl";
    let path = folder.write(name, "{\"id\":0}\n");
    let source = folder.open();
    let mut seen = std::collections::HashSet::new();
    for round in 0..10 {
        let shown = entry(&database(&source).await, name, "issues.jsonl").await;
        assert!(seen.insert(shown.id), "round {round}");
        assert_eq!(read(&shown.content).await.unwrap(), format!("{{\"id\":{round}}}\n").as_bytes());
        rewrite_in_place(&path, 0, format!("{{\"id\":{}}}\n", round + 1).as_bytes());
    }
}

#[test]
fn a_file_just_written_is_waited_for() {
    let folder = Folder::new();
    let path = folder.write("beads-20260101-0000.jsonl", "{}\n");
    folder.open();
    let metadata = path.metadata().unwrap();
    let changed = std::time::UNIX_EPOCH
        + std::time::Duration::new(
            metadata.ctime().try_into().unwrap(),
            metadata.ctime_nsec().try_into().unwrap(),
        );
    assert!(changed.elapsed().unwrap().as_millis() >= 20, "{:?}", changed.elapsed());
}

#[tokio::test]
async fn a_replaced_archive_leaves_the_run_it_was_in() {
    let folder = Folder::new();
    let days = ["beads-20260101-0000.jsonl", "beads-20260102-0000.jsonl"];
    folder.write(days[0], "{\"id\":1}\n");
    let second = folder.write(days[1], "{\"id\":1}\n");
    let source = folder.open();
    let before = entry(&database(&source).await, days[1], "issues.jsonl").await;
    assert_eq!(before.links, 2);
    replace_by_rename(&second, b"{\"id\":2}\n");
    let after = entry(&database(&source).await, days[1], "issues.jsonl").await;
    assert_ne!(before.id, after.id);
    assert_eq!((after.links, after.changed.to_string()), (1, "2026-01-02T00:00:00Z".to_owned()));
}

#[tokio::test]
async fn the_identity_does_not_depend_on_how_the_path_is_typed() {
    let folder = Folder::new();
    folder.zip(DAYS[0], &[], &[("same", b"text")]);
    let link = folder.path("link");
    std::os::unix::fs::symlink(folder.archives(), &link).unwrap();
    let detour = folder.path("beads/../beads/.");
    let plain = entry(&database(&folder.open()).await, DAYS[0], "same").await;
    for typed in [link, detour] {
        let source = open(&typed).unwrap();
        assert_eq!(source.label(), format!("archive {}", typed.display()));
        assert_eq!(
            entry(&database(&source).await, DAYS[0], "same").await.id,
            plain.id,
            "{}",
            typed.display()
        );
    }
    let copy = folder.path("copy");
    assert!(run(Command::new("cp").arg("-a").arg(folder.archives()).arg(&copy)).status.success());
    let copied = database(&open_as(&copy, Some("beads")).unwrap()).await;
    assert_ne!(entry(&copied, DAYS[0], "same").await.id, plain.id, "a copy may have rotted");
}

/// Every other byte is read before the change, so no checksum and no length tells.
#[tokio::test]
async fn what_changes_while_it_is_read_is_no_success() {
    let row = "{\"id\":1234567890123456789012345678901234567890}\n";
    let rows = row.repeat(40_000);
    let name = |end| format!("beads-20260101-0000.{end}");
    for end in ["zip", "jsonl", "db"] {
        let folder = Folder::new();
        let path = match end {
            "zip" => folder.zip(&name(end), &["-0", "-X"], &[("a", rows.as_bytes())]),
            _ => folder.write(&name(end), &rows),
        };
        let database = database(&folder.open()).await;
        let listed = files(&database, &name(end)).await.unwrap();
        let (sink, mut pieces) = Sink::new(1);
        let change = async {
            let first = pieces.recv().await.unwrap();
            assert!(first.len() < rows.len() / 2);
            rewrite_in_place(&path, 100, b"9");
            while pieces.recv().await.is_some() {}
        };
        let (outcome, ()) = tokio::join!(listed[0].content.read(sink), change);
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Changed, "{end}");
    }
}
