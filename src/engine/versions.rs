//! Contents as segments: read once from end to end, or made from another version of the same table.

use std::sync::Arc;
use std::time::Instant;

use super::CACHE_FOLDER;
use super::cache::{Cache, Cached, Key};
use super::flight::{Flights, Way};
use super::held::Held;
use super::kin::{Families, Kin, Recent};
use super::lengths::Lengths;
use super::load;
use super::patch::patched;
use super::recall;
use super::report::{cannot_read, changes_do_not_fit};
use super::version::Version;
use crate::content::blocking::broken_off;
use crate::content::versioned::{Family, Versioned};
use crate::content::{Content, SourceError, chain};
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::KeyOrder;
use crate::util::tasks::in_place;

/// Changes that come to more than one part in so many of a version's length are not worth having.
const WORTH_CHANGING: u64 = 2;

/// Bytes of changes that are held at a time for one version, beside the cache.
const MOST_CHANGES: u64 = 8 << 20;

/// All that is known of contents that come from end to end.
pub(super) struct Versions {
    cache: Arc<Cache>,
    pub lengths: Arc<Lengths>,
    pub families: Families,
    flights: Flights<Way, Arc<Version>>,
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
        content: &Content,
    ) -> Result<Arc<Version>, Arc<SourceError>> {
        if let Some(version) = self.kept(id) {
            return Ok(version);
        }
        let way = Way::to(id, &**content);
        let (versions, content) = (Arc::clone(self), content.clone());
        let load = async move {
            // A flight that ended between the look above and this one has left its result in the cache.
            match versions.kept(id) {
                Some(version) => Ok(version),
                None => versions.load(id, &content).await.map_err(Arc::new),
            }
        };
        self.flights.join(way, load).await
    }

    fn kept(&self, id: ContentId) -> Option<Arc<Version>> {
        match self.cache.get(&Key::Version(id)) {
            Some(Cached::Version(version)) => Some(version),
            _ => None,
        }
    }

    async fn load(&self, id: ContentId, content: &Content) -> Result<Arc<Version>, SourceError> {
        let relatives = relatives(content).await;
        let family = relatives.as_ref().map(|(_, family)| &**family);
        if let Some(version) = self.on_disk(id, content, family).await? {
            return Ok(version);
        }
        let version = match relatives {
            None => self.read(content, None).await?,
            Some((versioned, family)) => {
                let kin = self.families.kin(family.id);
                let is_local = content.received().is_none();
                let made = self.by_changes(versioned, is_local, &family, &kin).await;
                // Only a full read may contradict what is known.
                let is_as_known = |made: &Version| self.lengths.get(id).is_none_or(|len| len == made.len());
                let version = match made.filter(is_as_known) {
                    Some(version) => version,
                    None => self.read_version(content, &family, &kin).await?,
                };
                kin.note(id, content);
                version
            }
        };
        self.settle(id, content, version)
    }

    /// Keeps a version that was read or made, if it is as long as is known.
    fn settle(
        &self,
        id: ContentId,
        content: &Content,
        version: Version,
    ) -> Result<Arc<Version>, SourceError> {
        self.lengths.remember(id, version.len(), &**content)?;
        if let Some(disk) = self.cache.disk().filter(|_| content.is_immutable_by_id()) {
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
        content: &Content,
        family: Option<&Family>,
    ) -> Result<Option<Arc<Version>>, SourceError> {
        if self.cache.disk().is_none() || !content.is_immutable_by_id() {
            return Ok(None);
        }
        let cache = Arc::clone(&self.cache);
        // What a next version can be made of depends on the order of the lines.
        let order = family.and_then(|family| family.order.clone());
        let recall = move || Ok(recall::version(&cache, id, order.as_ref()));
        let broken = |why| broken_off(&content.describe(), why);
        let Some(version) = in_place(CACHE_FOLDER, recall, broken).await? else { return Ok(None) };
        self.lengths.remember(id, version.len(), &**content)?;
        if let Some(family) = family {
            self.families.kin(family.id).note(id, content);
        }
        Ok(Some(self.keep(id, version)))
    }

    async fn read_version(
        &self,
        content: &Content,
        family: &Family,
        kin: &Kin,
    ) -> Result<Version, SourceError> {
        let begun = Instant::now();
        let version = self.read(content, family.order.as_ref()).await?;
        kin.note_whole(begun.elapsed(), version.is_ordered());
        Ok(version)
    }

    async fn read(&self, content: &Content, order: Option<&KeyOrder>) -> Result<Version, SourceError> {
        let read = load::read(content, order, &self.cache).await;
        read.inspect_err(|error| cannot_read(&**content, error))
    }

    /// The version made from one that is at hand; `None` where there is none, or where that is not worth it or does
    /// not work: whatever goes wrong, reading all of it goes another way, and tells why if that fails, too.
    /// What is on this machine is not made from what a server may have to be asked for.
    async fn by_changes(
        &self,
        versioned: &dyn Versioned,
        is_local: bool,
        family: &Family,
        kin: &Kin,
    ) -> Option<Version> {
        let order = family.order.as_ref()?;
        // One that was read while its keys were not known has no places for lines.
        let at_hand = |base: Recent| {
            let version = self.kept(base.id).filter(|version| version.is_ordered())?;
            let distance = base.content.versioned().and_then(|from| versioned.distance(from.version()));
            Some((distance.unwrap_or(u32::MAX), base, version))
        };
        // Of those that are equally far, the one used last.
        let bases = kin.bases().into_iter().filter(|base| !is_local || base.content.received().is_none());
        let nearest = bases.filter_map(at_hand).min_by_key(|(distance, ..)| *distance);
        let (_, base, version) = nearest?;
        let begun = Instant::now();
        let made = self.changed(versioned, order, base, version).await;
        match made {
            Ok(Some(made)) => {
                kin.note_changes(begun.elapsed());
                return Some(made);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(reason = chain(&*error), "a version is read as a whole instead"),
        }
        kin.note_vain_changes(begun.elapsed());
        None
    }

    async fn changed(
        &self,
        versioned: &dyn Versioned,
        order: &KeyOrder,
        base: Recent,
        version: Arc<Version>,
    ) -> Result<Option<Version>, Arc<SourceError>> {
        let Some(from) = base.content.versioned() else { return Ok(None) };
        let limit = MOST_CHANGES.min(version.len() / WORTH_CHANGING);
        let Some(changes) = versioned.changes_since(from.version(), limit).await.map_err(Arc::new)? else {
            return Ok(None);
        };
        let held = Held::new(base.id, base.content.clone(), version, Arc::clone(&self.cache));
        let made = patched(&held, order, changes, &self.cache).await?;
        if made.is_none() {
            changes_do_not_fit(&*base.content);
        }
        Ok(made)
    }

    /// Reads a version as a whole, whatever is at hand.
    ///
    /// # Errors
    /// What the source says, and a length that is not the one that was told before.
    pub async fn get_whole(
        &self,
        id: ContentId,
        content: &Content,
        family: &Family,
        kin: &Kin,
    ) -> Result<Arc<Version>, SourceError> {
        let version = self.read_version(content, family, kin).await?;
        kin.note(id, content);
        self.settle(id, content, version)
    }
}

/// A version of a table, and what it has in common with others. Where its source cannot say that, it may be readable all
/// the same: Dolt cannot word every definition that it holds.
pub(super) async fn relatives(content: &Content) -> Option<(&dyn Versioned, Arc<Family>)> {
    let versioned = content.versioned()?;
    let family = versioned.family().await;
    let family = family.inspect_err(|error| tracing::debug!(reason = chain(error), "it is read by itself"));
    Some((versioned, family.ok()?))
}

#[cfg(test)]
mod tests;
