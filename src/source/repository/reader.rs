//! Reads objects, each checked against the hash that names it.

use std::sync::Arc;

use gix::objs::{Data, Kind};
use gix::oid;

use super::failure::Failure;
use super::packs::{BaseCache, Unpacking};
use super::{Repository, RepositoryState};
use crate::content::ErrorKind;

/// Reads objects on one thread. Looks for other packs where an object is missing: `git gc` moves objects.
pub(crate) struct ObjectReader<'r> {
    repository: &'r Repository,
    state: Arc<RepositoryState>,
    unpacking: Unpacking,
}

impl<'r> ObjectReader<'r> {
    /// A reader that keeps so much of what other objects are made from.
    pub(crate) fn new(repository: &'r Repository, cache: BaseCache) -> Self {
        Self { repository, state: repository.state(), unpacking: Unpacking::new(cache) }
    }

    /// The repository as the last object was read.
    pub(crate) fn state(&self) -> &Arc<RepositoryState> {
        &self.state
    }

    /// Reads an object into `buffer`, and checks it; `None` if it is missing. Blocks.
    pub(crate) fn read(&mut self, id: &oid, buffer: &mut Vec<u8>) -> Result<Option<Kind>, Failure> {
        let mut found = self.state.find(id, buffer, &mut self.unpacking)?;
        if found.is_none()
            && let Some(now) = self.repository.with_other_packs(&self.state)
        {
            self.state = now;
            found = self.state.find(id, buffer, &mut self.unpacking)?;
        }
        let Some(kind) = found else { return Ok(None) };
        Data::new(buffer, kind, id.kind()).verify_checksum(id).map_err(|_| {
            let problem = format!("its bytes are not those that the hash {id} names");
            Failure::new(ErrorKind::Damaged, problem)
        })?;
        Ok(Some(kind))
    }

    /// Kind and length of an object as its header states them; `None` if it is missing or damaged. Blocks.
    pub(crate) fn header(&mut self, id: &oid) -> Option<(Kind, u64)> {
        if let Some(header) = self.state.header(id, &mut self.unpacking) {
            return Some(header);
        }
        self.state = self.repository.with_other_packs(&self.state)?;
        self.state.header(id, &mut self.unpacking)
    }
}
