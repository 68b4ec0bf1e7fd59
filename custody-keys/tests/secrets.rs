//! No part of a key is in any text that this crate makes: not four bytes of it, in no form that a careless line would give
//! them.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding as _};
use custody_core::hex;
use custody_core::port::{KeyMaterial, KeyProver as _, ProofVerdict};
use custody_core::visible;
use custody_keys::{DiskKey, ExternalKeyFile, Prover, SecretBytes};
use custody_testkit::fake::MemoryImage;
use custody_testkit::volume::{BitLockerVolume, Luks2Volume};
use futures::executor::block_on;
use support::{content, prove};

/// As long as the key in a key file. Neither words nor numbers that stand in honest texts.
const SECRET: &[u8; 32] = b"Qz7#kV2!wX9$jB4%\xf1\x9cuY6^gH3&\xe7\x8atR8*";
/// One that can be typed.
const PASSPHRASE: &[u8] = b"zK4;qW8,vJ2:xG6.yT9/bM3?nF7'hD5";

const PART: usize = 4;

/// Every form in which a line would show so many bytes of the secret.
fn forms(secret: &[u8]) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for part in secret.windows(PART) {
        if let Ok(text) = std::str::from_utf8(part) {
            forms.insert(text.to_owned());
            forms.insert(visible::escape(text));
        }
        forms.insert(part.escape_ascii().to_string());
        forms.insert(visible::escape_bytes(part));
        let digits = hex::encode(part);
        forms.insert(digits.to_uppercase());
        forms.insert(digits);
        let list = format!("{part:?}");
        forms.insert(list.trim_matches(['[', ']']).to_owned());
        let number = <[u8; PART]>::try_from(part).unwrap();
        for number in [u32::from_le_bytes(number), u32::from_be_bytes(number)] {
            forms.insert(number.to_string());
            forms.insert(format!("{number:08x}"));
        }
        for before in 0..3 {
            forms.extend(base64(part, before));
        }
    }
    // As sizes, roles and types are read and told.
    for part in secret.windows(2) {
        let number = u16::from_le_bytes(part.try_into().unwrap());
        forms.insert(format!("{number:#06x}"));
        forms.insert(format!("{:#06x}", number.swap_bytes()));
    }
    forms
}

/// The characters of base64 that these bytes alone decide, where so many bytes stand before them in their group of three.
fn base64(part: &[u8], before: usize) -> [String; 2] {
    let group = [&[0_u8; 2][..before], part].concat();
    let whole = (8 * before).div_ceil(6)..8 * group.len() / 6;
    [
        Base64Unpadded::encode_string(&group),
        Base64UrlUnpadded::encode_string(&group),
    ]
    .map(|text| text[whole.clone()].to_owned())
}

/// Fails where the text holds a part of the secret.
fn hidden(text: &str, secret: &[u8]) {
    for form in forms(secret) {
        if let Some(at) = text.find(&form) {
            let line = text[..at].lines().last().unwrap_or_default();
            panic!("{form:?} is told: {line}{form}");
        }
    }
    // Numbers of two bytes, as sizes are told in decimal: whole ones, of four digits or five.
    let told: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
    for part in secret.windows(2) {
        let number = u16::from_le_bytes(part.try_into().unwrap());
        for number in [number, number.swap_bytes()] {
            let digits = number.to_string();
            assert!(
                number < 1000 || !told.contains(digits.as_str()),
                "{digits} is told"
            );
        }
    }
}

/// What an error says, in every way.
fn words(error: &(impl std::error::Error + ?Sized)) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error} {error:?} {error:#?} {source:?}\n")
}

/// What comes of reading the bytes as a key file and as any key.
fn told_of(bytes: &[u8]) -> String {
    let file = match ExternalKeyFile::parse(bytes) {
        Ok(file) => format!("{file:?} {file:#?} {:?}\n", file.unknown_entries()),
        Err(error) => words(&error),
    };
    let key = match DiskKey::from_bytes(bytes) {
        Ok(key) => format!("{key:?} {key:#?} {:?}\n", key.damaged_key_file().map(words)),
        Err(error) => words(&error),
    };
    file + &key
}

/// A key file that holds the secret.
fn key_file() -> Vec<u8> {
    let mut file = BitLockerVolume::new(1, content(1 << 20)).make().key_file;
    let at = file.len() - SECRET.len();
    file[at..].copy_from_slice(SECRET);
    file
}

#[test]
fn a_part_that_is_told_in_any_form_is_found() {
    let told = |text: String| std::panic::catch_unwind(|| hidden(&text, SECRET)).is_err();
    let part = &SECRET[5..9];
    assert!(!told(
        "BitLocker metadata: 156 bytes are needed, 100 are there".to_owned()
    ));
    for text in [
        format!("it is {}", std::str::from_utf8(part).unwrap()),
        format!("it is {}", hex::encode(part)),
        format!("it is {part:?}"),
        format!("it is {}", u32::from_le_bytes(part.try_into().unwrap())),
        format!("it is {}", SECRET[16..20].escape_ascii()),
        format!("type {:#06x}", u16::from_le_bytes(part[..2].try_into().unwrap())),
        format!("{} bytes", u16::from_le_bytes(part[..2].try_into().unwrap())),
    ] {
        assert!(told(text.clone()), "{text}");
    }
    for before in 0..3 {
        let longer = [&b"abc"[..before], &SECRET[5..10], b"xyz"].concat();
        let text = format!("it is {}", Base64Unpadded::encode_string(&longer));
        assert!(told(text.clone()), "{text}");
    }
}

