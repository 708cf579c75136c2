//! Finds what each of several contents of one table has and the one before it lacks, in pieces of whole lines. Of a
//! tree, this reads only nodes: no length has to be known, and no row is rendered.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use rayon::prelude::*;

use super::runs::{Run, leaves, runs};
use crate::content::Content;
use crate::content::blocking::broken_off;
use crate::content::shared_load::SharedResult;
use crate::content::tree::PageId;
use crate::engine::Engine;
use crate::engine::read::tree::TreeReader;
use crate::engine::read::{Reader, blocking};
use crate::engine::report::cannot_read;
use crate::model::content_id::ContentId;
use crate::util::common::drop_common;

/// How many bytes of a stream's piece are read to see whether the rest is wanted.
const LOOKED_AT: u64 = 64 << 10;

/// Reading a content of at most this many bytes is as quick as asking how it differs from another one. Such contents
/// are opened at once, as many as a server lends connections.
const SHORT: u64 = 1 << 20;
const SHORT_AT_ONCE: usize = 3;

/// An open content whose pieces can be read.
#[derive(Clone)]
pub struct Pieces {
    content: Content,
    of: PiecesOf,
}

#[derive(Clone)]
enum PiecesOf {
    Tree(TreeReader),
    Stream(Reader),
}

/// A run of whole lines.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Equal for pieces of the same bytes, in whatever content of one engine they are.
    pub id: ContentId,
    at: PiecePlace,
}

#[derive(Debug, Clone, Copy)]
enum PiecePlace {
    Node(PageId),
    Run(Run),
}

/// A content that follows another one.
pub struct ContentStep {
    /// The content, if there is one.
    pub pieces: Option<Pieces>,
    /// What only the one before it has, in order.
    pub removed: Vec<Piece>,
    /// What only this one has, in order.
    pub added: Vec<Piece>,
}

impl Piece {
    /// Its length in bytes, if it is known without reading.
    pub fn known_len(&self) -> Option<u64> {
        match self.at {
            PiecePlace::Node(_) => None,
            PiecePlace::Run(run) => Some(run.len),
        }
    }
}

impl Pieces {
    /// Passes the bytes of a piece to `take`, in parts of whole lines. Passes none of a stream's piece if `is_text`
    /// rejects them or the first of them. (What is rendered is text.)
    pub async fn read(
        &self,
        piece: &Piece,
        is_text: impl Fn(&[u8]) -> bool,
        mut take: impl FnMut(Bytes),
    ) -> SharedResult<()> {
        let (reader, run) = match (&self.of, piece.at) {
            (PiecesOf::Stream(reader), PiecePlace::Run(run)) => (reader, run),
            (PiecesOf::Tree(tree), PiecePlace::Node(page)) => {
                let read = blocking(&self.content, || tree.each_segment(&page, &mut take)).await;
                return read.inspect_err(|error| cannot_read(&*self.content, error));
            }
            _ => {
                return Err(Arc::new(broken_off(
                    &self.content.describe(),
                    "a piece of another content".into(),
                )));
            }
        };
        let size = |len: u64| usize::try_from(len).unwrap_or(usize::MAX);
        let mut text = reader.read(run.offset, size(run.len.min(LOOKED_AT))).await?;
        if run.len > LOOKED_AT && is_text(&text) {
            text = reader.read(run.offset, size(run.len)).await?;
        }
        if is_text(&text) {
            take(text);
        }
        Ok(())
    }

    fn tree(&self) -> Option<&TreeReader> {
        match &self.of {
            PiecesOf::Tree(tree) => Some(tree),
            PiecesOf::Stream(_) => None,
        }
    }

    fn is_short(&self) -> bool {
        matches!(&self.of, PiecesOf::Stream(reader) if reader.stream_len().is_some_and(|len| len <= SHORT))
    }

    /// All of them.
    async fn all(&self) -> SharedResult<Vec<Piece>> {
        match &self.of {
            PiecesOf::Tree(tree) => {
                let (_, all) = blocking(&self.content, || leaves(None, Some(tree))).await?;
                Ok(of_pages(all))
            }
            PiecesOf::Stream(reader) => {
                let piece = |run: Run| Piece { id: run.id, at: PiecePlace::Run(run) };
                Ok(runs(Some(reader)).await?.into_iter().map(piece).collect())
            }
        }
    }
}

fn of_pages(pages: Vec<PageId>) -> Vec<Piece> {
    pages.into_iter().map(|page| Piece { id: page.id(), at: PiecePlace::Node(page) }).collect()
}

