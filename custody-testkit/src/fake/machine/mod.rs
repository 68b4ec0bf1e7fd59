//! A machine whose disks lie in memory.

mod access;
mod disk;
mod snapshots;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use custody_core::ids::{AcquisitionId, DiskId, MachineRef, Region, SnapshotName, Timestamp};
use custody_core::port::{
    DiskDescription, DiskSnapshot, GrantReach, ImageForm, ImageReader, NotAcquired, ReadGrant, SnapshotKind,
};
use custody_core::{Error, Result, ServiceRecord};

use super::clock::FakeClock;
use super::image::{Content, MemoryImage};
use crate::shared::Shared;

pub use disk::{FakeDisk, pattern};

/// A machine with disks in memory: describes them, takes snapshots, grants access, and lets a test look
/// at and meddle with all of it. Clones are the same machine.
#[derive(Debug, Clone)]
pub struct FakeMachine {
    reference: MachineRef,
    clock: FakeClock,
    state: Shared<MachineState>,
}

#[derive(Default)]
struct MachineState {
    region: Option<Region>,
    disks: Vec<Disk>,
    not_acquired: Vec<NotAcquired>,
    obstacles: Vec<String>,
    snapshots: BTreeMap<SnapshotName, Taken>,
    grants: Vec<LiveGrant>,
    granted: u64,
    most_grants: usize,
    refuse_take: BTreeMap<DiskId, String>,
    /// Whether what is made for an acquisition goes together.
    in_sets: bool,
    calls: BTreeMap<&'static str, u64>,
}

struct Disk {
    description: DiskDescription,
    content: Shared<Content>,
    kind: SnapshotKind,
    access: Access,
}

/// How the snapshots of a disk are granted and opened.
#[derive(Clone, Default)]
struct Access {
    reach: GrantReach,
    form: Option<ImageForm>,
    unsupported: Option<&'static str>,
}

/// A disk snapshot as the machine's provider keeps it.
struct Taken {
    snapshot: DiskSnapshot,
    /// Whose it is; `None` for one that others made.
    owner: Option<AcquisitionId>,
    content: Shared<Content>,
    access: Access,
}

struct LiveGrant {
    snapshot: SnapshotName,
    address: String,
    secret: String,
    expires: Timestamp,
}

impl MachineState {
    fn record(&mut self, call: &'static str) -> ServiceRecord {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        ServiceRecord::none()
            .with_id("fake-request-id", format!("{call}-{count}"))
            .with_status("200")
            .with_attempts(1)
    }

    fn disk(&self, disk: &DiskId) -> Result<&Disk> {
        self.disks
            .iter()
            .find(|known| known.description.disk == *disk)
            .ok_or_else(|| Error::NotFound {
                object: disk.to_string(),
            })
    }
}

impl FakeMachine {
    /// A machine of this name with these disks.
    ///
    /// # Panics
    /// When the name is not fit for a machine reference.
    #[must_use]
    pub fn new(name: &str, disks: Vec<FakeDisk>) -> Self {
        let disks = disks
            .into_iter()
            .map(|disk| Disk {
                description: disk.description,
                content: Shared::new(disk.content),
                kind: disk.kind,
                access: Access {
                    reach: disk.reach,
                    form: disk.form,
                    unsupported: disk.access,
                },
            })
            .collect();
        let not_acquired = vec![NotAcquired::new("memory", "a disk snapshot does not hold it")];
        Self {
            reference: name.parse().expect("a machine's name is visible text"),
            clock: FakeClock::new(),
            state: Shared::new(MachineState {
                disks,
                not_acquired,
                ..MachineState::default()
            }),
        }
    }

    /// Sets the clock that ends grants and dates snapshots.
    #[must_use]
    pub fn with_clock(mut self, clock: FakeClock) -> Self {
        self.clock = clock;
        self
    }

    /// Puts it into a region.
    ///
    /// # Panics
    /// When the name is not fit for a region.
    #[must_use]
    pub fn with_region(self, region: &str) -> Self {
        self.state.lock().region = Some(region.parse().expect("a region's name is visible text"));
        self
    }

