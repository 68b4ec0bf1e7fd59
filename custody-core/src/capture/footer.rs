//! The footer of a fixed VHD, read from either side of a server-side copy.

use crate::custody_log::FOOTER_BYTES;
use crate::error::{Error, Result};
use crate::extent::ByteRange;
use crate::port::{ImageReader, ImageReaderExt as _};

/// The bytes of the footer that begins at `at`.
pub(super) async fn read(image: &dyn ImageReader, at: u64) -> Result<[u8; FOOTER_BYTES]> {
    let bytes = image.read_bytes(ByteRange::at(at, FOOTER_BYTES as u64)).await?;
    <[u8; FOOTER_BYTES]>::try_from(bytes.as_ref()).map_err(|_wrong_length| {
        Error::misuse(format!(
            "{image}: gave {} bytes for a footer of {FOOTER_BYTES}",
            bytes.len()
        ))
    })
}
