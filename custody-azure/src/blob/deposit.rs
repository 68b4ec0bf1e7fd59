use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use azure_core::http::RequestContent;
use azure_storage_blob::BlockBlobClient;
use azure_storage_blob::models::{
    BlockBlobClientCommitBlockListOptions, BlockBlobClientStageBlockOptions, BlockLookupList,
};
use bytes::{Bytes, BytesMut};
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{Deposit, DepositOptions, Receipt};
use custody_core::{Acted, Error, Result, hex};

use super::facts::{ACQUISITION, BlobFacts, DEPOSIT};
use super::{BlobStore, action};
use crate::http::{Call, Failing, Repeat, refusal_of};

/// The bytes of a staged block, as long as that many blocks are enough.
const BLOCK_BYTES: u64 = 4 * 1024 * 1024;
/// The most blocks of a blob. Source: Azure docs, storage-blob-scale-targets, read 2026-11-21.
const MAX_BLOCKS: u64 = 50_000;
/// The largest block. Source: as above.
const MAX_BLOCK_BYTES: u64 = 4000 * 1024 * 1024;

const _: () = assert!(BLOCK_BYTES <= MAX_BLOCK_BYTES);

/// A block blob on its way: blocks are staged under a name that is not there until they are committed.
///
/// Holds one block in memory: 4 MiB up to 195 GiB of object, then a 50,000th of it (1 TiB: 21 MiB; 8 TiB: 168 MiB;
/// 32 TiB: 672 MiB).
pub(super) struct BlobDeposit {
    store: BlobStore,
    name: ObjectName,
    acquisition: AcquisitionId,
    length: u64,
    block_bytes: u64,
    /// Names this deposit's blocks, so that they never mix with those of another under the same name.
    nonce: [u8; 8],
    staging: BlockBlobClient,
    buffer: BytesMut,
    next: u64,
    blocks: u32,
}

impl BlobDeposit {
    pub(super) fn begin(store: BlobStore, name: ObjectName, options: &DepositOptions) -> Result<Self> {
        let block_bytes = options.length.div_ceil(MAX_BLOCKS).max(BLOCK_BYTES);
        if block_bytes > MAX_BLOCK_BYTES {
            return Err(Error::Unsupported {
                operation: "storing more than 190 TiB as one blob",
                provider: store.to_string(),
            });
        }
        let mut nonce = [0; 8];
        store.entropy.fill(&mut nonce)?;
        Ok(Self {
            staging: store.block_client(&name, Repeat::Freely)?,
            store,
            name,
            acquisition: options.acquisition.clone(),
            length: options.length,
            block_bytes,
            nonce,
            buffer: BytesMut::new(),
            next: 0,
            blocks: 0,
        })
    }

    fn block_id(&self, number: u32) -> Vec<u8> {
        [self.nonce.as_slice(), &number.to_be_bytes()].concat()
    }

