//! Compares what versions of tables say of each other with full reads of each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use asof::content::versioned::{Family, LineChange, Versioned};
use asof::content::{FileEntry, Sink, SourceError};
use asof::engine::Engine;
use asof::model::content_id::ContentId;
use asof::model::jsonl::line_key::{KeyOrder, LineKey};
use asof::source::Database;

use crate::support::random::Random;
use crate::support::{bytes, database, files, reading, wait};

/// Bytes of cache of the engines: nothing is kept, a segment or two of a small table or of a large one, all.
const CACHES: [u64; 4] = [0, 8_000, 200_000, 64 << 20];

/// A version of a table, read whole.
struct Version {
    entry: FileEntry,
    family: Arc<Family>,
    text: Vec<u8>,
}

/// What was seen to hold, so that a test can say that it checked anything.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Versions of tables whose order is known.
    pub ordered: usize,
    /// Pairs of versions of one family that were told from each other.
    pub told: usize,
    /// Pairs that were not.
    pub untold: usize,
    /// Ranges of rows.
    pub ranges: usize,
    /// Different steps between versions.
    pub steps: usize,
    /// Versions.
    pub versions: usize,
    /// Families.
    pub families: usize,
}

/// Checks all versions of the tables of a database; what was seen, by file.
#[track_caller]
pub fn check(url: &str, seed: u64) -> BTreeMap<Arc<str>, Seen> {
    let database = database(url);
    let versions = versions(&database);
    let mut random = Random::new(seed);
    let mut all = BTreeMap::<Arc<str>, Seen>::new();
    let lens: HashMap<_, _> = versions.values().flatten().map(|v| (v.entry.id, &v.text)).collect();
    for (path, versions) in &versions {
        let seen = all.entry(Arc::clone(path)).or_default();
        let mut families = BTreeMap::<String, Vec<&Version>>::new();
        for version in versions {
            families.entry(format!("{:?}", version.family.id)).or_default().push(version);
            if let Some(order) = &version.family.order {
                keys_ascend(order, version);
                seen.ordered += 1;
            }
        }
        seen.families = families.len();
        seen.versions = versions.len();
        for family in families.values() {
            seen.ranges += ranges(family, &mut random);
            changes(family, &mut random, seen);
        }
        seen.steps = steps(versions, &lens);
        steps_with_changes(versions, &mut random);
    }
    for cache in CACHES {
        engine_agrees(cache, &versions, &mut random);
    }
    all
}

/// An engine that has one version from another gives the same as a full read, while its cache keeps nothing, drops
/// segments all the time, or keeps all: measured first in one walk over all versions and then read in any order, or
/// the other way round.
fn engine_agrees(cache: u64, versions: &BTreeMap<Arc<str>, Vec<Version>>, random: &mut Random) {
    let engine = Engine::new(cache);
    let all: Vec<_> = versions.values().flatten().collect();
    let is_measured_first = random.below(2) == 0;
    let measure = || {
        for version in &all {
            let len = wait(engine.len(version.entry.id, &version.entry.content));
            let len = len.unwrap_or_else(|error| panic!("{}", error.chain()));
            assert_eq!(len, version.text.len() as u64, "{} with a cache of {cache}", what(version));
        }
    };
    if is_measured_first {
        measure();
    }
    for _ in 0..all.len() * 2 {
        let version = *random.one_of(&all);
        let read = wait(reading::by_engine(&engine, version.entry.id, &version.entry.content));
        let read = read.unwrap_or_else(|error| panic!("{}", error.chain()));
        assert!(read == version.text, "{} with a cache of {cache}", what(version));
    }
    measure();
}

/// All versions of tables, by file.
fn versions(database: &Arc<dyn Database>) -> BTreeMap<Arc<str>, Vec<Version>> {
    let history = database.history();
    let mut versions = BTreeMap::<_, Vec<Version>>::new();
    for commit in history.timeline.iter().chain(&history.off_timeline) {
        for entry in files(database, &commit.id).iter() {
            let of_file = versions.entry(Arc::clone(&entry.path)).or_default();
            if of_file.iter().any(|version| version.entry.id == entry.id) {
                continue;
            }
            let Some(versioned) = entry.content.versioned() else { continue };
            let family = wait(versioned.family()).unwrap_or_else(|error| panic!("{}", error.chain()));
            let text = bytes(&entry.content).unwrap_or_else(|error| panic!("{}", error.chain()));
            of_file.push(Version { entry: entry.clone(), family, text });
        }
    }
    versions.retain(|_, versions| !versions.is_empty());
    versions
}

