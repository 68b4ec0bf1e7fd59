use std::fmt;

use async_trait::async_trait;
use custody_core::custody_log::VerifierKey;
use custody_core::port::{Entropy, SealSigner};
use custody_core::{Acted, Error, Result};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

/// Signs with an Ed25519 key that lies in a file of the state folder. Carries a secret.
///
/// It is not `Clone`; `Debug` and `Display` show the public half; the private half is overwritten in memory when the
/// signer is dropped. Who can read the file can sign in this host's name: what a signature proves ends there.
pub struct FileSigner {
    key: SigningKey,
    public: VerifierKey,
}

impl FileSigner {
    pub(super) fn generate(name: &str, entropy: &dyn Entropy) -> Result<Self> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        entropy.fill(&mut *seed)?;
        Self::of(name, SigningKey::from_bytes(&seed))
    }

    /// Reads PKCS#8 PEM. The error tells nothing of the content.
    pub(super) fn from_pem(name: &str, path: &str, pem: &[u8]) -> Result<Self> {
        let bad = || {
            Error::malformed(
                path,
                "is not an Ed25519 private key in PKCS#8 PEM; restore it, or move it away and make a new one",
            )
        };
        let text = std::str::from_utf8(pem).map_err(|_secret| bad())?;
        let key = SigningKey::from_pkcs8_pem(text).map_err(|_secret| bad())?;
        Self::of(name, key)
    }

    /// PKCS#8 in its first version, without the public half: the form that openssl reads.
    pub(super) fn to_pem(&self) -> Result<Zeroizing<String>> {
        let mut pair = KeypairBytes {
            secret_key: self.key.to_bytes(),
            public_key: None,
        };
        let pem = pair.to_pkcs8_pem(LineEnding::LF);
        zeroize::Zeroize::zeroize(&mut pair.secret_key);
        pem.map_err(|_secret| Error::Provider {
            object: format!("key {}", self.public.name()),
            operation: "encode",
            source: None,
        })
    }

    fn of(name: &str, key: SigningKey) -> Result<Self> {
        let public = VerifierKey::ed25519(name, key.verifying_key().to_bytes())?;
        Ok(Self { key, public })
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSigner")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key file {}", self.public.name())
    }
}

#[async_trait]
impl SealSigner for FileSigner {
    fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        Ok(Acted::local(self.key.sign(message).to_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn the_private_half_is_in_no_debug_display_or_error() {
        let signer = FileSigner::generate("host", &SystemEntropy::new()).unwrap();
        let pem = signer.to_pem().unwrap();
        let secret = signer.key.to_bytes();
        let body = pem.lines().nth(1).unwrap();
        let broken = pem.replace("PRIVATE KEY", "PRIVATE KEY ");
        let error = FileSigner::from_pem("host", "/keys/host.pem", broken.as_bytes()).unwrap_err();
        let shown = format!("{signer:?} {signer} {error} {error:?} {:?}", error.causes());
        assert!(!shown.contains(body));
        assert!(!shown.contains(&custody_core::hex::encode(&secret)));
        assert!(!shown.contains(&format!("{secret:?}")));
    }

    #[test]
    fn a_key_comes_back_from_its_pem() {
        let signer = FileSigner::generate("host", &SystemEntropy::new()).unwrap();
        let pem = signer.to_pem().unwrap();
        let again = FileSigner::from_pem("host", "/keys/host.pem", pem.as_bytes()).unwrap();
        assert_eq!(again.verifier_key(), signer.verifier_key());
    }

    #[test]
    fn a_signature_is_of_exactly_the_message() {
        let signer = FileSigner::generate("host", &SystemEntropy::new()).unwrap();
        let signature = futures::executor::block_on(signer.sign(b"sealed")).unwrap().value;
        assert!(signer.verifier_key().verifies(b"sealed", &signature));
        assert!(!signer.verifier_key().verifies(b"sealee", &signature));
    }

    #[test]
    fn a_name_that_no_note_can_carry_is_refused() {
        assert!(FileSigner::generate("two words", &SystemEntropy::new()).is_err());
    }
}
