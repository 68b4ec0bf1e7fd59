//! Every test and every step that `docs/validation.md` names exists, and is run as it says there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CRATES: [&str; 7] = [
    "custody-azure",
    "custody-cli",
    "custody-core",
    "custody-hash",
    "custody-keys",
    "custody-local",
    "custody-testkit",
];

/// The tests of the sources below a folder, by name: whether it is run without being asked for.
fn tests(folder: &Path, into: &mut BTreeMap<String, bool>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests_of(&fs::read_to_string(&path).unwrap(), into);
        }
    }
}

/// The functions directly above which `#[test]` stands, with nothing but other attributes between; and the clauses of
/// conformance suites, which a macro turns into tests: `es_02_never_overwrites` and so on.
fn tests_of(source: &str, into: &mut BTreeMap<String, bool>) {
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines().map(str::trim_start) {
        match line {
            "#[test]" => is_test = true,
            _ if line.starts_with("#[ignore") => is_ignored = true,
            _ if line.starts_with("#[") => {}
            _ => {
                let function = line.strip_prefix("fn ").filter(|_| is_test);
                let clause = line.strip_prefix("pub async fn ").filter(|name| is_clause(name));
                if let Some(name) = function.or(clause).and_then(|rest| rest.split('(').next()) {
                    into.insert(name.to_owned(), !is_ignored);
                }
                (is_test, is_ignored) = (false, false);
            }
        }
    }
}

/// Whether a function has the name of a clause: two letters, two digits, a sentence.
fn is_clause(name: &str) -> bool {
    let parts: Vec<&str> = name.splitn(3, '_').collect();
    let made_of = |part: &str, of: fn(char) -> bool| part.len() == 2 && part.chars().all(of);
    matches!(parts[..], [letters, digits, _]
        if made_of(letters, |c| c.is_ascii_lowercase()) && made_of(digits, |c| c.is_ascii_digit()))
}

/// A row of the page: its tests, the steps of the smoke run, and how they are run.
struct Row<'p> {
    tests: Vec<&'p str>,
    steps: Vec<&'p str>,
    run: Vec<&'p str>,
}

/// The rows of both tables. The column before the last holds tests and, after the word "step" or "steps", steps.
fn rows(page: &str) -> Vec<Row<'_>> {
    let lines = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.matches('|').count() > 3);
    let quoted = |text| str::split(text, '`').skip(1).step_by(2).collect();
    lines
        .filter_map(|line| {
            let mut columns = line.trim_end_matches('|').rsplit('|');
            let run = columns.next()?.split(',').map(str::trim).collect();
            let column = columns.next()?;
            let (tests, steps) = column.split_once("step").unwrap_or((column, ""));
            Some(Row {
                tests: quoted(tests),
                steps: quoted(steps),
                run,
            })
        })
        .collect()
}

#[test]
fn every_test_and_every_step_that_validation_names_exists_and_is_run_as_it_says() {
    let mut known = BTreeMap::new();
    for name in CRATES {
        for folder in ["src", "tests"] {
            tests(&Path::new(ROOT).join(name).join(folder), &mut known);
        }
    }
    let smoke = fs::read_to_string(Path::new(ROOT).join(".ci/smoke")).unwrap();
    let page = fs::read_to_string(Path::new(ROOT).join("docs/validation.md")).unwrap();
    let (mut tests, mut steps, mut faults) = (0, 0, Vec::new());
    for row in rows(&page) {
        tests += row.tests.len();
        steps += row.steps.len();
        for test in &row.tests {
            match known.get(*test) {
                None => faults.push(format!("{test} is no test")),
                Some(always) => {
                    let how = if *always { "U" } else { "P" };
                    if !row.run.contains(&how) {
                        faults.push(format!("{test} is run by {how}, its row says {:?}", row.run));
                    }
                }
            }
        }
        for step in &row.steps {
            if !smoke.contains(&format!("\nbegin \"{step}")) {
                faults.push(format!("{step} is no step"));
            }
            if !row.run.contains(&"S") {
                faults.push(format!("{step} is run by S, its row says {:?}", row.run));
            }
        }
    }
    assert!(
        tests > 60 && steps > 5,
        "only {tests} tests and {steps} steps were found"
    );
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_assertion_of_the_list_has_a_row() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/validation.md")).unwrap();
    let numbered =
        |kind: &'static str, last: u32| (1..=last).map(move |number| format!("{kind}-{number:02}"));
    for assertion in numbered("AM", 10).chain(numbered("AO", 24)) {
        let row = format!("| {assertion} ");
        assert_eq!(page.matches(&row).count(), 1, "rows of {assertion}");
    }
}

#[test]
fn a_function_that_is_no_test_is_not_taken_for_one() {
    let source = "fn helper() {}\n#[test]\n#[ignore = \"needs root\"]\nfn slow() {}\n    #[test]\n    fn nested() {}\n\
                  #[test]\n\nfn apart() {}\n#[expect(x)]\nfn other() {}\npub async fn es_02_never_overwrites(h: H) {}\n";
    let mut found = BTreeMap::new();
    tests_of(source, &mut found);
    let found: Vec<(&str, bool)> = found
        .iter()
        .map(|(name, always)| (name.as_str(), *always))
        .collect();
    assert_eq!(
        found,
        [
            ("es_02_never_overwrites", true),
            ("nested", true),
            ("slow", false)
        ]
    );
}
