//! The repositories of dolt-archive, and what is like them.

use super::*;

const ROWS: &str = "{\"rows\":[{\"id\":\"bd-1\",\"n\":\"1\"},{\"id\":\"bd-2\"}]}\n";
const LINES: &str = "{\"id\":\"bd-1\",\"n\":\"1\"}\n{\"id\":\"bd-2\"}\n";

/// Checks the texts of all files of a snapshot, by path.
async fn assert_shows(database: &Arc<dyn Database>, commit: &str, expected: &[(&str, &str)]) {
    let shown = texts(database, commit).await;
    let shown: Vec<_> = shown.iter().map(|(path, text)| (&**path, &**text)).collect();
    assert_eq!(shown, expected, "{} at {commit}", database.name());
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
    assert_eq!(names(&databases), ["gas-town", "hq"]);
    let (town, hq) = (&databases["gas-town"], &databases["hq"]);
    assert_eq!(ids(hq), [third.clone(), first.clone()]);
    assert_eq!(ids(town), std::slice::from_ref(&second));
    assert_eq!(&*hq.history().branches["main"], third);
    assert_eq!(&*town.history().branches["main"], second);
    assert_eq!(&*hq.history().timeline[0].parents, [first.as_str().into()]);
    assert_shows(hq, &first, &[("issues.json", ROWS), ("issues.jsonl", LINES)]).await;
    assert_shows(hq, &third, &[("issues.json", "{\"rows\":[]}\n"), ("issues.jsonl", "")]).await;
    assert_shows(town, &second, &[("issues.jsonl", "{\"id\":1}\n")]).await;
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
    assert_eq!(names(&databases), ["beads", "hq", "hq.jsonl", "old"]);
    let (folder, both) = (
        [("events.jsonl", "{\"e\":1}\n"), ("issues.jsonl", LINES)],
        [("issues.json", ROWS), ("issues.jsonl", LINES)],
    );
    assert_shows(&databases["hq"], &second, &folder).await;
    assert_eq!(ids(&databases["hq"]), std::slice::from_ref(&second));
    assert_eq!(ids(&databases["hq.jsonl"]), std::slice::from_ref(&first));
    assert_eq!(ids(&databases["old"]), [second.clone(), first.clone()], "removed, and made");
    assert_shows(&databases["old"], &second, &[]).await;
    assert_shows(&databases["old"], &first, &both).await;

    // One of them alone.
    for (place, commit, expected) in [("hq", &second, folder), ("hq.jsonl", &first, both)] {
        let hq = database(&repo.open_at(place)).await;
        assert_eq!(hq.name(), "hq");
        assert_shows(&hq, commit, &expected).await;
    }
}

#[tokio::test]
async fn anything_else_is_one_database_with_the_files_as_they_are() {
    let repo = Repo::new();
    repo.write("data.jsonl", ROWS);
    repo.write("src/main.rs", "fn main() {}\n");
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_eq!(one.name(), "work");
    assert_shows(&one, &commit, &[("data.jsonl", ROWS), ("src/main.rs", "fn main() {}\n")]).await;
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
    assert_says(&refused(&repo.place(), Some("x")).await, ErrorKind::Invalid, &["beads, hq"]);
    repo.git(&["rm", "-q", "beads.jsonl"]);
    repo.commit("one is left, and the other in history");
    refused(&repo.place(), Some("x")).await;
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
    assert_eq!(names(&databases(&source).await), ["beads", "hq"]);
    for stray in ["notes.txt", "run.sh", "data.csv", "src/main.rs", "hq/notes.txt"] {
        repo.change(stray, "stray\n");
        let after = databases(&source).await;
        assert_eq!(names(&after), ["beads", "hq"], "{stray}");
        assert_eq!(ids(&after["beads"]), std::slice::from_ref(&first), "{stray}");
    }
    let last = repo.change("new.jsonl", ROWS);
    let after = databases(&source).await;
    assert_eq!(names(&after), ["beads", "hq", "new"]);
    assert_shows(&after["new"], &last, &[("issues.json", ROWS), ("issues.jsonl", LINES)]).await;
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
    assert_eq!(names(&databases(&repo.open()).await), ["LICENSE-server", "hq"]);
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
    assert_shows(&one, &last, &[("hq.jsonl", ROWS)]).await;
}
