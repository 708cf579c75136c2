//! Names for the sides of a comparison, and the messages for names that mean nothing.

use std::fs;

use super::{diff, kinds, shown};
use crate::support::command::run;
use crate::support::files::{names, read_text};
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::tree::{self, Snapshot};
use crate::support::{archives, histories, temp_dir};

#[test]
fn what_is_not_committed_can_be_compared() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    client.run(&["UPDATE issues SET status = 'open' WHERE id = 'bd-1'"]);
    let store = server.data().join("demo").display().to_string();
    for source in [server.url("demo"), store] {
        let sources = [format!("demo={source}")];
        let wanted = "table issues: ~1\n~ bd-1\n    status: \"closed\" -> \"open\"\n";
        for from in ["HEAD", "latest", "main", "branches/main"] {
            let told = shown(&sources, &[from, "live"]);
            assert_eq!(told, format!("diff demo/asof/2026-01-07T200000Z demo/live\n{wanted}"), "{from}");
        }
        let mount = Mount::new(&sources);
        let line = "{\"change\":\"modified\",\"key\":{\"id\":\"bd-1\"},\"from\":{\"status\":\"closed\"},\"to\":{\"status\":\"open\"}}\n";
        assert_eq!(read_text(mount.path("demo/diff/latest..live/issues.jsonl")), line);
        assert_eq!(names(mount.path("demo/diff/live..live")), ["summary.json"]);
    }
    let mount = Mount::new(&[server.url("demo")]);
    let file = mount.path("demo/diff/latest..live/issues.jsonl");
    assert_eq!(read_text(&file).lines().count(), 1);
    client.run(&["UPDATE demo.issues SET status = 'late' WHERE id = 'bd-3'"]);
    crate::support::eventually("the working set's change shows", std::time::Duration::from_secs(20), || {
        // Not `read_text`: the meaning of the name may change between asking for its size and its bytes.
        (fs::read_to_string(&file).ok()?.lines().count() == 2).then_some(())
    });
}

#[test]
fn databases_and_sources_are_told_apart() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    kinds(&mut client, "kinds");
    let all = [server.url("")];
    let everywhere = shown(&all, &["HEAD~1", "HEAD", "--name-only"]);
    assert!(everywhere.starts_with("demo/issues\nkinds/coming\n"), "{everywhere}");
    assert_eq!(shown(&all, &["demo/HEAD~1", "HEAD", "--name-only"]), "issues\n");
    assert_eq!(shown(&all, &["HEAD~1", "demo/HEAD", "--name-only"]), "issues\n");
    assert_eq!(shown(&all, &["demo/HEAD~1..HEAD", "--name-only"]), "issues\n");
    assert_eq!(shown(&all, &["HEAD~1..HEAD", "demo/issues", "--name-only"]), "issues\n");
    assert_eq!(shown(&all, &["HEAD~1..HEAD", "labels", "--name-only"]), "kinds/labels\n");
    assert_eq!(shown(&all, &["demo/branches/convoy/docs-bd3..demo/v1", "--name-only"]), "issues\nlabels\n");
    // Only one of the databases has this row.
    let row = shown(&all, &["HEAD~1..HEAD", "issues", "bd-10"]);
    assert!(row.starts_with("diff kinds/") && row.ends_with("+ bd-10\n    title: \"Ten\"\n"), "{row}");
    let none = diff(&all, &["HEAD~1..HEAD", "issues", "bd-11"]).expect_status(2);
    assert!(none.stderr.contains("neither side has a row `bd-11` in issues"), "{}", none.stderr);
    // Only one of the databases has this tag.
    let partly = diff(&all, &["v1", "latest", "--name-only"]).expect_status(2);
    assert_eq!(partly.text(), "issues\nlabels\n");
    assert!(partly.stderr.contains("`v1` means no snapshot of kinds"), "{}", partly.stderr);
    // An export of a table compared with the database that it came from.
    let dir = temp_dir();
    let export =
        run(asof()).args(["cat", "--cache-dir", "", "--from", &server.url("demo"), "latest/issues.jsonl"]);
    fs::write(dir.path().join("issues-20260108-0000.jsonl"), export.ok()).expect("the folder is ours");
    let both = [format!("backup={}", dir.path().display()), server.url("demo")];
    assert_eq!(shown(&both, &["backup/latest", "demo/latest", "issues"]), "");
    let told = shown(&both, &["demo/HEAD~1", "backup/latest", "issues"]);
    assert!(told.contains("demo/asof/2026-01-06T090000.156Z backup/asof/2026-01-08T000000Z"), "{told}");
    assert!(
        told.ends_with("table issues: -1\n- bd-2  title: \"Mount an archive\", status: \"open\"\n"),
        "{told}"
    );
    // One timeline over both.
    let merged = [format!("b={}", dir.path().display()), format!("b={}", server.url("demo"))];
    assert_eq!(shown(&merged, &["2026-01-07T20:00", "2026-01-08", "issues"]), "");
}

