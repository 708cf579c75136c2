//! Trees in memory, with a count of what was rendered.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use proptest::prelude::*;

use super::*;
use crate::content::tree::{LineRange, Rendering, Tree};
use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::engine::{Engine, Piece, Pieces};
use crate::model::content_id::ContentId;

/// Nodes by their names, and how often each was rendered.
#[derive(Default)]
struct Forest {
    branches: HashMap<[u8; 20], Vec<PageId>>,
    leaves: HashMap<[u8; 20], String>,
    /// Leaves longer than this are cut.
    long: usize,
    rendered: Mutex<HashMap<PageId, u32>>,
    counted: Mutex<HashMap<PageId, u32>>,
}

impl Forest {
    fn with_long_from(long: usize) -> Self {
        Self { long, ..Self::default() }
    }

    fn leaf(&mut self, text: &str) -> PageId {
        let node = name(&[b"leaf", text.as_bytes()]);
        self.leaves.insert(node, text.to_owned());
        page(node, 0)
    }

    fn branch(&mut self, below: Vec<PageId>) -> PageId {
        let names: Vec<_> = below.iter().map(|page| &page.node[..]).collect();
        let node = name(&names);
        let level = below[0].level + 1;
        self.branches.insert(node, below);
        page(node, level)
    }

    fn times_rendered(&self) -> Vec<u32> {
        self.rendered.lock().expect("no test panics with it").values().copied().collect()
    }

    fn times_counted(&self) -> Vec<u32> {
        self.counted.lock().expect("no test panics with it").values().copied().collect()
    }

    fn lines(&self, page: &PageId) -> Result<Vec<&str>, SourceError> {
        let missing = || SourceError::new(ErrorKind::Missing, "the forest", "no such leaf");
        let lines: Vec<_> = self.leaves.get(&page.node).ok_or_else(missing)?.split_inclusive('\n').collect();
        let to = lines.len().min(page.lines.to as usize);
        Ok(lines[page.lines.from as usize..to].to_vec())
    }
}

fn name(names: &[&[u8]]) -> [u8; 20] {
    let id = ContentId::of(names);
    let mut name = [0; 20];
    name[..16].copy_from_slice(id.as_bytes());
    name
}

fn page(node: [u8; 20], level: u8) -> PageId {
    PageId { node, rendering: Rendering::of(&[0; 20]), level, lines: LineRange::ALL }
}

/// A version: one tree of a forest.
#[derive(Clone)]
struct ForestVersion {
    forest: Arc<Forest>,
    whole: Option<PageId>,
}

#[async_trait]
impl Stream for ForestVersion {
    fn describe(&self) -> String {
        "a version".into()
    }

    async fn read(&self, _sink: Sink) -> Result<(), SourceError> {
        panic!("a tree is read by its pages");
    }
}

impl Tree for ForestVersion {
    fn source(&self) -> &str {
        "forest"
    }

    fn open(&self) -> Result<Box<dyn Nodes>, SourceError> {
        Ok(Box::new(self.clone()))
    }
}

impl Nodes for ForestVersion {
    fn root(&self) -> Option<PageId> {
        self.whole
    }

    fn below(&self, page: &PageId) -> Result<Vec<PageId>, SourceError> {
        let missing = || SourceError::new(ErrorKind::Missing, "the forest", "no such branch");
        self.forest.branches.get(&page.node).cloned().ok_or_else(missing)
    }

    fn leaf(&self, page: &PageId) -> Result<Leaf, SourceError> {
        *self.forest.rendered.lock().expect("no test panics with it").entry(*page).or_default() += 1;
        let lines = self.forest.lines(page)?;
        if page.lines == LineRange::ALL && lines.concat().len() > self.forest.long {
            let cut = lines.iter().enumerate().map(|(n, line)| {
                let lines = LineRange { from: n as u32, to: n as u32 + 1 };
                (PageId { lines, ..*page }, line.len() as u64)
            });
            return Ok(Leaf::Cut(cut.collect()));
        }
        Ok(Leaf::Whole(lines.concat().into()))
    }

