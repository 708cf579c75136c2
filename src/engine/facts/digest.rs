//! Length, hash and number of rows of a content: found out when asked for, and remembered.
//!
//! Measuring or reading a content does not compute a digest: hashing would make both slower.

use sha2::{Digest as _, Sha256};

use crate::content::shared_load::SharedResult;
use crate::engine::read::Reader;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// Facts about a content that take all of its bytes to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of the bytes (FIPS 180-4).
    pub sha256: [u8; 32],
    /// Number of lines; a last one without a newline counts.
    pub rows: u64,
}

impl Digest {
    pub(crate) async fn of(reader: &Reader) -> SharedResult<Self> {
        let (mut hash, mut len, mut rows, mut last) = (Sha256::new(), 0, 0, b'\n');
        loop {
            let piece = reader.read(len, PIECE).await?;
            let Some(&end) = piece.last() else { break };
            hash.update(&piece);
            len += piece.len() as u64;
            rows += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
            last = end;
        }
        rows += u64::from(last != b'\n');
        Ok(Self { len, sha256: hash.finalize().into(), rows })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use bytes::Bytes;
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::content::{Content, Sink, SourceError, Stream};
    use crate::engine::{Engine, FactsIndex};
    use crate::model::content_id::ContentId;
    use crate::util::clock::WallClock;
    use crate::util::locks::lock;

    /// Lines, and how often they were read.
    struct LineContent {
        text: Bytes,
        reads: AtomicUsize,
        is_immutable_by_id: bool,
    }

    impl LineContent {
        fn new(text: impl Into<Bytes>, is_immutable_by_id: bool) -> Arc<Self> {
            Arc::new(Self { text: text.into(), reads: AtomicUsize::new(0), is_immutable_by_id })
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::SeqCst)
        }
    }

    #[async_trait]
    impl Stream for LineContent {
        fn is_immutable_by_id(&self) -> bool {
            self.is_immutable_by_id
        }

        fn describe(&self) -> String {
            "lines".into()
        }

        async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            for piece in self.text.chunks(70_000) {
                tokio::task::yield_now().await;
                if sink.push(Bytes::copy_from_slice(piece)).await.is_err() {
                    break;
                }
            }
            Ok(())
        }
    }

    async fn digest(engine: &Engine, name: &str, lines: &Arc<LineContent>) -> Digest {
        let content = Content::Stream(lines.clone());
        engine.digest(ContentId::of(&[name.as_bytes()]), &content).await.expect("it can be read")
    }

    fn hex(digest: &Digest) -> String {
        HEXLOWER.encode(&digest.sha256)
    }

    #[tokio::test]
    async fn digests_are_those_of_sha256sum_and_wc() {
        let engine = Engine::new(1 << 20);
        // The expected values come from coreutils.
        for (name, text, sha256, rows) in [
            ("empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0),
            ("two", "{}\n{}\n", "3b00ba5361676a0a8152642a6edaf54a222bd409b5774b5b461ac8d1cee09cb4", 2),
            ("open", "a\nb", "7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78", 2),
        ] {
            let found = digest(&engine, name, &LineContent::new(text, true)).await;
            assert_eq!((found.len, found.rows), (text.len() as u64, rows), "{name}");
            assert_eq!(hex(&found), sha256, "{name}");
        }
    }

    #[tokio::test]
    async fn a_content_is_read_once_however_many_ask_and_whether_or_not_it_fits() {
        // 6.5 MB, which the small engine cannot keep: it reads them in passing.
        let text = "a line of sixty-four bytes, whose number of them is a power of 2\n".repeat(100_000);
        for (memory, reads) in [(64 << 20, 1), (1 << 20, 3)] {
            let engine = Engine::new(memory);
            let lines = LineContent::new(text.clone(), false);
            let asked = (0..8).map(|_| digest(&engine, "many", &lines));
            let found = futures_util::future::join_all(asked).await;
            assert!(found.iter().all(|d| d.rows == 100_000 && d.len == text.len() as u64), "{found:?}");
            assert!(found.iter().all(|d| *d == found[0]));
            assert!(lines.reads() <= reads, "{} reads with {memory} bytes", lines.reads());
        }
    }

    #[tokio::test]
    async fn the_next_engine_knows_what_is_immutable_by_id() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, is_immutable_by_id, reads) in [("kept", true, 1), ("read again", false, 2)] {
            let lines = LineContent::new("{\"id\":1}\n", is_immutable_by_id);
            for _ in 0..2 {
                let mut engine = Engine::new(1 << 20);
                engine
                    .use_index(FactsIndex::in_folder(folder.path(), &WallClock::system()))
                    .expect("the folder is ours");
                assert_eq!(digest(&engine, name, &lines).await.rows, 1);
                engine.save().expect("the folder is ours");
            }
            assert_eq!(lines.reads(), reads, "{name}");
        }
    }

    #[tokio::test]
    async fn a_digest_of_another_length_is_made_anew() {
        let engine = Engine::new(1 << 20);
        let wrong = Digest { len: 3, sha256: [1; 32], rows: 7 };
        lock(&engine.digests).recall([(ContentId::of(&[b"wrong"]), wrong)]);
        let (lines, content) = (LineContent::new("a\nb\n", true), LineContent::new("a\nb\n", true));
        let content = Content::Stream(content);
        engine.len(ContentId::of(&[b"wrong"]), &content).await.expect("it can be read");
        let found = digest(&engine, "wrong", &lines).await;
        assert_eq!((found.len, found.rows), (4, 2));
    }
}
