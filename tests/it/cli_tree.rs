//! `asof ls` and `asof cat` show what a mount of the same sources shows.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::command::{Outcome, run, shell};
use crate::support::files::{assert_same, names, read, read_all};
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::{archives, histories, temp_dir};

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders are UTF-8")
}

/// Runs a command over the sources, with its own cache folder.
fn over(cache: &Path, sources: &[String], args: &[&str]) -> Outcome {
    let (command, rest) = args.split_first().expect("a command");
    let from = sources.iter().flat_map(|source| ["--from", source]);
    run(asof()).arg(command).args(from).arg("--cache-dir").arg(cache).args(rest).outcome()
}

fn backups(dir: &Path) {
    archives::thrum_folder(
        dir,
        &[
            ("2026-01-03T000000", "2026-01-02T12:00:00Z", b"{\"id\":1}\n"),
            ("2026-01-04T000000", "2026-01-03T12:00:00Z", b"{\"id\":1}\n{\"id\":2}\n"),
        ],
    );
}

/// The lines of a listing without the log and recent times, which depend on when asof first saw uncommitted files.
fn comparable(listing: &str) -> Vec<String> {
    let today = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(12);
    let is_new = |word: &&str| word.parse::<jiff::Timestamp>().is_ok_and(|time| time > today);
    let without_time = |line: &str| match line.split(' ').find(is_new) {
        Some(time) => line.replace(time, "(now)"),
        None => line.to_owned(),
    };
    listing.lines().filter(|line| !line.ends_with("log.jsonl")).map(without_time).collect()
}

#[test]
fn listings_and_files_are_those_of_a_mount() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    client.run(&["CREATE TABLE `we/ird` (id int PRIMARY KEY)", "INSERT INTO `we/ird` VALUES (1)"]);
    let dir = temp_dir();
    backups(dir.path());
    let sources = [server.url("demo"), format!("backup={}", dir.path().display())];
    let mount = Mount::new(&sources);
    let cache = temp_dir();
    let ls = |args: &[&str]| over(cache.path(), &sources, args).expect_status(0).text();
    assert_eq!(ls(&["ls"]), "backup\ndemo\n");
    for path in [
        "demo",
        "demo/",
        "demo/asof",
        "demo/latest",
        "demo/latest/",
        "demo/asof/yesterday/",
        "demo/live",
        "demo/branches/convoy",
        "demo/tags",
        "demo/commits",
        "backup",
        "backup/latest/",
        "demo/latest/issues.jsonl",
        "backup/asof/2026-01-03/issues.jsonl",
    ] {
        let mounted = shell(&format!("ls -A '{path}'")).dir(mount.root()).ok();
        assert_eq!(ls(&["ls", path]), mounted, "{path}");
        let long = format!("ls -AlgG --time-style=+%Y-%m-%dT%H:%M:%SZ '{path}' | grep -v '^total'");
        let mounted = shell(&long).dir(mount.root()).ok();
        let of_both = [ls(&["ls", "-l", path]), mounted].map(|listing| comparable(&listing));
        assert_eq!(of_both[0], of_both[1], "{path}");
    }
    let snapshots = names(mount.path("demo/asof")).len();
    assert_eq!(snapshots, 5, "the tour, and the commit that every database begins with");
    for (folder, files) in [
        ("demo/asof", read_all(mount.path("demo/asof"))),
        ("backup/asof", read_all(mount.path("backup/asof"))),
    ] {
        for (path, bytes) in files.into_iter() {
            let path = format!("{folder}/{path}");
            let told = over(cache.path(), &sources, &["cat", &path]).expect_status(0);
            assert_same(&path, &told.stdout, &bytes);
        }
    }
    let both =
        over(cache.path(), &sources, &["cat", "demo/live/we%2Fird.jsonl", "/demo/asof/v1/labels.jsonl"]);
    assert_eq!(both.expect_status(0).text(), "{\"id\":1}\n{\"issue_id\":\"bd-1\",\"label\":\"fuse\"}\n");
}

#[test]
fn json_tells_what_stat_tells() {
    let dir = temp_dir();
    backups(dir.path());
    let sources = [format!("b={}", dir.path().display())];
    let (mount, cache) = (Mount::new(&sources), temp_dir());
    for folder in ["b", "b/latest", "b/asof"] {
        let told = over(cache.path(), &sources, &["ls", "--json", folder]).expect_status(0).text();
        let told: Vec<Value> =
            told.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        assert_eq!(
            told.iter().map(|t| t["name"].as_str().unwrap_or_default()).collect::<Vec<_>>(),
            names(mount.path(folder))
        );
        for entry in told {
            let name = entry["name"].as_str().expect("a name");
            let path = mount.path(folder).join(name);
            let meta = fs::symlink_metadata(&path).expect("it is listed");
            assert_eq!(entry["size"], meta.len(), "{name}");
            let kind = match meta.file_type() {
                kind if kind.is_dir() => "directory",
                kind if kind.is_symlink() => "symlink",
                _ => "file",
            };
            assert_eq!(entry["type"], kind, "{name}");
            let target = fs::read_link(&path).ok().map(|target| target.display().to_string());
            assert_eq!(entry["target"].as_str(), target.as_deref(), "{name}");
            let time: jiff::Timestamp = entry["mtime"].as_str().expect("a time").parse().expect("a time");
            let modified = jiff::Timestamp::try_from(meta.modified().expect("it has one")).expect("a time");
            assert!(name == "log.jsonl" || time == modified, "{name}: {time} and {modified}");
        }
    }
}