#[test]
fn databases_that_began_later_are_told_as_new() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    client.new_database("fresh");
    client.run(&["CREATE TABLE notes (id int PRIMARY KEY)", "INSERT INTO notes VALUES (7)"]);
    client.commit("first note", "2026-01-07T00:00:00");
    let all = [server.url("")];
    let line = "fresh: nothing before 2026-01-06T000000Z; it begins with 2026-01-07T000000Z\n";

    let told = shown(&all, &["2026-01-06", "latest"]);
    assert!(told.starts_with("diff demo/") && told.ends_with(line), "{told}");
    assert!(shown(&all, &["2026-01-06..latest", "--stat"]).ends_with(line));
    assert!(shown(&all, &["latest", "asof/2026-01-06"]).ends_with(line));
    let differs = diff(&all, &["2026-01-06", "latest", "--exit-code", "notes"]).expect_status(1);
    assert_eq!((differs.text(), &*differs.stderr), (line.to_owned(), ""));
    assert_eq!(shown(&all, &["2026-01-06", "latest", "notes", "7"]), line);
    let elsewhere = shown(&all, &["2026-01-06", "latest", "issues"]);
    assert!(elsewhere.contains("- bd-2") && !elsewhere.contains("fresh"), "{elsewhere}");
    diff(&all, &["2026-01-06", "latest", "notes", "8"]).expect_status(2);
    // It is on neither side.
    let neither = diff(&all, &["2026-01-05T13:00", "2026-01-06", "--exit-code", "--json"]).expect_status(1);
    assert!(
        neither.text().lines().all(|row| row.starts_with("{\"database\":\"demo\"")),
        "{}",
        neither.text()
    );
    assert_eq!(neither.stderr, format!("asof: {line}"));

    for (args, words) in [
        (&["2026-01-01", "latest"][..], "`2026-01-01` means no snapshot of demo"),
        (&["fresh/2026-01-06", "latest"], "`2026-01-06` means no snapshot of fresh"),
        (&["fresh/9000.days.ago", "latest"], "hint: fresh begins later, with 2026-01-07T000000Z\n"),
        (&["v1", "latest"], "`v1` means no snapshot of fresh"),
        (&["nowhere", "latest"], "`nowhere` means no snapshot of demo"),
    ] {
        let none = diff(&all, args).expect_status(2);
        assert!(
            none.stderr.contains(words) && !none.stderr.contains("it begins with"),
            "{args:?}: {}",
            none.stderr
        );
    }
    // A hint never suggests the name that was typed.
    let yesterday = [server.url("recent")];
    client.new_database("recent");
    let none = diff(&yesterday, &["yesterday", "latest"]).expect_status(2);
    assert!(
        none.stderr.contains("hint: recent begins later, with 20") && !none.stderr.contains("did you mean"),
        "{}",
        none.stderr
    );
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    client.run(&["CREATE TABLE loose (a int)", "INSERT INTO loose VALUES (1)"]);
    client.commit("loose", "2026-01-08T00:00:00");
    let demo = [server.url("demo")];
    for (args, words) in [
        (
            &["v1", "latest", "isues"][..],
            &["neither demo/asof/2026-01-05", "`isues`", "did you mean `issues`?"][..],
        ),
        (&["v1", "latest", "zzz"], &["the tables are: issues, labels, loose, schema.sql"]),
        (
            &["v1", "latest", "issues", "bd-9"],
            &["neither side has a row `bd-9` in issues", "did you mean `bd-1` or `bd-2` or `bd-3`?"],
        ),
        (&["v1", "latest", "labels", "bd-1"], &["did you mean `bd-1,fuse`"]),
        (&["v1", "latest", "loose", "1"], &["the rows of loose have no key", "leave the KEY out"]),
        (&["v1", "latets"], &["`latets` means no snapshot of demo", "did you mean `latest`?"]),
        (&["v1..nowhere-at-all"], &["`nowhere-at-all` means no snapshot of demo", "yesterday, '3 days ago'"]),
        (
            &["1999-01-01", "latest"],
            &["`1999-01-01` means no snapshot", "demo begins later, with 2026-01-05T120000Z"],
        ),
        (&["dem/v1", "latest"], &["did you mean the database `demo`?"]),
        (
            &["nope/HEAD~1", "HEAD"],
            &["`nope/HEAD~1` means", "there is no database `nope`; the databases are: demo\n"],
        ),
        (&["branches/v1", "HEAD"], &["`branches/v1` means no snapshot", "demo/asof goes from"]),
        (&["v1", "issues"], &["`issues` is a table: name both sides first", "`asof diff v1 latest issues`"]),
        (
            &["v1", "demo/issues.jsonl", "bd-1"],
            &["is a table", "`asof diff v1 latest demo/issues.jsonl bd-1`"],
        ),
        (&["nope", "issues", "bd-1"], &["`nope` means no snapshot of demo"]),
        (&["demo", "latest"], &["that is a database", "demo/yesterday"]),
        (&["v1"], &["what should `v1` be compared with?", "`asof diff v1 latest`"]),
        (&["v1..main", "issues", "bd-1", "more"], &["`more` is one word too many"]),
        (&["v1", "main", "issues", "bd-1", "--stat"], &["leave out --stat"]),
        (&["v1", "main", "--name-only", "--json"], &["cannot be used with"]),
        (&[], &["required"]),
    ] {
        let outcome = diff(&demo, args).expect_status(2);
        assert_eq!(outcome.text(), "", "{args:?}");
        for word in words {
            assert!(outcome.stderr.contains(word), "{args:?}: {word:?} is not in {}", outcome.stderr);
        }
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    }
    let dir = temp_dir();
    archives::thrum_folder(dir.path(), &[("2026-01-03T000000", "2026-01-02T12:00:00Z", b"{\"id\":1}\n")]);
    let none = diff(&[format!("b={}", dir.path().display())], &["latest", "live"]).expect_status(2);
    assert!(none.stderr.contains("b has no working set; `latest` is its newest snapshot"), "{}", none.stderr);
    diff(&["/nowhere/at/all"], &["a", "b"]).expect_status(2);
}

