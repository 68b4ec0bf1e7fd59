//! A bench for the tests of the documentation: two images, a store and a state folder in a folder that goes away, and
//! the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The folder of the documentation.
pub(crate) const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

const MIB: usize = 1 << 20;

/// A folder with two images, in which commands are run.
#[derive(Debug)]
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// Two images: a raw disk of 9 MiB and 3 sectors with a hole in its middle, and its twin as a fixed VHD.
    pub(crate) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut disk: Vec<u8> = (0_u32..)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
            .take(9 * MIB + 3 * 512)
            .collect();
        disk[2 * MIB..7 * MIB].fill(0);
        let raw = fs::File::create(bench.raw()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&raw, &disk[..2 * MIB], 0).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&raw, &disk[7 * MIB..], 7 << 20).unwrap();
        drop(raw);
        let footer = vhd_footer(disk.len() as u64);
        disk.extend_from_slice(&footer);
        fs::write(bench.vhd(), &disk).unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn raw(&self) -> PathBuf {
        self.path("disk.raw")
    }

    pub(crate) fn vhd(&self) -> PathBuf {
        self.path("twin.vhd")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// Runs custody here, with this bench's state folder; standard input is empty.
    pub(crate) fn custody<A: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Output {
        Command::new(env!("CARGO_BIN_EXE_custody"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.path("state-home"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The words behind `custody capture local` for both images, or for others.
    pub(crate) fn capture(&self, images: &[&Path], more: &[&str]) -> Output {
        let mut words: Vec<String> = ["capture", "local", "--image"].map(Into::into).into();
        words.extend(images.iter().map(|image| image.to_str().unwrap().to_owned()));
        words.extend(
            [
                "--case",
                "2026-117",
                "--examiner",
                "M. Example",
                "--authority",
                "Warrant 4711",
                "--store",
            ]
            .map(Into::into),
        );
        words.push(self.store().to_str().unwrap().into());
        words.extend(self.state_words());
        words.extend(more.iter().map(|word| (*word).to_owned()));
        self.custody(words)
    }

    /// Makes the store one that does not answer: a folder lies where its register should be.
    #[allow(
        dead_code,
        clippy::allow_attributes,
        reason = "each test file uses its own part of this module"
    )]
    pub(crate) fn block_store(&self) {
        fs::create_dir_all(self.store().join("register.jsonl")).unwrap();
    }

    /// Makes it answer again.
    #[allow(
        dead_code,
        clippy::allow_attributes,
        reason = "each test file uses its own part of this module"
    )]
    pub(crate) fn unblock_store(&self) {
        fs::remove_dir(self.store().join("register.jsonl")).unwrap();
    }

    /// The state folder, which may lie anywhere: this is a test.
    pub(crate) fn state_words(&self) -> [String; 3] {
        let state = self.path("state").to_str().unwrap().to_owned();
        ["--state".into(), state, "--allow-temporary-state".into()]
    }

    /// The folder of the only acquisition.
    pub(crate) fn acquisition(&self, store: &Path) -> PathBuf {
        let only = |folder: &Path| {
            let mut entries = fs::read_dir(folder).unwrap();
            let first = entries.next().unwrap().unwrap().path();
            assert!(entries.next().is_none(), "one entry only in {}", folder.display());
            first
        };
        only(&only(&store.join("cases")))
    }
}

/// The answer of a command that was asked for JSON.
pub(crate) fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Requires an exit code, and shows what was said where it is another.
pub(crate) fn expect_exit(output: &Output, code: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// Source: Microsoft, "Virtual Hard Disk Image Format Specification", version 1.0, "Hard Disk Footer Format".
fn vhd_footer(disk_bytes: u64) -> [u8; 512] {
    let mut footer = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| footer[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"conectix");
    put(8, &2_u32.to_be_bytes());
    put(12, &0x1_0000_u32.to_be_bytes());
    put(16, &u64::MAX.to_be_bytes());
    put(28, b"test");
    put(40, &disk_bytes.to_be_bytes());
    put(48, &disk_bytes.to_be_bytes());
    put(60, &2_u32.to_be_bytes());
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    footer
}
