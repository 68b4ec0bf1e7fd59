use async_trait::async_trait;
use bytes::Bytes;

use super::block_cache::{BLOCK_BYTES, BlockCache};
use super::{ext, xfs};
use crate::access::{Halt, Step, Window};
use crate::ranged::Ranged;

/// A file of a file system inside a volume, read by ranges.
pub(crate) struct FileInside {
    volume: Window,
    cache: BlockCache,
    kind: FileSystemKind,
    path: &'static str,
    length: u64,
}

/// The file systems that are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystemKind {
    Ext,
    Xfs,
}

impl FileInside {
    /// The file, or `None` where there is none.
    pub(crate) async fn find(
        volume: &Window,
        kind: FileSystemKind,
        path: &'static str,
    ) -> Step<Option<Self>> {
        let cache = BlockCache::new(volume.length());
        let length = settle(volume, &cache, |cache| match kind {
            FileSystemKind::Ext => ext::length(cache, path),
            FileSystemKind::Xfs => xfs::length(cache, path),
        });
        let length = length.await?;
        Ok(length.map(|length| Self {
            volume: volume.clone(),
            cache,
            kind,
            path,
            length,
        }))
    }
}

#[async_trait]
impl Ranged for FileInside {
    fn length(&self) -> u64 {
        self.length
    }

    async fn read(&self, at: u64, length: u64) -> Step<Bytes> {
        if at.saturating_add(length) > self.length {
            let (path, has) = (self.path, self.length);
            return Err(Halt::cannot_tell(format!(
                "{length} bytes at {at} lie beyond {path}, which has {has}"
            )));
        }
        let (kind, path) = (self.kind, self.path);
        settle(&self.volume, &self.cache, |cache| {
            let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
            match kind {
                FileSystemKind::Ext => ext::read(cache, path, at, &mut bytes)?,
                FileSystemKind::Xfs => xfs::read(cache, path, at, &mut bytes)?,
            }
            Ok(Bytes::from(bytes))
        })
        .await
    }
}

/// Runs the walk until nothing is missing any longer. Ends: each turn reads a block more, and the image's meter stops it.
async fn settle<T>(
    volume: &Window,
    cache: &BlockCache,
    walk: impl Fn(&BlockCache) -> Result<T, String> + Send + Sync,
) -> Step<T> {
    loop {
        let walked = walk(cache);
        match (walked, cache.take_missing()) {
            (Ok(found), _) => return Ok(found),
            (Err(_), Some(number)) => {
                let block = volume
                    .read_up_to(number.saturating_mul(BLOCK_BYTES as u64), BLOCK_BYTES as u64)
                    .await?;
                cache.insert(number, block);
            }
            (Err(reason), None) => return Err(Halt::CannotTell(reason)),
        }
    }
}
