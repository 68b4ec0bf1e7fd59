use std::error::Error as StdError;

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

/// The length of a file of an ext2, ext3 or ext4 file system, or `None` where there is no such file.
pub(super) fn length(cache: &BlockCache, path: &str) -> Result<Option<u64>, String> {
    let found = Ext4::load(Box::new(cache.clone())).and_then(|fs| fs.metadata(path));
    match found {
        Ok(metadata) if metadata.file_type().is_regular_file() => Ok(Some(metadata.len())),
        Ok(_) | Err(Ext4Error::NotFound | Ext4Error::NotADirectory) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Fills `out` with the file's bytes at this place.
pub(super) fn read(cache: &BlockCache, path: &str, at: u64, out: &mut [u8]) -> Result<(), String> {
    let filled = Ext4::load(Box::new(cache.clone())).and_then(|fs| {
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
    });
    match filled {
        Ok(true) => Ok(()),
        Ok(false) => Err("the file ends before its length".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
