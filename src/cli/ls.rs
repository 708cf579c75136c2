//! `asof ls`.

use std::process::ExitCode;

use crate::model::time::Timestamp;
use futures_util::StreamExt;

use super::failure::Failure;
use super::output::Output;
use super::tree::{FromArgs, OpenTree};
use super::tree_path;
use crate::vfs::{Attr, DirEntry, NodeKind, ResolvedPath, VfsError};

/// How many entries are measured at the same time.
const AT_ONCE: usize = 8;

/// List a folder of the tree, without a mount
///
/// Paths are those of a mount of the same sources, starting at its root; if there is only one database, its name may be
/// left out. Under asof/ any time works: yesterday, 2026-01-05, '3 days ago', HEAD~3, a branch, a tag, a commit hash. As in
/// ls, a symlink at the end of PATH is followed, except with -l if PATH has no trailing `/`. Names are exact in a pipe;
/// on a terminal, control characters are escaped.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LsArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Show mode, link count, size in bytes and time (UTC) of each entry; measures sizes that are not known yet
    #[arg(short = 'l', long)]
    long: bool,
    /// Accepted as in ls; nothing is hidden anyway
    #[arg(short = 'a', short_alias = 'A', long = "all", alias = "almost-all", overrides_with = "_all")]
    _all: bool,
    /// Print one JSON object per entry: name, type, size, mtime, target; measures sizes like -l
    #[arg(long)]
    json: bool,
    /// The folder [default: the root, which lists the databases]
    #[arg(default_value = "", hide_default_value = true)]
    path: String,
}

const EXAMPLES: &str = "\
Examples:
  Which databases are there?
    asof ls --from dolt://127.0.0.1:3307
  When were snapshots taken?
    asof ls --from ~/gt/.dolt-data beads/asof
  How large were the tables yesterday?
    asof ls -l --from ~/backups/archives asof/yesterday/";

struct MeasuredEntry {
    name: String,
    kind: NodeKind,
    /// The attributes, and the target of a symlink.
    measured: Result<(Attr, Option<String>), VfsError>,
}

pub(super) fn run(args: &LsArgs) -> Result<ExitCode, Failure> {
    let tree = OpenTree::open(&args.from)?;
    let mut out = Output::plain();
    let status = tree.runtime.block_on(list(&tree, args, &mut out))?;
    out.flush()?;
    tree.save();
    Ok(status)
}

async fn list(tree: &OpenTree, args: &LsArgs, out: &mut Output) -> Result<ExitCode, Failure> {
    let wants_all = args.long || args.json;
    let found = tree_path::resolve(tree, &args.path, !args.long).await?;
    if found.kind != NodeKind::Directory {
        let shown = [alone(tree, &args.path, &found).await];
        return print(&shown, args, out);
    }
    let failed = |error| tree_path::failure(&args.path, &error);
    let mut entries = tree_path::list(tree, found.ino).await.map_err(failed)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    if !wants_all {
        for entry in &entries {
            out.names(&format!("{}\n", out.name(&entry.name)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let measure = async |entry: &DirEntry| {
        let measured = measure(tree, found.ino, &entry.name).await;
        MeasuredEntry { name: entry.name.to_string(), kind: entry.kind, measured }
    };
    let entries: Vec<MeasuredEntry> =
        futures_util::stream::iter(entries.iter().map(measure)).buffered(AT_ONCE).collect().await;
    print(&entries, args, out)
}

/// A file, or a symlink that is not followed, under the given path.
async fn alone(tree: &OpenTree, path: &str, found: &ResolvedPath) -> MeasuredEntry {
    let measured = match tree.vfs.getattr(found.ino).await {
        Ok(attr) => with_target(tree, attr).await,
        Err(error) => Err(error),
    };
    MeasuredEntry { name: path.to_owned(), kind: found.kind, measured }
}

async fn measure(tree: &OpenTree, folder: u64, name: &str) -> Result<(Attr, Option<String>), VfsError> {
    let attr = tree.vfs.lookup(folder, name).await?.attr;
    let measured = with_target(tree, attr).await;
    tree.vfs.forget(attr.ino, 1);
    measured
}

async fn with_target(tree: &OpenTree, attr: Attr) -> Result<(Attr, Option<String>), VfsError> {
    let target = match attr.kind {
        NodeKind::Symlink => Some(String::from_utf8_lossy(&tree.vfs.readlink(attr.ino).await?).into_owned()),
        NodeKind::Directory | NodeKind::File | NodeKind::Executable => None,
    };
    Ok((attr, target))
}

/// Prints entries. An entry that cannot be measured is also reported on stderr, and makes the exit status 1.
fn print(entries: &[MeasuredEntry], args: &LsArgs, out: &mut Output) -> Result<ExitCode, Failure> {
    let measured = || entries.iter().filter_map(|entry| entry.measured.as_ref().ok());
    let digits = |number: Option<u64>| number.unwrap_or(0).to_string().len();
    let links = digits(measured().map(|(attr, _)| u64::from(attr.nlink)).max());
    let sizes = digits(measured().map(|(attr, _)| attr.size).max());
    let mut status = ExitCode::SUCCESS;
    for entry in entries {
        match (args.json, args.long) {
            (true, _) => out.json(&entry_json(entry))?,
            (false, true) => out.names(&line(out, entry, links, sizes))?,
            (false, false) => out.names(&format!("{}\n", out.name(&entry.name)))?,
        }
        if let Err(error) = &entry.measured {
            out.flush()?;
            tree_path::failure(&entry.name, error).print();
            status = ExitCode::FAILURE;
        }
    }
    Ok(status)
}

/// A line of `--json`; the field order is the order in the line.
#[derive(serde::Serialize)]
struct EntryJson<'o> {
    name: &'o str,
    #[serde(rename = "type")]
    kind: &'static str,
    size: Option<u64>,
    mtime: Option<Timestamp>,
    target: Option<&'o str>,
}

fn entry_json(entry: &MeasuredEntry) -> EntryJson<'_> {
    let kind = match entry.kind {
        NodeKind::Directory => "directory",
        NodeKind::File | NodeKind::Executable => "file",
        NodeKind::Symlink => "symlink",
    };
    let (attr, target) = match &entry.measured {
        Ok((attr, target)) => (Some(attr), target.as_deref()),
        Err(_) => (None, None),
    };
    let (size, mtime) = (attr.map(|attr| attr.size), attr.map(|attr| attr.mtime));
    EntryJson { name: &entry.name, kind, size, mtime, target }
}

/// As in `ls -lgG`, except the time.
fn line(out: &Output, entry: &MeasuredEntry, links: usize, sizes: usize) -> String {
    let name = out.name(&entry.name);
    let Ok((attr, target)) = &entry.measured else {
        return format!("?????????? {:>links$} {:>sizes$} {:>20} {name}\n", "?", "?", "?");
    };
    let mode = match attr.kind {
        NodeKind::Directory => "dr-xr-xr-x",
        NodeKind::File if attr.access.is_secret => "-r--------",
        NodeKind::Executable if attr.access.is_secret => "-r-x------",
        NodeKind::File => "-r--r--r--",
        NodeKind::Executable => "-r-xr-xr-x",
        NodeKind::Symlink => "lrwxrwxrwx",
    };
    let target = target.as_ref().map_or(String::new(), |target| format!(" -> {}", out.name(target)));
    let time = Timestamp::from_second(attr.mtime.as_second());
    format!("{mode} {:>links$} {:>sizes$} {time} {name}{target}\n", attr.nlink, attr.size)
}
