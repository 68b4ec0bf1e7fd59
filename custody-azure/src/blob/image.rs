use std::fmt;

use async_trait::async_trait;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::ImageReader;
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::facts::BlobFacts;
use super::own_task::on_its_own;
use super::page_spans::PageSpans;
use super::remote::RemoteBlob;

/// The bytes of one request. Longer reads are several requests.
const RANGE_BYTES: u64 = 8 * 1024 * 1024;
/// How many requests of one read are under way at once. A read holds at most its own length in memory.
const RANGES_AT_ONCE: usize = 4;

/// A blob opened for reading, its version pinned by ETag: a stored object or an exported disk.
#[derive(Debug)]
pub(crate) struct BlobImage {
    remote: RemoteBlob,
    length: u64,
    etag: String,
    has_page_list: bool,
}

impl BlobImage {
    pub(crate) fn new(remote: RemoteBlob, facts: &BlobFacts) -> Self {
        Self {
            remote,
            length: facts.length,
            etag: facts.etag.clone(),
            has_page_list: facts.is_page_blob,
        }
    }
}

#[async_trait]
impl ImageReader for BlobImage {
    fn length(&self) -> u64 {
        self.length
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        let Some(within) = within.intersect(ByteRange::at(0, self.length)) else {
            return stream::empty().boxed();
        };
        if !self.has_page_list {
            return stream::once(async move { Ok(Span::Data(within)) }).boxed();
        }
        let pages = PageSpans {
            remote: &self.remote,
            etag: &self.etag,
            rest: within,
            marker: None,
            is_done: false,
        };
        stream::try_unfold(pages, |mut pages| async move {
            Ok(pages.next().await?.map(|spans| (spans, pages)))
        })
        .map_ok(|spans| stream::iter(spans.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        if range.end() > self.length {
            return Err(Error::misuse(format!(
                "{self}: {range} is not inside its {} bytes",
                self.length
            )));
        }
        stream::iter(range.pieces(RANGE_BYTES))
            .map(|piece| {
                let (remote, etag) = (self.remote.clone(), self.etag.clone());
                let request = async move { remote.range(piece, &etag).await };
                async move {
                    let bytes = on_its_own(self.remote.object(), request).await?;
                    Ok(Extent::Data {
                        at: piece.start(),
                        bytes,
                    })
                }
            })
            .buffered(RANGES_AT_ONCE)
            .try_collect()
            .await
    }
}

impl fmt::Display for BlobImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.remote.object())
    }
}
