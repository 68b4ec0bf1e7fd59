use std::fmt;

use async_trait::async_trait;
use azure_storage_blob::BlockBlobClient;
use azure_storage_blob::models::BlockBlobClientStageBlockOptions;
use bytes::{Bytes, BytesMut};
use custody_core::extent::Extent;
use custody_core::ids::ObjectName;
use custody_core::port::{Deposit, DepositOptions, Receipt, Rereading, Taken};
use custody_core::{Acted, Error, Result};

use super::block_checksum::BlockChecksum;
use super::block_list::{BlockList, may_have_been_done};
use super::streamed_block::StreamedBlock;
use super::{BlobStore, action};
use crate::http::{Call, Failing, Repeat, refusal_of};

/// The bytes of a block that is kept until it is staged, as long as that many blocks are enough.
const KEPT_BLOCK_BYTES: u64 = 1024 * 1024;
/// The bytes of a block that is streamed, as long as that many blocks are enough.
const STREAMED_BLOCK_BYTES: u64 = 16 * 1024 * 1024;
/// Larger blocks are a multiple of so many bytes.
const BLOCK_STEP_BYTES: u64 = 1024 * 1024;
/// The most blocks of a blob. Source: Azure docs, storage-blob-scale-targets, read 2026-11-21.
const MAX_BLOCKS: u64 = 50_000;
/// The largest block. Source: as above.
const MAX_BLOCK_BYTES: u64 = 4000 * 1024 * 1024;
/// Zeros are sent in pieces of so many bytes.
const ZERO_PIECE_BYTES: usize = 1024 * 1024;
static ZEROS: [u8; ZERO_PIECE_BYTES] = [0; ZERO_PIECE_BYTES];

const _: () = assert!(STREAMED_BLOCK_BYTES <= MAX_BLOCK_BYTES);
const _: () = assert!(MAX_BLOCK_BYTES.is_multiple_of(BLOCK_STEP_BYTES));

/// A block blob on its way: blocks are staged under a name that is not there until they are committed.
///
/// Where bytes can be had again, a block is sent as it comes and nothing of it is kept, however large it is (8 TiB: 168
/// MiB); one that is lost is wanted again from its start. Where they cannot, one block is kept: 1 MiB up to 48 GiB of
/// object, then a 50,000th of it.
pub(super) struct BlobDeposit {
    list: BlockList,
    block_bytes: u64,
    staging: Staging,
    next: u64,
    blocks: u32,
}

/// The block at hand.
enum Staging {
    /// Kept until it is whole, so that it can be sent as often as it takes.
    Kept {
        client: BlockBlobClient,
        buffer: BytesMut,
    },
    /// On its way while its bytes come.
    Streamed {
        block: Option<StreamedBlock>,
        /// How often it was lost.
        losses: u32,
    },
}

impl BlobDeposit {
    pub(super) fn begin(store: BlobStore, name: ObjectName, options: &DepositOptions) -> Result<Self> {
        let (least, staging) = match options.rereading {
            Rereading::Impossible => (
                KEPT_BLOCK_BYTES,
                Staging::Kept {
                    client: store.block_client(&name, Repeat::Freely)?,
                    buffer: BytesMut::new(),
                },
            ),
            Rereading::OnDemand => (
                STREAMED_BLOCK_BYTES,
                Staging::Streamed {
                    block: None,
                    losses: 0,
                },
            ),
        };
        let enough = options.length.div_ceil(MAX_BLOCKS);
        let block_bytes = enough.next_multiple_of(BLOCK_STEP_BYTES).max(least);
        if block_bytes > MAX_BLOCK_BYTES {
            return Err(Error::Unsupported {
                operation: "storing more than 190 TiB as one blob",
                provider: store.to_string(),
            });
        }
        let mut nonce = [0; 8];
        store.entropy.fill(&mut nonce)?;
        Ok(Self {
            list: BlockList {
                store,
                name,
                acquisition: options.acquisition.clone(),
                length: options.length,
                nonce,
            },
            staging,
            block_bytes,
            next: 0,
            blocks: 0,
        })
    }

    /// Where the block at hand begins; all before it is staged.
    fn block_start(&self) -> u64 {
        u64::from(self.blocks).saturating_mul(self.block_bytes)
    }

    fn block_end(&self) -> u64 {
        self.block_start()
            .saturating_add(self.block_bytes)
            .min(self.list.length)
    }

    /// Takes an extent into the block at hand, and begins another one where that is whole.
    async fn take(&mut self, extent: Extent) -> Result<()> {
        match extent {
            Extent::Data { mut bytes, .. } => {
                while !bytes.is_empty() {
                    let part = bytes.split_to(self.room(bytes.len()));
                    self.put(part).await?;
                }
            }
            Extent::Zero { range, .. } | Extent::Unread { range, .. } => {
                while self.next < range.end() {
                    let left = usize::try_from(range.end() - self.next).unwrap_or(usize::MAX);
                    let count = self.room(left.min(ZERO_PIECE_BYTES));
                    self.put(Bytes::from_static(&ZEROS).slice(..count)).await?;
                }
            }
        }
        Ok(())
    }

