//! A content too large to hold: read in passing, in segments that the cache may keep or drop.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cache::{Cache, Cached, Key};
use super::report::cannot_read;
use crate::model::content_id::ContentId;
use crate::source::{Content, ErrorKind, Sink, SourceError};

/// Length of a segment; the last one of a content is shorter.
const SEGMENT: u64 = 1 << 20;

/// Pieces that a source may produce ahead of us.
const AHEAD: usize = 4;

/// A run that nobody reads on is ended after this: it may hold a connection, or a file open.
const IDLE: Duration = Duration::from_secs(5);

/// How many readers at different places of one content are served without starting the source again.
const RUNS: usize = 4;

/// A large content of known length. Reading on from where a reader stopped costs nothing extra; going back to
/// what the cache has dropped starts the source again from the beginning.
pub struct Streamed {
    id: ContentId,
    content: Arc<dyn Content>,
    len: u64,
    cache: Arc<Cache>,
    verified: OnceCell<()>,
    /// The longest unused first.
    runs: Arc<Mutex<Vec<Run>>>,
}

/// The source at work, stopped before the segment `next`.
struct Run {
    pieces: mpsc::Receiver<Bytes>,
    task: JoinHandle<Result<(), SourceError>>,
    /// Bytes received that belong to the segment `next` and those after it.
    rest: BytesMut,
    next: u64,
    /// The segment before `next`: the kernel asks for one in several pieces, and the cache may be too small for it.
    last: Bytes,
    used: Instant,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Streamed {
    pub(super) fn new(id: ContentId, content: Arc<dyn Content>, len: u64, cache: Arc<Cache>) -> Self {
        Self { id, content, len, cache, verified: OnceCell::new(), runs: Arc::default() }
    }

    /// Reads all of it once, so that the source's own checks (checksum, length) have passed before
    /// the first byte is handed out.
    pub(super) async fn verify(&self) -> Result<(), Arc<SourceError>> {
        let check = async {
            let mut run = self.start();
            for _ in 0..self.len.div_ceil(SEGMENT) {
                self.advance(&mut run).await?;
            }
            self.finish(run).await
        };
        self.verified.get_or_try_init(|| check).await.map(drop)
    }

    /// Up to `size` bytes from `offset`.
    pub(super) async fn read(&self, offset: u64, size: usize) -> Result<Bytes, Arc<SourceError>> {
        let end = self.len.min(offset.saturating_add(size as u64));
        if offset >= end {
            return Ok(Bytes::new());
        }
        let (first, last) = (offset / SEGMENT, (end - 1) / SEGMENT);
        let within = |segment: u64, bytes: &Bytes| {
            let start = segment * SEGMENT;
            // Both are at most one segment long.
            let from = (offset.max(start) - start) as usize;
            let to = (end.min(start + bytes.len() as u64) - start) as usize;
            bytes.slice(from..to)
        };
        if first == last {
            return Ok(within(first, &self.segment(first).await?));
        }
        let mut joined = BytesMut::with_capacity((end - offset) as usize);
        for segment in first..=last {
            joined.extend_from_slice(&within(segment, &self.segment(segment).await?));
        }
        Ok(joined.freeze())
    }

    async fn segment(&self, wanted: u64) -> Result<Bytes, Arc<SourceError>> {
        let cached = |n| match self.cache.get(&Key::Piece(self.id, n)) {
            Some(Cached::Bytes(bytes)) => Some(bytes),
            _ => None,
        };
        if let Some(bytes) = cached(wanted) {
            return Ok(bytes);
        }
        let mut runs = self.runs.lock().await;
        if let Some(bytes) = cached(wanted).or_else(|| just_read(&runs, wanted)) {
            return Ok(bytes);
        }
        // Taken out, so that a run that fails is not used again.
        let mut run = match nearest_before(&runs, wanted) {
            Some(index) => runs.remove(index),
            None => self.start(),
        };
        while run.next <= wanted {
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

    fn end_idle_runs_later(&self) {
        let runs = self.runs.clone();
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            runs.lock().await.retain(|run| run.used.elapsed() < IDLE);
        });
    }

    fn start(&self) -> Run {
        let (sink, pieces) = Sink::new(AHEAD);
        let content = self.content.clone();
        let task = tokio::spawn(async move { content.read(sink).await });
        Run { pieces, task, rest: BytesMut::new(), next: 0, last: Bytes::new(), used: Instant::now() }
    }

    /// The next segment, which also goes into the cache.
    async fn advance(&self, run: &mut Run) -> Result<Bytes, Arc<SourceError>> {
        // At most one segment.
        let wanted = SEGMENT.min(self.len - run.next * SEGMENT) as usize;
        while run.rest.len() < wanted {
            match run.pieces.recv().await {
                Some(piece) => run.rest.extend_from_slice(&piece),
                None => return Err(self.ended_early(run).await),
            }
        }
        // Copied, so that what the cache counts is what the segment keeps in memory.
        let segment = Bytes::copy_from_slice(&run.rest[..wanted]);
        run.rest.advance(wanted);
        self.cache.put(Key::Piece(self.id, run.next), Cached::Bytes(segment.clone()));
        run.next += 1;
        Ok(segment)
    }

    async fn ended_early(&self, run: &mut Run) -> Arc<SourceError> {
        let outcome = (&mut run.task).await;
        let error = match outcome {
            Ok(Err(error)) => error,
            Ok(Ok(())) => self.wrong_length(),
            Err(join) => self.broken("the reader broke off").because(join),
        };
        cannot_read(&*self.content, &error);
        Arc::new(error)
    }

    /// Waits for the source's own verdict after the last byte.
    async fn finish(&self, mut run: Run) -> Result<(), Arc<SourceError>> {
        let more = !run.rest.is_empty() || run.pieces.recv().await.is_some();
        let verdict = match (&mut run.task).await {
            Ok(Ok(())) if more => Err(self.wrong_length()),
            Ok(outcome) => outcome,
            Err(join) => Err(self.broken("the reader broke off").because(join)),
        };
        verdict.map_err(|error| {
            cannot_read(&*self.content, &error);
            Arc::new(error)
        })
    }

    fn wrong_length(&self) -> SourceError {
        self.broken("the content is not as long as the source states")
    }

    fn broken(&self, what: &str) -> SourceError {
        SourceError::new(ErrorKind::Damaged, self.content.describe(), what)
    }
}

/// The segment, where a run has read it last.
fn just_read(runs: &[Run], wanted: u64) -> Option<Bytes> {
    runs.iter().find(|run| run.next == wanted + 1).map(|run| run.last.clone())
}

/// The run that has the least to read up to the segment.
fn nearest_before(runs: &[Run], wanted: u64) -> Option<usize> {
    let before = runs.iter().enumerate().filter(|(_, run)| run.next <= wanted);
    before.max_by_key(|(_, run)| run.next).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::engine::{Engine, Reader};

    /// Byte `n` of a test content.
    fn byte(n: u64) -> u8 {
        (n % 251) as u8
    }

    /// A content that states one length and produces another, or fails after its last byte.
    struct Made {
        stated: u64,
        real: u64,
        fails: bool,
        starts: AtomicUsize,
    }

    impl Made {
        fn new(stated: u64, real: u64, fails: bool) -> Arc<Self> {
            Arc::new(Self { stated, real, fails, starts: AtomicUsize::new(0) })
        }
    }

    #[async_trait]
    impl Content for Made {
        fn stated_len(&self) -> Option<u64> {
            Some(self.stated)
        }

        fn describe(&self) -> String {
            "a made content".into()
        }

        async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
            self.starts.fetch_add(1, Ordering::SeqCst);
            let mut at = 0;
            while at < self.real {
                let end = self.real.min(at + 100_000);
                if sink.push((at..end).map(byte).collect::<Vec<u8>>().into()).await.is_err() {
                    return Ok(());
                }
                at = end;
            }
            if self.fails {
                Err(SourceError::new(ErrorKind::Damaged, "made", "bad checksum"))
            } else {
                Ok(())
            }
        }
    }