#[test]
fn secret_bytes_tell_their_length_alone() {
    let secret = SecretBytes::copy_of(SECRET);
    hidden(
        &format!("{secret:?} {secret:#?} {:?}", secret.memory_lock()),
        SECRET,
    );
}

#[test]
fn a_disk_key_tells_nothing() {
    let key = DiskKey::from_bytes(PASSPHRASE).unwrap();
    assert_eq!(format!("{key:?}"), "DiskKey(hidden)");
}

#[test]
fn a_key_file_tells_its_name_alone() {
    let file = ExternalKeyFile::parse(&key_file()).unwrap();
    let told = format!("{file:?} {file:#?}");
    assert!(told.contains(&file.identifier().to_string()));
    hidden(&told, SECRET);
}

#[test]
fn nothing_that_is_said_of_a_damaged_key_file_holds_a_part_of_its_key() {
    let file = key_file();
    let mut told = BTreeSet::new();
    for at in 0..file.len() {
        told.insert(told_of(&file[..at]));
        let mut changed = file.clone();
        for change in [1, 0x80, 0xff] {
            changed[at] ^= change;
            told.insert(told_of(&changed));
        }
    }
    // Entries that begin or end within the key, so that its bytes are read as sizes, roles and types.
    for at in (48..file.len() - 1).step_by(2) {
        for size in 0..=110_u16 {
            let mut changed = file.clone();
            changed[at..at + 2].copy_from_slice(&size.to_le_bytes());
            told.insert(told_of(&changed));
        }
    }
    assert!(told.len() > 100, "{} texts", told.len());
    hidden(&told.into_iter().collect::<String>(), SECRET);
}

/// A chain of entries that fills the file although one of them is made of the key's own bytes.
#[test]
fn a_key_that_reads_as_an_entry_is_not_told_by_its_role_and_type() {
    let mut file = key_file();
    let key_at = file.len() - SECRET.len();
    // The entry before ends where the key begins, and the key begins with a size that ends it with the file.
    let entry_at = key_at - 12;
    for (at, size) in [(entry_at, 12_u16), (key_at, 32)] {
        file[at..at + 2].copy_from_slice(&size.to_le_bytes());
    }
    // Of another type, so that it is not the key.
    file[entry_at + 4] = 2;
    let told = told_of(&file);
    assert!(told.contains("one whose role and type no entry has"), "{told}");
    hidden(&told, &SECRET[2..]);
}

#[test]
fn nothing_that_is_said_of_a_passphrase_that_is_taken_for_a_key_file_holds_a_part_of_it() {
    let header = key_file();
    for secret in [PASSPHRASE, SECRET] {
        let mut told = BTreeSet::new();
        let long = secret.repeat(8);
        for length in 0..long.len() {
            told.insert(told_of(&long[..length]));
        }
        // Each of the fields that tell a key file from other bytes, right and wrong.
        for right in 0..16_u32 {
            let mut bytes = long.clone();
            for field in (0..4).filter(|field| right & 1 << field != 0) {
                bytes[4 * field..4 * field + 4].copy_from_slice(&header[4 * field..4 * field + 4]);
            }
            told.insert(told_of(&bytes));
        }
        hidden(&told.into_iter().collect::<String>(), secret);
    }
}

#[test]
fn no_proof_holds_a_part_of_the_key() {
    let file = key_file();
    let made = BitLockerVolume::new(1, content(1 << 20)).make();
    let luks = Luks2Volume::new(1, PASSPHRASE, content(4096)).make();
    for image in [made.image, luks.clone(), luks[..9000].to_vec(), content(4096)] {
        for key in [&file[..], &file[..100], PASSPHRASE] {
            let told = format!("{:?}", prove(image.clone(), key));
            hidden(&told, SECRET);
            hidden(&told, PASSPHRASE);
        }
    }
    // The key of a volume that it opens, which is never printed either.
    let made = BitLockerVolume::new(1, content(1 << 20)).make();
    let told = format!("{:?}", prove(made.image, &made.key_file));
    assert!(told.contains("Opens"));
    hidden(&told, &made.key_file[made.key_file.len() - 32..]);
}

#[test]
fn the_port_says_of_an_unusable_key_why_and_nothing_of_it() {
    let image = MemoryImage::new("disk", content(4096));
    let key = KeyMaterial::new(vec![7; DiskKey::MAX_BYTES + 1].into());
    let proof = block_on(Prover::default().prove(Arc::new(image), &key)).unwrap();
    let ProofVerdict::CannotTell { reason } = proof.verdict else {
        panic!("{proof:?}")
    };
    assert!(reason.starts_with("the key cannot be used: disk key"), "{reason}");
}

#[test]
fn the_port_lists_the_volumes_of_a_disk_for_which_no_key_is_at_hand() {
    let made = BitLockerVolume::new(1, content(1 << 20)).make();
    let image = MemoryImage::new("disk", made.image);
    let key = KeyMaterial::new(Vec::new().into());
    let proof = block_on(Prover::default().prove(Arc::new(image), &key)).unwrap();
    assert_ne!(proof.verdict, ProofVerdict::Opens);
    let formats: Vec<&str> = proof
        .volumes
        .iter()
        .map(|volume| volume.format.as_str())
        .collect();
    assert_eq!(formats, ["bitlocker"]);
}
