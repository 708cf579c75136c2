//! `export/`: the tables of Beads as `bd export --all` writes them, over the versions of its schema.

use asof::vfs::Vfs;

use crate::memory::{catalog, tree};
use crate::views::{find, memory, names, read, runtime};

/// Rows of the tables of Beads 1.0 and before: one dependency for each pair.
const OLD: &[(&str, &str)] = &[
    (
        "issues.jsonl",
        concat!(
            r#"{"id":"bd-1","content_hash":"5f","title":"One <1>","description":"a & b","design":"","#,
            r#""acceptance_criteria":"","notes":"","status":"closed","priority":1,"issue_type":"bug","#,
            r#""assignee":null,"estimated_minutes":0,"created_at":"2026-01-01T00:00:00Z","created_by":"ann","#,
            r#""updated_at":"2026-01-02T00:00:00Z","closed_at":"2026-01-02T00:00:00Z","external_ref":"gh-9","#,
            r#""compaction_level":0,"ephemeral":0,"pinned":1,"timeout_ns":5000000000,"waiters":"[\"x\",\"y\"]","#,
            r#""metadata":{"z":1.50,"a":["<"]},"source_repo":".","is_template":0}"#,
            "\n",
            r#"{"id":"bd-2","title":"Two","status":"open","priority":0,"issue_type":"task","#,
            r#""created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","metadata":{}}"#,
            "\n",
        ),
    ),
    ("labels.jsonl", "{\"issue_id\":\"bd-1\",\"label\":\"z\"}\n{\"issue_id\":\"bd-1\",\"label\":\"a\"}\n"),
    (
        "dependencies.jsonl",
        concat!(
            r#"{"issue_id":"bd-2","depends_on_id":"bd-1","type":"blocks","created_at":"2026-01-01T00:00:00Z","#,
            r#""created_by":"ann","metadata":{"k":"<"},"thread_id":""}"#,
            "\n",
        ),
    ),
    (
        "comments.jsonl",
        concat!(
            r#"{"id":"c2","issue_id":"bd-1","author":"bob","text":"later","created_at":"2026-01-03T00:00:00Z"}"#,
            "\n",
            r#"{"id":"c9","issue_id":"bd-1","author":"ann","text":"first","created_at":"2026-01-02T00:00:00Z"}"#,
            "\n",
        ),
    ),
    ("config.jsonl", "{\"key\":\"kv.memory.k\",\"value\":\"v\"}\n"),
];

/// The output of `bd export --all` for them.
const EXPORTED: &str = concat!(
    r#"{"_type":"issue","id":"bd-2","title":"Two","status":"open","priority":0,"issue_type":"task","#,
    r#""created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","#,
    r#""dependencies":[{"issue_id":"bd-2","depends_on_id":"bd-1","type":"blocks","#,
    r#""created_at":"2026-01-01T00:00:00Z","created_by":"ann","metadata":"{\"k\":\"\u003c\"}"}],"#,
    r#""dependency_count":1,"dependent_count":0,"comment_count":0}"#,
    "\n",
    r#"{"_type":"issue","id":"bd-1","title":"One \u003c1\u003e","description":"a \u0026 b","status":"closed","#,
    r#""priority":1,"issue_type":"bug","estimated_minutes":0,"created_at":"2026-01-01T00:00:00Z","#,
    r#""created_by":"ann","updated_at":"2026-01-02T00:00:00Z","closed_at":"2026-01-02T00:00:00Z","#,
    r#""external_ref":"gh-9","metadata":{"z":1.50,"a":["\u003c"]},"labels":["a","z"],"#,
    r#""comments":[{"id":"c9","issue_id":"bd-1","author":"ann","text":"first","created_at":"2026-01-02T00:00:00Z"},"#,
    r#"{"id":"c2","issue_id":"bd-1","author":"bob","text":"later","created_at":"2026-01-03T00:00:00Z"}],"#,
    r#""pinned":true,"timeout":5000000000,"waiters":["x","y"],"#,
    r#""dependency_count":0,"dependent_count":1,"comment_count":2}"#,
    "\n",
    r#"{"_type":"memory","key":"k","value":"v"}"#,
    "\n",
);

