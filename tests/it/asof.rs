//! Looking up the past: a name under `asof/` means what `AS OF TIMESTAMP(t)` means on the server.

use std::fs;

use jiff::{SignedDuration, Timestamp};

use crate::support::files::{assert_same, errno, link, names, read, read_text};
use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::oracle::{self, Moment};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::sql::Client;
use crate::support::tree::{self, path_time, sql_time};

/// At `time`, the database shows exactly what the server answers.
pub fn agrees_at(mount: &Mount, client: &mut Client, database: &str, time: Timestamp) {
    let sql = sql_time(time);
    let folder = mount.path(&format!("{database}/asof/{}", path_time(time)));
    let any = client.one(&format!("SELECT COUNT(*) FROM dolt_log WHERE date <= '{sql}'"));
    if any == "0" {
        assert_eq!(errno(fs::metadata(&folder)), libc::ENOENT, "{} is before all history", folder.display());
        return;
    }
    agrees(&folder, &oracle::files(client, Moment::Time(&sql)));
}

/// A snapshot's folder holds exactly these files and `schema.sql`.
#[track_caller]
pub fn agrees(folder: &std::path::Path, wanted: &std::collections::BTreeMap<String, Vec<u8>>) {
    let mut listed = names(folder);
    assert!(listed.iter().any(|n| n == "schema.sql"), "{} has no schema.sql: {listed:?}", folder.display());
    listed.retain(|name| name != "schema.sql");
    assert_eq!(listed, wanted.keys().cloned().collect::<Vec<_>>(), "the tables of {}", folder.display());
    for (name, bytes) in wanted {
        let path = folder.join(name);
        assert_same(&path.display().to_string(), &read(&path), bytes);
    }
}

/// Compares at `count` random times from before the first commit to after the last, and around every fifth commit.
pub fn agrees_at_random_times(mount: &Mount, client: &mut Client, database: &str, count: u64, seed: u64) {
    client.use_database(database);
    let dates = client.texts(
        "SELECT DISTINCT date FROM dolt_log WHERE message <> 'Initialize data repository' ORDER BY date",
    );
    let dates: Vec<Timestamp> =
        dates.iter().map(|row| format!("{}Z", row[0]).parse().expect("a commit date")).collect();
    let (first, last) = (dates[0], dates[dates.len() - 1]);
    let span = last.duration_since(first).as_millis() as i64;
    let mut random = Random::new(seed);
    for _ in 0..count {
        let at = random.within(-span / 50 - 1000..span + span / 50 + 1000);
        agrees_at(mount, client, database, first + SignedDuration::from_millis(at));
    }
    for date in dates.iter().step_by(dates.len() / 40 + 1) {
        agrees_at(mount, client, database, *date);
        agrees_at(mount, client, database, *date - SignedDuration::from_millis(1));
    }
}

#[test]
fn two_hundred_random_times_of_a_generated_history() {
    let server = Server::start();
    let mut client = server.client();
    histories::random(&mut client, "generated", 20_260_705, 120);
    let mount = Mount::new(&[server.url("generated")]);
    agrees_at_random_times(&mount, &mut client, "generated", 200, 1);
}

#[test]
fn every_type_and_every_change_of_schema() {
    let server = Server::start();
    let mut client = server.client();
    histories::every_type(&mut client, "types");
    histories::evolving(&mut client, "evolving");
    histories::back_dated(&mut client, "back_dated");
    histories::branching(&mut client, "branching");
    let mount = Mount::new(&[server.url("")]);
    for database in ["types", "evolving", "back_dated", "branching"] {
        agrees_at_random_times(&mount, &mut client, database, 25, 2);
        for snapshot in tree::log(&mount.path(database)) {
            let folder = mount.path(database).join(&snapshot.path);
            agrees(&folder, &oracle::files(&mut client, Moment::Ref(&snapshot.commit)));
        }
    }
}

#[test]
fn awkward_names_of_databases_and_tables() {
    let server = Server::start();
    let mut client = server.client();
    let databases = histories::awkward_names(&mut client);
    let mount = Mount::new(&[server.url("")]);
    let mut sorted = databases.clone();
    sorted.sort();
    assert_eq!(names(mount.root()), sorted);
    for database in &databases {
        client.use_database(database);
        for time in ["2026-03-01T12:00:00Z", "2026-03-02T00:00:00Z"] {
            agrees_at(&mount, &mut client, database, time.parse().expect("a time"));
        }
        let alone = Mount::new(&[server.url(database)]);
        assert_eq!(names(alone.root()), [database.as_str()]);
    }
}

