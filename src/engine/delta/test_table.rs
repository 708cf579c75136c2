//! A table whose versions are in memory. It counts what it is asked for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use crate::content::versioned::{ChangeBatch, ChangeSink, Family, LengthDelta, LineChange, Versioned};
use crate::content::{Content, ErrorKind, Sink, SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::{KeyColumn, KeyKind, KeyOrder, LineKey};
use crate::util::locks::lock;

pub(super) type TestRows = BTreeMap<u64, String>;

/// A table and what its server was asked.
#[derive(Default)]
pub(super) struct TestTable {
    pub(super) versions: Mutex<Vec<TestRows>>,
    /// Whether the changes and lengths that it reports are wrong.
    pub(super) lies: bool,
    /// Whether it is read from a server, and whether that server is stopped.
    pub(super) is_remote: bool,
    pub(super) is_stopped: bool,
    /// Whether it does not say what its versions have in common, and whether it does not answer for length deltas.
    pub(super) is_silent: AtomicBool,
    pub(super) is_down: AtomicBool,
    pub(super) whole_reads: AtomicUsize,
    pub(super) ranges: AtomicUsize,
    pub(super) changes: AtomicUsize,
    /// The greatest distance of a version from the one that it was made from.
    pub(super) farthest: AtomicUsize,
}

/// One version of it.
struct TestVersion {
    table: Arc<TestTable>,
    number: usize,
    name: String,
}

pub(super) fn line(key: u64, text: &str) -> Bytes {
    format!("{{\"id\":{key},\"text\":\"{text}\"}}\n").into()
}

fn order() -> KeyOrder {
    KeyOrder::new(vec![KeyColumn { place: 0, kind: KeyKind::Integer }]).expect("one column")
}

pub(super) fn id(number: usize) -> ContentId {
    ContentId::of(&[b"table", &number.to_le_bytes()])
}

impl TestTable {
    pub(super) fn content(self: &Arc<Self>, number: usize) -> Content {
        let (table, name) = (Arc::clone(self), number.to_string());
        Content::Versioned(Arc::new(TestVersion { table, number, name }))
    }

    pub(super) fn bytes(&self, number: usize) -> Vec<u8> {
        let lines =
            lock(&self.versions)[number].iter().map(|(key, text)| line(*key, text)).collect::<Vec<_>>();
        lines.concat()
    }

    pub(super) fn between(&self, a: usize, b: usize) -> Vec<LineChange> {
        let versions = lock(&self.versions);
        let (a, b) = (&versions[a], &versions[b]);
        let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        let side = |rows: &TestRows, key: u64| rows.get(&key).map(|text| line(key, text));
        let changes = keys.into_iter().map(|key| LineChange { from: side(a, *key), to: side(b, *key) });
        changes.filter(|change| change.from != change.to).collect()
    }
}

#[async_trait]
impl Stream for TestVersion {
    fn is_immutable_by_id(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("version {}", self.number)
    }

    fn received(&self) -> Option<u64> {
        self.table.is_remote.then_some(0)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        if self.table.is_stopped {
            return std::future::pending().await;
        }
        self.table.whole_reads.fetch_add(1, Ordering::SeqCst);
        for piece in self.table.bytes(self.number).chunks(10_000) {
            if sink.push(Bytes::copy_from_slice(piece)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Versioned for TestVersion {
    async fn family(&self) -> Result<Arc<Family>, SourceError> {
        if self.table.is_silent.load(Ordering::SeqCst) {
            return Err(SourceError::new(ErrorKind::Unsupported, "a table", "cannot say"));
        }
        Ok(Arc::new(Family { id: ContentId::of(&[b"family"]), order: Some(order()) }))
    }

    fn known_family(&self) -> Option<Arc<Family>> {
        (!self.table.is_silent.load(Ordering::SeqCst))
            .then(|| Arc::new(Family { id: ContentId::of(&[b"family"]), order: Some(order()) }))
    }

    fn version(&self) -> &str {
        &self.name
    }

    fn distance(&self, version: &str) -> Option<u32> {
        let other: usize = version.parse().expect("our own");
        u32::try_from(other.abs_diff(self.number)).ok()
    }

    async fn read_between(
        &self,
        from: &LineKey,
        to: Option<&LineKey>,
        mut sink: Sink,
    ) -> Result<(), SourceError> {
        self.table.ranges.fetch_add(1, Ordering::SeqCst);
        let order = order();
        let rows = lock(&self.table.versions)[self.number].clone();
        for (key, text) in rows {
            let line = line(key, &text);
            let at = order.key_of(&line).expect("it is a line");
            let is_within = at >= *from && to.is_none_or(|to| at < *to);
            if is_within && sink.push(line).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn push_changes(&self, version: &str, limit: u64, sink: ChangeSink) -> Result<bool, SourceError> {
        self.table.changes.fetch_add(1, Ordering::SeqCst);
        let distance = self.distance(version).expect("it is near") as usize;
        self.table.farthest.fetch_max(distance, Ordering::SeqCst);
        let mut changes = self.table.between(version.parse().expect("our own"), self.number);
        if changes.iter().map(LineChange::bytes).sum::<u64>() > limit {
            return Ok(false);
        }
        if self.table.lies {
            changes.push(LineChange { from: Some(line(1 << 40, "never there")), to: None });
        }
        let mut batch = ChangeBatch::default();
        changes.into_iter().for_each(|change| batch.add(change));
        let _ = sink.push(&mut batch).await;
        Ok(true)
    }

    async fn length_deltas(
        &self,
        count: usize,
        most_changes: Option<u64>,
    ) -> Result<Vec<LengthDelta>, SourceError> {
        if self.table.is_down.load(Ordering::SeqCst) {
            return Err(SourceError::new(ErrorKind::TimedOut, "a table", "does not answer"));
        }
        let all = lock(&self.table.versions).len();
        let first = self.number.saturating_sub(1);
        let step = |number: usize| {
            let len = |line: &Option<Bytes>| line.as_ref().map_or(0, |line| line.len() as u64);
            let changes = self.table.between(number, number + 1);
            LengthDelta {
                from: id(number),
                to: id(number + 1),
                content: self.table.content(number + 1),
                added: changes.iter().map(|change| len(&change.to)).sum::<u64>() + u64::from(self.table.lies),
                removed: changes.iter().map(|change| len(&change.from)).sum(),
                changes,
            }
        };
        let mut left = most_changes;
        let steps = (first..all - 1).take(count).map(step).map_while(|mut step| {
            let Some(left) = &mut left else {
                step.changes.clear();
                return Some(step);
            };
            if self.table.lies {
                step.changes.push(LineChange { from: Some(line(1 << 40, "never there")), to: None });
            }
            *left = left.checked_sub(step.changes.iter().map(LineChange::bytes).sum())?;
            Some(step)
        });
        Ok(steps.collect())
    }
}

fn text(seed: u64, len: usize) -> String {
    format!("{seed:016x}").repeat(len / 16 + 1)
}

/// Versions that each differ from the one before by some rows.
pub(super) fn history(rows: u64, edits: &[Vec<(u64, usize)>]) -> Arc<TestTable> {
    let mut now: TestRows = (0..rows).map(|key| (key * 10, text(key, (key % 90) as usize * 10))).collect();
    let mut versions = vec![now.clone()];
    for (version, edits) in edits.iter().enumerate() {
        for (key, len) in edits {
            match len {
                0 => drop(now.remove(key)),
                len => drop(now.insert(*key, text(version as u64, *len))),
            }
        }
        versions.push(now.clone());
    }
    Arc::new(TestTable { versions: Mutex::new(versions), ..TestTable::default() })
}