#[test]
fn one_database_need_not_be_named() {
    let dir = temp_dir();
    backups(dir.path());
    let (one, cache) = ([format!("b={}", dir.path().display())], temp_dir());
    let two = [one[0].clone(), format!("c={}", dir.path().display())];
    let cat = |sources: &[String], path: &str| over(cache.path(), sources, &["cat", path]);
    let rows = "{\"id\":1}\n";
    assert_eq!(cat(&one, "b/asof/2026-01-03/issues.jsonl").expect_status(0).text(), rows);
    assert_eq!(cat(&one, "asof/2026-01-03/issues.jsonl").expect_status(0).text(), rows);
    assert_eq!(over(cache.path(), &one, &["ls"]).expect_status(0).text(), "b\n");
    let unclear = cat(&two, "asof/2026-01-03/issues.jsonl").expect_status(1);
    assert!(unclear.stderr.contains("the tree contains: b, c"), "{}", unclear.stderr);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let dir = temp_dir();
    backups(dir.path());
    let (sources, cache) = ([format!("b={}", dir.path().display())], temp_dir());
    for (path, words) in [
        (
            "b/latest/isues.jsonl",
            &[
                "b/latest/isues.jsonl: no such file",
                "did you mean `issues.jsonl`?",
                "b/asof/2026-01-03T120000Z",
            ][..],
        ),
        ("b/latest/zzz", &["b/asof/2026-01-03T120000Z contains: events.jsonl, issues.jsonl, manifest.json"]),
        ("b/lates/issues.jsonl", &["did you mean `latest`?"]),
        ("b/asof/2020-01-01/issues.jsonl", &["2026-01-02T120000Z", "2026-01-03T120000Z", "yesterday"]),
        ("b/latest/issues.jsonl/x", &["not a directory", "issues.jsonl is a file"]),
        ("b/latest", &["is a folder", "asof ls"]),
        ("..", &["leads out of the tree"]),
    ] {
        let outcome = over(cache.path(), &sources, &["cat", path, "b/asof/2026-01-03/issues.jsonl"]);
        let outcome = outcome.expect_status(1);
        assert_eq!(outcome.text(), "{\"id\":1}\n", "{path}: the other file is printed");
        for word in words {
            assert!(outcome.stderr.contains(word), "{path}: {word:?} is not in {}", outcome.stderr);
        }
        assert!(
            outcome.stderr.starts_with("asof: ") && !outcome.stderr.contains("panicked"),
            "{}",
            outcome.stderr
        );
    }
    let listed = over(cache.path(), &sources, &["ls", "b/nope"]).expect_status(1);
    assert_eq!(listed.text(), "");
    let no_source = run(asof()).args(["ls", "--from", "/nowhere/at/all"]).outcome().expect_status(1);
    assert!(no_source.stderr.contains("/nowhere/at/all") && no_source.stderr.contains("hint: "));
    for args in [
        &["ls"][..],
        &["cat", "--from", "x"],
        &["cat", "b/x"],
        &["ls", "--from", "x", "--timezone", "Mars/X"],
    ] {
        run(asof()).args(args).outcome().expect_status(2);
    }
}

#[test]
fn folders_that_list_nothing_tell_what_stands_there() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let dir = temp_dir();
    backups(dir.path());
    let sources = [server.url("demo"), format!("b={}", dir.path().display())];
    let cache = temp_dir();
    for (path, words) in [
        ("demo/diff/v1..nope/issues.jsonl", "`nope` is not a time since the first snapshot"),
        ("demo/diff/nope..v1", "`nope` is not a time since the first snapshot"),
        ("demo/diff/v1", "as in demo/diff/yesterday..latest"),
        ("b/diff/latest..live", "`live` is not a time"),
        ("demo/sql/nope.sql", "`nope` is not a time"),
        ("demo/sql/v1", "as in demo/sql/yesterday.sql"),
        ("demo/export/nope.jsonl", "`nope` is not a time"),
        ("demo/export/live.jsonl", "`live` is not a time"),
        ("demo/export/v1", "as in demo/export/yesterday.jsonl"),
        (
            "demo/export/v1.jsonl",
            "demo does not have the tables of Beads then: issues, labels, dependencies and comments",
        ),
        ("demo/export/latest.jsonl", "demo does not have the tables of Beads then"),
        ("demo/history/issues/bd-1", "as in demo/history/issues/bd-1.jsonl"),
        ("demo/history/issues/bd-99.jsonl", "no version of the table has a row with that key"),
    ] {
        let outcome = over(cache.path(), &sources, &["cat", path]).expect_status(1);
        assert!(outcome.stderr.contains(words), "{path}: {words:?} is not in {}", outcome.stderr);
    }
    let dumped = |path| over(cache.path(), &sources, &["cat", path]).expect_status(0).text();
    let newest = dumped("demo/sql/latest.sql");
    assert!(newest == dumped("demo/sql/HEAD.sql") && newest != dumped("demo/sql/v1.sql"), "{newest}");
}

