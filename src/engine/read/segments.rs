//! Reads a streamed content. Segments that the cache has dropped are read from the stream again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::joined;
use super::source_read::SourceRead;
use crate::content::shared_load::SharedResult;
use crate::content::{Content, ErrorKind, SourceError};
use crate::engine::pages::SegmentList;
use crate::engine::pages::builder::segment_id;
use crate::engine::pages::cache::{Cache, CacheKey, Cached};
use crate::model::content_id::ContentId;
use crate::model::number::to_usize;
use crate::util::locks::lock;

/// A run that no reader continues is ended after this time, because it may hold a connection or an open file.
const IDLE: Duration = Duration::from_secs(5);

/// How many runs of one content wait to be continued while another one is started. A server lends three connections to
/// readers of rows, and a run must never wait for the connection of a run that waits for its reader.
const WAITING: usize = 2;

/// How many segments a run reads if it can begin anywhere. On average they have fewer bytes than the source may be
/// ahead of the reader, so the run's connection is soon free again. A reader that goes on starts another run.
const SPAN: usize = 48;

/// An open content. Continuing where a reader stopped costs nothing extra. Going back to segments that the cache has
/// dropped asks the source for them: from the beginning of the content if the source cannot begin elsewhere.
pub(crate) struct SegmentReader {
    id: ContentId,
    content: Content,
    list: Arc<SegmentList>,
    cache: Arc<Cache>,
    /// Locked by the reader that makes the source work, so that another reader of the same segment then finds it in the
    /// cache.
    turn: tokio::sync::Mutex<()>,
    waiting: Arc<WaitingRuns>,
}

/// Runs that no reader continues now, the longest unused first.
#[derive(Default)]
struct WaitingRuns {
    runs: Mutex<Vec<StreamRun>>,
    /// Whether a task ends those that are idle.
    is_watched: AtomicBool,
}

/// A read of the source, stopped before the segment `next`.
struct StreamRun {
    reading: SourceRead,
    /// Bytes received that belong to the segment `next` and those after it.
    rest: BytesMut,
    next: usize,
    end: usize,
    /// The segment before `next`. Kept because the kernel asks for a segment in several pieces, and the cache may be
    /// too small for it.
    last: Bytes,
    used: Instant,
}

impl SegmentReader {
    pub fn new(id: ContentId, content: &Content, list: Arc<SegmentList>, cache: &Arc<Cache>) -> Self {
        let (content, cache) = (content.clone(), Arc::clone(cache));
        Self { id, content, list, cache, turn: tokio::sync::Mutex::default(), waiting: Arc::default() }
    }

    pub fn list(&self) -> &SegmentList {
        &self.list
    }

    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it.
    pub async fn read(&self, offset: u64, size: usize) -> SharedResult<Bytes> {
        // Marks the list as used: it must not be dropped before its segments, because making it again takes all of
        // them.
        let _ = self.cache.list(self.id);
        let end = self.list.len().min(offset.saturating_add(size as u64));
        let Some((mut number, mut start)) = self.list.at(offset).filter(|_| offset < end) else {
            return Ok(Bytes::new());
        };
        let mut pieces = Vec::new();
        while start < end {
            let segment = self.segment(number).await?;
            // Both are at most one segment long.
            let from = to_usize(offset.max(start) - start);
            let to = to_usize(end - start).min(segment.len());
            pieces.push(segment.slice(from..to));
            start += segment.len() as u64;
            number += 1;
        }
        Ok(joined(pieces))
    }

    pub async fn segment(&self, number: usize) -> SharedResult<Bytes> {
        let id = self.list.segment(number).id;
        if let Some(bytes) = self.cache.segment(id) {
            return Ok(bytes);
        }
        let _turn = self.turn.lock().await;
        if let Some(bytes) = self.cache.segment(id).or_else(|| self.waiting.just_read(number)) {
            return Ok(bytes);
        }
        // Taken out, so that a run that fails is not used again.
        let mut run = match self.waiting.take_before(number) {
            Some(run) => run,
            None => self.start(number),
        };
        while run.next <= number {
            run.last = self.advance(&mut run).await?;
        }
        let bytes = run.last.clone();
        self.waiting.put(run);
        Ok(bytes)
    }

