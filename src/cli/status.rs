//! `asof status`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::{Timestamp, Unit};

use super::failure::Failure;
use super::mount_status::{self, DatabaseStatus, MountStatus, SourceStatus};
use super::mountpoint;
use super::output::{ColourChoice, Output, Style};
use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;

/// Databases that are shown without `--verbose`.
const SHOWN: usize = 20;

/// The exit status if a mount says nothing.
const TROUBLE: u8 = 2;

/// Show what is mounted, whether its sources answer, and how old its newest snapshots are
///
/// Reads .asof/status.json in the mount, which programs of the mount's owner may read; .asof/metrics holds figures for
/// Prometheus. The folder .asof is not listed, so that copies of the tree do not hold it.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUS)]
pub(super) struct StatusArgs {
    /// Print the status of each mount as JSON
    #[arg(long)]
    json: bool,
    /// Show all databases, however many there are
    #[arg(short, long)]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// The mountpoint [default: all your mounts of asof; for root, those of all users]
    mountpoint: Option<PathBuf>,
}

const STATUS: &str = "\
Exit status:
  0   every source answers
  1   a source does not answer
  2   a mount does not report its status, or nothing is mounted";

pub(super) fn run(args: &StatusArgs) -> ExitCode {
    let mut worst = 0;
    if let Err(failure) = show_all(args, &mut worst) {
        failure.print();
        worst = if failure.is_output_closed() { worst } else { TROUBLE };
    }
    ExitCode::from(worst)
}

fn show_all(args: &StatusArgs, worst: &mut u8) -> Result<(), Failure> {
    let mut out = Output::coloured(args.color);
    for (place, is_first) in
        places(args.mountpoint.as_deref())?.iter().zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        match show(place, is_first, args, &mut out) {
            Ok(answers) => *worst = (*worst).max(u8::from(!answers)),
            Err(failure) if failure.is_output_closed() => return Err(failure),
            Err(failure) => {
                out.flush()?;
                failure.print();
                *worst = TROUBLE;
            }
        }
    }
    out.flush()
}

/// The mounts that are asked.
fn places(chosen: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let mounts = mount_status::mounts();
    let you = rustix::process::geteuid();
    let mine = mounts.iter().filter(|mount| you.is_root() || mount.user == Some(you.as_raw()));
    let mine: Vec<PathBuf> = mine.map(|mount| mount.place.clone()).collect();
    let list = "`asof status` without a mountpoint shows all your mounts";
    let Some(chosen) = chosen else {
        let none =
            || Failure::new("nothing is mounted by asof for you").hint("`asof mount SOURCE MOUNTPOINT` does");
        return if mine.is_empty() { Err(none()) } else { Ok(mine) };
    };
    let shown = chosen.shown();
    let place = mountpoint::as_listed(chosen).map_err(|error: io::Error| {
        Failure::new(format!("cannot find {shown}")).because(&error).hint(list)
    })?;
    match mounts.iter().any(|mount| mount.place == place) {
        true => Ok(vec![place]),
        false => Err(Failure::new(format!("asof is not mounted at {shown}")).hint(list)),
    }
}

/// Shows one mount. Returns whether all of its sources answer.
fn show(place: &Path, is_first: bool, args: &StatusArgs, out: &mut Output) -> Result<bool, Failure> {
    let text = mount_status::text(place)?;
    let status = MountStatus::parse(place, &text)?;
    if args.json {
        let mut object: serde_json::Value = serde_json::from_slice(&text).expect("it was parsed just now");
        object["mountpoint"] = place.shown().to_string().into();
        out.json(&object)?;
    } else {
        out.text(&for_people(place, &status, args.verbose, WallClock::system().now(), out, is_first))?;
    }
    Ok(status.sources.iter().all(|source| source.answers))
}

fn for_people(
    place: &Path,
    status: &MountStatus,
    shows_all: bool,
    now: Timestamp,
    out: &Output,
    is_first: bool,
) -> String {
    let mut lines = Vec::new();
    if !is_first {
        lines.push(String::new());
    }
    let place = out.styled(Style::Name, &place.shown().to_string());
    let since = with_age(&status.started, now);
    lines.push(format!("{place}  mounted {since} by asof {}, process {}", status.asof, status.pid));
    lines.extend(status.sources.iter().flat_map(|source| of_source(source, now, out)));
    let width = status.databases.iter().map(|database| database.name.chars().count()).max().unwrap_or(0);
    let shown = if shows_all { usize::MAX } else { SHOWN };
    lines.extend(status.databases.iter().take(shown).map(|database| of_database(database, width, now)));
    if let Some(more) = status.databases.len().checked_sub(shown).filter(|more| *more > 0) {
        lines.push(format!("  ... and {more} more databases (--verbose shows them)"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn of_source(source: &SourceStatus, now: Timestamp, out: &Output) -> Vec<String> {
    let since = source.since.as_deref().map(|since| with_age(since, now)).unwrap_or_default();
    if source.answers {
        return vec![format!("  {}  answers", source.label)];
    }
    let fails = out.styled(Style::Removed, "does not answer");
    let reason = source.reason.as_deref().unwrap_or("it was not asked yet");
    let mut lines = vec![format!("  {}  {fails} since {since}: {reason}", source.label)];
    lines.extend(source.hint.as_ref().map(|hint| format!("      hint: {hint}")));
    lines
}

fn of_database(database: &DatabaseStatus, width: usize, now: Timestamp) -> String {
    let padding = " ".repeat(width - database.name.chars().count());
    let plural = if database.snapshots == 1 { "" } else { "s" };
    let newest = database.newest.as_deref().map(|newest| format!(", newest {}", with_age(newest, now)));
    format!(
        "  {}{padding}  {} snapshot{plural}{}",
        database.name,
        database.snapshots,
        newest.unwrap_or_default()
    )
}

/// A time, and how long ago that was. A time of which asof makes no sense stays as it is: it came from a program.
fn with_age(time: &str, now: Timestamp) -> String {
    let Ok(at) = time.parse::<Timestamp>() else { return time.to_owned() };
    let age = now.duration_since(at);
    let (count, unit) = match age.as_secs() {
        ..0 => return time.to_owned(),
        0..120 => (age.as_secs(), "s"),
        120..7200 => (age.as_mins(), "min"),
        7200..172_800 => (age.as_hours(), "h"),
        _ => (age.as_hours() / 24, "days"),
    };
    let whole = at.round(Unit::Second).unwrap_or(at);
    format!("{whole} ({count} {unit} ago)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_round_and_strange_times_stay() {
        let now: Timestamp = "2026-01-05T12:00:00Z".parse().expect("a time");
        for (time, shown) in [
            ("2026-01-05T11:59:01.25Z", "2026-01-05T11:59:01Z (58 s ago)"),
            ("2026-01-05T11:00:00Z", "2026-01-05T11:00:00Z (60 min ago)"),
            ("2026-01-04T11:00:00Z", "2026-01-04T11:00:00Z (25 h ago)"),
            ("2025-12-31T12:00:00Z", "2025-12-31T12:00:00Z (5 days ago)"),
            ("2026-01-06T00:00:00Z", "2026-01-06T00:00:00Z"),
            ("12026-01-05T00:00:00Z", "12026-01-05T00:00:00Z"),
        ] {
            assert_eq!(with_age(time, now), shown);
        }
    }
}
