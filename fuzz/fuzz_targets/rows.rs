#![no_main]
//! See `asof::source::dolt::store::probe::rows`.

use asof::source::dolt::store::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::rows(bytes));
