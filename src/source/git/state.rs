//! What is known of a repository from one poll to the next.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gix::ObjectId;
use jiff::tz::TimeZone;

use super::changes::{Node, SnapshotIndex};
use super::copies::{self, Copies, CopiesDatabase};
use super::database::GitDatabase;
use super::graph::{At, CommitNumber, Graph};
use super::history::{self, Children, Kept, Lineage};
use super::layout::{self, Layout, Part};
use super::objects::{CachedReader, Objects};
use super::place::GitPlace;
use super::refs::Refs;
use super::tree::TreeEntry;
use super::verify::Checker;
use crate::content::{ErrorKind, SourceError};
use crate::model::access::Audience;
use crate::model::history::SnapshotId;
use crate::source::Database;
use crate::source::repository::Repository;

/// Time between two attempts to read what could not be read.
const TRY_AGAIN: Duration = Duration::from_secs(2);

pub(super) struct GitState {
    /// `NAME=`.
    wanted: Option<String>,
    /// The database that it means, if there are several.
    chosen: Option<String>,
    /// Which databases are at the path: decided once, so that later commits do not change what is shown.
    layout: Option<Layout>,
    graph: Graph,
    children: Children,
    /// Replacements and shallow boundary when the commits were read: they decide what the commits are.
    replaced: Arc<HashMap<ObjectId, ObjectId>>,
    boundary: HashSet<ObjectId>,
    /// When the last such attempt was made.
    tried: Instant,
    databases: BTreeMap<Arc<str>, Arc<GitDatabase>>,
    copies: Copies,
    /// The databases, where the chosen folder is one of copies.
    copied: BTreeMap<Arc<str>, Arc<CopiesDatabase>>,
    /// `--timezone`.
    zone: Option<TimeZone>,
    system: TimeZone,
    /// Which of them checks the repository.
    checker: Checker,
}

/// All commits that names reach.
struct Reached<'r> {
    graph: &'r Graph,
    /// Parents before children.
    order: Vec<CommitNumber>,
    refs: &'r Refs,
    /// The commits that the objects of names stand for.
    peeled: HashMap<ObjectId, ObjectId>,
    checker: &'r Checker,
}

impl GitState {
    pub(super) fn new(wanted: Option<String>, zone: Option<TimeZone>) -> Self {
        Self {
            wanted,
            chosen: None,
            layout: None,
            graph: Graph::default(),
            children: Children::default(),
            replaced: Arc::default(),
            boundary: HashSet::new(),
            tried: Instant::now(),
            databases: BTreeMap::new(),
            copies: Copies::default(),
            copied: BTreeMap::new(),
            zone,
            system: TimeZone::system(),
            checker: Arc::default(),
        }
    }

    /// Whether something that the last look could not read is there now. Blocks.
    pub(super) fn is_any_back(
        &mut self,
        repository: &Arc<Repository>,
        place: &GitPlace,
        label: &Arc<str>,
    ) -> bool {
        if self.graph.is_whole() || self.tried.elapsed() < TRY_AGAIN {
            return false;
        }
        let objects = Objects::new(label, repository, &self.replaced, Audience::Owner);
        let is_any = self.graph.is_any_back(&mut objects.reader(), &place.path);
        self.tried = Instant::now();
        is_any
    }

