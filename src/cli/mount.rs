//! `asof mount`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Failure;
use super::found::{self, Announce};
use super::mount_options::{self, MountOptions};
use super::reading::{ReadingArgs, ReadingPlan};
use super::signals::Signals;
use super::source_spec::SourceSpec;
use super::workers::Workers;
use super::{background, cache_folder, heap, log_file, logging, mount_table, mountpoint, size};
use super::{user_folders::absolute, wire};
use crate::catalog::{Catalog, Database};
use crate::fuse::{Fuse, session};
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;
use crate::vfs::Vfs;

/// Longest source name in the mount table, in characters: all mount options must fit in a page, and people read it.
const LONGEST_SOURCE_NAME: usize = 200;

/// Readahead to request from the kernel, in KiB: its default for FUSE is 128, and requests may be up to 1 MiB.
const READ_AHEAD_KIB: &str = "1024";

/// Mount sources as a read-only tree
///
/// Returns once the tree answers, and keeps running in the background until `asof umount`. Each database is a folder with
/// asof/<time>/ for every snapshot, latest, live/, branches/, tags/, commits/ and log.jsonl. Under asof/ any time works as
/// a name: yesterday, 2026-01-05, 2026-01-05T12:00, '3 days ago', HEAD~3, a branch, a tag, a commit hash.
#[derive(Debug, clap::Args)]
#[command(after_help = SOURCES, allow_missing_positional = true)]
pub(super) struct MountArgs {
    /// Stay in the foreground and log to stderr
    #[arg(short, long)]
    foreground: bool,
    /// Mount options as in fstab: allow_other, nonempty, mode=, umask=, fmask=, dmask=, uid=, gid=, noexec, and every
    /// long option except --foreground, written with _ instead of -
    ///
    /// With allow_other, other users may read what the permissions of the source's files allow. mode=, umask=, fmask= and
    /// dmask= (octal) set the permissions of all files instead; uid= (a number) sets the owner of all files, and gid= a
    /// group that may read files that are not public. allow_root admits only root and you. noexec is honoured; nosuid and
    /// nodev always apply. fsname= sets the source that `mount` shows; context= and other SELinux labels go to the kernel.
    /// Other options of fstab and of FUSE programs (noauto, _netdev, x-..., default_permissions, kernel_cache,
    /// attr_timeout=, ...) are accepted and have no effect.
    #[arg(short, value_name = "OPT[,OPT...]")]
    pub options: Vec<String>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Log file of a mount in the background [default: one per mountpoint in ~/.local/state/asof]
    #[arg(long, value_name = "PATH")]
    pub log_file: Option<PathBuf>,
    /// Has no effect; accepted so that lines of fstab that have it still mount
    #[arg(long, hide = true, value_name = "SIZE", value_parser = size::parse)]
    pub disk_cache_size: Option<u64>,
    /// What to mount. NAME= names a database; sources with the same NAME share one timeline [default: $ASOF_FROM, or what
    /// `asof sources` finds]
    #[arg(value_name = "[NAME=]SOURCE")]
    sources: Vec<OsString>,
    /// An empty folder
    mountpoint: PathBuf,
}

const SOURCES: &str = "\
Sources:
  dolt://[USER@]HOST[:PORT][/DATABASE][?tls]
      A running Dolt server (user root, port 3307); without DATABASE, all of
      its databases. ?tls encrypts the connection and checks the certificate.
  FOLDER with the files of Dolt databases
      A data folder, one database, .beads, a backup, a file:// remote, or a git
      repository with refs/dolt/data. No server is needed.
  FOLDER of archives
      <time>.zip, <db>-<time>.jsonl, .db, .dump, .sql[.gz] and .tar[.gz] files.
      Each is a snapshot; files with the same tag and time form one snapshot.
      Without <db>-, the database is named after the folder.
  FOLDER with Thrum backups
      current/ and archives/, or a folder of such folders.
  FILE
      A single archive: a .zip, .jsonl, .db, .dump, .sql or .tar file.
  FOLDER that is any other git repository
      Each commit of HEAD that changed something is a snapshot.
  git:PATH[?ref=BRANCH]
      The same for a folder or file in a repository, even if it exists only in
      the history. In a folder of <name>-<time>.db files, every file that was
      ever there is a snapshot.

