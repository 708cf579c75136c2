//! What a file format is, and what a blob is shown as.

use std::sync::Arc;

use super::blob::lacks_room;
use super::flaw::Flaw;
use super::input::FormatInput;
use super::packed::{PackedFile, Packing};
use super::shown::{FileGroup, ShownFile};
use crate::content::SourceError;

pub(crate) trait Format: Sync {
    /// How names of such files end: without the dot, in lower case, the usual ending first.
    fn endings(&self) -> &'static [&'static str];

    /// Whether such a file may be packed as a whole, as `x.sql.gz` is.
    fn may_be_packed(&self) -> bool {
        true
    }

    /// Whether a packed one is also shown as the unpacked file.
    fn shows_unpacked(&self) -> bool {
        true
    }

    /// Whether the file itself is shown beside what is in it.
    fn shows_bytes(&self, _packing: Packing) -> bool {
        true
    }

    /// Tells whether bytes begin as such a file does, for a format whose files hold other files. In a tree, where names
    /// may mean anything, this decides. `None`: in a tree it is a file like any other.
    fn head_test(&self) -> Option<fn(&[u8]) -> bool> {
        None
    }

    /// The files that are in it; none if only its name is of this format. Blocks.
    fn files(&self, input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError>;

    /// The file that takes the place of all others, and says when it is read why they are missing. `None`: the snapshot
    /// cannot be listed without them.
    fn stand_in(&self) -> Option<(FileGroup, &'static str)> {
        None
    }

    /// The format that the bytes have despite the name. Blocks.
    fn in_truth(&self, _input: &FormatInput<'_>) -> Option<&'static dyn Format> {
        None
    }

    /// Checks what reading its files does not check. `None` if there is nothing to check. Blocks.
    fn check(&self, _input: &FormatInput<'_>) -> Option<Vec<Flaw>> {
        None
    }

    /// The word under which checked files of this format are counted: `tar`.
    fn counted_as(&self) -> Option<&'static str> {
        None
    }
}

/// The files that a blob is shown as, beside its own bytes. If the blob can never be read, or there is no room for
/// temporary files, a file in their place says why. Another failure that may pass, or one for which the format has no
/// stand-in, is an error. Blocks.
pub(crate) fn shown_as(
    named: &'static dyn Format,
    input: &FormatInput<'_>,
) -> Result<Vec<ShownFile>, SourceError> {
    let format = named.in_truth(input).unwrap_or(named);
    let mut files = format.files(input).or_else(|error| stood_in(format, input, error))?;
    if format.shows_unpacked() {
        files.extend(unpacked(format, input));
    }
    Ok(files)
}

/// What stands for the files of a blob that cannot be read, if that lasts or if there is no room for temporary files.
pub(super) fn stood_in(
    format: &dyn Format,
    input: &FormatInput<'_>,
    error: SourceError,
) -> Result<Vec<ShownFile>, SourceError> {
    match format.stand_in() {
        Some(place) if error.kind.is_lasting() || lacks_room(&error) => {
            Ok(vec![ShownFile::broken(place, format!("what is in {}", input.blob.describe()), &error)])
        }
        _ => Err(error),
    }
}

/// The unpacked bytes of a blob that is packed as a whole.
pub(super) fn unpacked(format: &dyn Format, input: &FormatInput<'_>) -> Option<ShownFile> {
    let bytes = || Arc::new(PackedFile::new(&input.context.label, &input.blob, input.packing));
    let suffix = format!(".{}", format.endings()[0]);
    (input.packing != Packing::Plain).then(|| ShownFile::of_part(FileGroup::Unpacked, suffix, bytes()))
}
