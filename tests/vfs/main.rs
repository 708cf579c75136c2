//! The tree without FUSE: `vfs` and `catalog` against plain maps and naive scans.

mod ancestry;
mod beads;
mod listing;
mod lost;
mod memory;
mod model;
mod path;
mod query;
mod rows;
mod timeline;
mod views;
