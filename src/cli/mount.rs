//! `asof mount`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::signals::Signals;
use super::tree::{Opening, ReadingArgs};
use super::{Failure, background, disk_cache, heap, logging, mountpoint, size, workers};
use crate::catalog::Catalog;
use crate::cli::tree;
use crate::engine::SMALLEST_DISK_CACHE;
use crate::fuse::{Fuse, Modes, session};
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;
use crate::vfs::Vfs;

/// All mount options have to fit into a page, and a person has to read it.
const LONGEST_SOURCE_NAME: usize = 200;

/// Readahead to ask of the kernel, in KiB: it offers FUSE 128 at first, and requests may go up to 1 MiB.
const READ_AHEAD_KIB: &str = "1024";

/// Mount sources as a read-only tree
///
/// Returns once the tree answers, and goes on in the background until `asof umount`. Each database is a
/// folder with asof/<time>/ for every snapshot, latest, live/, branches/, tags/, commits/ and log.jsonl.
/// Under asof/ any time works as a name: yesterday, 2026-01-05, 2026-01-05T12:00, '3 days ago', HEAD~3, a
/// branch, a tag, a commit hash.
#[derive(Debug, clap::Args)]
#[command(after_help = SOURCES)]
pub(super) struct MountArgs {
    /// Stay in the foreground and log to stderr
    #[arg(short, long)]
    foreground: bool,
    /// Mount options, as in fstab: allow_other, nonempty, mode=, umask=, fmask=, dmask=, uid=, gid=, noexec, and each long
    /// option with _ for -
    ///
    /// With allow_other, other users may read what the files of the source let them read. mode=, umask=, fmask= and dmask=
    /// (octal) say it for all files instead; uid= names the owner of everything (by number), and gid= a group that may read
    /// what not everybody may. allow_root lets in root beside you. noexec is applied; nosuid and nodev always are. fsname= is
    /// what `mount` shows as the source; context= and the like go to SELinux. What fstab and other FUSE programs have beside
    /// that (noauto, _netdev, x-..., default_permissions, kernel_cache, attr_timeout=, ...) is accepted and changes nothing.
    #[arg(short, value_name = "OPT[,OPT...]")]
    pub options: Vec<String>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Where a mount in the background writes its log [default: one file per mountpoint in
    /// ~/.local/state/asof]
    #[arg(long, value_name = "PATH")]
    pub log_file: Option<PathBuf>,
    /// Disk for rendered content, 1M at least, in the folder of --cache-dir, whose mounts share it [default: 0]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub disk_cache_size: Option<u64>,
    /// Who else may read the mount (-o allow_other and others)
    #[arg(skip)]
    pub modes: Modes,
    #[arg(skip)]
    pub non_empty: bool,
    /// What the kernel is asked for (-o noexec and others)
    #[arg(skip)]
    pub session: SessionArgs,
    /// What to mount; NAME= gives a database its name, and one name given twice merges both timelines
    #[arg(required = true, value_name = "[NAME=]SOURCE")]
    sources: Vec<OsString>,
    /// An empty folder
    mountpoint: PathBuf,
}

/// Options that are the kernel's business.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionArgs {
    /// `fsname=`: shown as the source in the place of the sources' own names.
    pub source_name: Option<String>,
    /// `allow_root`: nobody but root and the user.
    pub allow_root: bool,
    pub options: session::Options,
}

/// Appended to the help of all commands that take sources.
pub(super) const SOURCES: &str = "\
Sources:
  dolt://[USER@]HOST[:PORT][/DATABASE][?tls]
      A running Dolt server (user root, port 3307); without DATABASE, all of
      its databases. ?tls encrypts the connection and checks the certificate.
  FOLDER with files of Dolt databases
      A data folder, one database, .beads, a backup, a file:// remote, a git
      repository with refs/dolt/data. No server is needed.
  FOLDER of archives
      <time>.zip, <db>-<time>.jsonl, .db, .dump, .sql[.gz] and .tar[.gz] files,
      each a snapshot, those of one tag and time together; without <db>- they
      are of a database called like the folder.
  FOLDER with backups of Thrum
      current/ and archives/, or a folder of such.
  FILE
      One such .zip, .jsonl, .db, .dump, .sql or .tar file.
  FOLDER that is a git repository, and none of these
      Each commit of HEAD that changed something is a snapshot.
  git:PATH[?ref=BRANCH]
      The same of a folder or file in a repository, also of one that is only in
      its history; a folder of <name>-<time>.db files is a snapshot for each
      that was ever there.

