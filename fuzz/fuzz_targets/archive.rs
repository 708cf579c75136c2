#![no_main]
//! See `dolt_store::probe::archive`.

use asof_fuzz::with_file;
use dolt_store::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| with_file(bytes, probe::archive));
