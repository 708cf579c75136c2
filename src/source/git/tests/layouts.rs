//! The repositories of dolt-archive, and what is like them.

use super::*;
use crate::content::ErrorKind;

const ROWS: &str = "{\"rows\":[{\"id\":\"bd-1\",\"n\":\"1\"},{\"id\":\"bd-2\"}]}\n";
/// Both forms of an export that is no JSONL.
fn both(raw: &str, lines: &str) -> [(String, String); 2] {
    [("issues.json".to_owned(), raw.to_owned()), ("issues.jsonl".to_owned(), lines.to_owned())]
}

const LINES: &str = "{\"id\":\"bd-1\",\"n\":\"1\"}\n{\"id\":\"bd-2\"}\n";

async fn shown(database: &Arc<dyn Database>, commit: &str) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    for file in files(database, commit).await {
        let bytes = read(&file.content).await.unwrap_or_else(|error| panic!("{}", error.chain()));
        shown.push((file.path.to_string(), String::from_utf8(bytes).expect("text")));
    }
    shown
}

#[tokio::test]
async fn each_export_is_a_database_with_the_commits_that_touched_it() {
    let repo = Repo::new();
    repo.write("README.md", "Backups.\n");
    repo.write(".gitignore", "*.tmp\n");
    repo.write("hq.jsonl", ROWS);
    let first = repo.commit("Archive snapshot 2026-01-01-1200");
    let second = repo.change("gas-town.jsonl", "{\"id\":1}\n");
    let third = repo.change("hq.jsonl", "{\"rows\":[]}\n");
    let databases = databases(&repo.open()).await;
    assert_eq!(databases.keys().collect::<Vec<_>>(), ["gas-town", "hq"]);
    assert_eq!(ids(&databases["hq"].history().timeline), [third.clone(), first.clone()]);
    assert_eq!(ids(&databases["gas-town"].history().timeline), std::slice::from_ref(&second));
    assert_eq!(databases["hq"].history().branches["main"], third.as_str().into());
    assert_eq!(databases["gas-town"].history().branches["main"], second.as_str().into());
    assert_eq!(&*databases["hq"].history().timeline[0].parents, [first.as_str().into()]);
    assert_eq!(shown(&databases["hq"], &first).await, both(ROWS, LINES));
    assert_eq!(shown(&databases["hq"], &third).await, both("{\"rows\":[]}\n", ""));
    assert_eq!(
        shown(&databases["gas-town"], &second).await,
        [("issues.jsonl".to_owned(), "{\"id\":1}\n".to_owned())]
    );
}

#[tokio::test]
async fn folders_of_exports_are_databases_and_both_layouts_may_be_mixed() {
    let repo = Repo::new();
    repo.write("hq.jsonl", ROWS);
    repo.write("old.jsonl", ROWS);
    let first = repo.commit("the first layout");
    repo.git(&["rm", "-q", "old.jsonl"]);
    repo.write("hq/issues.jsonl", LINES);
    repo.write("hq/events.jsonl", "{\"e\":1}\n");
    repo.write("beads/issues.jsonl", "{\"id\":3}\n");
    let second = repo.commit("the second layout");
    let databases = databases(&repo.open()).await;
    assert_eq!(databases.keys().collect::<Vec<_>>(), ["beads", "hq", "hq.jsonl", "old"]);
    assert_eq!(
        shown(&databases["hq"], &second).await,
        [
            ("events.jsonl".to_owned(), "{\"e\":1}\n".to_owned()),
            ("issues.jsonl".to_owned(), LINES.to_owned())
        ]
    );
    assert_eq!(ids(&databases["hq"].history().timeline), std::slice::from_ref(&second));
    assert_eq!(ids(&databases["hq.jsonl"].history().timeline), std::slice::from_ref(&first));
    assert_eq!(
        ids(&databases["old"].history().timeline),
        [second.clone(), first.clone()],
        "removed, and made"
    );
    assert_eq!(shown(&databases["old"], &second).await, []);
    assert_eq!(shown(&databases["old"], &first).await, both(ROWS, LINES));

    // One of them alone.
    let source = open(&format!("{}/hq", repo.place()));
    let hq = database(&source).await;
    assert_eq!((hq.name(), shown(&hq, &second).await.len()), ("hq", 2));
    let source = open(&format!("{}/hq.jsonl", repo.place()));
    let hq = database(&source).await;
    assert_eq!((hq.name(), shown(&hq, &first).await), ("hq", both(ROWS, LINES).to_vec()));
}