    /// Makes the snapshots that are made for one acquisition a set: none of them can be deleted alone.
    #[must_use]
    pub fn taking_sets(self) -> Self {
        self.state.lock().in_sets = true;
        self
    }

    /// The name under which it is described.
    #[must_use]
    pub const fn reference(&self) -> &MachineRef {
        &self.reference
    }

    /// The clock that ends its grants.
    #[must_use]
    pub const fn clock(&self) -> &FakeClock {
        &self.clock
    }

    /// The disk snapshots that read access was granted to and not taken back, and that did not end yet:
    /// empty at the end of every run.
    #[must_use]
    pub fn live_grants(&self) -> Vec<SnapshotName> {
        let now = self.clock.peek();
        let state = self.state.lock();
        let live = state.grants.iter().filter(|grant| grant.expires > now);
        live.map(|grant| grant.snapshot.clone()).collect()
    }

    /// The most grants that were alive at one time.
    #[must_use]
    pub fn most_grants(&self) -> usize {
        self.state.lock().most_grants
    }

    /// The disk snapshots that exist, whoever made them.
    #[must_use]
    pub fn snapshots(&self) -> Vec<DiskSnapshot> {
        let state = self.state.lock();
        state
            .snapshots
            .values()
            .map(|taken| taken.snapshot.clone())
            .collect()
    }

    /// The disk snapshots that we made and that still exist.
    #[must_use]
    pub fn made_snapshots(&self) -> Vec<SnapshotName> {
        let state = self.state.lock();
        let ours = state
            .snapshots
            .values()
            .filter(|taken| taken.owner.is_some() && taken.snapshot.kind == SnapshotKind::Made);
        ours.map(|taken| taken.snapshot.name.clone()).collect()
    }

    /// How often a call of this name was made: `describe`, `take`, `list`, `delete`, `grant`, `revoke`,
    /// `open`, `state`.
    #[must_use]
    pub fn calls(&self, name: &str) -> u64 {
        self.state.lock().calls.get(name).copied().unwrap_or_default()
    }

    /// The bytes of a disk as they are now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such disk.
    pub fn disk_bytes(&self, disk: &DiskId) -> Result<Vec<u8>> {
        Ok(self.state.lock().disk(disk)?.content.lock().bytes.clone())
    }

    /// Writes to a disk, as its owner might while it is being acquired. Snapshots that were made do not
    /// change; a disk that is read in place does.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such disk.
    pub fn write(&self, disk: &DiskId, at: u64, bytes: &[u8]) -> Result<()> {
        self.state.lock().disk(disk)?.content.lock().write(at, bytes);
        Ok(())
    }

    /// Puts another object in a disk's place, as when a file is replaced. Open readers of it fail.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such disk.
    pub fn replace(&self, disk: &DiskId, bytes: impl Into<Vec<u8>>) -> Result<()> {
        MemoryImage::over(disk.to_string(), self.state.lock().disk(disk)?.content.clone()).replace(bytes);
        Ok(())
    }

    /// Cuts a disk off behind `length` bytes, as when a file shrinks.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such disk.
    pub fn truncate(&self, disk: &DiskId, length: usize) -> Result<()> {
        let state = self.state.lock();
        let mut content = state.disk(disk)?.content.lock();
        content.bytes.truncate(length);
        content.writes += 1;
        Ok(())
    }

    /// Takes a disk away.
    pub fn remove(&self, disk: &DiskId) {
        self.state
            .lock()
            .disks
            .retain(|known| known.description.disk != *disk);
    }

    /// Makes it describe itself as one whose disks cannot be taken as asked, for this reason.
    pub fn put_obstacle(&self, reason: &str) {
        self.state.lock().obstacles.push(reason.to_owned());
    }

    /// Makes `take` refuse this disk with these words, until [`allow_take`](Self::allow_take).
    pub fn refuse_take(&self, disk: &DiskId, reason: &str) {
        self.state
            .lock()
            .refuse_take
            .insert(disk.clone(), reason.to_owned());
    }

