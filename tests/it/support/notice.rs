//! Lines for the person who runs the tests, even if they pass.

use std::io::Write;

/// Writes a line past the test harness, which hides the output of passing tests: for tests that did not run, and for the
/// duration of long ones.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
