//! Names with a time in them: what an archive is, by its name alone. Folders of archives have such names, and folders of
//! copies in git.
//!
//! | name | what it is |
//! | --- | --- |
//! | `[prefix]<time>.zip` | a zip of files: a Thrum backup and the like |
//! | `pre-restore-<time>.zip` | the same, taken before a restore: marked |
//! | `<db>-<time>.jsonl` | an export of one table (dolt-archive) |
//! | `<db>-latest.jsonl` | another name of the newest export: not a snapshot of its own |
//! | `<prefix>-<time>.db`, `.sqlite`, `.sqlite3` | a copy of a SQLite database |
//! | `<prefix>-<time>.dump` | a dump of `pg_dump -Fc` |
//! | `<prefix>-<time>.sql` | a dump as SQL; also packed: `.sql.gz`, `.sql.zst`, `.sql.xz` |
//! | `<prefix>-<time>.tar` | a tar of files; also packed: `.tar.gz`, `.tgz`, `.tar.zst`, `.tar.xz` |
//! | `<archive>.sha256` | what `sha256sum` says of an archive: no snapshot of its own |
//!
//! Dumps and tars may name a tag: `v0.1.0_20250910_143000.dump`, `minio_v0.1.0_20250910_143000.tar.gz`. What stands
//! beside tag and time says which part of the backup it is. Those of one tag and time are one snapshot.
//!
//! Which texts are a time says [`name_time`]. It may stand anywhere in the name; what remains names the database (see `series`).

use crate::model::time::Timestamp;
use jiff::tz::TimeZone;

use crate::format::{EXPORT, FileFormat, SQLITE, ZIP};
use crate::model::name_time::{self, Conventions};

mod conventions;
mod series;

pub(crate) use conventions::SeriesConventions;

/// The mark of a backup that exists to undo a restore.
pub(super) const PRE_RESTORE: &str = "pre-restore";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchiveName {
    pub(crate) format: FileFormat,
    /// What stands beside the time, without separators and without the mark; the whole stem where there is
    /// no time. Where there is a tag: what stands beside tag and time.
    pub(crate) prefix: String,
    /// The tag of the release that the archive was made for.
    pub(crate) tag: Option<String>,
    pub(crate) time: Option<NameTime>,
    /// [`PRE_RESTORE`] for a backup taken before a restore.
    pub(crate) mark: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameTime {
    parsed: name_time::NameTime,
    /// In a form that its writer fills in with local time: `date +%Y%m%d-%H%M` of dolt-archive,
    /// `date +%Y-%m-%d-%H%M%S` of Octopoid.
    is_local: bool,
    /// Whether nothing follows it in the name. In a repository, that tells copies of a database from migrations
    /// (`20260121120000_create.sql`) and the like.
    pub(crate) ends_the_name: bool,
}

impl NameTime {
    /// The moment in a series of these conventions. A time that names no zone is read in `zone`, or else in `system` where its
    /// writer uses local time, or else in UTC. `None` beyond the calendar, and where the conventions do not say which day it is.
    pub(crate) fn resolve(
        &self,
        conventions: &Conventions,
        zone: Option<&TimeZone>,
        system: &TimeZone,
    ) -> Option<Timestamp> {
        let parsed = self.parsed.under(conventions)?;
        Some(match zone {
            Some(zone) => parsed.resolve(zone),
            None if self.is_local => parsed.resolve(system),
            None => parsed.resolve(&TimeZone::UTC),
        })
    }

    /// Whether other names of its series say what it means.
    pub(crate) fn depends_on_its_series(&self) -> bool {
        self.parsed.is_ambiguous()
    }
}

/// Why a file is no archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum LeftOut {
    /// `<db>-latest.jsonl`.
    #[error("it is another name for the newest export")]
    Latest,
    #[error("it is hidden")]
    Hidden,
    #[error("it is still being written")]
    Partial,
    #[error("it is the checksum of an archive")]
    Checksum,
    #[error("it belongs to the SQLite database beside it")]
    Beside,
    #[error("its name is not that of an archive (<name>-<time> and {})", FileFormat::known_endings())]
    Foreign,
}

/// Takes a file name apart. A name without a time is no error: a zip may hold its time inside.
pub(crate) fn parse_file_name(name: &str) -> Result<ArchiveName, LeftOut> {
    if name.starts_with('.') {
        return Err(LeftOut::Hidden);
    }
    let (stem, format) = FileFormat::of_name(name).ok_or_else(|| why_left_out(name))?;
    let Some(parsed) = name_time::find(stem) else {
        if format.is(EXPORT) && without_latest(stem).is_some() {
            return Err(LeftOut::Latest);
        }
        let (prefix, mark) = without_mark(stem, format);
        return Ok(ArchiveName { format, prefix: prefix.to_owned(), tag: None, time: None, mark });
    };
    let ends_the_name = parsed.range.end == stem.len();
    let is_local = ends_the_name && is_local(&stem[parsed.range.clone()], format);
    let series = series::Series::of(stem, &parsed);
    let time = Some(NameTime { parsed, is_local, ends_the_name });
    if may_have_tag(format)
        && let Some((part, tag)) = split_tag(&series.before)
    {
        let between = if part.is_empty() || series.after.is_empty() { "" } else { "-" };
        let prefix = format!("{part}{between}{}", series.after);
        return Ok(ArchiveName { format, prefix, tag: Some(tag.to_owned()), time, mark: None });
    }
    let name = series.name();
    let (prefix, mark) = without_mark(&name, format);
    Ok(ArchiveName { format, prefix: prefix.to_owned(), tag: None, time, mark })
}

