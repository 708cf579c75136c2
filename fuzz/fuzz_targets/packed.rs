#![no_main]
//! See `asof::source::dump::probe::packed`.

use asof::source::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::packed(bytes));
