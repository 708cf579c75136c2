//! Turns content identities into bytes: one flight per content, an LRU by bytes, lengths kept for good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use crate::model::content_id::ContentId;
use crate::source::{Content, SourceError};

mod cache;
mod flight;
mod listings;
mod streamed;
mod whole;

pub use listings::Listings;

use cache::{Cache, Cached, Part};
use flight::Flights;
use streamed::Streamed;
use whole::Whole;

/// A content that states a length beyond this share of the cache is read in passing, piece by piece,
/// instead of being held whole.
const LARGEST_SHARE_HELD_WHOLE: u64 = 4;

/// Loads, shares and remembers contents.
pub struct Engine {
    cache: Arc<Cache>,
    flights: Flights<ContentId, Arc<Whole>>,
    lengths: Mutex<HashMap<ContentId, u64>>,
    streams: Mutex<HashMap<ContentId, Weak<Streamed>>>,
    held_whole_up_to: u64,
}

/// An open content: its bytes stay readable while this lives.
#[derive(Clone)]
pub enum Reader {
    /// Held in memory as a whole.
    Whole(Arc<Whole>),
    /// Read in passing.
    Streamed(Arc<Streamed>),
}

impl Engine {
    /// An engine that keeps up to `cache_size` bytes of content in memory.
    pub fn new(cache_size: u64) -> Self {
        Self {
            cache: Arc::new(Cache::new(cache_size)),
            flights: Flights::new(),
            lengths: Mutex::default(),
            streams: Mutex::default(),
            held_whole_up_to: cache_size / LARGEST_SHARE_HELD_WHOLE,
        }
    }

    /// The exact length of a content in bytes. Where the source does not state it, this reads the
    /// content once; after that it is known for as long as the engine lives.
    ///
    /// # Errors
    /// What the source says when the content cannot be read.
    pub async fn len(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<u64, Arc<SourceError>> {
        if let Some(len) = content.stated_len() {
            return Ok(len);
        }
        if let Some(len) = lock(&self.lengths).get(&id) {
            return Ok(*len);
        }
        Ok(self.whole(id, content).await?.len())
    }

    /// Opens a content for reading.
    ///
    /// # Errors
    /// What the source says when the content cannot be read or does not pass its checks.
    pub async fn open(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<Reader, Arc<SourceError>> {
        match content.stated_len() {
            Some(len) if len > self.held_whole_up_to => {
                let stream = self.stream(id, content, len);
                stream.verify().await?;
                Ok(Reader::Streamed(stream))
            }
            _ => Ok(Reader::Whole(self.whole(id, content).await?)),
        }
    }

    async fn whole(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<Arc<Whole>, Arc<SourceError>> {
        if let Some(Cached::Whole(whole)) = self.cache.get(&(id, Part::Whole)) {
            return Ok(whole);
        }
        let (content, cache) = (content.clone(), self.cache.clone());
        let load = async move {
            // A flight that ended between the look above and this one has left its result in the cache.
            if let Some(Cached::Whole(whole)) = cache.get(&(id, Part::Whole)) {
                return Ok(whole);
            }
            let whole = Arc::new(Whole::load(&*content).await?);
            cache.put((id, Part::Whole), Cached::Whole(whole.clone()));
            Ok(whole)
        };
        let whole = self.flights.join(id, load).await?;
        lock(&self.lengths).insert(id, whole.len());
        Ok(whole)
    }

    fn stream(&self, id: ContentId, content: &Arc<dyn Content>, len: u64) -> Arc<Streamed> {
        let mut streams = lock(&self.streams);
        if let Some(open) = streams.get(&id).and_then(Weak::upgrade) {
            return open;
        }
        streams.retain(|_, stream| stream.strong_count() > 0);
        let stream = Arc::new(Streamed::new(id, content.clone(), len, self.cache.clone()));
        streams.insert(id, Arc::downgrade(&stream));
        stream
    }
}

impl Reader {
    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it.
    ///
    /// # Errors
    /// What the source says when the content can no longer be read.
    pub async fn read(&self, offset: u64, size: usize) -> Result<Bytes, Arc<SourceError>> {
        match self {
            Self::Whole(whole) => Ok(whole.slice(offset, size)),
            Self::Streamed(stream) => stream.read(offset, size).await,
        }
    }
}

/// Logs a content that cannot be read: which one, why, and what to do.
fn report(content: &dyn Content, error: &SourceError) {
    let (what, reason) = (content.describe(), error.chain());
    let hint = error.hint.as_deref().unwrap_or_default();
    tracing::warn!(%what, %reason, hint, "cannot read");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing is left half-done under these locks, so a panic elsewhere does not make the data wrong.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
