#![no_main]
//! See `asof::source::dump::probe::copy_text`.

use asof::source::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::copy_text(bytes));