fn versioned(version: &Version) -> &dyn Versioned {
    version.entry.content.versioned().expect("only such contents were taken")
}

fn what(version: &Version) -> String {
    version.entry.content.describe()
}

/// The lines, each with its line feed.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').collect()
}

fn key(order: &KeyOrder, line: &[u8]) -> LineKey {
    let key = order.key_of(line);
    key.unwrap_or_else(|| panic!("no key in {}", String::from_utf8_lossy(line)))
}

fn keys_ascend(order: &KeyOrder, version: &Version) {
    let keys: Vec<_> = lines(&version.text).into_iter().map(|line| (key(order, line), line)).collect();
    for pair in keys.windows(2) {
        let texts = [pair[0].1, pair[1].1].map(String::from_utf8_lossy);
        assert!(pair[0].0 < pair[1].0, "{}: {texts:?}", what(version));
    }
}

/// Rows of each version between keys of any of them; how many ranges there were.
fn ranges(family: &[&Version], random: &mut Random) -> usize {
    let Some(order) = &family[0].family.order else { return 0 };
    let all = family.iter().flat_map(|version| lines(&version.text)).map(|line| key(order, line));
    let all: Vec<_> = all.collect();
    if all.is_empty() {
        return 0;
    }
    for version in family {
        for _ in 0..4 {
            let (from, to) = (random.one_of(&all), random.one_of(&all));
            range(order, version, from, (random.below(4) > 0).then_some(to));
        }
    }
    family.len() * 4
}

fn range(order: &KeyOrder, version: &Version, from: &LineKey, to: Option<&LineKey>) {
    let got = read(|sink| versioned(version).read_between(from, to, sink));
    let got = got.unwrap_or_else(|error| panic!("{}", error.chain()));
    let is_within = |line: &&[u8]| {
        let key = key(order, line);
        key >= *from && to.is_none_or(|to| key < *to)
    };
    let expected = lines(&version.text).into_iter().filter(is_within).collect::<Vec<_>>().concat();
    let texts = [&got, &expected].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(got == expected, "{} from {from:?} to {to:?}:\n{texts:#?}", what(version));
}

/// What is pushed into a sink.
fn read<R>(start: impl FnOnce(Sink) -> R) -> Result<Vec<u8>, SourceError>
where
    R: Future<Output = Result<(), SourceError>>,
{
    let (sink, mut pieces) = Sink::new(2);
    let reading = start(sink);
    wait(async {
        let mut all = Vec::new();
        let collecting = async {
            while let Some(piece) = pieces.recv().await {
                all.extend_from_slice(&piece);
            }
        };
        let (read, ()) = tokio::join!(reading, collecting);
        read.map(|()| all)
    })
}

/// Neighbours and random pairs of one family.
fn changes(family: &[&Version], random: &mut Random, seen: &mut Seen) {
    let mut pairs: Vec<_> =
        family.windows(2).flat_map(|pair| [[pair[0], pair[1]], [pair[1], pair[0]]]).collect();
    for _ in 0..family.len() {
        let mut one = || *random.one_of(family);
        pairs.push([one(), one()]);
    }
    for [from, to] in pairs {
        distance(from, to);
        let changes = |limit| wait(versioned(to).changes_since(versioned(from).version(), limit));
        let told = changes(u64::MAX).unwrap_or_else(|error| panic!("{}", error.chain()));
        let Some(told) = told else {
            seen.untold += 1;
            continue;
        };
        seen.told += 1;
        follow(from, to, &told);
        let size = told.iter().flat_map(|change| [&change.from, &change.to]).flatten().map(|line| line.len());
        let size = size.sum::<usize>() as u64;
        let limited = |limit| changes(limit).unwrap_or_else(|error| panic!("{}", error.chain()));
        if random.below(8) == 0 && size > 0 {
            assert_eq!(limited(size).as_ref().map(Vec::len), Some(told.len()), "{}", what(to));
            assert_eq!(limited(size - 1), None, "{}", what(to));
        }
    }
}

