use std::fmt;
use std::pin::pin;

use azure_core::http::Body;
use azure_storage_blob::BlockBlobClient;
use azure_storage_blob::models::BlockBlobClientStageBlockOptions;
use bytes::Bytes;
use custody_core::{Error, Result};
use futures::SinkExt as _;
use futures::channel::mpsc;
use futures::future::{BoxFuture, Either, FutureExt as _, ready, select};

use super::action;
use super::block_body::BlockBody;
use super::block_checksum::BlockChecksum;
use super::own_task::on_its_own;
use crate::http::{Call, Failing};

/// A block that is staged while its bytes come. None of them is kept, so that it is sent once.
///
/// Dropping it ends the request, and leaves no block.
pub(super) struct StreamedBlock {
    shown: String,
    feed: mpsc::Sender<Bytes>,
    checksum: BlockChecksum,
    /// Bytes of the block that were not given yet.
    left: u64,
    answer: BoxFuture<'static, Result<azure_core::http::headers::Headers>>,
}

impl StreamedBlock {
    /// Begins to stage a block of so many bytes. The client must not repeat its calls.
    pub(super) fn begin(client: BlockBlobClient, id: Vec<u8>, length: u64, shown: String) -> Self {
        let (feed, body) = BlockBody::new(length);
        let object = shown.clone();
        let request = async move {
            let call = Call::new();
            let options = BlockBlobClientStageBlockOptions {
                method_options: call.options(),
                ..Default::default()
            };
            let failing = Failing {
                object: &object,
                action: action::WRITE,
            };
            let answer = client
                .stage_block(&id, length, Body::from(body).into(), Some(options))
                .await
                .map_err(|error| failing.because(&call, error))?;
            Ok(answer.headers().clone())
        };
        let object = shown.clone();
        Self {
            shown,
            feed,
            checksum: BlockChecksum::new(),
            left: length,
            answer: async move { on_its_own(&object, request).await }.boxed(),
        }
    }

    /// Sends the next bytes of it; gives when they are on their way, and those before were sent.
    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<()> {
        self.checksum.update(&bytes);
        self.left = self.left.saturating_sub(bytes.len() as u64);
        let answered = match select(pin!(self.feed.send(bytes)), &mut self.answer).await {
            Either::Left((Ok(()), _)) => return Ok(()),
            Either::Left((Err(_), answer)) => answer.await,
            Either::Right((answered, _)) => answered,
        };
        let headers = answered?;
        if self.left > 0 {
            return Err(self.failed("the service answered before the block was sent".into()));
        }
        // The last bytes arrived and were answered before we were told that they had left.
        self.answer = ready(Ok(headers)).boxed();
        Ok(())
    }

    /// Waits until the service has the whole block.
    pub(super) async fn finish(mut self) -> Result<()> {
        let headers = (&mut self.answer).await?;
        let failing = Failing {
            object: &self.shown,
            action: action::WRITE,
        };
        match self.checksum.mismatch(&headers) {
            Some(words) => Err(failing.failed(action::WRITE, words)),
            None => Ok(()),
        }
    }

    fn failed(&self, words: String) -> Error {
        Failing {
            object: &self.shown,
            action: action::WRITE,
        }
        .failed(action::WRITE, words)
    }
}

impl fmt::Debug for StreamedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedBlock").finish_non_exhaustive()
    }
}
