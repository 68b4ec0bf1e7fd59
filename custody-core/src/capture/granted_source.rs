//! A source that may have to be read for longer than one grant lives.

use std::fmt;
use std::sync::Arc;

use futures::lock::Mutex;

use super::footer;
use super::opening::expect_length;
use super::state::ItemState;
use super::workflow::Workflow;
use crate::custody_log::FOOTER_BYTES;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent};
use crate::port::{DiskSnapshot, GrantExpiry, ImageReader, ReadGrant};

/// How long before a grant's end a refusal is put down to that end: clocks that count in seconds.
const END_TOLERANCE_MS: i64 = 60_000;

/// The image of a disk snapshot, read under a grant that is given anew when it ended by itself.
///
/// Reading goes on where it was, from the same disk snapshot. A grant that was refused before its end is not renewed:
/// somebody took it away, and a custodian decides.
pub(super) struct GrantedSource<'a> {
    workflow: &'a Workflow<'a>,
    item: &'a ItemState,
    snapshot: &'a DiskSnapshot,
    /// What it was opened as first: length and name stay.
    first: Arc<dyn ImageReader>,
    current: Mutex<Opened>,
}

#[derive(Debug, Clone)]
struct Opened {
    image: Arc<dyn ImageReader>,
    expiry: Option<GrantExpiry>,
    /// How often it was opened before.
    renewals: u64,
}

impl<'a> GrantedSource<'a> {
    /// The image as it was opened under this grant.
    pub(super) fn new(
        workflow: &'a Workflow<'a>,
        item: &'a ItemState,
        snapshot: &'a DiskSnapshot,
        image: Arc<dyn ImageReader>,
        grant: &ReadGrant,
    ) -> Self {
        Self {
            workflow,
            item,
            snapshot,
            first: image.clone(),
            current: Mutex::new(Opened {
                image,
                expiry: grant.expiry(),
                renewals: 0,
            }),
        }
    }

    /// The image as it was opened first: what is told of it is the same whenever it is opened.
    pub(super) fn image(&self) -> &dyn ImageReader {
        self.first.as_ref()
    }

    /// Reads a range.
    pub(super) async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        let opened = self.current.lock().await.clone();
        match opened.image.read(range).await {
            Err(error) => self.renewed(&opened, error).await?.read(range).await,
            read => read,
        }
    }

    /// Reads the footer that begins at `at`.
    pub(super) async fn footer(&self, at: u64) -> Result<[u8; FOOTER_BYTES]> {
        let opened = self.current.lock().await.clone();
        match footer::read(opened.image.as_ref(), at).await {
            Err(error) => footer::read(self.renewed(&opened, error).await?.as_ref(), at).await,
            read => read,
        }
    }

    /// The image under another grant, where the one that it was read under ended; of several reads that find so, one
    /// asks for it. Otherwise the error.
    async fn renewed(&self, refused: &Opened, error: Error) -> Result<Arc<dyn ImageReader>> {
        if !matches!(error.meaning(), Error::PermissionDenied { .. }) {
            return Err(error);
        }
        let mut current = self.current.lock().await;
        if current.renewals != refused.renewals {
            return Ok(current.image.clone());
        }
        let ports = self.workflow.ports();
        let latest = ports.clock.now().unix_millis().saturating_add(END_TOLERANCE_MS);
        if current
            .expiry
            .is_none_or(|expiry| expiry.time().unix_millis() > latest)
        {
            return Err(error);
        }
        self.workflow.step(&format!(
            "{}: access to its disk snapshot ended while it was read: it is granted anew",
            self.item.planned.item
        ));
        let grant = self.workflow.grant(self.item).await?;
        let opened = ports.source.open(self.snapshot, &grant).await?;
        expect_length(self.snapshot, opened.image.as_ref())?;
        // As it stands now: what the first opening told is in it.
        let item = self.workflow.item(&self.item.planned.item).await?;
        self.workflow.note_opening(&item, self.snapshot, &opened).await?;
        let image = opened.image;
        *current = Opened {
            image: image.clone(),
            expiry: grant.expiry(),
            renewals: current.renewals + 1,
        };
        Ok(image)
    }
}

impl fmt::Debug for GrantedSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedSource")
            .field("image", &self.first)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for GrantedSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)
    }
}
