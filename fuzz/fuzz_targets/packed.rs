#![no_main]
//! See `asof::format::dump::probe::packed`.

use asof::format::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::packed(bytes));
