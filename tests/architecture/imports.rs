//! Which file of a crate uses which, read from its `use` declarations and paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// A module, by the names on the way from the root of the crate.
type Module = Vec<String>;

/// A file of a crate, without what is compiled for tests alone.
pub struct SourceFile {
    /// Its path below the root of the crate.
    pub path: String,
    /// The types that it defines, its tests' too.
    pub types: Vec<String>,
    module: Module,
    uses: Vec<Use>,
    /// The first names of all paths.
    names: BTreeSet<String>,
    is_test: bool,
}

/// A path that stands in a file.
struct Use {
    path: Module,
    /// The name by which others find it here.
    public_as: Option<String>,
}

/// Which files use which others.
pub struct Imports {
    /// For each file those that it uses, without itself.
    pub edges: BTreeMap<String, BTreeSet<String>>,
}

/// Reads all files of a crate.
pub fn files_below(root: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder can be listed") {
            let path = entry.expect("a source folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(SourceFile::read(root, &path));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

impl SourceFile {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a source file can be read");
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root).expect("it is below").to_str().expect("UTF-8").to_owned();
        let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        let is_test = module.iter().any(|name| name == "tests" || name == "testing");
        let mut reader = Reader { module: module.clone(), ..Reader::default() };
        reader.visit_file(&parsed);
        let Reader { types, uses, names, .. } = reader;
        Self { path, types, module, uses, names, is_test }
    }
}

/// Collects what a file uses.
#[derive(Default)]
struct Reader {
    module: Module,
    uses: Vec<Use>,
    types: Vec<String>,
    names: BTreeSet<String>,
    /// How many test modules it is within.
    tests: usize,
}

impl Reader {
    /// Takes up a path as it stands in the text.
    fn add(&mut self, path: Module, public_as: Option<String>) {
        if self.tests > 0 {
            return;
        }
        let mut at = self.module.clone();
        let mut names = path.into_iter().peekable();
        match names.peek().map(String::as_str) {
            Some("crate") => {
                names.next();
                at.clear();
            }
            Some("self" | "super") => {
                while let Some(name) = names.next_if(|name| name == "self" || name == "super") {
                    if name == "super" {
                        at.pop();
                    }
                }
            }
            // A child of this module, or another crate: no file has that name then.
            _ => {}
        }
        at.extend(names);
        self.uses.push(Use { path: at, public_as });
    }

    fn add_tree(&mut self, tree: &UseTree, mut before: Module, is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(&path.tree, before, is_public);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_tree(tree, before.clone(), is_public));
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let own = before.last().filter(|_| name == "self").unwrap_or(&name).clone();
                if name != "self" {
                    before.push(name);
                }
                self.add(before, is_public.then_some(own));
            }
            UseTree::Rename(rename) => {
                before.push(rename.ident.to_string());
                self.add(before, is_public.then(|| rename.rename.to_string()));
            }
            UseTree::Glob(_) => self.add(before, None),
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name): (&[Attribute], _) = match item {
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Union(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Mod(item) => (&item.attrs, None),
            Item::Fn(item) => (&item.attrs, None),
            Item::Impl(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            _ => (&[], None),
        };
        self.types.extend(name.map(ToString::to_string));
        let is_test = attributes.iter().any(is_for_tests);
        self.tests += usize::from(is_test);
        match item {
            Item::Use(item) => {
                let is_public = !matches!(item.vis, Visibility::Inherited);
                self.add_tree(&item.tree, Module::new(), is_public);
            }
            // `super` in a module within a file means the file.
            Item::Mod(item) if item.content.is_some() => {
                self.module.push(item.ident.to_string());
                visit::visit_item_mod(self, item);
                self.module.pop();
            }
            _ => visit::visit_item(self, item),
        }
        self.tests -= usize::from(is_test);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Module = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if self.tests == 0 {
            self.names.extend(names.first().cloned());
        }
        if names.len() > 1 {
            self.add(names, None);
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let is_cfg = attribute.path().is_ident("cfg");
    is_cfg && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
}

impl Imports {
    /// Finds the file behind each path, through re-exports.
    pub fn of(files: &[SourceFile]) -> Self {
        let by_module: BTreeMap<&[String], &SourceFile> =
            files.iter().map(|file| (&*file.module, file)).collect();
        let mut edges = BTreeMap::new();
        for file in files.iter().filter(|file| !file.is_test) {
            // What a file only hands on to others it does not use.
            let used = file
                .uses
                .iter()
                .filter(|one| one.public_as.as_ref().is_none_or(|name| file.names.contains(name)));
            let used = used.filter_map(|one| found(&by_module, &one.path, 0));
            let others = used.filter(|other| other.path != file.path && !other.is_test);
            edges.insert(file.path.clone(), others.map(|other| other.path.clone()).collect());
        }
        Self { edges }
    }

    /// Groups of files of which each uses all others, directly or through others (Tarjan's strongly connected components).
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let mut search =
            Circles { edges: &self.edges, index: BTreeMap::new(), stack: Vec::new(), found: Vec::new() };
        for file in self.edges.keys() {
            if !search.index.contains_key(&**file) {
                search.visit(file);
            }
        }
        search.found
    }
}

/// The file that defines what a path names: the longest beginning of it that is a module, or what that re-exports.
fn found<'f>(
    files: &BTreeMap<&[String], &'f SourceFile>,
    path: &[String],
    hops: usize,
) -> Option<&'f SourceFile> {
    let len = (0..=path.len()).rev().find(|len| files.contains_key(&path[..*len]))?;
    let file = files[&path[..len]];
    let Some(name) = path.get(len) else { return Some(file) };
    let exported = file.uses.iter().find(|one| one.public_as.as_ref() == Some(name));
    match exported {
        // Only a circle of re-exports has more, which does not compile.
        Some(one) if hops < 16 => {
            let mut path_on = one.path.clone();
            path_on.extend_from_slice(&path[len + 1..]);
            found(files, &path_on, hops + 1)
        }
        // The root of the crate holds no code: a path that ends there names another crate.
        _ => Some(file).filter(|_| len > 0),
    }
}

struct Circles<'i> {
    edges: &'i BTreeMap<String, BTreeSet<String>>,
    /// When a file was found, and the earliest file that is reached from it.
    index: BTreeMap<&'i str, (usize, usize)>,
    stack: Vec<&'i str>,
    found: Vec<Vec<&'i str>>,
}

impl<'i> Circles<'i> {
    fn visit(&mut self, file: &'i str) -> usize {
        let own = self.index.len();
        self.index.insert(file, (own, own));
        self.stack.push(file);
        let mut earliest = own;
        for other in &self.edges[file] {
            let reached = match self.index.get(&**other) {
                None => self.visit(other),
                Some((_, reached)) if self.stack.contains(&&**other) => *reached,
                Some(_) => continue,
            };
            earliest = earliest.min(reached);
        }
        self.index.insert(file, (own, earliest));
        if earliest == own {
            let from = self.stack.iter().position(|one| *one == file).expect("it is on the stack");
            self.found.push(self.stack.split_off(from));
        }
        earliest
    }
}
