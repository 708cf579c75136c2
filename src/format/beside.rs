//! What a blob in a tree of files is shown as: files in folders beside it, such as `state.db.tables/`.

use std::collections::BTreeSet;
use std::io;

use super::api::{Format, shown_as, stood_in, unpacked};
use super::blob::io_kind;
use super::head::head;
use super::input::FormatInput;
use super::packed::Packing;
use super::shown::{FileGroup, ShownFile};
use crate::content::SourceError;
use crate::model::names::MAX_COMPONENT;

/// A larger blob in a tree is shown as its bytes alone, because a blob is unpacked whenever its snapshot, or a
/// neighbouring one, is listed.
pub(crate) const LARGEST_BLOB: u64 = 64 << 20;

/// Whether a blob in a tree may have files beside it, by its name.
pub(crate) fn may_have_files(format: &dyn Format, packing: Packing) -> bool {
    format.head_test().is_some() || packing != Packing::Plain
}

/// The files in folders beside a blob; none for an empty blob, a large one, or one that only has the name of the
/// format. A failure that may pass, or that the format has no stand-in for, is an error. Blocks.
pub(crate) fn files_beside(
    format: &'static dyn Format,
    input: &FormatInput<'_>,
) -> Result<Vec<ShownFile>, SourceError> {
    if !(1..=LARGEST_BLOB).contains(&input.blob.len()) {
        return Ok(Vec::new());
    }
    let files = match format.head_test() {
        Some(test) => input.head().map(|head| test(head).then(|| shown_as(format, input))),
        None => {
            is_packed(input).map(|is_packed| is_packed.then(|| Ok(Vec::from_iter(unpacked(format, input)))))
        }
    };
    match files {
        Ok(files) => files.unwrap_or(Ok(Vec::new())),
        // The blob only has the name, or reading its own bytes fails, too.
        Err(error) if io_kind(&error).is_lasting() && !is_packed(input).unwrap_or(false) => Ok(Vec::new()),
        Err(error) => stood_in(format, input, input.fail("read", error)),
    }
}

/// Whether a blob is packed as its name says.
fn is_packed(input: &FormatInput<'_>) -> io::Result<bool> {
    Ok(Packing::of_head(&head(input.blob.read()?)?)? == Some(input.packing))
}

/// Where a file of the blob at `path` is shown; `stem` is the blob's name without its ending. `None` if a file in
/// `taken` is in the way, or the name of the folder would be too long.
pub(crate) fn path_beside(
    path: &str,
    stem: &str,
    file: &ShownFile,
    taken: &BTreeSet<&str>,
) -> Option<String> {
    let folder = folder_beside(path, file.group).filter(|folder| is_free(taken, folder))?;
    Some(match (file.group, &*file.path) {
        (FileGroup::Unpacked, suffix) => format!("{folder}/{stem}{suffix}"),
        (_, "") => folder,
        (_, below) => format!("{folder}/{below}"),
    })
}

/// The folder beside the blob at `path`; `None` if its name would be longer than names may be.
fn folder_beside(path: &str, group: FileGroup) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let suffix = group.suffix();
    (name.len() + suffix.len() <= MAX_COMPONENT).then(|| format!("{path}{suffix}"))
}

/// Whether no path in `taken` is the folder or is in it.
fn is_free(taken: &BTreeSet<&str>, folder: &str) -> bool {
    let below = format!("{folder}/");
    !taken.contains(folder) && taken.range(&*below..).next().is_none_or(|next| !next.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_where_nothing_is_called_so_or_lies_within() {
        let taken: BTreeSet<&str> = ["a.db", "b.db", "b.db.tables", "c.db", "c.db.tables/x/y"].into();
        for (path, expected) in [("a.db", true), ("b.db", false), ("c.db", false), ("x/c.db", true)] {
            assert_eq!(is_free(&taken, &folder_beside(path, FileGroup::Tables).unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn a_name_that_leaves_no_room_has_no_folder() {
        let path = |len: usize| format!("{}/{}", "x".repeat(300), "y".repeat(len));
        assert_eq!(folder_beside(&path(248), FileGroup::Tables), Some(format!("{}.tables", path(248))));
        assert_eq!(folder_beside(&path(249), FileGroup::Tables), None);
    }
}