    /// The databases of a repository that names these commits and lets these users read it. Fails where the branch's newest
    /// commit cannot be read, or none of its commits has anything at the chosen path. Blocks.
    pub(super) fn look(
        &mut self,
        repository: &Arc<Repository>,
        (refs, audience): (&Refs, Audience),
        place: &GitPlace,
        label: &Arc<str>,
    ) -> Result<Vec<Arc<dyn Database>>, SourceError> {
        if *self.replaced != refs.replaced || self.boundary != refs.boundary {
            self.forget();
            self.databases.clear();
            self.copied.clear();
            self.replaced = Arc::new(refs.replaced.clone());
            self.boundary.clone_from(&refs.boundary);
        }
        let objects = Arc::new(Objects::new(label, repository, &self.replaced, audience));
        let mut reader = objects.reader().for_many();
        let (mut order, mut peeled) = self.reach(&mut reader, refs, place)?;
        if self.graph.is_untidy(order.len()) {
            self.forget();
            (order, peeled) = self.reach(&mut reader, refs, place)?;
        }
        let reached = Reached { graph: &self.graph, order, refs, peeled, checker: &self.checker };
        let line = reached.line();
        let newest = reached.newest_entry(&line, place, label)?;
        if copies::is_folder_of(reached.graph, &line, &mut reader)? {
            let zones = (self.zone.as_ref(), &self.system);
            let found = self.copies.look(reached.graph, &line, &mut reader, &place.name(), zones);
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            let chosen = choose(self.wanted.as_deref(), &mut self.chosen, &names, label)?.map(str::to_owned);
            let mut views = BTreeMap::new();
            for (stem, found) in found {
                if chosen.as_ref().is_none_or(|name| *name == stem) {
                    let name: Arc<str> = self.wanted.as_deref().unwrap_or(&stem).into();
                    let (names, shared) = ((&name, &*stem), (&objects, &self.checker));
                    let (graph, former) = (reached.graph, self.copied.get(&name));
                    let view = CopiesDatabase::new(names, &place.path, found, graph, shared, former);
                    views.insert(name, view);
                }
            }
            (self.copied, self.databases) = (views, BTreeMap::new());
            return Ok(self.copied.values().map(|view| Arc::clone(view) as Arc<dyn Database>).collect());
        }
        let layout = match &self.layout {
            Some(known) => known.clone(),
            None => {
                let found = Layout::of(&mut reader, place.name(), newest)?;
                // An empty path may get any layout later.
                self.layout = newest.map(|_| found.clone());
                found
            }
        };
        let (mut views, mut unread) = (BTreeMap::new(), Vec::new());
        let parts: Vec<(Part, Lineage)> = match layout {
            Layout::Several => {
                let Kept { shapes, touched, unread: more } =
                    self.children.look(reached.graph, &reached.order, &mut reader)?;
                unread = more;
                let none = HashSet::new();
                let lineage = |part: Part| {
                    let touched = part.child.as_ref().and_then(|child| touched.get(child)).unwrap_or(&none);
                    (part, Lineage::new(reached.graph, &reached.order, |place| touched.contains(&place)))
                };
                layout::parts(&shapes).into_iter().map(lineage).collect()
            }
            Layout::One(part) => {
                let is_touched = |commit| history::is_touched(reached.graph, commit);
                let lineage = Lineage::new(reached.graph, &reached.order, is_touched);
                vec![(part, lineage)]
            }
        };
        let names: Vec<&str> = parts.iter().map(|(part, _)| part.name.as_str()).collect();
        let chosen = choose(self.wanted.as_deref(), &mut self.chosen, &names, label)?;
        for (part, lineage) in parts.iter().filter(|(part, _)| chosen.is_none_or(|name| name == part.name)) {
            let name: Arc<str> = self.wanted.as_deref().unwrap_or(&part.name).into();
            let view = reached.view(&name, (part, lineage), place, &objects, self.databases.get(&name));
            views.insert(name, view);
        }
        self.graph.unread.extend(unread);
        (self.copied, self.databases) = (BTreeMap::new(), views);
        Ok(self.databases.values().map(|view| Arc::clone(view) as Arc<dyn Database>).collect())
    }

    #[cfg(test)]
    pub(super) fn commits_known(&self) -> usize {
        self.graph.len()
    }

    fn forget(&mut self) {
        (self.graph, self.children) = (Graph::default(), Children::default());
        self.copies = Copies::default();
    }

    fn reach(
        &mut self,
        reader: &mut CachedReader<'_>,
        refs: &Refs,
        place: &GitPlace,
    ) -> Result<(Vec<CommitNumber>, HashMap<ObjectId, ObjectId>), SourceError> {
        // All that could not be read is tried again.
        self.graph.unread.clear();
        let mut peeled = HashMap::new();
        for id in refs.tips() {
            if let Some(commit) = self.graph.peel(reader, id)? {
                peeled.insert(id, commit);
            }
        }
        let tips = refs.tips().filter_map(|id| peeled.get(&id).copied());
        let order = self.graph.reach(reader, tips, &place.path, &refs.boundary)?;
        if peeled.get(&refs.tip).is_some_and(|tip| self.graph.place(tip).is_some()) {
            return Ok((order, peeled));
        }
        let what = "the newest commit of the branch,";
        let error = match reader.read_any(refs.tip, what) {
            Err(error) => error,
            Ok((kind, _)) => {
                let operation = format!("cannot read {what} {}", refs.tip);
                let hint = "`git fsck` checks the repository; or name another branch: git:PATH?ref=BRANCH";
                SourceError::new(ErrorKind::Invalid, &*reader.objects.label, operation)
                    .because(format!("it stands for no commit that can be read, it is a {kind}"))
                    .with_hint(hint)
            }
        };
        Err(error)
    }
}

