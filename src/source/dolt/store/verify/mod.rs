//! Checks a store: reads every chunk that its root reaches, compares it with its address, and checks that everything it
//! refers to is there.
//!
//! | file | concern |
//! | --- | --- |
//! | `walk` | all that the root reaches |
//! | `place` | what a chunk is part of, in words |
//!
//! Chunks that nothing reaches are not looked at: a store may hold any number of them.

use std::time::Duration;

mod place;
mod walk;

use dolt_store::{FileFlaw, Store, StoreError};

use super::error::IntoSourceError;
use super::shared::SharedDatabase;
use crate::content::{SourceError, chain};
use crate::model::number::counted;
use crate::model::terminal::ShowPath;
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};
use walk::{ChunkProblem, KEPT, ProblemKind, StoreWalk, is_still_bad, walk};

/// How often the check starts again when the store changed during it.
const ATTEMPTS: usize = 3;
/// How long it is waited for a write to end.
const PAUSE: Duration = Duration::from_millis(200);

const CHANGED: &str = "garbage collection took files away while they were read: check again";
const CHECK: &str =
    "`dolt fsck` checks the store as well; a backup or a clone may still hold what is broken here";

/// Checks the store of a database. Blocks.
pub fn verify(shared: &SharedDatabase, progress: &Progress) -> Result<Verdict, SourceError> {
    let fail = |error: StoreError| error.during(&shared.label, format!("cannot check {}", shared.database));
    let mut attempt = 1;
    let (view, walk, has_changed) = loop {
        let view = shared.store.newest();
        let total = view.count_since(None) as u64;
        progress.expect(total);
        let walk = walk(&shared.store, &view, progress).map_err(|_| fail(too_large(shared)))?;
        // What is reached by nothing needs no reading.
        progress.advance(total.saturating_sub(walk.visited.len() as u64));
        let has_changed = !walk.problems.is_empty() && has_changed(shared, &view, &walk).map_err(fail)?;
        if !has_changed || attempt == ATTEMPTS {
            break (view, walk, has_changed);
        }
        attempt += 1;
    };
    let mut findings: Vec<Finding> = view.broken().map(of_file).collect();
    findings.extend(flaws(shared).map_err(fail)?);
    findings.extend(walk.problems.iter().map(|problem| of_chunk(&view, &walk, problem)));
    if !walk.more.is_empty() {
        let more = counted(walk.more.len() as u64, "more chunk");
        let verb = if walk.more.len() == 1 { "is" } else { "are" };
        let problem = format!("{more} {verb} missing, damaged or unknown");
        let more = Finding::wrong(shared.store.folder().shown().to_string(), problem);
        findings.push(more.with_hint(format!("the first {KEPT} problems are listed; `dolt fsck` lists all")));
    }
    if has_changed {
        findings.iter_mut().for_each(|finding| finding.severity = finding.severity.min(Severity::Unchecked));
        findings.iter_mut().for_each(|finding| finding.hint = Some(CHANGED.to_owned()));
    }
    let (chunks, files) = (walk.sound() as u64, view.file_count() as u64);
    let checked = format!("{} in {}", counted(chunks, "chunk"), counted(files, "file"));
    Ok(Verdict { checked: vec![checked], findings, contents: Contents::Newest, proves_bytes: false })
}

fn too_large(shared: &SharedDatabase) -> StoreError {
    let problem = "has more than 4,294,967,296 chunks, which are too many to check".to_owned();
    StoreError::UnsupportedFile { file: shared.store.folder().to_owned(), problem }
}

/// Whether the store changed during the check, so that the findings may be wrong: files were taken away, or what was bad is
/// whole now. Appended data does not matter.
fn has_changed(shared: &SharedDatabase, view: &Store, walk: &StoreWalk) -> Result<bool, StoreError> {
    shared.store.refresh()?;
    let now = shared.store.newest();
    let is_healed = |problem: &ChunkProblem| {
        matches!(problem.what, ProblemKind::Bad { .. })
            && !is_still_bad(&shared.store, &now, walk.visited.address(problem.chunk))
    };
    Ok(!now.keeps_all_of(view) || walk.problems.iter().any(is_healed))
}

/// What is wrong with the files as a whole. While a server writes, the end of a journal is never still: what is there only
/// for a moment is nothing.
fn flaws(shared: &SharedDatabase) -> Result<Vec<Finding>, StoreError> {
    let look = || -> Result<Vec<Finding>, StoreError> {
        shared.store.refresh()?;
        Ok(shared.store.newest().flaws()?.into_iter().map(of_flaw).collect())
    };
    let first = look()?;
    if first.is_empty() {
        return Ok(first);
    }
    std::thread::sleep(PAUSE);
    let second = look()?;
    Ok(second.into_iter().filter(|finding| first.contains(finding)).collect())
}

fn of_flaw(flaw: FileFlaw) -> Finding {
    match flaw {
        FileFlaw::Damage(error) => of_file(&error),
        FileFlaw::CutOff { file, offset, len } => {
            let problem = format!("its last {len} bytes, from {offset} on, are a part of a record");
            let hint = "a write was broken off, or the copy was made during one: all before it is checked";
            let finding =
                Finding { severity: Severity::Note, ..Finding::wrong(file.shown().to_string(), problem) };
            finding.with_hint(hint)
        }
    }
}

/// What is wrong with a file.
fn of_file(error: &StoreError) -> Finding {
    let place = match error {
        StoreError::Io { file, .. }
        | StoreError::DamagedFile { file, .. }
        | StoreError::UnsupportedFile { file, .. } => file.shown().to_string(),
        StoreError::Container { place, .. } => place.shown().to_string(),
        _ => "the store".to_owned(),
    };
    Finding { severity: Severity::of(error.source_kind()), ..Finding::wrong(place, chain(error)) }
        .with_hint(CHECK)
}

/// The finding about a chunk, with what is lost with it.
fn of_chunk(view: &Store, walk: &StoreWalk, problem: &ChunkProblem) -> Finding {
    let way = walk.visited.way_to(problem.chunk);
    let place = place::describe(view, &way);
    let referrer =
        way.iter().rev().nth(1).map_or(String::new(), |from| format!("; chunk {from} refers to it"));
    match &problem.what {
        ProblemKind::Bad { error, has_copy } => {
            let copy = if *has_copy { "; another copy of it is whole" } else { "" };
            let finding = Finding::wrong(place, format!("{}{referrer}{copy}", chain(error))).with_hint(CHECK);
            Finding { severity: Severity::of(error.source_kind()), ..finding }
        }
        ProblemKind::Unknown(why) => {
            let address = walk.visited.address(problem.chunk);
            let problem =
                format!("chunk {address} {why}: it is whole, and what it refers to is not followed");
            Finding { severity: Severity::Unchecked, ..Finding::wrong(place, problem) }
        }
    }
}
