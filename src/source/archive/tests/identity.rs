//! Ids, times and links of contents that stay the same over several snapshots.

use super::*;

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