/// Why a file is left out whose name ends like no archive's.
fn why_left_out(name: &str) -> LeftOut {
    let lower = name.to_ascii_lowercase();
    match lower.rsplit_once('.').map(|(_, ending)| ending) {
        Some("tmp" | "part" | "partial") => LeftOut::Partial,
        Some("sha256" | "sha256sum") => LeftOut::Checksum,
        Some(beside) if SQLITE.endings().iter().any(|ending| is_beside(beside, ending)) => LeftOut::Beside,
        _ => LeftOut::Foreign,
    }
}

/// Whether it is what SQLite makes of such an ending for a file beside the database.
fn is_beside(ending: &str, database: &str) -> bool {
    ending.strip_prefix(database).is_some_and(|rest| matches!(rest, "-wal" | "-shm" | "-journal"))
}

/// Whether such files are made for a release, whose tag their names begin with.
fn may_have_tag(format: FileFormat) -> bool {
    ![ZIP, EXPORT, SQLITE].into_iter().any(|other| format.is(other))
}

/// Splits the mark of a backup that was made before a restore from its name.
fn without_mark(name: &str, format: FileFormat) -> (&str, Option<&'static str>) {
    match name.strip_prefix(PRE_RESTORE) {
        Some(rest) if format.is(ZIP) && (rest.is_empty() || rest.starts_with(['-', '_'])) => {
            (rest.trim_start_matches(['-', '_']), Some(PRE_RESTORE))
        }
        _ => (name, None),
    }
}

/// Splits `[<part>_]<tag>`, where a tag is `v`, a number, a dot and more: the part and the tag.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let starts = std::iter::once(0).chain(text.match_indices(['_', '-']).map(|(at, _)| at + 1));
    starts.into_iter().find_map(|start| {
        let tag = &text[start..];
        let (major, _) = tag.strip_prefix('v')?.split_once('.')?;
        let is_number = !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| (text[..start].trim_end_matches(['_', '-']), tag))
    })
}

/// `beads` of the stem `beads-latest`.
pub(super) fn without_latest(stem: &str) -> Option<&str> {
    let prefix = stem.strip_suffix("latest")?;
    if prefix.is_empty() { Some(prefix) } else { prefix.strip_suffix(['-', '_']) }
}

