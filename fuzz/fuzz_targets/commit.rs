#![no_main]
//! See `asof::source::git::probe`.

use asof::source::git::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::commit(bytes));
