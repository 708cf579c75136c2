//! The formats of archives, and how their names end.

use super::naming::LeftOut;
use crate::source::dump::packed::Packing;
use crate::source::dump::tar;
use crate::source::sqlite::NAME_ENDINGS;

/// How an archive holds its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Format {
    /// Any file, as it is: one of a folder that is a snapshot.
    Plain,
    /// A zip: its members are the files.
    Zip,
    /// One table, one row per line, or as one `{"rows":[...]}` document.
    Jsonl,
    /// A SQLite database file.
    Sqlite,
    /// A dump in PostgreSQL's custom format.
    PgDump,
    /// SQL as text.
    Sql(Packing),
    /// A tar: its members are the files.
    Tar(Packing),
}

impl Format {
    /// The end of the name of such a file, with its dot.
    pub(in crate::source) fn suffix(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Zip => ".zip".to_owned(),
            Self::Jsonl => ".jsonl".to_owned(),
            Self::Sqlite => ".db".to_owned(),
            Self::PgDump => ".dump".to_owned(),
            Self::Sql(packing) => format!(".sql{}", ending_of(packing)),
            Self::Tar(packing) => format!(".tar{}", ending_of(packing)),
        }
    }

    /// Whether such files are made for a release, whose tag their names begin with.
    pub(super) fn may_have_tag(self) -> bool {
        matches!(self, Self::PgDump | Self::Sql(_) | Self::Tar(_))
    }

    /// A file name without its end, and what that says.
    ///
    /// # Errors
    /// [`LeftOut`] for a name that ends like no archive's.
    pub(super) fn of_name(name: &str) -> Result<(&str, Self), LeftOut> {
        let lower = name.to_ascii_lowercase();
        let cut = |endings: usize| name.rsplitn(endings + 1, '.').last().unwrap_or(name);
        if let Some(packing) = tar::packing_of_name(lower.as_bytes()) {
            let endings = if lower.contains(".tar") && packing != Packing::Plain { 2 } else { 1 };
            return Ok((cut(endings), Self::Tar(packing)));
        }
        let (packing, unpacked) = Packing::of_name(lower.as_bytes());
        if packing != Packing::Plain {
            let is_sql = unpacked.strip_suffix(b".sql").is_some_and(|rest| !rest.is_empty());
            return if is_sql { Ok((cut(2), Self::Sql(packing))) } else { Err(LeftOut::Foreign) };
        }
        let (_, extension) = lower.rsplit_once('.').ok_or(LeftOut::Foreign)?;
        let format = match extension {
            "tmp" | "part" | "partial" => return Err(LeftOut::Partial),
            "sha256" | "sha256sum" => return Err(LeftOut::Checksum),
            beside if NAME_ENDINGS.iter().any(|end| is_beside(beside, end)) => return Err(LeftOut::Beside),
            "zip" => Self::Zip,
            "jsonl" => Self::Jsonl,
            end if NAME_ENDINGS.contains(&end) => Self::Sqlite,
            "dump" => Self::PgDump,
            "sql" => Self::Sql(Packing::Plain),
            _ => return Err(LeftOut::Foreign),
        };
        Ok((cut(1), format))
    }
}

/// Whether it is what SQLite makes of such an end for a file beside the database.
fn is_beside(extension: &str, database: &str) -> bool {
    extension.strip_prefix(database).is_some_and(|rest| matches!(rest, "-wal" | "-shm" | "-journal"))
}

/// What the name of a packed file ends in.
fn ending_of(packing: Packing) -> &'static str {
    match packing {
        Packing::Plain => "",
        Packing::Gzip => ".gz",
        Packing::Zstd => ".zst",
        Packing::Xz => ".xz",
    }
}
