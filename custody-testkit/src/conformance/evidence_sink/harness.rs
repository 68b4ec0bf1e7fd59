use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent};
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    DepositOptions, EvidenceReader, EvidenceReaderExt as _, EvidenceSink, ProtectionKind, ReadGrant, Receipt,
};
use custody_core::{Acted, Error, Result, layout};
use futures::StreamExt as _;

/// A fresh sink, the reader of the same store, and what the clauses need beyond them.
pub struct SinkHarness {
    pub(super) sink: Arc<dyn EvidenceSink>,
    pub(super) reader: Arc<dyn EvidenceReader>,
    pub(super) folder: ObjectName,
    pub(super) acquisition: AcquisitionId,
    pub(super) reopen: Option<Box<dyn Fn() -> (Arc<dyn EvidenceSink>, Arc<dyn EvidenceReader>)>>,
    pub(super) foreign: Option<Box<dyn Fn(&ObjectName)>>,
    pub(super) blind: Option<Arc<dyn EvidenceSink>>,
    pub(super) full: Option<FullStore>,
    pub(super) grant: Option<(ReadGrant, Vec<u8>)>,
    pub(super) link: Option<LinkOutside>,
    pub(super) losses: Option<Losses>,
    pub(super) holds: ProtectionKind,
    keep: Vec<Box<dyn Any>>,
}

pub(super) struct FullStore {
    pub(super) sink: Arc<dyn EvidenceSink>,
    pub(super) reader: Arc<dyn EvidenceReader>,
    pub(super) room: u64,
}

pub(super) enum Losses {
    /// A store on the way to which bytes are lost.
    Of {
        sink: Arc<dyn EvidenceSink>,
        reader: Arc<dyn EvidenceReader>,
    },
    /// Nothing can be lost on the way, or no test can make it so.
    None,
}

pub(super) enum LinkOutside {
    /// Puts a link under the name, which leads out of the store; gives what tells whether anything
    /// arrived there.
    Planted(Box<dyn Fn(&ObjectName) -> Box<dyn Fn() -> bool>>),
    /// The storage knows no links.
    Unknown,
}

impl SinkHarness {
    /// An empty store, seen through its sink and its reader.
    #[must_use]
    pub fn new(sink: Arc<dyn EvidenceSink>, reader: Arc<dyn EvidenceReader>) -> Self {
        let case = "Case 1/1".parse().expect("a case id");
        let acquisition = "20261121T203015Z-0123abcd".parse().expect("an acquisition id");
        Self {
            sink,
            reader,
            folder: layout::acquisition_folder(&case, &acquisition),
            acquisition,
            reopen: None,
            foreign: None,
            blind: None,
            full: None,
            grant: None,
            link: None,
            losses: None,
            holds: ProtectionKind::None,
            keep: Vec::new(),
        }
    }

    /// This opens new instances over the same storage, as a process does that was started anew.
    #[must_use]
    pub fn reopened_by(
        mut self,
        reopen: impl Fn() -> (Arc<dyn EvidenceSink>, Arc<dyn EvidenceReader>) + 'static,
    ) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// This puts something under a name of the acquisition's folder that the acquisition did not make.
    #[must_use]
    pub fn with_foreign(mut self, put: impl Fn(&ObjectName) + 'static) -> Self {
        self.foreign = Some(Box::new(put));
        self
    }

    /// A sink that cannot tell what is under any name: its service does not answer, its folder cannot
    /// be looked into.
    #[must_use]
    pub fn with_blind_sink(mut self, sink: Arc<dyn EvidenceSink>) -> Self {
        self.blind = Some(sink);
        self
    }

    /// Another store that takes fewer than `room` bytes.
    #[must_use]
    pub fn with_full_store(
        mut self,
        sink: Arc<dyn EvidenceSink>,
        reader: Arc<dyn EvidenceReader>,
        room: u64,
    ) -> Self {
        self.full = Some(FullStore { sink, reader, room });
        self
    }

