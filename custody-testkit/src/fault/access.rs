use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use custody_core::port::{DiskSnapshot, GrantOptions, OpenedSource, ReadGrant, SourceAccess, SourceState};
use custody_core::{Acted, Error, Result};

use super::image::{FaultyImage, ImageFault};
use crate::fake::{FakeMachine, MemoryImage};
use crate::shared::Shared;

/// How a [`FaultyAccess`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessFault {
    /// Grants last a day longer than asked for.
    GrantsForLonger,
    /// Revoking ends nothing.
    RevokesNothing,
    /// Revoking where there is no grant fails.
    RevokesOnlyWhatIsGranted,
    /// What is opened reads short.
    OpensWhatReadsShort,
    /// Opening writes to the source.
    OpeningWrites,
    /// A state pins nothing.
    PinsNothing,
    /// A source is opened whatever it is described as.
    OpensWhateverIsThere,
    /// A source that is gone opens as one that is empty.
    OpensWhatIsGone,
    /// Each opening shows a sector more than the one before.
    OpensLongerEachTime,
}

/// Source access with one fault.
#[derive(Debug)]
pub struct FaultyAccess {
    inner: FakeMachine,
    fault: AccessFault,
    openings: Shared<usize>,
}

impl FaultyAccess {
    /// This machine's access with this fault.
    #[must_use]
    pub fn new(inner: FakeMachine, fault: AccessFault) -> Self {
        Self {
            inner,
            fault,
            openings: Shared::new(0),
        }
    }

    fn known(&self, name: &custody_core::ids::SnapshotName) -> Option<DiskSnapshot> {
        self.inner
            .snapshots()
            .into_iter()
            .find(|known| known.name == *name)
    }

    fn open_short(&self, snapshot: &DiskSnapshot) -> Result<OpenedSource> {
        let bytes = self.inner.snapshot_bytes(&snapshot.name)?;
        let image = MemoryImage::new(snapshot.name.to_string(), bytes);
        let image = FaultyImage::new(image, ImageFault::ReadsShort);
        Ok(OpenedSource::new(Arc::new(image)))
    }

    fn open_longer(&self, snapshot: &DiskSnapshot) -> Result<OpenedSource> {
        let mut bytes = self.inner.snapshot_bytes(&snapshot.name)?;
        let mut openings = self.openings.lock();
        bytes.resize(bytes.len() + 512 * *openings, 0);
        *openings += 1;
        let image = MemoryImage::new(snapshot.name.to_string(), bytes);
        Ok(OpenedSource::new(Arc::new(image)))
    }
}

impl fmt::Display for FaultyAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SourceAccess for FaultyAccess {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        let mut options = options;
        if self.fault == AccessFault::GrantsForLonger {
            options.lifetime += Duration::from_secs(24 * 3600);
        }
        self.inner.grant(snapshot, options).await
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        match self.fault {
            AccessFault::RevokesNothing => Ok(Acted::local(())),
            AccessFault::RevokesOnlyWhatIsGranted if !self.inner.live_grants().contains(&snapshot.name) => {
                Err(Error::NotFound {
                    object: format!("a grant on {}", snapshot.name),
                })
            }
            _ => self.inner.revoke(snapshot).await,
        }
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        match (self.fault, self.known(&snapshot.name)) {
            (AccessFault::OpensWhatReadsShort, _) => {
                self.inner.open(snapshot, grant).await?;
                self.open_short(snapshot)
            }
            (AccessFault::OpeningWrites, Some(known)) => {
                let bytes = self.inner.snapshot_bytes(&known.name)?;
                let first = bytes.get(..1).unwrap_or_default();
                self.inner.write_snapshot(&known.name, 0, first)?;
                self.inner.open(snapshot, grant).await
            }
            (AccessFault::OpensWhateverIsThere, Some(known)) => self.inner.open(&known, grant).await,
            (AccessFault::OpensWhatIsGone, None) => {
                let image = MemoryImage::new(snapshot.name.to_string(), []);
                Ok(OpenedSource::new(Arc::new(image)))
            }
            (AccessFault::OpensLongerEachTime, _) => {
                self.inner.open(snapshot, grant).await?;
                self.open_longer(snapshot)
            }
            _ => self.inner.open(snapshot, grant).await,
        }
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        let mut state = self.inner.state(snapshot).await?;
        if self.fault == AccessFault::PinsNothing {
            state.noted.append(&mut state.pinned);
        }
        Ok(state)
    }
}