impl Engine {
    /// Opens contents that follow one another, and compares each with the one before it, the first one with `before`.
    /// Trees are opened all at once, and other contents if `before` is short; otherwise they are opened one by one,
    /// because a long one may be derived from the one before it. Returns those before the first that cannot be opened
    /// or compared; fails if that is the first one.
    pub async fn steps(
        &self,
        before: Option<&Pieces>,
        next: &[Option<(ContentId, Content)>],
    ) -> SharedResult<Vec<ContentStep>> {
        let tree = next.iter().flatten().find(|(_, content)| content.tree().is_some());
        let are_trees = next.iter().flatten().all(|(_, content)| content.tree().is_some());
        if let Some((_, tree)) =
            tree.filter(|_| are_trees && before.is_none_or(|before| before.tree().is_some()))
        {
            return blocking(tree, || self.steps_of_trees(before.and_then(Pieces::tree), next)).await;
        }
        let at_once = if before.is_some_and(Pieces::is_short) { SHORT_AT_ONCE } else { 1 };
        let opened = next.iter().take(at_once).map(|content| self.pieces(content.as_ref()));
        let (mut steps, mut before) = (Vec::new(), before.cloned());
        for pieces in join_all(opened).await {
            let step = async {
                let pieces = pieces?;
                let (removed, added) = differing(before.as_ref(), pieces.as_ref()).await?;
                Ok(ContentStep { pieces, removed, added })
            };
            match step.await {
                Ok(step) => {
                    before.clone_from(&step.pieces);
                    steps.push(step);
                }
                Err(error) if steps.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(steps)
    }

    fn steps_of_trees(
        &self,
        before: Option<&TreeReader>,
        next: &[Option<(ContentId, Content)>],
    ) -> SharedResult<Vec<ContentStep>> {
        let open = |content: &Option<(ContentId, Content)>| match content {
            Some((_, content)) => TreeReader::open(content, &self.pages).transpose(),
            None => Ok(None),
        };
        let opened: Vec<SharedResult<Option<TreeReader>>> = next.par_iter().map(open).collect();
        let before = |at: usize| match at.checked_sub(1) {
            Some(last) => opened[last].as_ref().map(Option::as_ref),
            None => Ok(before),
        };
        let compare = |at: usize| {
            let (before, after) = (before(at).map_err(Arc::clone)?, opened[at].as_ref().map_err(Arc::clone)?);
            let (removed, added) = leaves(before, after.as_ref())?;
            let of = after.clone().map(PiecesOf::Tree);
            let pieces =
                next[at].as_ref().zip(of).map(|((_, content), of)| Pieces { content: content.clone(), of });
            Ok(ContentStep { pieces, removed: of_pages(removed), added: of_pages(added) })
        };
        let mut steps: Vec<SharedResult<ContentStep>> =
            (0..next.len()).into_par_iter().map(compare).collect();
        let are_right = steps.iter().take_while(|step| step.is_ok()).count();
        steps.truncate(are_right.max(1));
        steps.into_iter().collect()
    }

    async fn pieces(&self, content: Option<&(ContentId, Content)>) -> SharedResult<Option<Pieces>> {
        let Some((id, content)) = content else { return Ok(None) };
        let of = match content.tree() {
            None => PiecesOf::Stream(self.open(*id, content).await?),
            Some(_) => {
                let open = || TreeReader::open(content, &self.pages).transpose();
                let Some(tree) = blocking(content, open).await? else { return Ok(None) };
                PiecesOf::Tree(tree)
            }
        };
        Ok(Some(Pieces { content: content.clone(), of }))
    }

    /// Calls `take` with the bytes of pieces of trees, in parts of whole lines, on all cores. Returns what `take` made
    /// of each piece; `None` for a piece that cannot be read.
    pub async fn each_piece<T: Default + Send>(
        &self,
        wanted: &[(&Pieces, &Piece)],
        take: impl Fn(&mut T, Bytes) + Sync,
    ) -> SharedResult<Vec<Option<T>>> {
        let Some((first, _)) = wanted.iter().find(|(pieces, _)| pieces.tree().is_some()) else {
            return Ok(wanted.iter().map(|_| None).collect());
        };
        let read = |(pieces, piece): &(&Pieces, &Piece)| {
            let (tree, PiecePlace::Node(page)) = (pieces.tree()?, piece.at) else { return None };
            let mut made = T::default();
            tree.each_segment(&page, &mut |segment| take(&mut made, segment)).ok()?;
            Some(made)
        };
        blocking(&first.content, || Ok(wanted.par_iter().map(read).collect())).await
    }
}

/// What only one of two contents has; if one is missing, all of the other.
async fn differing(
    before: Option<&Pieces>,
    after: Option<&Pieces>,
) -> SharedResult<(Vec<Piece>, Vec<Piece>)> {
    if let (Some(Some(old)), Some(Some(new))) = (before.map(Pieces::tree), after.map(Pieces::tree))
        && let Some(after) = after
    {
        let (old, new) = blocking(&after.content, || leaves(Some(old), Some(new))).await?;
        return Ok((of_pages(old), of_pages(new)));
    }
    let all = async |pieces: Option<&Pieces>| match pieces {
        Some(pieces) => pieces.all().await,
        None => Ok(Vec::new()),
    };
    let (mut old, mut new) = (all(before).await?, all(after).await?);
    drop_common(&mut old, &mut new, |piece| piece.id);
    Ok((old, new))
}
