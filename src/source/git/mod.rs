//! A git repository: what a branch held at a path, commit by commit.
//!
//! | file | concern |
//! | --- | --- |
//! | `place` | which repository, path and branch a SOURCE means |
//! | `objects` | objects by hash, checked |
//! | `refs` | branches, tags, replacements |
//! | `commit` | commits and tags as git reads them |
//! | `graph`, `history` | commits; which of them are snapshots of a database |
//! | `layout` | which databases are at the path |
//! | `tree`, `changes` | what a commit holds; since when |
//! | `blob`, `shown` | the bytes of a file, and what is in them |
//! | `database` | one view |
//! | `copies` | folders of copies with times in their names |
//! | `state` | what is known, and what is new |
//! | `verify` | whether all objects are sound |
//! | `probe` | what fuzzing calls |
//!
//! Nothing is written, and no git is run. A Dolt store in a repository (`refs/dolt/data`) is read by
//! [`crate::source::dolt::store`].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::tz::TimeZone;

mod blob;
mod changes;
mod commit;
mod copies;
mod database;
mod graph;
mod history;
mod layout;
mod objects;
mod place;
pub mod probe;
mod refs;
mod shown;
mod state;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use place::GitPlace;

use super::{Database, POLL_INTERVAL, Source};
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, SourceError};
use crate::files::root::{LEADS_OUTSIDE_HINT, Links};
use crate::files::watch::{Events, FolderWatch};
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;
use crate::source::repository::Repository;
use crate::util::locks::lock;
use objects::{Objects, cannot_open};
use refs::Refs;
use state::GitState;

/// Time between two polls of folders whose changes inotify reports.
const SAFETY_NET: Duration = Duration::from_secs(5);

/// A git repository as a source of databases.
pub struct GitSource {
    inner: Arc<Inner>,
}

struct Inner {
    label: Arc<str>,
    place: GitPlace,
    repository: Arc<Repository>,
    watch: FolderWatch,
    state: Mutex<GitState>,
    /// What the repository named, and whom it let in, when databases were handed out.
    delivered: Mutex<Option<(Refs, Audience)>>,
}

impl GitSource {
    /// Opens a place in a repository. `name` is the name of the one database to show (`NAME=`), `zone` that of copies
    /// whose names have a time without one (`--timezone`); without it such a name is read as its writer meant it. `links`
    /// says which links are followed.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where the branch has no commit, [`ErrorKind::Missing`] where it is not there; others where the
    /// repository cannot be read.
    pub fn open(
        place: GitPlace,
        name: Option<String>,
        zone: Option<TimeZone>,
        links: Links,
    ) -> Result<Self, SourceError> {
        let label: Arc<str> = format!("git {}", place.repository.shown()).into();
        let repository =
            Repository::open(&place.repository, links).map_err(|failure| cannot_open(&label, failure))?;
        for folder in repository.state().refused() {
            let (source, folder, hint) = (&*label, folder.shown(), LEADS_OUTSIDE_HINT);
            tracing::warn!(
                source,
                hint,
                "objects borrowed from {folder} are not read: that is outside of the source"
            );
        }
        let repository = Arc::new(repository);
        let refs = Refs::read(&repository.state(), &place, &label)?;
        let objects = Objects::new(&label, &repository, &Arc::default(), Audience::Owner);
        if place.path.is_empty() && graph::is_only_commit(&mut objects.reader(), refs.tip) {
            let problem = "the branch has one commit, without files";
            return Err(SourceError::new(ErrorKind::Invalid, &*label, problem)
                .with_hint("commit something, or name another branch: git:PATH?ref=BRANCH"));
        }
        let watch = FolderWatch::new(Arc::clone(&label));
        let (state, delivered) = (Mutex::new(GitState::new(name, zone)), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { label, place, repository, watch, state, delivered }) })
    }
}

/// The databases, and what the repository named and whom it let in then.
type News = ((Refs, Audience), Vec<Arc<dyn Database>>);

impl Inner {
    /// The databases and what the repository names, where that is news. Blocks.
    fn look(&self) -> Result<Option<News>, SourceError> {
        // Its owner, its settings, and what it borrows objects from may have changed.
        let state = self.repository.look().map_err(|failure| cannot_open(&self.label, failure))?;
        self.watch.renew(|| state.watched().map(|folder| (folder.to_owned(), Events::Entries)).collect());
        let now = (Refs::read(&state, &self.place, &self.label)?, state.audience());
        let repository = &self.repository;
        if lock(&self.delivered).as_ref() == Some(&now) {
            if !lock(&self.state).is_any_back(repository, &self.place, &self.label) {
                return Ok(None);
            }
            // If this poll is cancelled, the next one has to look.
            *lock(&self.delivered) = None;
        }
        let databases = lock(&self.state).look(repository, (&now.0, now.1), &self.place, &self.label)?;
        Ok(Some((now, databases)))
    }
}

#[async_trait]
impl Source for GitSource {
    fn label(&self) -> &str {
        &self.inner.label
    }

    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError> {
        let inner = Arc::clone(&self.inner);
        let found = on_blocking_thread(&self.inner.label, move || inner.look()).await?;
        // Only now: the news of a cancelled poll are news for the next one.
        Ok(found.map(|(seen, databases)| {
            *lock(&self.inner.delivered) = Some(seen);
            databases
        }))
    }

    fn is_watched(&self) -> bool {
        true
    }

    async fn news(&self) {
        let is_told = self.inner.watch.is_complete(std::iter::empty());
        self.inner.watch.next(if is_told { SAFETY_NET } else { POLL_INTERVAL }).await;
    }
}
