//! The store in `docs/example-store` is golden: it verifies with today's program, byte by byte, and it is what
//! `docs/record-format.md` quotes. When it no longer does, a format has changed and needs a new version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

fn docs(name: &str) -> PathBuf {
    Path::new(DOCS).join(name)
}

fn verify(store: &Path) -> Output {
    let nowhere = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_custody"))
        .arg("verify")
        .arg(store)
        .arg("--trust")
        .arg(docs("example-store.trust"))
        .env("XDG_STATE_HOME", nowhere.path().join("none"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn copy_of(store: &Path, to: &Path) {
    for file in files(store) {
        let target = to.join(file.strip_prefix(store).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, fs::read(file).unwrap()).unwrap();
    }
}

#[test]
fn the_example_store_is_proven_by_this_program() {
    let output = verify(&docs("example-store"));
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_changed_byte_in_any_file_of_the_example_store_is_found_and_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("store");
    copy_of(&docs("example-store"), &copy);
    let all = files(&copy);
    assert!(all.len() > 12, "{all:?}");
    for file in all {
        let whole = fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&file, changed).unwrap();
        let output = verify(&copy);
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(output.status.code(), Some(4), "{name}: {said}");
        assert!(said.contains(name), "{name} is not named: {said}");
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn what_the_record_format_quotes_is_in_the_example_store() {
    let page = fs::read_to_string(docs("record-format.md")).unwrap();
    let mut stored = String::new();
    for file in files(&docs("example-store")) {
        let is_text = file
            .extension()
            .is_some_and(|extension| extension == "jsonl" || extension == "note");
        if is_text {
            stored.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    stored.push_str(&fs::read_to_string(docs("example-store.trust")).unwrap());
    let mut quoted = 0;
    let blocks = page.split("\n<!-- ").skip(1);
    for block in blocks {
        let (_, fenced) = block.split_once("\n```").unwrap();
        let (_, text) = fenced.split_once('\n').unwrap();
        let (text, _) = text.split_once("\n```").unwrap();
        quoted += 1;
        assert!(
            stored.contains(&format!("{text}\n")),
            "not in the example store:\n{text}"
        );
    }
    assert_eq!(quoted, 7, "lines, note and key that are quoted");
}
