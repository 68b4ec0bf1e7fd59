use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::bench::{Bench, Run, with_input};
use crate::pipes;

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

#[test]
fn tags_and_other_algorithms_are_what_the_tools_print() {
    let bench = Bench::new();
    bench.image("disk.raw", 5_000_001);
    let theirs = |command: &str, arguments: &[&str]| {
        let output = Command::new(command)
            .args(arguments)
            .arg("disk.raw")
            .current_dir(bench.path(""))
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let tagged = bench.custody(["hash", "--tag", "disk.raw"]).ends_with(0);
    assert_eq!(tagged.out, theirs("sha256sum", &["--tag"]));
    let many = bench
        .custody(["hash", "--algorithm", "md5,sha1,sha384,sha512", "disk.raw"])
        .ends_with(0);
    let expected = ["sha256sum", "md5sum", "sha1sum", "sha384sum", "sha512sum"];
    let expected = expected.map(|command| theirs(command, &["--tag"])).concat();
    assert_eq!(many.out, expected);
}

#[test]
fn sha3_is_what_the_standard_says_of_abc() {
    let bench = Bench::new();
    fs::write(bench.path("abc"), "abc").unwrap();
    let run = bench
        .custody(["hash", "--algorithm", "sha3-256", "abc"])
        .ends_with(0);
    // FIPS 202, example values of the NIST for the message "abc".
    let expected = "SHA3-256 (abc) = 3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532\n";
    assert!(run.out.ends_with(expected), "{}", run.out);
}

#[test]
fn the_tree_of_a_sparse_file_is_that_of_its_bytes_and_of_its_list() {
    let bench = Bench::new();
    let sparse = fs::File::create(bench.path("sparse")).unwrap();
    sparse.set_len((33 << 20) + 7).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"data", 13 << 20).unwrap();
    let tree = bench.custody(["hash", "--tree", "sparse"]).ends_with(0).out;
    let piped = with_input(
        bench.command(["hash", "--tree", "-"]),
        &fs::read(bench.path("sparse")).unwrap(),
    );
    let root = |line: &str| line.trim_end().rsplit(' ').next().map(str::to_owned);
    assert_eq!(root(&tree), root(&piped.ends_with(0).out));
    let chunks = bench.custody(["hash", "--chunks", "sparse"]).ends_with(0);
    assert!(
        chunks.err.contains(&root(&tree).unwrap()),
        "{} {}",
        tree,
        chunks.err
    );
}

