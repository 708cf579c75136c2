//! Folders made from a flat, sorted list of paths.

use std::collections::BTreeMap;

use crate::content::FileEntry;

/// What a path below a snapshot's folder is.
pub enum PathKind<'a> {
    /// A file.
    File(&'a FileEntry),
    /// A folder on the way to files.
    Folder,
}

/// What `path` is among `files`, which are sorted by path.
pub fn find<'a>(files: &'a [FileEntry], path: &str) -> Option<PathKind<'a>> {
    if let Ok(index) = files.binary_search_by(|f| (*f.path).cmp(path)) {
        return Some(PathKind::File(&files[index]));
    }
    files_below(files, path).next().map(|_| PathKind::Folder)
}

/// The names directly in the folder `path` of a snapshot, each with its file, or `None` for a folder.
pub fn children<'a>(files: &'a [FileEntry], path: &str) -> BTreeMap<&'a str, Option<&'a FileEntry>> {
    first_names(files_below(files, path))
}

/// The names directly in the folder `path`, each with what stands at that very path, or `None` for a mere folder.
pub fn names_in<'a, T>(
    paths: impl Iterator<Item = (&'a str, T)>,
    path: &str,
) -> BTreeMap<&'a str, Option<T>> {
    let prefix = prefix(path);
    first_names(paths.filter_map(move |(path, at)| Some((path.strip_prefix(&*prefix)?, at))))
}

/// Whether `path` is a folder on the way to one of `paths`.
pub fn is_folder<'a>(mut paths: impl Iterator<Item = &'a str>, path: &str) -> bool {
    let prefix = prefix(path);
    paths.any(|path| path.starts_with(&prefix))
}

fn files_below<'a>(files: &'a [FileEntry], path: &str) -> impl Iterator<Item = (&'a str, &'a FileEntry)> {
    let prefix = prefix(path);
    let start = files.partition_point(|f| *f.path < *prefix);
    files[start..].iter().map_while(move |f| f.path.strip_prefix(&*prefix).map(|rest| (rest, f)))
}

fn first_names<'a, T>(paths: impl Iterator<Item = (&'a str, T)>) -> BTreeMap<&'a str, Option<T>> {
    let mut names = BTreeMap::new();
    for (rest, at) in paths {
        match rest.split_once('/') {
            None => drop(names.insert(rest, Some(at))),
            Some((folder, _)) => drop(names.entry(folder).or_insert(None)),
        }
    }
    names
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}
