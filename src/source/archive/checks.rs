//! What formats know to check by themselves.

use super::format::Format;
use super::found::Archive;
use super::pieces::{Means, database_of};
use crate::source::verify::Finding;

/// What was checked, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) checked: usize,
    pub(super) findings: Vec<Finding>,
}

/// SQLite's own check of the databases that an archive consists of. Blocks.
pub(super) fn databases(means: &Means, archive: &Archive) -> Checked {
    let mut found = Checked::default();
    for artefact in archive.artefacts.iter().filter(|artefact| artefact.format == Format::Sqlite) {
        found.checked += 1;
        let place = artefact.file.path.display().to_string();
        match database_of(means, artefact).quick_check() {
            Ok(messages) => found.findings.extend(messages.into_iter().map(|message| {
                let hint = format!("`sqlite3 '{place}' .recover` takes out what can be saved");
                Finding::wrong(place.clone(), message).with_hint(hint)
            })),
            Err(error) => found.findings.push(Finding::of(place, &error)),
        }
    }
    found
}
