//! LUKS volumes made by the test kit: passphrases, damaged and forged headers, limits, and what is read of them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64ct::{Base64, Encoding as _};
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::{ImageReader, KeyMaterial, KeyProver as _, ProofVerdict};
use custody_keys::{ProofLimits, Prover};
use custody_testkit::volume::{GptDisk, Luks1Volume, Luks2Volume};
use futures::executor::block_on;
use futures::stream::BoxStream;
use support::{CountedImage, content, key, prove, prove_within, reason};

const PASSPHRASE: &[u8] = b"correct horse battery staple";

fn luks2() -> Luks2Volume {
    Luks2Volume::new(1, PASSPHRASE, content(64 << 10))
}

fn has_note(notes: &[String], part: &str) -> bool {
    notes.iter().any(|note| note.contains(part))
}

#[test]
fn the_passphrase_opens_both_versions_in_every_form_in_which_keys_are_kept() {
    for (format, image) in [
        ("luks1", Luks1Volume::new(1, PASSPHRASE, content(64 << 10)).make()),
        ("luks2", luks2().make()),
    ] {
        for (key, reading) in [
            (PASSPHRASE.to_vec(), "as it is"),
            ([PASSPHRASE, b"\n"].concat(), "without the line end"),
            ([PASSPHRASE, b"\r\n"].concat(), "without the line end"),
            (Base64::encode_string(PASSPHRASE).into_bytes(), "base64"),
        ] {
            let proof = prove(image.clone(), &key);
            assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
            let [volume] = proof.volumes.as_slice() else {
                panic!("{proof:?}")
            };
            assert_eq!(volume.format, format);
            assert!(has_note(&volume.notes, "opened by key slot 0"), "{volume:?}");
            assert!(has_note(&volume.notes, reading), "{volume:?}");
            assert!(
                volume.identifier.as_deref().unwrap().starts_with("5eed0001-"),
                "{volume:?}"
            );
        }
    }
}

#[test]
fn another_passphrase_does_not_open_them() {
    for image in [
        Luks1Volume::new(1, PASSPHRASE, content(4096)).make(),
        luks2().make(),
    ] {
        let proof = prove(image, b"correct horse battery stapler");
        assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
    }
}

