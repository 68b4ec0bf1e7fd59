use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;

use super::Port;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, Span};

/// One image or stored object, opened for reading, its identity pinned.
///
/// # Clauses
/// * `IR-01` [`length`](Self::length) is constant for the life of the reader.
/// * `IR-02` [`spans`](Self::spans) covers exactly the range asked for (cut at the length), in ascending order,
///   without gap or overlap; no span is empty.
/// * `IR-03` a span is [`Span::Zero`] only on the word of someone who knows: every byte of it reads as zero.
/// * `IR-04` [`read`](Self::read) answers with consecutive extents that cover exactly the range asked for: never
///   short, never padded. A range that is not inside the image is [`Error::Misuse`].
/// * `IR-05` when the object is no longer the one that was opened (replaced, another version), a read fails with
///   [`Error::Precondition`], [`Error::NotFound`] or [`Error::Integrity`]; it never gives other bytes.
/// * `IR-06` a range that cannot be read is [`Error::Unreadable`], or, where the reader was told to go on,
///   [`Extent::Unread`] for exactly the sectors that failed. It is never zeros given as data.
/// * `IR-07` reads may be issued concurrently and give the same bytes each time.
#[async_trait]
pub trait ImageReader: Port {
    /// The length in bytes.
    fn length(&self) -> u64;

    /// What is known of the range before it is read, in pieces.
    ///
    /// # Errors
    /// The stream yields an error and ends when the provider cannot tell; then the caller reads everything.
    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>>;

    /// The bytes of the range.
    ///
    /// # Errors
    /// See clauses IR-04 to IR-06.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>>;
}

/// Conveniences over [`ImageReader`].
#[async_trait]
pub trait ImageReaderExt: ImageReader {
    /// The bytes of the range, or an error where any of them could not be read.
    ///
    /// # Errors
    /// [`Error::Unreadable`] at the first unread sector; otherwise as [`ImageReader::read`].
    async fn read_bytes(&self, range: ByteRange) -> Result<Bytes> {
        let mut extents = self.read(range).await?;
        if let [Extent::Data { at, bytes }] = extents.as_mut_slice()
            && ByteRange::at(*at, bytes.len() as u64) == range
        {
            return Ok(std::mem::take(bytes));
        }
        let mut all = BytesMut::new();
        let mut next = range.start();
        for extent in extents {
            let got = extent.range();
            if got.start() != next || got.end() > range.end() {
                return Err(Error::misuse(format!(
                    "{self}: answered {got} where byte {next} of {range} was due"
                )));
            }
            next = got.end();
            match extent {
                Extent::Data { bytes, .. } => all.extend_from_slice(&bytes),
                Extent::Zero { range, .. } => {
                    let length = usize::try_from(range.length()).map_err(|e| Error::misuse(e.to_string()))?;
                    all.resize(all.len() + length, 0);
                }
                Extent::Unread { range, fault } => {
                    return Err(Error::Unreadable {
                        object: self.to_string(),
                        range,
                        source: Some(fault.error.into()),
                    });
                }
            }
        }
        if next != range.end() {
            return Err(Error::misuse(format!(
                "{self}: answered short, {next} of {range}"
            )));
        }
        Ok(all.freeze())
    }

    /// The whole object, refused when it has more than `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] over the limit; otherwise as [`ImageReader::read`].
    async fn read_whole(&self, limit: u64) -> Result<Bytes> {
        let length = self.length();
        if length > limit {
            return Err(Error::malformed(
                self.to_string(),
                format!("has {length} bytes, at most {limit} are expected"),
            ));
        }
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.read_bytes(ByteRange::at(0, length)).await
    }
}

impl<T: ImageReader + ?Sized> ImageReaderExt for T {}
