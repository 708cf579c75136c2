#![no_main]
//! See `asof::source::archive::probe::archive_name`.

use asof::source::archive::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::archive_name(bytes));
