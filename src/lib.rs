//! asof mounts databases and their snapshot history as a read-only file tree.
//!
//! Data flows one way: each folder may use only those below it in this list, top first: `cli`, `verify`, `fuse`, `vfs`,
//! `query`, `views`, `engine`, `catalog`, `source`, `format`, `files`, `content`, `memory`, `util`, `model`.

// Text leaves for a terminal through few places (docs/adr/0012-safety.md); tests may print.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout))]
// A cast that could change a number is an error: `try_from` and `model::number` say what happens then. Tests may cast.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

pub mod catalog;
pub mod cli;
pub mod content;
pub mod engine;
pub mod files;
pub mod format;
pub mod fuse;
mod memory;
pub mod model;
pub mod query;
pub mod source;
pub mod util;
pub mod verify;
pub mod vfs;
pub mod views;
