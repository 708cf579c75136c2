//! The manifest: which files make up a generation of the store, and its root.
//!
//! One line, fields separated by `:`:
//!
//! ```text
//! 5:__DOLT__:<lock>:<root>:<gc generation>{:<table file>:<chunk count>}
//! ```
//!
//! Version 4, which Dolt still reads, lacks the generation.

use std::collections::BTreeSet;
use std::path::Path;

use super::archive;
use crate::address::Address;
use crate::error::StoreError;
use crate::files::{Generation, JOURNAL, MANIFEST};

/// The only format of objects that is read.
const FORMAT: &str = "__DOLT__";
/// Dolt's format until 2022.
const OLD_FORMAT: &str = "__LD_1__";

/// The content of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreManifest {
    /// The root of the store when the manifest was written; a journal may hold a newer one.
    pub root: Address,
    /// The files of this generation.
    pub files: Vec<FileSpec>,
}

/// One file of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSpec {
    /// Its name.
    pub name: Address,
    /// How many chunks it holds, where that is known; for a journal, how many it held once.
    pub chunks: Option<u32>,
}

impl StoreManifest {
    /// Reads the manifest of a generation; `None` where there is none.
    pub fn read(generation: &dyn Generation) -> Result<Option<Self>, StoreError> {
        let bytes = generation.read(MANIFEST)?;
        bytes.map(|bytes| Self::parse(&generation.path(MANIFEST), &bytes)).transpose()
    }

    /// A manifest that names all files that are there. Chunks are found by their own addresses, so one file too many
    /// does no harm.
    pub fn of_files(generation: &dyn Generation) -> Result<Self, StoreError> {
        let is_file = |name: &String| name != JOURNAL;
        let stem = |name: String| name.strip_suffix(archive::SUFFIX).unwrap_or(&name).parse::<Address>().ok();
        let names: BTreeSet<_> = generation.names()?.into_iter().filter(is_file).filter_map(stem).collect();
        let files = names.into_iter().map(|name| FileSpec { name, chunks: None }).collect();
        Ok(Self { root: Address::default(), files })
    }

    /// Reads the bytes of the manifest at `path`.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let no_manifest = |what: &str| StoreError::damaged(path, what);
        let text = std::str::from_utf8(bytes).map_err(|_| no_manifest("it is not text"))?;
        let fields: Vec<_> = text.trim_end().split(':').collect();
        let (format, root, files) = match fields.as_slice() {
            ["5", format, _lock, root, _generation, files @ ..] => (*format, *root, files),
            ["4", format, _lock, root, files @ ..] => (*format, *root, files),
            ["4" | "5", ..] => return Err(no_manifest("it is cut off")),
            [version, _, _, ..] if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(unsupported(path, &format!("has version {version}; 4 and 5 are read")));
            }
            _ => return Err(no_manifest("it is no manifest of a Dolt store")),
        };
        match format {
            FORMAT => {}
            OLD_FORMAT => {
                let problem =
                    "is of a store in Dolt's old format __LD_1__; `dolt migrate` of Dolt 1.0 converts it";
                return Err(unsupported(path, problem));
            }
            other => return Err(unsupported(path, &format!("is of a store in the format {other:?}"))),
        }
        let root = root.parse().map_err(|_| no_manifest("its root is no address"))?;
        let pairs = files.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(no_manifest("its last table file has no chunk count"));
        }
        let specs = pairs.map(|pair| {
            let name = pair[0].parse().ok()?;
            Some(FileSpec { name, chunks: Some(pair[1].parse().ok()?) })
        });
        let files = specs.collect::<Option<_>>().ok_or_else(|| no_manifest("it names no table file"))?;
        Ok(Self { root, files })
    }
}

fn unsupported(path: &Path, problem: &str) -> StoreError {
    StoreError::UnsupportedFile { file: path.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "j7fi68bg7atnub598va8ra19jb4d9p4r";
    const ROOT: &str = "94b1io82s91t8psv0taqk2brm8lil7ka";
    const FILE: &str = "bgm9om38v3bmp4e6oafum3ss84uc95ma";

    fn parse(text: &str) -> Result<StoreManifest, StoreError> {
        StoreManifest::parse(Path::new("manifest"), text.as_bytes())
    }

    #[test]
    fn both_versions_are_read() {
        let root = ROOT.parse().expect("an address");
        let file = FileSpec { name: FILE.parse().expect("an address"), chunks: Some(2) };
        let five = parse(&format!("5:__DOLT__:{LOCK}:{ROOT}:{LOCK}:{FILE}:2")).expect("a manifest");
        assert_eq!(five, StoreManifest { root, files: vec![file] });
        let four = parse(&format!("4:__DOLT__:{LOCK}:{ROOT}\n")).expect("a manifest");
        assert_eq!(four, StoreManifest { root, files: vec![] });
    }

    #[test]
    fn other_formats_are_named() {
        for (text, what) in [("5:__LD_1__", "__LD_1__"), ("6:__DOLT__", "version 6")] {
            let error = parse(&format!("{text}:{LOCK}:{ROOT}:{LOCK}")).expect_err("it is not read");
            assert!(matches!(error, StoreError::UnsupportedFile { .. }) && error.to_string().contains(what));
        }
    }

    #[test]
    fn anything_else_is_damage() {
        let whole = format!("5:__DOLT__:{LOCK}:{ROOT}:{LOCK}:{FILE}:2:{FILE}:3");
        for cut in 0..whole.len() {
            // Some prefixes are manifests of fewer files; none is a manifest with another root.
            if let Ok(manifest) = parse(&whole[..cut]) {
                assert_eq!(manifest.root.to_string(), ROOT);
            }
        }
        let extra = format!("{whole}:{FILE}");
        for text in ["", ":", "x:__DOLT__:a:b", "5:__DOLT__:a:b:c:d", "\u{0}\u{0}\u{0}", &extra] {
            assert!(matches!(parse(text), Err(StoreError::DamagedFile { .. })), "{text:?}");
        }
        for text in ["5", "5:__DOLT__:lock:root", "5:__DOLT__", "4:__DOLT__:lock"] {
            let error = parse(text).expect_err("fields are missing");
            assert!(matches!(error, StoreError::DamagedFile { .. }), "{text}: {error}");
            assert!(error.to_string().contains("cut off"), "{text}: {error}");
        }
    }
}
