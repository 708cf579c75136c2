#![no_main]
//! See `asof::format::probe::copy_text`.

use asof::format::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::copy_text(bytes));
