//! Contents as segments: read once from end to end, or made from another version of the same table.

use std::sync::Arc;
use std::time::Instant;

use super::cache::{Cache, Cached, Key};
use super::flight::Flights;
use super::held::Held;
use super::kin::{Families, Kin};
use super::lengths::Lengths;
use super::load;
use super::patch::patched;
use super::recall;
use super::report::cannot_read;
use super::steps;
use super::version::Version;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::KeyOrder;
use crate::source::blocking::{broken_off, in_place};
use crate::source::versioned::{Family, Step, Versioned};
use crate::source::{Content, SourceError, chain};

/// Of a version of this length only changes of a part of it are worth asking for.
const WORTH_CHANGING: u64 = 2;

/// All that is known of contents that come from end to end.
pub(super) struct Versions {
    cache: Arc<Cache>,
    lengths: Arc<Lengths>,
    flights: Flights<ContentId, Arc<Version>>,
    families: Families,
}

impl Versions {
    pub fn new(cache: Arc<Cache>, lengths: Arc<Lengths>) -> Arc<Self> {
        Arc::new(Self { cache, lengths, flights: Flights::new(), families: Families::default() })
    }

    /// Which segments a content has: from the cache, or in one flight for all who ask.
    ///
    /// # Errors
    /// What the source says, and a length that is not the one that was told before.
    pub async fn get(
        self: &Arc<Self>,
        id: ContentId,
        content: &Arc<dyn Content>,
    ) -> Result<Arc<Version>, Arc<SourceError>> {
        if let Some(version) = self.kept(id) {
            return Ok(version);
        }
        let (versions, content) = (Arc::clone(self), Arc::clone(content));
        let load = async move {
            // A flight that ended between the look above and this one has left its result in the cache.
            match versions.kept(id) {
                Some(version) => Ok(version),
                None => versions.load(id, &content).await.map_err(Arc::new),
            }
        };
        self.flights.join(id, load).await
    }

    fn kept(&self, id: ContentId) -> Option<Arc<Version>> {
        match self.cache.get(&Key::Version(id)) {
            Some(Cached::Version(version)) => Some(version),
            _ => None,
        }
    }

