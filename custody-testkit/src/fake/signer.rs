use std::fmt;

use async_trait::async_trait;
use custody_core::custody_log::VerifierKey;
use custody_core::digest::Sha256Digest;
use custody_core::port::SealSigner;
use custody_core::{Acted, Result, ServiceRecord};
use ed25519_dalek::Signer as _;
use p256::pkcs8::EncodePublicKey as _;

/// Signs with a key that its seed alone determines: Ed25519, or ECDSA P-256. For tests only.
#[derive(Clone)]
pub struct FakeSigner {
    key: PrivateKey,
    public: VerifierKey,
}

#[derive(Clone)]
enum PrivateKey {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    EcdsaP256(Box<p256::ecdsa::SigningKey>),
}

impl FakeSigner {
    /// An Ed25519 signer of this name.
    ///
    /// # Panics
    /// When the name is not fit for a signer.
    #[must_use]
    pub fn ed25519(name: &str, seed: u64) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(scalar(seed).as_bytes());
        let public = VerifierKey::ed25519(name, key.verifying_key().to_bytes());
        Self {
            public: public.expect("a signer's name has no space and no plus sign"),
            key: PrivateKey::Ed25519(Box::new(key)),
        }
    }

    /// An ECDSA P-256 signer of this name.
    ///
    /// # Panics
    /// When the name is not fit for a signer.
    #[must_use]
    pub fn ecdsa_p256(name: &str, seed: u64) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(scalar(seed).as_bytes())
            .expect("a digest is a scalar of P-256 but for one in 2^32");
        let der = p256::PublicKey::from(key.verifying_key())
            .to_public_key_der()
            .expect("a public key has a DER form");
        let public = VerifierKey::ecdsa_p256(name, der.as_bytes());
        Self {
            public: public.expect("a signer's name has no space and no plus sign"),
            key: PrivateKey::EcdsaP256(Box::new(key)),
        }
    }

    /// The private key: what a test looks for where it must not be.
    #[must_use]
    pub fn private_bytes(&self) -> Vec<u8> {
        match &self.key {
            PrivateKey::Ed25519(key) => key.to_bytes().to_vec(),
            PrivateKey::EcdsaP256(key) => key.to_bytes().to_vec(),
        }
    }
}

fn scalar(seed: u64) -> Sha256Digest {
    Sha256Digest::of_parts(&[b"custody-testkit signer", &seed.to_be_bytes()])
}

impl fmt::Debug for FakeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeSigner({})", self.public)
    }
}

impl fmt::Display for FakeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fake signer {}", self.public.name())
    }
}

#[async_trait]
impl SealSigner for FakeSigner {
    fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        let value = match &self.key {
            PrivateKey::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            PrivateKey::EcdsaP256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
        };
        Ok(Acted {
            value,
            service: ServiceRecord::none().with_status("signed"),
        })
    }
}
