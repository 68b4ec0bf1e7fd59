use std::fs;

use crate::bench::Bench;

const CHUNK: usize = 4 << 20;

#[test]
fn images_of_every_awkward_length_are_captured_and_proven() {
    let bench = Bench::new();
    let lengths = [0, 1, 511, 512, 513, CHUNK - 1, CHUNK, CHUNK + 1];
    let images: Vec<_> = lengths
        .iter()
        .map(|length| bench.image(format!("image-{length}.raw"), *length))
        .collect();
    let captured = bench.capture(&images).ends_with(0);
    for (image, length) in images.iter().zip(lengths) {
        let stored = bench.acquisition().join(image.file_name().unwrap());
        assert_eq!(fs::read(stored).unwrap(), fs::read(image).unwrap(), "{length}");
        assert!(
            captured.out.contains(&format!("size       {length} bytes")),
            "{}",
            captured.out
        );
    }
    bench.verify().ends_with(0);
}

#[test]
fn a_sparse_image_stays_sparse_and_read_all_distrusts_its_holes() {
    use std::os::unix::fs::MetadataExt as _;
    let bench = Bench::new();
    let image = bench.sparse_image("sparse.raw", 64 << 20, &[0, 40 << 20]);
    bench.capture([&image]).ends_with(0);
    let stored = fs::metadata(bench.acquisition().join("sparse.raw")).unwrap();
    assert_eq!(stored.len(), 64 << 20);
    assert!(stored.blocks() * 512 < 1 << 20, "{} blocks", stored.blocks());
    let verified = bench.verify().ends_with(0);
    assert!(
        verified
            .out
            .contains("taken as zeros on the word of the file system or the service"),
        "{}",
        verified.out
    );
    let verified = bench.custody(["verify", "store", "--read-all"]).ends_with(0);
    assert!(!verified.out.contains("taken as zeros"), "{}", verified.out);
}

#[test]
fn the_sums_are_what_sha256sum_reads() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 5000);
    bench.capture([&image]).ends_with(0);
    let mut check = bench.command(["hash", "--check", "SHA256SUMS"]);
    let output = check.current_dir(bench.acquisition()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("disk.raw: OK\n")
    );
}

#[test]
fn a_capture_in_json_says_everything_in_one_document() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 100_000);
    let mut words = bench.capture_words([&image]);
    words.extend(["--json", "--exhibit", "MX-1", "--also", "md5,sha1"].map(Into::into));
    let run = bench.custody(words).ends_with(0);
    let document = run.json();
    assert_eq!(document["state"], "complete");
    assert_eq!(document["exit"], 0);
    let item = &document["items"][0];
    assert_eq!(
        (&item["exhibit"], &item["status"]),
        (&"MX-1".into(), &"verified".into())
    );
    assert_eq!(item["digests"]["side"].as_object().unwrap().len(), 2);
    assert_eq!(document["signer_pinned"], "made now, pinned nowhere");
    assert!(
        document["not_acquired"]
            .as_array()
            .is_some_and(|not| !not.is_empty())
    );
    let talk: Vec<&str> = run
        .err
        .lines()
        .filter(|line| !line.contains("fingerprint") && !line.contains("key"))
        .collect();
    assert!(talk.is_empty(), "{talk:?}");
}

#[test]
fn side_digests_are_named_with_commas_or_one_by_one() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    for also in [&["--also", "md5,sha1"][..], &["--also", "sha1", "--also", "md5"]] {
        let mut words = bench.capture_words([&image]);
        words.extend(also.iter().map(Into::into));
        words.push("--json".into());
        let document = bench.custody(words).ends_with(0).json();
        let side = document["items"][0]["digests"]["side"].as_object().unwrap();
        assert_eq!(side.keys().collect::<Vec<_>>(), ["md5", "sha1"], "{also:?}");
    }
    // A value that follows a space is not taken for a digest.
    let mut words = bench.capture_words([&image]);
    words.extend(["--also", "md5", "sha1"].map(Into::into));
    bench.custody(words).ends_with(2);
}

#[test]
fn a_dry_run_leaves_neither_a_store_nor_a_journal_behind() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--dry-run".into());
    let run = bench.custody(words).ends_with(0);
    assert!(
        run.out.contains("would capture") && run.out.contains("disk.raw"),
        "{}",
        run.out
    );
    assert!(!bench.store().exists());
    assert!(bench.journals().is_empty());
}

#[test]
fn preserve_only_ends_with_3_and_resume_finishes() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--preserve-only".into());
    let run = bench.custody(words).ends_with(3);
    assert!(run.err.contains("next: custody resume 2"), "{}", run.err);
    let resumed = bench.custody(["resume"]).ends_with(0);
    assert!(resumed.out.contains(": complete"), "{}", resumed.out);
    bench.verify().ends_with(0);
    let nothing = bench.custody(["resume", "--json"]).ends_with(0);
    assert_eq!(nothing.json()["open"], serde_json::json!([]));
}

#[test]
fn the_same_image_in_the_same_case_twice_gives_two_acquisitions() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    bench.capture([&image]).ends_with(0);
    assert_eq!(fs::read_dir(bench.store().join("cases/C-1")).unwrap().count(), 2);
    let verified = bench.verify().ends_with(0);
    assert!(
        verified.out.starts_with("proven: 2 acquisitions"),
        "{}",
        verified.out
    );
}

#[test]
fn captures_into_one_store_at_once_do_not_disturb_each_other() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 300_000);
    // The key is made once, so that all of them sign with the same.
    bench.custody(["key", "new"]).ends_with(0);
    let running: Vec<_> = (0..3)
        .map(|_| {
            bench
                .command(bench.capture_words([&image]))
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in running {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let verified = bench.verify().ends_with(0);
    assert!(
        verified.out.starts_with("proven: 3 acquisitions"),
        "{}",
        verified.out
    );
}

#[test]
fn a_store_moved_to_another_host_is_consistent_without_trust_and_proven_with_it() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    let key = bench.custody(["key", "show", "--json"]).ends_with(0).json()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(bench.path("trust.txt"), format!("# the bench\n{key}\n")).unwrap();
    let elsewhere = |words: &[&str]| {
        let mut command = bench.command(words);
        let output = command
            .env("XDG_STATE_HOME", bench.path("elsewhere"))
            .output()
            .unwrap();
        crate::bench::Run::of(&output)
    };
    let run = elsewhere(&["verify", "store"]).ends_with(1);
    assert!(
        run.err.contains("signer not established") && run.err.contains("--trust"),
        "{}",
        run.err
    );
    elsewhere(&["verify", "store", "--trust", "trust.txt"]).ends_with(0);
    assert!(
        !bench.path("elsewhere").exists(),
        "a verification makes no state folder and no key"
    );
}
