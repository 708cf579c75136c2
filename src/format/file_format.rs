//! Which format a file has, by its name.

use std::fmt;

use super::packed::Packing;
use super::{FORMATS, Format};

/// The format of a file, and how it is packed as a whole.
#[derive(Clone, Copy)]
pub(crate) struct FileFormat {
    /// `None`: it is shown as its bytes alone.
    format: Option<&'static dyn Format>,
    packing: Packing,
}

impl FileFormat {
    /// A file that is shown as its bytes alone.
    pub(crate) const BYTES: Self = Self { format: None, packing: Packing::Plain };

    /// Files of a format that are not packed as a whole.
    pub(crate) fn plain(format: &'static dyn Format) -> Self {
        Self { format: Some(format), packing: Packing::Plain }
    }

    /// Splits a file name into its stem and the format that its ending names. `None` for an ending of no format.
    pub(crate) fn of_name(name: &str) -> Option<(&str, Self)> {
        let lower = name.to_ascii_lowercase();
        let (packing, unpacked, implied) = Packing::of_name(&lower);
        let (stem, ending) = match implied {
            Some(ending) => (unpacked, ending),
            None => unpacked.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?,
        };
        let format = FORMATS.iter().copied().find(|format| format.endings().contains(&ending))?;
        let is_known = packing == Packing::Plain || format.may_be_packed();
        is_known.then(|| (&name[..stem.len()], Self { format: Some(format), packing }))
    }

    /// The usual endings of all formats, for messages: `.zip, .jsonl or .tar`.
    pub(crate) fn known_endings() -> String {
        let endings: Vec<String> = FORMATS.iter().map(|format| format!(".{}", format.endings()[0])).collect();
        let (last, others) = endings.split_last().expect("there are formats");
        format!("{} or {last}", others.join(", "))
    }

    pub(crate) fn format(self) -> Option<&'static dyn Format> {
        self.format
    }

    pub(crate) fn packing(self) -> Packing {
        self.packing
    }

    /// Whether it is of a format, packed or not.
    pub(crate) fn is(self, format: &dyn Format) -> bool {
        self.format.is_some_and(|own| own.endings() == format.endings())
    }

    /// Whether it is of a format, and not packed.
    pub(crate) fn is_plain(self, format: &dyn Format) -> bool {
        self.packing == Packing::Plain && self.is(format)
    }

    /// How names of such files end, with the dots.
    pub(crate) fn suffix(self) -> String {
        let ending = self.format.map(|format| format!(".{}", format.endings()[0]));
        format!("{}{}", ending.unwrap_or_default(), self.packing.ending())
    }

    /// Whether the file itself is shown beside what is in it.
    pub(crate) fn shows_bytes(self) -> bool {
        self.format.is_none_or(|format| format.shows_bytes(self.packing))
    }
}

impl PartialEq for FileFormat {
    fn eq(&self, other: &Self) -> bool {
        let endings = |format: Option<&'static dyn Format>| format.map(Format::endings);
        (endings(self.format), self.packing) == (endings(other.format), other.packing)
    }
}

impl Eq for FileFormat {}

impl fmt::Debug for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EXPORT, PG_DUMP, SQL_TEXT, SQLITE, TAR};
    use super::*;

    #[test]
    fn packed_files_are_known_by_both_of_their_endings() {
        use Packing::*;
        for (name, stem, format, packing, suffix) in [
            ("a.jsonl.gz", "a", EXPORT, Gzip, ".jsonl.gz"),
            ("a.NDJSON.bz2", "a", EXPORT, Bzip2, ".jsonl.bz2"),
            ("a.b.dump.gz", "a.b", PG_DUMP, Gzip, ".dump.gz"),
            ("a.sqlite.xz", "a", SQLITE, Xz, ".db.xz"),
            ("a.db.zst", "a", SQLITE, Zstd, ".db.zst"),
            ("a.sql.lz4", "a", SQL_TEXT, Lz4, ".sql.lz4"),
            ("a.sql.lzma", "a", SQL_TEXT, Lzma, ".sql.lzma"),
            ("a.sql.gz", "a", SQL_TEXT, Gzip, ".sql.gz"),
            ("a.tar", "a", TAR, Plain, ".tar"),
            ("a.tar.gz", "a", TAR, Gzip, ".tar.gz"),
            ("my.tarball.tgz", "my.tarball", TAR, Gzip, ".tar.gz"),
            ("a.tar.zst", "a", TAR, Zstd, ".tar.zst"),
            ("a.tzst", "a", TAR, Zstd, ".tar.zst"),
            ("a.tar.xz", "a", TAR, Xz, ".tar.xz"),
            ("a.txz", "a", TAR, Xz, ".tar.xz"),
            ("a.tar.bz2", "a", TAR, Bzip2, ".tar.bz2"),
            ("a.TBZ", "a", TAR, Bzip2, ".tar.bz2"),
            ("a.tbz2", "a", TAR, Bzip2, ".tar.bz2"),
            ("a.tar.lz4", "a", TAR, Lz4, ".tar.lz4"),
            ("a.tar.lzma", "a", TAR, Lzma, ".tar.lzma"),
            ("a.tlz", "a", TAR, Lzma, ".tar.lzma"),
            ("a.tar.Z", "a", TAR, Compress, ".tar.z"),
            ("a.tar.lz", "a", TAR, Lzip, ".tar.lz"),
            ("a.ndjson", "a", EXPORT, Plain, ".jsonl"),
        ] {
            let (found, of_name) = FileFormat::of_name(name).unwrap_or_else(|| panic!("{name}"));
            assert!(of_name.is(format), "{name}");
            assert_eq!((found, of_name.packing(), &*of_name.suffix()), (stem, packing, suffix), "{name}");
        }
        let others = "a.gz .gz .sql.gz .jsonl.gz a.json.gz a.txt.xz a.gz.gz a.zip.gz .tar .tgz tar.gz";
        for name in others.split(' ') {
            assert!(FileFormat::of_name(name).is_none(), "{name}");
        }
    }
}
