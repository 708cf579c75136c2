#![no_main]
//! See `asof::source::archive::probe::thrum_manifest`.

use asof::source::archive::probe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::thrum_manifest(bytes));
