use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, Span};
use crate::ids::EvidenceItemId;
use crate::port::{ImageReader, StopSignal};

/// A stored copy of which nothing more is read once a stop is asked for, so that a proof, which reads before each key that
/// it tries and may take minutes, ends soon after.
#[derive(Debug)]
pub(super) struct StoppingImage {
    inner: Arc<dyn ImageReader>,
    stop: Arc<dyn StopSignal>,
    item: String,
}

impl StoppingImage {
    pub(super) fn new(inner: Arc<dyn ImageReader>, stop: Arc<dyn StopSignal>, item: &EvidenceItemId) -> Self {
        Self {
            inner,
            stop,
            item: item.to_string(),
        }
    }
}

impl fmt::Display for StoppingImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ImageReader for StoppingImage {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.inner.spans(within)
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        if self.stop.is_stopped() {
            return Err(Error::Stopped {
                object: self.item.clone(),
            });
        }
        self.inner.read(range).await
    }
}
