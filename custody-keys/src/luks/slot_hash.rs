use std::str::FromStr;

use hmac::Hmac;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::error::{Error, Result};

/// A hash as LUKS headers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotHash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

const WHAT: &str = "LUKS header";

impl SlotHash {
    /// Bytes of a digest.
    pub(super) const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Writes the start of the digest of the parts, one after another, over `out`.
    pub(super) fn digest_into(self, parts: &[&[u8]], out: &mut [u8]) {
        match self {
            Self::Sha1 => digest_into::<Sha1>(parts, out),
            Self::Sha224 => digest_into::<Sha224>(parts, out),
            Self::Sha256 => digest_into::<Sha256>(parts, out),
            Self::Sha384 => digest_into::<Sha384>(parts, out),
            Self::Sha512 => digest_into::<Sha512>(parts, out),
        }
    }

    /// How many iterations PBKDF2 works in all: each digest's length of what is derived takes all of them.
    pub(super) const fn pbkdf2_work(self, iterations: u32, bytes: usize) -> u64 {
        (iterations as u64).saturating_mul(bytes.div_ceil(self.digest_bytes()) as u64)
    }

    /// PBKDF2 with HMAC of this hash.
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], iterations: u32, out: &mut [u8]) -> Result<()> {
        let derived = match self {
            Self::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, iterations, out),
            Self::Sha224 => pbkdf2::pbkdf2::<Hmac<Sha224>>(password, salt, iterations, out),
            Self::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, iterations, out),
            Self::Sha384 => pbkdf2::pbkdf2::<Hmac<Sha384>>(password, salt, iterations, out),
            Self::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, iterations, out),
        };
        derived.map_err(|_length| Error::field(WHAT, "the length of a derived key", "too long", "a key"))
    }
}

fn digest_into<D: Digest>(parts: &[&[u8]], out: &mut [u8]) {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    for (to, from) in out.iter_mut().zip(digest.finalize().iter()) {
        *to = *from;
    }
}

impl FromStr for SlotHash {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => {
                return Err(Error::Unsupported {
                    what: WHAT,
                    name: format!("hash {}", crate::outside_name(name)),
                });
            }
        })
    }
}
