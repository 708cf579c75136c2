#![no_main]
//! See `asof::format::dump::probe::sha256sum`.

use asof::format::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::sha256sum(bytes));
