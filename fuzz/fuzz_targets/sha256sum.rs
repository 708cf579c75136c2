#![no_main]
//! See `asof::format::probe::sha256sum`.

use asof::format::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::sha256sum(bytes));
