//! What the fuzz targets do, without a fuzzer: every parser takes damaged input, and neither panics nor runs away.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::sync::Arc;

use custody_keys::{FUZZ_TARGETS, ProofLimits, Prover, fuzz};
use custody_testkit::volume::{BitLockerVolume, GptDisk, Luks1Volume, Luks2Volume, MbrDisk};
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

fn seeds() -> Vec<(Vec<u8>, usize)> {
    let bitlocker = BitLockerVolume::new(1, content(1 << 20))
        .suspended()
        .with_recovery_password()
        .make();
    let copy = bitlocker.image[bitlocker.copies[0]..][..64 << 10].to_vec();
    let luks2 = Luks2Volume::new(1, b"passphrase", content(4096)).make();
    let gpt = GptDisk::new(512).with_partition(content(4096)).make().image;
    vec![
        (bitlocker.image[..512].to_vec(), 512),
        (copy, 2048),
        (bitlocker.key_file, 156),
        (
            Luks1Volume::new(1, b"passphrase", content(4096)).make()[..592].to_vec(),
            592,
        ),
        (luks2[..32 << 10].to_vec(), 6000),
        (
            luks2[4096..6000]
                .split(|byte| *byte == 0)
                .next()
                .unwrap()
                .to_vec(),
            2000,
        ),
        (gpt[512..2048].to_vec(), 1536),
        (gpt[..512].to_vec(), 512),
    ]
}

#[test]
fn every_parser_takes_damaged_input() {
    let mut numbers = Numbers(1);
    for (seed, first) in seeds() {
        for round in 0..2000 {
            let mut bytes = seed.clone();
            if round > 0 {
                numbers.mutate(&mut bytes, first);
            }
            for target in FUZZ_TARGETS {
                // File systems are walked from the start each time, and have a test of their own.
                if !["ext", "xfs"].contains(&target) {
                    fuzz(target, &bytes);
                }
            }
        }
    }
}

/// Superblocks that are taken, and nothing behind them but zeros: whole file systems are damaged in `judges.rs`.
#[test]
fn damaged_superblocks_are_taken() {
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
    let mut numbers = Numbers(3);
    for (target, seed, first) in [("ext", ext, 1400), ("xfs", xfs, 300)] {
        for _ in 0..1000 {
            let mut bytes = seed.clone();
            numbers.mutate(&mut bytes, first);
            fuzz(target, &bytes);
        }
    }
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
            drop(proof.unwrap());
            assert!(image.bytes_read() <= LIMIT, "{} bytes", image.bytes_read());
        }
    }
}