#[test]
fn habits_of_ls_are_taken_and_small_caches_told() {
    let dir = temp_dir();
    backups(dir.path());
    let (sources, cache) = ([format!("b={}", dir.path().display())], temp_dir());
    let plain = over(cache.path(), &sources, &["ls", "b"]).expect_status(0).text();
    for args in [&["ls", "-a", "b"][..], &["ls", "-A", "b"], &["ls", "-aA", "b"], &["ls", "--all", "b"]] {
        assert_eq!(over(cache.path(), &sources, args).expect_status(0).text(), plain, "{args:?}");
    }
    let long = over(cache.path(), &sources, &["ls", "-la", "b/latest/"]).expect_status(0).text();
    assert_eq!(long, over(cache.path(), &sources, &["ls", "-l", "b/latest/"]).expect_status(0).text());
    let small = over(cache.path(), &sources, &["ls", "--cache-size", "1K", "b"]).expect_status(0);
    assert_eq!(small.text(), plain);
    assert!(
        small.stderr.contains("a cache below 8 MiB") && small.stderr.contains("using 8 MiB"),
        "{}",
        small.stderr
    );
}

#[test]
fn a_damaged_file_fails_alone_and_shows_no_byte() {
    let dir = temp_dir();
    let zip = dir.path().join("2026-01-02T000000.zip");
    archives::write_zip(
        &zip,
        &[("a.jsonl", b"{}\n"), ("b.jsonl", b"{\"title\":\"a title that can be found\"}\n")],
    );
    let mut bytes = fs::read(&zip).expect("it was just written");
    let header = bytes.windows(4).rposition(|w| w == b"PK\x03\x04").expect("b's header");
    bytes[header + 30 + "b.jsonl".len() + 9] ^= 0x40;
    fs::write(&zip, bytes).expect("the folder is ours");
    let (sources, cache) = ([format!("b={}", dir.path().display())], temp_dir());
    let outcome = over(cache.path(), &sources, &["cat", "latest/b.jsonl", "latest/a.jsonl"]).expect_status(1);
    assert_eq!(outcome.text(), "{}\n");
    assert!(
        outcome.stderr.contains("latest/b.jsonl") && outcome.stderr.contains("hint: "),
        "{}",
        outcome.stderr
    );
}

#[test]
fn output_that_nobody_reads_or_takes() {
    let dir = temp_dir();
    archives::write_zip(
        &dir.path().join("2026-01-02T000000.zip"),
        &[("big.jsonl", &archives::lines(40_000, 1))],
    );
    let asof = format!("'{}'", text(asof()));
    let from = format!("--cache-dir '' --from b='{}'", dir.path().display());
    for command in ["cat", "ls"] {
        let path = if command == "cat" { "latest/big.jsonl" } else { "latest/" };
        let piped =
            shell(&format!("set -o pipefail; {asof} {command} {from} {path} | head -c 5 | wc -c")).outcome();
        let piped = piped.expect_status(0);
        assert_eq!((piped.text().trim(), &*piped.stderr), ("5", ""), "{command}");
        let full = shell(&format!("{asof} {command} {from} {path} > /dev/full")).outcome().expect_status(1);
        assert!(
            full.stderr.contains("standard output") && full.stderr.contains("No space"),
            "{}",
            full.stderr
        );
    }
}

#[test]
fn one_table_of_a_server_asks_for_no_other() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let cache = temp_dir();
    let before = server.statements().len();
    let sources = [server.url("demo")];
    let shown = over(cache.path(), &sources, &["cat", "asof/v1/issues.jsonl"]).expect_status(0);
    assert_eq!(shown.text().lines().count(), 3);
    let asked = server.statements().split_off(before);
    let of_rows = |table: &str| asked.iter().filter(|sql| sql.contains(&format!("`{table}`"))).count();
    assert!(of_rows("issues") > 0, "{asked:#?}");
    assert_eq!(of_rows("labels"), 0, "{asked:#?}");
}

#[test]
fn sizes_that_were_measured_are_kept_for_the_next_time() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let (cache, sources) = (temp_dir(), [server.url("demo")]);
    let first = over(cache.path(), &sources, &["ls", "-l", "asof/v1/"]).expect_status(0).text();
    let before = server.statements().len();
    let again = over(cache.path(), &sources, &["ls", "-l", "asof/v1/"]).expect_status(0).text();
    assert_eq!(again, first);
    let rows = |sql: &String| sql.starts_with("SELECT") && sql.contains("`issues`");
    let asked = server.statements().split_off(before);
    assert!(!asked.iter().any(rows), "{asked:#?}");
    let mount = Mount::new(&sources);
    let size = format!(" {} ", read(mount.path("demo/asof/v1/issues.jsonl")).len());
    assert!(first.lines().any(|line| line.contains(&size) && line.ends_with("issues.jsonl")), "{first}");
}
