//! Which versions a table had, one made from the other along first parents, and which share a definition.

use std::sync::Arc;

use super::{Lineage, Node, UNKNOWN, find};

/// A version of a table with the one that it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeVersion {
    /// The commit that made it: the origin of the table there.
    pub commit: Arc<str>,
    /// Whether that commit has several parents.
    pub is_merge: bool,
    pub parent: Arc<str>,
    /// The origin of the table at that parent.
    pub from: Arc<str>,
}

/// Versions around one, each with what it was made from.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// From that one on along one line of first parents, the oldest first; without that one where nothing is
    /// known of what it was made from.
    pub later: Vec<MadeVersion>,
    /// What that one was made from, and so on, the newest first.
    pub earlier: Vec<MadeVersion>,
}

/// Most versions that are gone back over to find how far two are from each other.
const FARTHEST: u32 = 4096;

impl Lineage {
    /// How many versions of a table two of them are from each other: the versions that lead, each to the one that it
    /// was made from, back from both to the newest version that both come of. 0 for one and the same; the order does
    /// not matter. Commits that did not change the table do not count. Takes time for each version on the way.
    ///
    /// `None` where they have no such version in common, where one of both is no version of the table, and where it is
    /// more than 4,096.
    pub fn distance(&self, one: &str, other: &str, table: &str) -> Option<u32> {
        let table = *self.tables.get(table)?;
        let version = |commit| {
            let at = *self.commits.get(commit)?;
            (find(&self.nodes[at as usize].origins, table) == Some(at)).then_some(at)
        };
        let (mut one, mut other) = (version(one)?, version(other)?);
        let mut distance = 0;
        // Versions come after those that they were made from: nothing that the earlier one comes of is passed.
        while one != other {
            let later = one.max(other);
            (one, other) = (one.min(other), self.made_from(later, table)?.1);
            distance += 1;
            if distance > FARTHEST {
                return None;
            }
        }
        Some(distance)
    }

    /// The commit that decides how a table is defined at `commit`: the last one among it and its first parents
    /// that changed the definition, or the first of them. Versions with one such commit have one definition.
    ///
    /// `None` for a commit that was not added.
    pub fn definition(&mut self, commit: &str, table: &str) -> Option<Arc<str>> {
        let at = *self.commits.get(commit)?;
        let table = self.table(table);
        let redefined = self.redefined.get(&table).map_or(&[][..], Vec::as_slice);
        let known = self.definitions.entry(table).or_default();
        for (at, node) in (0..).zip(&self.nodes).skip(known.len()) {
            let is_new = node.parent == UNKNOWN || redefined.binary_search(&at).is_ok();
            let definition = if is_new { at } else { known[node.parent as usize] };
            known.push(definition);
        }
        let definition = known[at as usize];
        Some(Arc::clone(&self.nodes[definition as usize].hash))
    }

    /// The commits that changed how a table is defined, in any line of history: it came, went, or became another one.
    pub fn redefinitions(&self, table: &str) -> Vec<Arc<str>> {
        let redefined = self.tables.get(table).and_then(|table| self.redefined.get(table));
        redefined.into_iter().flatten().map(|&at| Arc::clone(&self.nodes[at as usize].hash)).collect()
    }

    /// Up to `count` versions of a table around the one that `origin` made: first that one and those that came
    /// of it, then those that it came of.
    pub fn versions_around(&mut self, origin: &str, table: &str, count: usize) -> Around {
        let Some(&start) = self.commits.get(origin) else { return Around::default() };
        let table = self.table(table);
        let line = self.main_line(start).unwrap_or_else(|| self.longest_line(start));
        let made = line.iter().rev().filter_map(|&at| self.made(at, table));
        let later: Vec<_> = made.map(|(version, _)| version).take(count).collect();
        let mut earlier = Vec::new();
        let mut next = self.made(start, table).map(|(_, from)| from);
        while later.len() + earlier.len() < count
            && let Some((version, from)) = next.and_then(|at| self.made(at, table))
        {
            earlier.push(version);
            next = Some(from);
        }
        Around { later, earlier }
    }

