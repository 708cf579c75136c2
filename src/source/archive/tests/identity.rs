//! Ids, times and links of contents that stay the same over several snapshots.

use std::os::unix::fs::{FileExt, symlink};

use super::*;
use crate::content::Sink;

const DAYS: [&str; 3] = ["2026-01-01T000000.zip", "2026-01-02T000000.zip", "2026-01-03T000000.zip"];

const EXPORTS: [&str; 2] = ["beads-20260101-0000.jsonl", "beads-20260102-0000.jsonl"];

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
    let one = database(&folder.open()).await;
    let mut told = Vec::new();
    for (path, day) in [("same", 0), ("same", 1), ("same", 2), ("other", 0), ("other", 1), ("other", 2)] {
        let file = file(&one, DAYS[day], path).await;
        told.push((file.id, file.changed.to_string(), file.links));
    }
    let [first, second] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"].map(str::to_owned);
    assert_eq!(told[0], (told[0].0, first.clone(), 3));
    assert_eq!((&told[1], &told[2]), (&told[0], &told[0]));
    assert_eq!(told[3], (told[3].0, first.clone(), 1));
    assert_eq!(told[4], (told[4].0, second, 2));
    assert_eq!(told[5], told[4]);
    assert_ne!(told[3].0, told[4].0);
    assert_ne!(told[0].0, told[3].0);
    let (before, after) = (file(&one, DAYS[0], "gone").await, file(&one, DAYS[2], "gone").await);
    assert_ne!(before.id, after.id);
    assert_eq!((before.links, after.links), (1, 1));

    let newest = "2026-01-04T000000.zip";
    folder.zip(newest, &[], &[("same", b"text")]);
    let two = database(&folder.open()).await;
    for snapshot in [DAYS[2], newest] {
        let file = file(&two, snapshot, "same").await;
        assert_eq!((file.id, file.changed.to_string(), file.links), (told[0].0, first.clone(), 4));
    }
}

/// Contents made to have one CRC, length and packed length must not share an identity.
#[tokio::test]
async fn a_crc_collision_is_no_equality() {
    let folder = Folder::new();
    let path = folder.zip(DAYS[0], &["-0", "-X"], &[("a", b"content one")]);
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(11).position(|window| window == b"content one").unwrap();
    bytes[at..at + 11].copy_from_slice(b"content two");
    folder.write(DAYS[1], bytes);
    let database = database(&folder.open()).await;
    assert_ne!(file(&database, DAYS[0], "a").await.id, file(&database, DAYS[1], "a").await.id);
}

#[tokio::test]
async fn a_damaged_neighbour_only_breaks_the_run() {
    let folder = Folder::new();
    three_zips(&folder);
    folder.write(DAYS[1], "no zip");
    let database = database(&folder.open()).await;
    for day in [DAYS[0], DAYS[2]] {
        assert_eq!(file(&database, day, "same").await.links, 1);
    }
    assert!(list(&database, DAYS[1]).await.is_err());
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
    folder.write(EXPORTS[0], "{\"id\":1}\n");
    let path = folder.write(EXPORTS[1], "{\"id\":1}\n");
    let source = folder.open();
    let before = file(&database(&source).await, EXPORTS[1], "issues.jsonl").await;
    assert_eq!((before.links, before.changed.to_string()), (2, "2026-01-01T00:00:00Z".to_owned()));
    replace_by_rename(&path, b"{\"id\":2}\n");
    assert_says(&try_read(&before.content).await.unwrap_err(), ErrorKind::Changed, &[]);
    let after = file(&database(&source).await, EXPORTS[1], "issues.jsonl").await;
    assert_ne!(before.id, after.id);
    assert_eq!((after.links, after.changed.to_string()), (1, "2026-01-02T00:00:00Z".to_owned()));
    assert_eq!(read(&after.content).await, b"{\"id\":2}\n");
    let remounted = file(&database(&folder.open()).await, EXPORTS[1], "issues.jsonl").await;
    assert_eq!(remounted.id, after.id);
}

/// Linux before 6.13 gives several of these writes one time; newer ones tell every two apart that were looked at.
#[tokio::test]
async fn writes_in_place_within_one_tick_are_other_contents() {
    let folder = Folder::new();
    let path = folder.write(EXPORTS[0], "{\"id\":0}\n");
    let source = folder.open();
    let mut seen = std::collections::HashSet::new();
    for round in 0..10 {
        let shown = file(&database(&source).await, EXPORTS[0], "issues.jsonl").await;
        assert!(seen.insert(shown.id), "round {round}");
        assert_eq!(read(&shown.content).await, format!("{{\"id\":{round}}}\n").as_bytes());
        rewrite_in_place(&path, 0, format!("{{\"id\":{}}}\n", round + 1).as_bytes());
    }
}

#[test]
fn a_file_just_written_is_waited_for() {
    let folder = Folder::new();
    let path = folder.write(EXPORTS[0], "{}\n");
    folder.open();
    let waited = changed(&path).elapsed().unwrap();
    assert!(waited.as_millis() >= 20, "{waited:?}");
}

#[tokio::test]
async fn the_identity_does_not_depend_on_how_the_path_is_typed() {
    let folder = Folder::new();
    folder.zip(DAYS[0], &[], &[("same", b"text")]);
    let link = folder.path("link");
    symlink(folder.archives(), &link).unwrap();
    let plain = file(&database(&folder.open()).await, DAYS[0], "same").await;
    for typed in [link, folder.path("beads/../beads/.")] {
        let source = open(&typed);
        assert_eq!(source.label(), format!("archive {}", typed.display()));
        let shown = file(&database(&source).await, DAYS[0], "same").await;
        assert_eq!(shown.id, plain.id, "{}", typed.display());
    }
    run(Command::new("cp").arg("-a").arg(folder.archives()).arg(folder.path("copy")));
    let copied = database(&open_as(&folder.path("copy"), Some("beads")).unwrap()).await;
    assert_ne!(file(&copied, DAYS[0], "same").await.id, plain.id, "a copy may have rotted");
}

/// Every other byte is read before the change, so no checksum and no length tells.
#[tokio::test]
async fn what_changes_while_it_is_read_is_no_success() {
    let rows = "{\"id\":1234567890123456789012345678901234567890}\n".repeat(40_000);
    for end in ["zip", "jsonl", "db"] {
        let (folder, name) = (Folder::new(), format!("beads-20260101-0000.{end}"));
        let path = match end {
            "zip" => folder.zip(&name, &["-0", "-X"], &[("a", rows.as_bytes())]),
            _ => folder.write(&name, &rows),
        };
        let listed = files(&database(&folder.open()).await, &name).await;
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
