//! The clauses of [`KeyWrapper`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::Result;
use custody_core::ids::AcquisitionId;
use custody_core::port::{KeyMaterial, KeyWrapper, WrappedKey};
use zeroize::Zeroizing;

use super::clause::{Conforms, ensure, suite};
use crate::fake::pattern;

/// A wrapper that can unwrap what it wraps.
pub struct KeyWrapperHarness {
    wrapper: Arc<dyn KeyWrapper>,
    keep: Vec<Box<dyn Any>>,
}

impl KeyWrapperHarness {
    /// This wrapper.
    #[must_use]
    pub fn new(wrapper: Arc<dyn KeyWrapper>) -> Self {
        Self {
            wrapper,
            keep: Vec::new(),
        }
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    async fn wrap(&self, key: &[u8]) -> Result<WrappedKey> {
        let key = KeyMaterial::new(Zeroizing::new(key.to_vec()));
        Ok(self.wrapper.wrap(&key, &acquisition()?).await?.value)
    }
}

impl fmt::Debug for KeyWrapperHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyWrapperHarness({})", self.wrapper)
    }
}

fn acquisition() -> Result<AcquisitionId> {
    "20261121T203015Z-0123abcd".parse()
}

/// A BitLocker external key, a volume key, a passphrase.
fn keys() -> [Vec<u8>; 3] {
    [
        pattern(156, 1),
        pattern(32, 2),
        b"correct horse battery staple".to_vec(),
    ]
}

/// `KW-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn kw_01_what_is_wrapped_unwraps_to_the_same_bytes(harness: &KeyWrapperHarness) -> Conforms {
    for key in keys() {
        let wrapped = harness.wrap(&key).await?;
        let plain = harness.wrapper.unwrap_key(&wrapped, &acquisition()?).await?.value;
        ensure!(
            plain.expose() == key,
            "a key of {} bytes unwraps to another one",
            key.len()
        );
    }
    Ok(())
}

/// `KW-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn kw_02_the_wrapped_form_does_not_hold_the_key(harness: &KeyWrapperHarness) -> Conforms {
    for key in keys() {
        let wrapped = harness.wrap(&key).await?;
        for part in key.windows(16) {
            let holds = |bytes: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            ensure!(!holds(&wrapped.bytes), "the wrapped form holds a part of the key");
            ensure!(
                !holds(wrapped.wrapping.as_bytes()),
                "the description holds a part of the key"
            );
            let in_attributes = wrapped.attributes.values().any(|value| holds(value.as_bytes()));
            ensure!(!in_attributes, "an attribute holds a part of the key");
        }
    }
    Ok(())
}

/// `KW-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn kw_03_what_was_changed_is_refused(harness: &KeyWrapperHarness) -> Conforms {
    let [key, ..] = keys();
    let wrapped = harness.wrap(&key).await?;
    let mut changed = Vec::new();
    for at in 0..wrapped.bytes.len() {
        let mut other = wrapped.clone();
        if let Some(byte) = other.bytes.get_mut(at) {
            *byte ^= 1;
        }
        changed.push((format!("byte {at} of {} changed", wrapped.bytes.len()), other));
    }
    let length = wrapped.bytes.len();
    for length in [0, 1, length / 2, length.saturating_sub(1)] {
        let mut other = wrapped.clone();
        other.bytes.truncate(length);
        changed.push((format!("all but {length} bytes cut off"), other));
    }
    let mut longer = wrapped.clone();
    longer.bytes.push(0);
    changed.push(("one byte more".into(), longer));
    for (what, other) in changed {
        let outcome = harness.wrapper.unwrap_key(&other, &acquisition()?).await;
        ensure!(outcome.is_err(), "a wrapped key with {what} is unwrapped");
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `KeyWrapper` as tests, on a [`KeyWrapperHarness`](crate::conformance::key_wrapper::KeyWrapperHarness).
    key_wrapper_conformance, key_wrapper, KeyWrapperHarness, [
        kw_01_what_is_wrapped_unwraps_to_the_same_bytes,
        kw_02_the_wrapped_form_does_not_hold_the_key,
        kw_03_what_was_changed_is_refused,
    ]
}