/// Only one and the same version is 0 versions away, and the way back is as long.
fn distance(from: &Version, to: &Version) {
    let there = versioned(to).distance(versioned(from).version());
    let back = versioned(from).distance(versioned(to).version());
    assert_eq!(there, back, "{} since {}", what(to), what(from));
    assert_eq!(there == Some(0), from.entry.id == to.entry.id, "{} since {}", what(to), what(from));
}

/// The changes make one version of the other.
fn follow(from: &Version, to: &Version, changes: &[LineChange]) {
    let name = format!("{} since {}", what(to), what(from));
    let mut held = counted(&from.text);
    for change in changes {
        assert!(change.from.is_some() || change.to.is_some(), "{name}: nothing changes");
        assert_ne!(change.from, change.to, "{name}: a line that stays");
        if let Some(line) = &change.from {
            let count = held.get_mut(&line[..]);
            let count =
                count.unwrap_or_else(|| panic!("{name}: {} was not there", String::from_utf8_lossy(line)));
            *count -= 1;
        }
        if let Some(line) = &change.to {
            *held.entry(&line[..]).or_default() += 1;
        }
    }
    held.retain(|_, count| *count != 0);
    let mut lines: Vec<_> = held
        .iter()
        .flat_map(|(&line, &count)| vec![line; usize::try_from(count).expect("counts stay above 0")])
        .collect();
    match &to.family.order {
        Some(order) => {
            lines.sort_by_cached_key(|line| key(order, line));
            assert!(lines.concat() == to.text, "{name}");
        }
        None => assert!(held == counted(&to.text), "{name}: {changes:?}"),
    }
}

/// How often each line is there.
fn counted(text: &[u8]) -> HashMap<&[u8], i64> {
    let mut counted = HashMap::new();
    for line in lines(text) {
        *counted.entry(line).or_default() += 1;
    }
    counted
}

/// Steps of all versions: how many different ones there are.
fn steps(versions: &[Version], texts: &HashMap<ContentId, &Vec<u8>>) -> usize {
    let mut seen = HashMap::new();
    for version in versions {
        let steps = wait(versioned(version).length_deltas(40, None))
            .unwrap_or_else(|error| panic!("{}", error.chain()));
        for step in steps {
            let bytes = (step.added, step.removed);
            let name = format!("{bytes:?} from {:?} to {:?}, of {}", step.from, step.to, what(version));
            if let Some(before) = seen.insert((step.from, step.to), bytes) {
                assert_eq!(before, bytes, "{name}: told otherwise before");
                continue;
            }
            let [from, to] = [step.from, step.to]
                .map(|id| counted(texts.get(&id).unwrap_or_else(|| panic!("{name}: no such version"))));
            assert_eq!(bytes, (missing(&to, &from), missing(&from, &to)), "{name}");
        }
    }
    seen.len()
}

/// The changes of steps make one version of the other, and come to no more than was asked for.
fn steps_with_changes(versions: &[Version], random: &mut Random) {
    let of = |id| versions.iter().find(|version| version.entry.id == id).expect("a version of the table");
    for version in versions {
        for most in [u64::MAX, random.below(3000) + 1] {
            let steps = wait(versioned(version).length_deltas(40, Some(most)));
            let steps = steps.unwrap_or_else(|error| panic!("{}", error.chain()));
            steps.iter().for_each(|step| follow(of(step.from), of(step.to), &step.changes));
            let bytes = steps.iter().flat_map(|step| &step.changes).map(LineChange::bytes).sum::<u64>();
            assert!(bytes <= most, "{bytes} of {most}, of {}", what(version));
        }
    }
}

/// Bytes of the lines of one that are not in the other.
fn missing(one: &HashMap<&[u8], i64>, other: &HashMap<&[u8], i64>) -> u64 {
    let bytes = one.iter().map(|(line, count)| {
        let more = count - other.get(line).copied().unwrap_or_default();
        u64::try_from(more).unwrap_or_default() * line.len() as u64
    });
    bytes.sum()
}
