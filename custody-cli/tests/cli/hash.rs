use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::bench::{Bench, Run, with_input};

#[test]
fn digests_are_printed_as_sha256sum_prints_them() {
    let bench = Bench::new();
    let names: [&[u8]; 6] = [
        b"plain",
        b"a b",
        b"back\\slash",
        b"line\nfeed",
        b"carriage\rreturn",
        b"\xffnot-utf8",
    ];
    for (name, length) in names.iter().zip([0, 1, 64, 4096, 5_000_000, 7]) {
        bench.image(OsStr::from_bytes(name), length);
    }
    let files = names.map(|name| OsStr::from_bytes(name).to_owned());
    let ours = bench.command([OsStr::new("hash")]).args(&files).output().unwrap();
    let theirs = Command::new("sha256sum")
        .args(&files)
        .current_dir(bench.path(""))
        .output()
        .unwrap();
    assert_eq!(ours.stdout, theirs.stdout);
    fs::write(bench.path("sums"), &ours.stdout).unwrap();
    let ours = bench.command(["hash", "--check", "sums"]).output().unwrap();
    let theirs = Command::new("sha256sum")
        .args(["-c", "sums"])
        .current_dir(bench.path(""))
        .output()
        .unwrap();
    assert_eq!(ours.status.code(), Some(0));
    assert_eq!(ours.stdout, theirs.stdout);
}

#[test]
fn chunks_are_what_split_and_sha256sum_print() {
    let bench = Bench::new();
    bench.image("disk.raw", 9_000_001);
    let ours = bench.custody(["hash", "--chunks", "disk.raw"]).ends_with(0);
    let theirs = Command::new("split")
        .args(["-b", "4M", "--filter=sha256sum", "disk.raw"])
        .current_dir(bench.path(""))
        .output();
    assert_eq!(ours.out.as_bytes(), theirs.unwrap().stdout);
    assert!(ours.err.contains("3 chunks, Merkle root "), "{}", ours.err);
}

#[test]
fn a_changed_file_is_4_and_outranks_a_missing_one_which_is_3() {
    let bench = Bench::new();
    bench.image("one", 10);
    bench.image("two", 20);
    let sums = bench.custody(["hash", "one", "two"]).ends_with(0).out;
    fs::write(bench.path("sums"), sums).unwrap();
    fs::remove_file(bench.path("two")).unwrap();
    let run = bench.custody(["hash", "--check", "sums"]).ends_with(3);
    assert_eq!(run.out, "one: OK\ntwo: FAILED open or read\n");
    bench.flip(&bench.path("one"), 5);
    let run = bench.custody(["hash", "--check", "sums"]).ends_with(4);
    assert_eq!(run.out, "one: FAILED\ntwo: FAILED open or read\n");
    let document = bench
        .custody(["hash", "--check", "sums", "--json"])
        .ends_with(4)
        .json();
    assert_eq!(
        (&document["mismatched"], &document["unreadable"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_list_without_a_line_of_sums_is_not_a_list_that_matches() {
    let bench = Bench::new();
    for text in ["", "junk\n"] {
        fs::write(bench.path("sums"), text).unwrap();
        bench.custody(["hash", "--check", "sums"]).ends_with(3);
    }
}

#[test]
fn a_directory_and_a_missing_file_are_3_and_the_others_are_printed() {
    let bench = Bench::new();
    bench.image("there", 3);
    let run = bench.custody(["hash", ".", "no-such-file", "there"]).ends_with(3);
    assert_eq!(run.out.lines().count(), 1);
    assert!(
        run.out.ends_with("  there\n") && run.err.contains("no-such-file"),
        "{}{}",
        run.out,
        run.err
    );
}

#[test]
fn what_to_do_about_a_file_that_cannot_be_hashed_never_speaks_of_captures() {
    let bench = Bench::new();
    for (words, next) in [
        (&["hash", "."][..], "it is a directory; name the files in it"),
        (
            &["hash", "--check", "."],
            "it is a directory; name the files in it",
        ),
        (&["hash", "no-such-file"], "correct what was asked for"),
        // It opens, and no read of it succeeds.
        (
            &["hash", "/proc/self/mem"],
            "next: remove the cause, then run it again",
        ),
        (
            &["hash", "--check", "/proc/self/mem"],
            "next: remove the cause, then run it again",
        ),
    ] {
        let run = bench.custody(words).ends_with(3);
        assert!(
            run.err.contains(next) && !run.err.contains("resume"),
            "{words:?}: {}",
            run.err
        );
    }
}

#[test]
fn standard_input_is_digested() {
    let bench = Bench::new();
    let run: Run = with_input(bench.command(["hash", "-"]), b"abc").ends_with(0);
    assert_eq!(
        run.out,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n"
    );
}
