//! No byte of a key is in any text that this crate makes.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use custody_core::hex;
use custody_keys::{DiskKey, ExternalKeyFile, SecretBytes};
use custody_testkit::volume::{BitLockerVolume, Luks2Volume};
use support::{content, prove};

const CANARY: &[u8] = b"CANARY-7c1f-do-not-print";

/// Fails where the text holds the secret in any form in which a careless line would show it.
fn hidden(text: &str, secret: &[u8]) {
    let hex = hex::encode(secret);
    let list = format!("{secret:?}");
    for form in [
        String::from_utf8_lossy(secret).into_owned(),
        hex.to_uppercase(),
        hex,
        list.trim_matches(['[', ']']).to_owned(),
        Base64::encode_string(secret),
        Base64UrlUnpadded::encode_string(secret),
    ] {
        assert!(!text.contains(&form), "{text} holds {form}");
    }
}

/// A key file whose key is the canary's bytes, so that a part of it is easily recognised.
fn key_file() -> (Vec<u8>, Vec<u8>) {
    let mut file = BitLockerVolume::new(1, content(1 << 20)).make().key_file;
    let at = file.len() - 32;
    let secret = [CANARY, b"12345678"].concat();
    file.splice(at.., secret.iter().copied());
    (file, secret)
}

#[test]
fn secret_bytes_tell_their_length_alone() {
    let secret = SecretBytes::copy_of(CANARY);
    hidden(
        &format!("{secret:?} {secret:#?} {:?}", secret.memory_lock()),
        CANARY,
    );
}

#[test]
fn a_disk_key_tells_nothing() {
    let key = DiskKey::from_bytes(CANARY).unwrap();
    assert_eq!(format!("{key:?}"), "DiskKey(hidden)");
}

#[test]
fn a_key_file_tells_its_name_alone() {
    let (bytes, secret) = key_file();
    let file = ExternalKeyFile::parse(&bytes).unwrap();
    let told = format!("{file:?} {file:#?}");
    assert!(told.contains(&file.identifier().to_string()));
    hidden(&told, &secret);
    hidden(&told, CANARY);
}

#[test]
fn no_error_of_a_key_file_holds_a_byte_of_its_key() {
    let (bytes, secret) = key_file();
    let mut told = String::new();
    for length in 0..bytes.len() {
        if let Err(error) = ExternalKeyFile::parse(&bytes[..length]) {
            told.push_str(&format!("{error} {error:?}\n"));
        }
        let mut changed = bytes.clone();
        for change in [1, 0x80, 0xff] {
            changed[length] ^= change;
            match ExternalKeyFile::parse(&changed) {
                Ok(file) => told.push_str(&format!("{file:?}\n")),
                Err(error) => told.push_str(&format!("{error} {error:?}\n")),
            }
        }
    }
    assert!(told.len() > 10_000);
    hidden(&told, &secret);
    hidden(&told, CANARY);
}

#[test]
fn no_proof_holds_a_byte_of_the_key() {
    let (bytes, secret) = key_file();
    let made = BitLockerVolume::new(1, content(1 << 20)).make();
    let luks = Luks2Volume::new(1, CANARY, content(4096)).make();
    for image in [made.image, luks.clone(), luks[..9000].to_vec(), content(4096)] {
        for key in [&bytes[..], &bytes[..100], CANARY] {
            let told = format!("{:?}", prove(image.clone(), key));
            hidden(&told, &secret);
            hidden(&told, CANARY);
            hidden(&told, &bytes);
        }
    }
    // The key of a volume that it opens, which is never printed either.
    let made = BitLockerVolume::new(1, content(1 << 20)).make();
    let told = format!("{:?}", prove(made.image, &made.key_file));
    hidden(&told, &made.key_file[made.key_file.len() - 32..]);
}

#[test]
fn the_port_says_of_an_unusable_key_why_and_nothing_of_it() {
    use custody_core::port::{KeyMaterial, KeyProver as _, ProofVerdict};
    use futures::executor::block_on;
    let image = custody_testkit::fake::MemoryImage::new("disk", content(4096));
    let key = KeyMaterial::new(vec![7; custody_keys::DiskKey::MAX_BYTES + 1].into());
    let proof = block_on(custody_keys::Prover::default().prove(std::sync::Arc::new(image), &key)).unwrap();
    let ProofVerdict::CannotTell { reason } = proof.verdict else {
        panic!("{proof:?}")
    };
    assert!(reason.starts_with("the key cannot be used: disk key"), "{reason}");
}

#[test]
fn the_port_lists_the_volumes_of_a_disk_for_which_no_key_is_at_hand() {
    use custody_core::port::{KeyMaterial, KeyProver as _, ProofVerdict};
    use futures::executor::block_on;
    let made = BitLockerVolume::new(1, content(1 << 20)).make();
    let image = custody_testkit::fake::MemoryImage::new("disk", made.image);
    let key = KeyMaterial::new(Vec::new().into());
    let proof = block_on(custody_keys::Prover::default().prove(std::sync::Arc::new(image), &key)).unwrap();
    assert_ne!(proof.verdict, ProofVerdict::Opens);
    let formats: Vec<&str> = proof
        .volumes
        .iter()
        .map(|volume| volume.format.as_str())
        .collect();
    assert_eq!(formats, ["bitlocker"]);
}
