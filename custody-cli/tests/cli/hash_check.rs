//! `custody hash --check`, beside the tools whose lists it reads.

use std::fs;
use std::process::{Command, Output};

use crate::bench::{Bench, Run};
use crate::pipes;

/// What a tool prints and comes to in the bench's folder.
fn run(bench: &Bench, tool: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .current_dir(bench.path(""))
        .env("LC_ALL", "C");
    command.output().unwrap()
}

fn printed(bench: &Bench, tool: &str, arguments: &[&str]) -> String {
    let output = run(bench, tool, arguments);
    assert!(output.status.success(), "{tool} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Demands that both say the same of a list, in verdicts and in whether it ends well.
fn agree(bench: &Bench, tool: &str, theirs: &[&str], ours: &[&str], list: &str) -> Run {
    fs::write(bench.path("sums"), list).unwrap();
    let theirs = run(bench, tool, &[theirs, &["-c", "sums"]].concat());
    let run = bench.custody([&["hash", "--check"][..], ours, &["sums"]].concat());
    let case = format!("{ours:?} of\n{list}\n{}", run.err);
    assert_eq!(run.out, String::from_utf8_lossy(&theirs.stdout), "{case}");
    assert_eq!(run.code == 0, theirs.status.success(), "{case}");
    run
}

/// Files `a` and `ab`, and the SHA-256 of each.
fn two_files(bench: &Bench) -> [String; 2] {
    bench.image("a", 1000);
    bench.image("ab", 2000);
    ["a", "ab"].map(|name| printed(bench, "sha256sum", &[name])[..64].to_owned())
}

#[test]
fn lists_come_to_what_sha256sum_makes_of_them() {
    let bench = Bench::new();
    let [a, ab] = two_files(&bench);
    for list in [
        format!("{a}  a\n{ab}  ab\n"),
        format!("{a} *a\n"),
        format!("{}  a", a.to_uppercase()),
        format!("# a comment\n\n{a}  a\r\n\r\n"),
        format!("junk\n{a}  a\n"),
        format!(" # no comment\n{a}  a\n \n"),
        "junk\n".to_owned(),
        "# nothing else\n".to_owned(),
        String::new(),
        format!("  \t{a}  a\n"),
        format!("{a} a\n"),
        format!("{ab} ab\n"),
        format!("{ab} ab\n{a}  a\n"),
        format!("{a}  a\n{ab} ab\n"),
        format!("{a}\t a\n"),
        format!("{a}\tab\n"),
        format!("{a}   a\n"),
        format!("{a}  \n"),
        format!("{a} \n"),
        format!("\\{a}  a\n"),
        format!("\\{a}  a\\x\n"),
        format!("SHA256 (a) = {a}\n"),
        format!("SHA256(a)= {a}\n"),
        format!("  SHA256 (a)\t=\t{a}\n"),
        format!("SHA256 (a)={a}\nSHA256 (a) = {ab}\n"),
        format!("SHA256  (a) = {a}\n"),
        format!("SHA256 (a) = {a} \n"),
        format!("SHA256 () = {a}\n"),
        format!("sha256 (a) = {a}\n"),
        format!("{a}  gone\n{a}  a\n{a}  ab\n"),
        format!("{}  a\n{a}  a\n", &a[1..]),
    ] {
        agree(&bench, "sha256sum", &[], &[], &list);
    }
}

#[test]
fn options_mean_what_they_mean_to_sha256sum() {
    let bench = Bench::new();
    let [a, ab] = two_files(&bench);
    let lists = [
        format!("{a}  a\n{ab}  ab\n"),
        format!("{a}  a\njunk\n"),
        format!("{a}  a\n{a}  ab\n"),
        format!("{a}  gone\n{a}  a\n"),
        format!("{a}  gone\n"),
        format!("{a}  gone\n{a}  ab\njunk\n"),
        "junk\n".to_owned(),
    ];
    for options in [
        &["--ignore-missing"][..],
        &["--quiet"],
        &["--status"],
        &["--strict"],
        &["--warn"],
        &["-w", "--quiet"],
        &["--quiet", "--status"],
        &["--status", "--warn"],
        &["--ignore-missing", "--strict", "--quiet"],
    ] {
        for list in &lists {
            agree(&bench, "sha256sum", options, options, list);
        }
    }
    let run = agree(&bench, "sha256sum", &["-w"], &["-w"], &lists[1]);
    assert!(run.err.contains("sums: line 2 is malformed"), "{}", run.err);
    let run = agree(&bench, "sha256sum", &[], &[], &lists[1]);
    assert_eq!(run.err, "custody: 1 line is malformed and not checked\n");
    // Nothing of it makes sense without a list.
    for option in ["--ignore-missing", "--quiet", "--status", "--strict", "--warn"] {
        bench.custody(["hash", option, "a"]).ends_with(2);
    }
}

#[test]
fn lists_of_the_other_tools_are_checked_as_they_check_them() {
    let bench = Bench::new();
    two_files(&bench);
    for (tool, algorithm) in [
        ("md5sum", "md5"),
        ("sha1sum", "sha1"),
        ("sha256sum", "sha256"),
        ("sha384sum", "sha384"),
        ("sha512sum", "sha512"),
    ] {
        let ours = ["--algorithm", algorithm];
        for form in [&["a", "ab"][..], &["--tag", "a", "ab"]] {
            let list = printed(&bench, tool, form);
            agree(&bench, tool, &[], &ours, &list);
            let other = list.replace("ab", "a");
            agree(&bench, tool, &[], &ours, &other);
        }
        let list = printed(&bench, tool, &["--tag", "a"]);
        fs::write(bench.path("sums"), list).unwrap();
        let run = bench.custody(["hash", "-c", "sums"]).ends_with(0);
        assert_eq!(run.out, "a: OK\n", "{tool}: a tag says what it is of");
    }
    bench
        .custody(["hash", "-c", "--algorithm", "md5,sha1", "sums"])
        .ends_with(2);
}

#[test]
fn every_digest_that_is_printed_can_be_checked() {
    let bench = Bench::new();
    bench.image("disk.raw", 9_000_001);
    let all = "md5,sha1,sha384,sha512,sha3-256,sha3-512";
    let mut list = bench
        .custody(["hash", "--algorithm", all, "disk.raw"])
        .ends_with(0)
        .out;
    list += &bench.custody(["hash", "--tree", "disk.raw"]).ends_with(0).out;
    fs::write(bench.path("sums"), &list).unwrap();
    let run = bench.custody(["hash", "--check", "sums"]).ends_with(0);
    assert_eq!((run.out, run.err.as_str()), ("disk.raw: OK\n".repeat(8), ""));
    // The tree alone takes another way.
    fs::write(bench.path("tree"), list.lines().last().unwrap()).unwrap();
    bench.custody(["hash", "--check", "tree"]).ends_with(0);

    bench.flip(&bench.path("disk.raw"), 8_999_999);
    let run = bench.custody(["hash", "--check", "sums"]).ends_with(4);
    assert_eq!(run.out, "disk.raw: FAILED\n".repeat(8));
    bench.custody(["hash", "--check", "tree"]).ends_with(4);
    let document = bench
        .custody(["hash", "--check", "--json", "sums"])
        .ends_with(4)
        .json();
    let words: Vec<&str> = document["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["algorithm"].as_str().unwrap_or("-"))
        .collect();
    let expected = "-,".to_owned() + all + ",sha256-tree-4m";
    assert_eq!(words.join(","), expected);
    assert_eq!(document["mismatched"], 8);
}

#[test]
#[ignore = "needs openssl"]
fn what_openssl_dgst_prints_is_checked() {
    let bench = Bench::new();
    bench.image("disk (raw)", 100_000);
    let mut list = String::new();
    for algorithm in [
        "-md5",
        "-sha1",
        "-sha256",
        "-sha384",
        "-sha512",
        "-sha3-256",
        "-sha3-512",
    ] {
        list += &printed(&bench, "openssl", &["dgst", algorithm, "disk (raw)"]);
    }
    fs::write(bench.path("sums"), list).unwrap();
    let run = bench.custody(["hash", "-c", "--strict", "sums"]).ends_with(0);
    assert_eq!(run.out, "disk (raw): OK\n".repeat(7));
}

#[test]
fn one_file_that_takes_long_keeps_no_other_from_being_checked() {
    let bench = Bench::new();
    let pipes = pipes::make(&bench);
    let list: String = pipes.iter().map(|name| pipes::sum(name)).collect();
    fs::write(bench.path("sums"), list).unwrap();
    let run = pipes::run(&bench, bench.command(["hash", "-c", "sums"]), &pipes).ends_with(0);
    let expected: String = pipes.iter().map(|name| format!("{name}: OK\n")).collect();
    assert_eq!(run.out, expected);
}

#[test]
fn lines_that_follow_one_another_and_name_one_file_read_it_once() {
    let bench = Bench::new();
    pipes::make_one(&bench, "pipe");
    fs::write(bench.path("content"), "pipe").unwrap();
    let tools = ["md5sum", "sha1sum", "sha256sum"];
    let list = tools.map(|tool| printed(&bench, tool, &["--tag", "content"]));
    fs::write(bench.path("sums"), list.concat().replace("content", "pipe")).unwrap();
    // Who would read it again would wait for ever.
    let command = bench.command(["hash", "-c", "sums"]);
    let run = pipes::run(&bench, command, &["pipe".to_owned()]).ends_with(0);
    assert_eq!(run.out, "pipe: OK\n".repeat(3));
}

#[test]
fn a_list_without_a_file_that_is_there_has_verified_nothing() {
    let bench = Bench::new();
    let [a, _] = two_files(&bench);
    fs::write(bench.path("good"), format!("{a}  a\n")).unwrap();
    fs::write(bench.path("sums"), format!("{a}  gone\n")).unwrap();
    let run = bench
        .custody(["hash", "-c", "--ignore-missing", "good", "sums"])
        .ends_with(3);
    assert!(
        run.err.contains("sums: no file that it names is there"),
        "{}",
        run.err
    );
    let words = ["hash", "-c", "--ignore-missing", "--json", "sums"];
    let document = bench.custody(words).ends_with(3).json();
    assert_eq!(
        (&document["passed_over"], &document["matched"]),
        (&1.into(), &0.into())
    );
}
