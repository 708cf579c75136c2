#![no_main]
//! See `asof::source::dump::probe::sha256sum`.

use asof::source::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::sha256sum(bytes));