    /// How many of so many bytes the block at hand takes.
    fn room(&self, bytes: usize) -> usize {
        let room = self.block_end().saturating_sub(self.next);
        usize::try_from(room).unwrap_or(usize::MAX).min(bytes)
    }

    /// Takes bytes that all belong to the block at hand, and stages it when it is whole.
    async fn put(&mut self, part: Bytes) -> Result<()> {
        let length = self.block_end() - self.block_start();
        self.next += part.len() as u64;
        let is_whole = self.next == self.block_end();
        let (id, shown) = (self.list.id(self.blocks), self.list.store.shown(&self.list.name));
        match &mut self.staging {
            Staging::Kept { client, buffer } => {
                // One allocation a block, of its own size: growing would hold twice as much.
                if buffer.is_empty() {
                    buffer.reserve(usize::try_from(length).unwrap_or_default());
                }
                buffer.extend_from_slice(&part);
                if is_whole {
                    let bytes = buffer.split().freeze();
                    stage(client, &id, bytes, &shown).await?;
                }
            }
            Staging::Streamed { block, losses } => {
                let mut at_hand = match block.take() {
                    Some(block) => block,
                    None => {
                        // Sent once by this client: when the block is lost, its bytes are to be had elsewhere.
                        let client = self.list.store.block_client(&self.list.name, Repeat::Never)?;
                        StreamedBlock::begin(client, id, length, shown)
                    }
                };
                at_hand.send(part).await?;
                if is_whole {
                    at_hand.finish().await?;
                    *losses = 0;
                } else {
                    *block = Some(at_hand);
                }
            }
        }
        if is_whole {
            self.blocks += 1;
        }
        Ok(())
    }

    /// Whether the block at hand can be sent again after this; if so, whatever was sent of it is forgotten.
    async fn lost(&mut self, error: Error) -> Result<Taken> {
        let patience = self.list.store.patience();
        let Staging::Streamed { losses, .. } = &mut self.staging else {
            return Err(error);
        };
        if *losses >= patience.retries || !may_pass(&error) {
            return Err(error);
        }
        let asked = match error.meaning() {
            Error::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        };
        let wait = (patience.first_wait.saturating_mul(1 << (*losses).min(16))).min(patience.longest_wait);
        *losses += 1;
        let wait = wait.max(asked.unwrap_or_default().min(patience.in_all));
        self.list.store.clock().sleep(wait).await;
        // A look is repeated for long, so that an outage is waited for here; and it renews a token that was refused.
        if self.list.store.remote(&self.list.name)?.look().await?.is_some() {
            return Err(self.list.taken());
        }
        self.next = self.block_start();
        Ok(Taken::lost_from(self.next))
    }
}

impl fmt::Debug for BlobDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobDeposit")
            .field("name", &self.list.name)
            .field("length", &self.list.length)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Deposit for BlobDeposit {
    async fn write(&mut self, extent: Extent) -> Result<Taken> {
        let range = extent.range();
        if range.start() != self.next || range.end() > self.list.length {
            return Err(Error::misuse(format!(
                "{}: {range} was written where byte {} of {} was due",
                self.list.name, self.next, self.list.length
            )));
        }
        match self.take(extent).await {
            Ok(()) => Ok(Taken::so_far(self.block_start(), self.next)),
            Err(error) => self.lost(error).await,
        }
    }

    async fn commit(self: Box<Self>) -> Result<Acted<Receipt>> {
        let Self {
            list, next, blocks, ..
        } = *self;
        if next != list.length {
            return Err(Error::misuse(format!(
                "{}: {next} of {} bytes were written",
                list.name, list.length
            )));
        }
        list.commit(blocks).await
    }

    /// Blocks that were staged are not visible; the service forgets them within a week, or when the name is committed.
    async fn abort(self: Box<Self>) -> Result<Acted<()>> {
        Ok(Acted::local(()))
    }
}

/// Stages a block that is kept. Staging the same block twice is the same as once, so the client may repeat it.
async fn stage(client: &BlockBlobClient, id: &[u8], bytes: Bytes, shown: &String) -> Result<()> {
    let call = Call::new();
    let options = BlockBlobClientStageBlockOptions {
        method_options: call.options(),
        ..Default::default()
    };
    let failing = Failing {
        object: shown,
        action: action::WRITE,
    };
    let mut checksum = BlockChecksum::new();
    checksum.update(&bytes);
    let answer = client
        .stage_block(id, bytes.len() as u64, bytes.into(), Some(options))
        .await
        .map_err(|error| failing.because(&call, error))?;
    match checksum.mismatch(answer.headers()) {
        Some(words) => Err(failing.failed(action::WRITE, words)),
        None => Ok(()),
    }
}

/// Whether the same call may succeed when it is made again. A token that was refused is renewed in between.
fn may_pass(error: &Error) -> bool {
    may_have_been_done(error) || refusal_of(error).is_some_and(|refusal| matches!(refusal.status, 401 | 408))
}
