use async_trait::async_trait;
use bytes::Bytes;

use crate::access::{Step, Window};

/// Something of which ranges can be read: a volume, or a file inside one.
#[async_trait]
pub(crate) trait Ranged: Send + Sync {
    fn length(&self) -> u64;

    /// Exactly these bytes.
    async fn read(&self, at: u64, length: u64) -> Step<Bytes>;
}

#[async_trait]
impl Ranged for Window {
    fn length(&self) -> u64 {
        Self::length(self)
    }

    async fn read(&self, at: u64, length: u64) -> Step<Bytes> {
        Self::read(self, at, length).await
    }
}
