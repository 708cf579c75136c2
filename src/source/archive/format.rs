//! The formats of archives, and how their names end.

use super::naming::LeftOut;
use crate::format::dump::packed::Packing;
use crate::format::sqlite::NAME_ENDINGS;

/// How an archive holds its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
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
    /// A file of one of the formats before, packed.
    Packed(Content, Packing),
    /// A tar: its members are the files.
    Tar(Packing),
}

/// What may be packed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// [`Format::Jsonl`]
    Jsonl,
    /// [`Format::Sqlite`]
    Sqlite,
    /// [`Format::PgDump`]
    PgDump,
}

impl Content {
    /// The format of such a file that is not packed.
    pub(super) fn format(self) -> Format {
        match self {
            Self::Jsonl => Format::Jsonl,
            Self::Sqlite => Format::Sqlite,
            Self::PgDump => Format::PgDump,
        }
    }
}

impl Format {
    /// The format of what is in it, where it is packed.
    pub(super) fn unpacked(self) -> Self {
        match self {
            Self::Packed(content, _) => content.format(),
            other => other,
        }
    }

    /// The end of the name of such a file, with its dot.
    pub(crate) fn suffix(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Zip => ".zip".to_owned(),
            Self::Jsonl => ".jsonl".to_owned(),
            Self::Sqlite => ".db".to_owned(),
            Self::PgDump => ".dump".to_owned(),
            Self::Sql(packing) => format!(".sql{}", packing.ending()),
            Self::Packed(content, packing) => format!("{}{}", content.format().suffix(), packing.ending()),
            Self::Tar(packing) => format!(".tar{}", packing.ending()),
        }
    }

    /// Whether such files are made for a release, whose tag their names begin with.
    pub(super) fn may_have_tag(self) -> bool {
        matches!(self.unpacked(), Self::PgDump | Self::Sql(_) | Self::Tar(_))
    }

    /// A file name without its end, and what that says.
    ///
    /// # Errors
    /// [`LeftOut`] for a name that ends like no archive's.
    pub(super) fn of_name(name: &str) -> Result<(&str, Self), LeftOut> {
        let lower = name.to_ascii_lowercase();
        let cut = |endings: usize| name.rsplitn(endings + 1, '.').last().unwrap_or(name);
        if let Some(packing) = Packing::of_tar_name(lower.as_bytes()) {
            let (outer, rest) = Packing::of_name(lower.as_bytes());
            let endings = if outer != Packing::Plain && rest.ends_with(b".tar") { 2 } else { 1 };
            return Ok((cut(endings), Self::Tar(packing)));
        }
        let (packing, unpacked) = Packing::of_name(lower.as_bytes());
        if packing != Packing::Plain {
            let unpacked = std::str::from_utf8(unpacked).ok();
            let (_, extension) = unpacked
                .and_then(|name| name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()))
                .ok_or(LeftOut::Foreign)?;
            let format = match extension {
                "sql" => Self::Sql(packing),
                "jsonl" | "ndjson" => Self::Packed(Content::Jsonl, packing),
                "dump" => Self::Packed(Content::PgDump, packing),
                end if NAME_ENDINGS.contains(&end) => Self::Packed(Content::Sqlite, packing),
                _ => return Err(LeftOut::Foreign),
            };
            return Ok((cut(2), format));
        }
        let (_, extension) = lower.rsplit_once('.').ok_or(LeftOut::Foreign)?;
        let format = match extension {
            "tmp" | "part" | "partial" => return Err(LeftOut::Partial),
            "sha256" | "sha256sum" => return Err(LeftOut::Checksum),
            beside if NAME_ENDINGS.iter().any(|end| is_beside(beside, end)) => return Err(LeftOut::Beside),
            "zip" => Self::Zip,
            "jsonl" | "ndjson" => Self::Jsonl,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_files_are_known_by_both_of_their_endings() {
        use Packing::*;
        for (name, stem, format, suffix) in [
            ("a.jsonl.gz", "a", Format::Packed(Content::Jsonl, Gzip), ".jsonl.gz"),
            ("a.NDJSON.bz2", "a", Format::Packed(Content::Jsonl, Bzip2), ".jsonl.bz2"),
            ("a.b.dump.gz", "a.b", Format::Packed(Content::PgDump, Gzip), ".dump.gz"),
            ("a.sqlite.xz", "a", Format::Packed(Content::Sqlite, Xz), ".db.xz"),
            ("a.db.zst", "a", Format::Packed(Content::Sqlite, Zstd), ".db.zst"),
            ("a.sql.lz4", "a", Format::Sql(Lz4), ".sql.lz4"),
            ("a.sql.lzma", "a", Format::Sql(Lzma), ".sql.lzma"),
            ("a.tar.bz2", "a", Format::Tar(Bzip2), ".tar.bz2"),
            ("a.TBZ", "a", Format::Tar(Bzip2), ".tar.bz2"),
            ("a.tar.Z", "a", Format::Tar(Compress), ".tar.z"),
            ("a.tar.lz", "a", Format::Tar(Lzip), ".tar.lz"),
            ("my.tarball.tgz", "my.tarball", Format::Tar(Gzip), ".tar.gz"),
            ("a.ndjson", "a", Format::Jsonl, ".jsonl"),
        ] {
            let (found, of_name) = Format::of_name(name).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!((found, of_name, &*of_name.suffix()), (stem, format, suffix), "{name}");
        }
        for name in ["a.gz", ".sql.gz", ".jsonl.gz", "a.json.gz", "a.txt.xz", "a.gz.gz", "a.zip.gz"] {
            assert_eq!(Format::of_name(name), Err(LeftOut::Foreign), "{name}");
        }
    }
}
