#![no_main]
//! See `dolt_store::probe::rows`.

use dolt_store::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::rows(bytes));
