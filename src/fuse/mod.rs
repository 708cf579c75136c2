//! The thin layer between the kernel and [`crate::vfs`]: decode, call, reply.

use std::ffi::OsStr;
use std::sync::Arc;

use fuser::{
    Errno, FileHandle, Filesystem, FopenFlags, INodeNo, InitFlags, KernelConfig, LockOwner, OpenAccMode,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyXattr, Request, Version,
};
use tokio::runtime::Handle;

use crate::util::tasks::look;
use crate::vfs::{FoundName, Listing, Vfs, VfsError};

mod caller;
mod convert;
mod kernel_cache;
mod listing;
mod modes;
pub mod session;
mod slot;
mod waiting;

pub use modes::Modes;

use caller::Caller;
use convert::{GENERATION, LONGEST_NAME, Owner};
use kernel_cache::KernelCache;
use listing::Counted;
use slot::{Refuse, ReplySlot};
use waiting::WaitingRequests;

/// The protocol version (Linux 5.10) from which the kernel certainly checks sizes in listings (it does since Linux
/// 5.5), so that an entry can be listed without attributes: see [`convert::Owner::unknown`].
const CHECKS_SIZES: Version = Version(7, 32);

/// How many read-aheads the kernel may run at once in the whole mount. With its default of 16, read-aheads that wait
/// for one source would soon block those of all other sources.
const MOST_READS_AHEAD: u16 = u16::MAX;

/// Answers the kernel from a [`Vfs`].
pub struct Fuse {
    vfs: Arc<Vfs>,
    runtime: Handle,
    owner: Owner,
    kernel: Arc<KernelCache>,
    needs_no_open: bool,
    needs_no_opendir: bool,
    waiting: WaitingRequests,
}

impl Fuse {
    /// `runtime` runs requests that have to wait for a source; `modes` says which users may read what.
    pub fn new(vfs: Arc<Vfs>, runtime: Handle, modes: Modes) -> Self {
        Self {
            vfs,
            runtime,
            owner: Owner::of_this_process(modes),
            kernel: Arc::default(),
            needs_no_open: false,
            needs_no_opendir: false,
            waiting: WaitingRequests::default(),
        }
    }

    /// Answers with the result of `work` about an inode. If it is in memory, this happens at once on the loop's own
    /// thread. Otherwise it continues as a task, so that a slow source never blocks the loop.
    fn answer<T: 'static, R: Refuse>(
        &self,
        request: &Request,
        ino: INodeNo,
        reply: R,
        work: impl Future<Output = Result<T, VfsError>> + Send + 'static,
        give: impl FnOnce(R, T) + Send + 'static,
    ) {
        self.answer_or(request, ino, ReplySlot::new(reply), work, give, drop);
    }

    /// The same; `too_late` undoes `work` if another thread has answered.
    fn answer_or<T: 'static, R: Refuse>(
        &self,
        request: &Request,
        ino: INodeNo,
        slot: ReplySlot<R>,
        work: impl Future<Output = Result<T, VfsError>> + Send + 'static,
        give: impl FnOnce(R, T) + Send + 'static,
        too_late: impl FnOnce(T) + Send + 'static,
    ) {
        let reply = slot.clone();
        let mut task = Box::pin(async move {
            match (work.await, reply.take()) {
                (Ok(found), Some(reply)) => give(reply, found),
                (Ok(found), None) => too_late(found),
                (Err(error), Some(reply)) => reply.refuse(convert::errno(&error)),
                (Err(_), None) => {}
            }
        });
        let _runtime = self.runtime.enter();
        if look(task.as_mut()).is_pending() {
            let vfs = Arc::clone(&self.vfs);
            let received = Box::new(move || vfs.received(ino.0));
            self.waiting.add(&self.runtime, Caller(request.pid()), slot, received, task);
        }
    }

    /// Answers a request to open a file or a folder. If the kernel can do without opening, it gets ENOSYS and never
    /// asks again.
    fn answer_open(reply: ReplyOpen, needs_none: bool, flags: FopenFlags) {
        if needs_none { reply.error(Errno::ENOSYS) } else { reply.opened(FileHandle(0), flags) }
    }
}

