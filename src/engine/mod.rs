//! Turns content identities into bytes: one flight per content, an LRU by bytes, lengths kept for good.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use lru::LruCache;

use crate::model::content_id::ContentId;
use crate::source::blocking::{broken_off, in_place};
use crate::source::{Content, SourceError};

mod branch;
mod cache;
mod flight;
mod index;
mod lengths;
mod listings;
mod part_flights;
mod part_lengths;
mod report;
mod streamed;
mod tree;
mod whole;

pub use index::{IndexError, LengthIndex};
pub use listings::Listings;

use cache::{Cache, Cached, Key};
use flight::Flights;
use lengths::Lengths;
use streamed::Streamed;
use tree::{PartMemory, Tree};
use whole::{Loaded, Whole};

/// A content longer than this share of the cache is read in passing, piece by piece, instead of being held
/// whole.
const LARGEST_SHARE_HELD_WHOLE: u64 = 4;

/// Trees kept open after their last reader: a walk measures a file and reads it right after.
const OPEN_TREES: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// Loads, shares and remembers contents.
pub struct Engine {
    cache: Arc<Cache>,
    flights: Flights<ContentId, Loaded>,
    lengths: Arc<Lengths>,
    streams: Mutex<HashMap<ContentId, Weak<Streamed>>>,
    parts: Arc<PartMemory>,
    trees: Arc<Mutex<LruCache<ContentId, Arc<Tree>>>>,
    held_whole_up_to: u64,
    index: Option<LengthIndex>,
}

/// An open content: its bytes stay readable while this lives.
#[derive(Clone)]
pub enum Reader {
    /// Held in memory as a whole.
    Whole(Arc<Whole>),
    /// Read in passing.
    Streamed(Arc<Streamed>),
    /// Put together from parts that it shares with others.
    InParts(Arc<Tree>),
}

impl Engine {
    /// An engine that keeps up to `cache_size` bytes of content in memory.
    pub fn new(cache_size: u64) -> Self {
        let cache = Arc::new(Cache::new(cache_size));
        Self {
            parts: Arc::new(PartMemory::new(Arc::clone(&cache))),
            cache,
            flights: Flights::new(),
            lengths: Arc::default(),
            streams: Mutex::default(),
            trees: Arc::new(Mutex::new(LruCache::new(OPEN_TREES))),
            held_whole_up_to: cache_size / LARGEST_SHARE_HELD_WHOLE,
            index: None,
        }
    }

    /// Takes over the lengths in `index`, and from now on adds to it whenever [`Self::save`] is called.
    /// Blocks.
    ///
    /// # Errors
    /// [`IndexError`] where it cannot be read; what is learned is added all the same.
    pub fn use_index(&mut self, index: LengthIndex) -> Result<(), IndexError> {
        let found = index.read();
        self.index = Some(index);
        self.lengths.recall(found?);
        Ok(())
    }

    /// Puts the lengths that were learned since the last time on disk, where there is an index. Blocks.
    ///
    /// # Errors
    /// [`IndexError`] where they cannot be written; the next call tries again.
    pub fn save(&self) -> Result<(), IndexError> {
        let Some(index) = &self.index else { return Ok(()) };
        let news = self.lengths.take_news();
        if news.is_empty() {
            return Ok(());
        }
        let added = index.add(&news);
        if added.is_err() {
            self.lengths.return_news(news);
        }
        added
    }

