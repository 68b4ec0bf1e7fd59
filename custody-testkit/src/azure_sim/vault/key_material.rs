use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{
    KeyPairComponents, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey,
    PrivateDecryptingKey, PublicKeyComponents,
};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use crate::azure_sim::keyed;
use crate::azure_sim::scenario::VaultKey;

/// What a key is: a real one, of a library that is not ours.
#[derive(Clone)]
pub(crate) enum KeyMaterial {
    Rsa(Arc<RsaKeyPair>),
    P256(SigningKey),
}

/// Keys of scenarios, by what they are of: making one takes a tenth of a second, and a test makes many clouds.
static MADE: Mutex<BTreeMap<(String, usize, u32), Arc<RsaKeyPair>>> = Mutex::new(BTreeMap::new());

/// What an RSA key can do. Source: `JsonWebKeyOperation` in the data plane's API description, 7.5.
const RSA_OPERATIONS: [&str; 6] = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"];
const P256_OPERATIONS: [&str; 2] = ["sign", "verify"];

/// Modulus and exponent of a DER `RSAPublicKey` (RFC 8017, A.1.1), without the zeros before them.
fn public_numbers(der: &[u8]) -> (&[u8], &[u8]) {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, from) = match usize::from(der[1]) {
            short @ 0..0x80 => (short, 2),
            long => {
                let end = 2 + (long & 0x7F);
                (
                    der[2..end]
                        .iter()
                        .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
                    end,
                )
            }
        };
        der[from..].split_at(length)
    }
    fn plain(number: &[u8]) -> &[u8] {
        number.strip_prefix(&[0]).unwrap_or(number)
    }
    let (inside, _) = value(der);
    let (modulus, rest) = value(inside);
    let (exponent, _) = value(rest);
    (plain(modulus), plain(exponent))
}

fn size(bits: u64) -> Option<KeySize> {
    match bits {
        2048 => Some(KeySize::Rsa2048),
        3072 => Some(KeySize::Rsa3072),
        4096 => Some(KeySize::Rsa4096),
        _ => None,
    }
}

fn oaep(algorithm: &str) -> Option<&'static OaepAlgorithm> {
    match algorithm {
        "RSA-OAEP" => Some(&OAEP_SHA1_MGF1SHA1),
        "RSA-OAEP-256" => Some(&OAEP_SHA256_MGF1SHA256),
        _ => None,
    }
}

impl KeyMaterial {
    /// A key of the scenario: the same for the same place in it as long as the process lives.
    pub(crate) fn of_scenario(vault: &str, number: usize, key: &VaultKey) -> Self {
        if key.kind.starts_with("EC") {
            return Self::p256(&format!("{vault} {number} {}", key.name));
        }
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let size = size(key.bits.into()).expect("an RSA key of the scenario has 2048, 3072 or 4096 bits");
        let pair = made
            .entry((format!("{vault} {}", key.name), number, key.bits))
            .or_insert_with(|| Arc::new(RsaKeyPair::generate(size).expect("a key can be made")));
        Self::Rsa(Arc::clone(pair))
    }

    /// A new RSA key; none of that length can be had.
    pub(super) fn rsa(bits: u64) -> Option<Self> {
        let pair = RsaKeyPair::generate(size(bits)?).ok()?;
        Some(Self::Rsa(Arc::new(pair)))
    }

    /// The key on P-256 that follows from a text.
    pub(super) fn p256(seed: &str) -> Self {
        let secret = keyed::mac(b"custody simulator P-256", seed.as_bytes());
        Self::P256(SigningKey::from_slice(&secret).expect("a digest is below the order of the curve"))
    }

    /// The key of a JSON Web Key with its private part; none that holds together can be had.
    pub(super) fn of_jwk(jwk: &Value) -> Option<Self> {
        let part = |name: &str| keyed::from_base64url(jwk[name].as_str()?);
        if jwk["kty"].as_str()?.starts_with("EC") {
            return Some(Self::P256(SigningKey::from_slice(&part("d")?).ok()?));
        }
        let components = KeyPairComponents {
            public_key: PublicKeyComponents {
                n: part("n")?,
                e: part("e")?,
            },
            d: part("d")?,
            p: part("p")?,
            q: part("q")?,
            dP: part("dp")?,
            dQ: part("dq")?,
            qInv: part("qi")?,
        };
        Some(Self::Rsa(Arc::new(
            RsaKeyPair::from_components(&components).ok()?,
        )))
    }

