use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::digest::Sha256Digest;
use custody_core::extent::ByteRange;
use custody_core::port::{
    ImageReader, ImageReaderExt as _, KeyMaterial, KeyProof, KeyProver, ProofVerdict, VolumeProof,
};

/// Proves keys against a made-up format: a magic, then SHA-256 of the key, then content.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct FakeProver;

const MAGIC: &[u8; 16] = b"FAKE-ENCRYPTED\r\n";
const HEADER_BYTES: u64 = 48;

fn authenticator(key: &[u8]) -> Sha256Digest {
    Sha256Digest::of_parts(&[b"custody-testkit volume", key])
}

impl FakeProver {
    /// A prover.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// An "encrypted" image of `length` bytes, at least 48, that this key opens.
    #[must_use]
    pub fn image(key: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(authenticator(key).as_bytes());
        bytes.extend(crate::fake::pattern(length.saturating_sub(bytes.len()), 7));
        bytes
    }
}

fn not_encrypted() -> KeyProof {
    KeyProof::new(ProofVerdict::NotEncrypted).with_note("it does not begin as fake volumes do")
}

impl fmt::Display for FakeProver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fake prover")
    }
}

#[async_trait]
impl KeyProver for FakeProver {
    async fn prove(&self, image: Arc<dyn ImageReader>, key: &KeyMaterial) -> Result<KeyProof> {
        if image.length() < HEADER_BYTES {
            return Ok(not_encrypted());
        }
        let header = match image.read_bytes(ByteRange::at(0, HEADER_BYTES)).await {
            Ok(header) => header,
            Err(error) if matches!(error.meaning(), custody_core::Error::Unreadable { .. }) => {
                return Ok(KeyProof::new(ProofVerdict::CannotTell {
                    reason: error.to_string(),
                }));
            }
            Err(error) => return Err(error),
        };
        let (magic, stored) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Ok(not_encrypted());
        }
        let is_right = !key.expose().is_empty() && stored == authenticator(key.expose()).as_bytes();
        let verdict = if is_right {
            ProofVerdict::Opens
        } else {
            ProofVerdict::DoesNotOpen
        };
        let volume = VolumeProof::new(ByteRange::at(0, image.length()), "fake", verdict);
        Ok(KeyProof::of_volumes(vec![volume]))
    }
}
