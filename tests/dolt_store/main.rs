//! Compares the store reader with the server: the same commits, files, content ids and bytes by independent ways.

mod agreement;
mod damage;
mod dates;
mod drift;
mod dumps;
mod forge;
mod fuzz_corpus;
mod histories;
mod mixed;
mod named_rows;
mod shapes;
mod states;
// Shared with the tests of the Dolt source, which use more of it.
#[allow(dead_code)]
#[path = "../dolt_source/support.rs"]
mod support;
mod verify;
