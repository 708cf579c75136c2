//! What goes wrong with zips, as [`SourceError`]s.

use super::{Remedy, ZipError};
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{Blob, blob_error, io_kind};
use crate::model::shell;

/// A command with the path of the zip, if the zip is a file of its own.
fn command(blob: &dyn Blob, command: &str) -> Option<String> {
    blob.as_file().map(|file| shell::command(command, &*file.path))
}

/// What to do about a zip that has lost data, with a command and what it does.
fn another_copy(blob: &dyn Blob, words: &str, then: &str) -> String {
    match command(blob, words) {
        Some(command) => format!("bring the file back from another copy; `{command}{then}"),
        None => "bring the file back from another copy".to_owned(),
    }
}

pub(crate) fn damaged_zip_hint(blob: &dyn Blob) -> String {
    another_copy(blob, "unzip -t", "` shows what is still readable")
}

/// For a zip that ends in one of its members: `unzip` takes that member for the whole zip.
pub(crate) fn cut_off_hint(blob: &dyn Blob) -> String {
    another_copy(blob, "zip -FF", " --out saved.zip` saves the members that are whole")
}

pub(crate) fn remedy_hint(remedy: Remedy, blob: &dyn Blob) -> String {
    let shell = |text: &str| command(blob, text).unwrap_or_else(|| text.to_owned());
    match remedy {
        Remedy::Join => {
            format!(
                "put all its parts into one folder and join them: `{} --out whole.zip`",
                shell("zip -s 0")
            )
        }
        Remedy::CutAt(at) => format!(
            "cut them apart: `{} > first.zip` and `{} > second.zip`",
            shell(&format!("head -c {at}")),
            shell(&format!("tail -c +{}", u128::from(at) + 1))
        ),
        Remedy::Password => format!(
            "take it out with `{}` or `{}`, which ask for the password",
            shell("unzip"),
            shell("7z x")
        ),
        Remedy::SevenZipPassword => format!(
            "take it out with `{}`, which asks for the password; unzip does not know AES",
            shell("7z x")
        ),
        Remedy::SevenZip => format!("`{}` says whether 7-Zip unpacks it", shell("7z t")),
        Remedy::Packer => "take it out with the program that packed it".to_owned(),
    }
}

pub(crate) fn zip_error(label: &str, operation: String, blob: &dyn Blob, error: ZipError) -> SourceError {
    let (kind, hint) = match error {
        ZipError::Io(error) if io_kind(&error) != ErrorKind::Damaged => {
            return blob_error(label, operation, &blob.describe(), error);
        }
        ZipError::Io(_) | ZipError::Damaged(_) => (ErrorKind::Damaged, damaged_zip_hint(blob)),
        ZipError::CutOff(_) => (ErrorKind::Damaged, cut_off_hint(blob)),
        ZipError::Unsupported { remedy, .. } => (ErrorKind::Unsupported, remedy_hint(remedy, blob)),
    };
    SourceError::new(kind, label, operation).because(error).with_hint(hint)
}
