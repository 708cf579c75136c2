//! `asof ls`.

use std::process::ExitCode;

use crate::model::time::Timestamp;
use futures_util::StreamExt;

use super::output::Output;
use super::tree::{FromArgs, Tree};
use super::{Failure, place};
use crate::vfs::{Attr, Kind, Place, VfsError};

/// How many entries are measured at once.
const AT_ONCE: usize = 8;

/// List a folder of the tree, without a mount
///
/// The paths are those that a mount of the same sources has, from its root on; where there is only one database, its
/// name may be left out. Under asof/ any time works: yesterday, 2026-01-05, '3 days ago', HEAD~3, a branch, a tag, a
/// commit hash. A symlink at the end of PATH is followed, unless -l is given and no `/` comes after it, as ls does.
/// Names are exact in a pipe; on a terminal, characters that would control it are escaped.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LsArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Show kind, number of names, size in bytes and time (UTC) of each entry; measures what is not measured yet
    #[arg(short = 'l', long)]
    long: bool,
    /// Taken as by ls: nothing is hidden, with it or without
    #[arg(short = 'a', short_alias = 'A', long = "all", alias = "almost-all", overrides_with = "_all")]
    _all: bool,
    /// Print one JSON object per entry: name, type, size, mtime, target; measures as -l does
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

/// An entry with what there is to tell of it.
struct Shown {
    name: String,
    kind: Kind,
    /// With where it leads, if it is a symlink.
    told: Result<(Attr, Option<String>), VfsError>,
}

pub(super) fn run(args: &LsArgs) -> Result<ExitCode, Failure> {
    let tree = Tree::open(&args.from)?;
    let mut out = Output::plain();
    let status = tree.runtime.block_on(list(&tree, args, &mut out))?;
    out.flush()?;
    tree.close();
    Ok(status)
}

async fn list(tree: &Tree, args: &LsArgs, out: &mut Output) -> Result<ExitCode, Failure> {
    let wants_all = args.long || args.json;
    let found = place::find(tree, &args.path, !args.long).await?;
    if found.kind != Kind::Directory {
        let shown = [alone(tree, &args.path, &found).await];
        return print(&shown, args, out);
    }
    let failed = |error| place::failed(&args.path, &error);
    let mut entries = place::list(tree, found.ino).await.map_err(failed)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    if !wants_all {
        for entry in &entries {
            out.names(&format!("{}\n", out.name(&entry.name)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let tell = async |entry: &crate::vfs::DirEntry| {
        let told = tell_entry(tree, found.ino, &entry.name).await;
        Shown { name: entry.name.to_string(), kind: entry.kind, told }
    };
    let shown: Vec<Shown> =
        futures_util::stream::iter(entries.iter().map(tell)).buffered(AT_ONCE).collect().await;
    print(&shown, args, out)
}

/// A file, or a symlink that is not followed, under the path that was given.
async fn alone(tree: &Tree, path: &str, found: &Place) -> Shown {
    let told = match tree.vfs.getattr(found.ino).await {
        Ok(attr) => with_target(tree, attr).await,
        Err(error) => Err(error),
    };
    Shown { name: path.to_owned(), kind: found.kind, told }
}

async fn tell_entry(tree: &Tree, folder: u64, name: &str) -> Result<(Attr, Option<String>), VfsError> {
    let attr = tree.vfs.lookup(folder, name).await?.attr;
    let told = with_target(tree, attr).await;
    tree.vfs.forget(attr.ino, 1);
    told
}

async fn with_target(tree: &Tree, attr: Attr) -> Result<(Attr, Option<String>), VfsError> {
    let target = match attr.kind {
        Kind::Symlink => Some(String::from_utf8_lossy(&tree.vfs.readlink(attr.ino).await?).into_owned()),
        Kind::Directory | Kind::File | Kind::Executable => None,
    };
    Ok((attr, target))
}

/// Prints entries; those that nothing can be told of are named on stderr too, and make the status 1.
fn print(entries: &[Shown], args: &LsArgs, out: &mut Output) -> Result<ExitCode, Failure> {
    let told = || entries.iter().filter_map(|entry| entry.told.as_ref().ok());
    let digits = |number: Option<u64>| number.unwrap_or(0).to_string().len();
    let names = digits(told().map(|(attr, _)| u64::from(attr.nlink)).max());
    let sizes = digits(told().map(|(attr, _)| attr.size).max());
    let mut status = ExitCode::SUCCESS;
    for entry in entries {
        match (args.json, args.long) {
            (true, _) => out.json(&object(entry))?,
            (false, true) => out.names(&line(out, entry, names, sizes))?,
            (false, false) => out.names(&format!("{}\n", out.name(&entry.name)))?,
        }
        if let Err(error) = &entry.told {
            out.flush()?;
            place::failed(&entry.name, error).print();
            status = ExitCode::FAILURE;
        }
    }
    Ok(status)
}

/// A line of `--json`; the field order is the order in the line.
#[derive(serde::Serialize)]
struct Object<'o> {
    name: &'o str,
    #[serde(rename = "type")]
    kind: &'static str,
    size: Option<u64>,
    mtime: Option<Timestamp>,
    target: Option<&'o str>,
}

fn object(entry: &Shown) -> Object<'_> {
    let kind = match entry.kind {
        Kind::Directory => "directory",
        Kind::File | Kind::Executable => "file",
        Kind::Symlink => "symlink",
    };
    let (attr, target) = match &entry.told {
        Ok((attr, target)) => (Some(attr), target.as_deref()),
        Err(_) => (None, None),
    };
    let (size, mtime) = (attr.map(|attr| attr.size), attr.map(|attr| attr.mtime));
    Object { name: &entry.name, kind, size, mtime, target }
}

/// As `ls -lgG` has it, but for the time.
fn line(out: &Output, entry: &Shown, names: usize, sizes: usize) -> String {
    let name = out.name(&entry.name);
    let Ok((attr, target)) = &entry.told else {
        return format!("?????????? {:>names$} {:>sizes$} {:>20} {name}\n", "?", "?", "?");
    };
    let mode = match attr.kind {
        Kind::Directory => "dr-xr-xr-x",
        Kind::File if attr.access.is_secret => "-r--------",
        Kind::Executable if attr.access.is_secret => "-r-x------",
        Kind::File => "-r--r--r--",
        Kind::Executable => "-r-xr-xr-x",
        Kind::Symlink => "lrwxrwxrwx",
    };
    let target = target.as_ref().map_or(String::new(), |target| format!(" -> {}", out.name(target)));
    let time = Timestamp::from_second(attr.mtime.as_second());
    format!("{mode} {:>names$} {:>sizes$} {time} {name}{target}\n", attr.nlink, attr.size)
}
