//! What goes wrong with zips, as [`SourceError`]s.

use std::path::Path;

use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{io_kind, stored_error};
use crate::format::zip::{Remedy, ZipError};
use crate::model::shell;
use crate::model::terminal::ShowPath;

/// Says what to do about a zip whose bytes are broken.
pub(super) fn damaged_zip_hint(path: &Path) -> String {
    format!(
        "bring the file back from another copy; `{}` shows what is still readable",
        shell::command("unzip -t", path)
    )
}

/// Says what to do about a zip that ends in one of its members: `unzip` takes that for the whole.
pub(super) fn cut_off_hint(path: &Path) -> String {
    let command = shell::command("zip -FF", path);
    format!(
        "bring the file back from another copy; `{command} --out saved.zip` saves the members that are whole"
    )
}

/// Says what reads a zip, or a member, that is not read here.
pub(super) fn remedy_hint(remedy: Remedy, path: &Path) -> String {
    match remedy {
        Remedy::Join => {
            format!(
                "put all its parts into one folder and join them: `{} --out whole.zip`",
                shell::command("zip -s 0", path)
            )
        }
        Remedy::CutAt(at) => format!(
            "cut them apart: `{} > first.zip` and `{} > second.zip`",
            shell::command(&format!("head -c {at}"), path),
            shell::command(&format!("tail -c +{}", u128::from(at) + 1), path)
        ),
        Remedy::Password => format!(
            "take it out with `{}` or `{}`, which ask for the password",
            shell::command("unzip", path),
            shell::command("7z x", path)
        ),
        Remedy::SevenZipPassword => format!(
            "take it out with `{}`, which asks for the password; unzip does not know AES",
            shell::command("7z x", path)
        ),
        Remedy::SevenZip => format!("`{}` says whether 7-Zip unpacks it", shell::command("7z t", path)),
        Remedy::Packer => "take it out with the program that packed it".to_owned(),
    }
}

/// A failure to read a zip or one of its members.
pub(super) fn zip_error(label: &str, operation: String, path: &Path, error: ZipError) -> SourceError {
    match error {
        ZipError::Io(error) if io_kind(&error) != ErrorKind::Damaged => {
            stored_error(label, operation, &path.shown(), error)
        }
        ZipError::Io(_) | ZipError::Damaged(_) => SourceError::new(ErrorKind::Damaged, label, operation)
            .because(error)
            .with_hint(damaged_zip_hint(path)),
        ZipError::CutOff(_) => SourceError::new(ErrorKind::Damaged, label, operation)
            .because(error)
            .with_hint(cut_off_hint(path)),
        ZipError::Unsupported { remedy, .. } => SourceError::new(ErrorKind::Unsupported, label, operation)
            .because(error)
            .with_hint(remedy_hint(remedy, path)),
    }
}
