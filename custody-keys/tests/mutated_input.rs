//! What the fuzz targets do, without a fuzzer: every parser takes damaged input, and neither panics nor runs away.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use custody_core::port::ProofVerdict;
use custody_keys::{FUZZ_TARGETS, ProofLimits, Prover, fuzz};
use custody_testkit::volume::{BitLockerMethod, BitLockerVolume, GptDisk, Luks1Volume, Luks2Volume, MbrDisk};
use futures::executor::block_on;
use support::{CountedImage, content, key};

/// Numbers that are the same in every run: Knuth's multiplicative generator.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// Changes a few places of the first so many bytes: a bit, a byte, a run, or the length.
    fn mutate(&mut self, bytes: &mut Vec<u8>, first: usize) {
        for _ in 0..=self.below(4) {
            let end = first.min(bytes.len());
            if end == 0 {
                return;
            }
            let at = self.below(end);
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                2 => {
                    let run = self.below(16).min(bytes.len() - at);
                    bytes[at..at + run].fill([0, 0xff][self.below(2)]);
                }
                3 => {
                    let from = self.below(end);
                    let run = 8.min(bytes.len() - at.max(from));
                    bytes.copy_within(from..from + run, at);
                }
                4 => bytes[at] = bytes[at].wrapping_add(1),
                _ if self.below(8) == 0 => bytes.truncate(at),
                _ => bytes[at] = bytes[at].wrapping_sub(1),
            }
        }
    }
}

/// What damage begins with: bytes that a parser takes, where it is done, and which targets make something of them.
struct Seed {
    targets: &'static [&'static str],
    bytes: Vec<u8>,
    first: usize,
}

impl Seed {
    fn new(targets: &'static [&'static str], bytes: &[u8], first: usize) -> Self {
        Self {
            targets,
            bytes: bytes.to_vec(),
            first,
        }
    }
}

fn seeds() -> Vec<Seed> {
    let bitlocker = BitLockerVolume::new(1, content(1 << 20))
        .suspended()
        .with_recovery_password()
        .make();
    let converting = BitLockerVolume::new(1, content(1 << 20))
        .encrypted_by(BitLockerMethod::Aes256CbcDiffuser)
        .under_encryption(700 << 10)
        .unsealed()
        .make();
    let luks1 = Luks1Volume::new(1, b"passphrase", content(4096)).make();
    let luks2 = Luks2Volume::new(1, b"passphrase", content(4096)).make();
    let json = luks2[4096..6000].split(|byte| *byte == 0).next().unwrap();
    let gpt = GptDisk::new(512).with_partition(content(4096)).make().image;
    vec![
        Seed::new(&["bitlocker"], &bitlocker.image[..512], 512),
        Seed::new(
            &["bitlocker"],
            &bitlocker.image[bitlocker.copies[0]..][..64 << 10],
            2048,
        ),
        Seed::new(
            &["bitlocker"],
            &converting.image[bitlocker.copies[0]..][..2048],
            1024,
        ),
        Seed::new(&["key_file", "disk_key"], &bitlocker.key_file, 156),
        Seed::new(&["luks1"], &luks1[..592], 592),
        Seed::new(&["luks2"], &luks2[..32 << 10], 6000),
        Seed::new(&["luks2"], &luks2[..6000], 6000),
        Seed::new(&["luks2_json", "disk_key"], json, 2000),
        Seed::new(&["gpt"], &gpt[512..2048], 1536),
        Seed::new(&["mbr"], &gpt[..512], 512),
    ]
}

