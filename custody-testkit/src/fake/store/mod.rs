//! A store in memory: sink, reader and anchor over one set of objects.

mod anchor;
mod deposit;
mod import;
mod reader;
mod sink;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use bytes::Bytes;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{LogHead, LogName, Protection, ProtectionKind, Receipt, SinkCapabilities};
use custody_core::{Error, Result, ServiceRecord};

use super::image::{Content, MemoryImage};
use super::machine::FakeMachine;
use crate::shared::Shared;
use import::Import;

/// A store in memory. Clones are the same store, so that a clone kept by a test, or handed to a second
/// set of ports, sees what the first one stored: that is what a restart of the process looks like.
///
/// It takes streams and copies from grants of a [`FakeMachine`], places holds, anchors logs, and lists
/// all of it to an [`EvidenceReader`](custody_core::port::EvidenceReader). It protects nothing, and says so.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    capabilities: SinkCapabilities,
    protection: Protection,
    source: Option<FakeMachine>,
    state: Shared<StoreState>,
}

#[derive(Default)]
struct StoreState {
    objects: BTreeMap<ObjectName, Object>,
    /// Deposits begun and neither committed nor aborted, by name; the number tells whose turn it is.
    staging: BTreeMap<ObjectName, u64>,
    imports: BTreeMap<ObjectName, Import>,
    import_polls: u64,
    import_failure: Option<String>,
    import_alteration: Option<fn(&mut [u8])>,
    heads: BTreeMap<LogName, LogHead>,
    /// Bytes of appends that were cut short, never read as lines.
    interrupted: BTreeMap<LogName, Vec<u8>>,
    nameless: BTreeSet<String>,
    capacity: Option<u64>,
    /// Objects arrive in blocks of so many bytes, and go for good block by block.
    block_bytes: Option<u64>,
    /// The bytes with whose arrival the block that they lie in is lost, in order.
    losses: VecDeque<u64>,
    requests: u64,
}

/// A committed object.
struct Object {
    content: Shared<Content>,
    /// Whose it is; `None` for one that others made.
    owner: Option<AcquisitionId>,
    version: u64,
    held: bool,
}

impl StoreState {
    fn answer(&mut self, call: &'static str) -> ServiceRecord {
        self.requests += 1;
        ServiceRecord::none()
            .with_id("fake-request-id", format!("{call}-{}", self.requests))
            .with_status("201")
            .with_attempts(1)
    }

    fn used(&self) -> u64 {
        self.objects
            .values()
            .map(|object| object.content.lock().length())
            .sum()
    }

    fn is_taken(&self, name: &ObjectName) -> bool {
        self.objects.contains_key(name) || self.imports.contains_key(name)
    }

    fn put(&mut self, name: &ObjectName, bytes: Vec<u8>, owner: Option<AcquisitionId>, held: bool) {
        self.requests += 1;
        let object = Object {
            content: Shared::new(Content {
                bytes,
                ..Content::default()
            }),
            owner,
            version: self.requests,
            held,
        };
        self.objects.insert(name.clone(), object);
    }

