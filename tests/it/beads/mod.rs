//! `export/` compared with the real `bd`, if one is given: `bd export` writes the same, and `bd` imports it.

mod recorded;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::support::bd::{Bd, Tracker};
use crate::support::files::{assert_same, errno, names, read_text};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::sql::Client;

/// Issues that no `bd` command creates, in the form that `bd import` reads.
const IMPORTED: &[&str] = &[
    r#"{"id":"bd-gate","title":"A gate","status":"open","priority":1,"issue_type":"gate","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:01Z","await_type":"gh:run","await_id":"17","timeout":9000000000000000,"waiters":["mayor/","a \"b\" <c>"],"source_system":"other","sender":"mayor","pinned":true}"#,
    r#"{"id":"bd-tpl","title":"A template","status":"pinned","priority":4,"issue_type":"molecule","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","is_template":true,"mol_type":"swarm","work_type":"open_competition","compaction_level":2,"compacted_at":"2026-01-05T00:00:00Z","compacted_at_commit":"abcdef0","original_size":4096,"external_ref":"jira-1"}"#,
    r#"{"id":"bd-hub","title":"Waits for many","status":"closed","priority":0,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z","closed_at":"2026-01-02T00:00:00Z","close_reason":"done & <dusted>","dependencies":[{"issue_id":"bd-hub","depends_on_id":"bd-tpl","type":"blocks"},{"issue_id":"bd-hub","depends_on_id":"bd-gate","type":"related"},{"issue_id":"bd-hub","depends_on_id":"bd-t1","type":"blocks"},{"issue_id":"bd-hub","depends_on_id":"bd-t2","type":"discovered-from"},{"issue_id":"bd-hub","depends_on_id":"bd-t3","type":"blocks"},{"issue_id":"bd-hub","depends_on_id":"bd-t4","type":"tracks"}],"comments":[{"author":"ann","text":"one","created_at":"2026-01-03T00:00:00Z"},{"author":"bob","text":"same time","created_at":"2026-01-03T00:00:00Z"},{"author":"","text":"before","created_at":"2026-01-02T00:00:00Z"}]}"#,
    r#"{"id":"bd-c","title":"A type of its own","status":"in_progress","priority":3,"issue_type":"convoy","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#,
    r#"{"id":"bd-t1","title":"t1","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#,
    r#"{"id":"bd-t2","title":"t2","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#,
    r#"{"id":"bd-t3","title":"t3","status":"blocked","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#,
    r#"{"id":"bd-t4","title":"t4","status":"hooked","priority":2,"issue_type":"task","created_at":"2026-01-01T12:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#,
];

/// Types that must be configured before a tracker accepts issues of them. (1.1 knows gates.)
const TYPES: &str = "convoy,gate";

/// Every kind of issue; one of them has a text of `text_lines` lines.
fn fill(tracker: &Tracker, text_lines: usize) {
    tracker.bd(&["config", "set", "types.custom", TYPES]);
    let awkward = "First <b>bold</b> & \"quoted\" \\ é 𝄞 \u{2028}";
    let text = "line one\nline two\ttab \u{2028}\u{2029} \u{7f} \u{1}\u{8}\u{c}\r end";
    let metadata = "{\"z\":1,\"a\":[1.50,2e10,\"x<y\",{\"k\":null}],\"u\":\"é\u{2028}\\n\\u0001\",\"\":{}}";
    let first = ["create", awkward, "--id", "bd-1", "-p", "0", "-t", "epic", "-d", text];
    let texts = ["--notes", "n", "--design", "d", "--acceptance", "acc", "-a", "ann", "-l", "zeta,alpha,a b"];
    let more = ["--metadata", metadata, "-e", "90", "--external-ref", "gh-9", "--spec-id", "s/1"];
    let due = ["--due", "2027-01-15", "--defer", "2027-01-10"];
    tracker.bd(&[&first[..], &texts, &more, &due].concat());
    tracker.bd(&["create", "Child", "--parent", "bd-1"]);
    let long = "ü<&>\n".repeat(text_lines);
    tracker.bd_reading(&["create", "Long", "--id", "bd-2", "-t", "bug", "--body-file", "-"], &long);
    tracker.bd(&["create", "Third", "--id", "bd-3", "-t", "feature", "--deps", "discovered-from:bd-1"]);
    tracker.bd(&["dep", "add", "bd-2", "bd-3"]);
    let event = ["--event-category", "patrol.muted", "--event-actor", "u", "--event-target", "bd-1"];
    tracker
        .bd(&[&["create", "Happened", "-t", "event"][..], &event, &["--event-payload", "{\"a\": 1}"]]
            .concat());
    tracker.bd(&["comment", "bd-1", "A comment <x> & é"]);
    tracker.bd(&["update", "bd-3", "--status", "in_progress"]);
    tracker.bd(&["close", "bd-1.1", "-r", "done"]);
    tracker.bd(&["remember", "a <long> memory & é", "--key", "k1"]);
    tracker.bd(&["remember", "another", "--key", "a0"]);
    import(tracker, &(IMPORTED.join("\n") + "\n"));
}

