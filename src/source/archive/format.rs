//! The formats of archives, and how their names end.

use super::naming::LeftOut;

/// How an archive holds its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Format {
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
    pub(super) fn suffix(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Zip => ".zip".to_owned(),
            Self::Jsonl => ".jsonl".to_owned(),
            Self::Sqlite => ".db".to_owned(),
            Self::PgDump => ".dump".to_owned(),
            Self::Sql(packing) => format!(".sql{}", packing.suffix()),
            Self::Tar(packing) => format!(".tar{}", packing.suffix()),
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
        let (stem, extension) = name.rsplit_once('.').ok_or(LeftOut::Foreign)?;
        let packed = |packing| match stem.rsplit_once('.') {
            Some((stem, inner)) if inner.eq_ignore_ascii_case("sql") => Ok((stem, Self::Sql(packing))),
            Some((stem, inner)) if inner.eq_ignore_ascii_case("tar") => Ok((stem, Self::Tar(packing))),
            _ => Err(LeftOut::Foreign),
        };
        let format = match extension.to_ascii_lowercase().as_str() {
            "tmp" | "part" | "partial" => return Err(LeftOut::Partial),
            "sha256" | "sha256sum" => return Err(LeftOut::Checksum),
            beside if SQLITE.iter().any(|end| is_beside(beside, end)) => return Err(LeftOut::Beside),
            "gz" => return packed(Packing::Gzip),
            "zst" => return packed(Packing::Zstd),
            "xz" => return packed(Packing::Xz),
            "zip" => Self::Zip,
            "jsonl" => Self::Jsonl,
            end if SQLITE.contains(&end) => Self::Sqlite,
            "dump" => Self::PgDump,
            "sql" => Self::Sql(Packing::None),
            "tar" => Self::Tar(Packing::None),
            "tgz" => Self::Tar(Packing::Gzip),
            "tzst" => Self::Tar(Packing::Zstd),
            "txz" => Self::Tar(Packing::Xz),
            _ => return Err(LeftOut::Foreign),
        };
        Ok((stem, format))
    }
}

/// How names of SQLite databases end.
const SQLITE: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// Whether it is what SQLite makes of such an end for a file beside the database.
fn is_beside(extension: &str, database: &str) -> bool {
    extension.strip_prefix(database).is_some_and(|rest| matches!(rest, "-wal" | "-shm" | "-journal"))
}

/// How a whole file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Packing {
    /// Not at all.
    None,
    /// By gzip(1).
    Gzip,
    /// By zstd(1).
    Zstd,
    /// By xz(1).
    Xz,
}

impl Packing {
    fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Xz => ".xz",
        }
    }
}
