//! `asof cat`.

use std::process::ExitCode;

use super::output::Output;
use super::tree::{FromArgs, Tree};
use super::{Failure, place};
use crate::vfs::Kind;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// Print files of the tree, without a mount
///
/// The paths are those that a mount of the same sources has, from its root on; where there is only one database, its
/// name may be left out. Nothing is printed of a file that does not pass the checks of its source.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CatArgs {
    #[command(flatten)]
    from: FromArgs,
    /// The files, one after the other
    #[arg(required = true)]
    path: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  asof cat --from dolt://127.0.0.1:3307 beads/asof/yesterday/issues.jsonl
  asof cat --from ~/gt/.dolt-data/beads asof/2026-01-05T12:00/issues.jsonl |
    jq -c 'select(.id == \"bd-42\")'
  asof cat --from ~/backups/archives latest/issues.jsonl > issues.jsonl

Exit status:
  0   all of it was printed
  1   something could not be; the rest was
  2   the command line makes no sense";

pub(super) fn run(args: &CatArgs) -> Result<ExitCode, Failure> {
    let tree = Tree::open(&args.from)?;
    let mut out = Output::plain();
    let mut status = ExitCode::SUCCESS;
    for path in &args.path {
        match tree.runtime.block_on(copy(&tree, path, &mut out)) {
            Ok(()) => {}
            Err(failure) if failure.is_enough() => return Err(failure),
            Err(failure) => {
                // In the order in which a terminal shows both.
                out.flush()?;
                failure.print();
                status = ExitCode::FAILURE;
            }
        }
    }
    out.flush()?;
    tree.close();
    Ok(status)
}

async fn copy(tree: &Tree, path: &str, out: &mut Output) -> Result<(), Failure> {
    let found = place::find(tree, path, true).await?;
    if found.kind == Kind::Directory {
        return Err(Failure::new(format!("{path} is a folder")).hint("`asof ls` lists it"));
    }
    let failed = |error| place::failed(path, &error);
    let handle = tree.vfs.open(found.ino).await.map_err(failed)?;
    let mut offset = 0;
    loop {
        let piece = tree.vfs.read(handle, offset, PIECE).await.map_err(failed)?;
        if piece.is_empty() {
            break;
        }
        out.bytes(&piece)?;
        offset += piece.len() as u64;
    }
    tree.vfs.release(handle);
    tree.vfs.forget(found.ino, 1);
    Ok(())
}