fn with<'t>(table: &str, rows: &'t str) -> Vec<(&'t str, &'t str)> {
    OLD.iter().map(|(path, text)| (*path, if *path == table { rows } else { *text })).collect()
}

async fn is_there(vfs: &Vfs, name: &str) -> bool {
    vfs.lookup(find(vfs, "db/export").await, name).await.is_ok()
}

#[test]
fn an_export_is_what_bd_writes() {
    runtime().block_on(async {
        let vfs = tree(catalog(vec![vec![memory(&[(0, OLD)])]]));
        assert!(names(&vfs, "db").await.contains(&"export".to_owned()));
        assert!(names(&vfs, "db/export").await.is_empty(), "a mirror would read every version");
        assert_eq!(read(&vfs, "db/export/2026-01-01T000000Z.jsonl").await, EXPORTED);
        assert_eq!(read(&vfs, "db/export/2026-01-01T12:00.jsonl").await, EXPORTED);
        assert_eq!(read(&vfs, "db/export/latest.jsonl").await, EXPORTED);
        for other in ["2025-12-31.jsonl", "2026-01-01T000000Z.json", "2026-01-01T000000Z", ".jsonl"] {
            assert!(!is_there(&vfs, other).await, "{other}");
        }
    });
}

#[test]
fn later_schemas_and_archives_give_the_same() {
    runtime().block_on(async {
        let split = concat!(
            r#"{"id":"0b","issue_id":"bd-2","type":"blocks","created_at":"2026-01-01T00:00:00Z","#,
            r#""created_by":"ann","metadata":{"k":"<"},"thread_id":null,"depends_on_issue_id":"bd-1","#,
            r#""depends_on_wisp_id":null,"depends_on_external":null}"#,
            "\n",
        );
        let archived = concat!(
            r#"{"created_at":"2026-01-01 00:00:00","created_by":"ann","depends_on_id":"bd-1","#,
            r#""issue_id":"bd-2","metadata":"{\"k\": \"<\"}","type":"blocks"}"#,
            "\n",
        );
        let issues: String = OLD[0]
            .1
            .replace(r#""priority":1"#, r#""priority":"1""#)
            .replace(r#""pinned":1"#, r#""pinned":"1""#)
            .replace(r#"{"z":1.50,"a":["<"]}"#, r#""{\"z\": 1.50, \"a\": [\"<\"]}""#);
        assert_ne!(issues, OLD[0].1);
        for files in [
            with("dependencies.jsonl", split),
            with("dependencies.jsonl", archived),
            with("issues.jsonl", &issues),
        ] {
            let vfs = tree(catalog(vec![vec![memory(&[(0, &files)])]]));
            assert_eq!(read(&vfs, "db/export/2026-01-01T000000Z.jsonl").await, EXPORTED);
        }
    });
}

#[test]
fn there_is_no_export_of_other_tables() {
    runtime().block_on(async {
        let no_title = with("issues.jsonl", "{\"id\":\"bd-1\",\"status\":\"open\"}\n");
        let no_comments: Vec<_> = OLD.iter().copied().filter(|(path, _)| *path != "comments.jsonl").collect();
        for files in [no_title, no_comments, vec![("issues.jsonl", "{}\n")], vec![]] {
            let vfs = tree(catalog(vec![vec![memory(&[(0, &files)])]]));
            assert!(!is_there(&vfs, "2026-01-01T000000Z.jsonl").await, "{files:?}");
        }
    });
}

#[test]
fn a_row_that_is_damaged_fails_the_export_and_is_named() {
    runtime().block_on(async {
        let damaged = format!("{}{}\n", OLD[0].1, "{\"id\":\"bd-3\",\"title\":\"t\",\"priority\":\"high\"}");
        let files = with("issues.jsonl", &damaged);
        let vfs = tree(catalog(vec![vec![memory(&[(0, &files)])]]));
        let folder = find(&vfs, "db/export").await;
        let error = vfs.lookup(folder, "2026-01-01T000000Z.jsonl").await.expect_err("it has no size");
        let told = error.to_string();
        assert!(told.contains("cannot make the export"), "{told}");
    });
}