    /// Starts the source at a segment, or at the beginning of the content if it cannot start at the segment.
    fn start(&self, number: usize) -> StreamRun {
        let source = self.content.clone();
        let is_range = number > 0 && self.list.is_ordered() && self.content.versioned().is_some();
        let from = self.list.segment(number).first.clone().filter(|_| is_range);
        let end = if is_range { self.list.count().min(number + SPAN) } else { self.list.count() };
        let to = (end < self.list.count()).then(|| self.list.segment(end).first.clone()).flatten();
        let next = if from.is_some() { number } else { 0 };
        let reading = SourceRead::start(self.cache.budget(), |sink| async move {
            match (from, source.versioned()) {
                (Some(from), Some(versioned)) => versioned.read_between(&from, to.as_ref(), sink).await,
                _ => source.read(sink).await,
            }
        });
        StreamRun { reading, rest: BytesMut::new(), next, end, last: Bytes::new(), used: Instant::now() }
    }

    /// The next segment, which also goes into the cache. It is checked against its hash, because it has to be the one
    /// that was read and checked before.
    async fn advance(&self, run: &mut StreamRun) -> SharedResult<Bytes> {
        let segment = self.list.segment(run.next);
        let wanted = segment.len as usize;
        while run.rest.len() < wanted {
            match run.reading.next().await {
                Some(piece) => run.rest.extend_from_slice(&piece),
                None => return Err(self.ended_early(run).await),
            }
        }
        // Copied, so that what the cache counts is what the segment keeps in memory.
        let bytes = Bytes::copy_from_slice(&run.rest.split_to(wanted));
        if segment_id(&bytes) != segment.id {
            return Err(Arc::new(self.changed()));
        }
        self.cache.put(CacheKey::Segment(segment.id), Cached::Lines(bytes.clone()));
        run.next += 1;
        Ok(bytes)
    }

    async fn ended_early(&self, run: &mut StreamRun) -> Arc<SourceError> {
        Arc::new(run.reading.verdict(&*self.content).await.err().unwrap_or_else(|| self.changed()))
    }

    fn changed(&self) -> SourceError {
        let what = "what is read now is not what was read before";
        SourceError::new(ErrorKind::Damaged, self.content.describe(), what)
            .with_hint("The source gave two answers to one question; mount again to ask it again.")
    }
}

impl WaitingRuns {
    /// The segment, if it is the last one that a waiting run has read.
    fn just_read(&self, wanted: usize) -> Option<Bytes> {
        let runs = lock(&self.runs);
        runs.iter().find(|run| run.next == wanted + 1 && !run.last.is_empty()).map(|run| run.last.clone())
    }

    /// Takes the run that has the least left to read up to the segment. If there is none, makes room for a new run.
    fn take_before(&self, wanted: usize) -> Option<StreamRun> {
        let mut runs = lock(&self.runs);
        let before = runs.iter().enumerate().filter(|(_, run)| run.next <= wanted && wanted < run.end);
        match before.max_by_key(|(_, run)| run.next).map(|(index, _)| index) {
            Some(index) => Some(runs.remove(index)),
            None => {
                let too_many = runs.len().saturating_sub(WAITING);
                runs.drain(..too_many);
                None
            }
        }
    }

    fn put(self: &Arc<Self>, mut run: StreamRun) {
        run.used = Instant::now();
        lock(&self.runs).push(run);
        if !self.is_watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(end_idle(Arc::downgrade(self)));
        }
    }
}

/// Ends runs that wait for too long, until none is left or the content is closed.
async fn end_idle(waiting: Weak<WaitingRuns>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(waiting) = waiting.upgrade() else { return };
        let mut runs = lock(&waiting.runs);
        runs.retain(|run| run.used.elapsed() < IDLE);
        if runs.is_empty() {
            // Cleared under the lock, so that the next run that is put starts another task.
            waiting.is_watched.store(false, Ordering::Release);
            return;
        }
    }
}

#[cfg(test)]
mod tests;