Environment:
  ASOF_DOLT_PASSWORD   the server's password
  ASOF_LOG             log level: warn, info (default), debug";

pub(super) fn run(mut args: MountArgs) -> Result<(), Failure> {
    args.apply_options()?;
    // Checked here already, so that a wrong value is told before anything is started.
    let plan = Plan::new(&args)?;
    let in_background = background::is_here();
    if !args.foreground && !in_background {
        return background::start(&plan.log_file);
    }
    if in_background {
        background::detach(&plan.log_file)?;
    } else {
        logging::to_stderr();
    }
    heap::share_one();
    if let Some(warning) = args.reading.too_small() {
        tracing::warn!("{warning}");
    }
    if args.disk_cache_size.is_some_and(|size| (1..SMALLEST_DISK_CACHE).contains(&size)) {
        let smallest = SMALLEST_DISK_CACHE >> 20;
        tracing::warn!(
            "a disk cache below {smallest} MiB would drop what was just put there: {smallest} MiB are used"
        );
    }
    if plan.disk_cache_size > 0 && plan.opening.cache_dir.is_none() {
        tracing::warn!(
            "nothing is kept on disk without a cache folder: --disk-cache-size needs a --cache-dir"
        );
    }
    let runtime = workers::start(args.sources.len())?;
    let served = serve(&runtime, plan, in_background);
    // A request that still waits for a source has nobody left to answer to.
    runtime.shutdown_background();
    served
}

/// The arguments, checked and made ready.
struct Plan {
    opening: Opening,
    mountpoint: PathBuf,
    log_file: PathBuf,
    disk_cache_size: u64,
    modes: Modes,
    session: SessionArgs,
}

impl Plan {
    fn new(args: &MountArgs) -> Result<Self, Failure> {
        let mountpoint = mountpoint::check(&args.mountpoint, args.non_empty)?;
        let opening = Opening::new(&args.sources, &args.reading)?;
        if let Some(source) = opening.hidden_by(&mountpoint) {
            let place = mountpoint.shown();
            return Err(Failure::new(format!("a mount at {place} would hide its own source, {source}"))
                .hint("choose a mountpoint that holds none of the sources"));
        }
        let log_file = args.log_file.clone().unwrap_or_else(|| logging::default_file(&mountpoint));
        Ok(Self {
            opening,
            mountpoint,
            log_file: std::path::absolute(&log_file).unwrap_or(log_file),
            disk_cache_size: args.disk_cache_size.unwrap_or(0),
            modes: args.modes,
            session: args.session.clone(),
        })
    }
}

/// Loads the sources, mounts, says that the tree answers, and waits for the end.
fn serve(runtime: &Runtime, mut plan: Plan, in_background: bool) -> Result<(), Failure> {
    let mut signals = runtime.block_on(Signals::listen())?;
    let (sources, names) = plan.opening.open()?;
    let (catalog, watcher) = runtime.block_on(async {
        tokio::select! {
            loaded = tree::load(sources, plan.opening.clock()) => loaded,
            () = signals.next() => Err(Failure::new("ended by a signal before anything was mounted")),
            () = background::abandoned(), if in_background => {
                Err(Failure::new("the command that started this process has ended"))
            }
        }
    })?;
    let engine = plan.opening.engine(plan.disk_cache_size);
    warn_of_others(&plan, &catalog);
    let secrets = Arc::clone(&plan.opening.secrets);
    let clock = plan.opening.clock();
    let vfs = Vfs::new(catalog, engine, plan.opening.zone, clock).with_secrets(secrets);
    let vfs = Arc::new(vfs);
    let fuse = Fuse::new(Arc::clone(&vfs), runtime.handle().clone(), plan.modes);
    let allow_other = plan.modes.allow_other;
    let source_name = source_name(plan.session.source_name.as_ref().map_or(&names[..], std::slice::from_ref));
    let options = session::Options { source_name, allow_other, ..plan.session.options };
    let session = session::mount(fuse, &plan.mountpoint, &options)
        .map_err(|error| cannot_mount(&plan.mountpoint, allow_other, &error))?;
    raise_read_ahead(&plan.mountpoint);
    tracing::info!(mountpoint = %plan.mountpoint.shown(), "mounted");
    if in_background {
        background::tell_ready()?;
    }
    let saver = disk_cache::Saver::start(vfs)
        .map_err(|error| Failure::new("cannot start a thread").because(&error))?;
    let place = plan.mountpoint.clone();
    runtime.spawn(async move { signals.unmount(&place).await });
    let ended = session.join();
    drop(watcher);
    saver.finish();
    tracing::info!(mountpoint = %plan.mountpoint.shown(), "unmounted");
    ended.map_err(|error| Failure::new("the mount ended").because(&error))
}

