use std::fmt;

use async_trait::async_trait;
use custody_core::digest::Sha256Digest;
use custody_core::ids::AcquisitionId;
use custody_core::port::{KeyMaterial, KeyWrapper, WrappedKey};
use custody_core::{Acted, Error, Result};
use zeroize::Zeroizing;

use crate::shared::Shared;

/// Wraps keys with a key stream of SHA-256 blocks and a tag of SHA-256 over all of it.
///
/// **For tests only**: the construction was made up, the secret lies in the open. It does what the
/// port's clauses demand, so that a test notices a changed record.
#[derive(Debug, Clone)]
pub struct FakeKeyWrapper {
    secret: Sha256Digest,
    wrapped: Shared<u64>,
}

/// What the record says of how it is wrapped.
const WRAPPING: &str = "custody-testkit, for tests only";
const NONCE_BYTES: usize = 8;
const TAG_BYTES: usize = 32;

impl FakeKeyWrapper {
    /// A wrapper with the secret of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            secret: Sha256Digest::of_parts(&[b"custody-testkit wrapper", &seed.to_be_bytes()]),
            wrapped: Shared::new(0),
        }
    }

    /// The same bytes twice give the bytes back.
    fn stream(&self, nonce: &[u8], bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
        for (block, piece) in (0_u64..).zip(bytes.chunks(32)) {
            let pad =
                Sha256Digest::of_parts(&[b"stream", self.secret.as_bytes(), nonce, &block.to_be_bytes()]);
            out.extend(piece.iter().zip(pad.as_bytes()).map(|(byte, pad)| byte ^ pad));
        }
        out
    }

    fn tag(&self, acquisition: &AcquisitionId, wrapping: &str, body: &[u8]) -> Sha256Digest {
        // Length first: no two different records give the same parts.
        let lengths = [acquisition.as_str().len(), wrapping.len()]
            .map(|n| (n as u64).to_be_bytes())
            .concat();
        Sha256Digest::of_parts(&[
            b"tag",
            self.secret.as_bytes(),
            &lengths,
            acquisition.as_str().as_bytes(),
            wrapping.as_bytes(),
            body,
        ])
    }
}

impl fmt::Display for FakeKeyWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fake key wrapper")
    }
}

#[async_trait]
impl KeyWrapper for FakeKeyWrapper {
    async fn wrap(&self, key: &KeyMaterial, acquisition: &AcquisitionId) -> Result<Acted<WrappedKey>> {
        let nonce = {
            let mut wrapped = self.wrapped.lock();
            *wrapped += 1;
            wrapped.to_be_bytes()
        };
        let mut body = nonce.to_vec();
        body.extend_from_slice(&self.stream(&nonce, key.expose()));
        let tag = self.tag(acquisition, WRAPPING, &body);
        body.extend_from_slice(tag.as_bytes());
        Ok(Acted::local(WrappedKey::new(WRAPPING, body)))
    }

    async fn unwrap_key(&self, key: &WrappedKey, acquisition: &AcquisitionId) -> Result<Acted<KeyMaterial>> {
        let refused = |actual: &str| Error::Integrity {
            object: format!("escrowed key of {acquisition}"),
            place: "tag".into(),
            expected: "the tag of this key".into(),
            actual: actual.into(),
        };
        let at = key.bytes.len().checked_sub(TAG_BYTES);
        let (body, tag) = at
            .and_then(|at| key.bytes.split_at_checked(at))
            .ok_or_else(|| refused("too few bytes"))?;
        if self.tag(acquisition, &key.wrapping, body).as_bytes() != tag {
            return Err(refused("another one"));
        }
        let (nonce, wrapped) = body
            .split_at_checked(NONCE_BYTES)
            .ok_or_else(|| refused("too few bytes"))?;
        Ok(Acted::local(KeyMaterial::new(self.stream(nonce, wrapped))))
    }
}
