use std::os::fd::OwnedFd;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent};
use custody_core::ids::ObjectName;
use custody_core::port::{Deposit, Receipt, Taken};
use custody_core::{Acted, Error, Result};
use rustix::fs::Advice;

use super::directory_store::DirectoryStore;
use super::protection::OBJECT_MODE;
use crate::disk::{PartialFile, failed, write_all_at};

/// After so many bytes the kernel is asked to begin writing them to the medium, so that the final sync is short and
/// an image does not push everything else out of the page cache.
const WRITE_BACK_BYTES: u64 = 32 * 1024 * 1024;

/// An object on its way into a directory store.
///
/// Zeros and unread ranges are not written: the file is new, so they read as zeros, and take no room where the file
/// system has holes. Which of them is which is in the record, not in the file. Dropping removes the file at once.
#[derive(Debug)]
pub(super) struct DirectoryDeposit {
    store: DirectoryStore,
    name: ObjectName,
    partial: PartialFile,
    length: u64,
    next: u64,
    /// Up to here the kernel was asked to write to the medium.
    written_back: u64,
    /// A write was begun and its end was not seen.
    unsettled: bool,
}

impl DirectoryDeposit {
    /// Begins one. Blocks.
    pub(super) fn begin(store: DirectoryStore, name: ObjectName, length: u64) -> Result<Self> {
        let partial = PartialFile::begin(store.branch_of(&name)?, name.file_name().as_str())?;
        partial.set_length(length)?;
        Ok(Self {
            store,
            name,
            partial,
            length,
            next: 0,
            written_back: 0,
            unsettled: false,
        })
    }

    fn refuse_if_unsettled(&self) -> Result<()> {
        if self.unsettled {
            return Err(Error::misuse(format!(
                "deposit of {}: a write was dropped or failed; only abort may follow",
                self.name
            )));
        }
        Ok(())
    }

    /// The bytes to be handed to the medium now; the previous ones are written by then and leave the cache.
    fn next_write_back(&mut self) -> Option<ByteRange> {
        (self.next - self.written_back >= WRITE_BACK_BYTES).then(|| {
            let from = self.written_back.saturating_sub(WRITE_BACK_BYTES);
            self.written_back = self.next;
            ByteRange::at(from, self.next - from)
        })
    }

    async fn write_data(&mut self, at: u64, bytes: Bytes) -> Result<()> {
        let (file, path) = (Arc::clone(self.partial.file()), self.partial.path());
        let write_back = self.next_write_back();
        blocking::unblock(move || {
            write_all_at(&file, &bytes, at).map_err(failed(path, "write"))?;
            if let Some(range) = write_back {
                advise_done(&file, range.start(), range.length());
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Deposit for DirectoryDeposit {
    async fn write(&mut self, extent: Extent) -> Result<Taken> {
        self.refuse_if_unsettled()?;
        let range = extent.range();
        if range.start() != self.next || range.end() > self.length {
            return Err(Error::misuse(format!(
                "deposit of {}: got bytes {range} where byte {} of {} is due",
                self.name, self.next, self.length
            )));
        }
        self.next = range.end();
        if let Extent::Data { at, bytes } = extent
            && !bytes.is_empty()
        {
            self.unsettled = true;
            self.write_data(at, bytes).await?;
            self.unsettled = false;
        }
        Ok(Taken::for_good(self.next))
    }

    async fn commit(self: Box<Self>) -> Result<Acted<Receipt>> {
        self.refuse_if_unsettled()?;
        if self.next != self.length {
            return Err(Error::misuse(format!(
                "deposit of {}: {} of {} bytes arrived",
                self.name, self.next, self.length
            )));
        }
        blocking::unblock(move || {
            let Self {
                store, name, partial, ..
            } = *self;
            let wanted = store.options.of_objects();
            partial
                .commit(OBJECT_MODE, |file| {
                    advise_done(file, 0, 0);
                    let attributes = store.protect(file, wanted);
                    store.receipt(&name, file, &attributes)
                })
                .map(Acted::local)
        })
        .await
    }

    async fn abort(self: Box<Self>) -> Result<Acted<()>> {
        blocking::unblock(move || self.partial.discard())
            .await
            .map(Acted::local)
    }
}

/// Asks the kernel to write a range to the medium and to forget what is written, so that reading it back asks the
/// medium where there is one. A length of 0 means to the end. Only advice: its failure changes nothing.
fn advise_done(file: &OwnedFd, at: u64, length: u64) {
    rustix::fs::fadvise(file, at, std::num::NonZeroU64::new(length), Advice::DontNeed).ok();
}
