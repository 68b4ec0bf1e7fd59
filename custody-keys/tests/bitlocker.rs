//! BitLocker volumes made by the test kit, right keys and wrong ones, damaged copies, and what is read of them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

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
use custody_testkit::volume::{BitLockerVolume, MadeBitLocker};
use futures::executor::block_on;
use support::{CountedImage, content, key, prove, reason};

const MIB: usize = 1 << 20;

fn volume(seed: u8) -> MadeBitLocker {
    BitLockerVolume::new(seed, content(2 * MIB)).make()
}

fn has_note(notes: &[String], part: &str) -> bool {
    notes.iter().any(|note| note.contains(part))
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
        let size = usize::from(u16::from_le_bytes([image[at + 8], image[at + 9]])) * 16;
        let checksum = crc32fast::hash(&image[at..at + size]);
        image[at + size + 4..at + size + 8].copy_from_slice(&checksum.to_le_bytes());
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
    assert!(changed(4, 2).contains("the version is 2"));
    assert!(changed(8, 49).contains("the size of the header is 49"));
    assert!(changed(12, 1).contains("the second size"));
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
