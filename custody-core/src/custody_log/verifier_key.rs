use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding as _};
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::hex;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// Ed25519 over the message; type 0x01 in signed notes.
    Ed25519,
    /// ECDSA P-256 over SHA-256 of the message, DER-encoded; type 0x02 in signed notes.
    EcdsaP256,
}

impl SignatureAlgorithm {
    const fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::EcdsaP256 => 2,
        }
    }
}

/// The public half of a signing key, with its name.
///
/// `Display` and `FromStr` use the form of C2SP signed notes: `<name>+<key id>+<base64>`.
/// Source: c2sp.org/signed-note, commit 5ba5ee8, read 2026-11-21.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    algorithm: SignatureAlgorithm,
    /// 32 bytes for Ed25519; DER SubjectPublicKeyInfo for ECDSA.
    public: Vec<u8>,
}

const MAX_NAME_BYTES: usize = 200;

fn check_name(name: &str) -> Result<()> {
    let fits = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.contains('+')
        && !name
            .chars()
            .any(|c| c.is_whitespace() || crate::visible::must_escape(c));
    if fits {
        Ok(())
    } else {
        Err(Error::malformed(
            "signer name",
            format!(
                "{:?} is empty, too long, or has a space or a plus sign",
                crate::visible::escape(name)
            ),
        ))
    }
}

impl VerifierKey {
    /// An Ed25519 key of this name.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name with spaces or `+`, or bytes that are no point of the curve.
    pub fn ed25519(name: &str, public: [u8; 32]) -> Result<Self> {
        check_name(name)?;
        ed25519_dalek::VerifyingKey::from_bytes(&public)
            .map_err(|error| Error::malformed(format!("key {name}"), error.to_string()))?;
        Ok(Self {
            name: name.into(),
            algorithm: SignatureAlgorithm::Ed25519,
            public: public.into(),
        })
    }

    /// An ECDSA P-256 key of this name, from its DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name with spaces or `+`, or bytes that are no such key.
    pub fn ecdsa_p256(name: &str, subject_public_key_info: &[u8]) -> Result<Self> {
        check_name(name)?;
        let bad =
            |error: p256::pkcs8::spki::Error| Error::malformed(format!("key {name}"), error.to_string());
        let key = p256::PublicKey::from_public_key_der(subject_public_key_info).map_err(bad)?;
        let public = key.to_public_key_der().map_err(bad)?.as_bytes().to_vec();
        if public != subject_public_key_info {
            return Err(Error::malformed(
                format!("key {name}"),
                "not in the one DER form of an uncompressed P-256 key",
            ));
        }
        Ok(Self {
            name: name.into(),
            algorithm: SignatureAlgorithm::EcdsaP256,
            public,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it signs.
    #[must_use]
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Its four-byte id in signed notes.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        let digest = match self.algorithm {
            SignatureAlgorithm::Ed25519 => Sha256Digest::of_parts(&[
                self.name.as_bytes(),
                b"\n",
                &[self.algorithm.type_byte()],
                &self.public,
            ]),
            SignatureAlgorithm::EcdsaP256 => Sha256Digest::of(&self.public),
        };
        let [a, b, c, d, ..] = *digest.as_bytes();
        [a, b, c, d]
    }

    /// The key as DER SubjectPublicKeyInfo, as `openssl` reads it.
    #[must_use]
    pub fn subject_public_key_info(&self) -> Vec<u8> {
        match self.algorithm {
            // RFC 8410: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }.
            SignatureAlgorithm::Ed25519 => {
                let mut der = vec![
                    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
                ];
                der.extend_from_slice(&self.public);
                der
            }
            SignatureAlgorithm::EcdsaP256 => self.public.clone(),
        }
    }

    /// The key as PEM, as `openssl pkeyutl -pubin` reads it.
    #[must_use]
    pub fn pem(&self) -> String {
        let text = Base64::encode_string(&self.subject_public_key_info());
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    /// What a person writes down to know the key again: SHA-256 of its SubjectPublicKeyInfo, in groups of four.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let text = Sha256Digest::of(&self.subject_public_key_info()).to_string();
        let groups: Vec<&str> = text
            .as_bytes()
            .chunks(4)
            .filter_map(|group| std::str::from_utf8(group).ok())
            .collect();
        groups.join(" ")
    }

    /// Whether this is this key's signature of exactly this message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            SignatureAlgorithm::Ed25519 => {
                let Ok(public) = <[u8; 32]>::try_from(self.public.as_slice()) else {
                    return false;
                };
                let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&public) else {
                    return false;
                };
                let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else {
                    return false;
                };
                key.verify_strict(message, &signature).is_ok()
            }
            SignatureAlgorithm::EcdsaP256 => {
                let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(&self.public) else {
                    return false;
                };
                let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else {
                    return false;
                };
                key.verify(message, &signature).is_ok()
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.algorithm.type_byte()];
        bytes.extend_from_slice(&self.public);
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex::encode(&self.key_id()),
            Base64::encode_string(&bytes)
        )
    }
}

impl FromStr for VerifierKey {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason: &str| {
            Error::malformed(
                "verifier key",
                format!("{:?}: {reason}", crate::visible::escape(text)),
            )
        };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("not of the form <name>+<key id>+<base64>"));
        };
        let bytes = Base64::decode_vec(encoded).map_err(|error| bad(&error.to_string()))?;
        let key = match bytes.split_first() {
            Some((1, public)) => {
                let Ok(public) = public.try_into() else {
                    return Err(bad("an Ed25519 key has 32 bytes"));
                };
                Self::ed25519(name, public)?
            }
            Some((2, public)) => Self::ecdsa_p256(name, public)?,
            _ => return Err(bad("neither Ed25519 (0x01) nor ECDSA (0x02)")),
        };
        if hex::encode(&key.key_id()) == id {
            Ok(key)
        } else {
            Err(bad("the key id does not belong to this name and key"))
        }
    }
}
