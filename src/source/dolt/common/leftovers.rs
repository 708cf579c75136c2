//! Databases that test runs left behind.

/// What the tests of Beads and Gas Town call their databases.
const PREFIXES: [&str; 2] = ["testdb_", "doctest_"];

/// Whether a database is one that a test run left on a developer's machine.
pub fn is_left_by_tests(name: &str) -> bool {
    let name = name.to_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_tests_give() {
        assert!(is_left_by_tests("testdb_1") && is_left_by_tests("DocTest_beads"));
        assert!(!is_left_by_tests("testdb") && !is_left_by_tests("beads_testdb_1"));
    }
}