#[test]
fn views_that_call_the_clock_are_left_out_and_named() {
    let server = Server::start();
    histories::clock_views(&mut server.client(), "clock");
    let mount = Mount::new(&[server.url("clock")]);
    let folder = mount.path("clock/latest");
    assert_eq!(names(&folder), ["schema.sql", "steady.jsonl", "t.jsonl"]);
    let schema = read_text(folder.join("schema.sql"));
    for view in ["ready_issues", "lucky"] {
        assert!(schema.contains(view), "schema.sql says nothing of {view}:\n{schema}");
    }
}

#[test]
fn schema_sql_makes_the_same_tables_again() {
    let server = Server::start();
    let mut client = server.client();
    histories::evolving(&mut client, "evolving");
    histories::awkward_names(&mut client);
    let mount = Mount::new(&[server.url("")]);
    for database in ["evolving", "my-db"] {
        for name in names(mount.path(&format!("{database}/asof"))) {
            let folder = mount.path(&format!("{database}/asof/{name}"));
            let schema = read_text(folder.join("schema.sql"));
            client.run(&["DROP DATABASE IF EXISTS again", "CREATE DATABASE again", "USE again"]);
            for statement in statements(&schema) {
                client.rows(&statement);
            }
            let tables = client.texts("SHOW TABLES");
            let mut files: Vec<String> = tables.iter().map(|row| oracle::file_name(&row[0])).collect();
            files.push("schema.sql".into());
            files.sort();
            assert_eq!(files, names(&folder), "what the schema of {name} makes:\n{schema}");
        }
    }
}

/// The statements of a script: each ends with `;` at the end of a line; comments are on separate lines.
fn statements(script: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut statement = String::new();
    for line in script.lines().filter(|line| !line.starts_with("--")) {
        statement.push_str(line);
        statement.push('\n');
        if line.ends_with(';') {
            all.push(std::mem::take(&mut statement));
        }
    }
    assert_eq!(statement.trim(), "", "the last statement has no end");
    all
}

#[test]
fn every_form_of_a_time() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    let (first, second, third) = ("2026-01-05T120000Z", "2026-01-05T183000Z", "2026-01-06T090000.156Z");
    let seconds: Timestamp = "2026-01-05T12:00:00Z".parse().expect("a time");
    let unix = format!("@{}", seconds.as_second());
    let forms = [
        ("2026-01-05T120000Z", first),
        ("2026-01-05T120001Z", first),
        ("2026-01-05T12:00:00Z", first),
        ("2026-01-05T12:00:00", first),
        ("2026-01-05T12:00", first),
        ("2026-01-05 12:00", first),
        ("2026-01-05 12:00:30", first),
        ("20260105-1200", first),
        ("20260105-120000", first),
        ("20260105_120000", first),
        ("20260105T120000Z", first),
        ("2026-01-05-120000", first),
        ("2026-01-05-1200", first),
        ("2026-01-05T14:00:00+02:00", first),
        ("2026-01-05T10:00:00-02:00", first),
        ("2026-01-05T14:29:59+02:00", first),
        (&unix, first),
        ("2026-01-05T18:29:59", first),
        ("2026-01-05T18:29:59.999Z", first),
        ("2026-01-05T18:30", second),
        ("2026-01-06", second),
        ("2026-01-06T09:00:00.155Z", second),
        ("2026-01-06T09:00:00.156Z", third),
        ("2026-01-07", third),
        ("2026-01-07T19:59:59Z", third),
        ("2026-01-08", "2026-01-07T200000Z"),
        ("now", "2026-01-07T200000Z"),
        ("HEAD", "2026-01-07T200000Z"),
        ("HEAD~1", third),
        ("HEAD~3", first),
        ("HEAD^", third),
        ("main", "2026-01-07T200000Z"),
        ("main~2", second),
        ("v1", first),
    ];
    for (form, name) in forms {
        assert_means(&mount, "tour", form, name);
    }
    for form in ["2026-01-05", "2026-01-05T11:59:59Z", "2025-12-31", "@0", "1999-01-01", "20260105-1159"] {
        let outcome = fs::metadata(mount.path(&format!("tour/asof/{form}")));
        assert_eq!(errno(outcome), libc::ENOENT, "{form} is before history");
    }
    for form in [
        "no-such-name",
        "2026-13-01",
        "2026-01-05T25:00",
        "HEAD~99",
        "@",
        "...",
        "deadbeef",
        "2026-01-05T12:00Zx",
    ] {
        let outcome = fs::metadata(mount.path(&format!("tour/asof/{form}")));
        assert_eq!(errno(outcome), libc::ENOENT, "{form} means nothing");
    }
    // Looked-up names are not listed.
    assert_eq!(names(mount.path("tour/asof")).len(), 5);
}

