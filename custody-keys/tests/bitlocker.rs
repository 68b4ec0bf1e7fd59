//! BitLocker volumes made by the test kit, right keys and wrong ones, damaged copies, and what is read of them.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::sync::Arc;
use std::time::Instant;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use custody_core::extent::ByteRange;
use custody_core::extent::ReadFault;
use custody_core::port::ProofVerdict;
use custody_keys::{ExternalKeyFile, Prover};
use custody_testkit::fake::MemoryImage;
use custody_testkit::volume::{BitLockerMethod, BitLockerVolume, MadeBitLocker};
use futures::executor::block_on;
use support::{CountedImage, content, has_note, key, prove, reason};

const MIB: usize = 1 << 20;

fn volume(seed: u8) -> MadeBitLocker {
    BitLockerVolume::new(seed, content(2 * MIB)).make()
}

/// Puts the checksum right of the copy of the metadata that lies there.
fn mend(image: &mut [u8], at: usize) {
    let size = usize::from(u16::from_le_bytes([image[at + 8], image[at + 9]])) * 16;
    let checksum = crc32fast::hash(&image[at..at + size]);
    image[at + size + 4..at + size + 8].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn its_key_opens_a_volume_in_every_form_in_which_keys_are_kept() {
    let made = volume(1);
    let mut lines = Base64::encode_string(&made.key_file);
    lines.insert_str(76, "\r\n");
    lines.push('\n');
    for key in [
        made.key_file.clone(),
        Base64::encode_string(&made.key_file).into_bytes(),
        Base64UrlUnpadded::encode_string(&made.key_file).into_bytes(),
        lines.into_bytes(),
    ] {
        let proof = prove(made.image.clone(), &key);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let [volume] = proof.volumes.as_slice() else {
            panic!("{proof:?}")
        };
        assert_eq!(volume.format, "bitlocker");
        assert_eq!(volume.range, ByteRange::at(0, 2 * MIB as u64));
        let opened = format!("opened by protector {}", made.protector);
        assert!(has_note(&volume.notes, &opened), "{volume:?}");
        assert!(
            has_note(&volume.notes, "the master key vouches for the metadata"),
            "{volume:?}"
        );
        assert!(has_note(&volume.notes, "all three copies"), "{volume:?}");
        assert!(has_note(&volume.notes, "external key"), "{volume:?}");
    }
}

#[test]
fn the_key_of_another_volume_does_not_open_it_and_the_missing_protector_is_named() {
    let (made, other) = (volume(1), volume(2));
    let proof = prove(made.image, &other.key_file);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen);
    let missing = format!("has no protector {}", other.protector);
    assert!(has_note(&proof.volumes[0].notes, &missing), "{proof:?}");
}

#[test]
fn a_key_with_the_right_name_and_other_bytes_does_not_open_it() {
    let made = volume(1);
    let mut forged = made.key_file.clone();
    *forged.last_mut().unwrap() ^= 1;
    let proof = prove(made.image, &forged);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen);
    assert!(
        has_note(&proof.volumes[0].notes, "and this key does not open it"),
        "{proof:?}"
    );
}

