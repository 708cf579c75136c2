//! What users can rely on, tested from outside: the program itself, real FUSE mounts, real Dolt servers.

mod archive_folders;
mod asof;
mod cli;
mod damage;
mod faults;
mod fstab;
mod git;
mod identity;
mod kill;
mod listing;
mod live;
mod live_store;
mod lost;
mod never_writes;
mod news;
mod reading;
mod readonly;
mod real;
mod refs;
mod remount;
mod semantics;
mod stores;
mod support;
mod timelines;
mod tools;
mod xattr;
