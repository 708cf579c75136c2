//! `asof verify`.

use std::ffi::OsString;
use std::process::ExitCode;

use indicatif::HumanBytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::failure::Failure;
use super::found::{self, Announce};
use super::output::Output;
use super::progress::Bar;
use super::source_args::{SourceArgs, SourceOptions};
use super::source_spec::SourceSpec;
use super::workers::Workers;
use super::{logging, size, wire};
use crate::memory::{self, Budget, unpacking};
use crate::model::number::counted;
use crate::model::terminal::ShowPath;
use crate::source::verify::{Finding, Progress, Severity};
use crate::verify::{Report, Schedule, for_people, verify};

/// Verify that backups are readable, complete and recent
///
/// Reads everything that can be read and checks it against recorded checksums, counts and hashes: zip checksums, the
/// counts of a Thrum manifest, .sha256 files beside archives, each line of a table, SQLite's own check, the hashes of git
/// objects and of the chunks of a Dolt store. Never writes to a source. Made for cron: says little when all is well.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUS)]
pub(super) struct VerifyArgs {
    /// Fail if a database's newest snapshot is older: 25h, 90m, 8d
    #[arg(long, value_name = "AGE", value_parser = duration)]
    max_age: Option<SignedDuration>,
    /// Fail if a snapshot is missing from a schedule: 15m, 1h, 1d
    ///
    /// Intervals between older snapshots may be longer, since backups are often thinned out. Without this option, only an
    /// unusual gap among the newest snapshots is noted.
    #[arg(long, value_name = "INTERVAL", value_parser = duration)]
    every: Option<SignedDuration>,
    /// Print one JSON object per finding and per database
    #[arg(long)]
    json: bool,
    /// Print only problems
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    source: SourceArgs,
    /// Memory for unpacking; what needs more is not checked [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    cache_size: Option<u64>,
    /// What to check, as for `asof mount` [default: $ASOF_FROM, or what `asof sources` finds]
    #[arg(value_name = "[NAME=]SOURCE")]
    sources: Vec<OsString>,
}

const STATUS: &str = "\
Exit status:
  0   everything is well
  1   something is wrong: damaged, incomplete, too old
  2   something could not be checked: no permission, no answer, unknown format

Examples:
  asof verify --max-age 25h ~/backups/archives
  asof verify --every 1h --max-age 2h --json ~/gt/.dolt-archive/jsonl
  0 4 * * *  asof verify --quiet --max-age 25h ~/backups/archives";

/// Runs the checks. The exit status says what was found; a failure means an invalid command line.
pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    logging::to_stderr_if_asked();
    if let Some(bytes) = args.cache_size {
        unpacking::draw_on(&Budget::new(memory::usable(bytes)));
    }
    // Leaves out no table, and does not trust what earlier runs saved.
    let options = args.source.options(&[""], None)?;
    let given = found::or_found(&args.sources, Announce::ToPeople)?.arguments;
    let sources = SourceSpec::parse_all(&given)?;
    let runtime = match Workers::start(sources.len()) {
        Ok(runtime) => runtime,
        Err(failure) => {
            failure.print();
            return Ok(ExitCode::from(2));
        }
    };
    let schedule = Schedule { max_age: args.max_age, every: args.every };
    let mut out = Output::plain();
    let mut worst = None;
    for (source, given) in sources.iter().zip(&given) {
        // If the reader of the output has closed it, the exit status still reports what was found.
        match check(&runtime, source, &options, &schedule) {
            Ok(reports) => {
                for report in reports {
                    worst = worst.max(report.worst());
                    let _ = print(&mut out, &report, args, options.clock.now());
                }
            }
            Err((severity, failure)) => {
                worst = worst.max(Some(severity));
                let _ = print_unreadable(&mut out, &given.shown().to_string(), severity, failure, args);
            }
        }
    }
    Ok(ExitCode::from(match worst {
        None | Some(Severity::Note) => 0,
        Some(Severity::Wrong) => 1,
        Some(Severity::Unchecked) => 2,
    }))
}

