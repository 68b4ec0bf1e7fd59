use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use azure_core::error::{Error, ErrorKind};
use azure_core::http::Body;
use azure_core::stream::SeekableStream;
use bytes::{Buf as _, Bytes};
use futures::channel::mpsc;
use futures::io::AsyncRead;
use futures::stream::StreamExt as _;

/// The body of a request that is sent as its bytes come, and is gone when it was sent: it cannot be sent twice.
///
/// Holds one piece of it at a time. Where whoever feeds it stops before the end, reading it fails, so that no request
/// is completed with less than was announced. Clones are the same body.
#[derive(Clone)]
pub(super) struct BlockBody {
    length: u64,
    feed: Arc<Mutex<Feed>>,
}

struct Feed {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    read: u64,
}

impl BlockBody {
    /// A body of so many bytes, and what it is fed by. A piece is taken from there when the one before was sent.
    pub(super) fn new(length: u64) -> (mpsc::Sender<Bytes>, Self) {
        let (sender, pieces) = mpsc::channel(0);
        let feed = Feed {
            pieces,
            piece: Bytes::new(),
            read: 0,
        };
        let feed = Arc::new(Mutex::new(feed));
        (sender, Self { length, feed })
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for BlockBody {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut feed = self.feed();
        while feed.piece.is_empty() {
            if feed.read == self.length {
                return Poll::Ready(Ok(0));
            }
            let Some(piece) = ready!(feed.pieces.poll_next_unpin(context)) else {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the block was given up before its end",
                )));
            };
            feed.piece = piece;
        }
        let count = into.len().min(feed.piece.len());
        if let (Some(into), Some(from)) = (into.get_mut(..count), feed.piece.get(..count)) {
            into.copy_from_slice(from);
        }
        feed.piece.advance(count);
        feed.read = feed.read.saturating_add(count as u64);
        Poll::Ready(Ok(count))
    }
}

#[async_trait::async_trait]
impl SeekableStream for BlockBody {
    async fn reset(&mut self) -> azure_core::Result<()> {
        if self.feed().read == 0 {
            return Ok(());
        }
        Err(Error::with_message(
            ErrorKind::Other,
            "a block that is sent as its bytes come cannot be sent again",
        ))
    }

    fn len(&self) -> Option<u64> {
        Some(self.length)
    }
}

impl From<BlockBody> for Body {
    fn from(body: BlockBody) -> Self {
        Self::SeekableStream(Box::new(body))
    }
}

impl fmt::Debug for BlockBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockBody")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::join;
    use futures::{AsyncReadExt as _, SinkExt as _};

    use super::*;

    #[test]
    fn a_body_is_what_it_was_fed_with_and_is_sent_once() {
        let (mut sender, mut body) = BlockBody::new(5);
        assert!(block_on(body.reset()).is_ok(), "nothing of it was sent");
        let fed = async {
            sender.send(Bytes::from_static(b"abc")).await.unwrap();
            sender.send(Bytes::from_static(b"de")).await.unwrap();
        };
        let mut all = Vec::new();
        let read = async { body.clone().read_to_end(&mut all).await };
        let (_, read) = block_on(join(fed, read));
        assert_eq!((read.unwrap(), all.as_slice()), (5, b"abcde".as_slice()));
        assert!(block_on(body.reset()).is_err());
    }

    #[test]
    fn a_body_that_is_given_up_never_ends_as_if_it_were_whole() {
        let (mut sender, mut body) = BlockBody::new(5);
        let fed = async {
            sender.send(Bytes::from_static(b"abc")).await.unwrap();
            drop(sender);
        };
        let mut all = Vec::new();
        let (_, read) = block_on(join(fed, body.read_to_end(&mut all)));
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
