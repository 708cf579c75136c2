use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::*;
use crate::util::clock::testing::TestClock;

fn record(number: u64) -> [u8; 24] {
    let mut record = [0x5a; 24];
    record[..8].copy_from_slice(&number.to_le_bytes());
    record
}

/// A second value for the same number.
fn changed(number: u64, value: u8) -> [u8; 24] {
    let mut record = record(number);
    record[23] = value;
    record
}

/// A file that is compacted from 10 records on and never exceeds 100.
fn in_folder(folder: &Path, clock: &TestClock) -> RecordFile<24> {
    let file = RecordFile::new(folder, Kind::Lengths, 1, later, clock.clock());
    RecordFile { limits: Limits { floor: 10 * 28, most: 100 * 28 }, ..file }
}

fn len(file: &RecordFile<24>) -> u64 {
    fs::metadata(file.path()).expect("it is there").len()
}

/// Locks a file as another process would.
fn locked(path: &Path) -> File {
    let file = File::options().append(true).open(path).expect("it is there");
    file.try_lock().expect("nobody else has it");
    file
}

fn file() -> (tempfile::TempDir, RecordFile<24>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = in_folder(&folder.path().join("not/there/yet"), &TestClock::of_now());
    (folder, file)
}

#[test]
fn what_was_added_is_there_in_order() {
    let (_folder, file) = file();
    assert_eq!(file.read().expect("there is nothing"), Vec::<[u8; 24]>::new());
    file.add([record(1), record(2)]).expect("the folder is ours");
    file.add([]).expect("nothing is added");
    file.add([record(1)]).expect("the folder is ours");
    assert_eq!(file.read().expect("it is whole"), [record(2), record(1)]);
}

#[test]
fn processes_that_add_and_read_at_once_lose_nothing() {
    // With the smaller floor, they also compact the file.
    for floor in [LIMITS.floor, 28] {
        let (_folder, file) = file();
        let file = RecordFile { limits: Limits { floor, ..LIMITS }, ..file };
        std::thread::scope(|scope| {
            for writer in 0..4_u64 {
                let file = &file;
                scope.spawn(move || {
                    for n in 0..50 {
                        let added = file.add([record(writer * 100 + n), changed(1000, 1), changed(1000, 2)]);
                        added.expect("the others are done soon");
                        file.read().expect("it is whole");
                    }
                });
            }
        });
        let read = file.read().expect("it is whole");
        assert_eq!(read.len(), 201);
        for writer in 0..4 {
            let own: Vec<_> = (0..50).map(|n| record(writer * 100 + n)).collect();
            let found: Vec<_> = read.iter().filter(|r| own.contains(r)).copied().collect();
            assert_eq!(found, own, "writer {writer}");
        }
        assert_eq!(len(&file) <= 2 * 201 * 28, floor == 28, "{} bytes: it was compacted", len(&file));
    }
}

#[test]
fn a_crash_at_any_byte_costs_only_what_was_being_added() {
    let (_folder, file) = file();
    file.add((0..5).map(record)).expect("the folder is ours");
    let whole = fs::read(file.path()).expect("it is there");
    for len in 0..=whole.len() {
        fs::write(file.path(), &whole[..len]).expect("the folder is ours");
        let kept: Vec<_> = (0..(len / 28) as u64).map(record).collect();
        assert_eq!(file.read().expect("damage is no failure"), kept, "{len} bytes");
        file.add([record(7)]).expect("the folder is ours");
        let after: Vec<_> = kept.into_iter().chain([record(7)]).collect();
        assert_eq!(file.read().expect("it is whole"), after, "{len} bytes");
    }
}

#[test]
fn a_flipped_bit_costs_the_record_that_it_is_in() {
    let (_folder, file) = file();
    file.add((0..20).map(record)).expect("the folder is ours");
    let whole = fs::read(file.path()).expect("it is there");
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let expected = (0..20).filter(|n| *n != (bit / 8 / 28) as u64).map(record);
        assert!(sound::<24>(&damaged).eq(expected), "bit {bit}");
    }
}

#[test]
fn what_is_no_record_is_none() {
    assert_eq!(sound::<24>(&[0; 2800]).count(), 0, "a disk may give zeros for what was never written");
    assert_eq!(sound::<24>(&[0xff; 2800]).count(), 0);
    assert_eq!(sound::<24>(b"lines of text\n".repeat(1000).as_slice()).count(), 0);
}

