//! The tree without FUSE: `vfs` and `catalog` against plain maps and naive scans.

mod beads;
mod derived;
mod listing;
mod lost;
mod memory;
mod model;
mod path;
mod timeline;
mod trace;
