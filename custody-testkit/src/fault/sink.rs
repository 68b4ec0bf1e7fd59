mod deposit;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceSink, ImportOptions, ImportState, ObjectState, Protection,
    ProtectionKind, ReadGrant, Receipt, SinkCapabilities,
};
use custody_core::{Acted, Error, Result};

use crate::fake::MemoryStore;
use crate::shared::Shared;
use deposit::FaultyDeposit;

/// How a [`FaultySink`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkFault {
    /// A byte behind the first 64 KiB of an object is stored changed.
    ChangesAByte,
    /// A deposit under a taken name takes the place of what is there.
    Overwrites,
    /// Something is to be seen under the name from the start of a deposit.
    ShowsUnfinished,
    /// Whoever opens the storage again finds it empty.
    ForgetsWhenReopened,
    /// `abort` commits.
    AbortCommits,
    /// Dropping a deposit commits.
    DropCommits,
    /// What others made counts as this acquisition's.
    AdoptsForeign,
    /// What cannot be told counts as absent.
    CallsUnknownAbsent,
    /// A deposit that is too short is padded.
    PadsShortDeposits,
    /// What could not be read is stored as other bytes than zeros.
    MarksUnreadSectors,
    /// More protection is claimed than there is.
    ClaimsLockedRetention,
    /// What does not fit is cut off.
    CutsOffWhenFull,
    /// Operations that are not offered succeed and do nothing.
    PretendsToOffer,
    /// An import that was begun before is refused.
    RefusesRepeatedImport,
    /// An import is begun although the sink's service cannot read the source.
    ImportsWithoutSigningIn,
    /// A name's escapes are resolved, `..` included.
    ResolvesEscapes,
    /// A link in the way is followed.
    FollowsLinks,
    /// Bytes are wanted again that can be had only once.
    WantsAgainWhatIsGone,
    /// Bytes are wanted again that were told to be settled.
    WantsAgainWhatIsSettled,
    /// What is written again is stored changed.
    ChangesWhatIsWrittenAgain,
}

/// A sink with one fault.
#[derive(Debug)]
pub struct FaultySink {
    inner: Arc<dyn EvidenceSink>,
    store: MemoryStore,
    fault: SinkFault,
    imported: Shared<BTreeSet<ObjectName>>,
    links: FakeLinks,
}

/// Links that lead out of a store which knows none itself, and what arrived outside.
#[derive(Debug, Clone, Default)]
pub struct FakeLinks {
    links: Shared<BTreeSet<ObjectName>>,
    outside: MemoryStore,
}

impl FakeLinks {
    /// No links.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a link under the name.
    pub fn plant(&self, name: &ObjectName) {
        self.links.lock().insert(name.clone());
    }

    /// Whether anything arrived outside.
    #[must_use]
    pub fn arrived_outside(&self) -> bool {
        !self.outside.names().is_empty()
    }

    fn leads_outside(&self, name: &ObjectName) -> bool {
        self.links.lock().iter().any(|link| name.is_under(link))
    }
}

impl FaultySink {
    /// Opens this sink, which lies over this store, with this fault.
    #[must_use]
    pub fn new(inner: Arc<dyn EvidenceSink>, store: MemoryStore, fault: SinkFault) -> Self {
        if fault == SinkFault::ForgetsWhenReopened {
            store.names().iter().for_each(|name| store.remove(name));
        }
        Self {
            inner,
            store,
            fault,
            imported: Shared::default(),
            links: FakeLinks::new(),
        }
    }

    /// With these links in its way. Unless it follows them, it refuses.
    #[must_use]
    pub fn with_links(mut self, links: FakeLinks) -> Self {
        self.links = links;
        self
    }
}

/// The name with `%2E%2E` taken for the folder above.
fn resolve(name: &ObjectName) -> Result<ObjectName> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in name.segments() {
        if segment == "%2E%2E" {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.join("/").parse()
}

impl fmt::Display for FaultySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl EvidenceSink for FaultySink {
    fn capabilities(&self) -> SinkCapabilities {
        self.inner.capabilities()
    }

    async fn protection(&self) -> Result<Protection> {
        if self.fault == SinkFault::ClaimsLockedRetention {
            return Ok(Protection::new(
                ProtectionKind::LockedRetention,
                "nobody can shorten it",
            ));
        }
        self.inner.protection().await
    }

    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        match (self.fault, self.inner.state(name, acquisition).await) {
            (SinkFault::AdoptsForeign, Ok(ObjectState::Foreign)) => {
                Ok(ObjectState::Stored(Receipt::new(name.clone(), 0)))
            }
            (SinkFault::CallsUnknownAbsent, Err(_)) => Ok(ObjectState::Absent),
            (_, told) => told,
        }
    }

    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>> {
        if self.fault == SinkFault::PretendsToOffer && !self.capabilities().import {
            let receipt = Receipt::new(name.clone(), options.length);
            return Ok(Acted::local(ImportState::Done(receipt)));
        }
        let first = self.imported.lock().insert(name.clone());
        if self.fault == SinkFault::RefusesRepeatedImport && !first {
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            });
        }
        if self.fault == SinkFault::ImportsWithoutSigningIn {
            let bare = ReadGrant::new(from.address(), from.expose_secret(), from.expiry());
            return self.inner.import(name, &bare, options).await;
        }
        self.inner.import(name, from, options).await
    }

    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        if self.links.leads_outside(name) {
            if self.fault == SinkFault::FollowsLinks {
                return self.links.outside.deposit(name, options).await;
            }
            return Err(Error::PermissionDenied {
                object: name.to_string(),
                operation: "deposit",
                source: Some("a link is in the way".into()),
            });
        }
        match self.fault {
            SinkFault::Overwrites => self.store.remove(name),
            SinkFault::ResolvesEscapes => return self.inner.deposit(&resolve(name)?, options).await,
            _ => {}
        }
        let inner = self.inner.deposit(name, options.clone()).await?;
        if self.fault == SinkFault::ShowsUnfinished {
            self.store.put_foreign(name, Vec::new());
        }
        Ok(Box::new(FaultyDeposit::new(
            inner,
            self.store.clone(),
            name.clone(),
            &options,
            self.fault,
        )))
    }

    async fn hold(&self, name: &ObjectName) -> Result<Acted<()>> {
        if self.fault == SinkFault::PretendsToOffer && !self.capabilities().hold {
            return Ok(Acted::local(()));
        }
        self.inner.hold(name).await
    }
}
