//! Whether a repository is sound: every object that its names reach is read and held against its hash.
//!
//! | file | concern |
//! | --- | --- |
//! | `walk` | all that a name reaches, each object once |
//!
//! All names count, whichever branch is shown. What git keeps beside them (indexes of packs, the commit-graph, reflogs,
//! objects that nothing reaches) is left to `git fsck`. Objects are those that are stored: what `git replace` puts in
//! their place is reached by a name of its own.

use std::sync::Arc;

use indicatif::HumanCount;

mod walk;

use super::objects::Objects;
use super::refs::{self, Names};
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};
use crate::source::{ErrorKind, SourceError};
use walk::{KEPT, Walk};

/// Checks the repository that `objects` are of. Blocks.
///
/// # Errors
/// When its names cannot be listed.
pub(super) fn verify(objects: &Objects, progress: &Progress) -> Result<Verdict, SourceError> {
    let label = objects.label();
    let repository = objects.repository();
    let Names { mut named, left_out: mut findings } = refs::names(&repository, label)?;
    match refs::head(&repository, label) {
        Ok(id) => drop(named.insert("HEAD".to_owned(), id)),
        // Nothing is committed on its branch.
        Err(error) if error.kind == ErrorKind::Invalid => {}
        Err(error) => findings.push(Finding::of("HEAD", &error)),
    }
    let stored = Arc::new(objects.as_stored());
    let mut walk = Walk::new(&stored, objects, refs::boundary(&repository), progress);
    for (name, id) in &named {
        walk.follow(name, *id);
    }
    let checked = vec![format!("{} objects", HumanCount(walk.sound))];
    findings.extend(of_repository(&walk, label));
    findings.splice(0..0, walk.findings);
    Ok(Verdict { checked, findings, contents: Contents::Newest })
}

/// What is to be said of the whole.
fn of_repository(walk: &Walk<'_>, label: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |severity, problem: String, hint: String| {
        findings.push(Finding { severity, ..Finding::wrong(label, problem).with_hint(hint) });
    };
    if walk.more > 0 {
        let problem = format!("{} more objects are missing, damaged or unknown", HumanCount(walk.more));
        let hint = format!("the first {KEPT} are listed; `git fsck` lists all");
        say(walk.worst_of_more, problem, hint);
    }
    if walk.promised > 0 {
        let problem =
            format!("{} objects were not fetched: it is a partial clone", HumanCount(walk.promised));
        say(Severity::Unchecked, problem, "a clone without --filter holds them".to_owned());
    }
    if walk.cut > 0 {
        let problem = format!("its history ends at {}: it is a shallow clone", commits(walk.cut));
        say(Severity::Note, problem, "`git fetch --unshallow` brings what is before".to_owned());
    }
    findings
}

fn commits(count: u64) -> String {
    match count {
        1 => "1 commit".to_owned(),
        _ => format!("{} commits", HumanCount(count)),
    }
}
