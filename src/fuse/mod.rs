//! The thin layer between the kernel and [`crate::vfs`]: decode, call, reply.

use std::ffi::OsStr;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fuser::{
    FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig, LockOwner, OpenAccMode,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request, Version,
};
use tokio::runtime::Handle;

use crate::source::blocking::{on_loop, on_waiting_thread};
use crate::vfs::{Vfs, VfsError};

mod caller;
mod convert;
mod errno;
mod listing;
mod modes;
pub mod session;

pub use modes::Modes;

use caller::Caller;
use convert::Owner;

/// How long the kernel may remember what cannot change: the attributes of an inode (it stands for one
/// content), and names inside a snapshot. Long enough that a walk asks once, short enough that link counts
/// and rewritten histories catch up.
const LASTING: Duration = Duration::from_secs(60);

/// How long it may remember the folders on the way to a snapshot. Every look-up of a path asks for the names
/// and the permissions of each of them: a walk would ask for little else.
const SETTLED: Duration = Duration::from_secs(1);

/// For names that move on: `latest`, `yesterday`, branches, everything in `live/`.
const MOVING: Duration = Duration::ZERO;

/// The version of the kernel's protocol (Linux 5.10) that surely checks the sizes in listings (it does since Linux
/// 5.5), so that an entry can be listed without attributes: see [`convert::Owner::unknown`].
const CHECKS_SIZES: Version = Version(7, 32);

/// Inode numbers are never given to another file.
const GENERATION: Generation = Generation(0);

/// Answers the kernel from a [`Vfs`].
pub struct Fuse {
    vfs: Arc<Vfs>,
    runtime: Handle,
    owner: Owner,
}

impl Fuse {
    /// `runtime` runs whatever has to wait for a source; `modes` says which users may read what.
    pub fn new(vfs: Arc<Vfs>, runtime: Handle, modes: Modes) -> Self {
        Self { vfs, runtime, owner: Owner::of_this_process(modes) }
    }

    /// Answers at once, on the loop's own thread, where the answer is in memory; what has to wait goes
    /// on on a thread of its own, so that one slow source never holds up the loop.
    fn answer(&self, answer: impl Future<Output = ()> + Send + 'static) {
        let mut answer: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(answer);
        let guard = self.runtime.enter();
        let first = on_loop(|| answer.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        drop(guard);
        if first == Poll::Pending {
            let runtime = self.runtime.clone();
            // It is polled anew there with a real waker, so no wake-up is lost.
            self.runtime.spawn_blocking(move || on_waiting_thread(|| runtime.block_on(answer)));
        }
    }
}

impl Filesystem for Fuse {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        if config.kernel_abi() >= CHECKS_SIZES {
            for flag in [InitFlags::FUSE_DO_READDIRPLUS, InitFlags::FUSE_READDIRPLUS_AUTO] {
                if config.add_capabilities(flag).is_err() {
                    tracing::debug!(?flag, "the kernel has no listings with attributes");
                }
            }
        }
        if config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS).is_err() {
            tracing::debug!("the kernel does not look up names of one folder in parallel");
        }
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        // Every name in the tree is UTF-8.
        let Some(name) = name.to_str().map(str::to_owned) else {
            return reply.error(errno::of(&VfsError::NotFound));
        };
        let (vfs, owner) = (self.vfs.clone(), self.owner);
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.lookup(parent.0, &name)).await {
                Ok(found) => {
                    let entry_ttl = convert::remembered(found.name_stays);
                    let attr_ttl = convert::remembered(found.attr.stays);
                    reply.entry_with_ttls(&attr_ttl, &entry_ttl, &owner.attr(&found.attr), GENERATION);
                }
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn forget(&self, _req: &Request, ino: INodeNo, nlookup: u64) {
        self.vfs.forget(ino.0, nlookup);
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        let (vfs, owner) = (self.vfs.clone(), self.owner);
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.getattr(ino.0)).await {
                Ok(attr) => reply.attr(&convert::remembered(attr.stays), &owner.attr(&attr)),
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn readlink(&self, request: &Request, ino: INodeNo, reply: ReplyData) {
        let vfs = self.vfs.clone();
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.readlink(ino.0)).await {
                Ok(target) => reply.data(&target),
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(errno::of(&VfsError::ReadOnly));
        }
        let vfs = self.vfs.clone();
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.open(ino.0)).await {
                // An inode stands for one content for ever, so what the page cache holds stays right.
                Ok(handle) => {
                    reply
                        .opened(FileHandle(handle), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH);
                }
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn read(
        &self,
        request: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let vfs = self.vfs.clone();
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.read(fh.0, offset, size as usize)).await {
                Ok(bytes) => reply.data(&bytes),
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn release(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.vfs.release(fh.0);
        reply.ok();
    }

    fn opendir(&self, request: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let vfs = self.vfs.clone();
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.opendir(ino.0)).await {
                Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        match self.vfs.entries(fh.0) {
            Ok(entries) => {
                convert::fill(&mut reply, ino, &entries, offset);
                reply.ok();
            }
            Err(error) => reply.error(errno::of(&error)),
        }
    }

    fn readdirplus(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let (vfs, owner) = (self.vfs.clone(), self.owner);
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(listing::fill(&mut reply, &vfs, owner, ino, fh, offset)).await {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn releasedir(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.vfs.release(fh.0);
        reply.ok();
    }

    fn getxattr(&self, request: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        // Every name of an attribute is UTF-8.
        let Some(name) = name.to_str().map(str::to_owned) else {
            return reply.error(errno::of(&VfsError::NoAttribute));
        };
        let vfs = self.vfs.clone();
        let caller = Caller::of(request);
        self.answer(async move {
            match caller.waits_for(vfs.xattr(ino.0, &name)).await {
                Ok(value) => convert::sized(reply, size, &value),
                Err(error) => reply.error(errno::of(&error)),
            }
        });
    }

    fn listxattr(&self, _req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        match self.vfs.xattr_names(ino.0) {
            Ok(names) => {
                let list: String = names.iter().flat_map(|name| [name.as_str(), "\0"]).collect();
                convert::sized(reply, size, list.as_bytes());
            }
            Err(error) => reply.error(errno::of(&error)),
        }
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        convert::statfs(reply);
    }
}
