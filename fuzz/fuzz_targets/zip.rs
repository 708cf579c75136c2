#![no_main]
//! See `asof::source::zip::probe`.

use asof::source::zip::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::zip(bytes));
