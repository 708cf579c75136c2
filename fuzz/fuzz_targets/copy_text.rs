#![no_main]
//! See `asof::format::dump::probe::copy_text`.

use asof::format::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::copy_text(bytes));