/// Disks of which every byte counts: a volume on the whole disk, and on a partition of each kind of table.
fn small_disks() -> Vec<Seed> {
    const RECORD: usize = 446;
    let bitlocker = BitLockerVolume::new(1, content(512 << 10)).make().image;
    let luks1 = Luks1Volume::new(1, b"passphrase", content(4096)).make();
    let luks2 = Luks2Volume::new(1, b"passphrase", content(4096)).make();
    let mut mbr = vec![0; 8 * 512];
    mbr[RECORD + 4] = 0x07;
    mbr[RECORD + 8] = 8;
    mbr[RECORD + 12..RECORD + 14].copy_from_slice(&1024_u16.to_le_bytes());
    mbr[510..512].copy_from_slice(&[0x55, 0xaa]);
    mbr.extend(&bitlocker);
    // The table's checksums are put right by the target.
    let gpt = GptDisk::new(512).with_partition(content(4096)).make().image;
    let mut gpt = gpt[..34 * 512].to_vec();
    gpt[1024 + 32..1024 + 48].fill(0);
    gpt[1024 + 32] = 34;
    gpt[1024 + 40..1024 + 42].copy_from_slice(&633_u16.to_le_bytes());
    gpt.extend(&luks1[..600 * 512]);
    vec![
        Seed::new(&["disk"], &bitlocker, 512),
        Seed::new(&["disk"], &mbr, 512),
        Seed::new(&["disk"], &gpt, 1536),
        Seed::new(&["disk"], &luks2[..320 << 10], 6000),
    ]
}

