//! The commits of a database, in Dolt's own order.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::model::time::Timestamp;
use mysql_common::packets::Column;
use mysql_common::row::Row;

use super::answer_columns::{needed_text, text};
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::sql::{literal, literals};
use crate::model::history::{History, SnapshotMeta};
use crate::source::dolt::common::ident;

/// Branches and tags per query for commits beside the main timeline.
const HEADS_PER_QUERY: usize = 200;

/// Where branches and tags point: what a poll compares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    /// Branch name to commit hash.
    pub branches: BTreeMap<String, Arc<str>>,
    /// Tag name to commit hash.
    pub tags: BTreeMap<String, Arc<str>>,
}

/// Loads the history that `heads` reach. What `known` already has is not loaded again where that is cheap to find out.
pub async fn load(
    lease: &mut Lease,
    database: &str,
    heads: &Heads,
    known: Option<&History>,
) -> Result<History, QueryError> {
    let main = main_head(lease, database, heads).await?;
    let (branches, tags) = (heads.branches.clone(), heads.tags.clone());
    let mut history = History { branches, tags, is_primary: true, ..History::default() };
    if let Some(main) = &main {
        history.timeline = timeline(lease, main, known).await?;
        history.off_timeline = off_timeline(lease, main, heads, &history.timeline).await?;
        history.has_live = true;
    }
    Ok(history)
}

/// The head of the branch that a new session gets. `None` in a database without branches.
async fn main_head(lease: &mut Lease, database: &str, heads: &Heads) -> Result<Option<Arc<str>>, QueryError> {
    if heads.branches.len() < 2 {
        return Ok(heads.branches.values().next().cloned());
    }
    // The branch is chosen when the session first uses the database.
    lease.execute(&format!("USE {}", ident(database))).await?;
    let rows = lease.rows("SELECT active_branch()").await?;
    let branch = rows.first().map(|row| text(row, 0)).transpose()?.flatten();
    match branch.as_deref().and_then(|branch| heads.branches.get(branch)) {
        Some(head) => Ok(Some(Arc::clone(head))),
        None => {
            let branch = branch.unwrap_or_default();
            Err(Fault::Answer(format!("the default branch {branch:?} is not among its branches")).into())
        }
    }
}

async fn timeline(
    lease: &mut Lease,
    main: &Arc<str>,
    known: Option<&History>,
) -> Result<Vec<Arc<SnapshotMeta>>, QueryError> {
    if let Some(known) = known {
        match known.timeline.first() {
            Some(newest) if newest.id == *main => return Ok(known.timeline.clone()),
            Some(newest) => {
                if let Some(news) = straight_news(lease, &newest.id, main).await? {
                    return Ok(news.into_iter().chain(known.timeline.iter().cloned()).collect());
                }
            }
            None => {}
        }
    }
    log(lease, &[literal(main)]).await
}

