#![no_main]
//! See `asof::format::probe::tar`.

use asof::format::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::tar(bytes));