fn check(
    runtime: &Workers,
    source: &SourceSpec,
    options: &SourceOptions,
    schedule: &Schedule,
) -> Result<Vec<Report>, (Severity, Failure)> {
    let progress = Progress::default();
    let _bar = Bar::show(source.to_string(), progress.clone());
    let source = wire::open(source, options).map_err(|failure| (Severity::Unchecked, failure))?;
    let reports = runtime.block_on(verify(&*source, schedule, options.clock.now(), &progress));
    // The source exists, but may be so damaged that not even its history is readable.
    reports.map_err(|error| (Severity::of(error.kind), error.into()))
}

/// Parses `25h`, `90m`, `8d`, `1h 30m`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("`{text}` is not a duration; write it like 90m, 25h or 8d");
    let span: jiff::Span = text.parse().map_err(|_| invalid())?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("{}; months and years have no fixed length", invalid()))?;
    if duration.is_positive() { Ok(duration) } else { Err(invalid()) }
}

fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Unchecked => "not checked",
        Severity::Wrong => "wrong",
    }
}

fn verdict(report: &Report) -> &'static str {
    report.worst().map_or("ok", label)
}

fn print(out: &mut Output, report: &Report, args: &VerifyArgs, now: Timestamp) -> Result<(), Failure> {
    for finding in &report.findings {
        if args.json {
            print_json(out, &report.source, Some(&report.database), finding)?;
        } else if !(args.quiet && finding.severity == Severity::Note) {
            let place = place(report, finding);
            out.line(&format!("{}: {place}: {}", label(finding.severity), finding.problem))?;
            if let Some(hint) = &finding.hint {
                out.line(&format!("  hint: {hint}"))?;
            }
        }
    }
    if args.json {
        out.json(&json!({
            "type": "database",
            "source": report.source,
            "database": report.database,
            "result": verdict(report),
            "snapshots": report.snapshots,
            "oldest": report.span.map(|span| span.0.to_string()),
            "newest": report.span.map(|span| span.1.to_string()),
            "contents": report.contents,
            "bytes": report.bytes,
            "rows": report.rows,
            "checked": report.checked,
        }))?;
    } else if !args.quiet {
        out.line(&summary(report, now))?;
    }
    out.flush()
}

fn print_json(
    out: &mut Output,
    source: &str,
    database: Option<&str>,
    finding: &Finding,
) -> Result<(), Failure> {
    out.json(&json!({
        "type": "finding",
        "source": source,
        "database": database,
        "severity": label(finding.severity),
        "place": finding.place,
        "problem": finding.problem,
        "hint": finding.hint,
    }))
}

/// The database and the place in it; only one of them if they are the same.
fn place(report: &Report, finding: &Finding) -> String {
    match finding.place == report.database {
        true => finding.place.clone(),
        false => format!("{}: {}", report.database, finding.place),
    }
}

fn summary(report: &Report, now: Timestamp) -> String {
    let age = report.span.map_or_else(String::new, |(_, newest)| {
        format!(", the newest {} old", for_people(now.duration_since(newest.nearest())))
    });
    let mut checked = report.checked.clone();
    checked.push(format!(
        "{} with {}, {}",
        counted(report.contents, "content"),
        counted(report.rows, "row"),
        HumanBytes(report.bytes)
    ));
    format!(
        "{}: {} ({}): {}{age}; read {}",
        verdict(report),
        report.database,
        report.source,
        counted(report.snapshots as u64, "snapshot"),
        checked.join(", ")
    )
}

/// Prints that a source cannot be read, or is damaged as a whole.
fn print_unreadable(
    out: &mut Output,
    given: &str,
    severity: Severity,
    failure: Failure,
    args: &VerifyArgs,
) -> Result<(), Failure> {
    if !args.json {
        failure.print();
        return Ok(());
    }
    let (problem, hint) = failure.into_parts();
    let finding = Finding { severity, place: given.to_owned(), problem, hint };
    print_json(out, given, None, &finding)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("25h", 90_000), ("90m", 5_400), ("8d", 691_200), ("1h 30m", 5_400), ("PT2H", 7_200)]
        {
            assert_eq!(duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "25", "-1h", "0h", "soon", "1 fortnight"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
