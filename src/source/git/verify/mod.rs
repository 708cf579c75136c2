//! Checks a repository: reads every object that its names reach, and compares it with its hash.
//!
//! | file | concern |
//! | --- | --- |
//! | `walk` | all that a name reaches, each object once |
//!
//! All names count, whichever branch is shown. What git keeps beside them (indexes of packs, the commit-graph, reflogs,
//! objects that nothing reaches) is left to `git fsck`. Objects are those that are stored: what `git replace` puts in
//! their place is reached by a name of its own.

use std::sync::{Arc, OnceLock};

mod walk;

use super::objects::Objects;
use super::refs::{self, Names};
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, SourceError};
use crate::model::number::counted;
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};
use walk::{KEPT, ObjectWalk};

/// The name of the one database of a repository that checks it, for all: whichever is asked first.
pub(super) type Checker = Arc<OnceLock<Arc<str>>>;

/// Checks the repository for its database `name`, unless another one does. What its files hold beyond their bytes
/// is not checked here.
pub(super) async fn for_all(
    checker: &Checker,
    name: &Arc<str>,
    objects: &Arc<Objects>,
    progress: &Progress,
) -> Result<Verdict, SourceError> {
    if checker.get_or_init(|| Arc::clone(name)) != name {
        return Ok(Verdict { proves_bytes: true, ..Verdict::default() });
    }
    let (objects, progress) = (Arc::clone(objects), progress.clone());
    on_blocking_thread(&Arc::clone(&objects.label), move || verify(&objects, &progress)).await
}

/// Checks the repository that `objects` are of. Blocks.
fn verify(objects: &Objects, progress: &Progress) -> Result<Verdict, SourceError> {
    let label = &objects.label;
    let state = objects.look()?;
    let Names { mut named, left_out: mut findings } = refs::names(&state, label);
    match refs::head(&state, label) {
        Ok(id) => drop(named.insert("HEAD".to_owned(), id)),
        // Nothing is committed on its branch.
        Err(error) if error.kind == ErrorKind::Invalid => {}
        Err(error) => findings.push(Finding::of("HEAD", &error)),
    }
    let stored = Arc::new(objects.as_stored());
    let mut walk = ObjectWalk::new(&stored, objects, state.boundary.clone(), progress);
    for (name, id) in &named {
        walk.follow(name, *id);
    }
    let checked = vec![counted(walk.sound, "object")];
    findings.extend(of_repository(&walk, label));
    findings.splice(0..0, walk.findings);
    Ok(Verdict { checked, findings, contents: Contents::All, proves_bytes: true })
}

fn of_repository(walk: &ObjectWalk<'_>, label: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |severity, problem: String, hint: &str| {
        findings.push(Finding { severity, ..Finding::wrong(label, problem).with_hint(hint) });
    };
    if walk.more > 0 {
        let verb = if walk.more == 1 { "is" } else { "are" };
        let problem = format!("{} {verb} missing, damaged or unknown", counted(walk.more, "more object"));
        say(walk.worst_of_more, problem, &format!("the first {KEPT} are listed; `git fsck` lists all"));
    }
    if walk.promised > 0 {
        let verb = if walk.promised == 1 { "was" } else { "were" };
        let objects = counted(walk.promised, "object");
        let problem = format!("{objects} {verb} not fetched: it is a partial clone");
        say(Severity::Unchecked, problem, "a clone without --filter holds them");
    }
    if walk.cut > 0 {
        let problem = format!("its history ends at {}: it is a shallow clone", counted(walk.cut, "commit"));
        say(Severity::Note, problem, "`git fetch --unshallow` brings what is before");
    }
    if let Some((id, oddity)) = walk.first_odd {
        let commits = counted(walk.odd, "commit");
        let problem = format!("git cannot read who made {commits}, or when: {id}, for one: {oddity}");
        say(Severity::Note, problem, "nothing is wrong with what they hold; `git fsck` lists them");
    }
    findings
}