    fn len_of_leaf(&self, page: &PageId) -> Result<u64, SourceError> {
        *self.forest.counted.lock().expect("no test panics with it").entry(*page).or_default() += 1;
        Ok(self.forest.lines(page)?.concat().len() as u64)
    }
}

fn content(forest: &Arc<Forest>, whole: Option<PageId>) -> (ContentId, Content) {
    let id = ContentId::of(&[&whole.map_or([0; 20], |page| page.node)]);
    (id, Content::Tree(Arc::new(ForestVersion { forest: Arc::clone(forest), whole })))
}

async fn read_all(engine: &Engine, (id, content): &(ContentId, Content), step: usize) -> String {
    let reader = engine.open(*id, content).await.expect("it opens");
    assert!(reader.tree().is_some());
    let mut bytes = Vec::new();
    loop {
        let piece = reader.read(bytes.len() as u64, step).await.expect("it reads");
        bytes.extend_from_slice(&piece);
        if piece.is_empty() {
            return String::from_utf8(bytes).expect("lines are UTF-8");
        }
    }
}

/// Nine lines in three leaves below two branches, and a second version with one leaf changed.
fn two_versions() -> (Arc<Forest>, PageId, PageId) {
    let mut forest = Forest::with_long_from(1000);
    let [a, b, c, changed] =
        ["1\n2\n3\n", "4\n5\n6\n", "7\n8\n9\n", "4\nfive\n6\n"].map(|text| forest.leaf(text));
    let (left, right) = (forest.branch(vec![a, b]), forest.branch(vec![c]));
    let first = forest.branch(vec![left, right]);
    let left = forest.branch(vec![a, changed]);
    let second = forest.branch(vec![left, right]);
    (Arc::new(forest), first, second)
}

