//! Looks at the state from the side, as no client could: for assertions.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use bytes::Bytes;
use jiff::Timestamp;

use super::world::World;

/// A blob as it is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredBlob {
    /// `PageBlob`, `BlockBlob` or `AppendBlob`.
    pub kind: &'static str,
    /// Its length in bytes.
    pub length: u64,
    /// `pending`, `success`, `failed` or `aborted`, if it came by a copy.
    pub copy_status: Option<&'static str>,
    /// Metadata.
    pub metadata: Vec<(String, String)>,
    /// How many versions there are of it, the current one counted.
    pub versions: usize,
    content: super::content::Content,
}

impl StoredBlob {
    /// All its bytes.
    ///
    /// # Errors
    /// When the file behind it cannot be read.
    pub fn bytes(&self) -> io::Result<Bytes> {
        self.content.read(0..self.length)
    }
}

/// The latest version of a secret, as a vault keeps it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSecret {
    /// Its value. Test data, and yet never printed.
    pub value: String,
    /// What it says of its content.
    pub content_type: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// How many versions there are.
    pub versions: usize,
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("content_type", &self.content_type)
            .field("tags", &self.tags)
            .field("versions", &self.versions)
            .finish_non_exhaustive()
    }
}

/// A snapshot as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSnapshot {
    /// Its ARM id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of the disk that it is of.
    pub source: String,
    /// Whether it is incremental.
    pub incremental: bool,
    /// Whether its bytes can be read through an export now.
    pub has_access: bool,
}

pub(crate) fn blob(world: &World, account: &str, container: &str, name: &str) -> Option<StoredBlob> {
    let blob = world.accounts.get(account)?.blob(container, name)?;
    let version = blob.current.as_ref()?;
    Some(StoredBlob {
        kind: version.kind.name(),
        length: version.content.length(),
        copy_status: version.copy.as_ref().map(|copy| copy.status()),
        metadata: version.metadata.clone(),
        versions: blob.previous.len() + 1,
        content: version.content.clone(),
    })
}

pub(crate) fn blob_names(world: &World, account: &str, container: &str) -> Vec<String> {
    let container = world
        .accounts
        .get(account)
        .and_then(|account| account.containers.get(container));
    let blobs = container.into_iter().flat_map(|container| &container.blobs);
    blobs
        .filter(|(_, blob)| blob.current.is_some())
        .map(|(name, _)| name.clone())
        .collect()
}

pub(crate) fn snapshots(world: &World, now: Timestamp) -> Vec<StoredSnapshot> {
    let each = world.snapshots.iter().map(|(key, snapshot)| StoredSnapshot {
        id: snapshot.id.clone(),
        name: snapshot.name.clone(),
        source: snapshot.source_id.clone(),
        incremental: snapshot.incremental,
        has_access: world.has_access(key, now),
    });
    each.collect()
}

pub(crate) fn restore_points(world: &World) -> Vec<String> {
    let collections = world
        .resources
        .iter()
        .filter(|(_, one)| one["type"] == "Microsoft.Compute/restorePointCollections")
        .filter_map(|(_, one)| one["id"].as_str().map(str::to_owned));
    let points = world.restore_points.values().map(|point| point.id.clone());
    let mut all: Vec<String> = collections.chain(points).collect();
    all.sort();
    all
}

pub(crate) fn live_exports(world: &World, now: Timestamp) -> Vec<String> {
    let live = world.exports.values().filter(|export| export.is_live(now));
    let mut sources: Vec<String> = live.map(|export| export.source.clone()).collect();
    sources.sort();
    sources.dedup();
    sources
}

fn no_disk(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("the scenario has no disk {name:?}"),
    )
}

pub(crate) fn disk_bytes(world: &World, name: &str) -> io::Result<Bytes> {
    let state = world
        .disks
        .values()
        .find(|state| state.disk.name == name)
        .ok_or_else(|| no_disk(name))?;
    state.content.read(0..state.content.length())
}

pub(crate) fn write_disk(world: &mut World, name: &str, offset: u64, bytes: Bytes) -> io::Result<()> {
    let state = world
        .disks
        .values_mut()
        .find(|state| state.disk.name == name)
        .ok_or_else(|| no_disk(name))?;
    state.content.write(offset, bytes);
    Ok(())
}