    fn object(&self, name: &ObjectName) -> Result<&Object> {
        self.objects.get(name).ok_or_else(|| Error::NotFound {
            object: name.to_string(),
        })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that takes streams and holds.
    #[must_use]
    pub fn new() -> Self {
        let mut capabilities = SinkCapabilities::deposit_only();
        capabilities.hold = true;
        Self {
            capabilities,
            protection: Protection::new(
                ProtectionKind::None,
                "objects lie in the memory of a test: nothing protects them",
            ),
            source: None,
            state: Shared::new(StoreState {
                import_polls: 3,
                ..StoreState::default()
            }),
        }
    }

    /// Also copies from grants of this machine, on its own: the service's side of a server-side import.
    #[must_use]
    pub fn importing_from(mut self, machine: FakeMachine) -> Self {
        self.capabilities.import = true;
        self.source = Some(machine);
        self
    }

    /// Offers only this.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: SinkCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Claims this protection.
    #[must_use]
    pub fn with_protection(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }

    /// Takes objects in blocks of so many bytes. Where bytes can be had again, the arrival of each of these bytes, in this
    /// order, loses the block that it lies in once, whatever the object.
    #[must_use]
    pub fn losing(self, block_bytes: u64, losses: impl IntoIterator<Item = u64>) -> Self {
        {
            let mut state = self.state.lock();
            state.block_bytes = Some(block_bytes.max(1));
            state.losses = losses.into_iter().collect();
        }
        self
    }

    /// How many losses are still to come.
    #[must_use]
    pub fn losses_left(&self) -> usize {
        self.state.lock().losses.len()
    }

    /// Has room for so many bytes of objects.
    pub fn set_capacity(&self, bytes: u64) {
        self.state.lock().capacity = Some(bytes);
    }

    /// Has room for everything.
    pub fn lift_capacity(&self) {
        self.state.lock().capacity = None;
    }

    /// The committed objects' names, logs and checkpoints included, ascending.
    #[must_use]
    pub fn names(&self) -> Vec<ObjectName> {
        self.state.lock().objects.keys().cloned().collect()
    }

    /// The bytes of a committed object.
    #[must_use]
    pub fn bytes(&self, name: &ObjectName) -> Option<Bytes> {
        let state = self.state.lock();
        let bytes = state.objects.get(name)?.content.lock().bytes.clone();
        Some(bytes.into())
    }

    /// Whether a legal hold lies on the object.
    #[must_use]
    pub fn is_held(&self, name: &ObjectName) -> bool {
        self.state
            .lock()
            .objects
            .get(name)
            .is_some_and(|object| object.held)
    }

    /// The names of deposits and copies that were begun and are not finished: empty at the end of every
    /// run.
    #[must_use]
    pub fn unfinished(&self) -> Vec<ObjectName> {
        let state = self.state.lock();
        state
            .staging
            .keys()
            .chain(state.imports.keys())
            .cloned()
            .collect()
    }

    /// Puts somebody else's object under a name, over whatever was there.
    pub fn put_foreign(&self, name: &ObjectName, bytes: impl Into<Vec<u8>>) {
        self.state.lock().put(name, bytes.into(), None, false);
    }

    /// Puts another object of the same owner in this one's place: what a store must never allow. Open
    /// readers of it fail.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such object.
    pub fn replace(&self, name: &ObjectName, bytes: impl Into<Vec<u8>>) -> Result<()> {
        let state = self.state.lock();
        MemoryImage::over(name.to_string(), state.object(name)?.content.clone()).replace(bytes);
        Ok(())
    }

    /// Flips bits of one stored byte, as failing storage does. Nothing but the bytes tells of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such object or no such byte.
    pub fn corrupt(&self, name: &ObjectName, at: usize, bits: u8) -> Result<()> {
        let state = self.state.lock();
        let mut content = state.object(name)?.content.lock();
        let byte = content.bytes.get_mut(at).ok_or_else(|| Error::NotFound {
            object: format!("{name}, byte {at}"),
        })?;
        *byte ^= bits;
        Ok(())
    }

    /// Makes a range of a stored object unreadable.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such object.
    pub fn fail_reads(&self, name: &ObjectName, range: custody_core::extent::ByteRange) -> Result<()> {
        self.state.lock().object(name)?.content.lock().failing.push(range);
        Ok(())
    }

    /// Takes an object away. Open readers of it fail.
    pub fn remove(&self, name: &ObjectName) {
        if let Some(object) = self.state.lock().objects.remove(name) {
            object.content.lock().identity += 1;
        }
    }

    /// Puts something under a path that is no object name: a hidden file, a link.
    pub fn put_nameless(&self, path: &str) {
        self.state.lock().nameless.insert(path.to_owned());
    }

    fn receipt(&self, name: &ObjectName, object: &Object) -> Receipt {
        let protection = if object.held {
            Protection::new(
                ProtectionKind::LegalHold,
                "a hold of the fake store, which it clears for nobody",
            )
        } else {
            self.protection.clone()
        };
        Receipt::new(name.clone(), object.content.lock().length())
            .with_version("version", object.version.to_string())
            .with_protection(protection)
    }
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory store")
    }
}
