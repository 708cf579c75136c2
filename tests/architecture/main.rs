//! The promises of docs/ARCHITECTURE.md about the source: which folder may use which, no circles, one meaning per name.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::{Imports, SourceFile, files_below};

/// The folders of `src/`, top first: each uses only those below it.
const LAYERS: [&str; 15] = [
    "cli", "verify", "fuse", "vfs", "query", "views", "engine", "catalog", "source", "format", "files",
    "content", "memory", "util", "model",
];

/// How many types may share a name.
const MOST_OF_ONE_NAME: usize = 2;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The roots of all crates of the workspace.
fn crates() -> Vec<std::path::PathBuf> {
    let mut crates = vec![root().join("src")];
    let Ok(others) = std::fs::read_dir(root().join("crates")) else { return crates };
    crates.extend(others.map(|entry| entry.expect("a folder can be listed").path().join("src")));
    crates
}

#[test]
fn every_folder_has_its_place() {
    let files = files_below(&root().join("src"));
    let folders: BTreeSet<_> = files.iter().filter_map(|file| Some(file.path.split_once('/')?.0)).collect();
    assert_eq!(folders, LAYERS.into_iter().collect(), "ARCHITECTURE.md and LAYERS name each folder of src/");
}

#[test]
fn no_folder_uses_one_above_it() {
    let files = files_below(&root().join("src"));
    let imports = Imports::of(&files);
    let layer = |path: &str| LAYERS.iter().position(|layer| path.split('/').next() == Some(*layer));
    let mut upward = Vec::new();
    for (file, used) in &imports.edges {
        for other in used {
            if let (Some(own), Some(layer)) = (layer(file), layer(other))
                && layer < own
            {
                upward.push(format!("{file} uses {other}"));
            }
        }
    }
    assert!(upward.is_empty(), "data flows one way: {upward:#?}");
    assert!(imports.edges.values().map(BTreeSet::len).sum::<usize>() > files.len(), "imports are found");
}

#[test]
fn no_circle_has_more_than_two_files() {
    for krate in crates() {
        let imports = Imports::of(&files_below(&krate));
        let circles: Vec<_> = imports.circles().into_iter().filter(|files| files.len() > 2).collect();
        assert!(circles.is_empty(), "in {}, these files use each other: {circles:#?}", krate.display());
    }
}

#[test]
fn no_type_name_stands_more_than_twice() {
    let mut names = BTreeMap::<String, Vec<String>>::new();
    for krate in crates() {
        for SourceFile { path, types, .. } in files_below(&krate) {
            for name in types {
                names.entry(name).or_default().push(path.clone());
            }
        }
    }
    names.retain(|_, places| places.len() > MOST_OF_ONE_NAME);
    assert!(names.is_empty(), "a name means one thing: {names:#?}");
}