#[track_caller]
fn assert_means(mount: &Mount, database: &str, form: &str, name: &str) {
    let path = mount.path(&format!("{database}/asof/{form}"));
    let meant = fs::canonicalize(&path).unwrap_or_else(|e| panic!("asof/{form}: {e}"));
    assert_eq!(meant, mount.path(&format!("{database}/asof/{name}")), "asof/{form}");
    if form != name {
        assert!(!link(&path).starts_with('/'), "asof/{form} is a relative symlink");
    }
}

#[test]
fn commits_by_hash_and_prefix() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    for snapshot in tree::log(&mount.path("tour")) {
        for length in [snapshot.commit.len(), 20, 8] {
            assert_means(&mount, "tour", &snapshot.commit[..length], &snapshot.name);
        }
        let short = mount.path(&format!("tour/asof/{}", &snapshot.commit[..7]));
        assert_eq!(errno(fs::metadata(&short)), libc::ENOENT, "7 characters are too few");
    }
}

#[test]
fn times_relative_to_now() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("recent");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)"]);
    let now = Timestamp::now();
    for (hours, name) in [
        (240, "ten days"),
        (120, "five days"),
        (36, "a day and a half"),
        (12, "half a day"),
        (2, "two hours"),
    ] {
        let date = (now - SignedDuration::from_hours(hours)).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        client.commit(name, &date);
    }
    let mount = Mount::new(&[server.url("recent")]);
    let log = tree::log(&mount.path("recent"));
    let forms = [
        ("now", "two hours"),
        ("yesterday", "a day and a half"),
        ("1 day ago", "a day and a half"),
        ("3 days ago", "five days"),
        ("1 week ago", "ten days"),
        ("6 hours ago", "half a day"),
        ("90 minutes ago", "two hours"),
    ];
    for (form, message) in forms {
        assert_means(&mount, "recent", form, &tree::with_message(&log, message).name);
    }
    assert_eq!(errno(fs::metadata(mount.path("recent/asof/11 days ago"))), libc::ENOENT);
}

#[test]
fn a_zone_changes_how_bare_times_are_read_and_no_name() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::with(&["--timezone", "Europe/Berlin"], &[server.url("tour")]);
    let first = "2026-01-05T120000Z";
    assert!(names(mount.path("tour/asof")).contains(&first.to_owned()));
    for form in [
        "2026-01-05T13:00",
        "2026-01-05 13:00",
        "20260105-1300",
        "2026-01-05T12:00:00Z",
        "2026-01-05T120000Z",
    ] {
        assert_means(&mount, "tour", form, first);
    }
    for form in ["2026-01-05T12:00", "20260105-1259"] {
        assert_eq!(errno(fs::metadata(mount.path(&format!("tour/asof/{form}")))), libc::ENOENT, "{form}");
    }
}

#[test]
fn back_dated_commits_follow_the_servers_own_rule() {
    let server = Server::start();
    let mut client = server.client();
    histories::back_dated(&mut client, "back");
    let mount = Mount::new(&[server.url("back")]);
    let log = tree::log(&mount.path("back"));
    for day in 1..7 {
        for clock in ["00:00:00", "12:00:00", "12:00:00.250", "23:59:59.999"] {
            let time: Timestamp = format!("2026-06-0{day}T{clock}Z").parse().expect("a time");
            agrees_at(&mount, &mut client, "back", time);
        }
    }
    // Two commits in one instant: the later in commit order carries the start of its hash.
    let (earlier, later) = (tree::with_message(&log, "commit 2"), tree::with_message(&log, "commit 3"));
    assert_eq!(earlier.name, "2026-06-03T000000Z");
    assert_eq!(later.name, format!("2026-06-03T000000Z-{}", &later.commit[..8]));
    assert_eq!(tree::with_message(&log, "commit 4").name, "2026-06-04T120000.250Z");
    assert_eq!(
        link(mount.path("back/latest")),
        format!("asof/{}", tree::with_message(&log, "commit 4").name)
    );
}

#[test]
fn no_commit_but_the_initial_one() {
    let server = Server::start();
    let mut client = server.client();
    histories::bare(&mut client, "bare");
    let mount = Mount::new(&[server.url("bare")]);
    let listed = names(mount.path("bare/asof"));
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(link(mount.path("bare/latest")), format!("asof/{}", listed[0]));
    assert_eq!(names(mount.path("bare/latest")), ["schema.sql"]);
    let log = tree::log(&mount.path("bare"));
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].commit, client.one("SELECT commit_hash FROM dolt_log"));
}
