//! Runs exactly the commands of `docs/verify-without-us.md`, on a store that custody made, and on tampered ones.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::bench::{Bench, DOCS, answer, expect_exit};

/// What is between ```` ```bash ```` and ```` ``` ````, in order.
fn commands() -> String {
    let page = fs::read_to_string(Path::new(DOCS).join("verify-without-us.md")).unwrap();
    let mut commands = String::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line) {
            (false, "```bash") => inside = true,
            (true, "```") => inside = false,
            (true, line) => commands.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    assert!(
        !inside && commands.lines().count() > 80,
        "the page has lost its commands"
    );
    commands
}

/// Runs the page's commands on a store, in an empty folder.
fn check(bench: &Bench, store: &Path, fingerprints: &Path) -> Output {
    let work = tempfile::tempdir_in(bench.path("")).unwrap();
    let script = bench.path("check.sh");
    fs::write(&script, commands()).unwrap();
    Command::new("bash")
        .arg(&script)
        .current_dir(work.path())
        .env("STORE", store)
        .env("FINGERPRINTS", fingerprints)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A store with two items, and the file with the fingerprint that its examiner wrote down.
fn captured() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let (raw, vhd) = (bench.raw(), bench.vhd());
    expect_exit(
        &bench.capture(&[&raw, &vhd], &["--exhibit", "MX 1", "MX 2", "--also", "md5"]),
        0,
    );
    let shown = bench.custody(
        ["key", "show", "--json"]
            .map(String::from)
            .into_iter()
            .chain(bench.state_words()),
    );
    expect_exit(&shown, 0);
    let fingerprints = bench.path("fingerprints.txt");
    fs::write(
        &fingerprints,
        format!("{}\n", answer(&shown)["fingerprint"].as_str().unwrap()),
    )
    .unwrap();
    (bench, fingerprints)
}

/// The store of a capture whose store did not answer at first.
fn bound_late() -> (Bench, PathBuf) {
    let bench = Bench::new();
    bench.block_store();
    expect_exit(&bench.capture(&[&bench.raw()], &[]), 3);
    bench.unblock_store();
    let with_state = |words: &[&str]| -> Vec<String> {
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain(bench.state_words()).collect()
    };
    expect_exit(&bench.custody(with_state(&["resume"])), 0);
    let shown = bench.custody(with_state(&["key", "show", "--json"]));
    let fingerprints = bench.path("fingerprints.txt");
    let fingerprint = answer(&shown)["fingerprint"].as_str().unwrap().to_owned();
    fs::write(&fingerprints, format!("{fingerprint}\n")).unwrap();
    (bench, fingerprints)
}

#[test]
#[ignore = "needs bash, jq, openssl, python3 and coreutils"]
fn a_log_that_was_bound_to_its_store_later_is_checked_like_any_other() {
    let (bench, fingerprints) = bound_late();
    let log = fs::read_to_string(bench.acquisition(&bench.store()).join("log.jsonl")).unwrap();
    assert!(log.contains("\"acquisition.bound\""), "{log}");
    expect_exit(&check(&bench, &bench.store(), &fingerprints), 0);
}

