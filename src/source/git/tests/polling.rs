//! What is new is found, what was handed out goes on.

use super::*;
use crate::content::ErrorKind;

/// The database, where there is news.
async fn news(source: &GitSource) -> Option<Arc<dyn Database>> {
    let found = source.poll().await.unwrap_or_else(|error| panic!("{}", error.chain()));
    found.map(|found| Arc::clone(&found[0]))
}

#[tokio::test]
async fn nothing_new_is_no_news_and_everything_new_is() {
    let repo = Repo::new();
    let first = repo.change("a", "1\n");
    let source = repo.open();
    assert!(news(&source).await.is_some());
    assert!(news(&source).await.is_none());
    let second = repo.change("a", "2\n");
    let database = news(&source).await.expect("a commit is news");
    assert_eq!(ids(&database.history().timeline), [second, first.clone()]);
    assert!(news(&source).await.is_none());
    repo.git(&["tag", "v1", &first]);
    assert_eq!(news(&source).await.expect("a tag is news").history().tags["v1"], first.as_str().into());
    repo.git(&["tag", "-d", "v1"]);
    assert!(news(&source).await.expect("its end is news").history().tags.is_empty());
    repo.git(&["pack-refs", "--all"]);
    assert!(news(&source).await.is_none(), "packing changes no name");
    repo.git(&["checkout", "-q", "-b", "other"]);
    let third = repo.change("a", "3\n");
    assert_eq!(news(&source).await.expect("HEAD moved").history().timeline[0].id, third.as_str().into());
}

#[tokio::test]
async fn a_forced_push_and_gc_take_nothing_from_what_is_still_there() {
    let repo = Repo::new();
    repo.write("kept", "kept\n");
    let first = repo.change("a", &"one\n".repeat(50));
    let second = repo.change("a", &"two\n".repeat(50));
    let source = repo.open();
    let before = news(&source).await.expect("the first look");
    let (kept, lost) = (file(&before, &second, "kept").await, file(&before, &second, "a").await);
    let listed = files(&before, &first).await;
    repo.git(&["reset", "-q", "--hard", &first]);
    let third = repo.change("a", &"three\n".repeat(50));
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    let after = news(&source).await.expect("the branch moved");
    assert_eq!(ids(&after.history().timeline), [third.clone(), first.clone()]);
    assert_is_tree(&repo, &after, &third).await;
    // The old view: what is packed elsewhere now is found there, what is gone is gone.
    assert_eq!(read(&kept.content).await.expect("it is packed now"), b"kept\n");
    assert_eq!(read(&listed[0].content).await.expect("it is packed now"), "one\n".repeat(50).as_bytes());
    let error = read(&lost.content).await.expect_err("it was collected");
    assert_eq!(error.kind, ErrorKind::Missing, "{}", error.chain());
    // Its listing is remembered; listing another snapshot says that it is gone.
    let fresh = repo.open();
    let never = database(&fresh).await;
    let error = never.files(&second.as_str().into()).await.err().expect("it is no snapshot any more");
    assert_eq!(error.kind, ErrorKind::Missing);
}

#[tokio::test]
async fn objects_that_move_into_packs_are_found_by_views_of_before() {
    let repo = Repo::new();
    for n in 0..20 {
        repo.change("a", &format!("{n}\n").repeat(200));
    }
    let source = repo.open();
    let database = news(&source).await.expect("the first look");
    repo.git(&["gc", "-q", "--prune=now"]);
    for meta in &database.history().timeline {
        assert_is_tree(&repo, &database, &meta.id).await;
    }
    repo.git(&["repack", "-q", "-adf"]);
    let again = repo.open();
    let fresh = super::database(&again).await;
    repo.git(&["repack", "-q", "-adf", "--window=1"]);
    for meta in &fresh.history().timeline {
        assert_is_tree(&repo, &fresh, &meta.id).await;
    }
}

#[tokio::test]
async fn a_long_history_that_was_thrown_away_is_forgotten() {
    let repo = Repo::new();
    let first = repo.change("a", "1\n");
    let mut import = String::new();
    for n in 0..1200 {
        import += &format!(
            "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata 1\nx\n",
            1_700_100_000 + n
        );
        import += if n == 0 { "from refs/heads/main^0\n" } else { "" };
        import += &format!("M 100644 inline a\ndata {}\n{n}\n", n.to_string().len() + 1);
    }
    repo.git_with(&["fast-import", "--quiet"], import.as_bytes());
    repo.git(&["reset", "-q", "--hard"]);
    let source = repo.open();
    assert_eq!(news(&source).await.expect("the first look").history().timeline.len(), 1201);
    repo.git(&["reset", "-q", "--hard", &first]);
    let after = news(&source).await.expect("the branch moved");
    assert_eq!(ids(&after.history().timeline), std::slice::from_ref(&first));
    assert_is_tree(&repo, &after, &first).await;
    assert_eq!(crate::util::locks::lock(&source.inner.state).commits_known(), 1);
}

#[tokio::test]
async fn a_repository_that_goes_away_is_an_error_and_comes_back() {
    let repo = Repo::new();
    let first = repo.change("a", "1\n");
    let source = repo.open();
    let database = news(&source).await.expect("the first look");
    let away = repo.folder.path().join("away");
    std::fs::rename(&repo.path, &away).expect("the folder is ours");
    assert!(source.poll().await.is_err());
    std::fs::rename(&away, &repo.path).expect("the folder is ours");
    assert!(news(&source).await.is_none(), "it is as it was");
    assert_is_tree(&repo, &database, &first).await;
}

#[tokio::test]
async fn news_are_told() {
    let repo = Repo::new();
    repo.change("a", "1\n");
    let source = repo.open();
    assert!(news(&source).await.is_some());
    // What was made while it was looked is done with.
    let long = std::time::Duration::from_secs(60);
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), source.inner.watch.next(long)).await;
    repo.git(&["update-ref", "refs/heads/deep/er/branch", "HEAD"]);
    tokio::time::timeout(long / 2, source.inner.watch.next(long)).await.expect("it is told");
    assert!(news(&source).await.is_some());
}
