//! Times in names: those of whole series, and those that are not there.

use std::time::{Duration, SystemTime};

use super::*;
use crate::content::ErrorKind;
use crate::source::archive::Undated;

fn open_with(folder: &Path, undated: Undated) -> Result<ArchiveSource, SourceError> {
    let options = ArchiveOptions { zone: Some(TimeZone::UTC), undated, ..ArchiveOptions::default() };
    ArchiveSource::open(folder, options)
}

/// The times of all snapshots, oldest first.
fn times(database: &Arc<dyn Database>) -> Vec<String> {
    database.history().timeline.iter().rev().map(|snapshot| snapshot.time.to_string()).collect()
}

#[tokio::test]
async fn minutes_are_no_offset_and_seconds_since_1970_are_no_year() {
    let folder = Folder::new();
    for time in ["08-05", "09-05", "23-45"] {
        folder.zip(&format!("beads-2026-01-21_{time}.zip"), &[], &[("a", b"a")]);
    }
    folder.zip("beads-1767122310.zip", &[], &[("a", b"a")]);
    let database = database(&folder.open()).await;
    assert_eq!(
        times(&database),
        ["2025-12-30T19:18:30Z", "2026-01-21T08:05:00Z", "2026-01-21T09:05:00Z", "2026-01-21T23:45:00Z"]
    );
}

#[tokio::test]
async fn what_a_number_of_six_digits_means_its_neighbours_and_its_folder_say() {
    let folder = Folder::new();
    for name in ["beads-202101.sql", "beads-202102.sql"] {
        folder.write(name, "select 1;");
    }
    let source = folder.open();
    assert_eq!(times(&database(&source).await), ["2021-01-01T00:00:00Z", "2021-02-01T00:00:00Z"], "months");
    // One that can only be a week: then all are.
    folder.write("beads-202053.sql", "select 1;");
    let weeks = ["2020-12-28T00:00:00Z", "2021-01-04T00:00:00Z", "2021-01-11T00:00:00Z"];
    assert_eq!(times(&database(&source).await), weeks);
    // Another series of the folder has its own.
    folder.write("other-202101.sql", "select 1;");
    let all = databases(&source).await;
    assert_eq!(
        (times(&all[0]), times(&all[1])),
        (weeks.map(String::from).to_vec(), vec!["2021-01-01T00:00:00Z".into()])
    );

    let weekly = folder.path("weekly");
    fs::create_dir(&weekly).unwrap();
    fs::write(weekly.join("beads-202101.sql"), "select 1;").unwrap();
    assert_eq!(times(&database(&open(&weekly).unwrap()).await), ["2021-01-04T00:00:00Z"]);
}

#[tokio::test]
async fn a_day_whose_order_nothing_shows_is_left_out_until_a_neighbour_shows_it() {
    let folder = Folder::new();
    folder.write("beads-02-01-2026.sql", "select 1;");
    let error = open_with(&folder.archives(), Undated::Skip).err().expect("its time is not sure");
    assert_eq!(error.kind, ErrorKind::Invalid);
    let hint = error.hint.unwrap();
    assert!(hint.contains("1 archive is left out") && hint.contains("--undated=mtime"), "{hint}");
    folder.write("beads-21-01-2026.sql", "select 1;");
    let times = times(&database(&folder.open()).await);
    assert_eq!(times, ["2026-01-02T00:00:00Z", "2026-01-21T00:00:00Z"]);
}

#[tokio::test]
async fn files_without_a_time_are_snapshots_of_their_last_change_for_who_asks() {
    let folder = Folder::new();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for name in ["customers.sql", "orders-3.sql"] {
        let path = folder.write(name, "select 1;");
        fs::File::options().write(true).open(path).unwrap().set_modified(changed).unwrap();
    }
    folder.write("dated-20260121.sql", "select 1;");
    std::os::unix::fs::symlink("dated-20260121.sql", folder.archives().join("newest.sql")).unwrap();
    folder.write("customers-latest.sql", "select 1;");

    let skipped = open_with(&folder.archives(), Undated::Skip).unwrap();
    assert_eq!(names(&databases(&skipped).await), ["dated"]);

    let source = open_with(&folder.archives(), Undated::Mtime).unwrap();
    let all = databases(&source).await;
    assert_eq!(
        names(&all),
        ["customers", "dated", "orders-3"],
        "links and `latest` are other names of others"
    );
    assert_eq!(times(&all[0]), ["2020-09-13T12:26:40Z"]);
    let said = &all[0].history().timeline[0].message;
    assert_eq!(said, "customers.sql (no time in its name: when it was last changed)");
    assert_eq!(all[1].history().timeline[0].message, "dated-20260121.sql");
}

#[test]
fn what_to_do_with_files_without_a_time_is_one_of_two_words() {
    assert_eq!("skip".parse(), Ok(Undated::Skip));
    assert_eq!("mtime".parse(), Ok(Undated::Mtime));
    for word in ["", "ctime", "MTIME", "mtime "] {
        let error = word.parse::<Undated>().unwrap_err();
        assert!(error.contains("skip") && error.contains("mtime"), "{error}");
    }
}
