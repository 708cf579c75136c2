//! What can be checked of an archive beside reading its files.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::beside::beside;
use super::found::{Archive, Artefact};
use super::pieces::input_of;
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{Blob, FileBlob, FileStamp, FileVersion, io_kind};
use crate::format::checksums::{self, Checked as Compared};
use crate::format::flaw::{Flaw, Weight};
use crate::format::input::FormatContext;
use crate::model::terminal::ShowPath;
use crate::source::verify::{Finding, Progress, Severity};

/// How many of each were checked: `tar`, `checksum`. The number puts manifests first and checksums last.
pub(super) type CheckedCounts = BTreeMap<(u8, &'static str), u64>;

pub(super) const MANIFEST: (u8, &str) = (0, "manifest");
const CHECKSUM: (u8, &str) = (2, "checksum");

#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) counts: CheckedCounts,
    pub(super) findings: Vec<Finding>,
}

/// What formats check of their files, and what the lists of `sha256sum` beside them say. Blocks.
pub(super) fn all(context: &FormatContext, archive: &Archive, progress: &Progress) -> Checked {
    let mut found = Checked::default();
    for artefact in &archive.artefacts {
        let Some(format) = artefact.format.format() else { continue };
        let Some(flaws) = format.check(&input_of(context, artefact)) else { continue };
        if let Some(what) = format.counted_as() {
            *found.counts.entry((1, what)).or_default() += 1;
        }
        let path = artefact.file.path.shown().to_string();
        found.findings.extend(flaws.into_iter().map(|flaw| finding(&path, flaw)));
    }
    checksums(context, archive, progress, &mut found);
    found
}

fn finding(path: &str, Flaw { weight, problem, hint }: Flaw) -> Finding {
    let severity = match weight {
        Weight::Note => Severity::Note,
        Weight::Unchecked => Severity::Unchecked,
        Weight::Wrong => Severity::Wrong,
    };
    Finding { severity, place: path.to_owned(), problem, hint }
}

/// What the lists of `sha256sum` beside the files of an archive say of them. Blocks.
fn checksums(context: &FormatContext, archive: &Archive, progress: &Progress, found: &mut Checked) {
    for artefact in &archive.artefacts {
        for list in lists_beside(artefact) {
            match checksum(context, artefact, &list, progress) {
                Ok(finding) => {
                    *found.counts.entry(CHECKSUM).or_default() += 1;
                    found.findings.extend(finding);
                }
                Err(error) => found.findings.push(Finding::of(list.describe(), &error)),
            }
        }
    }
}

/// The lists of checksums beside a file that are called after it.
fn lists_beside(artefact: &Artefact) -> Vec<Arc<dyn Blob>> {
    let list = |end: &str| {
        let root = &artefact.file.root;
        let path = beside(&artefact.file.path, end);
        match FileVersion::settled(root, &path) {
            Err(error) if io_kind(&error) == ErrorKind::Missing => None,
            // Reading it says what is wrong with it.
            Err(_) => Some(FileVersion { root: root.clone(), path, stamp: FileStamp::UNKNOWN }),
            Ok(file) => Some(file),
        }
        .map(|file| Arc::new(FileBlob { file: Arc::new(file) }) as Arc<dyn Blob>)
    };
    [".sha256", ".sha256sum"].into_iter().filter_map(list).collect()
}

/// What is wrong with a file by its list, or with the list.
fn checksum(
    context: &FormatContext,
    artefact: &Artefact,
    list: &Arc<dyn Blob>,
    progress: &Progress,
) -> Result<Option<Finding>, SourceError> {
    let path = &artefact.file.path;
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let sums = checksums::read_list(&context.label, list)?;
    let hint = "bring the file back from another copy, or the list, whichever is wrong";
    let wrong = |place: String, problem| Ok(Some(Finding::wrong(place, problem).with_hint(hint)));
    let expected = match checksums::expected(&sums, name) {
        Ok(Some(expected)) => expected,
        Ok(None) => return wrong(list.describe(), format!("it says nothing of {}", path.shown())),
        Err(error) => return wrong(list.describe(), error.to_string()),
    };
    let stored = FileBlob { file: Arc::clone(&artefact.file) };
    match checksums::check(&context.label, &stored, &expected, &mut |bytes| progress.read(bytes))? {
        Compared::Matches => Ok(None),
        Compared::Differs { found } => {
            let [found, expected] = [found, expected].map(|sum| HEXLOWER.encode(&sum));
            let problem = format!("its SHA-256 is {found}, the list beside it says {expected}");
            wrong(path.shown().to_string(), problem)
        }
    }
}