    /// A grant from which the sink may import, and the bytes behind it.
    #[must_use]
    pub fn with_grant(mut self, grant: ReadGrant, bytes: impl Into<Vec<u8>>) -> Self {
        self.grant = Some((grant, bytes.into()));
        self
    }

    /// This puts a link under a name, which leads out of the store, and gives what tells whether
    /// anything arrived there.
    #[must_use]
    pub fn with_link_outside(
        mut self,
        plant: impl Fn(&ObjectName) -> Box<dyn Fn() -> bool> + 'static,
    ) -> Self {
        self.link = Some(LinkOutside::Planted(Box::new(plant)));
        self
    }

    /// The storage knows no links.
    #[must_use]
    pub fn without_links(mut self) -> Self {
        self.link = Some(LinkOutside::Unknown);
        self
    }

    /// Another store, on the way to which bytes of each object of 60,003 bytes whose name ends with `lost-kept` or
    /// `lost-again` are lost at least once.
    #[must_use]
    pub fn with_lossy_store(mut self, sink: Arc<dyn EvidenceSink>, reader: Arc<dyn EvidenceReader>) -> Self {
        self.losses = Some(Losses::Of { sink, reader });
        self
    }

    /// Nothing can be lost on the way to the storage, or no test can make it so.
    #[must_use]
    pub fn losing_nothing(mut self) -> Self {
        self.losses = Some(Losses::None);
        self
    }

    /// What really protects objects in this storage, as whoever set it up knows. Default: nothing.
    #[must_use]
    pub fn protected_by(mut self, kind: ProtectionKind) -> Self {
        self.holds = kind;
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    /// The acquisition that the clauses' objects belong to.
    #[must_use]
    pub const fn acquisition(&self) -> &AcquisitionId {
        &self.acquisition
    }

    /// The folder that the clauses' objects lie in: `cases/<case>/<acquisition>`.
    #[must_use]
    pub const fn folder(&self) -> &ObjectName {
        &self.folder
    }

    pub(super) fn name(&self, file: &str) -> ObjectName {
        self.folder.join(&layout::segment(file))
    }

    pub(super) fn options(&self, length: usize) -> DepositOptions {
        DepositOptions::new(self.acquisition.clone(), length as u64)
    }

    /// Stores an object in pieces of 1000 bytes.
    pub(super) async fn store(&self, name: &ObjectName, bytes: &[u8]) -> Result<Acted<Receipt>> {
        let mut deposit = self.sink.deposit(name, self.options(bytes.len())).await?;
        for extent in pieces(bytes) {
            deposit.write(extent).await?;
        }
        deposit.commit().await
    }

    /// What a reader finds under the name.
    pub(super) async fn found(&self, name: &ObjectName) -> Result<Option<Bytes>> {
        self.reader.fetch_if_present(name, u64::MAX).await
    }

    /// The names of all objects in the store.
    pub(super) async fn listing(&self) -> Result<Vec<ObjectName>> {
        names(&*self.reader).await
    }
}

/// The names of all objects in a store; what has no object name is passed over.
pub(super) async fn names(reader: &dyn EvidenceReader) -> Result<Vec<ObjectName>> {
    let mut all = reader.list(None);
    let mut names = Vec::new();
    while let Some(object) = all.next().await {
        match object {
            Ok(object) => names.push(object.name),
            Err(error) if matches!(error.meaning(), Error::Malformed { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

/// The bytes as extents of 1000 bytes.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = Extent> + '_ {
    ByteRange::at(0, bytes.len() as u64)
        .pieces(1000)
        .zip(bytes.chunks(1000))
        .map(|(range, piece)| Extent::Data {
            at: range.start(),
            bytes: Bytes::copy_from_slice(piece),
        })
}

impl fmt::Debug for SinkHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SinkHarness({})", self.sink)
    }
}
