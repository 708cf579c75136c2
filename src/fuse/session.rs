//! Mounts the tree.

use std::io;
use std::path::Path;
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};

use super::Fuse;

/// Threads that read requests: enough for two cores, as they only decode and answer from memory.
const LOOP_THREADS: usize = 3;

/// What a user may choose about a mount.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Shown as the source in `mount` and `findmnt`.
    pub source_name: String,
    /// Let other users in (`allow_other`); needs `user_allow_other` in `/etc/fuse.conf` for users but root.
    pub allow_other: bool,
    /// Forbid running files of the tree (`noexec`).
    pub no_exec: bool,
    /// Options that the kernel reads as they are (`context=`, `max_read=`).
    pub for_kernel: Vec<String>,
}

/// Mounts `fuse` at `mountpoint` and serves it on its own threads.
pub fn mount(fuse: Fuse, mountpoint: &Path, options: &Options) -> io::Result<BackgroundSession> {
    let mut config = Config::default();
    config.n_threads = Some(LOOP_THREADS);
    config.clone_fd = true;
    config.acl = if options.allow_other { SessionACL::All } else { SessionACL::Owner };
    config.mount_options = vec![
        MountOption::FSName(options.source_name.clone()),
        // Root's direct mount drops MountOption::Subtype (fuser 0.18).
        MountOption::CUSTOM("subtype=asof".into()),
        MountOption::RO,
        MountOption::NoSuid,
        MountOption::NoDev,
        MountOption::NoAtime,
        // Without it `allow_other` would bypass the permission bits.
        MountOption::DefaultPermissions,
        if options.no_exec { MountOption::NoExec } else { MountOption::Exec },
    ];
    config.mount_options.extend(options.for_kernel.iter().cloned().map(MountOption::CUSTOM));
    let kernel = Arc::clone(&fuse.kernel);
    let session = Session::new(fuse, mountpoint, &config)?;
    kernel.connect(session.notifier());
    session.spawn()
}
