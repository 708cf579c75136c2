#![no_main]
//! See `dolt_store::probe::manifest`.

use dolt_store::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::manifest(bytes));
