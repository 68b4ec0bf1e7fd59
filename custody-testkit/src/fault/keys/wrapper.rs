use std::fmt;

use async_trait::async_trait;
use custody_core::ids::AcquisitionId;
use custody_core::port::{KeyMaterial, KeyWrapper, WrappedKey};
use custody_core::{Acted, Result};
use zeroize::Zeroizing;

use crate::fake::FakeKeyWrapper;

/// How a [`FaultyKeyWrapper`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrapperFault {
    /// A key comes back without its last byte.
    CutsKeys,
    /// The attributes of what is wrapped hold the plain key.
    KeepsThePlainKey,
    /// A changed key is unwrapped into zeros.
    UnwrapsChangedRecords,
}

/// A wrapper with one fault.
#[derive(Debug)]
pub struct FaultyKeyWrapper {
    inner: FakeKeyWrapper,
    fault: WrapperFault,
}

impl FaultyKeyWrapper {
    /// This wrapper with this fault.
    #[must_use]
    pub const fn new(inner: FakeKeyWrapper, fault: WrapperFault) -> Self {
        Self { inner, fault }
    }
}

impl fmt::Display for FaultyKeyWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

fn material(bytes: &[u8]) -> KeyMaterial {
    KeyMaterial::new(Zeroizing::new(bytes.to_vec()))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeyWrapper for FaultyKeyWrapper {
    async fn wrap(&self, key: &KeyMaterial, acquisition: &AcquisitionId) -> Result<Acted<WrappedKey>> {
        let mut wrapped = self.inner.wrap(key, acquisition).await?;
        if self.fault == WrapperFault::KeepsThePlainKey
            && let Ok(text) = std::str::from_utf8(key.expose())
        {
            wrapped.value.attributes.insert("passphrase".into(), text.into());
        }
        Ok(wrapped)
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        acquisition: &AcquisitionId,
    ) -> Result<Acted<KeyMaterial>> {
        match (self.fault, self.inner.unwrap_key(wrapped, acquisition).await) {
            (WrapperFault::CutsKeys, Ok(key)) => {
                let bytes = key.value.expose();
                let cut = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default();
                Ok(Acted::local(material(cut)))
            }
            (WrapperFault::UnwrapsChangedRecords, Err(_)) => Ok(Acted::local(material(&[0; 32]))),
            (_, key) => key,
        }
    }

    fn cautions(&self) -> Vec<String> {
        self.inner.cautions()
    }
}
