//! asof mounts databases and their snapshot history as a read-only file tree.
//!
//! Data flows one way: each module may use only those below it in this list.
//! `cli` → `verify`; `cli` → `trace` → `derived`; `cli` → `fuse` → `vfs` → `derived` → `engine` → `catalog` →
//! `source` → `memory`, `records`, `model`; all of them → `clock`, `private`, `locks`, `tasks`.

// Text leaves for a terminal through few places (docs/adr/0038-what-is-printed.md); tests may print.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout))]
// A cast that could change a number is an error: `try_from` and `model::number` say what happens then. Tests may cast.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

pub mod catalog;
pub mod cli;
pub mod clock;
pub mod derived;
pub mod engine;
pub mod fuse;
mod locks;
mod memory;
pub mod model;
mod private;
mod records;
pub mod source;
mod tasks;
pub mod trace;
pub mod verify;
pub mod vfs;
