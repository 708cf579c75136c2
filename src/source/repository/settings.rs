//! A repository's own settings.

use gix::bstr::ByteSlice;
use gix::hash::Kind as HashKind;

use super::failure::{Failure, if_there};
use crate::content::ErrorKind;
use crate::files::root::SourcePath;

/// The longest `config` file that is read, in bytes.
const LONGEST_FILE: u64 = 16 << 20;

/// What of a repository's own settings counts. Nothing that they name is opened or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) hash: HashKind,
    /// Whether objects may stand for others (`git replace`).
    pub(crate) uses_replacements: bool,
}

impl Settings {
    pub(super) fn read(common: &SourcePath) -> Result<Self, Failure> {
        let text = if_there(common.join("config").read(LONGEST_FILE), "read its config")?;
        let config =
            config(&text.unwrap_or_default()).map_err(|error| Failure::git("read its config", error))?;
        if let Some(storage) = config.string("extensions.refStorage").filter(|storage| *storage != "files") {
            let problem = format!("the repository keeps its refs in the form `{storage}`, which is not read");
            return Err(Failure::new(ErrorKind::Unsupported, problem)
                .with_hint("`git refs migrate --ref-format=files` makes them files"));
        }
        let hash = match config.string("extensions.objectFormat") {
            None => HashKind::Sha1,
            Some(name) => name.to_str_lossy().parse().map_err(|_| {
                let problem = format!("its hashes are of the kind `{name}`, which is not known");
                Failure::new(ErrorKind::Unsupported, problem)
            })?,
        };
        let uses_replacements = config.boolean("core.useReplaceRefs").ok().flatten().unwrap_or(true);
        Ok(Self { hash, uses_replacements })
    }
}

/// The work tree that a git folder names as its own.
pub(super) fn work_tree(git: &SourcePath) -> Option<Vec<u8>> {
    let text = git.join("config").read(LONGEST_FILE).unwrap_or_default();
    config(&text).ok().and_then(|config| config.string("core.worktree")).map(Vec::from)
}

/// Settings without those of files that they include.
fn config(text: &[u8]) -> gix::Result<gix::config::File> {
    let meta = gix::config::file::Metadata::from(gix::config::Source::Local);
    gix::config::File::from_bytes_no_includes(text, meta, Default::default())
}
