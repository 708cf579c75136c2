//! Checks whether sources are sound: reads everything and checks it against recorded checksums, counts and hashes.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use jiff::SignedDuration;

use crate::content::{FileEntry, SourceError};
use crate::model::content_id::ContentId;
use crate::model::history::SnapshotMeta;
use crate::model::snapshot_name;
use crate::model::time::Timestamp;
use crate::source::verify::{Contents, Finding, Progress, Severity};
use crate::source::{Database, Source};

mod contents;
mod lines;
mod schedule;

pub use schedule::Schedule;

use contents::ContentProblem;
use lines::Flaw;

/// How many contents are read at once.
const READERS: usize = 4;

/// The results for one database of one source.
#[derive(Debug, Default)]
pub struct Report {
    /// The source's label.
    pub source: String,
    /// The database's name.
    pub database: String,
    /// How many snapshots there are on its timeline.
    pub snapshots: usize,
    /// The earliest time of a snapshot, and the time of the newest one in the source's own order: a commit may be dated
    /// before its parents.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How many contents were read. A content that several snapshots share counts once.
    pub contents: u64,
    /// How many bytes that was.
    pub bytes: u64,
    /// How many lines the tables had.
    pub rows: u64,
    /// What the source itself checked, for people.
    pub checked: Vec<String>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The report on a database that could not be read at all.
    fn of_unread(source: &dyn Source, why: Finding) -> Self {
        let (source, database) = (source.label().to_owned(), why.place.clone());
        Self { source, database, findings: vec![why], ..Self::default() }
    }

    /// The severity of the worst finding; `None` if there is nothing worse than a note.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max().filter(|worst| *worst > Severity::Note)
    }
}

/// Checks every database of a source, one after the other. Those that cannot be read come last.
pub async fn verify(
    source: &dyn Source,
    schedule: &Schedule,
    now: jiff::Timestamp,
    progress: &Progress,
) -> Result<Vec<Report>, SourceError> {
    let databases = source.poll().await?.unwrap_or_default();
    let mut reports = Vec::with_capacity(databases.len());
    for database in databases {
        reports.push(verify_database(source, &database, schedule, now, progress).await);
    }
    reports.extend(source.unread().await.into_iter().map(|finding| Report::of_unread(source, finding)));
    Ok(reports)
}

async fn verify_database(
    source: &dyn Source,
    database: &Arc<dyn Database>,
    schedule: &Schedule,
    now: jiff::Timestamp,
    progress: &Progress,
) -> Report {
    let timeline = &database.history().timeline;
    let times: Vec<Timestamp> = timeline.iter().filter(|m| m.mark.is_none()).map(|m| m.time).collect();
    let mut report = Report {
        source: source.label().to_owned(),
        database: database.name().to_owned(),
        snapshots: timeline.len(),
        span: times.iter().min().copied().zip(times.first().copied()),
        findings: schedule.findings(database.name(), &times, now),
        ..Report::default()
    };
    let wanted = match database.verify(progress).await {
        Ok(verdict) => {
            report.checked = verdict.checked;
            report.findings.extend(verdict.findings);
            (verdict.contents, verdict.proves_bytes)
        }
        Err(error) => {
            report.findings.push(Finding::of(database.name(), &error));
            (Contents::All, false)
        }
    };
    read_contents(database, wanted, progress, &mut report).await;
    // Findings of one severity stay in the order of the timeline.
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report
}

/// What was read of a database so far.
struct ReadSoFar {
    contents: HashSet<ContentId>,
    /// If hashes prove the bytes: the files with a line that is not JSON, each of which is reported once.
    odd: Option<HashSet<Arc<str>>>,
}

/// Reads each content once, snapshot by snapshot. If hashes prove the bytes, a line that is not JSON was stored that
/// way.
async fn read_contents(
    database: &Arc<dyn Database>,
    (wanted, proves_bytes): (Contents, bool),
    progress: &Progress,
    report: &mut Report,
) {
    let history = database.history();
    let newest = match wanted {
        Contents::All => usize::MAX,
        Contents::Newest => 1,
    };
    let snapshots: Vec<&Arc<SnapshotMeta>> = history.timeline.iter().take(newest).collect();
    progress.expect(snapshots.len() as u64);
    let mut seen = ReadSoFar { contents: HashSet::new(), odd: proves_bytes.then(HashSet::new) };
    for snapshot in snapshots.into_iter().rev() {
        match database.files(&snapshot.id).await {
            Ok(files) => read_files(snapshot, &files, &mut seen, progress, report).await,
            Err(error) => report.findings.push(Finding::of(shown(snapshot), &error)),
        }
        progress.advance(1);
    }
}

async fn read_files(
    snapshot: &SnapshotMeta,
    files: &[FileEntry],
    seen: &mut ReadSoFar,
    progress: &Progress,
    report: &mut Report,
) {
    let new: Vec<&FileEntry> = files.iter().filter(|file| seen.contents.insert(file.id)).collect();
    progress.expect(new.len() as u64);
    let read = |file| async move { (file, contents::read(file, progress).await) };
    let mut results = futures_util::stream::iter(new.into_iter().map(read)).buffered(READERS);
    while let Some((file, outcome)) = results.next().await {
        progress.advance(1);
        let place = || format!("{}/{}", shown(snapshot), file.path);
        match outcome {
            Ok(read) => {
                report.contents += 1;
                report.bytes += read.bytes;
                report.rows += read.rows;
                if let Some(Flaw { severity, problem }) = read.flaw {
                    let severity = if seen.odd.is_some() { Severity::Note } else { severity };
                    let is_news = seen.odd.as_mut().is_none_or(|odd| odd.insert(Arc::clone(&file.path)));
                    if is_news {
                        report.findings.push(Finding { severity, ..Finding::wrong(place(), problem) });
                    }
                }
            }
            Err(ContentProblem::Source(error)) => report.findings.push(Finding::of(place(), &error)),
            Err(ContentProblem::Content(problem)) => report.findings.push(Finding::wrong(place(), problem)),
        }
    }
}

/// A snapshot as it is listed under `asof/`.
fn shown(snapshot: &SnapshotMeta) -> String {
    snapshot_name::snapshot_name(snapshot.time)
}

/// A length of time for people: `26 h`, `3 d`.
pub fn for_people(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