/// Whether the program that writes such names writes local time.
fn is_local(text: &str, format: FileFormat) -> bool {
    let digits = |part: &str, count: &[usize]| {
        count.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('-').collect();
    match &parts[..] {
        [date, time] if format.is(EXPORT) => digits(date, &[8]) && digits(time, &[4, 6]),
        [year, month, day, time] if format.is(SQLITE) => {
            digits(year, &[4]) && digits(month, &[2]) && digits(day, &[2]) && digits(time, &[6])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::packed::Packing::*;
    use crate::format::{PG_DUMP, SQL_TEXT, TAR};

    fn moment(name: &str, zone: Option<&str>) -> String {
        let zone = zone.map(|name| TimeZone::get(name).unwrap());
        let system = TimeZone::get("America/New_York").unwrap();
        let time = parse_file_name(name).unwrap().time.unwrap();
        time.resolve(&Conventions::default(), zone.as_ref(), &system).unwrap().to_string()
    }

    #[test]
    fn names_and_their_parts() {
        for (name, format, packing, prefix, has_time, mark) in [
            ("beads-20260121-2000.jsonl", EXPORT, Plain, "beads", true, None),
            ("gas-town-20260121-200000.jsonl", EXPORT, Plain, "gas-town", true, None),
            ("my_rig_20260121_200000.jsonl", EXPORT, Plain, "my_rig", true, None),
            ("2026-01-02T150405.zip", ZIP, Plain, "", true, None),
            ("thrum-2026-01-02T150405Z.zip", ZIP, Plain, "thrum", true, None),
            ("pre-restore-2026-01-02T150405.zip", ZIP, Plain, "", true, Some(PRE_RESTORE)),
            ("pre-restore-hq-2026-01-02T150405.zip", ZIP, Plain, "hq", true, Some(PRE_RESTORE)),
            ("pre-restored-2026-01-02T150405.zip", ZIP, Plain, "pre-restored", true, None),
            ("backup.ZIP", ZIP, Plain, "backup", false, None),
            ("state-2026-01-21-200000.db", SQLITE, Plain, "state", true, None),
            ("v0.1.0_20250910_143000.sqlite3", SQLITE, Plain, "v0.1.0", true, None),
            ("issues-3.jsonl", EXPORT, Plain, "issues-3", false, None),
            ("büro-2026-01-21.jsonl", EXPORT, Plain, "büro", true, None),
            ("taylordash-20250910_143000.dump", PG_DUMP, Plain, "taylordash", true, None),
            ("db-2026-01-21.sql.gz", SQL_TEXT, Gzip, "db", true, None),
            ("files_20260121T200000Z.tar.zst", TAR, Zstd, "files", true, None),
            ("files-2026-01-21.TXZ", TAR, Xz, "files", true, None),
            ("foo-v2-20260121-2000.sql", SQL_TEXT, Plain, "foo-v2", true, None),
        ] {
            let parsed = parse_file_name(name).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert!(parsed.format.is(format), "{name}");
            let found = (parsed.format.packing(), &*parsed.prefix, parsed.time.is_some(), parsed.mark);
            assert_eq!(found, (packing, prefix, has_time, mark), "{name}");
        }
    }

    #[test]
    fn tags_and_what_stands_beside_them() {
        for (name, tag, part) in [
            ("v0.1.0_20250910_143000.dump", "v0.1.0", ""),
            ("v0.1.0-checkpoint-daily-7_20250910_143000.dump", "v0.1.0-checkpoint-daily-7", ""),
            ("minio_v0.1.0_20250910_143000.tar.gz", "v0.1.0", "minio"),
            ("v0.1.0_20250910_143000_minio.tar.gz", "v0.1.0", "minio"),
            ("v0.1.0_20250910_143000.victoria-metrics.tgz", "v0.1.0", "victoria-metrics"),
            ("my_db_v2.0_20250910_143000_x.sql.zst", "v2.0", "my_db-x"),
        ] {
            let parsed = parse_file_name(name).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!((parsed.tag.as_deref(), parsed.prefix.as_str()), (Some(tag), part), "{name}");
            let time = parsed.time.unwrap().resolve(&Conventions::default(), None, &TimeZone::UTC).unwrap();
            assert_eq!(time.to_string(), "2025-09-10T14:30:00Z", "{name}");
        }
    }

    #[test]
    fn what_is_left_out() {
        for (name, why) in [
            ("beads-latest.jsonl", LeftOut::Latest),
            ("latest.jsonl", LeftOut::Latest),
            (".beads-20260121-2000.jsonl", LeftOut::Hidden),
            ("2026-01-02T150405.zip.tmp", LeftOut::Partial),
            ("beads-20260121-2000.jsonl.partial", LeftOut::Partial),
            ("README", LeftOut::Foreign),
            ("notes.txt", LeftOut::Foreign),
            ("state-2026-01-21-200000.db-wal", LeftOut::Beside),
            ("v0.1.0_20250910_143000.dump.sha256", LeftOut::Checksum),
            ("2026-01-21.gz", LeftOut::Foreign),
            ("2026-01-21.json.gz", LeftOut::Foreign),
        ] {
            assert_eq!(parse_file_name(name), Err(why), "{name}");
        }
    }

    #[test]
    fn a_name_without_zone_is_read_as_its_writer_meant_it() {
        for (name, zone, expected) in [
            // dolt-archive: local time.
            ("beads-20260121-2000.jsonl", None, "2026-01-22T01:00:00Z"),
            ("beads-20260121-200030.jsonl", None, "2026-01-22T01:00:30Z"),
            ("beads-20260121-2000.jsonl", Some("Europe/Berlin"), "2026-01-21T19:00:00Z"),
            // Octopoid: local time.
            ("state-2026-01-21-200000.db", None, "2026-01-22T01:00:00Z"),
            ("state-2026-01-21-200000.db", Some("UTC"), "2026-01-21T20:00:00Z"),
            // Everything else: UTC.
            ("state-20260121-200000.db", None, "2026-01-21T20:00:00Z"),
            ("beads-2026-01-21-200000.jsonl", None, "2026-01-21T20:00:00Z"),
            ("beads_20260121_200000.jsonl", None, "2026-01-21T20:00:00Z"),
            ("20260121-2000.zip", None, "2026-01-21T20:00:00Z"),
            ("2026-01-02T150405.zip", None, "2026-01-02T15:04:05Z"),
            ("2026-01-02T150405.zip", Some("Asia/Tokyo"), "2026-01-02T06:04:05Z"),
            // A zone in the name wins.
            ("2026-01-02T150405Z.zip", Some("Asia/Tokyo"), "2026-01-02T15:04:05Z"),
            ("beads-2026-01-21T20:00:00+01:00.jsonl", None, "2026-01-21T19:00:00Z"),
            // Gap and overlap: the offset before the change.
            ("beads-20260308-0230.jsonl", None, "2026-03-08T07:30:00Z"),
            ("beads-20261101-0130.jsonl", None, "2026-11-01T05:30:00Z"),
        ] {
            assert_eq!(moment(name, zone), expected, "{name} in {zone:?}");
        }
    }
}