/// Superblocks that are taken, and nothing behind them but zeros: whole file systems are damaged among the judges.
fn superblocks() -> Vec<Seed> {
    let mut ext = vec![0; 64 << 10];
    for (at, number) in [
        (0, 16_u32), // inodes
        (4, 64),     // blocks
        (20, 1),     // the first block
        (32, 8192),  // blocks a group
        (40, 16),    // inodes a group
        (76, 1),     // revision
        (84, 11),    // the first inode
        (88, 128),   // bytes of an inode
    ] {
        ext[1024 + at..1024 + at + 4].copy_from_slice(&number.to_le_bytes());
    }
    ext[1080..1082].copy_from_slice(&[0x53, 0xef]);
    let mut xfs = vec![0; 64 << 10];
    xfs[..4].copy_from_slice(b"XFSB");
    for (at, number) in [(4, 4096_u32), (84, 16), (88, 1)] {
        xfs[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
    xfs[56..64].copy_from_slice(&64_u64.to_be_bytes());
    for (at, number) in [(100, 0xb4a5_u16), (102, 512), (104, 256), (106, 16)] {
        xfs[at..at + 2].copy_from_slice(&number.to_be_bytes());
    }
    for (at, bits) in [(120, 12_u8), (121, 9), (122, 8), (123, 4), (124, 4)] {
        xfs[at] = bits;
    }
    vec![Seed::new(&["ext"], &ext, 1400), Seed::new(&["xfs"], &xfs, 300)]
}

#[test]
fn every_parser_takes_damaged_input() {
    let mut numbers = Numbers(1);
    for seed in seeds() {
        for round in 0..2000 {
            let mut bytes = seed.bytes.clone();
            if round > 0 {
                numbers.mutate(&mut bytes, seed.first);
            }
            for target in FUZZ_TARGETS {
                // File systems and disks are walked from the start each time, and have tests of their own.
                if !["ext", "xfs", "disk"].contains(&target) {
                    fuzz(target, &bytes);
                }
            }
        }
    }
}

#[test]
fn damaged_superblocks_are_taken() {
    let mut numbers = Numbers(3);
    for seed in superblocks() {
        for _ in 0..1000 {
            let mut bytes = seed.bytes.clone();
            numbers.mutate(&mut bytes, seed.first);
            fuzz(seed.targets[0], &bytes);
        }
    }
}

#[test]
fn whole_disks_are_walked_whatever_their_headers_say() {
    let mut numbers = Numbers(4);
    for seed in small_disks() {
        for round in 0..60 {
            let mut bytes = seed.bytes.clone();
            if round > 0 {
                numbers.mutate(&mut bytes, seed.first);
            }
            fuzz(seed.targets[0], &bytes);
        }
    }
}

/// The seeds are what they seem: each of these disks has a volume that its key opens.
#[test]
fn the_small_disks_are_sound_but_for_a_checksum() {
    let bitlocker = BitLockerVolume::new(1, content(512 << 10)).make();
    let verdicts: Vec<_> = small_disks()
        .into_iter()
        .map(|seed| {
            let key = if seed.bytes[..8 * 512 + 11].ends_with(b"-FVE-FS-") || seed.bytes[3] == b'-' {
                &bitlocker.key_file[..]
            } else {
                b"passphrase"
            };
            support::prove(seed.bytes, key).verdict
        })
        .collect();
    let [first, second, third, fourth] = verdicts.as_slice() else {
        panic!("{verdicts:?}")
    };
    assert_eq!([first, second, fourth], [&ProofVerdict::Opens; 3]);
    assert!(
        matches!(third, ProofVerdict::CannotTell { reason } if reason.contains("CRC-32")),
        "{third:?}"
    );
}

/// What `.ci/fuzz` begins with: a folder for each target, in the folder that the variable names.
#[test]
#[ignore = "writes seeds for .ci/fuzz"]
fn seeds_are_written() {
    let folder = PathBuf::from(std::env::var_os("CUSTODY_FUZZ_SEEDS").expect("a folder for the seeds"));
    let all = seeds().into_iter().chain(small_disks()).chain(superblocks());
    for (number, seed) in all.enumerate() {
        for target in seed.targets {
            fs::create_dir_all(folder.join(target)).unwrap();
            fs::write(folder.join(target).join(format!("seed-{number}")), &seed.bytes).unwrap();
        }
    }
    let made = |target: &&str| folder.join(target).is_dir();
    assert!(FUZZ_TARGETS.iter().all(made), "a seed for every target");
}

#[test]
fn damaged_disks_are_proven_or_not_and_never_read_without_bound() {
    const LIMIT: u64 = 4 << 20;
    let fast = r#"{"type":"argon2id","time":1,"memory":8,"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
    let luks = Luks2Volume::new(1, b"passphrase", content(4096))
        .with_forged_password_hash(fast)
        .make();
    let bitlocker = BitLockerVolume::new(1, content(1 << 20)).make();
    let copy = bitlocker.copies[0] + (1 << 20);
    let disks = [
        (
            GptDisk::new(512).with_partition(luks.clone()).make().image,
            vec![0, 512, 1024, 1 << 20, (1 << 20) + 4096],
        ),
        (
            GptDisk::new(4096).with_partition(bitlocker.image).make().image,
            vec![0, 4096, 8192, 1 << 20, copy],
        ),
        (
            MbrDisk::new(512)
                .with_partition(content(512))
                .with_partition(luks)
                .make()
                .image,
            vec![400, 2 << 20, 3 << 20],
        ),
    ];
    let limits = ProofLimits::default()
        .with_read_bytes(LIMIT)
        .with_argon2_memory_kib(1024)
        .with_argon2_passes(2)
        .with_pbkdf2_iterations(2000);
    let prover = Prover::new(limits);
    let key = key(&bitlocker.key_file);
    let mut numbers = Numbers(2);
    for (disk, places) in disks {
        for _ in 0..60 {
            let mut image = disk.clone();
            let at = places[numbers.below(places.len())];
            let mut part = image[at..at + 1024].to_vec();
            numbers.mutate(&mut part, 1024);
            image[at..at + part.len()].copy_from_slice(&part);
            let image = CountedImage::new(image);
            let proof = block_on(prover.prove_disk(Arc::<CountedImage>::clone(&image), Arc::clone(&key)));
            let proof = proof.unwrap();
            // What panics on the thread that tries a key slot is told, and is a fault of ours.
            assert!(!format!("{proof:?}").contains("panicked"), "{proof:?}");
            assert!(image.bytes_read() <= LIMIT, "{} bytes", image.bytes_read());
        }
    }
}