#[test]
fn names_of_all_kinds_are_taken() {
    let server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let source = server.url("demo");
    let mount = Mount::new(&[&source]);
    let log: Vec<Snapshot> = tree::log(&mount.path("demo"));
    let drop = tree::with_message(&log, "drop bd-2");
    let labels = tree::with_message(&log, "labels");
    let wanted = shown(&[&source], &["HEAD~1", "HEAD"]);
    assert!(wanted.contains("- bd-2"), "{wanted}");
    let commits = (format!("commits/{}", labels.commit), format!("demo/commits/{}", drop.commit));
    for (from, to) in [
        (labels.commit.as_str(), drop.commit.as_str()),
        (&labels.commit[..8], "main"),
        (&labels.name, &drop.name),
        (&labels.path, &drop.path),
        ("convoy/docs-bd3", "branches/main"),
        ("branches/convoy/docs-bd3", "now"),
        ("2026-01-06T09:00:01", "2026-01-09"),
        ("main~1", "latest"),
        (&commits.0, &commits.1),
    ] {
        assert_eq!(shown(&[&source], &[from, to]), wanted, "{from} {to}");
        assert_eq!(shown(&[&source], &[&format!("{from}..{to}")]), wanted, "{from}..{to}");
    }
    assert_eq!(shown(&[&source], &["HEAD~1.."]), wanted);
    let back = shown(&[&source], &["..HEAD~1"]);
    assert!(back.contains("+ bd-2"), "{back}");
}

#[test]
fn commits_that_are_lost_can_be_compared() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("flat");
    client.run(&["CREATE TABLE steps (step int PRIMARY KEY)"]);
    let first = client.commit("first", "2026-01-05T00:00:00");
    let mut lost = Vec::new();
    for step in 1..=3 {
        client.run(&[&format!("INSERT INTO steps VALUES ({step})")]);
        lost.push(client.commit(&format!("step {step}"), &format!("2026-01-06T0{step}:00:00")));
    }
    client.run(&[&format!("CALL DOLT_RESET('--soft', '{first}')")]);
    client.commit("flattened", "2026-01-07T00:00:00");
    let source = [server.data().join("flat").display().to_string()];
    let wanted = format!("diff flat/lost/{} flat/lost/{}\ntable steps: +1\n+ 2\n", lost[0], lost[1]);
    assert_eq!(shown(&source, &[&lost[0], &lost[1][..9]]), wanted);
    assert_eq!(shown(&source, &[&format!("flat/lost/{}..{}", lost[0], lost[1]), "steps"]), wanted);
    let pair = format!("flat/diff/{}..{}/steps.jsonl", lost[0], lost[1]);
    let line = "{\"change\":\"added\",\"key\":{\"step\":2},\"from\":null,\"to\":{\"step\":2}}\n";
    assert_eq!(read_text(Mount::new(&source).path(&pair)), line);
    let none = diff(&source, &["abcdefghijklmnopqrstuvwxyz012345", "latest"]).expect_status(2);
    assert!(none.stderr.contains("means no snapshot of flat"), "{}", none.stderr);
}
