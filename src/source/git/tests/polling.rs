//! What is new is found, what was handed out goes on.

use super::*;

/// The database, where there is news.
async fn newer(source: &GitSource) -> Option<Arc<dyn Database>> {
    news(source).await.map(only)
}

#[tokio::test]
async fn nothing_new_is_no_news_and_everything_new_is() {
    let repo = Repo::new();
    let first = repo.change("a", "1\n");
    let source = repo.open();
    assert!(newer(&source).await.is_some());
    assert!(newer(&source).await.is_none());
    let second = repo.change("a", "2\n");
    let database = newer(&source).await.expect("a commit is news");
    assert_eq!(ids(&database), [second, first.clone()]);
    assert!(newer(&source).await.is_none());
    repo.git(&["tag", "v1", &first]);
    assert_eq!(&*newer(&source).await.expect("a tag is news").history().tags["v1"], first);
    repo.git(&["tag", "-d", "v1"]);
    assert!(newer(&source).await.expect("its end is news").history().tags.is_empty());
    repo.git(&["pack-refs", "--all"]);
    assert!(newer(&source).await.is_none(), "packing changes no name");
    repo.git(&["checkout", "-q", "-b", "other"]);
    let third = repo.change("a", "3\n");
    assert_eq!(ids(&newer(&source).await.expect("HEAD moved"))[0], third);
}

#[tokio::test]
async fn a_forced_push_and_gc_take_nothing_from_what_is_still_there() {
    let repo = Repo::new();
    repo.write("kept", "kept\n");
    let first = repo.change("a", &"one\n".repeat(50));
    let second = repo.change("a", &"two\n".repeat(50));
    let source = repo.open();
    let before = database(&source).await;
    let (kept, lost) = (file(&before, &second, "kept").await, file(&before, &second, "a").await);
    let listed = file(&before, &first, "a").await;
    repo.git(&["reset", "-q", "--hard", &first]);
    let third = repo.change("a", &"three\n".repeat(50));
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.pack();
    let after = newer(&source).await.expect("the branch moved");
    assert_eq!(ids(&after), [third.clone(), first.clone()]);
    assert_is_tree(&repo, &after, &third).await;
    // The old view: what is packed elsewhere now is found there, what is gone is gone.
    assert_eq!(read(&kept.content).await, b"kept\n");
    assert_eq!(read(&listed.content).await, "one\n".repeat(50).as_bytes());
    assert_says(&try_read(&lost.content).await.unwrap_err(), ErrorKind::Missing, &[]);
    // Its listing is remembered; listing another snapshot says that it is gone.
    let never = database(&repo.open()).await;
    assert_says(&list(&never, &second).await.err().unwrap(), ErrorKind::Missing, &[]);
}

#[tokio::test]
async fn objects_that_move_into_packs_are_found_by_views_of_before() {
    let repo = Repo::new();
    for n in 0..20 {
        repo.change("a", &format!("{n}\n").repeat(200));
    }
    for packing in [&["gc", "-q", "--prune=now"][..], &["repack", "-q", "-adf"]] {
        let database = database(&repo.open()).await;
        repo.git(packing);
        for commit in ids(&database) {
            assert_is_tree(&repo, &database, &commit).await;
        }
    }
}

#[tokio::test]
async fn a_long_history_that_was_thrown_away_is_forgotten() {
    let repo = Repo::new();
    let first = repo.change("a", "1\n");
    let mut import = String::new();
    for n in 0..1200 {
        let time = 1_700_100_000 + n;
        import += &format!("commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\ndata 1\nx\n");
        import += if n == 0 { "from refs/heads/main^0\n" } else { "" };
        import += &format!("M 100644 inline a\ndata {}\n{n}\n", n.to_string().len() + 1);
    }
    repo.git_with(&["fast-import", "--quiet"], import.as_bytes());
    repo.git(&["reset", "-q", "--hard"]);
    let source = repo.open();
    assert_eq!(ids(&database(&source).await).len(), 1201);
    repo.git(&["reset", "-q", "--hard", &first]);
    let after = newer(&source).await.expect("the branch moved");
    assert_eq!(ids(&after), std::slice::from_ref(&first));
    assert_is_tree(&repo, &after, &first).await;
    assert_eq!(crate::util::locks::lock(&source.inner.state).commits_known(), 1);
}

#[tokio::test]
async fn a_repository_that_goes_away_is_an_error_and_comes_back() {
    let repo = Repo::new();
    let first = repo.change("a", "1\n");
    let source = repo.open();
    let database = database(&source).await;
    fs::rename(&repo.path, repo.beside("away")).unwrap();
    assert!(source.poll().await.is_err());
    fs::rename(repo.beside("away"), &repo.path).unwrap();
    assert!(newer(&source).await.is_none(), "it is as it was");
    assert_is_tree(&repo, &database, &first).await;
}