/// Which one of several databases is shown: decided once, so that later databases change nothing.
fn choose<'c>(
    wanted: Option<&str>,
    chosen: &'c mut Option<String>,
    names: &[&str],
    label: &str,
) -> Result<Option<&'c str>, SourceError> {
    let Some(wanted) = wanted else { return Ok(None) };
    if chosen.is_none() {
        let found = match names {
            [only] => Some(*only),
            _ => names.iter().copied().find(|name| *name == wanted),
        };
        let Some(found) = found else {
            let operation = format!("cannot call the database '{wanted}'");
            return Err(SourceError::new(ErrorKind::Invalid, label, operation)
                .because(format!("the repository holds several databases: {}", names.join(", ")))
                .with_hint("give NAME= the name of one of them, or leave it out to show all"));
        };
        *chosen = Some(found.to_owned());
    }
    Ok(chosen.as_deref())
}

impl Reached<'_> {
    /// The commits on the branch's line of first parents, newest first.
    fn line(&self) -> Vec<CommitNumber> {
        let tip = self.peeled.get(&self.refs.tip).and_then(|tip| self.graph.place(tip));
        std::iter::successors(tip, |place| self.graph.first_parent(*place)).collect()
    }

    /// What the newest commit of the branch that has anything at the chosen path has there.
    fn newest_entry(
        &self,
        line: &[CommitNumber],
        place: &GitPlace,
        label: &str,
    ) -> Result<Option<TreeEntry>, SourceError> {
        let mut is_any_unreadable = false;
        for commit in line {
            match self.graph.commit(*commit).at {
                At::Known(Some(entry)) => return Ok(Some(entry)),
                At::Known(None) => {}
                At::Unreadable(_) => is_any_unreadable = true,
            }
        }
        if place.path.is_empty() || is_any_unreadable {
            return Ok(None);
        }
        let operation = format!("found no {} in any commit of the branch", place.path_text());
        let hint = "the path is that in the repository; `git log -- PATH` tells whether there ever was one";
        Err(SourceError::new(ErrorKind::Missing, label, operation).with_hint(hint))
    }

    /// The view of a database; the former one where nothing of it is new.
    fn view(
        &self,
        name: &Arc<str>,
        (part, lineage): (&Part, &Lineage),
        place: &GitPlace,
        objects: &Arc<Objects>,
        former: Option<&Arc<GitDatabase>>,
    ) -> Arc<GitDatabase> {
        let history =
            history::history(self.graph, &self.order, lineage, self.refs, |id| self.peeled.get(id).copied());
        let former = former.filter(|former| former.is_of(part));
        let is_same = |former: &&Arc<GitDatabase>| {
            *former.history() == history && former.audiences() == objects.audience.into()
        };
        if let Some(same) = former.filter(is_same) {
            return Arc::clone(same);
        }
        let shared = former.map_or_else(Arc::default, |former| former.shared());
        let shared = (Arc::clone(objects), shared, Arc::clone(self.checker));
        let nodes = self.nodes(lineage);
        Arc::new(GitDatabase::new(Arc::clone(name), part, &place.path, history, nodes, shared))
    }

    /// The snapshots, parents before children.
    fn nodes(&self, lineage: &Lineage) -> Vec<(SnapshotId, Node)> {
        let mut index: HashMap<CommitNumber, SnapshotIndex> = HashMap::new();
        let mut nodes: Vec<(SnapshotId, Node)> = Vec::new();
        for &place in self.order.iter().filter(|place| lineage.is_snapshot(**place)) {
            let commit = self.graph.commit(place);
            let parent = self.graph.first_parent(place).and_then(|parent| lineage.nearest(parent));
            let parent = parent.and_then(|parent| index.get(&parent).copied());
            let own = SnapshotIndex::try_from(nodes.len()).expect("memory holds fewer than 2^32 commits");
            index.insert(place, own);
            let (object, tree, time) = (commit.object, commit.text.tree, commit.text.time);
            nodes.push((Arc::clone(&commit.id), Node { commit: object, tree, time, parent }));
        }
        nodes
    }
}
