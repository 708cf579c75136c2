#![no_main]
//! See `asof::format::probe::pg_dump`.

use asof::format::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::pg_dump(bytes));