    /// An engine whose cache holds two segments at most.
    fn engine() -> Engine {
        Engine::new(2 * SEGMENT + 4096)
    }

    async fn open(engine: &Engine, made: &Arc<Made>) -> Result<Reader, Arc<SourceError>> {
        let content: Arc<dyn Content> = made.clone();
        engine.open(ContentId::of(&[b"made"]), &content).await
    }

    #[tokio::test]
    async fn any_offset_reads_right_while_the_cache_drops_segments() {
        let len = 5 * SEGMENT + 12_345;
        let (engine, made) = (engine(), Made::new(len, len, false));
        let reader = open(&engine, &made).await.expect("a sound content opens");
        assert!(matches!(reader, Reader::Streamed(_)));
        for offset in [0, 4 * SEGMENT - 7, 17, len - 3, 2 * SEGMENT, len, u64::MAX] {
            let got = reader.read(offset, 3_000_000).await.expect("reads");
            let expected: Vec<u8> = (offset..len.min(offset.saturating_add(3_000_000))).map(byte).collect();
            assert!(got == expected, "at {offset}");
        }
    }

    #[tokio::test]
    async fn reading_on_needs_one_check_and_one_run() {
        let len = 8 * SEGMENT;
        let (engine, made) = (engine(), Made::new(len, len, false));
        let reader = open(&engine, &made).await.expect("a sound content opens");
        let mut at = 0;
        while at < len {
            at += reader.read(at, 128 << 10).await.expect("reads").len() as u64;
        }
        assert_eq!(made.starts.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn readers_far_apart_and_no_cache_at_all_cost_a_run_each() {
        let len = 20 * SEGMENT;
        let (engine, made) = (Engine::new(0), Made::new(len, len, false));
        let reader = open(&engine, &made).await.expect("a sound content opens");
        for step in 0..8 * SEGMENT / (128 << 10) {
            for start in [0, 10 * SEGMENT] {
                let offset = start + step * (128 << 10);
                let got = reader.read(offset, 128 << 10).await.expect("reads");
                assert!(got.iter().zip(offset..).all(|(b, n)| *b == byte(n)), "at {offset}");
            }
        }
        assert!(made.starts.load(Ordering::SeqCst) <= 4, "{:?} starts", made.starts);
    }

    #[tokio::test]
    async fn nothing_is_handed_out_of_a_content_that_fails_its_checks() {
        let len = 3 * SEGMENT;
        for (stated, real, fails) in [(len, len, true), (len, len - 1, false), (len, len + 1, false)] {
            let outcome = open(&engine(), &Made::new(stated, real, fails)).await;
            assert_eq!(outcome.err().map(|e| e.kind), Some(ErrorKind::Damaged), "{stated} {real} {fails}");
        }
    }
}