/// A copy of the store in which everything can be written.
fn copy_of(store: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(store).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_of(&entry.path(), &target);
        } else {
            fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn last_note(acquisition: &Path) -> PathBuf {
    let notes = fs::read_dir(acquisition.join("checkpoints")).unwrap();
    notes.map(|note| note.unwrap().path()).max().unwrap()
}

fn replace_once(file: &Path, nth_line: impl Fn(usize) -> usize, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = nth_line(lines.len());
    assert!(lines[line].contains(from), "{from} is not in line {}", line + 1);
    lines[line] = lines[line].replacen(from, to, 1);
    fs::write(file, lines.join("\n") + "\n").unwrap();
}

#[test]
#[ignore = "needs bash, jq, openssl, python3 and coreutils"]
fn the_commands_of_the_page_accept_a_store_and_find_every_change() {
    let (bench, fingerprints) = captured();
    let accepted = check(&bench, &bench.store(), &fingerprints);
    expect_exit(&accepted, 0);
    assert!(
        String::from_utf8_lossy(&accepted.stdout).contains("everything that is sealed"),
        "{accepted:?}"
    );

    type Tampering = (&'static str, fn(&Path, &Path));
    let tamperings: [Tampering; 18] = [
        ("a byte of an item", |_, folder| {
            flip(&folder.join("disk.raw"), 100);
        }),
        ("a byte in a hole", |_, folder| {
            flip(&folder.join("disk.raw"), 3 << 20);
        }),
        ("a byte of a VHD's footer", |_, folder| {
            flip(&folder.join("twin.vhd"), (9 << 20) + 3 * 512 + 40);
        }),
        ("an item cut short", |_, folder| {
            let item = fs::OpenOptions::new()
                .write(true)
                .open(folder.join("disk.raw"))
                .unwrap();
            item.set_len(9 << 20).unwrap();
        }),
        ("a line of the log", |_, folder| {
            replace_once(&folder.join("log.jsonl"), |_| 4, "M. Example", "M. Exemple");
        }),
        ("the last line of the log", |_, folder| {
            replace_once(
                &folder.join("log.jsonl"),
                |lines| lines - 1,
                "M. Example",
                "M. Exemple",
            );
        }),
        ("the form of a line", |_, folder| {
            replace_once(&folder.join("log.jsonl"), |_| 2, "\"v\":1", "\"v\": 1");
        }),
        ("a line that is gone", |_, folder| {
            let log = folder.join("log.jsonl");
            let text = fs::read_to_string(&log).unwrap();
            let kept: Vec<&str> = text.lines().collect();
            fs::write(&log, kept[..kept.len() - 1].join("\n") + "\n").unwrap();
        }),
        ("a checkpoint's signature", |_, folder| {
            let note = last_note(folder);
            let length = fs::metadata(&note).unwrap().len();
            flip(&note, usize::try_from(length).unwrap() - 10);
        }),
        ("a checkpoint's root", |_, folder| {
            let note = last_note(folder);
            let text = fs::read_to_string(&note).unwrap();
            let line_3: usize = text.lines().take(2).map(|line| line.len() + 1).sum();
            flip(&note, line_3 + 5);
        }),
        ("the last checkpoint, gone", |_, folder| {
            fs::remove_file(last_note(folder)).unwrap();
        }),
        ("the manifest", |_, folder| {
            replace_once(&folder.join("manifest.json"), |_| 0, "Warrant", "Warrent");
        }),
        ("the seal", |_, folder| {
            flip(&folder.join("manifest.dsse.json"), 200);
        }),
        ("the sums", |_, folder| flip(&folder.join("SHA256SUMS"), 3)),
        ("the chunk list", |_, folder| {
            flip(&folder.join("disk.raw.chunks.sha256"), 3);
        }),
        ("the list of zeros", |_, folder| {
            flip(&folder.join("disk.raw.zero-ranges.txt"), 0);
        }),
        ("a line of the register", |store, _| {
            replace_once(&store.join("register.jsonl"), |_| 1, "M. Example", "M. Exemple");
        }),
        ("the whole acquisition, gone", |_, folder| {
            fs::remove_dir_all(folder).unwrap();
        }),
    ];
    for (number, (what, tamper)) in tamperings.iter().enumerate() {
        let copy = bench.path(&format!("copy-{number}"));
        copy_of(&bench.store(), &copy);
        tamper(&copy, &bench.acquisition(&copy));
        let found = check(&bench, &copy, &fingerprints);
        assert!(!found.status.success(), "{what}: was not found");
        fs::remove_dir_all(&copy).unwrap();
    }
}

#[test]
#[ignore = "needs bash, jq, openssl, python3 and coreutils"]
fn the_commands_of_the_page_refuse_a_store_whose_signer_nobody_named() {
    let (bench, fingerprints) = captured();
    let text = fs::read_to_string(&fingerprints).unwrap();
    let other: String = text.chars().map(|c| if c == '0' { '1' } else { c }).collect();
    fs::write(&fingerprints, other.replacen(&text[..4], "ffff", 1)).unwrap();
    let refused = check(&bench, &bench.store(), &fingerprints);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("nobody told you of the key"),
        "{refused:?}"
    );
}