Environment:
  ASOF_FROM            the sources, separated by `;`, if none are given
  ASOF_DOLT_PASSWORD   the server's password
  ASOF_LOG             log level: warn, info (default), debug";

pub(super) fn run(args: MountArgs) -> Result<(), Failure> {
    let in_foreground = args.foreground;
    // Before anything is started, so that an invalid value is reported at once.
    let plan = MountPlan::new(args)?;
    let in_background = background::is_here();
    if !in_foreground && !in_background {
        return background::start(&plan.log_file);
    }
    if in_background {
        background::detach(&plan.log_file)?;
    } else {
        logging::to_stderr();
    }
    heap::share_one();
    plan.warn();
    let runtime = Workers::start(plan.reading.sources.len())?;
    serve(&runtime, plan, in_background)
}

/// The arguments, checked and ready to use.
struct MountPlan {
    reading: ReadingPlan,
    mountpoint: PathBuf,
    log_file: PathBuf,
    has_disk_cache_size: bool,
    options: MountOptions,
}

impl MountPlan {
    fn new(mut args: MountArgs) -> Result<Self, Failure> {
        let options = mount_options::apply(&mut args)?;
        let mountpoint = mountpoint::check(&args.mountpoint, options.non_empty)
            .map_err(|failure| if args.sources.is_empty() { alone(failure) } else { failure })?;
        let announce = if background::is_here() { Announce::Never } else { Announce::Always };
        let sources = found::or_found(&args.sources, announce)?.arguments;
        let reading = ReadingPlan::new(&sources, &args.reading)?;
        if let Some(source) = reading.sources.iter().find(|source| wire::is_hidden_by(source, &mountpoint)) {
            let place = mountpoint.shown();
            return Err(Failure::new(format!("a mount at {place} would hide its own source, {source}"))
                .hint("choose a mountpoint that contains none of the sources"));
        }
        let log_file =
            args.log_file.as_deref().map(absolute).unwrap_or_else(|| log_file::default(&mountpoint));
        let has_disk_cache_size = args.disk_cache_size.is_some();
        Ok(Self { reading, mountpoint, log_file, has_disk_cache_size, options })
    }

    /// Logs where the mount differs from what the arguments ask for.
    fn warn(&self) {
        if let Some(warning) = &self.reading.warning {
            tracing::warn!("{warning}");
        }
        if self.has_disk_cache_size {
            tracing::warn!(
                "--disk-cache-size does nothing any more: with content on disk, reading many snapshots took longer than without"
            );
        }
    }
}

/// The failure of a mountpoint that is the only argument: it may be meant as a source.
fn alone(failure: Failure) -> Failure {
    failure.hint("`asof mount SOURCE... MOUNTPOINT` mounts what you name, `asof mount MOUNTPOINT` what `asof sources` finds")
}

/// Loads the sources, mounts them, reports that the tree answers, and waits for the end.
fn serve(runtime: &Workers, mut plan: MountPlan, in_background: bool) -> Result<(), Failure> {
    let mut signals = runtime.block_on(Signals::listen())?;
    let sources = plan.reading.open()?;
    let source_name = plan.options.source_name.take().unwrap_or_else(|| {
        let names = plan.reading.sources.iter().zip(&sources);
        names.map(|(spec, source)| spec.name_in_mount_table(&**source)).collect::<Vec<_>>().join("+")
    });
    let (catalog, watcher) = runtime.block_on(async {
        tokio::select! {
            loaded = plan.reading.load(sources) => loaded,
            () = signals.next() => Err(Failure::new("ended by a signal before the mount was ready")),
            () = background::abandoned(), if in_background => {
                Err(Failure::new("the command that started this process has ended"))
            }
        }
    })?;
    let MountPlan { reading, mountpoint, options, .. } = plan;
    let modes = options.modes;
    if modes.allow_other && !modes.are_chosen() {
        warn_about_others(&reading, &catalog);
    }
    let engine = reading.engine();
    let zone = reading.zone();
    let mut vfs = Vfs::new(catalog, engine, reading.secrets, zone, reading.options.clock);
    vfs.name_sources(reading.sources.iter().map(SourceSpec::argument).collect());
    let vfs = Arc::new(vfs);
    let fuse = Fuse::new(Arc::clone(&vfs), runtime.handle().clone(), modes);
    let source_name = without_syntax(&source_name);
    let session_options = session::Options { source_name, allow_other: modes.allow_other, ..options.session };
    let session = session::mount(fuse, &mountpoint, &session_options)
        .map_err(|error| cannot_mount(&mountpoint, modes.allow_other, &error))?;
    raise_read_ahead(&mountpoint);
    tracing::info!(mountpoint = %mountpoint.shown(), "mounted");
    if in_background {
        background::report_ready()?;
    }
    let saver = cache_folder::Saver::start(vfs)
        .map_err(|error| Failure::new("cannot start a thread").because(&error))?;
    let place = mountpoint.clone();
    runtime.spawn(async move { signals.unmount(&place).await });
    let ended = session.join();
    drop(watcher);
    saver.finish();
    tracing::info!(mountpoint = %mountpoint.shown(), "unmounted");
    ended.map_err(|error| Failure::new("the mount ended").because(&error))
}

