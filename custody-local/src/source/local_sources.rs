use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, DiskId, MachineRef};
use custody_core::port::{
    DiskSnapshot, GrantOptions, ImageReader as _, Machine, NotAcquired, OpenedSource, PlannedSnapshot,
    ReadGrant, SnapshotKind, SnapshotOutcome, SnapshotPlan, Snapshotter, SourceAccess, SourceState,
};
use custody_core::{Acted, Error, Result, visible};

use super::description::{describe, not_acquired};
use super::item::SourceItem;
use super::kernel_tree::KernelTree;
use super::opened::{Claims, policy};
use super::options::SourceOptions;
use super::state::{WRITE_COUNTERS, identity, state};

/// The attribute of a disk snapshot that tells its source from another under the same path.
const IDENTITY: &str = "identity";

/// Image files and block devices of this host as the disks of a machine. Implements [`Snapshotter`] and
/// [`SourceAccess`].
///
/// No copy is made before reading: a disk snapshot here is the source itself, opened read-only
/// ([`SnapshotKind::InPlace`]), so that there is nothing to list or delete. Whether the source changed
/// while it was read shows in its [`SourceState`] before and after, and a file that is written fails the
/// next read.
///
/// A source's [`DiskId`] is its absolute path without symbolic links, escaped;
/// [`from_disk_ids`](Self::from_disk_ids) finds the sources again in a later process, and
/// [`SourceAccess::open`] refuses another file or disk that has taken the path.
///
/// Files are opened with `O_NOATIME` where the kernel permits it. Devices are claimed (`O_EXCL`) from
/// opening to the end of the last reader, so that nothing can mount them meanwhile.
///
/// # Examples
/// ```
/// use custody_core::port::Snapshotter as _;
/// use custody_local::source::{LocalSources, SourceOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let image = folder.path().join("disk.raw");
/// std::fs::write(&image, [0; 4096])?;
/// let sources = LocalSources::named([&image], SourceOptions::default())?;
/// let machine = futures::executor::block_on(sources.describe(sources.machine()))?;
/// assert_eq!(machine.disks[0].format, "raw");
/// assert_eq!(machine.disks[0].length, Some(4096.into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LocalSources {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    machine: MachineRef,
    items: Vec<SourceItem>,
    options: SourceOptions,
    tree: KernelTree,
    described: Mutex<BTreeMap<DiskId, SourceState>>,
    claims: Claims,
}

impl LocalSources {
    /// The sources at these paths: image files, split sets by their first part, block devices.
    ///
    /// Looks at each path, and lists the folder of what may be a split set; opens nothing. Blocks the
    /// thread for so long.
    ///
    /// # Errors
    /// [`Error::NotFound`] and [`Error::PermissionDenied`], naming the path, or the missing part of a split set;
    /// [`Error::Refused`] for what can be no source (a directory, a FIFO, …), for a later part of a split set,
    /// and when a source is named twice; [`Error::Misuse`] when none is named.
    pub fn named<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, options: SourceOptions) -> Result<Self> {
        let items = paths
            .into_iter()
            .map(|path| SourceItem::named(path.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        Self::of(items, options, KernelTree::host())
    }

    /// The sources that an earlier process captured, by their ids. One that is gone by now is found so
    /// when it is used, and does not keep the others from being used.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an id that [`named`](Self::named) never gives; [`Error::Refused`] for one that is
    /// given twice; [`Error::Misuse`] when there is none.
    pub fn from_disk_ids<'a>(
        disks: impl IntoIterator<Item = &'a DiskId>,
        options: SourceOptions,
    ) -> Result<Self> {
        let items = disks
            .into_iter()
            .map(SourceItem::from_disk_id)
            .collect::<Result<Vec<_>>>()?;
        Self::of(items, options, KernelTree::host())
    }

    fn of(items: Vec<SourceItem>, options: SourceOptions, tree: KernelTree) -> Result<Self> {
        if items.is_empty() {
            return Err(Error::misuse("no image file and no block device was named"));
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = items.iter().find(|item| !seen.insert(item.disk.as_str())) {
            return Err(Error::Refused {
                object: twice.disk.to_string(),
                reason: "it is named twice; name each source once".to_owned(),
            });
        }
        let host = rustix::system::uname();
        let machine = format!("local:{}", visible::escape_bytes(host.nodename().to_bytes())).parse()?;
        Ok(Self {
            inner: Arc::new(Inner {
                machine,
                items,
                options,
                tree,
                described: Mutex::default(),
                claims: Claims::default(),
            }),
        })
    }

    /// This host: `local:` and its name.
    #[must_use]
    pub fn machine(&self) -> &MachineRef {
        &self.inner.machine
    }

    /// The sources' ids, in the order in which they were named.
    pub fn disks(&self) -> impl Iterator<Item = &DiskId> {
        self.inner.items.iter().map(|item| &item.disk)
    }

    /// How they are read.
    #[must_use]
    pub fn options(&self) -> &SourceOptions {
        &self.inner.options
    }

    /// Runs file I/O on a thread where it may block.
    async fn unblock<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> T + Send + 'static) -> T {
        let inner = Arc::clone(&self.inner);
        blocking::unblock(move || work(&inner)).await
    }
}

impl Inner {
    fn item(&self, disk: &DiskId) -> Result<&SourceItem> {
        self.items
            .iter()
            .find(|item| item.disk == *disk)
            .ok_or_else(|| Error::NotFound {
                object: format!("{disk} among the sources that were named"),
            })
    }