#[tokio::test]
async fn anything_else_is_one_database_with_the_files_as_they_are() {
    let repo = Repo::new();
    repo.write("data.jsonl", ROWS);
    repo.write("src/main.rs", "fn main() {}\n");
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_eq!(one.name(), "work");
    assert_eq!(
        shown(&one, &commit).await,
        [("data.jsonl".to_owned(), ROWS.to_owned()), ("src/main.rs".to_owned(), "fn main() {}\n".to_owned())]
    );
    let named = try_open(&repo.place(), Some("code")).expect("it opens");
    assert_eq!(database(&named).await.name(), "code");
}

#[tokio::test]
async fn a_name_picks_one_of_several() {
    let repo = Repo::new();
    repo.write("hq.jsonl", ROWS);
    repo.change("beads.jsonl", ROWS);
    let source = try_open(&repo.place(), Some("hq")).expect("it opens");
    assert_eq!(database(&source).await.name(), "hq");
    let error = try_open(&repo.place(), Some("x")).expect("it opens").poll().await.err().expect("no x");
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.chain().contains("beads, hq"), "{}", error.chain());
    repo.git(&["rm", "-q", "beads.jsonl"]);
    repo.commit("one is left, and the other in history");
    let named = try_open(&repo.place(), Some("x")).expect("it opens").poll().await;
    assert!(named.is_err(), "history counts");
}

#[tokio::test]
async fn a_stray_file_changes_no_database_that_is_shown() {
    let repo = Repo::new();
    repo.write("README", "Backups.\n");
    repo.write("LICENSE-MIT", "Do what you want.\n");
    repo.write("how.md", "# How\n");
    repo.write("hq/issues.jsonl", LINES);
    let first = repo.change("beads.jsonl", ROWS);
    let source = repo.open();
    let before = databases(&source).await;
    assert_eq!(before.keys().collect::<Vec<_>>(), ["beads", "hq"]);
    for stray in ["notes.txt", "run.sh", "data.csv", "src/main.rs", "hq/notes.txt"] {
        repo.change(stray, "stray\n");
        let after = databases(&source).await;
        assert_eq!(after.keys().collect::<Vec<_>>(), ["beads", "hq"], "{stray}");
        assert_eq!(ids(&after["beads"].history().timeline), std::slice::from_ref(&first), "{stray}");
    }
    let last = repo.change("new.jsonl", ROWS);
    let after = databases(&source).await;
    assert_eq!(after.keys().collect::<Vec<_>>(), ["beads", "hq", "new"]);
    let expected = [("issues.json", ROWS), ("issues.jsonl", LINES)];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(shown(&after["new"], &last).await, expected);
    // Who opens it now sees what it has become.
    assert_eq!(database(&repo.open()).await.name(), "work");
}

#[tokio::test]
async fn texts_do_not_count_when_it_is_opened() {
    let repo = Repo::new();
    repo.write("hq.jsonl", ROWS);
    repo.write("LICENSE-server.jsonl", ROWS);
    repo.write(".gitattributes", "*.jsonl -text\n");
    repo.change("notes.txt", "stray\n");
    let found = databases(&repo.open()).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["LICENSE-server", "hq"]);
}

#[tokio::test]
async fn exports_that_are_added_to_other_files_change_nothing() {
    let repo = Repo::new();
    repo.change("main.rs", "fn main() {}\n");
    let source = repo.open();
    assert_eq!(database(&source).await.name(), "work");
    repo.git(&["rm", "-q", "main.rs"]);
    let last = repo.change("hq.jsonl", ROWS);
    let one = database(&source).await;
    assert_eq!(one.name(), "work");
    assert_eq!(shown(&one, &last).await, [("hq.jsonl".to_owned(), ROWS.to_owned())]);
}