fn import(tracker: &Tracker, lines: &str) {
    let dir = crate::support::temp_dir();
    let file = dir.path().join("lines.jsonl");
    std::fs::write(&file, lines).expect("a new folder is writable");
    tracker.bd(&["import", file.to_str().expect("temporary folders have plain names")]);
}

/// What only SQL can set: `bd` keeps it, and drops it when it imports.
fn fill_by_sql(client: &mut Client, database: &str) {
    client.use_database(database);
    client.run(&[
        "UPDATE dependencies SET thread_id = 'th-1', metadata = '{\"b\": \"<y: ,\\\\u2028>\", \"a\": [1, {}]}' \
         WHERE issue_id = 'bd-hub' AND type = 'related'",
        "UPDATE dependencies SET thread_id = NULL, metadata = NULL WHERE issue_id = 'bd-hub' AND type = 'tracks'",
    ]);
}

fn lines(export: &str) -> Vec<Map<String, Value>> {
    export.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// What `bd import` restores: not the metadata and threads of dependencies; 1.0.2 also gives comments new ids, and records
/// the importing user as the author of the dependencies.
fn restored(export: &str, bd: Bd) -> Vec<Map<String, Value>> {
    let mut lines = lines(export);
    for line in &mut lines {
        let list = |line: &mut Map<String, Value>, name: &str| -> Vec<Value> {
            line.get_mut(name).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
        };
        let (mut dependencies, mut comments) = (list(line, "dependencies"), list(line, "comments"));
        for dependency in &mut dependencies {
            let fields = dependency.as_object_mut().expect("a dependency is an object");
            for name in ["metadata", "thread_id"] {
                fields.remove(name);
            }
            if bd == Bd::Old {
                fields.remove("created_by");
            }
        }
        if bd == Bd::Old {
            for comment in &mut comments {
                comment.as_object_mut().expect("a comment is an object").remove("id");
            }
            comments.sort_by_key(|comment| (comment["created_at"].to_string(), comment["text"].to_string()));
        }
        line.insert("dependencies".into(), dependencies.into());
        line.insert("comments".into(), comments.into());
    }
    lines
}

/// The output of `bd export --all`, in the form of later versions.
fn export(tracker: &Tracker, bd: Bd) -> String {
    as_later_versions(&tracker.export(), bd)
}

/// Converts output of 1.0.2 to the form of later versions, which mark issues as such and sort memories.
fn as_later_versions(export: &str, bd: Bd) -> String {
    if bd == Bd::New {
        return export.to_owned();
    }
    let (mut memories, issues): (Vec<&str>, Vec<&str>) =
        export.lines().partition(|line| line.starts_with("{\"_type\":\"memory\""));
    memories.sort_unstable();
    let issues = issues.into_iter().map(|line| line.replacen('{', "{\"_type\":\"issue\",", 1));
    issues.chain(memories.into_iter().map(str::to_owned)).map(|line| line + "\n").collect()
}

fn is_one_tracker(bd: Bd) {
    let server = Server::start();
    let mut client = server.client();
    let made = Tracker::new(bd, &server, "made");
    fill(&made, 10_000);
    fill_by_sql(&mut client, "made");
    made.commit(&mut client);
    let mount = Mount::new(&[server.url(""), format!("store={}", server.data().join("made").display())]);
    let exported = read_text(mount.path("made/export/HEAD.jsonl"));
    assert_same("the export", exported.as_bytes(), export(&made, bd).as_bytes());
    assert_eq!(lines(&exported).len(), 15, "issues and memories");
    assert!(names(mount.path("made/export")).is_empty());
    let store = read_text(mount.path("store/export/HEAD.jsonl"));
    assert_same("the export of the store", store.as_bytes(), exported.as_bytes());

    // Both `bd init --from-jsonl` and `bd import` create the same tracker from it.
    let begun = Tracker::from_jsonl(bd, &server, "begun", TYPES, &exported);
    let filled = Tracker::new(bd, &server, "filled");
    filled.bd(&["config", "set", "types.custom", TYPES]);
    import(&filled, &exported);
    for (tracker, database) in [(&begun, "begun"), (&filled, "filled")] {
        tracker.commit(&mut client);
        let again = export(tracker, bd);
        let (got, want) = (restored(&again, bd), restored(&exported, bd));
        assert_eq!(got.len(), want.len(), "{database}");
        for (got, want) in got.into_iter().zip(want) {
            assert_eq!(got, want, "{database}");
        }
        let mount = Mount::new(&[server.url(database)]);
        let shown = read_text(mount.path(&format!("{database}/export/HEAD.jsonl")));
        assert_same(database, shown.as_bytes(), again.as_bytes());
    }
}

#[test]
fn an_export_makes_the_same_tracker() {
    if Bd::New.is_given_for("beads::an_export_makes_the_same_tracker") {
        is_one_tracker(Bd::New);
    }
}

#[test]
fn an_export_of_an_older_schema_makes_the_same_tracker() {
    if Bd::Old.is_given_for("beads::an_export_of_an_older_schema_makes_the_same_tracker") {
        is_one_tracker(Bd::Old);
    }
}

#[test]
fn wisps_are_in_no_snapshot() {
    if !Bd::New.is_given_for("beads::wisps_are_in_no_snapshot") {
        return;
    }
    let server = Server::start();
    let mut client = server.client();
    let tracker = Tracker::new(Bd::New, &server, "made");
    tracker.bd(&["create", "Stays", "--id", "bd-1"]);
    tracker.bd(&["create", "Passes", "--ephemeral"]);
    tracker.bd(&["create", "Has no history", "--no-history"]);
    tracker.commit(&mut client);
    let mount = Mount::new(&[server.url("made")]);
    let of_bd = tracker.export();
    assert_eq!(of_bd.lines().count(), 3);
    let stays = of_bd.lines().next().expect("there are issues");
    assert_eq!(read_text(mount.path("made/export/HEAD.jsonl")), format!("{stays}\n"));
    // Dolt's own first commit has no tables yet.
    let first = names(mount.path("made/asof")).remove(0);
    let path = mount.path(&format!("made/export/{first}.jsonl"));
    assert_eq!(errno(std::fs::metadata(path)), libc::ENOENT);
}

/// A tracker that grew over years comes back from its export: each issue with everything that belongs to it, and each
/// dependency that `bd import` accepts (its target exists, and no ordinary issue depends on a wisp).
pub fn comes_back_whole(mount: &Mount, server: &Server, database: &str) {
    let exported = read_text(mount.path(&format!("{database}/export/now.jsonl")));
    let rows = read_text(mount.path(&format!("{database}/latest/issues.jsonl")));
    let told = by_id(&exported);
    assert_eq!(told.len(), rows.lines().count());
    assert_eq!(exported.lines().count(), told.len());
    let tracker = Tracker::new(Bd::Old, server, "tracker");
    let types: BTreeSet<&str> = told.values().filter_map(|issue| issue["issue_type"].as_str()).collect();
    let types: Vec<&str> = types.into_iter().collect();
    tracker.bd(&["config", "set", "types.custom", &types.join(",")]);
    import(&tracker, &exported);
    let mut back = by_id(&export(&tracker, Bd::Old));
    assert_eq!(back.len(), told.len());
    let is_wisp = |id: &str| told.get(id).map(|issue| issue.get("ephemeral").is_some());
    for (id, issue) in &told {
        let mut issue = issue.clone();
        let mut again = back.remove(id).unwrap_or_else(|| panic!("{id} does not come back"));
        let takes = |dependency: &Value| {
            let target = is_wisp(dependency["depends_on_id"].as_str().expect("a target"));
            target.is_some_and(|target_is_wisp| is_wisp(id) == Some(true) || !target_is_wisp)
        };
        let dependencies = issue["dependencies"].as_array_mut().expect("a list");
        dependencies.retain(takes);
        for issue in [&mut issue, &mut again] {
            for name in ["dependency_count", "dependent_count"] {
                issue.remove(name);
            }
            for name in ["dependencies", "labels"] {
                let Some(list) = issue.get_mut(name).and_then(Value::as_array_mut) else { continue };
                list.sort_by_key(Value::to_string);
                // 1.0.2 exports the labels of wisps twice.
                list.dedup();
            }
        }
        assert_eq!(again, issue);
    }
}

/// The part of an export that `bd` restores, by id.
fn by_id(export: &str) -> BTreeMap<String, Map<String, Value>> {
    let issues = restored(export, Bd::Old).into_iter();
    issues.map(|issue| (issue["id"].as_str().expect("an issue has an id").to_owned(), issue)).collect()
}
