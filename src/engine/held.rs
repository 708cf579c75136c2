//! An open content made of segments: those that the cache has dropped are read again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::blocking;
use super::cache::{Cache, Cached, Key};
use super::load::segment_id;
use super::reading::Reading;
use super::report::cannot_read;
use super::version::{Segment, Version};
use crate::content::{Content, ErrorKind, SourceError};
use crate::model::content_id::ContentId;
use crate::model::number::to_usize;
use crate::util::locks::lock;

/// A run that nobody reads on is ended after this: it may hold a connection, or a file open.
const IDLE: Duration = Duration::from_secs(5);

/// How many runs of one content wait to be gone on with while another is started: a server lends three connections to
/// readers of rows, and a run must never wait for one that waits for its reader.
const WAITING: usize = 2;

/// How many segments a run reads that can begin anywhere: on average fewer bytes than the source may be ahead of
/// us, so that its connection is free again soon. One that goes on is followed by another.
const SPAN: usize = 48;

type Outcome<T> = Result<T, Arc<SourceError>>;

/// An open content. Reading on from where a reader stopped costs nothing extra; going back to what the cache
/// has dropped asks the source for it, from the beginning of the content where it cannot begin elsewhere.
pub struct Held {
    id: ContentId,
    content: Content,
    version: Arc<Version>,
    cache: Arc<Cache>,
    /// Held by whoever has the source work: another reader of the same place finds in the cache what that one read.
    turn: tokio::sync::Mutex<()>,
    waiting: Arc<WaitingRuns>,
}

/// Runs that nobody reads now, the longest unused first.
#[derive(Default)]
struct WaitingRuns {
    runs: Mutex<Vec<Run>>,
    /// Whether a task looks after them.
    is_watched: AtomicBool,
}

/// The source at work, stopped before the segment `next`.
struct Run {
    reading: Reading,
    /// Bytes received that belong to the segment `next` and those after it.
    rest: BytesMut,
    next: usize,
    /// The segment before which it ends.
    end: usize,
    /// The segment before `next`: the kernel asks for one in several pieces, and the cache may be too small for it.
    last: Bytes,
    used: Instant,
}

impl Held {
    pub(super) fn new(id: ContentId, content: Content, version: Arc<Version>, cache: Arc<Cache>) -> Self {
        Self { id, content, version, cache, turn: tokio::sync::Mutex::default(), waiting: Arc::default() }
    }

    /// Which segments it is made of.
    pub(super) fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Up to `size` bytes from `offset`.
    pub(super) async fn read(&self, offset: u64, size: usize) -> Outcome<Bytes> {
        // The list of segments must not be dropped before those that it names: to make it anew takes all of them.
        let _ = self.cache.get(&Key::Version(self.id));
        self.bytes(offset, size).await.inspect_err(|error| cannot_read(&*self.content, error))
    }

    async fn bytes(&self, offset: u64, size: usize) -> Outcome<Bytes> {
        let end = self.version.len().min(offset.saturating_add(size as u64));
        let Some((mut number, mut start)) = self.version.at(offset).filter(|_| offset < end) else {
            return Ok(Bytes::new());
        };
        let mut joined = BytesMut::new();
        loop {
            let segment = self.segment(number).await?;
            // Both are at most one segment long.
            let from = to_usize(offset.max(start) - start);
            let to = to_usize(end - start).min(segment.len());
            start += segment.len() as u64;
            if joined.is_empty() && start >= end {
                return Ok(segment.slice(from..to));
            }
            if joined.is_empty() {
                // As much as was asked for, which the kernel bounds.
                joined.reserve(to_usize(end - offset));
            }
            joined.extend_from_slice(&segment[from..to]);
            if start >= end {
                return Ok(joined.freeze());
            }
            number += 1;
        }
    }