#[tokio::test]
async fn a_version_costs_what_changed() {
    let (forest, first, second) = two_versions();
    let engine = Engine::new(1 << 20);
    let (first, second) = (content(&forest, Some(first)), content(&forest, Some(second)));
    assert_eq!(engine.len(first.0, &first.1).await.expect("it is whole"), 18);
    assert_eq!(forest.times_counted(), [1, 1, 1]);
    assert_eq!(engine.len(second.0, &second.1).await.expect("it is whole"), 21);
    assert_eq!(forest.times_counted(), [1, 1, 1, 1], "one leaf is new in the second");
    assert_eq!(forest.times_rendered(), [0; 0], "nothing is read yet");
    assert_eq!(read_all(&engine, &first, 4).await, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    assert_eq!(read_all(&engine, &second, 100).await, "1\n2\n3\n4\nfive\n6\n7\n8\n9\n");
    assert_eq!(forest.times_rendered(), [1, 1, 1, 1]);
}

#[tokio::test]
async fn what_is_measured_needs_no_leaf_to_be_measured_again() {
    let (forest, first, second) = two_versions();
    // Nothing is kept but lengths.
    let engine = Engine::new(0);
    for (id, content) in [content(&forest, Some(first)), content(&forest, Some(second))] {
        engine.len(id, &content).await.expect("it is whole");
    }
    assert_eq!(forest.times_counted(), [1, 1, 1, 1]);
}

#[tokio::test]
async fn only_the_leaves_of_a_range_are_rendered() {
    let (forest, first, _) = two_versions();
    let engine = Engine::new(0);
    let (id, content) = content(&forest, Some(first));
    let reader = engine.open(id, &content).await.expect("it opens");
    forest.rendered.lock().expect("nobody panicked").clear();
    assert_eq!(reader.read(13, 3).await.expect("it reads"), "\n8\n");
    assert_eq!(forest.times_rendered(), [1]);
}

#[tokio::test]
async fn an_empty_content_has_no_page() {
    let (id, content) = content(&Arc::default(), None);
    let engine = Engine::new(1000);
    assert_eq!(engine.len(id, &content).await.expect("it is whole"), 0);
    assert_eq!(read_all(&engine, &(id, content), 10).await, "");
}

#[tokio::test]
async fn a_broken_leaf_spoils_the_contents_that_hold_it_and_no_other() {
    let (forest, first, second) = two_versions();
    let mut forest = Arc::into_inner(forest).expect("it is not shared");
    let broken = forest.leaf("4\nfive\n6\n");
    forest.leaves.remove(&broken.node);
    let forest = Arc::new(forest);
    let engine = Engine::new(1 << 20);
    let (id, second) = content(&forest, Some(second));
    for _ in 0..2 {
        let error = engine.len(id, &second).await.expect_err("a leaf is missing");
        assert_eq!(error.kind, ErrorKind::Missing);
    }
    assert_eq!(read_all(&engine, &content(&forest, Some(first)), 5).await, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

#[tokio::test]
async fn steps_end_before_what_cannot_be_read_and_pieces_that_cannot_are_left_out() {
    let (forest, first, second) = two_versions();
    let mut forest = Arc::into_inner(forest).expect("it is not shared");
    let broken = forest.leaf("4\nfive\n6\n");
    forest.leaves.remove(&broken.node);
    let lost = page(name(&[b"lost"]), 2);
    let forest = Arc::new(forest);
    let contents = [first, second, lost].map(|whole| Some(content(&forest, Some(whole))));
    let engine = Engine::new(0);
    let steps = engine.steps(None, &contents).await.expect("the first one is whole");
    assert_eq!(steps.iter().map(|step| step.added.len()).collect::<Vec<_>>(), [3, 1]);
    let wanted: Vec<_> = steps
        .iter()
        .flat_map(|step| step.added.iter().map(|piece| (step.pieces.as_ref().expect("it is there"), piece)))
        .collect();
    let take = |text: &mut String, part: Bytes| text.push_str(std::str::from_utf8(&part).expect("UTF-8"));
    let texts: Vec<Option<String>> = engine.each_piece(&wanted, take).await.expect("it goes on");
    let expected = [Some("1\n2\n3\n"), Some("4\n5\n6\n"), Some("7\n8\n9\n"), None];
    assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
    assert!(engine.steps(None, &contents[2..]).await.is_err());
}

#[tokio::test]
async fn readers_that_meet_render_each_leaf_once() {
    let mut forest = Forest::with_long_from(1000);
    let leaves: Vec<_> = (0..200).map(|n| forest.leaf(&format!("{n}\n").repeat(5))).collect();
    let whole = forest.branch(leaves);
    let forest = Arc::new(forest);
    let engine = Arc::new(Engine::new(1 << 20));
    let readers = (0..16).map(|_| {
        let (engine, version) = (Arc::clone(&engine), content(&forest, Some(whole)));
        tokio::spawn(async move { read_all(&engine, &version, 37).await })
    });
    let expected: String = (0..200).map(|n| format!("{n}\n").repeat(5)).collect();
    for reader in readers.collect::<Vec<_>>() {
        assert!(reader.await.expect("it does not panic") == expected);
    }
    assert!(forest.times_rendered().iter().all(|times| *times == 1));
    assert_eq!(forest.times_counted(), [0; 0], "all are kept as they are measured");
}

#[tokio::test]
async fn what_is_measured_first_is_kept_for_a_reader() {
    let mut forest = Forest::with_long_from(1000);
    let leaves: Vec<_> = (0..200).map(|n| forest.leaf(&format!("{n}\n").repeat(5))).collect();
    let whole = forest.branch(leaves);
    let forest = Arc::new(forest);
    let (id, content) = content(&forest, Some(whole));
    let engine = Engine::new(16 << 10);
    assert_eq!(engine.len(id, &content).await.expect("it is whole"), 3450);
    let (rendered, counted) = (forest.times_rendered(), forest.times_counted());
    assert!(!rendered.is_empty() && !counted.is_empty(), "1 KiB is kept");
    assert_eq!([rendered, counted].concat(), [1; 200]);
}

/// Leaves as short lists of lines, in up to three levels.
fn forests() -> impl Strategy<Value = (Vec<Vec<Vec<String>>>, usize, u64, usize)> {
    let leaf = prop::collection::vec("[a-c]{0,3}", 1..5).prop_map(|lines| lines.join("\n") + "\n");
    let branch = prop::collection::vec(leaf, 1..6);
    let top = prop::collection::vec(branch, 1..5);
    // From which length on a leaf is cut, how much is kept, and how much is read at once.
    (
        prop::collection::vec(top, 1..4),
        1_usize..20,
        prop::sample::select(vec![0, 300, 700, 5_000]),
        1_usize..40,
    )
}

/// Removes the lines of pieces from `lines`, or adds them.
async fn change(lines: &mut Vec<String>, pieces: Option<&Pieces>, changed: &[Piece], are_added: bool) {
    for piece in changed {
        let mut text = Vec::new();
        let pieces = pieces.expect("there are pieces of it");
        pieces.read(piece, |_| true, |part| text.extend_from_slice(&part)).await.expect("it can be read");
        for line in String::from_utf8(text).expect("lines are UTF-8").lines() {
            match are_added {
                true => lines.push(line.to_owned()),
                false => {
                    let at = lines.iter().position(|one| one == line).expect("the version before has it");
                    lines.swap_remove(at);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn steps_lead_from_each_version_to_the_next((versions, long, _, together) in forests()) {
        let mut forest = Forest::with_long_from(long);
        let mut all = vec![(None, Vec::new())];
        for version in &versions {
            let tops = version.iter().map(|leaves| leaves.iter().map(|text| forest.leaf(text)).collect::<Vec<_>>());
            let tops: Vec<_> = tops.collect();
            let tops = tops.into_iter().map(|leaves| forest.branch(leaves)).collect();
            let text = version.concat().concat();
            all.push((Some(forest.branch(tops)), text.lines().map(str::to_owned).collect()));
        }
        let forest = Arc::new(forest);
        let contents: Vec<_> = all.iter().map(|(whole, _)| whole.map(|whole| content(&forest, Some(whole)))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let engine = Engine::new(0);
            let (mut last, mut lines): (Option<Pieces>, Vec<String>) = (None, Vec::new());
            for (next, expected) in contents.chunks(together).zip(all.chunks(together)) {
                let steps = engine.steps(last.as_ref(), next).await.expect("all are whole");
                assert_eq!(steps.len(), next.len());
                for (step, (_, expected)) in steps.into_iter().zip(expected) {
                    change(&mut lines, last.as_ref(), &step.removed, false).await;
                    change(&mut lines, step.pieces.as_ref(), &step.added, true).await;
                    let (mut lines, mut expected) = (lines.clone(), expected.clone());
                    lines.sort();
                    expected.sort();
                    assert_eq!(lines, expected);
                    last = step.pieces;
                }
            }
        });
    }

    #[test]
    fn any_tree_reads_as_its_leaves_one_after_the_other((versions, long, cache, step) in forests()) {
        let mut forest = Forest::with_long_from(long);
        let mut expected = Vec::new();
        for version in &versions {
            let tops = version.iter().map(|leaves| {
                let leaves = leaves.iter().map(|text| forest.leaf(text)).collect();
                forest.branch(leaves)
            });
            let tops = tops.collect();
            let whole = forest.branch(tops);
            expected.push((whole, version.concat().concat()));
        }
        let forest = Arc::new(forest);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let engine = Engine::new(cache);
            for (whole, text) in expected {
                let version = content(&forest, Some(whole));
                let len = engine.len(version.0, &version.1).await.expect("it is whole");
                assert_eq!(len, text.len() as u64);
                assert_eq!(read_all(&engine, &version, step).await, text);
            }
        });
    }
}
