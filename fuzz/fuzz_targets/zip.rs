#![no_main]
//! See `asof::format::zip::probe`.

use asof::format::zip::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::zip(bytes));
