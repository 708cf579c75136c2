//! `.asof/` in a mount and `asof status`: what a mount says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use serde_json::Value;

use crate::support::command::run;
use crate::support::files::{names, read};
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::user::User;
use crate::support::{archives, eventually, histories, temp_dir};

/// How soon a source that goes or comes back must show.
const NOTICED: Duration = Duration::from_secs(40);

/// Reads a file that may change between two looks at it.
fn now(mount: &Mount, file: &str) -> Vec<u8> {
    fs::read(mount.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn status(mount: &Mount) -> Value {
    serde_json::from_slice(&now(mount, ".asof/status.json")).expect("it is JSON")
}

/// The samples of `metrics` as Prometheus' own library for Python reads them: `name{label=value}` to value.
fn metrics(mount: &Mount) -> BTreeMap<String, f64> {
    const PARSE: &str = "
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
samples = {}
for family in parse(sys.stdin.read()):
    assert family.documentation, family
    assert family.type in ('gauge', 'counter'), family
    for sample in family.samples:
        labels = ','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))
        assert (sample.name, labels) not in samples, sample
        samples[sample.name + ('{' + labels + '}' if labels else '')] = sample.value
print(json.dumps(samples))
";
    let parsed = run("/usr/bin/python3").args(["-c", PARSE]).input(now(mount, ".asof/metrics")).ok();
    serde_json::from_str(&parsed).expect("it is JSON")
}

#[test]
fn a_mount_says_what_it_shows() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T150405.zip"), &[("t.jsonl", b"{\"id\":1}\n")]);
    let archive = dir.path().display();
    let sources = [server.url("demo"), format!("b={archive}")];
    let mount = Mount::new(&sources);
    assert_eq!(names(mount.root()), ["b", "demo"], "the folder is not listed, so that no copy holds it");
    assert_eq!(names(mount.path(".asof")), ["metrics", "status.json"]);
    let first = status(&mount);
    assert_eq!(first["pid"], mount.pid());
    for (shown, given) in first["sources"].as_array().expect("a list").iter().zip(&sources) {
        assert_eq!(shown["source"], **given);
        assert_eq!((&shown["answers"], &shown["reason"]), (&Value::Bool(true), &Value::Null));
    }
    for database in first["databases"].as_array().expect("a list") {
        let name = database["name"].as_str().expect("a text");
        let listed = names(mount.path(&format!("{name}/asof")));
        assert_eq!(database["snapshots"], listed.len());
        let newest = run("stat").args(["-L", "-c", "%Y"]).arg(mount.path(&format!("{name}/latest"))).ok();
        let time: jiff::Timestamp = database["newest"].as_str().expect("a text").parse().expect("a time");
        assert_eq!(time.as_second().to_string(), newest.trim());
    }
    let inode = || fs::metadata(mount.path(".asof/status.json")).expect("it is there").ino();
    assert_eq!((inode(), status(&mount)), (inode(), first.clone()), "nothing changes while nothing happens");

    let before = metrics(&mount);
    assert_eq!(before[&format!("asof_source_up{{source=archive {archive}}}")], 1.0, "{before:?}");
    let bytes = read(mount.path("demo/latest/issues.jsonl")).len();
    client.commit("one more", "2026-09-01T00:00:00");
    eventually("the commit counts", Duration::from_secs(10), || (status(&mount) != first).then_some(()));
    let after = metrics(&mount);
    let snapshots = |samples: &BTreeMap<String, f64>| samples["asof_snapshots{database=demo}"];
    assert_eq!(snapshots(&after), snapshots(&before) + 1.0);
    let read_bytes = |samples: &BTreeMap<String, f64>| samples["asof_read_bytes_total"];
    #[allow(clippy::cast_precision_loss, reason = "a small file")]
    let least = bytes as f64;
    assert!(read_bytes(&after) >= read_bytes(&before) + least);
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"] {
        assert!(after[name] > 0.0, "{name}");
    }
}

#[test]
fn a_source_that_is_down_is_named_until_it_is_back() {
    let mut server = Server::start();
    histories::tour(&mut server.client(), "demo");
    let mount = Mount::new(&[server.url("")]);
    let told = || run(asof()).arg("status").arg(mount.root()).outcome();
    let healthy = told().expect_status(0);
    assert!(healthy.text().contains("answers") && healthy.text().contains("demo"), "{}", healthy.text());
    server.kill();
    let down = eventually("it is known to be down", NOTICED, || {
        Some(status(&mount)["sources"][0].clone()).filter(|source| source["answers"] == false)
    });
    assert!(down["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{down}");
    let failing = told().expect_status(1);
    assert!(failing.text().contains("does not answer since"), "{}", failing.text());
    let samples = metrics(&mount);
    assert!(samples.iter().any(|(name, up)| name.starts_with("asof_source_up") && *up == 0.0), "{samples:?}");
    server.start_again();
    eventually("it is back", NOTICED, || (status(&mount)["sources"][0]["answers"] == true).then_some(()));
    told().expect_status(0);
    let json = run(asof()).args(["status", "--json"]).arg(mount.root()).ok();
    let json: Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["mountpoint"], mount.root().display().to_string());
    let nowhere = run(asof()).args(["status", "/"]).outcome().expect_status(2);
    assert!(nowhere.stderr.contains("asof is not mounted at /"), "{}", nowhere.stderr);
}

#[test]
fn commands_in_a_mount_read_its_sources() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    histories::tour(&mut client, "other");
    let mount = Mount::new(&[server.url("")]);
    let cache = temp_dir();
    let asof = || run(asof()).env("ASOF_FROM", "").env("XDG_CACHE_HOME", cache.path());
    let from = server.url("");
    for (inside, outside) in [
        (&["log", "issues"][..], &["log", "--from", &from, "demo/issues"][..]),
        (&["log"], &["log", "--from", &from, "demo"]),
        (&["find", "bd-"], &["find", "--from", &from, "bd-", "demo"]),
        (&["diff", "HEAD~1", "latest"], &["diff", "--from", &from, "demo/HEAD~1", "latest"]),
        (&["diff", "other/HEAD~1..latest"], &["diff", "--from", &from, "other/HEAD~1..latest"]),
        (&["ls"], &["ls", "--from", &from]),
    ] {
        let said = asof().args(inside).dir(mount.path("demo/latest/")).outcome().expect_status(0);
        assert_eq!(said.text(), asof().args(outside).ok(), "{inside:?}");
        assert!(!said.text().is_empty());
    }
    let above = asof().args(["log", "-n", "1"]).dir(mount.root()).ok();
    assert_eq!(above, asof().args(["log", "--from", &from, "-n", "1"]).ok(), "of all databases");
    assert!(asof().arg("sources").dir(mount.root()).ok().starts_with(from.trim_end_matches('/')));
}

#[test]
fn only_the_owner_may_read_it() {
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let mount = Mount::with(&["-o", "allow_other"], &[format!("b={}", dir.path().display())]);
    let stranger = User::new(4242);
    for file in [".asof/status.json", ".asof/metrics"] {
        stranger.is_refused(&mount, file);
        assert!(!now(&mount, file).is_empty());
    }
}
