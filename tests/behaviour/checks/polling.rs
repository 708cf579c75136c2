//! Polling: what is new, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use asof::source::{Database, POLL_INTERVAL};

use crate::fixture::{
    Fixture, Tables, database, entry, files, history, lines, made, next, only, poll, timeline, with_issue,
};
use crate::reading::text;
use crate::support::{eventually, wait};

/// How many commits are made while others poll.
const COMMITS: u32 = 4;

/// A source that is not watched has news no sooner than this.
const INTERVAL: Duration = POLL_INTERVAL.saturating_sub(Duration::from_millis(50));

pub fn nothing_new_is_none<F: Fixture>() {
    let fixture = made::<F>();
    let source = fixture.open();
    database(&*source);
    // A source's search in the background may end meanwhile, which is news once.
    let mut news = 0;
    for _ in 0..4 {
        news += usize::from(poll(&*source).is_some());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(news <= usize::from(fixture.expected().lost_commits), "{news} polls had news of nothing");
    assert!(poll(&*source).is_none());
    assert!(wait(source.unread()).is_empty());
}

pub fn a_commit_is_news<F: Fixture>() {
    let mut fixture = made::<F>();
    let source = fixture.open();
    let before = timeline(&database(&*source)).len();
    fixture.commit(&next());
    let after = eventually("the commit", || shown(&poll(&*source).map(only)?, before + 1));
    check_newest(&fixture, &after, &next());
}

/// The database, if its timeline has `count` snapshots.
fn shown(database: &Arc<dyn Database>, count: usize) -> Option<Arc<dyn Database>> {
    (timeline(database).len() == count).then(|| Arc::clone(database))
}

fn check_newest(fixture: &impl Fixture, database: &Arc<dyn Database>, tables: &Tables) {
    let newest = timeline(database).pop().expect("a snapshot");
    let path = fixture.path("issues").expect("it shows issues");
    assert_eq!(text(entry(&files(database, &newest.id), &path)), lines(&tables.issues));
}

pub fn earlier_views_go_on<F: Fixture>() {
    let mut fixture = made::<F>();
    let source = fixture.open();
    let earlier = database(&*source);
    fixture.commit(&next());
    eventually("the commit", || shown(&poll(&*source).map(only)?, history().len() + 1));
    for (snapshot, tables) in timeline(&earlier).iter().zip(history()) {
        let path = fixture.path("issues").expect("it shows issues");
        assert_eq!(text(entry(&files(&earlier, &snapshot.id), &path)), lines(&tables.issues));
    }
}

pub fn news_come_soon_where_it_is_watched<F: Fixture>() {
    let mut fixture = made::<F>();
    let source = fixture.open();
    database(&*source);
    let mut tables = next();
    let mut waited = Vec::new();
    // A slow machine may take the whole interval to commit: then the next round shows it.
    for round in 0..if source.is_watched() { 30 } else { 3 } {
        while poll(&*source).is_some() {}
        tables = with_issue(&tables, 100 + round, "news");
        let news = {
            let source = Arc::clone(&source);
            std::thread::spawn(move || {
                let begun = Instant::now();
                wait(source.news());
                begun.elapsed()
            })
        };
        // A watched source returns at once, any other when its interval is over.
        fixture.commit(&tables);
        waited.push(news.join().expect("it does not panic"));
        if source.is_watched() && waited.last().is_some_and(|waited| *waited < INTERVAL) {
            return;
        }
    }
    assert!(!source.is_watched(), "news came after {waited:?}");
    // The end of a search in the background may be news, once.
    let early = waited.iter().filter(|waited| **waited < INTERVAL).count();
    assert!(early <= usize::from(fixture.expected().lost_commits), "it seems to be watched: {waited:?}");
}

pub fn two_polls_while_writing_see_whole_states<F: Fixture>() {
    let mut fixture = made::<F>();
    let source = fixture.open();
    database(&*source);
    let first = next();
    let states: Vec<Tables> = (0..COMMITS)
        .scan(first, |tables, at| {
            *tables = with_issue(tables, 1000 + at, "while polled");
            Some(tables.clone())
        })
        .collect();
    let path = fixture.path("issues").expect("it shows issues");
    let known: Vec<String> = history().iter().chain(&states).map(|tables| lines(&tables.issues)).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    for database in poll(&*source).into_iter().flatten() {
                        for snapshot in timeline(&database) {
                            let text = text(entry(&files(&database, &snapshot.id), &path));
                            assert!(known.contains(&text), "no state that was written: {text}");
                        }
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
        }
        for tables in &states {
            fixture.commit(tables);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let last = states.last().expect("some commits");
    // Two polls took turns: the last news may have gone to either of them.
    let database = database(&*fixture.open());
    assert_eq!(timeline(&database).len(), history().len() + states.len());
    check_newest(&fixture, &database, last);
}