    /// The exact length of a content in bytes. Where the source does not state it, this reads what of the
    /// content is not known yet once; after that it is known for as long as the engine lives.
    ///
    /// # Errors
    /// What the source says when the content cannot be read.
    pub async fn len(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<u64, Arc<SourceError>> {
        if let Some(len) = content.stated_len().or_else(|| self.lengths.get(id)) {
            return Ok(len);
        }
        match self.tree(id, content).await? {
            Some(_) => Ok(self.lengths.get(id).expect("whoever opens a tree measures it")),
            None => Ok(self.load(id, content).await?.len()),
        }
    }

    /// Opens a content for reading.
    ///
    /// # Errors
    /// What the source says when the content cannot be read or does not pass its checks.
    pub async fn open(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<Reader, Arc<SourceError>> {
        if let Some(tree) = self.tree(id, content).await? {
            return Ok(Reader::InParts(tree));
        }
        let len = match self.lengths.get(id).or_else(|| content.stated_len()) {
            Some(len) if len > self.held_whole_up_to => len,
            _ => match self.load(id, content).await? {
                Loaded::Whole(whole) => return Ok(Reader::Whole(whole)),
                Loaded::TooLong(len) => len,
            },
        };
        let stream = self.stream(id, content, len);
        if !self.lengths.is_checked(id) {
            stream.verify().await?;
            self.lengths.remember(id, len, &**content)?;
        }
        Ok(Reader::Streamed(stream))
    }

    /// The tree of a content that is in parts, measured.
    async fn tree(
        &self,
        id: ContentId,
        content: &Arc<dyn Content>,
    ) -> Result<Option<Arc<Tree>>, Arc<SourceError>> {
        if content.in_parts().is_none() {
            return Ok(None);
        }
        if let Some(open) = lock(&self.trees).get(&id) {
            return Ok(Some(Arc::clone(open)));
        }
        let (content, parts) = (Arc::clone(content), Arc::clone(&self.parts));
        let (lengths, trees) = (Arc::clone(&self.lengths), Arc::clone(&self.trees));
        let described = Arc::clone(&content);
        let open = move || {
            let Some(tree) = Tree::open(&content, &parts).transpose()? else { return Ok(None) };
            if !lengths.is_checked(id) {
                lengths.remember(id, tree.measure()?, &*content)?;
            }
            let tree = Arc::new(tree);
            lock(&trees).put(id, Arc::clone(&tree));
            Ok(Some(tree))
        };
        blocking(&*described, open).await
    }

    /// Reads a content once from end to end: from the cache, or in one flight for all who ask.
    async fn load(&self, id: ContentId, content: &Arc<dyn Content>) -> Result<Loaded, Arc<SourceError>> {
        if let Some(Cached::Whole(whole)) = self.cache.get(&Key::Whole(id)) {
            return Ok(Loaded::Whole(whole));
        }
        let (reader, limit) = (content.clone(), self.held_whole_up_to);
        let (cache, lengths) = (self.cache.clone(), self.lengths.clone());
        let load = async move {
            // A flight that ended between the look above and this one has left its result in the cache.
            if let Some(Cached::Whole(whole)) = cache.get(&Key::Whole(id)) {
                return Ok(Loaded::Whole(whole));
            }
            let loaded = Loaded::read(&*reader, limit).await?;
            lengths.remember(id, loaded.len(), &*reader)?;
            if let Loaded::Whole(whole) = &loaded {
                cache.put(Key::Whole(id), Cached::Whole(whole.clone()));
            }
            Ok(loaded)
        };
        self.flights.join(id, load).await
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
            Self::InParts(tree) => {
                if let Some(bytes) = tree.read_held(offset, size) {
                    return Ok(bytes);
                }
                let reading = Arc::clone(tree);
                blocking(tree.content(), move || reading.read(offset, size)).await
            }
        }
    }
}

/// Does something that blocks.
async fn blocking<T: Send + 'static>(
    content: &dyn Content,
    work: impl FnOnce() -> Result<T, Arc<SourceError>> + Send + 'static,
) -> Result<T, Arc<SourceError>> {
    in_place(work, |why| Arc::new(broken_off(&content.describe(), why))).await
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing is left half-done under these locks, so a panic elsewhere does not make the data wrong.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::source::{ErrorKind, Sink};

    /// A content that has one byte more each time it is read, from `len` on.
    struct Growing {
        len: AtomicU64,
        step: u64,
    }

    #[async_trait]
    impl Content for Growing {
        fn describe(&self) -> String {
            "a growing content".into()
        }

        async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
            let len = self.len.fetch_add(self.step, Ordering::SeqCst);
            for _ in 0..len.div_ceil(1000) {
                if sink.push(Bytes::from_static(&[b'x'; 1000])).await.is_err() {
                    break;
                }
            }
            Ok(())
        }
    }

    fn growing(len: u64, step: u64) -> Arc<dyn Content> {
        Arc::new(Growing { len: AtomicU64::new(len), step })
    }

    #[tokio::test]
    async fn a_second_length_for_one_content_is_an_error() {
        let (engine, id, content) = (Engine::new(0), ContentId::of(&[b"g"]), growing(1000, 1000));
        assert_eq!(engine.len(id, &content).await.expect("the first answer counts"), 1000);
        let second = engine.load(id, &content).await;
        assert_eq!(second.err().map(|e| e.kind), Some(ErrorKind::Damaged));
        assert_eq!(engine.len(id, &content).await.expect("what was told stays"), 1000);
    }

    #[tokio::test]
    async fn a_long_content_of_unknown_length_is_read_in_passing() {
        let (engine, id, content) = (Engine::new(40_000), ContentId::of(&[b"g"]), growing(3_000_000, 0));
        assert_eq!(engine.len(id, &content).await.expect("reads"), 3_000_000);
        let reader = engine.open(id, &content).await.expect("opens");
        assert!(matches!(reader, Reader::Streamed(_)));
        assert_eq!(reader.read(2_999_990, 100).await.expect("reads"), &[b'x'; 10][..]);
    }
}
