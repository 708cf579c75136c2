//! Where two contents differ, in runs of whole lines: what they share is found by identity, and not read.

use std::sync::Arc;

use super::held::Held;
use super::segmenter::LONGEST;
use super::tree::Tree;
use super::{Reader, blocking};
use crate::content::SourceError;
use crate::content::parts::{LONG, Part};
use crate::model::content_id::ContentId;
use crate::util::common::drop_common;

type Outcome<T> = Result<T, Arc<SourceError>>;

/// A run of whole lines of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Equal for runs of the same bytes, whichever content of one engine they are in.
    pub id: ContentId,
    /// Where it starts, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub len: u64,
}

/// What of each of two contents has no counterpart in the other one.
#[derive(Debug, Default)]
pub struct Differing {
    /// Of the earlier one, in order.
    pub before: Vec<Run>,
    /// Of the later one, in order.
    pub after: Vec<Run>,
}

/// The runs in which two contents differ; all runs of the one that is there where the other is missing. A line that
/// both have may be in them, too: runs are as long as they are kept.
///
/// # Errors
/// What the source says when a content can no longer be read.
pub async fn differing(before: Option<&Reader>, after: Option<&Reader>) -> Outcome<Differing> {
    if let (Some(Reader::InParts(before)), Some(Reader::InParts(after))) = (before, after) {
        let (of, before, after) = (Arc::clone(after), Arc::clone(before), Arc::clone(after));
        let (before, after) = blocking(of.content(), move || of_trees(Some(&before), Some(&after))).await?;
        return Ok(Differing { before, after });
    }
    let (mut before, mut after) = (runs(before).await?, runs(after).await?);
    drop_common(&mut before, &mut after, |run| run.id);
    Ok(Differing { before, after })
}

async fn runs(content: Option<&Reader>) -> Outcome<Vec<Run>> {
    match content {
        None => Ok(Vec::new()),
        Some(Reader::Held(held)) => Ok(of_segments(held)),
        Some(Reader::InParts(tree)) => {
            let (of, tree) = (Arc::clone(tree), Arc::clone(tree));
            Ok(blocking(of.content(), move || of_trees(None, Some(&tree))).await?.1)
        }
    }
}

/// The segments; those of one line that is longer than a segment are one run.
fn of_segments(held: &Held) -> Vec<Run> {
    let version = held.version();
    let mut runs: Vec<Run> = Vec::with_capacity(version.count());
    let (mut offset, mut is_open) = (0, false);
    for number in 0..version.count() {
        let segment = version.segment(number);
        let len = u64::from(segment.len);
        match runs.last_mut().filter(|_| is_open) {
            Some(run) => {
                run.id = ContentId::of(&[b"joined", run.id.as_bytes(), segment.id.as_bytes()]);
                run.len += len;
            }
            None => runs.push(Run { id: segment.id, offset, len }),
        }
        // Only within a line a segment is as long as it can be.
        is_open = segment.len as usize >= LONGEST;
        offset += len;
    }
    runs
}

/// A part with where it starts.
type Placed = (Part, u64);

fn of_trees(before: Option<&Tree>, after: Option<&Tree>) -> Outcome<(Vec<Run>, Vec<Run>)> {
    let whole = |tree: Option<&Tree>| tree.and_then(Tree::whole).map(|part| (part, 0));
    let part = |placed: &Placed| placed.0;
    let below = |tree: &Tree, (part, start): Placed| tree.placed_below(&part, start);
    let (old, new) = segments([(before, whole(before)), (after, whole(after))], part, below)?;
    Ok((as_runs(before, &old)?, as_runs(after, &new)?))
}

/// The segments of two trees that the other one does not have, where none that is long is cut. Nothing is rendered.
pub(super) fn leaves(before: Option<&Tree>, after: Option<&Tree>) -> Outcome<(Vec<Part>, Vec<Part>)> {
    let whole = |tree: Option<&Tree>| tree.and_then(Tree::whole);
    segments([(before, whole(before)), (after, whole(after))], |part| *part, |tree, part| tree.below(&part))
}

/// Goes down both trees at once, and only into parts that the other one does not have.
fn segments<T>(
    [(before, old), (after, new)]: [(Option<&Tree>, Option<T>); 2],
    part: impl Fn(&T) -> Part,
    below: impl Fn(&Tree, T) -> Outcome<Vec<T>>,
) -> Outcome<(Vec<T>, Vec<T>)> {
    // All parts of one tree are of one level.
    let unfolded = |tree: Option<&Tree>, parts: Vec<T>, level: u8| -> Outcome<Vec<T>> {
        let Some(tree) = tree.filter(|_| parts.first().is_some_and(|first| part(first).level == level))
        else {
            return Ok(parts);
        };
        let mut all = Vec::new();
        for one in parts {
            all.extend(below(tree, one)?);
        }
        Ok(all)
    };
    let (mut old, mut new) = (Vec::from_iter(old), Vec::from_iter(new));
    loop {
        drop_common(&mut old, &mut new, &part);
        let level = old.iter().chain(&new).map(|one| part(one).level).max().unwrap_or(0);
        if level == 0 {
            return Ok((old, new));
        }
        old = unfolded(before, old, level)?;
        new = unfolded(after, new, level)?;
    }
}

fn as_runs(tree: Option<&Tree>, segments: &[Placed]) -> Outcome<Vec<Run>> {
    let Some(tree) = tree else { return Ok(Vec::new()) };
    let mut runs = Vec::with_capacity(segments.len());
    for (part, start) in segments {
        let len = tree.len_of(part)?;
        // Of a long one, what it is cut into.
        let cut = if len > LONG as u64 { tree.placed_within(part, *start)? } else { vec![(*part, *start)] };
        for (part, offset) in cut {
            runs.push(Run { id: part.id(), offset, len: tree.len_of(&part)? });
        }
    }
    Ok(runs)
}
