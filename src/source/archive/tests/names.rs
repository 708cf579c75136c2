//! Times in names: those of whole series, and those that are not there.

use std::time::{Duration, SystemTime};

use super::*;
use crate::source::archive::Undated;

fn open_with(folder: &Path, undated: Undated) -> Result<ArchiveSource, SourceError> {
    let options = ArchiveOptions { zone: Some(TimeZone::UTC), undated, ..ArchiveOptions::default() };
    ArchiveSource::open(folder, options)
}

#[tokio::test]
async fn what_a_number_of_six_digits_means_its_neighbours_and_its_folder_say() {
    let folder = Folder::new();
    for name in ["beads-202101.sql", "beads-202102.sql"] {
        folder.write(name, "select 1;");
    }
    let source = folder.open();
    assert_eq!(times(&database(&source).await), ["2021-02-01T00:00:00Z", "2021-01-01T00:00:00Z"], "months");
    // One that can only be a week: then all are.
    folder.write("beads-202053.sql", "select 1;");
    let weeks = ["2021-01-11T00:00:00Z", "2021-01-04T00:00:00Z", "2020-12-28T00:00:00Z"];
    assert_eq!(times(&database(&source).await), weeks);
    // Another series of the folder has its own.
    folder.write("other-202101.sql", "select 1;");
    let all = databases(&source).await;
    assert_eq!(times(&all["beads"]), weeks);
    assert_eq!(times(&all["other"]), ["2021-01-01T00:00:00Z"]);

    let weekly = folder.path("weekly");
    fs::create_dir(&weekly).unwrap();
    fs::write(weekly.join("beads-202101.sql"), "select 1;").unwrap();
    assert_eq!(times(&database(&open(&weekly)).await), ["2021-01-04T00:00:00Z"]);
}

#[tokio::test]
async fn a_day_whose_order_nothing_shows_is_left_out_until_a_neighbour_shows_it() {
    let folder = Folder::new();
    folder.write("beads-02-01-2026.sql", "select 1;");
    let error = refused(&folder.archives(), None);
    assert_says(&error, ErrorKind::Invalid, &[]);
    assert_hints(&error, &["1 archive is left out", "--undated=mtime"]);
    folder.write("beads-21-01-2026.sql", "select 1;");
    let times = times(&database(&folder.open()).await);
    assert_eq!(times, ["2026-01-21T00:00:00Z", "2026-01-02T00:00:00Z"]);
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
    std::os::unix::fs::symlink("dated-20260121.sql", folder.at("newest.sql")).unwrap();
    folder.write("customers-latest.sql", "select 1;");

    let skipped = open_with(&folder.archives(), Undated::Skip).unwrap();
    assert_eq!(names(&databases(&skipped).await), ["dated"]);

    let all = databases(&open_with(&folder.archives(), Undated::Mtime).unwrap()).await;
    let expected = ["customers", "dated", "orders-3"];
    assert_eq!(names(&all), expected, "links and `latest` are other names of others");
    assert_eq!(times(&all["customers"]), ["2020-09-13T12:26:40Z"]);
    let said = |name: &str| &all[name].history().timeline[0].message;
    assert_eq!(said("customers"), "customers.sql (no time in its name: when it was last changed)");
    assert_eq!(said("dated"), "dated-20260121.sql");
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
