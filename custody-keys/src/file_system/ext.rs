use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;

use ext4_view::{Ext4, Ext4Error, Ext4Read};

use super::block_cache::BlockCache;

impl Ext4Read for BlockCache {
    fn read(
        &mut self,
        start_byte: u64,
        dst: &mut [u8],
    ) -> Result<(), Box<dyn StdError + Send + Sync + 'static>> {
        Self::read(self, start_byte, dst).map_err(Into::into)
    }
}

/// The largest block of any such file system.
const MAX_LOG_BLOCK: u32 = 6;
/// Of a volume of 8 TiB with the usual groups of 128 MiB.
const MAX_GROUPS: u64 = 65_536;

/// Refuses a superblock by which the reader would take memory that the volume cannot need: a group for each block, blocks
/// of GiB, blocks beyond the volume.
///
/// Source: the Linux kernel's documentation of ext4, "The Super Block", read 2026-11-28.
fn check_superblock(cache: &BlockCache) -> Result<(), String> {
    let mut superblock = [0; 1024];
    cache
        .read(1024, &mut superblock)
        .map_err(|error| error.to_string())?;
    let number = |at: usize| {
        let bytes = superblock.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default())
    };
    let log_block = number(0x18);
    let has_high_half = number(0x60) & 0x80 != 0;
    let high = if has_high_half { number(0x150) } else { 0 };
    let blocks = u64::from(high) << 32 | u64::from(number(0x04));
    let per_group = u64::from(number(0x20)).max(1);
    if log_block > MAX_LOG_BLOCK {
        return Err(format!("the superblock tells blocks of 2^{log_block} KiB"));
    }
    let groups = blocks.div_ceil(per_group);
    if groups > MAX_GROUPS {
        return Err(format!("the superblock tells {groups} block groups"));
    }
    let bytes = blocks.checked_mul(1024 << log_block);
    if bytes.is_none_or(|bytes| bytes > cache.length()) {
        return Err(format!(
            "the superblock tells {blocks} blocks, more than its volume has"
        ));
    }
    Ok(())
}

/// Runs the reader of the file system, which was made for sound ones: where a forged one makes it panic, that is said.
fn guarded<T>(
    cache: &BlockCache,
    read: impl FnOnce(Ext4) -> Result<T, Ext4Error>,
) -> Result<Result<T, Ext4Error>, String> {
    check_superblock(cache)?;
    let cache = Box::new(cache.clone());
    std::panic::catch_unwind(AssertUnwindSafe(|| Ext4::load(cache).and_then(read)))
        .map_err(|_panic| "the file system's structures make no sense".to_owned())
}

/// The length of a file of an ext2, ext3 or ext4 file system, or `None` where there is no such file.
pub(super) fn length(cache: &BlockCache, path: &str) -> Result<Option<u64>, String> {
    match guarded(cache, |fs| fs.metadata(path))? {
        Ok(metadata) if metadata.file_type().is_regular_file() => Ok(Some(metadata.len())),
        Ok(_) | Err(Ext4Error::NotFound | Ext4Error::NotADirectory) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Fills `out` with the file's bytes at this place.
pub(super) fn read(cache: &BlockCache, path: &str, at: u64, out: &mut [u8]) -> Result<(), String> {
    let filled = guarded(cache, |fs| {
        let mut file = fs.open(path)?;
        file.seek_to(at)?;
        let mut rest = &mut *out;
        while !rest.is_empty() {
            match file.read_bytes(rest)? {
                0 => return Ok(false),
                count => rest = rest.get_mut(count..).unwrap_or_default(),
            }
        }
        Ok(true)
    })?;
    match filled {
        Ok(true) => Ok(()),
        Ok(false) => Err("the file ends before its length".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