#[test]
fn two_damaged_copies_are_named_and_the_third_one_opens() {
    let made = volume(1);
    let mut image = made.image.clone();
    image[made.copies[0] + 200] ^= 1;
    image[made.copies[1]..made.copies[1] + 8].fill(0);
    let proof = prove(image, &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    let notes = &proof.volumes[0].notes;
    assert!(
        has_note(notes, "copy 1 of the metadata") && has_note(notes, "CRC-32"),
        "{notes:?}"
    );
    assert!(
        has_note(notes, "copy 2 of the metadata") && has_note(notes, "signature"),
        "{notes:?}"
    );
    assert!(has_note(notes, "1 of the three copies"), "{notes:?}");
}

#[test]
fn three_damaged_copies_cannot_be_told() {
    let made = volume(1);
    let mut image = made.image.clone();
    for copy in made.copies {
        image[copy + 200] ^= 1;
    }
    let proof = prove(image, &made.key_file);
    assert!(
        reason(&proof.verdict).contains("none of the three copies"),
        "{proof:?}"
    );
}

#[test]
fn metadata_that_were_changed_with_their_checksum_are_told_by_the_master_key() {
    let made = volume(1);
    let mut image = made.image.clone();
    for at in made.copies {
        // The time at which the volume was encrypted, and the checksum anew.
        image[at + 64 + 40] ^= 1;
        mend(&mut image, at);
    }
    let proof = prove(image, &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    assert!(
        has_note(&proof.volumes[0].notes, "they were changed"),
        "{proof:?}"
    );
}

#[test]
fn copies_beyond_the_volume_are_refused_with_the_number() {
    let made = volume(1);
    let mut image = made.image;
    for (field, place) in [(176, 1 << 40), (184, 1 << 41), (192, u64::MAX - 3)] {
        image[field..field + 8].copy_from_slice(&u64::to_le_bytes(place));
    }
    let proof = prove(image, &made.key_file);
    assert!(matches!(proof.verdict, ProofVerdict::CannotTell { .. }));
    assert!(has_note(&proof.volumes[0].notes, "1099511627776"), "{proof:?}");
}

#[test]
fn a_volume_whose_end_is_missing_is_said_to_be_cut() {
    let made = volume(1);
    let proof = prove(made.image[..made.image.len() - 4096].to_vec(), &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    assert!(
        has_note(
            &proof.volumes[0].notes,
            "reaches to byte 2097152, and it ends at 2093056"
        ),
        "{proof:?}"
    );
}

#[test]
fn a_passphrase_opens_no_volume_that_takes_external_keys_alone() {
    let proof = prove(volume(1).image, b"a passphrase");
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen);
    assert!(
        has_note(&proof.volumes[0].notes, "not a BitLocker external key file"),
        "{proof:?}"
    );
}

#[test]
fn a_suspended_volume_is_said_to_open_without_any_key() {
    let made = BitLockerVolume::new(1, content(MIB)).suspended().make();
    let other = volume(2);
    let proof = prove(made.image, &other.key_file);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen);
    assert!(
        has_note(&proof.volumes[0].notes, "protection is suspended"),
        "{proof:?}"
    );
}

#[test]
fn the_method_of_the_contents_encryption_is_named_whether_the_key_opens_the_volume_or_not() {
    let names = [
        "AES-128-CBC with the Elephant diffuser",
        "AES-256-CBC with the Elephant diffuser",
        "AES-128-CBC",
        "AES-256-CBC",
        "AES-128-XTS",
        "AES-256-XTS",
    ];
    let other = volume(2);
    for (method, name) in BitLockerMethod::ALL.into_iter().zip(names) {
        let made = BitLockerVolume::new(1, content(MIB)).encrypted_by(method).make();
        let named = format!("content encrypted with {name}");
        for (key, verdict) in [
            (&made.key_file, ProofVerdict::Opens),
            (&other.key_file, ProofVerdict::DoesNotOpen),
        ] {
            let proof = prove(made.image.clone(), key);
            assert_eq!(proof.verdict, verdict, "{method:?}: {proof:?}");
            assert!(proof.volumes[0].notes.contains(&named), "{method:?}: {proof:?}");
        }
    }
}

#[test]
fn a_method_that_is_not_known_is_named_by_its_number_and_the_key_is_judged_all_the_same() {
    let made = BitLockerVolume::new(1, content(MIB)).naming_method(0x8006).make();
    let named = "content encrypted with a method that is not known, number 0x8006";
    let proof = prove(made.image.clone(), &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    assert!(has_note(&proof.volumes[0].notes, named), "{proof:?}");
    let proof = prove(made.image, &volume(2).key_file);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
    assert!(has_note(&proof.volumes[0].notes, named), "{proof:?}");
}

#[test]
fn a_key_of_the_content_that_is_too_short_for_its_method_cannot_be_told_and_its_length_is_not_said() {
    // A key of 32 bytes, for AES-128-XTS, that is said to be one for AES-256-XTS, which takes 64.
    let made = BitLockerVolume::new(1, content(MIB)).naming_method(0x8005).make();
    let proof = prove(made.image, &made.key_file);
    let reason = reason(&proof.verdict);
    assert!(
        reason.contains("too short for the method that it names"),
        "{reason}"
    );
    assert!(!reason.replace(&made.protector, "").contains("32"), "{reason}");
}

#[test]
fn a_method_that_the_metadata_name_falsely_is_told_by_the_key_of_the_content() {
    let made = BitLockerVolume::new(1, content(MIB)).make();
    let mut image = made.image.clone();
    for at in made.copies {
        // The first of the two numbers of the method, and the checksum anew.
        image[at + 64 + 36] = 0x02;
        mend(&mut image, at);
    }
    let proof = prove(image, &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    let notes = &proof.volumes[0].notes;
    for note in [
        "content encrypted with AES-128-CBC",
        "the key of the content is one for AES-128-XTS, which is not what the metadata name",
        "they were changed",
    ] {
        assert!(has_note(notes, note), "{note}: {notes:?}");
    }
}

#[test]
fn a_conversion_that_was_stopped_is_named_with_the_place_up_to_which_the_volume_is_encrypted() {
    let volume = || BitLockerVolume::new(1, content(MIB));
    for (made, under_way) in [
        (
            volume().under_encryption(700 << 10).make(),
            "encryption was under way",
        ),
        (
            volume().under_decryption(700 << 10).make(),
            "decryption was under way",
        ),
    ] {
        let proof = prove(made.image, &made.key_file);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let note = format!("{under_way} or paused: from byte 716800 on the volume is not encrypted");
        assert!(proof.volumes[0].notes.contains(&note), "{proof:?}");
    }
}

#[test]
fn a_volume_of_which_only_used_space_is_encrypted_is_named() {
    let made = BitLockerVolume::new(1, content(4 * MIB))
        .with_used_space_encrypted(3 * MIB + (256 << 10)..4 * MIB)
        .make();
    // What is not encrypted lies there for everyone to read.
    let free = 3 * MIB + (256 << 10)..4 * MIB;
    assert_eq!(made.image[free.clone()], made.plaintext[free]);
    let proof = prove(made.image.clone(), &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    assert!(
        has_note(&proof.volumes[0].notes, "encrypted on write"),
        "{proof:?}"
    );
    let proof = prove(made.image, &volume(2).key_file);
    assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{proof:?}");
}

#[test]
fn recovery_passwords_are_listed_and_a_key_that_may_be_one_cannot_be_told() {
    let made = BitLockerVolume::new(1, content(MIB))
        .with_recovery_password()
        .make();
    let proof = prove(
        made.image,
        b"111111-222222-333333-444444-555555-666666-011111-022222",
    );
    assert!(
        has_note(&proof.volumes[0].notes, ": recovery password"),
        "{proof:?}"
    );
    assert!(reason(&proof.verdict).contains("not tried"), "{proof:?}");
}

#[test]
fn a_volume_of_windows_vista_is_refused_by_name() {
    let mut image = volume(1).image;
    image[1] = 0x52;
    image[160..176].fill(0);
    let proof = prove(image, &volume(1).key_file);
    assert!(reason(&proof.verdict).contains("Windows Vista"), "{proof:?}");
}

#[test]
fn bitlocker_to_go_is_recognised() {
    let made = volume(1);
    let mut image = made.image;
    image[3..11].copy_from_slice(b"MSWIN4.1");
    image.copy_within(160..200, 424);
    image[160..200].fill(0);
    let proof = prove(image, &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    assert!(has_note(&proof.volumes[0].notes, "To Go"), "{proof:?}");
}

#[test]
fn a_proof_reads_less_than_2_mib_and_takes_less_than_50_ms() {
    let made = volume(1);
    let image = CountedImage::new(made.image.clone());
    let file = key(&made.key_file);
    let prover = Prover::default();
    let mut best = u128::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let proof = prover.prove_disk(Arc::<CountedImage>::clone(&image), Arc::clone(&file));
        assert_eq!(block_on(proof).unwrap().verdict, ProofVerdict::Opens);
        best = best.min(begun.elapsed().as_millis());
    }
    assert!(
        image.bytes_read() / 5 < 2 << 20,
        "{} bytes",
        image.bytes_read() / 5
    );
    assert!(best < 50, "{best} ms");
}

#[test]
fn no_content_is_read() {
    let made = volume(1);
    let image = CountedImage::new(made.image);
    let prover = Prover::default();
    let proof = prover.prove_disk(Arc::<CountedImage>::clone(&image), key(&made.key_file));
    assert_eq!(block_on(proof).unwrap().verdict, ProofVerdict::Opens);
    let mut allowed = vec![ByteRange::at(0, 8192)];
    allowed.extend(made.copies.map(|at| ByteRange::at(at as u64, 64 << 10)));
    for range in image.ranges() {
        assert!(
            allowed
                .iter()
                .any(|allowed| allowed.intersect(range) == Some(range)),
            "{range} was read"
        );
    }
}

#[test]
fn metadata_that_cannot_be_read_cannot_be_told() {
    let made = volume(1);
    let image = made
        .copies
        .iter()
        .fold(MemoryImage::new("worn", made.image), |image, at| {
            image.with_unread(ByteRange::at(*at as u64, 512), ReadFault::new("EIO", 3))
        });
    let proof = block_on(Prover::default().prove_disk(Arc::new(image), key(&made.key_file))).unwrap();
    assert!(
        matches!(proof.verdict, ProofVerdict::CannotTell { .. }),
        "{proof:?}"
    );
    assert!(
        has_note(&proof.volumes[0].notes, "could not be read"),
        "{proof:?}"
    );
}

#[test]
fn key_files_that_are_not_whole_say_what_is_wrong() {
    let file = volume(1).key_file;
    let told = |bytes: &[u8]| ExternalKeyFile::parse(bytes).unwrap_err().to_string();
    assert!(told(&file[..100]).contains("156 bytes are needed, 100 are there"));
    assert!(told(&file[..20]).contains("48 bytes are needed, 20 are there"));
    assert!(told(&[&file[..], &[0; 3]].concat()).contains("159 bytes, but it says that it has 156"));
    assert!(told(&vec![0; 65 << 10]).contains("at most 65536"));
    let changed = |at: usize, value: u8| {
        let mut file = file.clone();
        file[at] = value;
        told(&file)
    };
    // No value is told of a header that is not whole: the bytes may be a passphrase.
    assert!(changed(4, 2).ends_with("the version is another, expected 1"));
    assert!(changed(8, 49).ends_with("the size of the header is another, expected 48"));
    assert!(changed(12, 1).ends_with("the second size is another, expected the same as the first"));
    assert!(changed(48, 4).contains("the chain of its entries is broken"));
    assert!(changed(50, 7).contains("holds no key; it holds role 0x0007 type 0x0009"));
    assert!(changed(116, 9).contains("an external key of role 0x0000 type 0x0002"));
}

#[test]
fn a_damaged_key_file_cannot_be_told_with_the_reason() {
    let made = volume(1);
    let proof = prove(made.image, &made.key_file[..100]);
    assert!(
        reason(&proof.verdict).contains("156 bytes are needed, 100 are there"),
        "{proof:?}"
    );
}

#[test]
fn entries_that_are_not_understood_are_listed_and_the_key_is_used() {
    let made = volume(1);
    let mut file = made.key_file.clone();
    let entry: [u8; 12] = [12, 0, 0x21, 0, 0x34, 0, 1, 0, 1, 2, 3, 4];
    file.extend(entry);
    for at in [0, 12] {
        file[at] = 168;
    }
    let parsed = ExternalKeyFile::parse(&file).unwrap();
    assert_eq!(parsed.unknown_entries(), ["role 0x0021 type 0x0034"]);
    assert_eq!(parsed.identifier().to_string(), made.protector);
    assert_eq!(parsed.description(), Some("ExternalKey"));
    let proof = prove(made.image, &file);
    assert_eq!(proof.verdict, ProofVerdict::Opens);
    assert!(
        has_note(&proof.volumes[0].notes, "role 0x0021 type 0x0034"),
        "{proof:?}"
    );
}
