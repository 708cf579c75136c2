#![no_main]
//! See `asof::format::dump::probe::pg_dump`.

use asof::format::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::pg_dump(bytes));