/// The commits from `old` to `new` where they are one line without merges. Only then the whole log is the new commits
/// followed by the old log. (A merged branch is sorted into the old log.)
async fn straight_news(
    lease: &mut Lease,
    old: &Arc<str>,
    new: &Arc<str>,
) -> Result<Option<Vec<Arc<SnapshotMeta>>>, QueryError> {
    let news = match log(lease, &[literal(new), literal(&format!("^{old}"))]).await {
        Ok(news) => news,
        // The old head may be gone from the server: then the whole log is loaded.
        Err(error) if error.is_answer() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut expected = new;
    for commit in &news {
        match commit.parents.as_slice() {
            [parent] if commit.id == *expected => expected = parent,
            _ => return Ok(None),
        }
    }
    let is_straight = expected == old;
    Ok(is_straight.then_some(news))
}

async fn off_timeline(
    lease: &mut Lease,
    main: &Arc<str>,
    heads: &Heads,
    timeline: &[Arc<SnapshotMeta>],
) -> Result<Vec<Arc<SnapshotMeta>>, QueryError> {
    let on_main: HashSet<_> = timeline.iter().map(|commit| &commit.id).collect();
    let mut others: Vec<_> =
        heads.branches.values().chain(heads.tags.values()).filter(|head| !on_main.contains(head)).collect();
    others.sort();
    others.dedup();
    let mut seen = HashSet::new();
    let mut commits = Vec::new();
    for heads in others.chunks(HEADS_PER_QUERY) {
        let mut arguments: Vec<_> = heads.iter().map(|head| literal(head)).collect();
        arguments.push(literal(&format!("^{main}")));
        let found = log(lease, &arguments).await?;
        commits.extend(found.into_iter().filter(|commit| seen.insert(Arc::clone(&commit.id))));
    }
    Ok(commits)
}

/// `dolt_log` of some revisions (quoted), newest first, with parents.
async fn log(lease: &mut Lease, revisions: &[String]) -> Result<Vec<Arc<SnapshotMeta>>, QueryError> {
    let table = format!("dolt_log({}, {})", revisions.join(", "), literals(["--parents"]));
    // All columns, since older servers lack `author`: they name the author `committer`.
    let failure = match commits(lease, &format!("SELECT * FROM {table}")).await {
        Err(error) if error.is_answer() => error,
        result => return result,
    };
    // A server sends a date before the year 0 or after 9999 only as a text.
    for [author, email] in [["author", "author_email"], ["committer", "email"]] {
        let columns = format!("commit_hash, CAST(date AS CHAR) AS date, parents, {author}, {email}, message");
        match commits(lease, &format!("SELECT {columns} FROM {table}")).await {
            Err(error) if error.is_answer() => {}
            result => return result,
        }
    }
    Err(failure)
}

/// The commits that a query on `dolt_log` gives.
async fn commits(lease: &mut Lease, query: &str) -> Result<Vec<Arc<SnapshotMeta>>, QueryError> {
    let mut layout = None;
    let mut commits = Vec::new();
    lease
        .for_each(query, |row| {
            let layout = layout.get_or_insert_with(|| LogLayout::new(row.columns_ref()));
            commits.push(Arc::new(layout.commit(&row)?));
            Ok(())
        })
        .await?;
    Ok(commits)
}

/// Where the columns of `dolt_log` stand.
struct LogLayout {
    hash: Option<usize>,
    date: Option<usize>,
    parents: Option<usize>,
    author: Option<usize>,
    email: Option<usize>,
    message: Option<usize>,
}

impl LogLayout {
    fn new(columns: &[Column]) -> Self {
        let place = |name: &str| columns.iter().position(|column| column.name_str() == name);
        Self {
            hash: place("commit_hash"),
            // The committer's date: the one by which Dolt resolves AS OF TIMESTAMP.
            date: place("date"),
            parents: place("parents"),
            author: place("author").or_else(|| place("committer")),
            email: place("author_email").or_else(|| place("email")),
            message: place("message"),
        }
    }

    fn commit(&self, row: &Row) -> Result<SnapshotMeta, QueryError> {
        let column = |place: Option<usize>, name: &str| {
            place.ok_or_else(|| QueryError::from(Fault::Answer(format!("dolt_log has no column {name}"))))
        };
        let hash: Arc<str> = needed_text(row, column(self.hash, "commit_hash")?)?.into();
        let date = needed_text(row, column(self.date, "date")?)?;
        let time = parse_date(&date).ok_or_else(|| Fault::Answer(format!("{date:?} is no commit date")))?;
        let parents = text(row, column(self.parents, "parents")?)?.unwrap_or_default();
        let parents = parents.split(',').map(str::trim).filter(|parent| !parent.is_empty());
        let optional = |place: Option<usize>| place.map_or(Ok(None), |place| text(row, place));
        Ok(SnapshotMeta {
            known_as: None,
            id: Arc::clone(&hash),
            time,
            commit: Some(hash),
            parents: parents.map(Into::into).collect(),
            author: optional(self.author)?.unwrap_or_default(),
            email: optional(self.email)?.unwrap_or_default(),
            message: optional(self.message)?.unwrap_or_default(),
            mark: None,
        })
    }
}

/// `2026-01-21 20:00:00.156`, in UTC, of any year: `10000-01-01 13:59:59`, `-0001-12-31 10:00:00`.
fn parse_date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let mut fields = date.rsplitn(3, '-');
    let (day, month, year) = (fields.next()?, fields.next()?, fields.next()?);
    Timestamp::of_date(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?, time.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_utc_with_milliseconds() {
        let time = parse_date("2026-01-21 20:00:00.156").expect("a date");
        assert_eq!(time.to_string(), "2026-01-21T20:00:00.156Z");
        assert_eq!(parse_date("1969-12-31 23:59:59.000").expect("a date").as_second(), -1);
        for text in
            ["yesterday", "2026-01-21", "2026-02-30 20:00:00", "2026-13-01 20:00:00", "-01-01 20:00:00"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
