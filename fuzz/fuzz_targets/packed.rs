#![no_main]
//! See `asof::format::probe::packed`.

use asof::format::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::packed(bytes));
