//! asof mounts databases and their snapshot history as a read-only file tree.
//!
//! Data flows one way: each module may use only those below it in this list.
//! `cli` → `verify`; `cli` → `trace` → `derived`; `cli` → `fuse` → `vfs` → `derived` → `engine` → `catalog` →
//! `source` → `records`, `model`; all of them → `private`, `locks`.

pub mod catalog;
pub mod cli;
pub mod derived;
pub mod engine;
pub mod fuse;
mod locks;
pub mod model;
mod private;
mod records;
pub mod source;
pub mod trace;
pub mod verify;
pub mod vfs;