    /// The public part, as a JSON Web Key has it.
    pub(super) fn public_jwk(&self) -> Value {
        match self {
            Self::Rsa(pair) => {
                let (modulus, exponent) = public_numbers(pair.public_key().as_ref());
                json!({"n": keyed::base64url(modulus), "e": keyed::base64url(exponent)})
            }
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let half = |from: usize| keyed::base64url(&point.as_bytes()[from..from + 32]);
                json!({"crv": "P-256", "x": half(1), "y": half(33)})
            }
        }
    }

    pub(super) fn all_operations(&self) -> Vec<String> {
        let list: &[&str] = match self {
            Self::Rsa(_) => &RSA_OPERATIONS,
            Self::P256(_) => &P256_OPERATIONS,
        };
        list.iter().map(ToString::to_string).collect()
    }

    fn decrypting(pair: &RsaKeyPair) -> Option<PrivateDecryptingKey> {
        PrivateDecryptingKey::from_pkcs8(pair.as_der().ok()?.as_ref()).ok()
    }

    /// Encrypts or wraps; none where the algorithm is not the key's, or the bytes are too many.
    pub(crate) fn encrypt(&self, algorithm: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let Self::Rsa(pair) = self else { return None };
        let public = Self::decrypting(pair)?.public_key();
        if algorithm == "RSA1_5" {
            let key = Pkcs1PublicEncryptingKey::new(public).ok()?;
            let mut out = vec![0; key.ciphertext_size()];
            return Some(key.encrypt(plain, &mut out).ok()?.to_vec());
        }
        let key = OaepPublicEncryptingKey::new(public).ok()?;
        let mut out = vec![0; key.ciphertext_size()];
        Some(
            key.encrypt(oaep(algorithm)?, plain, &mut out, None)
                .ok()?
                .to_vec(),
        )
    }

    /// Decrypts or unwraps; none where the bytes are not of this key and algorithm.
    pub(super) fn decrypt(&self, algorithm: &str, wrapped: &[u8]) -> Option<Vec<u8>> {
        let Self::Rsa(pair) = self else { return None };
        let private = Self::decrypting(pair)?;
        if algorithm == "RSA1_5" {
            let key = Pkcs1PrivateDecryptingKey::new(private).ok()?;
            let mut out = vec![0; key.min_output_size()];
            return Some(key.decrypt(wrapped, &mut out).ok()?.to_vec());
        }
        let key = OaepPrivateDecryptingKey::new(private).ok()?;
        let mut out = vec![0; key.min_output_size()];
        Some(
            key.decrypt(oaep(algorithm)?, wrapped, &mut out, None)
                .ok()?
                .to_vec(),
        )
    }

    /// Signs a SHA-256 digest; none where the algorithm is not the key's.
    pub(super) fn sign(&self, algorithm: &str, digest: &[u8]) -> Option<Vec<u8>> {
        if digest.len() != 32 {
            return None;
        }
        match (self, algorithm) {
            (Self::Rsa(pair), "RS256") => {
                let digest = Digest::import_less_safe(digest, &SHA256).ok()?;
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut out).ok()?;
                Some(out)
            }
            (Self::P256(key), "ES256") => {
                let signature: Signature = key.sign_prehash(digest).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            _ => None,
        }
    }

    /// Whether a signature over a digest holds; none where the algorithm is not the key's.
    pub(super) fn verify(&self, algorithm: &str, digest: &[u8], signature: &[u8]) -> Option<bool> {
        match (self, algorithm) {
            (Self::Rsa(pair), "RS256") => {
                let digest = Digest::import_less_safe(digest, &SHA256).ok()?;
                let key = aws_lc_rs::signature::UnparsedPublicKey::new(
                    &RSA_PKCS1_2048_8192_SHA256,
                    pair.public_key().as_ref(),
                );
                Some(key.verify_digest(&digest, signature).is_ok())
            }
            (Self::P256(key), "ES256") => {
                let signature = Signature::from_slice(signature).ok()?;
                Some(key.verifying_key().verify_prehash(digest, &signature).is_ok())
            }
            _ => None,
        }
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "KeyMaterial(RSA)",
            Self::P256(_) => "KeyMaterial(P-256)",
        })
    }
}