#[test]
fn many_files_come_in_their_order_whatever_their_length() {
    let bench = Bench::new();
    let names: Vec<String> = (0..9).map(|number| format!("f{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        bench.image(OsStr::new(name), (9 - number) * 1_500_000);
    }
    let ours = bench.command(["hash"]).args(&names).output().unwrap();
    let theirs = Command::new("sha256sum")
        .args(&names)
        .current_dir(bench.path(""))
        .output()
        .unwrap();
    assert_eq!(ours.stdout, theirs.stdout);
}

#[test]
fn one_file_that_takes_long_keeps_no_other_from_being_hashed() {
    let bench = Bench::new();
    let pipes = pipes::make(&bench);
    let mut command = bench.command(["hash"]);
    command.args(&pipes);
    let run = pipes::run(&bench, command, &pipes).ends_with(0);
    let expected: String = pipes.iter().map(|name| pipes::sum(name)).collect();
    assert_eq!(run.out, expected);
}

#[test]
fn standard_input_that_is_named_twice_is_read_the_first_time() {
    let bench = Bench::new();
    let run = with_input(bench.command(["hash", "-", "-"]), b"abc").ends_with(0);
    let [abc, nothing] = [b"abc".as_slice(), b""].map(custody_core::digest::Sha256Digest::of);
    assert_eq!(run.out, format!("{abc}  -\n{nothing}  -\n"));
}

#[test]
fn lines_that_end_with_nul_are_what_sha256sum_prints() {
    let bench = Bench::new();
    let names = ["plain", "back\\slash", "line\nfeed"];
    for name in names {
        bench.image(name, 1000);
    }
    for options in [&["-z"][..], &["--zero", "--tag"]] {
        let words = [&["hash"][..], options, &names].concat();
        let ours = bench.command(words).output();
        let theirs = Command::new("sha256sum")
            .args([options, &names].concat())
            .current_dir(bench.path(""))
            .output();
        let [ours, theirs] = [ours, theirs].map(|output| output.unwrap().stdout);
        assert_eq!(
            String::from_utf8(ours).unwrap(),
            String::from_utf8(theirs).unwrap()
        );
    }
    bench.custody(["hash", "-z", "-c", "plain"]).ends_with(2);
}

#[test]
fn no_name_adds_a_verdict_of_its_own() {
    let bench = Bench::new();
    let name = "disk\nother: OK";
    bench.image(name, 5_000_000);
    let list = bench.custody(["hash", "--chunks", name]).ends_with(0).out;
    fs::write(bench.path("chunks.txt"), list).unwrap();
    let words = ["hash", "--against", "chunks.txt", name];
    let run = bench.custody(words).ends_with(0);
    assert_eq!(run.out, "\\disk\\nother: OK: OK\n");
    bench.flip(&bench.path(name), 1);
    let run = bench.custody(words).ends_with(4);
    assert_eq!(run.out, "\\disk\\nother: OK: FAILED bytes 0 to 4194304\n");
}

#[test]
fn damaged_ranges_are_named_and_a_list_that_does_not_fit_is_no_verdict() {
    let bench = Bench::new();
    bench.image("disk.raw", 9_000_001);
    let list = bench.custody(["hash", "--chunks", "disk.raw"]).ends_with(0).out;
    fs::write(bench.path("chunks.list"), &list).unwrap();
    let run = bench
        .custody(["hash", "--against", "chunks.list", "disk.raw"])
        .ends_with(0);
    assert_eq!(run.out, "disk.raw: OK\n");
    bench.flip(&bench.path("disk.raw"), 8_999_999);
    let run = bench
        .custody(["hash", "--against", "chunks.list", "disk.raw"])
        .ends_with(4);
    assert_eq!(run.out, "disk.raw: FAILED bytes 8388608 to 9000001\n");
    fs::write(
        bench.path("chunks.list"),
        list.lines().next().unwrap().to_owned() + "\n",
    )
    .unwrap();
    let run = bench
        .custody(["hash", "--against", "chunks.list", "disk.raw"])
        .ends_with(3);
    assert!(
        run.err.contains("1 digests for an image of 3 chunks"),
        "{}",
        run.err
    );
    bench
        .custody(["hash", "--against", "chunks.list", "-"])
        .ends_with(2);
}

#[test]
fn files_that_are_made_as_they_are_read_have_the_digest_of_what_reading_gives() {
    let bench = Bench::new();
    // Said to have no bytes, and said to have a page.
    let files = ["/proc/version", "/sys/devices/system/cpu/possible"];
    let theirs = Command::new("sha256sum").args(files).output().unwrap();
    let ours = bench.command(["hash"]).args(files).output().unwrap();
    assert_eq!(
        String::from_utf8(ours.stdout).unwrap(),
        String::from_utf8(theirs.stdout).unwrap()
    );
    assert_eq!(ours.status.code(), Some(0));
}

#[test]
fn an_empty_file_matches_an_empty_chunk_list_and_no_other() {
    let bench = Bench::new();
    bench.image("empty", 0);
    let list = bench.custody(["hash", "--chunks", "empty"]).ends_with(0).out;
    assert_eq!(list, "");
    fs::write(bench.path("chunks.txt"), list).unwrap();
    let run = bench
        .custody(["hash", "--against", "chunks.txt", "empty"])
        .ends_with(0);
    assert_eq!(run.out, "empty: OK\n");
    fs::write(bench.path("chunks.txt"), format!("{}  -\n", "0".repeat(64))).unwrap();
    let run = bench
        .custody(["hash", "--against", "chunks.txt", "empty"])
        .ends_with(3);
    assert!(
        run.err.contains("1 digests for an image of 0 chunks"),
        "{}",
        run.err
    );
}

#[test]
fn holes_are_read_if_the_file_system_is_not_to_be_taken_at_its_word() {
    let bench = Bench::new();
    let sparse = fs::File::create(bench.path("sparse")).unwrap();
    sparse.set_len(24 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"data", 13 << 20).unwrap();
    let list = bench.custody(["hash", "--chunks", "sparse"]).ends_with(0).out;
    fs::write(bench.path("chunks.txt"), list).unwrap();
    for words in [
        &["hash"][..],
        &["hash", "--tree"],
        &["hash", "--against", "chunks.txt"],
    ] {
        let answer = |more: &[&str]| {
            let words = [words, more, &["--json", "sparse"]].concat();
            let mut answer = bench.custody(words).ends_with(0).json();
            let answer = match answer.get_mut("files") {
                Some(files) => files[0].take(),
                None => answer,
            };
            let holes: u64 = match answer.get("hole_bytes").and_then(|bytes| bytes.as_str()) {
                Some(bytes) => bytes.parse().unwrap(),
                None => 0,
            };
            (
                ["sha256", "root", "damaged"].map(|name| answer.get(name).cloned()),
                holes,
            )
        };
        let (trusting, not_read) = answer(&[]);
        let (reading, left) = answer(&["--read-holes"]);
        assert_eq!(trusting, reading, "{words:?}");
        assert!(not_read >= 20 << 20, "{words:?}: {not_read}");
        assert_eq!(left, 0, "{words:?}");
    }
}
