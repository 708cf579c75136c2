//! The promises of docs/ARCHITECTURE.md about the source: which folder may use which, no circles, one meaning per name.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use imports::{Imports, SourceFile, files_below};

/// The folders of `src/`, top first: each uses only those below it.
const LAYERS: [&str; 15] = [
    "cli", "verify", "fuse", "vfs", "query", "views", "engine", "catalog", "source", "format", "files",
    "content", "memory", "util", "model",
];

/// How many types may share a name.
const MOST_OF_ONE_NAME: usize = 2;

/// The files of `src/`, then those of each crate in `crates/`.
static CRATES: LazyLock<Vec<Vec<SourceFile>>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = std::fs::read_dir(root.join("crates")).expect("the crates can be listed");
    let crates = crates.map(|entry| entry.expect("the crates can be listed").path());
    std::iter::once(root.to_owned()).chain(crates).map(|krate| files_below(&krate.join("src"))).collect()
});

fn program() -> &'static [SourceFile] {
    &CRATES[0]
}

#[test]
fn every_folder_has_its_place() {
    let folders: BTreeSet<_> =
        program().iter().filter_map(|file| Some(file.path.split_once('/')?.0)).collect();
    assert_eq!(folders, LAYERS.into_iter().collect(), "ARCHITECTURE.md and LAYERS name each folder of src/");
}

#[test]
fn no_folder_uses_one_above_it() {
    let imports = Imports::of(program());
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
    assert!(imports.edges.values().map(BTreeSet::len).sum::<usize>() > program().len(), "imports are found");
}

#[test]
fn no_circle_has_more_than_two_files() {
    for files in &*CRATES {
        let imports = Imports::of(files);
        let circles: Vec<_> = imports.circles().into_iter().filter(|files| files.len() > 2).collect();
        assert!(circles.is_empty(), "these files use each other: {circles:#?}");
    }
}

#[test]
fn no_type_name_stands_more_than_twice() {
    let mut names = BTreeMap::<String, Vec<String>>::new();
    for file in CRATES.iter().flatten() {
        for name in &file.types {
            names.entry(name.clone()).or_default().push(file.path.clone());
        }
    }
    names.retain(|_, places| places.len() > MOST_OF_ONE_NAME);
    assert!(names.is_empty(), "a name means one thing: {names:#?}");
}