    fn describe(&self) -> Result<Machine> {
        let mut not = vec![NotAcquired::new(
            "memory",
            "custody takes disks; memory must be taken by other means, while the machine runs",
        )];
        let mut disks = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let now = state(&self.tree, item)?;
            let opened = self.claims.open(&self.tree, &self.options, item)?;
            let disk = describe(item, &opened, &self.options)?;
            not.extend(not_acquired(&opened, &disk));
            disks.push(disk);
            self.described
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(item.disk.clone(), now);
        }
        not.push(NotAcquired::new(
            "every other disk, file and setting of this host, and of the machine that the sources came from",
            "only the sources above were named",
        ));
        let host = rustix::system::uname();
        let shown = |text: &std::ffi::CStr| visible::escape_bytes(text.to_bytes());
        Ok(Machine::new(self.machine.clone(), "local", disks, not)
            .with_attribute("host", shown(host.nodename()))
            .with_attribute(
                "kernel",
                format!("{} {}", shown(host.sysname()), shown(host.release())),
            ))
    }

    fn take(&self, planned: &PlannedSnapshot) -> Result<DiskSnapshot> {
        let item = self.item(&planned.disk)?;
        self.check_described(item)?;
        let opened = self.claims.open(&self.tree, &self.options, item)?;
        let length = opened.image(item, policy(&self.options)).length();
        Ok(DiskSnapshot::new(
            planned.name.clone(),
            planned.disk.clone(),
            SnapshotKind::InPlace,
            length,
        )
        .with_attribute(IDENTITY, identity(&self.tree, &opened.parts()?)?))
    }

    /// Whether the source is what this process described, if it did. Writes to a device are left to the
    /// comparison of states: they change what it holds, not which one it is.
    fn check_described(&self, item: &SourceItem) -> Result<()> {
        let described = self
            .described
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&item.disk)
            .cloned();
        let Some(before) = described else {
            return Ok(());
        };
        let changes = before.changes_until(&state(&self.tree, item)?);
        let change = changes
            .into_iter()
            .find(|(name, _, _)| !WRITE_COUNTERS.contains(&name.as_str()));
        match change {
            None => Ok(()),
            Some((name, before, now)) => {
                let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
                Err(Error::Precondition {
                    object: item.disk.to_string(),
                    expected: format!("{name} {} as when it was described", shown(before)),
                    actual: shown(now),
                })
            }
        }
    }

    fn open(&self, snapshot: &DiskSnapshot) -> Result<OpenedSource> {
        let item = self.item(&snapshot.disk)?;
        let opened = self.claims.open(&self.tree, &self.options, item)?;
        let image = opened.image(item, policy(&self.options));
        let found = identity(&self.tree, &opened.parts()?)?;
        if let Some(expected) = snapshot.attributes.get(IDENTITY)
            && *expected != found
        {
            // Another file lies there: the one that was taken on can be put back.
            return Err(Error::Precondition {
                object: item.disk.to_string(),
                expected: format!("{expected} as when it was taken on"),
                actual: found,
            });
        }
        if let Some(told) = snapshot.length.filter(|told| told.bytes() != image.length()) {
            return Err(Error::Integrity {
                object: item.disk.to_string(),
                place: "length".into(),
                expected: format!("{told} bytes as when it was taken on"),
                actual: format!("{} bytes", image.length()),
            });
        }
        Ok(OpenedSource::new(Arc::new(image)))
    }
}

impl fmt::Display for LocalSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} local sources of {}",
            self.inner.items.len(),
            self.inner.machine
        )
    }
}

#[async_trait]
impl Snapshotter for LocalSources {
    async fn describe(&self, machine: &MachineRef) -> Result<Machine> {
        if *machine != self.inner.machine {
            return Err(Error::NotFound {
                object: format!("{machine} (this host is {})", self.inner.machine),
            });
        }
        self.unblock(Inner::describe).await
    }

    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        let planned = plan.snapshots.clone();
        self.unblock(move |inner| {
            planned
                .iter()
                .map(|planned| SnapshotOutcome {
                    disk: planned.disk.clone(),
                    result: inner.take(planned).map(Acted::local),
                })
                .collect()
        })
        .await
    }

    /// None ever: a source that is read in place has no snapshot.
    async fn list(&self, _of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        Ok(Vec::new())
    }

    /// Refused always: what is read in place is the evidence itself.
    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>> {
        if !warrant.covers(&snapshot.name) {
            return Err(Error::misuse(format!(
                "{warrant} was shown for deleting {}",
                snapshot.name
            )));
        }
        Err(Error::Immutable {
            object: snapshot.disk.to_string(),
            operation: "deletion",
        })
    }
}

#[async_trait]
impl SourceAccess for LocalSources {
    /// Grants nothing that was not there: reading needs this process's own rights. Never expires.
    async fn grant(&self, snapshot: &DiskSnapshot, _options: GrantOptions) -> Result<Acted<ReadGrant>> {
        let item = self.inner.item(&snapshot.disk)?;
        Ok(Acted::local(ReadGrant::new(item.disk.as_str(), "", None)))
    }

    async fn revoke(&self, _snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        Ok(Acted::local(()))
    }

    async fn open(&self, snapshot: &DiskSnapshot, _grant: &ReadGrant) -> Result<OpenedSource> {
        if snapshot.kind != SnapshotKind::InPlace {
            return Err(Error::misuse(format!(
                "{}: a local source is read in place, not from a copy",
                snapshot.disk
            )));
        }
        let snapshot = snapshot.clone();
        self.unblock(move |inner| inner.open(&snapshot)).await
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        let disk = snapshot.disk.clone();
        self.unblock(move |inner| state(&inner.tree, inner.item(&disk)?))
            .await
    }
}