    /// The bytes of a segment.
    pub(super) async fn segment(&self, number: usize) -> Outcome<Bytes> {
        let key = Key::Segment(self.version.segment(number).id);
        let cached = || match self.cache.get(&key) {
            Some(Cached::Bytes(bytes)) => Some(bytes),
            _ => None,
        };
        if let Some(bytes) = cached() {
            return Ok(bytes);
        }
        if let Some(bytes) = self.on_disk(number).await? {
            self.cache.put(key, Cached::Bytes(bytes.clone()));
            return Ok(bytes);
        }
        let _turn = self.turn.lock().await;
        if let Some(bytes) = cached().or_else(|| self.waiting.just_read(number)) {
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

    async fn on_disk(&self, number: usize) -> Outcome<Option<Bytes>> {
        if self.cache.disk().is_none() {
            return Ok(None);
        }
        let (cache, id) = (Arc::clone(&self.cache), self.version.segment(number).id);
        // A checksum passed there; the id is that of the bytes themselves.
        let look =
            move || Ok(cache.disk().and_then(|disk| disk.get(&id)).filter(|bytes| segment_id(bytes) == id));
        blocking(&self.content, look).await
    }

    /// Starts the source at a segment, or where it can be started before it.
    fn start(&self, number: usize) -> Run {
        let source = self.content.clone();
        let is_range = number > 0 && self.version.is_ordered() && self.content.versioned().is_some();
        let from = self.version.segment(number).first.clone().filter(|_| is_range);
        let end = if is_range { self.version.count().min(number + SPAN) } else { self.version.count() };
        let to = (end < self.version.count()).then(|| self.version.segment(end).first.clone()).flatten();
        let next = if from.is_some() { number } else { 0 };
        let reading = Reading::start(self.cache.budget(), |sink| async move {
            match (from, source.versioned()) {
                (Some(from), Some(versioned)) => versioned.read_between(&from, to.as_ref(), sink).await,
                _ => source.read(sink).await,
            }
        });
        Run { reading, rest: BytesMut::new(), next, end, last: Bytes::new(), used: Instant::now() }
    }

    /// The next segment, which also goes into the cache. It is held against its hash: what is read again has to be
    /// what was measured and checked.
    async fn advance(&self, run: &mut Run) -> Outcome<Bytes> {
        let segment = self.version.segment(run.next);
        let wanted = segment.len as usize;
        while run.rest.len() < wanted {
            match run.reading.next().await {
                Some(piece) => run.rest.extend_from_slice(&piece),
                None => return Err(self.ended_early(run).await),
            }
        }
        // Copied, so that what the cache counts is what the segment keeps in memory.
        let bytes = Bytes::copy_from_slice(&run.rest.split_to(wanted));
        if !is_segment(segment, &bytes) {
            return Err(Arc::new(self.changed()));
        }
        self.cache.put(Key::Segment(segment.id), Cached::Bytes(bytes.clone()));
        run.next += 1;
        Ok(bytes)
    }

    async fn ended_early(&self, run: &mut Run) -> Arc<SourceError> {
        let reading = std::mem::replace(&mut run.reading, Reading::ended());
        Arc::new(reading.verdict(&*self.content).await.err().unwrap_or_else(|| self.changed()))
    }

    fn changed(&self) -> SourceError {
        let what = "what is read now is not what was read before";
        SourceError::new(ErrorKind::Damaged, self.content.describe(), what)
            .with_hint("The source gave two answers to one question; mount again to ask anew.")
    }
}

fn is_segment(segment: &Segment, bytes: &[u8]) -> bool {
    segment_id(bytes) == segment.id
}

impl WaitingRuns {
    /// The segment, where a run has read it last.
    fn just_read(&self, wanted: usize) -> Option<Bytes> {
        let runs = lock(&self.runs);
        runs.iter().find(|run| run.next == wanted + 1 && !run.last.is_empty()).map(|run| run.last.clone())
    }

    /// The run that has the least to read up to the segment. Where there is none, room is made for a new one.
    fn take_before(&self, wanted: usize) -> Option<Run> {
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

    /// Has a run wait for its reader, but not for ever.
    fn put(self: &Arc<Self>, mut run: Run) {
        run.used = Instant::now();
        lock(&self.runs).push(run);
        if !self.is_watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(end_idle(Arc::downgrade(self)));
        }
    }
}

/// Ends runs that wait for too long, until none is left, or nobody has the content open.
async fn end_idle(waiting: Weak<WaitingRuns>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(waiting) = waiting.upgrade() else { return };
        let mut runs = lock(&waiting.runs);
        runs.retain(|run| run.used.elapsed() < IDLE);
        if runs.is_empty() {
            // Under the lock: whoever puts one more starts another task.
            waiting.is_watched.store(false, Ordering::Release);
            return;
        }
    }
}

#[cfg(test)]
mod tests;
