use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use custody_core::visible::must_escape;

use crate::bench::Bench;

#[test]
fn names_that_could_fool_a_terminal_or_a_path_are_captured_under_safe_ones() {
    let bench = Bench::new();
    let long = "n".repeat(255);
    let names: [&[u8]; 8] = [
        b"with space.raw",
        b"line\nfeed",
        "bidi\u{202e}gnp.exe".as_bytes(),
        b"escape\x1b[2J",
        b"\xff\xfe",
        b"-rf",
        b"..%2f..",
        long.as_bytes(),
    ];
    let images: Vec<_> = names
        .iter()
        .map(|name| bench.image(OsStr::from_bytes(name), 100))
        .collect();
    let captured = bench.capture(&images).ends_with(0);
    let verified = bench.verify().ends_with(0);
    let listed = bench.custody(["list", "--store", "store"]).ends_with(0);
    let logged = bench
        .custody(["log", "store", &bench.acquisition_id()])
        .ends_with(0);
    for run in [captured, verified, listed, logged] {
        let bad = |text: &str| text.chars().any(|c| c != '\n' && must_escape(c));
        assert!(!bad(&run.out) && !bad(&run.err), "{:?}\n{:?}", run.out, run.err);
    }
    for entry in fs::read_dir(bench.acquisition()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-%~".contains(c);
        assert!(name.chars().all(safe) && !name.starts_with(['.', '-']), "{name}");
    }
    let outside = fs::read_dir(bench.path("")).unwrap().count();
    assert_eq!(
        outside,
        names.len() + 2,
        "the images, the store, the state folder, and nothing else"
    );
}

#[test]
fn errors_about_hostile_names_are_printable_and_name_them() {
    let bench = Bench::new();
    let missing = OsStr::from_bytes(b"no\x1b[31m\n\xe2\x80\xaesuch");
    let run = bench.capture([missing]).ends_with(3);
    assert!(
        !run.err.chars().any(|c| c != '\n' && must_escape(c)),
        "{:?}",
        run.err
    );
    assert!(
        run.err.contains("no\\u{1b}[31m\\u{a}\\u{202e}such"),
        "{}",
        run.err
    );
    let run = bench
        .custody([OsStr::new("verify"), missing, OsStr::new("extra")])
        .ends_with(2);
    assert!(
        !run.err.chars().any(|c| c != '\n' && must_escape(c)),
        "{:?}",
        run.err
    );
}

#[test]
fn a_case_that_looks_like_a_path_stays_inside_the_store() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 10);
    let mut words = bench.capture_words([&image]);
    let case = words.iter().position(|word| word == "C-1").unwrap();
    words[case] = "../../etc".into();
    bench.custody(words).ends_with(0);
    bench.verify().ends_with(0);
    assert_eq!(fs::read_dir(bench.store().join("cases")).unwrap().count(), 1);
    bench
        .custody(["verify", "store", "--case", "../../etc"])
        .ends_with(0);
    bench
        .custody(["verify", "store", "--case", "another"])
        .ends_with(3);
}

#[test]
fn what_is_no_source_is_refused_by_name() {
    let bench = Bench::new();
    fs::create_dir(bench.path("folder")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(bench.path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    for name in ["folder", "pipe"] {
        let run = bench.capture([name]).ends_with(3);
        assert!(run.err.contains(name), "{}", run.err);
    }
    let image = bench.image("disk.raw", 10);
    let run = bench.capture([&image, &image]).ends_with(3);
    assert!(run.err.contains("twice"), "{}", run.err);
    let mut words = bench.capture_words([&image]);
    words.extend(["--exhibit", "MX-1", "MX-2"].map(Into::into));
    let run = bench.custody(words).ends_with(3);
    assert!(run.err.contains("2 exhibit numbers for 1 disks"), "{}", run.err);
    assert!(!bench.store().exists(), "a refused capture makes no store");
}

#[test]
fn a_destination_that_is_no_directory_is_refused() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 10);
    fs::write(bench.store(), "a file").unwrap();
    let run = bench.capture([&image]).ends_with(3);
    assert!(run.err.contains("store"), "{}", run.err);
    assert_eq!(fs::read(bench.store()).unwrap(), b"a file");
}

#[test]
fn a_destination_that_others_can_write_is_refused() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 10);
    fs::create_dir(bench.store()).unwrap();
    fs::set_permissions(bench.store(), fs::Permissions::from_mode(0o777)).unwrap();
    bench.capture([&image]).ends_with(3);
    assert_eq!(fs::read_dir(bench.store()).unwrap().count(), 0);
}

#[test]
fn statements_that_cannot_be_printed_safely_are_a_usage_error() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 10);
    let mut words = bench.capture_words([&image]);
    let examiner = words.iter().position(|word| word == "M. Example").unwrap();
    words[examiner] = "M.\u{202e}elpmaxE".into();
    let run = bench.custody(words).ends_with(2);
    assert!(run.err.contains("U+202E"), "{}", run.err);
}

#[test]
#[ignore = "needs root: mounts a small tmpfs"]
fn a_full_destination_stops_the_capture_and_resume_finishes_when_there_is_room() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 3 << 20);
    fs::create_dir(bench.store()).unwrap();
    let mount = |options: &str| {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(bench.store());
        assert!(command.status().unwrap().success());
    };
    mount("size=2m,mode=0700");
    let full = bench.capture([&image]);
    mount("remount,size=16m");
    let resumed = bench.custody(["resume"]);
    let verified = bench.verify();
    assert!(
        Command::new("umount")
            .arg(bench.store())
            .status()
            .unwrap()
            .success()
    );
    let full = full.ends_with(3);
    assert!(
        full.err.contains("no space left") && full.err.contains("next: custody resume 2"),
        "{}",
        full.err
    );
    resumed.ends_with(0);
    verified.ends_with(0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    for words in [
        &["log", "store"][..],
        &["--help"],
        &["verify", "store", "--json"],
        &["completions", "bash"],
    ] {
        let mut command = bench.command(words);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(0) && !err.contains("panicked"),
            "{words:?}: {:?} {err}",
            output.status
        );
    }
}

#[test]
fn an_output_that_is_cut_short_is_3() {
    let bench = Bench::new();
    bench.image("file", 10);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = bench.command(["hash", "file"]).stdout(full).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(3) && err.contains("standard output"),
        "{err}"
    );
}
