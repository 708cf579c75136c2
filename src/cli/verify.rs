//! `asof verify`.

use std::ffi::OsString;
use std::process::ExitCode;

use indicatif::HumanBytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::output::Output;
use super::progress::Bar;
use super::server_args::ServerArgs;
use super::{Failure, logging, size, tree, wire, workers};
use crate::memory::{self, Budget, unpacking};
use crate::model::terminal::ShowPath;
use crate::source::archive::Undated;
use crate::source::verify::{Finding, Progress, Severity, counted};
use crate::verify::{Report, Schedule, for_people, verify};

/// Check that backups can be read, and are whole and recent
///
/// Reads everything that can be read, and holds it against what is said about it: zip checksums, the counts of a Thrum
/// manifest, .sha256 files beside archives, each line of a table, SQLite's own check, the hashes of git objects and of
/// the chunks of a Dolt store. Nothing is written to a source. Made for cron: says little when all is well.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUS)]
pub(super) struct VerifyArgs {
    /// Fail if a database's newest snapshot is older: 25h, 90m, 8d
    #[arg(long, value_name = "AGE", value_parser = duration)]
    max_age: Option<SignedDuration>,
    /// Fail where a snapshot is missing from a schedule: 15m, 1h, 1d
    ///
    /// Intervals between older snapshots may be longer where backups are thinned out. Without this, only an unusual gap
    /// among the newest ones is noted.
    #[arg(long, value_name = "INTERVAL", value_parser = duration)]
    every: Option<SignedDuration>,
    /// Print one JSON object per finding and per database
    #[arg(long)]
    json: bool,
    /// Print nothing but what is wrong
    #[arg(short, long)]
    quiet: bool,
    /// How times without a zone in names of archives are read: Europe/Berlin, UTC, system
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// What to do with archives whose names hold no time: skip leaves them out, mtime takes the time at which the file was last
    /// changed [default: skip]
    #[arg(long, value_name = "skip|mtime")]
    undated: Option<Undated>,
    #[command(flatten)]
    server: ServerArgs,
    /// Follow links that lead out of a source, where link and target belong to you or to root
    #[arg(long)]
    follow_links: bool,
    /// Memory for unpacking: what asks for more is not checked [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    cache_size: Option<u64>,
    /// How long a view of a SQLite file, or what else it computes, may run [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    query_seconds: Option<u32>,
    /// What to check, as for `asof mount`
    #[arg(required = true, value_name = "[NAME=]SOURCE")]
    sources: Vec<OsString>,
}

const STATUS: &str = "\
Exit status:
  0   all of it is well
  1   something is wrong: damaged, incomplete, too old
  2   something could not be checked: no permission, no answer, unknown format

Examples:
  asof verify --max-age 25h ~/backups/archives
  asof verify --every 1h --max-age 2h --json ~/gt/.dolt-archive/jsonl
  0 4 * * *  asof verify --quiet --max-age 25h ~/backups/archives";

/// Runs the checks. The exit status says what was found; a failure is a command line that makes no sense.
pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    logging::to_stderr_if_asked();
    tree::limit_queries(args.query_seconds);
    if let Some(bytes) = args.cache_size {
        unpacking::draw_on(&Budget::new(memory::usable(bytes)));
    }
    let zone = args.timezone.as_deref().map(wire::zone).transpose()?;
    let options = wire::SourceOptions::new(
        zone,
        &[String::new()],
        &args.server,
        // What earlier mounts read is not believed here.
        None,
        wire::links(args.follow_links),
        args.undated.unwrap_or_default(),
    )?;
    let sources: Vec<wire::SourceArg> =
        args.sources.iter().map(|s| wire::SourceArg::parse(s)).collect::<Result<_, _>>()?;
    let runtime = match workers::start(sources.len()) {
        Ok(runtime) => runtime,
        Err(failure) => {
            failure.print();
            return Ok(ExitCode::from(2));
        }
    };
    let schedule = Schedule { max_age: args.max_age, every: args.every };
    let mut out = Output::plain();
    let mut worst = None;
    for (argument, given) in sources.iter().zip(&args.sources) {
        let outcome = check(&runtime, argument, &options, &schedule);
        match outcome {
            Ok(reports) => {
                for report in reports {
                    worst = worst.max(report.worst());
                    // A pipe that is closed wants no more; the exit status still says what was found.
                    let _ = print(&mut out, &report, args, options.clock.now());
                }
            }
            Err((severity, failure)) => {
                worst = worst.max(Some(severity));
                let _ = not_looked_at(&mut out, &given.shown().to_string(), severity, &failure, args);
            }
        }
    }
    // What still waits for a source has nobody left to answer to.
    runtime.shutdown_background();
    Ok(ExitCode::from(match worst {
        None | Some(Severity::Note) => 0,
        Some(Severity::Wrong) => 1,
        Some(Severity::Unchecked) => 2,
    }))
}

fn check(
    runtime: &tokio::runtime::Runtime,
    argument: &wire::SourceArg,
    options: &wire::SourceOptions,
    schedule: &Schedule,
) -> Result<Vec<Report>, (Severity, Failure)> {
    let progress = Progress::default();
    let _bar = Bar::show(argument.to_string(), progress.clone());
    let source = wire::open(argument, options).map_err(|failure| (Severity::Unchecked, failure))?;
    let reports = runtime.block_on(verify(&*source, schedule, options.clock.now(), &progress));
    // Something is there, then, and may be so damaged that not even its history can be read.
    reports.map_err(|error| (Severity::of(error.kind), error.into()))
}

/// Reads `25h`, `90m`, `8d`, `1h 30m`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("`{text}` is not a length of time; write it like 90m, 25h or 8d");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("{}; months and years have no fixed length", wrong()))?;
    if duration.is_positive() { Ok(duration) } else { Err(wrong()) }
}

fn said(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Unchecked => "not checked",
        Severity::Wrong => "wrong",
    }
}

fn verdict(worst: Option<Severity>) -> &'static str {
    match worst {
        None | Some(Severity::Note) => "ok",
        Some(Severity::Unchecked) => "not checked",
        Some(Severity::Wrong) => "wrong",
    }
}

/// What was found about one database, as lines of text or of JSON.
fn print(out: &mut Output, report: &Report, args: &VerifyArgs, now: Timestamp) -> Result<(), Failure> {
    for finding in &report.findings {
        if args.json {
            out.json(&json!({
                "type": "finding",
                "source": report.source,
                "database": report.database,
                "severity": said(finding.severity),
                "place": finding.place,
                "problem": finding.problem,
                "hint": finding.hint,
            }))?;
        } else if !(args.quiet && finding.severity == Severity::Note) {
            let what = format!("{}: {}", place(report, finding), finding.problem);
            out.line(&format!("{}: {what}", said(finding.severity)))?;
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
            "result": verdict(report.worst()),
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

/// What is wrong, by its database and its place in it; that may be all of it.
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
        verdict(report.worst()),
        report.database,
        report.source,
        counted(report.snapshots as u64, "snapshot"),
        checked.join(", ")
    )
}

/// A source that cannot be looked at, or is damaged as a whole.
fn not_looked_at(
    out: &mut Output,
    given: &str,
    severity: Severity,
    failure: &Failure,
    args: &VerifyArgs,
) -> Result<(), Failure> {
    if !args.json {
        failure.print();
        return Ok(());
    }
    out.json(&json!({
        "type": "finding",
        "source": given,
        "database": null,
        "severity": said(severity),
        "place": given,
        "problem": failure.message(),
        "hint": failure.hint_text(),
    }))?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
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
