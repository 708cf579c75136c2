//! An open content made of segments: those that the cache has dropped are read again.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::blocking;
use super::cache::{Cache, Cached, Key};
use super::load::segment_id;
use super::reading::Reading;
use super::report::cannot_read;
use super::version::{Segment, Version};
use crate::source::{Content, ErrorKind, SourceError};

/// A run that nobody reads on is ended after this: it may hold a connection, or a file open.
const IDLE: Duration = Duration::from_secs(5);

/// How many readers at different places of one content are served without starting the source again.
const RUNS: usize = 4;

/// How many segments a run reads that can begin anywhere: some MiB. One that goes on is followed by another.
const SPAN: usize = 256;

type Outcome<T> = Result<T, Arc<SourceError>>;

/// An open content. Reading on from where a reader stopped costs nothing extra; going back to what the cache
/// has dropped asks the source for it, from the beginning of the content where it cannot begin elsewhere.
pub struct Held {
    content: Arc<dyn Content>,
    version: Arc<Version>,
    cache: Arc<Cache>,
    /// The longest unused first.
    runs: Arc<Mutex<Vec<Run>>>,
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
    pub(super) fn new(content: Arc<dyn Content>, version: Arc<Version>, cache: Arc<Cache>) -> Self {
        Self { content, version, cache, runs: Arc::default() }
    }

    /// Which segments it is made of.
    pub(super) fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Up to `size` bytes from `offset`.
    pub(super) async fn read(&self, offset: u64, size: usize) -> Outcome<Bytes> {
        let end = self.version.len().min(offset.saturating_add(size as u64));
        let Some((mut number, mut start)) = self.version.at(offset).filter(|_| offset < end) else {
            return Ok(Bytes::new());
        };
        let mut joined = BytesMut::new();
        loop {
            let segment = self.segment(number).await?;
            // Both are at most one segment long.
            let from = (offset.max(start) - start) as usize;
            let to = (end - start).min(segment.len() as u64) as usize;
            start += segment.len() as u64;
            if joined.is_empty() && start >= end {
                return Ok(segment.slice(from..to));
            }
            if joined.is_empty() {
                // As much as was asked for, which the kernel bounds.
                joined.reserve((end - offset) as usize);
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
        let mut runs = self.runs.lock().await;
        if let Some(bytes) = cached().or_else(|| just_read(&runs, number)) {
            return Ok(bytes);
        }
        // Taken out, so that a run that fails is not used again.
        let mut run = match nearest_before(&runs, number) {
            Some(index) => runs.remove(index),
            None => self.start(number),
        };
        while run.next <= number {
            run.last = self.advance(&mut run).await?;
        }
        let bytes = run.last.clone();
        if runs.len() == RUNS {
            runs.remove(0);
        }
        run.used = Instant::now();
        runs.push(run);
        self.end_idle_runs_later();
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
        blocking(&*self.content, look).await
    }

    fn end_idle_runs_later(&self) {
        let runs = self.runs.clone();
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            runs.lock().await.retain(|run| run.used.elapsed() < IDLE);
        });
    }

    /// Starts the source at a segment, or where it can be started before it.
    fn start(&self, number: usize) -> Run {
        let source = Arc::clone(&self.content);
        let (reading, next, end) = match self.version.segment(number).first.clone() {
            Some(from) if number > 0 && self.version.is_ordered() => {
                let end = self.version.count().min(number + SPAN);
                let to = (end < self.version.count()).then(|| self.version.segment(end).first.clone());
                let to = to.flatten();
                let reading = Reading::start(|sink| async move {
                    match source.versioned() {
                        Some(versioned) => versioned.read_between(&from, to.as_ref(), sink).await,
                        None => Ok(()),
                    }
                });
                (reading, number, end)
            }
            _ => {
                let reading = Reading::start(|sink| async move { source.read(sink).await });
                (reading, 0, self.version.count())
            }
        };
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
            return Err(self.failed(self.changed()));
        }
        self.cache.put(Key::Segment(segment.id), Cached::Bytes(bytes.clone()));
        run.next += 1;
        Ok(bytes)
    }

    async fn ended_early(&self, run: &mut Run) -> Arc<SourceError> {
        let nothing = Reading::start(|_| std::future::ready(Ok(())));
        let reading = std::mem::replace(&mut run.reading, nothing);
        let error = reading.verdict(&*self.content).await.err().unwrap_or_else(|| self.changed());
        self.failed(error)
    }

    fn changed(&self) -> SourceError {
        let what = "what is read now is not what was read before";
        SourceError::new(ErrorKind::Damaged, self.content.describe(), what)
            .with_hint("The source gave two answers to one question; mount again to ask anew.")
    }

    fn failed(&self, error: SourceError) -> Arc<SourceError> {
        cannot_read(&*self.content, &error);
        Arc::new(error)
    }
}

fn is_segment(segment: &Segment, bytes: &[u8]) -> bool {
    segment_id(bytes) == segment.id
}

/// The segment, where a run has read it last.
fn just_read(runs: &[Run], wanted: usize) -> Option<Bytes> {
    runs.iter().find(|run| run.next == wanted + 1 && !run.last.is_empty()).map(|run| run.last.clone())
}

/// The run that has the least to read up to the segment.
fn nearest_before(runs: &[Run], wanted: usize) -> Option<usize> {
    let before = runs.iter().enumerate().filter(|(_, run)| run.next <= wanted && wanted < run.end);
    before.max_by_key(|(_, run)| run.next).map(|(index, _)| index)
}

#[cfg(test)]
mod tests;