    /// Ends what [`refuse_take`](Self::refuse_take) began.
    pub fn allow_take(&self, disk: &DiskId) {
        self.state.lock().refuse_take.remove(disk);
    }

    /// Puts a disk snapshot of somebody else's under a name.
    pub fn put_foreign_snapshot(&self, name: &SnapshotName, disk: &DiskId, bytes: impl Into<Vec<u8>>) {
        let content = Content {
            bytes: bytes.into(),
            ..Content::default()
        };
        let snapshot = DiskSnapshot::new(
            name.clone(),
            disk.clone(),
            SnapshotKind::Existing,
            content.length(),
        );
        let taken = Taken {
            snapshot,
            owner: None,
            content: Shared::new(content),
            access: Access::default(),
        };
        self.state.lock().snapshots.insert(name.clone(), taken);
    }

    /// Deletes a disk snapshot behind everybody's back.
    pub fn lose_snapshot(&self, name: &SnapshotName) {
        self.state.lock().snapshots.remove(name);
    }

    /// Flips a bit of one byte of a disk snapshot, as a fault of the storage under it might. Nothing but the
    /// bytes tells of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such snapshot.
    pub fn corrupt_snapshot(&self, name: &SnapshotName, at: usize) -> Result<()> {
        if let Some(byte) = self.content(name)?.lock().bytes.get_mut(at) {
            *byte ^= 1;
        }
        Ok(())
    }

    /// Writes to a disk snapshot, which nobody should be able to.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such snapshot.
    pub fn write_snapshot(&self, name: &SnapshotName, at: u64, bytes: &[u8]) -> Result<()> {
        self.content(name)?.lock().write(at, bytes);
        Ok(())
    }

    /// Cuts a disk snapshot off behind `length` bytes, without anything but opening it that tells.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such snapshot.
    pub fn truncate_snapshot(&self, name: &SnapshotName, length: usize) -> Result<()> {
        self.content(name)?.lock().bytes.truncate(length);
        Ok(())
    }

    /// The bytes of a disk snapshot.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such snapshot.
    pub fn snapshot_bytes(&self, name: &SnapshotName) -> Result<Vec<u8>> {
        Ok(self.content(name)?.lock().bytes.clone())
    }

    fn content(&self, name: &SnapshotName) -> Result<Shared<Content>> {
        let state = self.state.lock();
        let taken = state.snapshots.get(name).ok_or_else(|| Error::NotFound {
            object: name.to_string(),
        })?;
        Ok(taken.content.clone())
    }

    /// What a holder of the grant reads now: what a sink's service does when it copies.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] when the grant was revoked, has ended or never was.
    pub fn open_granted(&self, grant: &ReadGrant) -> Result<Arc<dyn ImageReader>> {
        let (name, content) = self.granted(grant.address(), grant.expose_secret())?;
        Ok(Arc::new(MemoryImage::over(name.to_string(), content)))
    }

    /// All bytes behind a grant.
    pub(crate) fn granted_bytes(&self, address: &str, secret: &str) -> Result<Vec<u8>> {
        let (_, content) = self.granted(address, secret)?;
        let bytes = content.lock().bytes.clone();
        Ok(bytes)
    }

    fn granted(&self, address: &str, secret: &str) -> Result<(SnapshotName, Shared<Content>)> {
        let now = self.clock.peek();
        let state = self.state.lock();
        let denied = || Error::PermissionDenied {
            object: address.to_owned(),
            operation: "read",
            source: Some("the grant was revoked, has ended, or never was".into()),
        };
        let grant = state
            .grants
            .iter()
            .find(|grant| grant.address == address && grant.secret == secret && grant.expires > now);
        let snapshot = &grant.ok_or_else(denied)?.snapshot;
        let taken = state.snapshots.get(snapshot).ok_or_else(|| Error::NotFound {
            object: snapshot.to_string(),
        })?;
        Ok((snapshot.clone(), taken.content.clone()))
    }
}

impl fmt::Display for FakeMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fake machine {}", self.reference)
    }
}
