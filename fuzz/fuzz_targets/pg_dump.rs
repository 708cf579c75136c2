#![no_main]
//! See `asof::source::dump::probe::pg_dump`.

use asof::source::dump::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::pg_dump(bytes));
