//! Every test that docs/SECURITY.md names exists, and each of its promises names one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The last parts of the paths of all test functions: `module::name`, or just `name` for modules with one file.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the sources are there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_below(&path, found);
            continue;
        }
        let Some(stem) = path.extension().filter(|end| *end == "rs").and(path.file_stem()) else { continue };
        let text = fs::read_to_string(&path).expect("the sources are UTF-8");
        let mut is_test = false;
        for line in text.lines() {
            let line = line.trim();
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some((name, _)) = name.and_then(|rest| rest.split_once('(')) {
                if is_test || text.contains("proptest!") {
                    let module = match stem.to_string_lossy() {
                        stem if stem == "mod" || stem == "tests" => String::new(),
                        stem => stem.into_owned(),
                    };
                    found.insert(format!("{module}::{name}"));
                    found.insert(format!("tests::{name}"));
                }
                is_test = false;
            }
        }
    }
}

#[test]
fn every_promise_names_tests_that_exist() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_below(&top.join(folder), &mut found);
    }
    let page = fs::read_to_string(top.join("docs/SECURITY.md")).expect("it is there");
    let (mut promises, mut named) = (0, 0);
    for row in page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 1) {
        let (_, tests) = row.split_once(" | ").expect("it has two cells");
        let tests: Vec<&str> = tests.split('`').filter(|part| part.contains("::")).collect();
        if tests.is_empty() {
            continue;
        }
        promises += 1;
        for test in tests {
            named += 1;
            let last: Vec<&str> = test.rsplit("::").take(2).collect();
            let key = format!("{}::{}", last[1], last[0]);
            assert!(found.contains(&key), "docs/SECURITY.md names {test}, and there is no such test");
        }
    }
    assert!(promises >= 20 && named > promises, "the page has rows: {promises} promises, {named} tests");
    // A promise without a test is not a promise.
    let header = "| promise | tests |";
    for table in page.split(header).skip(1) {
        for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
            assert!(row.contains("::"), "no test holds this: {row}");
        }
    }
}
