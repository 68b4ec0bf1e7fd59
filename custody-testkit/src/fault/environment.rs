use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::ids::Timestamp;
use custody_core::port::{Clock, Entropy};

use crate::fake::{FakeClock, SeededEntropy};
use crate::shared::Shared;

/// How a [`FaultyClock`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockFault {
    /// Now and then the monotonic clock goes back.
    GoesBack,
    /// A sleep ends before its time.
    WakesEarly,
}

/// A clock with one fault.
#[derive(Debug)]
pub struct FaultyClock {
    inner: FakeClock,
    fault: ClockFault,
    reads: Shared<u64>,
}

impl FaultyClock {
    /// This clock with this fault.
    #[must_use]
    pub fn new(inner: FakeClock, fault: ClockFault) -> Self {
        Self {
            inner,
            fault,
            reads: Shared::default(),
        }
    }
}

impl fmt::Display for FaultyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Clock for FaultyClock {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn monotonic(&self) -> Duration {
        let mut reads = self.reads.lock();
        *reads += 1;
        let time = self.inner.monotonic();
        if self.fault == ClockFault::GoesBack && reads.is_multiple_of(1000) {
            return time.saturating_sub(Duration::from_millis(10));
        }
        time
    }

    fn boot_id(&self) -> String {
        self.inner.boot_id()
    }

    async fn sleep(&self, duration: Duration) {
        let early = self.fault == ClockFault::WakesEarly;
        self.inner
            .sleep(if early { duration / 2 } else { duration })
            .await;
    }
}

/// How a [`FaultyEntropy`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntropyFault {
    /// Every draw gives the same bytes.
    Repeats,
    /// Only the first 32 bytes are filled.
    FillsOnlyTheStart,
}

/// A source of randomness with one fault.
#[derive(Debug)]
pub struct FaultyEntropy {
    inner: SeededEntropy,
    fault: EntropyFault,
}

impl FaultyEntropy {
    /// This source with this fault.
    #[must_use]
    pub const fn new(inner: SeededEntropy, fault: EntropyFault) -> Self {
        Self { inner, fault }
    }
}

impl fmt::Display for FaultyEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Entropy for FaultyEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        match self.fault {
            EntropyFault::Repeats => SeededEntropy::new(0).fill(bytes),
            EntropyFault::FillsOnlyTheStart => {
                let length = bytes.len().min(32);
                match bytes.get_mut(..length) {
                    Some(start) => self.inner.fill(start),
                    None => Ok(()),
                }
            }
        }
    }
}