    /// The commits from the newest shown one back to `start` along first parents; `None` where these do not lead there.
    fn main_line(&self, start: u32) -> Option<Vec<u32>> {
        let parent = |at: &u32| Some(self.nodes[*at as usize].parent).filter(|parent| *parent != UNKNOWN);
        let line = std::iter::successors(self.head, parent).take_while(|at| *at >= start);
        let line: Vec<_> = line.collect();
        (line.last() == Some(&start)).then_some(line)
    }

    /// The longest line of commits that goes back to `start` along first parents; `start` comes last.
    fn longest_line(&self, start: u32) -> Vec<u32> {
        // How far each commit from `start` on is above it, and 0 for those that do not come of it.
        let mut heights = vec![1_u32];
        let mut top = start;
        for (at, node) in (start + 1..).zip(&self.nodes[start as usize + 1..]) {
            let below = node.parent.checked_sub(start).and_then(|below| heights.get(below as usize));
            let height = below.map_or(0, |&below| if below == 0 { 0 } else { below + 1 });
            if height > heights[(top - start) as usize] {
                top = at;
            }
            heights.push(height);
        }
        let mut line = vec![top];
        while top != start {
            top = self.nodes[top as usize].parent;
            line.push(top);
        }
        line
    }

    /// The version that a commit made, and what it was made from. None where it made none, or none is known
    /// before it.
    fn made(&self, at: u32, table: u32) -> Option<(MadeVersion, u32)> {
        let (parent, from) = self.made_from(at, table)?;
        let node = &self.nodes[at as usize];
        let version = MadeVersion {
            commit: Arc::clone(&node.hash),
            is_merge: node.is_merge,
            parent: Arc::clone(&parent.hash),
            from: Arc::clone(&self.nodes[from as usize].hash),
        };
        Some((version, from))
    }

