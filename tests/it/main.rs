//! What users can rely on, tested from outside: the program itself, real FUSE mounts, real Dolt servers.

mod archive_folders;
mod asof;
mod cli;
mod damage;
mod faults;
mod fstab;
mod identity;
mod listing;
mod live;
mod news;
mod live_store;
mod never_writes;
mod reading;
mod readonly;
mod real;
mod refs;
mod semantics;
mod stores;
mod support;
mod timelines;
mod tools;
