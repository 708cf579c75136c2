//! The tree without FUSE: `vfs` and `catalog` against plain maps and naive scans.

mod ancestry;
mod beads;
mod derived;
mod listing;
mod lost;
mod memory;
mod model;
mod path;
mod rows;
mod timeline;
mod trace;