    /// The first parent of a commit that made a version, and the version that it was made from. None as for
    /// [`Self::made`].
    fn made_from(&self, at: u32, table: u32) -> Option<(&Node, u32)> {
        let node = &self.nodes[at as usize];
        if find(&node.origins, table) != Some(at) || node.parent == UNKNOWN {
            return None;
        }
        let parent = &self.nodes[node.parent as usize];
        Some((parent, find(&parent.origins, table)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::time::Timestamp;

    use super::super::{NewCommit, TableChange};
    use super::*;

    fn add(lineage: &mut Lineage, hash: &str, parent: Option<&str>, tables: &[&str]) {
        // A capital letter stands for a table whose definition changed, too.
        let changes = tables.iter().map(|name| TableChange {
            table: name.to_lowercase(),
            schema: name.to_lowercase() != **name,
            same_as: None,
        });
        lineage.add(NewCommit {
            hash: hash.into(),
            time: Timestamp::UNIX_EPOCH,
            parent: parent.map(Into::into),
            is_merge: hash.starts_with('m'),
            changes: changes.collect(),
        });
    }

    /// root - a - b - c - m - d, with sides b - s - s2 and a - x.
    fn lineage() -> Lineage {
        let mut lineage = Lineage::default();
        add(&mut lineage, "root", None, &["T", "U"]);
        add(&mut lineage, "a", Some("root"), &["t"]);
        add(&mut lineage, "x", Some("a"), &["t"]);
        add(&mut lineage, "b", Some("a"), &["t", "u"]);
        add(&mut lineage, "s", Some("b"), &["t"]);
        add(&mut lineage, "s2", Some("s"), &["t"]);
        add(&mut lineage, "c", Some("b"), &["U"]);
        add(&mut lineage, "m", Some("c"), &["T"]);
        add(&mut lineage, "d", Some("m"), &["t", "u"]);
        lineage
    }

    fn steps(versions: &[MadeVersion]) -> Vec<String> {
        versions.iter().map(|made| format!("{}<{}<{}", made.commit, made.parent, made.from)).collect()
    }

    #[test]
    fn versions_follow_one_line_of_first_parents() {
        let mut lineage = lineage();
        let around = lineage.versions_around("b", "t", 10);
        assert_eq!(steps(&around.later), ["b<a<a", "m<c<b", "d<m<m"]);
        assert_eq!(steps(&around.earlier), ["a<root<root"], "nothing is known before the first one");
        assert_eq!(around.later.iter().map(|made| made.is_merge).collect::<Vec<_>>(), [false, true, false]);
        let around = lineage.versions_around("s2", "t", 3);
        assert_eq!((steps(&around.later), steps(&around.earlier)), {
            (vec!["s2<s<s".to_owned()], vec!["s<b<b".to_owned(), "b<a<a".to_owned()])
        });
        assert_eq!(steps(&lineage.versions_around("a", "t", 2).later), ["a<root<root", "b<a<a"]);
        let around = lineage.versions_around("root", "u", 10);
        assert_eq!(steps(&around.later), ["b<a<root", "c<b<b", "d<m<c"]);
        assert_eq!(around.earlier, []);
        assert_eq!(lineage.versions_around("nowhere", "t", 10), Around::default());
    }

    #[test]
    fn versions_follow_the_main_timeline_where_that_leads_on_from_them() {
        let mut lineage = lineage();
        lineage.show(["s2", "s", "b", "a", "root", "d", "m", "c", "x"].into_iter());
        let later = |lineage: &mut Lineage, of| steps(&lineage.versions_around(of, "t", 9).later);
        assert_eq!(later(&mut lineage, "b"), ["b<a<a", "s<b<b", "s2<s<s"], "the other line is longer");
        assert_eq!(later(&mut lineage, "m"), ["m<c<b", "d<m<m"]);
    }

    #[test]
    fn versions_are_as_far_from_each_other_as_there_are_versions_between() {
        let lineage = lineage();
        for (one, other, table, expected) in [
            ("b", "b", "t", Some(0)),
            ("root", "b", "t", Some(2)),
            ("root", "d", "t", Some(4)),
            ("b", "m", "t", Some(1)),
            ("s2", "d", "t", Some(4)),
            ("x", "s2", "t", Some(4)),
            ("root", "d", "u", Some(3)),
            ("b", "c", "t", None),
            ("a", "b", "u", None),
            ("b", "nowhere", "t", None),
            ("b", "d", "no table", None),
        ] {
            assert_eq!(lineage.distance(one, other, table), expected, "{table} from {one} to {other}");
            assert_eq!(lineage.distance(other, one, table), expected, "{table} from {other} to {one}");
        }
    }

    #[test]
    fn versions_without_one_in_common_have_no_distance_and_far_ones_neither() {
        let mut lineage = Lineage::default();
        let hashes: Vec<_> = (0..FARTHEST + 2).map(|at| format!("c{at}")).collect();
        for (at, hash) in hashes.iter().enumerate() {
            add(&mut lineage, hash, at.checked_sub(1).map(|before| &*hashes[before]), &["t"]);
        }
        add(&mut lineage, "other root", None, &["t"]);
        let newest = &hashes[hashes.len() - 1];
        assert_eq!(lineage.distance("c1", newest, "t"), Some(FARTHEST));
        assert_eq!(lineage.distance("c0", newest, "t"), None);
        assert_eq!(lineage.distance("c0", "other root", "t"), None);
    }

    #[test]
    fn definitions_last_until_they_change() {
        let mut lineage = lineage();
        let definition = |lineage: &mut Lineage, commit: &str, table: &str| {
            lineage.definition(commit, table).expect("a commit that was added").to_string()
        };
        for (commit, of_t, of_u) in
            [("root", "root", "root"), ("s2", "root", "root"), ("c", "root", "c"), ("d", "m", "c")]
        {
            let found = (definition(&mut lineage, commit, "t"), definition(&mut lineage, commit, "u"));
            assert_eq!(found, (of_t.to_owned(), of_u.to_owned()), "at {commit}");
        }
        add(&mut lineage, "e", Some("s2"), &["T"]);
        add(&mut lineage, "f", Some("e"), &["t"]);
        assert_eq!(definition(&mut lineage, "f", "t"), "e", "commits that were added since");
        assert_eq!(lineage.definition("nowhere", "t"), None);
        let redefinitions =
            |table: &str| lineage.redefinitions(table).iter().map(ToString::to_string).collect();
        let of_t: Vec<String> = redefinitions("t");
        assert_eq!(of_t, ["root", "m", "e"]);
        assert_eq!(redefinitions("nothing"), Vec::<String>::new());
    }
}
