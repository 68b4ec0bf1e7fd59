//! The lines of a log, from a journal or from a store, one after the other.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use custody_core::extent::ByteRange;
use custody_core::port::{ImageReader, ImageReaderExt as _};
use custody_core::{Error, Result};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

const READ_BYTES: u64 = 256 * 1024;
/// No log has a longer line: the verifier refuses it.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The lines of a stored object, without their line feeds. Bytes behind the last line feed are an error at the end:
/// they are no line.
pub(crate) fn stored(object: Arc<dyn ImageReader>) -> BoxStream<'static, Result<Bytes>> {
    let begin = Some(Reading {
        object,
        at: 0,
        rest: BytesMut::new(),
    });
    stream::unfold(begin, |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(line)) => Some((Ok(line), Some(reading))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

struct Reading {
    object: Arc<dyn ImageReader>,
    at: u64,
    rest: BytesMut,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            let fresh = self.rest.get(searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let mut line = self.rest.split_to(searched + end + 1);
                line.truncate(searched + end);
                return Ok(Some(line.freeze()));
            }
            searched = self.rest.len();
            if searched > MAX_LINE_BYTES {
                return Err(self.malformed(format!("has a line of more than {MAX_LINE_BYTES} bytes")));
            }
            let left = self.object.length() - self.at;
            if left == 0 && self.rest.is_empty() {
                return Ok(None);
            }
            if left == 0 {
                return Err(self.malformed(format!(
                    "{searched} bytes behind the last line feed: an unfinished line"
                )));
            }
            let range = ByteRange::at(self.at, left.min(READ_BYTES));
            self.rest.extend_from_slice(&self.object.read_bytes(range).await?);
            self.at = range.end();
        }
    }

    fn malformed(&self, reason: String) -> Error {
        Error::malformed(self.object.to_string(), reason)
    }
}
