use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::pack::LONGEST;
use super::*;

/// The budget of the tests: packs of it hold the longest segment.
const BUDGET: u64 = 64 << 20;

/// One that is soon full.
const SMALL: u64 = 8 << 20;

fn id(number: u64) -> ContentId {
    ContentId::of(&[b"segment", &number.to_le_bytes()])
}

/// Bytes that pack badly, another run of them for each number.
fn noise(number: u64, len: usize) -> Bytes {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

fn open(folder: &Path, budget: u64) -> SegmentStore {
    SegmentStore::open(folder, budget, &WallClock::system()).expect("the folder is ours")
}

/// Ends a store as the end of its mount does: nobody has a pack locked afterwards.
fn close(store: SegmentStore, folder: &Path) {
    drop(store);
    let is_locked = |file: &PathBuf| pack::PackFiles::of(file).is_some_and(|files| files.lock().is_none());
    while files(folder).iter().filter(|file| file.extension().is_some_and(|e| e == "keys")).any(is_locked) {
        std::thread::sleep(PAUSE);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).expect("it is there").flatten().map(|f| f.path()).collect();
    files.sort();
    files
}

fn size(folder: &Path) -> u64 {
    files(folder).iter().map(|file| fs::metadata(file).map_or(0, |meta| meta.len())).sum()
}

/// How many of the first segments are there; whatever is there has to be right.
fn held(store: &SegmentStore, numbers: std::ops::Range<u64>, len: usize) -> usize {
    let found = numbers.filter_map(|n| Some((n, store.get(&id(n))?)));
    found.inspect(|(n, bytes)| assert_eq!(*bytes, noise(*n, len), "segment {n}")).count()
}

#[test]
fn what_was_put_is_there_at_once_and_the_next_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("not/there/yet");
    let first = open(&folder, BUDGET);
    for len in [0, 1, 100, LONGEST - 64, LONGEST + 1] {
        first.put(&id(len as u64), &noise(7, len));
    }
    first.flush();
    for store in [&first, &open(&folder, BUDGET)] {
        for len in [0, 1, 100, LONGEST - 64] {
            assert_eq!(store.get(&id(len as u64)), Some(noise(7, len)), "{len} bytes");
        }
        assert_eq!(store.get(&id(LONGEST as u64 + 1)), None, "it is too long");
        assert_eq!(store.get(&id(5)), None, "it was never put");
    }
}

#[test]
fn nobody_else_may_read_what_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("made/for/it");
    let store = open(&folder, BUDGET);
    store.put(&id(1), &noise(1, 100));
    store.flush();
    for path in files(&folder).into_iter().chain([folder.clone()]) {
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn mounts_at_once_lose_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        for mount in 0..4_u64 {
            let folder = folder.path();
            scope.spawn(move || {
                let store = open(folder, BUDGET);
                for n in 0..100 {
                    store.put(&id(mount * 1000 + n), &noise(mount * 1000 + n, 5000));
                    if n % 10 == 0 {
                        store.flush();
                    }
                }
                store.flush();
                assert_eq!(held(&store, mount * 1000..mount * 1000 + 100, 5000), 100);
            });
        }
    });
    let after = open(folder.path(), BUDGET);
    for mount in 0..4 {
        assert_eq!(held(&after, mount * 1000..mount * 1000 + 100, 5000), 100);
    }
}

#[test]
fn it_stays_within_its_budget_and_drops_what_was_unused_for_longest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let len = 128 << 10;
    {
        let store = open(folder.path(), SMALL);
        for n in 0..150 {
            store.put(&id(n), &noise(n, len));
            store.flush();
            assert!(size(folder.path()) <= SMALL, "{} bytes after {n}", size(folder.path()));
        }
    }
    let store = open(folder.path(), SMALL);
    assert_eq!(held(&store, 140..150, len), 10, "the last ones are there");
    let kept = held(&store, 0..150, len);
    assert!((45..64).contains(&kept), "{kept} of 150 are kept");
    assert_eq!(held(&store, 0..80, len), 0, "what was dropped is the oldest");
}

#[test]
fn packs_of_other_versions_are_not_read_and_leave_when_room_is_needed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    {
        let store = open(folder.path(), SMALL);
        store.put(&id(1), &noise(1, 128 << 10));
        store.flush();
    }
    for file in files(folder.path()) {
        let name = file.file_name().expect("it has one").to_string_lossy().into_owned();
        fs::rename(&file, folder.path().join(format!("0.0.9{name}"))).expect("the folder is ours");
    }
    let old = files(folder.path());
    let store = open(folder.path(), SMALL);
    assert_eq!(store.get(&id(1)), None);
    for n in 0..80 {
        store.put(&id(n), &noise(n, 128 << 10));
        store.flush();
    }
    assert!(old.iter().all(|file| !file.exists()), "{old:?}");
}

#[test]
fn damage_gives_no_wrong_byte_and_is_made_good() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    {
        let store = open(folder.path(), BUDGET);
        (0..50).for_each(|n| store.put(&id(n), &noise(n, 700)));
        store.flush();
        close(store, folder.path());
    }
    let whole: Vec<_> =
        files(folder.path()).into_iter().map(|file| (fs::read(&file).expect("it is there"), file)).collect();
    for (bytes, file) in &whole {
        let is_bytes = file.extension().is_some_and(|e| e == "bytes");
        for step in 0..25 {
            let at = bytes.len() * step / 25;
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x41;
            for damaged in
                [flipped, bytes[..at].to_vec(), [&bytes[..at], &vec![0; bytes.len() - at]].concat()]
            {
                fs::write(file, &damaged).expect("the folder is ours");
                let store = open(folder.path(), BUDGET);
                let left = held(&store, 0..50, 700);
                assert!(left < 50 || is_bytes && damaged == *bytes, "{} byte {at}", file.display());
                // Made and put again, all is there, also for the next mount.
                (0..50)
                    .filter(|n| store.get(&id(*n)).is_none())
                    .for_each(|n| store.put(&id(n), &noise(n, 700)));
                store.flush();
                assert_eq!(held(&store, 0..50, 700), 50);
                close(store, folder.path());
                let again = held(&open(folder.path(), BUDGET), 0..50, 700);
                assert_eq!(again, 50, "{} byte {at}", file.display());
                assert_eq!(files(folder.path()).len(), 2, "it goes on with the same pack");
                whole.iter().for_each(|(bytes, file)| fs::write(file, bytes).expect("the folder is ours"));
            }
        }
    }
}

#[test]
fn a_folder_that_goes_away_costs_nothing_but_what_was_in_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("segments");
    let store = open(&place, BUDGET);
    for round in 0..3 {
        store.put(&id(round), &noise(round, 1000));
        store.flush();
        assert_eq!(store.get(&id(round)), Some(noise(round, 1000)));
        fs::remove_dir_all(&place).expect("the folder is ours");
    }
    drop(store);
    fs::write(&place, "a file").expect("the folder is ours");
    assert!(SegmentStore::open(&place, BUDGET, &WallClock::system()).is_err());
}

#[test]
fn what_comes_faster_than_the_disk_is_dropped_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path(), BUDGET);
    let len = 3 << 20;
    for n in 0..40 {
        store.put(&id(n), &noise(n % 2, len));
        assert!(store.shared.waiting.load(Ordering::Relaxed) <= WAITING + len);
    }
    store.flush();
    assert_eq!(store.shared.waiting.load(Ordering::Relaxed), 0);
    store.put(&id(100), &noise(100, 10));
    store.flush();
    assert_eq!(store.get(&id(100)), Some(noise(100, 10)), "and it goes on");
}
