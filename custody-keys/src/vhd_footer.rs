use custody_core::extent::ByteRange;

use crate::access::{Step, Window};

const FOOTER_BYTES: u64 = 512;
const COOKIE: &[u8; 8] = b"conectix";

/// The disk inside a stored image: without the footer of a fixed VHD, if it has one.
///
/// Source: Microsoft, "Virtual Hard Disk Image Format Specification" 1.0, section "Hard Disk Footer Format".
pub(crate) async fn disk_of(image: &Window) -> Step<Window> {
    let Some(data) = image.length().checked_sub(FOOTER_BYTES).filter(|data| *data > 0) else {
        return Ok(image.clone());
    };
    let footer = image.read(data, COOKIE.len() as u64).await?;
    if footer.as_ref() == COOKIE {
        return Ok(image.part(ByteRange::at(0, data)));
    }
    Ok(image.clone())
}