impl Filesystem for Fuse {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let version = config.kernel_abi();
        let mut add = |flag: InitFlags| {
            let is_added = config.add_capabilities(flag).is_ok();
            if !is_added {
                tracing::debug!(?flag, "the kernel cannot do this");
            }
            is_added
        };
        if version >= CHECKS_SIZES {
            add(InitFlags::FUSE_DO_READDIRPLUS);
        }
        add(InitFlags::FUSE_PARALLEL_DIROPS);
        self.needs_no_open = add(InitFlags::FUSE_NO_OPEN_SUPPORT);
        self.needs_no_opendir = add(InitFlags::FUSE_NO_OPENDIR_SUPPORT);
        // Neither fails: only 0 is refused.
        let _ = config.set_max_background(MOST_READS_AHEAD);
        let _ = config.set_congestion_threshold(MOST_READS_AHEAD);
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        // Every name in the tree is UTF-8.
        let Some(name) = name.to_str().map(str::to_owned) else {
            return reply.error(convert::errno(&VfsError::NotFound));
        };
        let (vfs, owner) = (Arc::clone(&self.vfs), self.owner);
        let give = move |reply: ReplyEntry, found: FoundName| {
            let entry_ttl = convert::ttl(found.name_ttl);
            let attr_ttl = convert::ttl(found.attr.ttl);
            reply.entry_with_ttls(&attr_ttl, &entry_ttl, &owner.attr(&found.attr), GENERATION);
        };
        let work = async move { vfs.lookup(parent.0, &name).await };
        let vfs = Arc::clone(&self.vfs);
        let too_late = move |found: FoundName| vfs.forget(found.attr.ino, 1);
        self.answer_or(request, parent, ReplySlot::new(reply), work, give, too_late);
    }

    fn forget(&self, _req: &Request, ino: INodeNo, nlookup: u64) {
        self.vfs.forget(ino.0, nlookup);
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        let (vfs, owner) = (Arc::clone(&self.vfs), self.owner);
        let work = async move { vfs.getattr(ino.0).await };
        self.answer(request, ino, reply, work, move |reply, attr| {
            reply.attr(&convert::ttl(attr.ttl), &owner.attr(&attr));
        });
    }

    fn readlink(&self, request: &Request, ino: INodeNo, reply: ReplyData) {
        let vfs = Arc::clone(&self.vfs);
        let work = async move { vfs.readlink(ino.0).await };
        self.answer(request, ino, reply, work, |reply, target| reply.data(&target));
    }

    fn open(&self, _req: &Request, _ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(convert::errno(&VfsError::ReadOnly));
        }
        // An inode is one content, so the page cache stays valid.
        let flags = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH;
        Self::answer_open(reply, self.needs_no_open, flags);
    }

    fn read(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let vfs = Arc::clone(&self.vfs);
        let work = async move { vfs.read(ino.0, offset, size as usize).await };
        self.answer(request, ino, reply, work, |reply, bytes| reply.data(&bytes));
    }

    fn opendir(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        Self::answer_open(reply, self.needs_no_opendir, FopenFlags::empty());
    }

    fn readdir(&self, request: &Request, ino: INodeNo, _fh: FileHandle, offset: u64, reply: ReplyDirectory) {
        let (vfs, kernel) = (Arc::clone(&self.vfs), Arc::clone(&self.kernel));
        let work = async move { vfs.list(ino.0, offset).await };
        self.answer(request, ino, reply, work, move |mut reply, listing| {
            convert::fill(&mut reply, ino, &listing);
            reply.ok();
            kernel.after(ino, &listing);
        });
    }

    fn readdirplus(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        reply: ReplyDirectoryPlus,
    ) {
        let (vfs, owner, kernel) = (Arc::clone(&self.vfs), self.owner, Arc::clone(&self.kernel));
        let slot = ReplySlot::new(reply);
        let work = {
            let slot = slot.clone();
            async move {
                let listing = vfs.list(ino.0, offset).await?;
                let counted = listing::fill(&slot, &vfs, owner, ino, &listing).await?;
                Ok((counted, listing))
            }
        };
        let give = move |reply: ReplyDirectoryPlus, (counted, listing): (Counted, Listing)| {
            counted.keep();
            reply.ok();
            kernel.after(ino, &listing);
        };
        self.answer_or(request, ino, slot, work, give, drop);
    }

    fn getxattr(&self, request: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        // Every name of an attribute is UTF-8.
        let Some(name) = name.to_str().map(str::to_owned) else {
            return reply.error(convert::errno(&VfsError::NoAttribute));
        };
        let vfs = Arc::clone(&self.vfs);
        let work = async move { vfs.xattr(ino.0, &name).await };
        self.answer(request, ino, reply, work, move |reply, value| convert::sized(reply, size, &value));
    }

    fn listxattr(&self, _req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        match self.vfs.xattr_names(ino.0) {
            Ok(names) => {
                let list: String = names.iter().flat_map(|name| [name.as_str(), "\0"]).collect();
                convert::sized(reply, size, list.as_bytes());
            }
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        // A full file system: nothing can be written to it.
        reply.statfs(0, 0, 0, 0, 0, 512, LONGEST_NAME, 512);
    }
}