#[test]
fn the_second_header_stands_in_for_a_first_one_that_is_damaged_or_gone() {
    let image = luks2().make();
    for damage in [0..4096, 100..101, 4100..4101] {
        let mut damaged = image.clone();
        damaged[damage]
            .iter_mut()
            .for_each(|byte| *byte = byte.wrapping_add(1));
        let proof = prove(damaged, PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let notes = &proof.volumes[0].notes;
        assert!(has_note(notes, "the first header cannot be used"), "{notes:?}");
        assert!(has_note(notes, "read from the second header"), "{notes:?}");
    }
}

#[test]
fn a_damaged_second_header_is_named() {
    let mut image = luks2().make();
    image[(16 << 10) + 4200] ^= 1;
    let proof = prove(image, PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    assert!(
        has_note(&proof.volumes[0].notes, "the second header cannot be used"),
        "{proof:?}"
    );
}

#[test]
fn two_damaged_headers_cannot_be_told() {
    let mut image = luks2().make();
    image[4200] ^= 1;
    image[(16 << 10) + 4200] ^= 1;
    let proof = prove(image, PASSPHRASE);
    assert!(reason(&proof.verdict).contains("sha256 checksum"), "{proof:?}");
}

#[test]
fn a_header_that_is_cut_cannot_be_told() {
    for (image, length) in [
        (Luks1Volume::new(1, PASSPHRASE, content(4096)).make(), 300),
        (luks2().make(), 6000),
        (luks2().make(), 600),
    ] {
        let proof = prove(image[..length].to_vec(), PASSPHRASE);
        assert!(!reason(&proof.verdict).is_empty(), "{proof:?}");
    }
}

#[test]
fn key_areas_that_are_cut_off_cannot_be_told() {
    for image in [
        Luks1Volume::new(1, PASSPHRASE, content(4096)).make(),
        luks2().make(),
    ] {
        let proof = prove(image[..40 << 10].to_vec(), PASSPHRASE);
        assert!(reason(&proof.verdict).contains("beyond the volume"), "{proof:?}");
    }
}

#[test]
fn absurd_password_hashes_are_refused_with_the_number() {
    let salt = "AAAAAAAAAAAAAAAAAAAAAA==";
    for (json, number) in [
        (
            format!(r#"{{"type":"argon2id","time":4,"memory":4294967295,"cpus":4,"salt":"{salt}"}}"#),
            "4294967295 KiB",
        ),
        (
            format!(r#"{{"type":"argon2i","time":100000,"memory":64,"cpus":1,"salt":"{salt}"}}"#),
            "100000 passes",
        ),
        (
            format!(r#"{{"type":"argon2id","time":4,"memory":65536,"cpus":9999,"salt":"{salt}"}}"#),
            "9999 lanes",
        ),
        (
            format!(r#"{{"type":"pbkdf2","hash":"sha256","iterations":4294967295,"salt":"{salt}"}}"#),
            "4294967295 iterations",
        ),
        (format!(r#"{{"type":"scrypt","salt":"{salt}"}}"#), "scrypt"),
        (
            format!(r#"{{"type":"pbkdf2","hash":"whirlpool","iterations":1000,"salt":"{salt}"}}"#),
            "whirlpool",
        ),
        (
            format!(r#"{{"type":"argon2id","time":4,"memory":1,"cpus":4,"salt":"{salt}"}}"#),
            "its parameters",
        ),
        (
            r#"{"type":"argon2id","time":1,"memory":64,"cpus":1,"salt":"*"}"#.to_owned(),
            "not base64",
        ),
    ] {
        let proof = prove(luks2().with_forged_password_hash(json).make(), PASSPHRASE);
        assert!(reason(&proof.verdict).contains(number), "{number}: {proof:?}");
    }
}

#[test]
fn limits_are_the_callers() {
    let limits = ProofLimits::default().with_pbkdf2_iterations(999);
    let proof = prove_within(luks2().make(), PASSPHRASE, limits);
    assert!(
        reason(&proof.verdict).contains("asks for 1000 iterations, at most 999"),
        "{proof:?}"
    );
    let limits = ProofLimits::default().with_read_bytes(100_000);
    let proof = prove_within(luks2().make(), PASSPHRASE, limits);
    assert!(
        reason(&proof.verdict).contains("more than 100000 bytes"),
        "{proof:?}"
    );
}

/// A password hash that takes hardly any time: one pass over eight KiB. No passphrase opens a slot that claims it.
const FAST: &str = r#"{"type":"argon2id","time":1,"memory":8,"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;

#[test]
fn the_128th_key_slot_is_tried_and_a_129th_is_not() {
    let header = |slots| {
        luks2()
            .with_forged_password_hash(FAST)
            .with_slots(slots)
            .with_header_bytes(128 << 10)
            .make()
    };
    for slots in [32, 128] {
        let proof = prove(header(slots), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
        let due = format!("{slots} key slots in use");
        assert!(has_note(&proof.volumes[0].notes, &due), "{proof:?}");
    }
    let proof = prove(header(129), PASSPHRASE);
    assert!(
        reason(&proof.verdict).contains("129 key slots, of which only 128 are tried"),
        "{proof:?}"
    );
}

#[test]
fn more_segments_or_digests_than_any_header_has_are_refused_with_the_number() {
    let header = || luks2().with_header_bytes(128 << 10);
    let proof = prove(header().with_segments(128).make(), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    assert!(proof.volumes[0].notes.len() < 30, "{proof:?}");
    let proof = prove(header().with_digests(32).make(), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    for (volume, due) in [
        (header().with_segments(129), "asks for 129 segments, at most 128"),
        (
            header().with_digests(33),
            "asks for 33 digests of a key slot, at most 32",
        ),
        (header().with_digests(129), "asks for 129 digests, at most 128"),
        (
            luks2()
                .with_header_bytes(256 << 10)
                .with_forged_password_hash("0")
                .with_slots(513),
            "asks for 513 key slots, at most 512",
        ),
    ] {
        let proof = prove(volume.make(), PASSPHRASE);
        assert!(reason(&proof.verdict).contains(due), "{due}: {proof:?}");
    }
}

#[test]
fn the_work_of_all_key_slots_together_is_bounded_with_the_number() {
    // Each slot is within the limits of one slot: 1000 iterations for each of two blocks, 4000 stripes of two, one digest.
    let of_a_slot = 2 * 1000 + 4000 * 2 + 1000;
    let hash = r#"{"type":"pbkdf2","hash":"sha256","iterations":1000,"salt":"AAAA"}"#;
    let image = luks2()
        .with_forged_password_hash(hash)
        .with_slots(16)
        .with_header_bytes(64 << 10)
        .make();
    let enough = ProofLimits::default().with_work(16 * of_a_slot);
    let proof = prove_within(image.clone(), PASSPHRASE, enough);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
    let less = ProofLimits::default().with_work(16 * of_a_slot - 1);
    let proof = prove_within(image, PASSPHRASE, less);
    let told = reason(&proof.verdict);
    let due = format!(
        "asks for {} units of work (iterations of PBKDF2, KiB that Argon2 passes over), at most {} are allowed",
        16 * of_a_slot,
        16 * of_a_slot - 1
    );
    assert!(told.contains("key slot 15: "), "{told}");
    assert!(told.contains(&due), "{told}");
    assert!(!told.contains("key slot 14"), "{told}");
}

#[test]
fn the_work_of_several_volumes_and_of_every_reading_of_the_key_is_one_proofs() {
    let hash = r#"{"type":"argon2id","time":2,"memory":1024,"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
    let of_a_slot = 2 * 1024 + 4000 * 2 + 1000;
    let volume = || luks2().with_forged_password_hash(hash).make();
    let disk = GptDisk::new(512)
        .with_partition(volume())
        .with_partition(volume())
        .make();
    // The line end makes two readings: two of each volume's slot.
    let key = [PASSPHRASE, b"\n"].concat();
    let proof = prove_within(
        disk.image.clone(),
        &key,
        ProofLimits::default().with_work(4 * of_a_slot),
    );
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
    let proof = prove_within(
        disk.image,
        &key,
        ProofLimits::default().with_work(4 * of_a_slot - 1),
    );
    assert_eq!(
        proof.volumes[0].verdict,
        ProofVerdict::DoesNotOpen,
        "{:?}",
        proof.volumes
    );
    assert!(
        reason(&proof.volumes[1].verdict).contains("with what was tried on the disk before"),
        "{:?}",
        proof.volumes
    );
}

#[test]
fn the_costliest_header_is_refused_by_default_before_it_is_worked() {
    // 128 slots, each of which one slot's limits allow: 1 GiB and 64 passes. Nothing of it may be worked for long here.
    let hash = r#"{"type":"argon2id","time":64,"memory":1048576,"cpus":4,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
    let image = luks2()
        .with_forged_password_hash(hash)
        .with_slots(128)
        .with_header_bytes(128 << 10)
        .make();
    let limits = ProofLimits::default();
    assert!(
        limits.work < 8 * 64 * u64::from(limits.argon2_memory_kib),
        "fewer than eight slots of 128"
    );
    let begun = std::time::Instant::now();
    let proof = prove_within(image, PASSPHRASE, limits.with_work(64 << 20));
    assert!(reason(&proof.verdict).contains("units of work"), "{proof:?}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn without_a_key_no_slot_is_tried_or_read() {
    let image = CountedImage::new(luks2().with_slots(16).with_header_bytes(64 << 10).make());
    let nothing = KeyMaterial::new(Vec::new().into());
    let prover = Prover::default();
    let proof = block_on(prover.prove(Arc::<CountedImage>::clone(&image), &nothing)).unwrap();
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen);
    assert_eq!(proof.volumes.len(), 1);
    assert!(
        image.ranges().iter().all(|range| range.end() <= 128 << 10),
        "headers alone are read"
    );
}

/// A reader that is asked to stop once it has given the areas of so many key slots.
#[derive(Debug)]
struct Stopping {
    inner: Arc<CountedImage>,
    areas_at: u64,
    left: AtomicUsize,
}

impl std::fmt::Display for Stopping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopping")
    }
}

#[async_trait::async_trait]
impl ImageReader for Stopping {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, custody_core::Result<Span>> {
        self.inner.spans(within)
    }

    async fn read(&self, range: ByteRange) -> custody_core::Result<Vec<Extent>> {
        if range.start() >= self.areas_at && self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(custody_core::Error::Stopped {
                object: "item-1".into(),
            });
        }
        self.inner.read(range).await
    }
}

#[test]
fn a_stop_comes_between_two_key_slots_and_is_no_verdict() {
    let image = luks2()
        .with_forged_password_hash(FAST)
        .with_slots(128)
        .with_header_bytes(128 << 10)
        .make();
    let inner = CountedImage::new(image);
    let stopping = Stopping {
        inner: Arc::clone(&inner),
        areas_at: 256 << 10,
        left: AtomicUsize::new(3),
    };
    let ended = block_on(Prover::default().prove_disk(Arc::new(stopping), key(PASSPHRASE)));
    assert!(
        matches!(ended, Err(custody_core::Error::Stopped { .. })),
        "{ended:?}"
    );
    let areas = inner
        .ranges()
        .iter()
        .filter(|range| range.start() >= 256 << 10)
        .count();
    assert_eq!(areas, 3);
}

#[test]
fn a_re_encryption_under_way_is_said() {
    let proof = prove(luks2().with_requirement("online-reencrypt-v2").make(), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    assert!(
        has_note(&proof.volumes[0].notes, "a re-encryption was under way"),
        "{proof:?}"
    );
}

#[test]
fn a_proof_reads_headers_and_one_key_slot() {
    let image = CountedImage::new(luks2().make());
    let prover = Prover::default();
    let proof = prover.prove_disk(Arc::<CountedImage>::clone(&image), key(PASSPHRASE));
    let proof = block_on(proof).unwrap();
    assert!(
        image.ranges().iter().all(|range| range.end() <= 1 << 20),
        "no content is read"
    );
    assert!(proof.bytes_read < 512 << 10, "{} bytes", proof.bytes_read);
}

#[test]
fn names_in_a_header_are_made_visible() {
    let mut image = Luks1Volume::new(1, PASSPHRASE, content(4096)).make();
    image[40..46].copy_from_slice(b"\x1b[31m\n");
    let proof = prove(image, PASSPHRASE);
    let told = format!("{:?}", reason(&proof.verdict));
    assert!(!reason(&proof.verdict).contains('\u{1b}'), "{told}");
    assert!(told.contains("not supported"), "{told}");
}
