//! The order of `dolt_log`.
//!
//! Commits come highest first; those of one height by the author's date, newest first; equal ones as Dolt's queue
//! happens to return them. This order decides what `AS OF TIMESTAMP` means, so the queue here takes the same steps as
//! the binary heap in Go's library. Commits that are missing, as in a shallow clone, come before all others.

use std::collections::HashMap;

use crate::address::Address;

/// What the order of a commit depends on: its height, and the author's date in ms since 1970.
pub type CommitRank = (u64, i64);

/// Commits that wait for their turn in a log. A caller takes one out, adds its parents, and goes on.
#[derive(Debug)]
pub struct CommitQueue<C> {
    pending: Vec<QueuedCommit<C>>,
    known: HashMap<Address, CommitMark>,
    /// How many pending commits are not hidden.
    visible: usize,
}

/// A commit out of a [`CommitQueue`].
#[derive(Debug)]
pub struct QueuedCommit<C> {
    /// Its address.
    pub address: Address,
    /// The commit; `None` for one that is missing.
    pub commit: Option<C>,
    /// Whether it was hidden.
    pub is_hidden: bool,
    rank: Option<CommitRank>,
}

#[derive(Debug, Default)]
struct CommitMark {
    is_queued: bool,
    is_hidden: bool,
}

impl<C> Default for CommitQueue<C> {
    fn default() -> Self {
        Self { pending: Vec::new(), known: HashMap::new(), visible: 0 }
    }
}

impl<C> QueuedCommit<C> {
    fn comes_before(&self, other: &Self) -> bool {
        match (self.rank, other.rank) {
            (None, None) => self.address < other.address,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own > other,
        }
    }
}

impl<C> CommitQueue<C> {
    /// Adds a commit, unless it was added before; `read` reads it.
    pub fn add<E>(
        &mut self,
        address: &Address,
        read: impl FnOnce() -> Result<Option<(CommitRank, C)>, E>,
    ) -> Result<(), E> {
        let mark = self.known.entry(*address).or_default();
        if std::mem::replace(&mut mark.is_queued, true) {
            return Ok(());
        }
        self.visible += usize::from(!mark.is_hidden);
        let (rank, commit) = read()?.unzip();
        self.pending.push(QueuedCommit { address: *address, commit, is_hidden: false, rank });
        self.sift_up(self.pending.len() - 1);
        Ok(())
    }

    /// Marks a commit as hidden, whether it is in the queue or comes later.
    pub fn hide(&mut self, address: &Address) {
        let mark = self.known.entry(*address).or_default();
        let was_visible = !std::mem::replace(&mut mark.is_hidden, true);
        if was_visible && mark.is_queued {
            self.visible = self.visible.saturating_sub(1);
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether a commit waits that is not hidden.
    pub fn has_visible(&self) -> bool {
        self.visible > 0
    }

    /// Takes out the next commit.
    pub fn pop(&mut self) -> Option<QueuedCommit<C>> {
        let last = self.pending.len().checked_sub(1)?;
        self.pending.swap(0, last);
        self.sift_down(last);
        let mut next = self.pending.pop()?;
        next.is_hidden = self.known.get(&next.address).is_some_and(|mark| mark.is_hidden);
        if !next.is_hidden {
            self.visible = self.visible.saturating_sub(1);
        }
        Some(next)
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.pending[at].comes_before(&self.pending[parent]) {
                break;
            }
            self.pending.swap(at, parent);
            at = parent;
        }
    }

    /// Moves the first commit down to its place among the first `len`.
    fn sift_down(&mut self, len: usize) {
        let mut at = 0;
        while 2 * at + 1 < len {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let is_right = right < len && self.pending[right].comes_before(&self.pending[left]);
            let child = if is_right { right } else { left };
            if !self.pending[child].comes_before(&self.pending[at]) {
                break;
            }
            self.pending.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_commits_come_first_and_hidden_ones_are_marked() {
        let mut queue = CommitQueue::default();
        let address = |number| Address::new([number; 20]);
        queue.hide(&address(2));
        for (number, height) in [(1, Some(5)), (2, Some(9)), (3, None), (1, Some(100))] {
            let read = || Ok::<_, ()>(height.map(|height| ((height, 0), ())));
            queue.add(&address(number), read).expect("nothing fails");
        }
        let order: Vec<_> =
            std::iter::from_fn(|| queue.pop()).map(|next| (next.address, next.is_hidden)).collect();
        assert_eq!(order, [(address(3), false), (address(2), true), (address(1), false)]);
        assert!(queue.is_empty() && !queue.has_visible());
    }
}
