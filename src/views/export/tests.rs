//! Exports of tables in memory.

use std::sync::Arc;

use super::*;
use crate::content::FileEntry;
use crate::content::text::TextContent;
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;

fn file(table: &str, text: &str) -> FileEntry {
    let id = ContentId::of(&[table.as_bytes(), text.as_bytes()]);
    let content = TextContent { text: text.to_owned().into(), what: "rows in memory".to_owned() };
    let path = format!("{table}.jsonl").into();
    entry(path, id, Timestamp::UNIX_EPOCH, Access::default(), Content::stream(content))
}

/// The export of these tables, made with this many bytes of memory.
async fn exported(tables: &[(&str, &str)], memory: u64) -> Result<String, DerivedError> {
    let files: Vec<FileEntry> = tables.iter().map(|(table, text)| file(table, text)).collect();
    let tables = Tables::find(&files).expect("all tables are there");
    let export = ExportContent { engine: Arc::new(Engine::new(1 << 20)), tables };
    // The channel holds all pieces, so nobody has to take them meanwhile.
    let (mut sink, mut pieces) = Sink::new(64);
    export.write(&mut sink, memory).await?;
    drop(sink);
    let mut text = Vec::new();
    while let Some(piece) = pieces.recv().await {
        text.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(text).expect("JSON is UTF-8"))
}

fn issue(id: &str, priority: u8, hour: u8) -> String {
    format!(
        "{{\"id\":\"{id}\",\"title\":\"{id}\",\"status\":\"open\",\"priority\":{priority},\"issue_type\":\"task\",\
         \"created_at\":\"2026-01-01T{hour:02}:00:00Z\",\"updated_at\":\"2026-01-02T00:00:00Z\"}}\n"
    )
}

fn ids(export: &str) -> Vec<String> {
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        line["id"].as_str().expect("an issue has an id").to_owned()
    };
    export.lines().map(id).collect()
}

#[tokio::test]
async fn issues_come_by_priority_then_newest_first_then_by_id() {
    let issues =
        [issue("c", 2, 1), issue("b", 2, 1), issue("a", 2, 0), issue("z", 0, 0), issue("y", 2, 10)].concat();
    let tables = [("issues", &*issues), ("labels", ""), ("dependencies", ""), ("comments", "")];
    assert_eq!(ids(&exported(&tables, MEMORY).await.expect("it is made")), ["z", "y", "b", "c", "a"]);
}

#[tokio::test]
async fn what_is_held_at_a_time_changes_nothing() {
    let [mut issues, mut labels, mut dependencies, mut comments] = [const { String::new() }; 4];
    for at in 0..40_usize {
        issues += &issue(&format!("i{at}"), u8::try_from(at * 7 % 5).expect("small"), 3);
        for label in 0..at % 4 {
            labels += &format!("{{\"issue_id\":\"i{at}\",\"label\":\"l{}\"}}\n", 9 - label);
        }
        for target in 0..at % 5 {
            let kind = if target % 2 == 0 { "blocks" } else { "related" };
            dependencies += &format!(
                "{{\"issue_id\":\"i{at}\",\"depends_on_id\":\"i{target}\",\"type\":\"{kind}\",\"created_at\":null}}\n"
            );
        }
        for comment in 0..at % 3 {
            comments += &format!(
                "{{\"id\":\"{}\",\"issue_id\":\"i{at}\",\"author\":\"a\",\"text\":\"t\",\"created_at\":\"2026-01-0{}\"}}\n",
                100 - at,
                3 - comment
            );
        }
    }
    let tables =
        [("issues", &*issues), ("labels", &labels), ("dependencies", &dependencies), ("comments", &comments)];
    let whole = exported(&tables, MEMORY).await.expect("it is made");
    assert_eq!(whole.lines().count(), 40);
    for memory in [0, 9_000, 40_000] {
        assert_eq!(exported(&tables, memory).await.expect("it is made"), whole, "{memory} bytes of memory");
    }
    // What waits for i0 and what i0 waits for, counted from the loops above.
    let first = whole.lines().find(|line| line.contains("\"id\":\"i0\"")).expect("it is there");
    let waiting = (0..40).filter(|at| at % 5 > 0).count();
    let counts = format!("\"dependency_count\":0,\"dependent_count\":{waiting},\"comment_count\":0}}");
    assert!(first.ends_with(&counts), "{first}");
}

#[tokio::test]
async fn comments_of_one_instant_come_by_id_as_a_number_or_a_text() {
    let issues = issue("bd-1", 1, 1);
    for (ids, expected) in [(["10", "9"], ["9", "10"]), (["\"9\"", "\"10\""], ["10", "9"])] {
        let rest = r#","issue_id":"bd-1","text":"","created_at":"2026-01-01T00:00:00Z"}"#;
        let comments = ids.map(|id| format!("{{\"id\":{id}{rest}\n")).concat();
        let tables = [("issues", &*issues), ("labels", ""), ("dependencies", ""), ("comments", &*comments)];
        let export = exported(&tables, MEMORY).await.expect("it is made");
        let line: serde_json::Value = serde_json::from_str(&export).expect("a line is JSON");
        let found = [&line["comments"][0]["id"], &line["comments"][1]["id"]];
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn memories_come_last_and_sorted() {
    let config = "{\"key\":\"kv.memory.b\",\"value\":\"<2>\"}\n{\"key\":\"issue_prefix\",\"value\":\"bd\"}\n\
                  {\"key\":\"kv.memory.a\",\"value\":\"1\"}\n{\"key\":\"kv.other\",\"value\":\"x\"}\n";
    let tables = [("issues", ""), ("labels", ""), ("dependencies", ""), ("comments", ""), ("config", config)];
    let expected = "{\"_type\":\"memory\",\"key\":\"a\",\"value\":\"1\"}\n\
                    {\"_type\":\"memory\",\"key\":\"b\",\"value\":\"\\u003c2\\u003e\"}\n";
    assert_eq!(exported(&tables, MEMORY).await.expect("it is made"), expected);
}

#[tokio::test]
async fn rows_that_are_not_of_beads_fail_the_whole() {
    let good = issue("bd-1", 1, 1);
    for (table, row, message) in [
        ("issues", "{\"id\":\"bd-2\",\"priority\":\"P1\"}", "issues bd-2: priority is \"P1\""),
        ("issues", r#"{"id":"bd-2","title":"t","closed_at":"soon"}"#, "issues bd-2: closed_at is \"soon\""),
        ("issues", r#"{"id":"bd-2","title":"t","pinned":"maybe"}"#, "issues bd-2: pinned is \"maybe\""),
        ("issues", "{\"id\":\"bd-2\"}", "issues bd-2 has no title"),
        ("labels", "{\"label\":\"x\"}", "labels (a row without an id) has no issue_id"),
        ("dependencies", r#"{"issue_id":"bd-1","type":"blocks"}"#, "dependencies bd-1 has no depends_on_id"),
        ("comments", "{\"id\":\"1\",\"issue_id\":\"bd-1\"}", "comments 1 has no text"),
        ("comments", "nothing", "comments has a line that is no row: \"nothing\""),
    ] {
        let tables = ["issues", "labels", "dependencies", "comments"].map(|of| {
            let rows = if of == "issues" { good.clone() } else { String::new() };
            (of, if of == table { format!("{rows}{row}\n") } else { rows })
        });
        let tables: Vec<(&str, &str)> = tables.iter().map(|(table, text)| (*table, &**text)).collect();
        let told = exported(&tables, MEMORY).await.expect_err(row).to_string();
        assert!(told.starts_with(message), "{told}");
    }
}
