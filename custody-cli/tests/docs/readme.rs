//! The commands of `README.md` do what it says.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bench::{Bench, DOCS, expect_exit};

/// In the place of the reader's own: the program under test, whose state folder may be a temporary one.
const PROGRAM: &str = r#"set -euo pipefail
custody() { command "$CUSTODY" "$@" --allow-temporary-state; }
"#;

#[test]
#[ignore = "needs bash and jq"]
fn the_commands_of_the_readme_work_as_they_stand() {
    let readme = fs::read_to_string(Path::new(DOCS).join("../README.md")).unwrap();
    let blocks: Vec<&str> = readme
        .split("```bash\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 1, "blocks of commands");
    let bench = Bench::new();
    let script = bench.path("readme.sh");
    fs::write(&script, format!("{PROGRAM}{}", blocks.concat())).unwrap();
    let output = Command::new("bash")
        .arg(&script)
        .current_dir(bench.path(""))
        .env("CUSTODY", env!("CARGO_BIN_EXE_custody"))
        .env("XDG_STATE_HOME", bench.path("state-home"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    expect_exit(&output, 0);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("complete") && said.contains("proven") && said.contains("fingerprint"),
        "{said}"
    );
}

#[test]
fn the_readme_names_every_crate_of_the_workspace_and_every_exit_code() {
    let readme = fs::read_to_string(Path::new(DOCS).join("../README.md")).unwrap();
    let workspace = fs::read_to_string(Path::new(DOCS).join("../Cargo.toml")).unwrap();
    let members = workspace
        .lines()
        .find(|line| line.starts_with("members"))
        .unwrap();
    for member in members
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|member| member.starts_with("custody-"))
    {
        assert!(
            readme.contains(&format!("| [{member}]({member}) |")),
            "{member} is not in the table of crates"
        );
    }
    for code in 0..=4 {
        assert!(
            readme.contains(&format!("\n| {code} | ")),
            "exit {code} is not in the table"
        );
    }
    assert!(readme.lines().count() <= 70, "README is to be read on one screen");
}

/// The first word of each line of the picture, below these folders.
fn pictured(readme: &str) -> Vec<&str> {
    let picture = readme
        .split("```text\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let lines = picture
        .lines()
        .map(|line| line.trim_start_matches(['│', '├', '└', '─', ' ']));
    lines.filter_map(|line| line.split([' ', ',']).next()).collect()
}

#[test]
fn the_picture_shows_every_file_that_a_capture_leaves_behind() {
    let readme = fs::read_to_string(Path::new(DOCS).join("../README.md")).unwrap();
    let pictured = pictured(&readme);
    let bench = Bench::new();
    expect_exit(&bench.capture(&[&bench.raw()], &[]), 0);
    let mut folders = vec![bench.store(), bench.path("state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let (name, of) = (
                path.file_name().unwrap().to_str().unwrap(),
                folder.file_name().unwrap(),
            );
            let of = of.to_str().unwrap();
            let shown = |entry: &&str| match entry.rsplit('/').next().unwrap() {
                // A folder that is shown as a whole.
                "" => *entry == format!("{of}/"),
                // Every file of a folder.
                "*.note" => *entry == format!("{of}/*.note") && name.ends_with(".note"),
                "*.pem" => of == "keys" && (name.ends_with(".pem") || name.ends_with(".pub")),
                shown => shown == name,
            };
            // A lock holds nothing.
            assert!(
                name == "lock" || pictured.iter().any(shown),
                "{} is not in the picture: {pictured:?}",
                path.display()
            );
        }
    }
}
