use std::fmt;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use custody_core::extent::{ByteRange, Extent, ZeroWord};
use custody_core::ids::ObjectName;
use custody_core::port::{Deposit, DepositOptions, Receipt, Rereading, Taken};
use custody_core::{Acted, Error, Result};

use super::SinkFault;
use crate::fake::MemoryStore;

/// The first byte that [`SinkFault::ChangesAByte`] changes lies behind so many.
const CHANGED_BEHIND_BYTES: u64 = 64 * 1024;

/// A deposit with its sink's fault.
pub(super) struct FaultyDeposit {
    /// `None` once it was ended.
    inner: Option<Box<dyn Deposit>>,
    store: MemoryStore,
    name: ObjectName,
    length: u64,
    fault: SinkFault,
    /// What was written so far, as it should be.
    written: BytesMut,
    full: bool,
    rereading: Rereading,
    /// Whether the last write ended with something lost.
    lost: bool,
}

impl FaultyDeposit {
    pub(super) fn new(
        inner: Box<dyn Deposit>,
        store: MemoryStore,
        name: ObjectName,
        options: &DepositOptions,
        fault: SinkFault,
    ) -> Self {
        Self {
            inner: Some(inner),
            store,
            name,
            length: options.length,
            fault,
            written: BytesMut::new(),
            full: false,
            rereading: options.rereading,
            lost: false,
        }
    }

    fn ending(&mut self) -> Box<dyn Deposit> {
        if self.fault == SinkFault::ShowsUnfinished {
            self.store.remove(&self.name);
        }
        self.inner
            .take()
            .expect("a deposit ends once: ending it consumes it")
    }

    /// Leaves what was written so far as an object.
    fn leave(&self) {
        self.store.put_foreign(&self.name, self.written.to_vec());
    }

    fn changed(&self, extent: Extent) -> Extent {
        match (self.fault, extent) {
            (SinkFault::ChangesAByte, Extent::Data { at, bytes }) if at >= CHANGED_BEHIND_BYTES => {
                flipped(at, bytes)
            }
            (SinkFault::ChangesWhatIsWrittenAgain, Extent::Data { at, bytes }) if self.lost => {
                flipped(at, bytes)
            }
            (SinkFault::MarksUnreadSectors, Extent::Unread { range, .. }) => Extent::Data {
                at: range.start(),
                bytes: Bytes::from(vec![b'!'; usize::try_from(range.length()).unwrap_or_default()]),
            },
            (_, extent) => extent,
        }
    }
}

fn flipped(at: u64, bytes: Bytes) -> Extent {
    let mut bytes = BytesMut::from(bytes);
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 1;
    }
    let bytes = bytes.freeze();
    Extent::Data { at, bytes }
}

impl fmt::Debug for FaultyDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({:?}, {:?})", self.inner, self.fault)
    }
}

impl Drop for FaultyDeposit {
    fn drop(&mut self) {
        if self.inner.is_none() {
            return;
        }
        match self.fault {
            SinkFault::DropCommits => self.leave(),
            SinkFault::ShowsUnfinished => self.store.remove(&self.name),
            _ => {}
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Deposit for FaultyDeposit {
    async fn write(&mut self, extent: Extent) -> Result<Taken> {
        let end = extent.range().end();
        if self.full {
            return Ok(Taken::for_good(end));
        }
        let extent = self.changed(extent);
        let written = match &extent {
            Extent::Data { bytes, .. } => bytes.clone(),
            Extent::Zero { range, .. } | Extent::Unread { range, .. } => {
                vec![0; usize::try_from(range.length()).unwrap_or_default()].into()
            }
        };
        let inner = self
            .inner
            .as_mut()
            .expect("a deposit that ended cannot be written to");
        let taken = match (self.fault, inner.write(extent).await) {
            (SinkFault::CutsOffWhenFull, Err(error)) if matches!(error.meaning(), Error::NoSpace { .. }) => {
                self.full = true;
                return Ok(Taken::for_good(end));
            }
            (_, outcome) => outcome?,
        };
        self.lost = taken.due != end;
        self.written.extend_from_slice(&written);
        Ok(match self.fault {
            SinkFault::WantsAgainWhatIsGone if self.rereading == Rereading::Impossible => Taken::lost_from(0),
            SinkFault::WantsAgainWhatIsSettled if !self.lost => Taken::for_good(end),
            _ => taken,
        })
    }

    async fn commit(mut self: Box<Self>) -> Result<Acted<Receipt>> {
        if self.full {
            self.ending().abort().await?;
            self.leave();
            return Ok(Acted::local(Receipt::new(self.name.clone(), self.length)));
        }
        let written = self.written.len() as u64;
        if self.fault == SinkFault::PadsShortDeposits && written < self.length {
            let missing = ByteRange::at(written, self.length - written);
            let word = ZeroWord::FileSystemHole;
            self.write(Extent::Zero { range: missing, word }).await?;
        }
        self.ending().commit().await
    }

    async fn abort(mut self: Box<Self>) -> Result<Acted<()>> {
        let aborted = self.ending().abort().await?;
        if self.fault == SinkFault::AbortCommits {
            self.leave();
        }
        Ok(aborted)
    }
}
