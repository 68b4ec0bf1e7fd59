use aes::Aes256;
use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};

use super::encrypt_sectors;
use super::key_area::{ITERATIONS, KEY_BYTES, STRIPES, key_area, pbkdf2};
use crate::fake::pattern;

/// Makes a LUKS2 volume: AES-XTS, PBKDF2 with SHA-256, one key slot; or one whose metadata say something else.
///
/// ```
/// use custody_testkit::volume::Luks2Volume;
///
/// let image = Luks2Volume::new(1, b"a passphrase", vec![0; 4096]).make();
/// assert_eq!(&image[..8], b"LUKS\xba\xbe\x00\x02");
/// ```
#[derive(Debug)]
pub struct Luks2Volume {
    seed: u8,
    passphrase: Vec<u8>,
    content: Vec<u8>,
    password_hash: Option<String>,
    slots: u32,
    segments: u32,
    digests: u32,
    header_bytes: usize,
    requirements: String,
    sequence: u64,
}

/// The smallest header, which is what `cryptsetup` makes.
const HEADER_BYTES: usize = 16 << 10;
const AREA_BYTES: usize = 258_048;
const PAYLOAD_AT: usize = 1 << 20;

impl Luks2Volume {
    /// A volume with this content, in whole sectors of 512 bytes, that the passphrase opens.
    #[must_use]
    pub fn new(seed: u8, passphrase: &[u8], content: Vec<u8>) -> Self {
        assert!(content.len().is_multiple_of(512), "whole sectors");
        Self {
            seed,
            passphrase: passphrase.to_vec(),
            content,
            password_hash: None,
            slots: 1,
            segments: 1,
            digests: 1,
            header_bytes: HEADER_BYTES,
            requirements: String::new(),
            sequence: 3,
        }
    }

    /// Lets the metadata ask for another password hash, as JSON; nothing is made with it, so that no passphrase opens
    /// the volume.
    #[must_use]
    pub fn with_forged_password_hash(mut self, json: impl Into<String>) -> Self {
        self.password_hash = Some(json.into());
        self
    }

    /// Lists the key slot so many times.
    #[must_use]
    pub const fn with_slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Lists so many segments, of which the key belongs to the first.
    #[must_use]
    pub const fn with_segments(mut self, segments: u32) -> Self {
        self.segments = segments;
        self
    }

    /// Lists so many digests, of which the last is the volume key's own.
    #[must_use]
    pub const fn with_digests(mut self, digests: u32) -> Self {
        self.digests = digests;
        self
    }

    /// Makes both headers so large, which is a power of two up to 256 KiB.
    #[must_use]
    pub const fn with_header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = bytes;
        self
    }

    /// Lets the metadata say what a reader must understand, such as `online-reencrypt-v2`.
    #[must_use]
    pub fn with_requirement(mut self, name: &str) -> Self {
        self.requirements = format!(r#","requirements":{{"mandatory":["{name}"]}}"#);
        self
    }

    fn random(&self, purpose: u8, length: usize) -> Vec<u8> {
        pattern(length, self.seed.wrapping_mul(31).wrapping_add(purpose))
    }

    /// The volume.
    #[must_use]
    pub fn make(self) -> Vec<u8> {
        let volume_key: [u8; KEY_BYTES] = self
            .random(1, KEY_BYTES)
            .try_into()
            .expect("as many as were asked for");
        let slot_salt = self.random(2, 32);
        let json = self.json(&volume_key, &slot_salt);
        let mut image = self.header(b"LUKS\xba\xbe", 0, &json);
        image.extend(self.header(b"SKUL\xba\xbe", self.header_bytes as u64, &json));
        image.extend(key_area(&self.passphrase, &slot_salt, &volume_key, self.seed));
        image.resize(PAYLOAD_AT, 0);
        let mut content = self.content;
        encrypt_sectors::<Aes256>(&volume_key, 0, &mut content);
        image.extend(content);
        image
    }

    fn json(&self, volume_key: &[u8], slot_salt: &[u8]) -> String {
        let digest_salt = self.random(3, 32);
        let mut digest = [0; 32];
        pbkdf2(volume_key, &digest_salt, &mut digest);
        let made = format!(
            r#"{{"type":"pbkdf2","hash":"sha256","iterations":{ITERATIONS},"salt":"{}"}}"#,
            Base64::encode_string(slot_salt)
        );
        let password_hash = self.password_hash.as_ref().unwrap_or(&made);
        let area_at = self.area_at();
        let slot = format!(
            r#"{{"type":"luks2","key_size":{KEY_BYTES},"af":{{"type":"luks1","stripes":{STRIPES},"hash":"sha256"}},"area":{{"type":"raw","offset":"{area_at}","size":"{AREA_BYTES}","encryption":"aes-xts-plain64","key_size":{KEY_BYTES}}},"kdf":{password_hash}}}"#
        );
        let numbers: Vec<String> = (0..self.slots).map(|number| format!(r#""{number}""#)).collect();
        let slots: Vec<String> = numbers.iter().map(|number| format!("{number}:{slot}")).collect();
        let segment = format!(
            r#"{{"type":"crypt","offset":"{PAYLOAD_AT}","size":"dynamic","iv_tweak":"0","encryption":"aes-xts-plain64","sector_size":512}}"#
        );
        let segments: Vec<String> = (0..self.segments)
            .map(|number| format!(r#""{number}":{segment}"#))
            .collect();
        let digests: Vec<String> = (1..=self.digests)
            .map(|number| {
                // Only the last one is the key's.
                let digest = if number == self.digests { digest } else { [0x55; 32] };
                format!(
                    r#""{}":{{"type":"pbkdf2","keyslots":[{}],"segments":["0"],"hash":"sha256","iterations":{ITERATIONS},"salt":"{}","digest":"{}"}}"#,
                    number - 1,
                    numbers.join(","),
                    Base64::encode_string(&digest_salt),
                    Base64::encode_string(&digest),
                )
            })
            .collect();
        format!(
            r#"{{"keyslots":{{{}}},"tokens":{{}},"segments":{{{}}},"digests":{{{}}},"config":{{"json_size":"{}","keyslots_size":"{}"{}}}}}"#,
            slots.join(","),
            segments.join(","),
            digests.join(","),
            self.header_bytes - 4096,
            PAYLOAD_AT - self.area_at(),
            self.requirements,
        )
    }

    /// Where the area of the key slots lies: behind both headers.
    const fn area_at(&self) -> usize {
        2 * self.header_bytes
    }

    fn header(&self, magic: &[u8], at: u64, json: &str) -> Vec<u8> {
        let size = self.header_bytes;
        assert!(4096 + json.len() < size, "the JSON fits into the header");
        let mut header = magic.to_vec();
        header.extend(2_u16.to_be_bytes());
        header.extend((size as u64).to_be_bytes());
        header.extend(self.sequence.to_be_bytes());
        header.resize(72, 0);
        header.extend(b"sha256");
        header.resize(104, 0);
        header.extend(self.random(magic[0], 64));
        header.extend(format!("5eed00{:02x}-0000-4000-8000-000000000002", self.seed).as_bytes());
        header.resize(256, 0);
        header.extend(at.to_be_bytes());
        header.resize(4096, 0);
        header.extend(json.as_bytes());
        header.resize(size, 0);
        let digest = Sha256::digest(&header);
        header[448..480].copy_from_slice(&digest);
        header
    }
}
