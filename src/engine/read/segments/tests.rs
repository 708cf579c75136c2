use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::content::{Sink, Stream};
use crate::engine::{Engine, Reader};
use crate::model::content_id::ContentId;

const MIB: u64 = 1 << 20;

/// Byte `n` of a test content: lines of 251 bytes.
fn byte(n: u64) -> u8 {
    match n % 251 {
        250 => b'\n',
        // No two lines are the same.
        other => 0x80 | ((n / 251).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (other % 57)) as u8,
    }
}

/// A content that may state one length and produce another, fail after its last byte, or change.
#[derive(Default)]
struct Made {
    stated: Option<u64>,
    real: u64,
    fails: bool,
    changes: bool,
    starts: AtomicUsize,
}

#[async_trait]
impl Stream for Made {
    fn stated_len(&self) -> Option<u64> {
        self.stated
    }

    fn describe(&self) -> String {
        "a made content".into()
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let starts = self.starts.fetch_add(1, Ordering::SeqCst);
        let moved = if self.changes && starts > 0 { 1 } else { 0 };
        let mut at = 0;
        while at < self.real {
            let end = self.real.min(at + 100_000);
            let piece: Vec<u8> = (at..end).map(|n| byte(n + moved)).collect();
            if sink.push(piece.into()).await.is_err() {
                return Ok(());
            }
            at = end;
        }
        match self.fails {
            true => Err(SourceError::new(ErrorKind::Damaged, "made", "bad checksum")),
            false => Ok(()),
        }
    }
}

async fn open(engine: &Engine, made: &Arc<Made>) -> Result<Reader, Arc<SourceError>> {
    let content = Content::Stream(made.clone());
    engine.open(ContentId::of(&[b"made"]), &content).await
}

#[tokio::test]
async fn any_offset_reads_right_while_the_cache_drops_segments() {
    let len = 5 * MIB + 12_345;
    for cache in [0, 300_000, 100 * MIB] {
        let made = Arc::new(Made { real: len, ..Made::default() });
        let reader = open(&Engine::new(cache), &made).await.expect("a sound content opens");
        for offset in [0, 4 * MIB - 7, 17, len - 3, 2 * MIB, len, u64::MAX] {
            let got = reader.read(offset, 3_000_000).await.expect("reads");
            let expected: Vec<u8> = (offset..len.min(offset.saturating_add(3_000_000))).map(byte).collect();
            assert!(got == expected, "at {offset} with a cache of {cache}");
        }
    }
}

#[tokio::test]
async fn reading_on_needs_one_check_and_one_run() {
    let made = Arc::new(Made { real: 8 * MIB, ..Made::default() });
    let engine = Engine::new(MIB);
    let reader = open(&engine, &made).await.expect("a sound content opens");
    let mut at = 0;
    while at < made.real {
        at += reader.read(at, 128 << 10).await.expect("reads").len() as u64;
    }
    assert_eq!(made.starts.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn readers_far_apart_and_no_cache_at_all_cost_a_run_each() {
    let made = Arc::new(Made { real: 20 * MIB, ..Made::default() });
    let engine = Engine::new(0);
    let reader = open(&engine, &made).await.expect("a sound content opens");
    for step in 0..8 * MIB / (128 << 10) {
        for start in [0, 10 * MIB] {
            let offset = start + step * (128 << 10);
            let got = reader.read(offset, 128 << 10).await.expect("reads");
            assert!(got.iter().zip(offset..).all(|(b, n)| *b == byte(n)), "at {offset}");
        }
    }
    assert!(made.starts.load(Ordering::SeqCst) <= 4, "{:?} starts", made.starts);
}

#[tokio::test]
async fn nothing_is_handed_out_of_a_content_that_fails_its_checks() {
    let made = |stated, real, fails| Arc::new(Made { stated: Some(stated), real, fails, ..Made::default() });
    for made in [made(MIB, MIB, true), made(MIB, MIB - 1, false), made(MIB, MIB + 1, false)] {
        let outcome = open(&Engine::new(300_000), &made).await;
        assert_eq!(outcome.err().map(|e| e.kind), Some(ErrorKind::Damaged));
    }
}

#[tokio::test]
async fn what_reads_otherwise_the_second_time_is_an_error() {
    let made = Arc::new(Made { real: MIB, changes: true, ..Made::default() });
    let engine = Engine::new(0);
    let reader = open(&engine, &made).await.expect("it is sound the first time");
    let error = reader.read(0, 1000).await.expect_err("its bytes have changed");
    assert_eq!(error.kind, ErrorKind::Damaged);
}
