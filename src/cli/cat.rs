//! `asof cat`.

use std::process::ExitCode;

use super::failure::Failure;
use super::output::Output;
use super::tree::{FromArgs, OpenTree};
use super::tree_path;
use crate::vfs::NodeKind;

/// Bytes per read.
const PIECE: usize = 1 << 20;

/// Print files of the tree, without a mount
///
/// Paths are those of a mount of the same sources, starting at its root; if there is only one database, its name may be
/// left out. If a file fails the checks of its source, nothing of it is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CatArgs {
    #[command(flatten)]
    from: FromArgs,
    /// The files to print, in this order
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
  0   all files were printed
  1   a file could not be printed; the others were
  2   the command line is invalid";

pub(super) fn run(args: &CatArgs) -> Result<ExitCode, Failure> {
    let tree = OpenTree::open(&args.from)?;
    let mut out = Output::plain();
    let mut status = ExitCode::SUCCESS;
    for path in &args.path {
        if let Err(failure) = tree.runtime.block_on(copy(&tree, path, &mut out)) {
            if failure.is_output_closed() {
                return Err(failure);
            }
            // So that a terminal shows output and error in order.
            out.flush()?;
            failure.print();
            status = ExitCode::FAILURE;
        }
    }
    out.flush()?;
    tree.save();
    Ok(status)
}

async fn copy(tree: &OpenTree, path: &str, out: &mut Output) -> Result<(), Failure> {
    let found = tree_path::resolve(tree, path, true).await?;
    if found.kind == NodeKind::Directory {
        return Err(Failure::new(format!("{path} is a folder")).hint("`asof ls` lists it"));
    }
    let failed = |error| tree_path::failure(path, &error);
    let mut offset = 0;
    loop {
        let piece = tree.vfs.read(found.ino, offset, PIECE).await.map_err(failed)?;
        if piece.is_empty() {
            break;
        }
        out.bytes(&piece)?;
        offset += piece.len() as u64;
    }
    tree.vfs.forget(found.ino, 1);
    Ok(())
}
