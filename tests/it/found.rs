//! Commands that name no source find the data of the folder where they run.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::command::{Outcome, Run, run, shell};
use crate::support::files::read;
use crate::support::mount::{asof, detach, mounted};
use crate::support::server::Server;
use crate::support::{archives, histories, temp_dir};

/// The variables that name sources or servers.
const VARIABLES: [&str; 5] =
    ["ASOF_FROM", "BEADS_DOLT_SERVER_HOST", "BEADS_DOLT_SERVER_PORT", "GT_DOLT_HOST", "GT_DOLT_PORT"];

/// asof in a folder, with a home of its own and without the variables.
fn asof_in(folder: &Path, home: &Path) -> Run {
    let quiet = VARIABLES.iter().fold(run(asof()), |run, name| run.env(name, ""));
    quiet.dir(folder).env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("XDG_CACHE_HOME", home)
}

/// A folder like that of a Gas Town: databases in the files of a store, and exports.
fn town(top: &Path) {
    let mut server = Server::start();
    histories::tour(&mut server.client(), "tour");
    server.kill();
    shell("cp -r \"$0\" .dolt-data").arg(server.data()).dir(top).ok();
    let exports = top.join(".dolt-archive/jsonl");
    fs::create_dir_all(&exports).expect("the folder is ours");
    fs::write(exports.join("tour-20250101-0300.jsonl"), "{\"id\":\"bd-1\"}\n").expect("the folder is ours");
    fs::create_dir_all(top.join("rig/src")).expect("the folder is ours");
}

fn sources(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.text();
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    objects.map(|object| object["source"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_databases_and_exports_of_a_town_are_found_from_below() {
    let (top, home) = (temp_dir(), temp_dir());
    let top = top.path().canonicalize().expect("it is there");
    town(&top);
    let below = top.join("rig/src");
    let asof = || asof_in(&below, home.path());
    let names = [".dolt-data", ".dolt-archive/jsonl"].map(|name| top.join(name).display().to_string());
    assert_eq!(sources(&asof().args(["sources", "--json"]).outcome().expect_status(0)), names);
    let text = asof().arg("sources").ok();
    assert!(names.iter().all(|name| text.contains(name)) && text.contains("Gas Town"), "{text}");
    let from = names.iter().flat_map(|name| ["--from", name]);
    for args in
        [&["ls", "tour/asof"][..], &["log", "tour"], &["cat", "tour/asof/2025-01-01T030000Z/issues.jsonl"]]
    {
        let named = asof().arg(args[0]).args(from.clone()).args(&args[1..]).outcome().expect_status(0);
        let found = asof().args(args).outcome().expect_status(0);
        assert_eq!(found.text(), named.text(), "{args:?}");
        assert_eq!(found.stderr, "", "in a pipe, {args:?} does not say what it uses");
    }
    let verified = asof().args(["verify", "--quiet"]).outcome().expect_status(0);
    assert_eq!(verified.text(), "");
}

#[test]
fn a_mount_says_what_it_found() {
    let (top, home) = (temp_dir(), temp_dir());
    town(top.path());
    let place = top.path().join("mnt");
    fs::create_dir(&place).expect("the folder is ours");
    let asof = || asof_in(&top.path().join("rig"), home.path());
    let outcome = asof().arg("mount").arg(&place).outcome();
    let shown = mounted(&place);
    let table = read(place.join("tour/asof/2025-01-01T030000Z/issues.jsonl"));
    let ended = asof().arg("umount").arg(&place).outcome();
    detach(&place);
    let outcome = outcome.expect_status(0);
    ended.expect_status(0);
    assert_eq!(shown.as_deref(), Some("fuse.asof"));
    assert_eq!(table, b"{\"id\":\"bd-1\"}\n");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "once for each source: {lines:?}");
    assert!(
        lines[0].starts_with("asof: using /")
            && lines[0].contains(".dolt-data (the databases of a Gas Town)")
    );
}

#[test]
fn beads_without_a_database_leads_to_its_server() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let (top, home) = (temp_dir(), temp_dir());
    let beads = top.path().join(".beads");
    fs::create_dir(&beads).expect("the folder is ours");
    let url = server.url("");
    let port = url.rsplit(':').next().expect("a port").trim_end_matches('/').to_owned();
    fs::write(beads.join("dolt-server.port"), format!("{port}\n")).expect("the folder is ours");
    let asof = || asof_in(top.path(), home.path());
    assert!(asof().args(["ls", "tour"]).ok().contains("latest"));
    fs::remove_file(beads.join("dolt-server.port")).expect("it is there");
    let by_variable = asof().env("BEADS_DOLT_SERVER_PORT", &port).args(["ls", "tour"]);
    assert!(by_variable.ok().contains("latest"));
    let of_town = asof().env("GT_DOLT_PORT", "http").args(["ls", "tour"]).outcome().expect_status(2);
    assert!(of_town.stderr.contains("GT_DOLT_PORT is no port"), "{}", of_town.stderr);
}

#[test]
fn the_variable_comes_first_and_nothing_found_is_said() {
    let (top, home) = (temp_dir(), temp_dir());
    archives::write_zip(&top.path().join("2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let from = format!("b={}", top.path().display());
    let asof = || asof_in(home.path(), home.path());
    assert_eq!(asof().env("ASOF_FROM", &from).arg("ls").ok(), "b\n");
    for args in [&["sources"][..], &["ls"], &["log"], &["find", "x"], &["diff", "yesterday", "latest"]] {
        let outcome = asof().args(args).outcome().expect_status(2);
        assert!(outcome.stderr.contains("no source is given, and none is found in /"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    }
    let alone = asof().args(["mount", "dolt://127.0.0.1:1"]).outcome().expect_status(1);
    assert!(alone.stderr.contains("asof mount SOURCE... MOUNTPOINT"), "{}", alone.stderr);
}
