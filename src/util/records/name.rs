//! The names of record files: their kind, program version and format.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// What the records of a file are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lengths,
    /// Hashes and numbers of rows of contents.
    Digests,
    /// When snapshots were first seen.
    Seen,
    /// Facts about zips.
    Zips,
}

const ALL: [Kind; 4] = [Kind::Lengths, Kind::Digests, Kind::Seen, Kind::Zips];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Lengths => "lengths",
            Self::Digests => "digests",
            Self::Seen => "seen",
            Self::Zips => "zips",
        }
    }
}

/// The suffix of a file that is being written, after a dot and random letters.
pub(super) const NEW: &str = ".new";

/// The number of the random letters.
pub(super) const LETTERS: usize = 6;

/// The name of a file of this program version.
pub(super) fn of_this_version(kind: Kind, format: u32) -> String {
    format!("{}-{}-{format}", kind.name(), env!("CARGO_PKG_VERSION"))
}

/// Whether a name belongs to another version of asof, or to a file that is being written.
pub(super) fn is_of_another_version(name: &[u8]) -> bool {
    let is_of_this =
        |kind: Kind| name.starts_with(format!("{}-{}-", kind.name(), env!("CARGO_PKG_VERSION")).as_bytes());
    is_ours(name) && (name.ends_with(NEW.as_bytes()) || !ALL.into_iter().any(is_of_this))
}

/// Whether some version of asof gives a file this name.
fn is_ours(name: &[u8]) -> bool {
    static NAMES: LazyLock<Regex> = LazyLock::new(|| {
        let version = r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.]+)?";
        // Version 0.1.0 wrote the format of `zips` before the version, or none.
        let names = format!(
            r"^(?-u)(?:(?:lengths|digests|seen|zips)-{version}-[0-9]+|zips-(?:[0-9]+-)?{version})(?:\.[0-9A-Za-z]{{{LETTERS}}}\{NEW})?$"
        );
        Regex::new(&names).expect("the pattern is right")
    });
    NAMES.is_match(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asof_writes_is_its_own() {
        for kind in ALL {
            let name = of_this_version(kind, 7);
            assert!(is_ours(name.as_bytes()), "{name}");
            assert!(!is_of_another_version(name.as_bytes()), "{name}");
            assert!(is_of_another_version(format!("{name}.aB3xY9.new").as_bytes()), "{name}");
        }
        for name in [
            "lengths-0.1.0-1",
            "zips-2-0.1.0",
            "zips-0.1.0",
            "seen-10.20.30-rc.1-12",
            "digests-1.0.0-1.aB3xY9.new",
        ] {
            assert!(is_ours(name.as_bytes()), "{name}");
        }
        assert!(is_of_another_version(b"zips-0.0.1-2") && is_of_another_version(b"zips-2-0.1.0"));
    }

    #[test]
    fn what_others_write_is_theirs() {
        for name in [
            "lengths",
            "lengths-0.1.0",
            "lengths-0.1-1",
            "lengths-0.1.0-1.bak",
            "lengths-0.1.0-1~",
            "my-lengths-0.1.0-1",
            "Lengths-0.1.0-1",
            "zips-2-0.1.0.zip",
            "zips-2026-01-01",
            "zips-1-2",
            "seen-0.1.0-1\n",
            "lengths-0.1.0-1.new",
            "lengths-0.1.0-1.abc.new",
            "segments",
            "",
            ".",
            "lengths-0.1.0-x",
        ] {
            assert!(!is_ours(name.as_bytes()), "{name}");
        }
        assert!(!is_ours(b"lengths-0.1.0-\xff"));
    }
}
