#![no_main]
//! See `asof::format::probe::export`.

use asof::format::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::export(bytes));
