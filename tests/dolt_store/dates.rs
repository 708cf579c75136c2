//! Commits with every date that Dolt can hold, over the server and from the files.

use crate::agreement::{agree, from_files};
use crate::support::server::{Dolt, Server};
use crate::support::{database, temp_dir};
use crate::verify::oracle::dolt;
use crate::verify::verify;

/// Dates that a server sends as dates, and as asof shows them.
const WITHIN: [(&str, &str); 7] = [
    ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
    ("2038-01-19T03:14:08Z", "2038-01-19T03:14:08Z"),
    ("2026-01-03T00:00:00Z", "2026-01-03T00:00:00Z"),
];
/// Dates that a server sends only as texts.
const BEYOND: [(&str, &str); 2] = [
    ("9999-12-31T23:59:59-14:00", "+010000-01-01T13:59:59Z"),
    ("0000-01-01T00:00:00+14:00", "-000001-12-31T10:00:00Z"),
];

#[test]
fn commits_of_any_date_are_in_the_history_both_ways() {
    for program in [Dolt::Pinned, Dolt::New] {
        let server = Server::start_as(program, None);
        let mut client = server.client();
        client.run(&["CREATE DATABASE dated", "USE dated", "CREATE TABLE t (id int PRIMARY KEY)"]);
        let mut expected = Vec::new();
        for dates in [&WITHIN[..], &BEYOND] {
            for (date, shown) in dates {
                let number = expected.len();
                client.run(&[
                    &format!("INSERT INTO t VALUES ({number})"),
                    &format!("CALL DOLT_COMMIT('-Am','c{number}','--date','{date}')"),
                ]);
                expected.insert(0, (*shown).to_owned());
            }
            let from_server = database(&server.url("dated"));
            let from_files = from_files(&server.data(), "dated");
            for found in [&from_server, &from_files] {
                let history = found.history();
                let times: Vec<_> = history.timeline.iter().map(|commit| commit.time.to_string()).collect();
                // The last one is the commit that created the database.
                assert_eq!(times[..times.len() - 1], expected, "{program:?}, {}", found.name());
                assert_eq!(history.off_timeline, []);
                assert_eq!(history.lost.iter().flatten().count(), 0, "all are reached by a branch");
            }
            assert!(agree(&server, &server.data(), "dated") > expected.len());
        }
    }
}

#[test]
fn a_store_whose_commits_have_odd_dates_is_sound() {
    let folder = temp_dir();
    dolt(Dolt::Pinned, folder.path(), &["init"]).expect_status(0);
    for (date, _) in WITHIN.iter().chain(&BEYOND) {
        dolt(Dolt::Pinned, folder.path(), &["commit", "--allow-empty", "-m", "dated", "--date", date])
            .expect_status(0);
    }
    verify(folder.path()).expect_nothing();
}
