//! LUKS volumes made by the test kit: passphrases, damaged and forged headers, limits, and what is read of them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use custody_core::port::ProofVerdict;
use custody_keys::{ProofLimits, Prover};
use custody_testkit::volume::{Luks1Volume, Luks2Volume};
use futures::executor::block_on;
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

#[test]
fn the_128th_key_slot_is_tried_and_a_129th_is_not() {
    // A slot that takes hardly any time: one pass over eight KiB.
    let fast = r#"{"type":"argon2id","time":1,"memory":8,"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
    let header = |slots| luks2().with_forged_password_hash(fast).with_slots(slots).make();
    let proof = prove(header(32), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
    assert!(
        has_note(&proof.volumes[0].notes, "32 key slots in use"),
        "{proof:?}"
    );
    // JSON of so many slots needs a larger header than this volume has: it lies over the second one.
    let proof = prove(header(129), PASSPHRASE);
    assert!(!reason(&proof.verdict).is_empty(), "{proof:?}");
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
