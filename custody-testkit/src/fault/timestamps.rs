use std::fmt;

use async_trait::async_trait;
use custody_core::digest::Sha256Digest;
use custody_core::port::TimestampAuthority;
use custody_core::{Acted, Result};

use crate::fake::FakeTimestamps;

/// How a [`FaultyTimestamps`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampFault {
    /// The imprint is of the message's digest.
    StampsTheDigestsDigest,
    /// A refusal is an empty token.
    RefusalIsAnEmptyToken,
}

/// An authority with one fault.
#[derive(Debug)]
pub struct FaultyTimestamps {
    inner: FakeTimestamps,
    fault: TimestampFault,
}

impl FaultyTimestamps {
    /// This authority with this fault.
    #[must_use]
    pub const fn new(inner: FakeTimestamps, fault: TimestampFault) -> Self {
        Self { inner, fault }
    }
}

impl fmt::Display for FaultyTimestamps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl TimestampAuthority for FaultyTimestamps {
    async fn stamp(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        match self.fault {
            TimestampFault::StampsTheDigestsDigest => {
                self.inner.stamp(Sha256Digest::of(message).as_bytes()).await
            }
            TimestampFault::RefusalIsAnEmptyToken => match self.inner.stamp(message).await {
                Err(_) => Ok(Acted::local(Vec::new())),
                stamped => stamped,
            },
        }
    }
}
