#![no_main]
//! See `asof::source::dolt::store::probe::journal`.

use asof::source::dolt::store::probe;
use asof_fuzz::with_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| with_file(bytes, probe::journal));
