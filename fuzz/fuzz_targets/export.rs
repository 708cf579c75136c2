#![no_main]
//! See `asof::source::archive::probe::export`.

use asof::source::archive::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::export(bytes));
