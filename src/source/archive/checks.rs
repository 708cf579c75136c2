//! What formats know to check by themselves.

use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::beside::beside;
use super::format::{Content, Format};
use super::found::{Archive, Artefact};
use super::pieces::{Means, database_of, packed_database};
use super::zip_directory::ZipFile;
use super::zip_problem::damaged_zip_hint;
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{FileStamp, FileVersion, Stored, StoredFile, io_kind};
use crate::format::dump::sha256sum::{self, Checked as Compared};
use crate::format::dump::tar::TarArchive;
use crate::format::zip::contradiction;
use crate::model::shell;
use crate::model::terminal::ShowPath;
use crate::source::verify::{Finding, Progress, Severity};

/// How many members of a tar that are left out are named.
const MOST_NOTES: usize = 20;

/// What was checked, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) checked: usize,
    pub(super) findings: Vec<Finding>,
}

/// SQLite's own check of the databases that an archive consists of. Blocks.
pub(super) fn databases(means: &Means, archive: &Archive) -> Checked {
    let mut found = Checked::default();
    for artefact in &archive.artefacts {
        let database = match artefact.format {
            Format::Sqlite => database_of(means, artefact),
            Format::Packed(Content::Sqlite, packing) => match packed_database(means, artefact, packing) {
                Ok(Some(database)) => database,
                // Reading it says what is wrong with it.
                Ok(None) | Err(_) => continue,
            },
            _ => continue,
        };
        found.checked += 1;
        let place = artefact.file.path.shown().to_string();
        match database.quick_check() {
            Ok(check) => {
                found.findings.extend(check.wrong.into_iter().map(|message| {
                    let command = shell::command("sqlite3", &*artefact.file.path);
                    let hint = format!("`{command} .recover` takes out what can be saved");
                    Finding::wrong(place.clone(), message).with_hint(hint)
                }));
                let unchecked = check.unchecked.into_iter();
                found.findings.extend(unchecked.map(|what| Finding::unchecked(place.clone(), what)));
            }
            Err(error) => found.findings.push(Finding::of(place, &error)),
        }
    }
    found
}

/// What contradicts the directories of the zips that an archive consists of, though they can be listed. What keeps one from
/// being listed is found by those who read it. Blocks.
pub(super) fn zips(archive: &Archive) -> Vec<Finding> {
    let mut findings = Vec::new();
    for artefact in archive.artefacts.iter().filter(|artefact| artefact.format == Format::Zip) {
        let Ok(zip) = ZipFile::read(&artefact.file) else { continue };
        let path = &artefact.file.path;
        findings.extend(
            zip.directory
                .flaws
                .iter()
                .cloned()
                .map(|flaw| Finding::wrong(path.shown().to_string(), flaw).with_hint(damaged_zip_hint(path))),
        );
        findings.extend(headers(&zip));
    }
    findings
}

/// Where the header of a member contradicts the directory, though its data may be what that states. Blocks.
fn headers(zip: &ZipFile) -> Vec<Finding> {
    let (path, mut reader) = (&zip.file.path, zip.reader());
    let members = zip.directory.members.iter().filter_map(|member| {
        let stated = contradiction(&zip.directory, member, &mut reader).ok().flatten()?;
        let problem = format!("{}: the header before its data states {stated}", member.path);
        Some(Finding::wrong(path.shown().to_string(), problem).with_hint(damaged_zip_hint(path)))
    });
    members.take(MOST_NOTES).collect()
}

/// What tars say of themselves beside their members: that they are whole, and what is left out. What is damaged in them
/// is seen when they are read. Blocks.
pub(super) fn tars(means: &Means, archive: &Archive) -> Checked {
    let mut found = Checked::default();
    for artefact in &archive.artefacts {
        let Format::Tar(packing) = artefact.format else { continue };
        let stored = Arc::new(StoredFile { file: Arc::clone(&artefact.file) });
        let Ok(tar) = TarArchive::open(&means.label, stored, packing, &means.spools) else { continue };
        found.checked += 1;
        let place = artefact.file.path.shown().to_string();
        let doubts = tar.doubts().iter().map(|doubt| (Severity::Unchecked, (*doubt).to_owned()));
        let left_out = tar.left_out().iter().map(|left_out| {
            let problem = match &*left_out.name {
                b"" => left_out.reason.to_owned(),
                name => format!("{} is left out: {}", name.escape_ascii(), left_out.reason),
            };
            (Severity::Note, problem)
        });
        let finding = |(severity, problem)| Finding { severity, ..Finding::wrong(place.clone(), problem) };
        found.findings.extend(doubts.chain(left_out.take(MOST_NOTES)).map(finding));
    }
    found
}

/// What the lists of `sha256sum` beside the files of an archive say of them. Blocks.
pub(super) fn checksums(means: &Means, archive: &Archive, progress: &Progress) -> Checked {
    let mut found = Checked::default();
    for artefact in &archive.artefacts {
        for list in lists_beside(artefact) {
            match checksum(means, artefact, &list, progress) {
                Ok(finding) => {
                    found.checked += 1;
                    found.findings.extend(finding);
                }
                Err(error) => found.findings.push(Finding::of(list.describe(), &error)),
            }
        }
    }
    found
}

/// The lists of checksums beside a file that are called after it.
fn lists_beside(artefact: &Artefact) -> Vec<Arc<dyn Stored>> {
    let list = |end: &str| {
        let root = &artefact.file.root;
        let path = beside(&artefact.file.path, end);
        match FileVersion::settled(root, &path) {
            Err(error) if io_kind(&error) == ErrorKind::Missing => None,
            // Reading it says what is wrong with it.
            Err(_) => Some(FileVersion { root: root.clone(), path, stamp: FileStamp::UNKNOWN }),
            Ok(file) => Some(file),
        }
        .map(|file| Arc::new(StoredFile { file: Arc::new(file) }) as Arc<dyn Stored>)
    };
    [".sha256", ".sha256sum"].into_iter().filter_map(list).collect()
}

/// What is wrong with a file by its list, or with the list.
fn checksum(
    means: &Means,
    artefact: &Artefact,
    list: &Arc<dyn Stored>,
    progress: &Progress,
) -> Result<Option<Finding>, SourceError> {
    let path = &artefact.file.path;
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let sums = sha256sum::read_list(&means.label, list)?;
    let hint = "bring the file back from another copy, or the list, whichever is wrong";
    let expected = match sha256sum::expected(&sums, name) {
        Ok(Some(expected)) => expected,
        Ok(None) => {
            let problem = format!("it says nothing of {}", path.shown());
            return Ok(Some(Finding::wrong(list.describe(), problem).with_hint(hint)));
        }
        Err(error) => {
            return Ok(Some(Finding::wrong(list.describe(), error.to_string()).with_hint(hint)));
        }
    };
    let stored = StoredFile { file: Arc::clone(&artefact.file) };
    let compared = sha256sum::check(&means.label, &stored, &expected, &mut |bytes| progress.read(bytes))?;
    Ok(match compared {
        Compared::Matches => None,
        Compared::Differs { found } => {
            let problem = format!(
                "its SHA-256 is {}, the list beside it says {}",
                HEXLOWER.encode(&found),
                HEXLOWER.encode(&expected)
            );
            Some(Finding::wrong(path.shown().to_string(), problem).with_hint(hint))
        }
    })
}