#[test]
fn what_does_not_count_any_more_is_dropped_at_the_next_opening() {
    let (_folder, file) = file();
    file.add((0..8).map(record)).expect("the folder is ours");
    file.add((0..8).map(|n| changed(n, 1))).expect("the folder is ours");
    assert_eq!(file.read().expect("it is whole").len(), 8);
    assert_eq!(len(&file), 16 * 28, "half of it counts");
    file.add([changed(3, 2)]).expect("the folder is ours");
    let expected: Vec<_> = (0..8).filter(|n| *n != 3).map(|n| changed(n, 1)).chain([changed(3, 2)]).collect();
    assert_eq!(file.read().expect("it is whole"), expected);
    assert_eq!(len(&file), 8 * 28, "it is written again");
    assert_eq!(file.read().expect("it is whole"), expected);
    let mode = fs::metadata(file.path()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = file.path().parent().expect("it is in a folder");
    assert_eq!(fs::read_dir(folder).expect("it is there").count(), 1, "nothing else is left");
}

#[test]
fn damage_counts_as_dead_and_small_files_stay_as_they_are() {
    let (_folder, file) = file();
    file.add((0..4).map(record)).expect("the folder is ours");
    file.add((0..4).map(record)).expect("the folder is ours");
    let whole = fs::read(file.path()).expect("it is there");
    file.add([changed(0, 1)]).expect("the folder is ours");
    assert_eq!(file.read().expect("it is whole").len(), 4);
    assert_eq!(len(&file), 9 * 28, "below the floor");
    fs::write(file.path(), [whole, vec![0xff; 28 * 2]].concat()).expect("the folder is ours");
    assert_eq!(file.read().expect("damage is no failure").len(), 4);
    assert_eq!(len(&file), 4 * 28);
}

#[test]
fn no_file_grows_beyond_its_bound_and_the_oldest_go_first() {
    let (_folder, file) = file();
    for number in 0..1000 {
        file.add([record(number)]).expect("the folder is ours");
        assert!(len(&file) <= 100 * 28, "{} bytes after {number}", len(&file));
    }
    let kept = file.read().expect("it is whole");
    assert!((50..=100).contains(&kept.len()), "{}", kept.len());
    let newest: Vec<_> = (1000 - kept.len() as u64..1000).map(record).collect();
    assert_eq!(kept, newest);
    // An earlier version let the file grow.
    fs::remove_file(file.path()).expect("the folder is ours");
    let grown = RecordFile { limits: LIMITS, ..file.clone() };
    grown.add((0..1000).map(record)).expect("the folder is ours");
    file.read().expect("it is whole");
    assert_eq!(file.read().expect("it is whole"), (950..1000).map(record).collect::<Vec<_>>());
}

#[test]
fn a_process_that_waits_while_the_file_is_replaced_adds_to_the_new_one() {
    let (_folder, file) = file();
    file.add((0..30).map(|n| changed(0, n))).expect("the folder is ours");
    let held = locked(file.path());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| file.add([record(7)]));
        // /proc shows that it has the old file open.
        let path = fs::canonicalize(file.path()).expect("it is there");
        let opened = || {
            let handles = fs::read_dir("/proc/self/fd").expect("it is Linux").flatten();
            handles.filter(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path)).count()
        };
        while opened() < 2 {
            std::thread::yield_now();
        }
        compact::rewrite(file.path(), file.rule, file.limits).expect("the folder is ours");
        drop(held);
        waiting.join().expect("no panic").expect("it is added");
    });
    assert_eq!(file.read().expect("it is whole"), [changed(0, 29), record(7)]);
}

#[test]
fn a_file_that_somebody_else_has_locked_is_read_and_not_compacted() {
    let (_folder, file) = file();
    file.add((0..30).map(|n| changed(0, n))).expect("the folder is ours");
    let _held = locked(file.path());
    assert_eq!(file.read().expect("it is whole"), [changed(0, 29)]);
    assert_eq!(len(&file), 30 * 28);
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn files_of_other_versions_go_a_week_after_their_last_use_and_nothing_else_goes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let clock = TestClock::of_now();
    let file = in_folder(folder.path(), &clock);
    file.add([record(1)]).expect("the folder is ours");
    let old = ["lengths-0.0.9-1", "zips-2-0.1.0", "zips-0.1.0", "seen-99.0.0-3"];
    let left = [format!("{}.aB3xY9.new", file.path().file_name().expect("it has one").to_string_lossy())];
    let others = ["lengths-0.0.9-1.bak", "notes", "lengths", "zips-2026-01-01"];
    for name in old.iter().chain(&others).copied().chain(left.iter().map(String::as_str)) {
        fs::write(at(name), "text").expect("the folder is ours");
    }
    let outside = tempfile::NamedTempFile::new().expect("a temporary file");
    symlink(outside.path(), at("digests-0.0.9-1")).expect("the folder is ours");
    fs::create_dir(at("digests-0.0.8-1")).expect("the folder is ours");
    let names = || fs::read_dir(folder.path()).expect("it is there").count();
    let all = names();
    clock.advance(7 * DAY - Duration::from_secs(60));
    remove_stale(folder.path(), &clock.clock());
    assert_eq!(names(), all, "they may still be used");
    // Another version, used in turn with this one.
    fs::File::open(at("seen-99.0.0-3"))
        .and_then(|file| file.set_modified(clock.clock().system_time()))
        .expect("ours");
    clock.advance(Duration::from_secs(120));
    // A process is adding to this one.
    let held = locked(&at("zips-0.1.0"));
    remove_stale(folder.path(), &clock.clock());
    let mut expected = vec!["seen-99.0.0-3", "zips-0.1.0", "digests-0.0.9-1", "digests-0.0.8-1"];
    expected.extend(others);
    for name in expected {
        assert!(at(name).symlink_metadata().is_ok(), "{name} is gone");
    }
    assert_eq!(file.read().expect("it is there"), [record(1)], "this version's files stay");
    for name in ["lengths-0.0.9-1", "zips-2-0.1.0", &left[0]] {
        assert!(at(name).symlink_metadata().is_err(), "{name} is still there");
    }
    assert!(outside.path().exists());
    drop(held);
    clock.advance(8 * DAY);
    remove_stale(folder.path(), &clock.clock());
    assert_eq!(names(), others.len() + 3, "the link, the folder and this version's file stay");
}

#[test]
fn a_file_that_is_only_read_is_noted_as_used() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = TestClock::of_now();
    let file = in_folder(folder.path(), &clock);
    file.add([record(1)]).expect("the folder is ours");
    let age = || {
        let used = fs::metadata(file.path()).and_then(|meta| meta.modified()).expect("it is there");
        clock.clock().system_time().duration_since(used).unwrap_or_default()
    };
    file.read().expect("it is there");
    clock.advance(6 * DAY);
    assert!(age() > 5 * DAY);
    file.note_use();
    assert!(age() < DAY);
}
