//! Every test and every step that `docs/validation.md` names exists.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CRATES: [&str; 5] = [
    "custody-cli",
    "custody-core",
    "custody-hash",
    "custody-local",
    "custody-testkit",
];

/// The names of all functions in the sources below a folder.
fn functions(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text
                .lines()
                .filter_map(|line| line.trim_start().strip_prefix("fn ")?.split('(').next());
            into.extend(names.map(str::to_owned));
        }
    }
}

#[test]
fn every_test_and_every_step_that_validation_names_exists() {
    let mut names = BTreeSet::new();
    for name in CRATES {
        for folder in ["src", "tests"] {
            functions(&Path::new(ROOT).join(name).join(folder), &mut names);
        }
    }
    let smoke = fs::read_to_string(Path::new(ROOT).join(".ci/smoke")).unwrap();
    let page = fs::read_to_string(Path::new(ROOT).join("docs/validation.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.matches('|').count() > 3);
    let (mut tests, mut steps, mut missing) = (0, 0, Vec::new());
    for row in rows {
        // The column before the last holds tests, and after the word "step" or "steps" the names of steps.
        let Some(column) = row.trim_end_matches('|').rsplit('|').nth(1) else {
            continue;
        };
        let (of_tests, of_steps) = column.split_once("step").unwrap_or((column, ""));
        let quoted =
            |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        for test in quoted(of_tests) {
            tests += 1;
            if !names.contains(&test) {
                missing.push(test);
            }
        }
        for step in quoted(of_steps) {
            steps += 1;
            if !smoke.contains(&format!("\nbegin \"{step}")) {
                missing.push(step);
            }
        }
    }
    assert!(
        tests > 40 && steps > 5,
        "only {tests} tests and {steps} steps were found"
    );
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}