    async fn load(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<Arc<Version>, SourceError> {
        if let Some(version) = self.on_disk(id, content).await? {
            return Ok(version);
        }
        let version = match relatives(&**content).await {
            None => self.read(content, None).await?,
            Some((versioned, family)) => {
                let kin = self.families.kin(family.id);
                let version = match self.by_changes(versioned, &family, &kin).await {
                    Some(version) => version,
                    None => self.read_version(content, &family, &kin).await?,
                };
                kin.note(id, content);
                version
            }
        };
        self.lengths.remember(id, version.len(), &**content)?;
        if let Some(disk) = self.cache.disk().filter(|_| content.is_for_good()) {
            recall::keep(disk, id, &version);
        }
        Ok(self.keep(id, version))
    }

    fn keep(&self, id: ContentId, version: Version) -> Arc<Version> {
        let version = Arc::new(version);
        self.cache.put(Key::Version(id), Cached::Version(Arc::clone(&version)));
        version
    }

    /// The version as this mount or an earlier one has put it on disk, if it is there with all of its segments.
    async fn on_disk(
        &self,
        id: ContentId,
        content: &Arc<dyn Content>,
    ) -> Result<Option<Arc<Version>>, SourceError> {
        if self.cache.disk().is_none() || !content.is_for_good() {
            return Ok(None);
        }
        // What a next version can be made of depends on the order of the lines.
        let family = relatives(&**content).await.map(|(_, family)| family);
        let cache = Arc::clone(&self.cache);
        let order = family.as_ref().and_then(|family| family.order.clone());
        let recall = move || Ok(recall::version(&cache, id, order.as_ref()));
        let broken = |why| broken_off(&content.describe(), why);
        let Some(version) = in_place(recall, broken).await? else { return Ok(None) };
        self.lengths.remember(id, version.len(), &**content)?;
        if let Some(family) = family {
            self.families.kin(family.id).note(id, content);
        }
        Ok(Some(self.keep(id, version)))
    }

    async fn read_version(
        &self,
        content: &Arc<dyn Content>,
        family: &Family,
        kin: &Kin,
    ) -> Result<Version, SourceError> {
        let begun = Instant::now();
        let version = self.read(content, family.order.as_ref()).await?;
        kin.note_whole(begun.elapsed(), version.is_ordered());
        Ok(version)
    }

    async fn read(
        &self,
        content: &Arc<dyn Content>,
        order: Option<&KeyOrder>,
    ) -> Result<Version, SourceError> {
        let read = load::read(content, order, &self.cache).await;
        read.inspect_err(|error| cannot_read(&**content, error))
    }

    /// The version made from one that is at hand; `None` where there is none, or where that is not worth it or does
    /// not work: whatever goes wrong, reading all of it goes another way, and tells why if that fails, too.
    async fn by_changes(&self, versioned: &dyn Versioned, family: &Family, kin: &Kin) -> Option<Version> {
        let order = family.order.as_ref()?;
        let at_hand = |base: super::kin::Recent| Some((self.kept(base.id)?, base.content));
        let (base, content) = kin.bases().into_iter().find_map(at_hand)?;
        let begun = Instant::now();
        let made = self.changed(versioned, order, base, content).await;
        kin.note_changes(begun.elapsed());
        match made {
            Ok(made) => made,
            Err(error) => {
                tracing::debug!(reason = chain(&*error), "a version is read as a whole instead");
                None
            }
        }
    }

    async fn changed(
        &self,
        versioned: &dyn Versioned,
        order: &KeyOrder,
        base: Arc<Version>,
        content: Arc<dyn Content>,
    ) -> Result<Option<Version>, Arc<SourceError>> {
        let Some(from) = content.versioned() else { return Ok(None) };
        let limit = base.len() / WORTH_CHANGING;
        let Some(changes) = versioned.changes_since(from.version(), limit).await.map_err(Arc::new)? else {
            return Ok(None);
        };
        let held = Held::new(Arc::clone(&content), base, Arc::clone(&self.cache));
        let made = patched(&held, order, changes, &self.cache).await?;
        if made.is_none() {
            let what = content.describe();
            tracing::warn!(%what, "the changes since do not fit; the next version is read as a whole");
        }
        Ok(made)
    }

    /// The length of a version that follows from those of others. `None` for the first version of a table that is
    /// asked for, and where it cannot be told.
    pub async fn len_by_steps(self: &Arc<Self>, id: ContentId, content: &Arc<dyn Content>) -> Option<u64> {
        let (versioned, family) = relatives(&**content).await?;
        let kin = self.families.kin(family.id);
        // Others who ask meanwhile find what this one learns.
        let mut steps = kin.steps.lock().await;
        if let Some(len) = self.lengths.get(id) {
            return Some(len);
        }
        let count = steps.worth_asking()?;
        let taken = versioned.steps(count).await;
        let taken = taken.inspect_err(|error| tracing::debug!(reason = chain(error), "no steps"));
        let taken = taken.unwrap_or_default();
        let found = steps::lengths(&taken, |id| self.lengths.get(id));
        let Some((_, len)) = found.iter().find(|(other, _)| *other == id).copied() else {
            steps.told_nothing();
            return None;
        };
        if !self.is_right(&taken, &found).await {
            steps.are_wrong();
            return None;
        }
        steps.went_well();
        self.lengths.derive(found, content.is_for_good());
        Some(len)
    }

    /// Whether the farthest of the lengths found is that of the version itself: an error on the way to it would show.
    async fn is_right(self: &Arc<Self>, steps: &[Step], found: &[(ContentId, u64)]) -> bool {
        let contents = |id| steps.iter().find(|step| step.to == id).map(|step| &step.content);
        let farthest = found.iter().rev().find_map(|(id, len)| Some((*id, *len, contents(*id)?)));
        let Some((id, len, content)) = farthest else { return false };
        let version = match self.get(id, content).await {
            Ok(version) => version,
            Err(error) => {
                tracing::debug!(reason = chain(&*error), "lengths that follow from others cannot be checked");
                return false;
            }
        };
        if version.len() != len {
            let what = content.describe();
            tracing::warn!(%what, len = version.len(), told = len, "changes do not tell lengths; each version is read");
        }
        version.len() == len
    }
}

/// A version of a table, and what it has in common with others. Where its source cannot say that, it may be readable all
/// the same: Dolt cannot word every definition that it holds.
async fn relatives(content: &dyn Content) -> Option<(&dyn Versioned, Arc<Family>)> {
    let versioned = content.versioned()?;
    let family = versioned.family().await;
    let family = family.inspect_err(|error| tracing::debug!(reason = chain(error), "it is read by itself"));
    Some((versioned, family.ok()?))
}

#[cfg(test)]
mod tests;