/// Says what other users may read that get in, where that may be less or more than is expected.
fn warn_of_others(plan: &Plan, catalog: &Catalog) {
    if !plan.modes.allow_other || plan.modes.are_chosen() {
        return;
    }
    let state = catalog.state();
    let is_limited = |narrowest: Audience| narrowest != Audience::Everyone;
    let limited = state.databases().filter(|database| is_limited(database.audiences().narrowest)).count();
    let all = state.databases().count();
    if limited > 0 {
        tracing::warn!(
            "allow_other: {limited} of {all} databases have files that not all users may read where they come from; they \
             are shown to those alone who may (-o umask=022 shows them to all, -o gid=NUMBER to a group)"
        );
    }
    if plan.opening.has_server() {
        tracing::warn!(
            "allow_other: all users of this machine may read what asof reads of the server, without a password of \
             theirs (-o mode=0400 shows it to you alone)"
        );
    }
}

/// What `mount` and `findmnt` show as the source: the names of all, without what means something there.
/// Programs on gnulib take a source with a colon for a remote one, mount options are separated by commas, and
/// the mount table is read by blanks.
fn source_name(names: &[String]) -> String {
    let means_something = |c: char| matches!(c, ',' | ':' | '\\') || c.is_whitespace() || c.is_control();
    let name = names.join("+").replace(means_something, "_");
    match name.char_indices().nth(LONGEST_SOURCE_NAME) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name,
    }
}

fn cannot_mount(place: &Path, allow_other: bool, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot mount at {}", place.shown())).because(error);
    match std::fs::File::options().read(true).write(true).open("/dev/fuse") {
        Err(device) if device.kind() == std::io::ErrorKind::NotFound => {
            failure.hint("this machine has no /dev/fuse: modprobe fuse (in a container: --device /dev/fuse)")
        }
        Err(device) => {
            failure.hint(format!("you may not use /dev/fuse ({device}): its mode has to be 0666, or be root"))
        }
        Ok(_) if error.kind() == std::io::ErrorKind::NotFound => {
            failure.hint("install fuse3, which has fusermount3")
        }
        Ok(_) if allow_other => failure.hint("-o allow_other needs `user_allow_other` in /etc/fuse.conf"),
        Ok(_) => failure.hint("the folder has to be yours; in a container, CAP_SYS_ADMIN is needed"),
    }
}

/// Makes sequential reads larger. Only root may; without it everything works, at the kernel's own readahead.
fn raise_read_ahead(place: &Path) {
    if let Some(mounted) = mountpoint::mounted_at(place) {
        let setting = format!("/sys/class/bdi/{}/read_ahead_kb", mounted.device);
        if let Err(error) = std::fs::write(&setting, READ_AHEAD_KIB) {
            tracing::debug!(%setting, %error, "the readahead stays as it is");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::source_name;

    #[test]
    fn source_names_mean_nothing_to_others() {
        let names = ["/a b,c".to_owned(), "dolt/root@[::1]:3307/x\\y\n".to_owned()];
        assert_eq!(source_name(&names), "/a_b_c+dolt/root@[__1]_3307/x_y_");
        assert_eq!(source_name(&["é".repeat(500)]), format!("{}...", "é".repeat(200)));
    }
}
