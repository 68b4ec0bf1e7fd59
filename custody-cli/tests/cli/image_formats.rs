//! Image files of many formats: taken whole, and only what is known to be the disk's data is called so.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::Bench;
use crate::equipment::run;

/// Not a multiple of anything but sectors.
const DISK_BYTES: usize = (5 << 20) + 7 * 512;

/// The SHA-256 of a file, as `custody hash` prints it.
fn sha256(bench: &Bench, path: &Path) -> String {
    let out = bench.custody([Path::new("hash"), path]).ends_with(0).out;
    out.split(' ').next().unwrap().to_owned()
}

/// The item of the manifest that is stored under this name.
fn item<'m>(manifest: &'m Value, file: &str) -> &'m Value {
    let items = manifest["items"].as_array().unwrap();
    items.iter().find(|item| item["file"] == file).unwrap()
}

#[test]
#[ignore = "needs qemu-img"]
fn images_that_qemu_made_are_taken_whole_and_the_record_says_whose_disk_data_is_known() {
    let bench = Bench::new();
    let raw = bench.image("disk.raw", DISK_BYTES);
    let formats = [
        ("fixed.vhd", "vpc", "subformat=fixed,force_size=on", "vhd-fixed"),
        (
            "dynamic.vhd",
            "vpc",
            "subformat=dynamic,force_size=on",
            "vhd-dynamic",
        ),
        ("disk.vhdx", "vhdx", "subformat=dynamic", "vhdx"),
        ("disk.qcow2", "qcow2", "cluster_size=65536", "qcow2"),
    ];
    let mut images = vec![raw.clone()];
    for (name, format, options, _) in formats {
        let image = bench.path(name);
        let (from, to) = (raw.to_str().unwrap(), image.to_str().unwrap());
        run(
            "qemu-img",
            &["convert", "-f", "raw", "-O", format, "-o", options, from, to],
        );
        images.push(image);
    }
    bench.capture(&images).ends_with(0);
    bench.verify().ends_with(0);
    let manifest = bench.manifest();
    let disk_data = sha256(&bench, &raw);
    assert_eq!(item(&manifest, "disk.raw")["source"]["disk_data"], *disk_data);
    for (name, driver, _, format) in formats {
        let stored = bench.acquisition().join(name);
        assert!(
            fs::read(&stored).unwrap() == fs::read(bench.path(name)).unwrap(),
            "{name} is taken byte for byte"
        );
        let recorded = item(&manifest, name);
        assert_eq!(
            recorded["source"]["stored_file"],
            *sha256(&bench, &stored),
            "{name}"
        );
        let described = manifest["machine"]["disks"].as_array().unwrap().iter();
        let described: Vec<_> = described.filter(|disk| disk["format"] == format).collect();
        assert_eq!(described.len(), 1, "{format}: {:#}", manifest["machine"]["disks"]);
        if format == "vhd-fixed" {
            assert_eq!(recorded["source"]["disk_data"], *disk_data, "{name}");
        } else {
            assert!(recorded["source"].get("disk_data").is_none(), "{recorded:#}");
            assert_eq!(recorded["data"]["kind"], "not-computed", "{recorded:#}");
            let reason = recorded["data"]["reason"].as_str().unwrap();
            assert!(reason.contains(format) && reason.contains("qemu-img"), "{reason}");
        }
        // Another program finds the disk in the stored copy.
        let (disk, copy) = (raw.to_str().unwrap(), stored.to_str().unwrap());
        run(
            "qemu-img",
            &["compare", "-q", "-f", "raw", "-F", driver, disk, copy],
        );
    }
}

#[test]
fn a_split_set_is_one_item_with_the_digests_of_the_whole() {
    let bench = Bench::new();
    let whole = bench.image("whole", DISK_BYTES);
    let content = fs::read(&whole).unwrap();
    let parts: Vec<PathBuf> = content
        .chunks(2 << 20)
        .enumerate()
        .map(|(number, part)| {
            let path = bench.path(format!("disk.raw.{:03}", number + 1));
            fs::write(&path, part).unwrap();
            path
        })
        .collect();
    assert_eq!(parts.len(), 3);

    let later = bench.capture([&parts[1]]).ends_with(3);
    assert!(
        later.err.contains("a part of a split set") && later.err.contains("disk.raw.001"),
        "{}",
        later.err
    );
    let aside = bench.path("aside");
    fs::rename(&parts[1], &aside).unwrap();
    let missing = bench.capture([&parts[0]]).ends_with(3);
    assert!(
        missing.err.contains("disk.raw.002") && missing.err.contains("not found"),
        "{}",
        missing.err
    );
    assert!(!bench.store().exists(), "a refused capture makes no store");
    fs::rename(&aside, &parts[1]).unwrap();

    bench.capture([&parts[0]]).ends_with(0);
    bench.verify().ends_with(0);
    let manifest = bench.manifest();
    assert_eq!(manifest["items"].as_array().unwrap().len(), 1);
    let source = &manifest["items"][0]["source"];
    let digest = sha256(&bench, &whole);
    assert_eq!(source["stored_file"], *digest);
    assert_eq!(source["disk_data"], *digest);
    let file = manifest["items"][0]["file"].as_str().unwrap();
    assert!(fs::read(bench.acquisition().join(file)).unwrap() == content);
}

#[test]
fn read_all_takes_no_hole_on_anyone_s_word_and_resume_keeps_to_it() {
    const BYTES: u64 = 24 << 20;
    let zeros = |bench: &Bench| {
        let list = bench.acquisition().join("disk.raw.zero-ranges.txt");
        (
            bench.manifest()["items"][0]["zeros"].clone(),
            fs::read_to_string(list).ok(),
        )
    };
    let captured = |more: &[&str]| {
        let bench = Bench::new();
        let image = bench.sparse_image("disk.raw", BYTES, &[0, BYTES / 2]);
        let mut words = bench.capture_words([&image]);
        words.extend(more.iter().map(Into::into));
        let run = bench.custody(words);
        if more.contains(&"--preserve-only") {
            run.ends_with(3);
            bench.custody(["resume"]).ends_with(0);
        } else {
            run.ends_with(0);
        }
        bench.verify().ends_with(0);
        bench
    };
    let trusting = captured(&[]);
    let (summary, list) = zeros(&trusting);
    assert_eq!(summary["ranges"], 2, "{summary:#}");
    let list = list.unwrap();
    assert!(list.contains("file-system-hole"), "{list}");
    for more in [&["--read-all"][..], &["--read-all", "--preserve-only"]] {
        let distrusting = captured(more);
        let (summary, list) = zeros(&distrusting);
        assert_eq!(summary["ranges"], 0, "{summary:#}");
        assert_eq!((&summary["bytes"], list), (&"0".into(), None));
        let log = fs::read_to_string(distrusting.acquisition().join("log.jsonl")).unwrap();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let read_back: Vec<_> = lines.filter(|line| line["type"] == "read-back.done").collect();
        assert_eq!(
            read_back[0]["what"]["read_bytes"],
            BYTES.to_string(),
            "{read_back:#?}"
        );
        assert_eq!(
            fs::read(distrusting.acquisition().join("disk.raw")).unwrap(),
            fs::read(trusting.acquisition().join("disk.raw")).unwrap()
        );
    }
}