    /// Takes bytes into the block at hand, and stages it when it is full.
    async fn take(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            self.make_room();
            let room = self.room();
            let part = bytes.split_to(bytes.len().min(room));
            self.buffer.extend_from_slice(&part);
            if self.room() == 0 {
                self.stage().await?;
            }
        }
        Ok(())
    }

    async fn take_zeros(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            self.make_room();
            let part = count.min(self.room() as u64);
            let to = self
                .buffer
                .len()
                .saturating_add(usize::try_from(part).unwrap_or_default());
            self.buffer.resize(to, 0);
            count -= part;
            if self.room() == 0 {
                self.stage().await?;
            }
        }
        Ok(())
    }

    /// One allocation a block, of its own size: growing would hold twice as much, and a short object needs less.
    fn make_room(&mut self) {
        if self.buffer.is_empty() {
            let staged = u64::from(self.blocks).saturating_mul(self.block_bytes);
            let rest = self.length.saturating_sub(staged).min(self.block_bytes);
            self.buffer.reserve(usize::try_from(rest).unwrap_or_default());
        }
    }

    fn room(&self) -> usize {
        usize::try_from(self.block_bytes)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.buffer.len())
    }

    /// Staging the same block twice is the same as once, so it may be repeated.
    async fn stage(&mut self) -> Result<()> {
        let bytes = self.buffer.split().freeze();
        let call = Call::new();
        let options = BlockBlobClientStageBlockOptions {
            method_options: call.options(),
            ..Default::default()
        };
        let length = bytes.len() as u64;
        let content = bytes.into();
        let shown = self.store.shown(&self.name);
        let failing = Failing {
            object: &shown,
            action: action::WRITE,
        };
        self.staging
            .stage_block(&self.block_id(self.blocks), length, content, Some(options))
            .await
            .map_err(|error| failing.because(&call, error))?;
        self.blocks += 1;
        Ok(())
    }

    #[expect(
        clippy::field_reassign_with_default,
        reason = "the library's type can be made no other way"
    )]
    async fn commit_blocks(&self, call: &Call) -> Result<()> {
        let shown = self.store.shown(&self.name);
        let failing = Failing {
            object: &shown,
            action: action::WRITE,
        };
        let mut list = BlockLookupList::default();
        list.latest = Some((0..self.blocks).map(|number| self.block_id(number)).collect());
        let content = RequestContent::try_from(list).map_err(|error| failing.because(call, error))?;
        let metadata = HashMap::from([
            (ACQUISITION.to_owned(), self.acquisition.to_string()),
            (DEPOSIT.to_owned(), hex::encode(&self.nonce)),
        ]);
        let options = BlockBlobClientCommitBlockListOptions {
            if_none_match: Some("*".into()),
            metadata: Some(metadata),
            blob_content_type: Some("application/octet-stream".into()),
            method_options: call.options(),
            ..Default::default()
        };
        self.store
            .block_client(&self.name, Repeat::Never)?
            .commit_block_list(content, Some(options))
            .await
            .map_err(|error| failing.because(call, error))?;
        Ok(())
    }

    fn is_this(&self, facts: &BlobFacts) -> bool {
        facts.deposit.as_deref() == Some(hex::encode(&self.nonce).as_str())
    }

    fn taken(&self) -> Error {
        Error::AlreadyExists {
            object: self.store.shown(&self.name),
        }
    }
}

impl fmt::Debug for BlobDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobDeposit")
            .field("name", &self.name)
            .field("length", &self.length)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Deposit for BlobDeposit {
    async fn write(&mut self, extent: Extent) -> Result<()> {
        let range = extent.range();
        if range.start() != self.next || range.end() > self.length {
            return Err(Error::misuse(format!(
                "{}: {range} was written where byte {} of {} was due",
                self.name, self.next, self.length
            )));
        }
        match extent {
            Extent::Data { bytes, .. } => self.take(bytes).await?,
            Extent::Zero { range, .. } | Extent::Unread { range, .. } => {
                self.take_zeros(range.length()).await?;
            }
        }
        self.next = range.end();
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<Acted<Receipt>> {
        if self.next != self.length {
            return Err(Error::misuse(format!(
                "{}: {} of {} bytes were written",
                self.name, self.next, self.length
            )));
        }
        if !self.buffer.is_empty() {
            self.stage().await?;
        }
        let mut call = Call::new();
        let mut outcome = self.commit_blocks(&call).await;
        let ambiguous = |error: &Error| match error.meaning() {
            Error::Throttled { .. } => true,
            Error::Provider { .. } => refusal_of(error).is_none_or(|refusal| refusal.status >= 500),
            _ => false,
        };
        let remote = self.store.remote(&self.name)?;
        for _ in 0..self.store.patience().retries {
            let Err(error) = &outcome else { break };
            if !ambiguous(error) || remote.look().await?.is_some() {
                break;
            }
            // Not there: it may be sent again, and of two that arrive the condition lets only one be carried out.
            self.store.clock().sleep(self.store.patience().first_wait).await;
            call = Call::new();
            outcome = self.commit_blocks(&call).await;
        }
        let Some(found) = remote.look().await? else {
            return Err(outcome.err().unwrap_or_else(|| Error::NotFound {
                object: self.store.shown(&self.name),
            }));
        };
        if !self.is_this(&found.value) {
            return Err(self.taken().answered(found.service));
        }
        if found.value.length != self.length {
            return Err(Error::Integrity {
                object: self.store.shown(&self.name),
                place: "length".into(),
                expected: format!("{} bytes", self.length),
                actual: format!("{} bytes", found.value.length),
            });
        }
        Ok(Acted {
            value: found.value.receipt(&self.name),
            service: found.service,
        })
    }

    /// Blocks that were staged are not visible; the service forgets them within a week, or when the name is committed.
    async fn abort(self: Box<Self>) -> Result<Acted<()>> {
        Ok(Acted::local(()))
    }
}