/// Logs what other users may read, if that may be a surprise.
fn warn_about_others(reading: &ReadingPlan, catalog: &Catalog) {
    let state = catalog.state();
    let is_limited = |database: &&Arc<Database>| database.audiences().narrowest != Audience::Everyone;
    let limited = state.databases().filter(is_limited).count();
    let all = state.databases().count();
    if limited > 0 {
        tracing::warn!(
            "allow_other: {limited} of {all} databases have files that not every user may read at the source; the mount shows \
             them only to those who may (-o umask=022 shows them to everyone, -o gid=NUMBER to a group)"
        );
    }
    if reading.sources.iter().any(SourceSpec::is_server) {
        tracing::warn!(
            "allow_other: every user of this machine may read what asof reads from the server, without a password (-o mode=0400 \
             shows it only to you)"
        );
    }
}

/// A source name without characters that have a meaning in the mount table: programs that use gnulib take a source with a
/// colon for a remote one, commas separate mount options, and blanks separate fields.
fn without_syntax(name: &str) -> String {
    let is_syntax = |c: char| matches!(c, ',' | ':' | '\\') || c.is_whitespace() || c.is_control();
    let name = name.replace(is_syntax, "_");
    match name.char_indices().nth(LONGEST_SOURCE_NAME) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name,
    }
}

fn cannot_mount(place: &Path, allow_other: bool, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot mount at {}", place.shown())).because(error);
    failure.hint(match std::fs::File::options().read(true).write(true).open("/dev/fuse") {
        Err(device) if device.kind() == std::io::ErrorKind::NotFound => {
            "this machine has no /dev/fuse: modprobe fuse (in a container: --device /dev/fuse)".to_owned()
        }
        Err(device) => format!("/dev/fuse cannot be opened ({device}): give it mode 0666, or mount as root"),
        Ok(_) if error.kind() == std::io::ErrorKind::NotFound => {
            "install fuse3, which contains fusermount3".to_owned()
        }
        Ok(_) if allow_other => "-o allow_other needs `user_allow_other` in /etc/fuse.conf".to_owned(),
        Ok(_) => "the mountpoint must belong to you; in a container, CAP_SYS_ADMIN is needed".to_owned(),
    })
}

/// Enlarges the kernel's readahead for sequential reads. Only root may; without it, everything works at the default.
fn raise_read_ahead(place: &Path) {
    if let Some(mount) = mount_table::at(place) {
        let setting = format!("/sys/class/bdi/{}/read_ahead_kb", mount.device);
        if let Err(error) = std::fs::write(&setting, READ_AHEAD_KIB) {
            tracing::debug!(%setting, %error, "cannot raise the readahead");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_syntax;

    #[test]
    fn source_names_have_no_syntax() {
        let name = "/a b,c+dolt/root@[::1]:3307/x\\y\n";
        assert_eq!(without_syntax(name), "/a_b_c+dolt/root@[__1]_3307/x_y_");
        assert_eq!(without_syntax(&"é".repeat(500)), format!("{}...", "é".repeat(200)));
    }
}
