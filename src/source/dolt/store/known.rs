//! What is kept of a database from one poll to the next.

use std::sync::Arc;

use dolt_store::objects::Refs;
use dolt_store::{Address, StoreError};

use super::database::DoltStoreDatabase;
use super::files::StorePlace;
use super::history;
use super::shared::SharedDatabase;
use crate::model::history::History;
use crate::source::Database;
use crate::util::locks::lock;

/// A database, and what the last look at it left.
pub(super) struct KnownDatabase {
    pub place: StorePlace,
    /// What all views of it share.
    pub shared: Arc<SharedDatabase>,
    /// What the view was made from; none where it could not be made yet.
    seen: Option<ViewBasis>,
    /// The newest view; none before the first one.
    pub view: Option<Arc<DoltStoreDatabase>>,
}

struct ViewBasis {
    root: Address,
    checked_out: Option<String>,
    /// Files that could not be read: once they are mended, there may be more commits.
    problems: Vec<String>,
    refs: Refs,
    /// Version of the commits found in the store.
    found: u64,
}

impl KnownDatabase {
    pub fn new(place: StorePlace, shared: Arc<SharedDatabase>) -> Self {
        Self { place, shared, seen: None, view: None }
    }

    /// Makes a new view of a database from the files as they were last looked at, if its history changed; returns whether
    /// it did.
    pub fn look(&mut self, shown_name: &str) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let (root, checked_out) = (shared.store.root(), shared.store.checked_out()?);
        let problems = shared.store.newest().problems();
        let audience = shared.store.audience();
        let is_same_audience = self.view.as_ref().is_some_and(|view| view.audience() == audience);
        let found = shared.found.version();
        let is_seen = |seen: &ViewBasis| {
            (seen.root, &seen.checked_out) == (root, &checked_out)
                && (&seen.problems, seen.found) == (&problems, found)
        };
        if is_same_audience && self.seen.as_ref().is_some_and(is_seen) {
            return Ok(false);
        }
        let refs = Refs::read(&shared.store, &root)?;
        let now = ViewBasis { root, checked_out, problems, refs, found };
        let history = self.new_history(&now)?;
        let last = || Some(self.view.as_ref()?.history().clone());
        let history = history.or_else(|| if is_same_audience { None } else { last() });
        let is_new = history.is_some();
        if let Some(history) = history {
            let view = DoltStoreDatabase::new(Arc::clone(shared), shown_name.to_owned(), history, audience);
            view.prepare();
            self.view = Some(Arc::new(view));
        }
        self.seen = Some(now);
        Ok(is_new)
    }

    /// The history as of `now`; `None` where it is the one shown.
    fn new_history(&self, now: &ViewBasis) -> Result<Option<History>, StoreError> {
        let (store, last) = (&self.shared.store, self.view.as_ref().map(|view| view.history()));
        let mut graph = lock(&self.shared.graph);
        let mut history = match (last, &self.seen) {
            (Some(last), Some(seen)) if seen.has_names_of(now) => match seen.found == now.found {
                true => return Ok(None),
                false => last.clone(),
            },
            // Where a file was mended, what was found missing before may be there.
            (_, seen) => {
                let is_as_broken = seen.as_ref().is_some_and(|seen| seen.problems == now.problems);
                history::load(store, &mut graph, &now.refs, last.filter(|_| is_as_broken))?
            }
        };
        // First, so that a list that claims to be complete is.
        history.is_lost_partial = self.shared.found.is_partial();
        history.lost = Some(self.shared.found.lost(store, &mut graph, &history));
        graph.tidy(&history);
        Ok((last != Some(&history)).then_some(history))
    }
}

impl ViewBasis {
    /// Whether names lead to the same history: where working sets point to does not matter to it, only that
    /// they are there.
    fn has_names_of(&self, other: &Self) -> bool {
        self.checked_out == other.checked_out
            && self.problems == other.problems
            && self.refs.branches == other.refs.branches
            && self.refs.tags == other.refs.tags
            && self.refs.remotes == other.refs.remotes
            && self.refs.working_sets.keys().eq(other.refs.working_sets.keys())
    }
}
