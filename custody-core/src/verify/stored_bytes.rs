use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::custody_log::ReadScope;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, ReadFault, Span};
use crate::port::ImageReader;

/// How much of an item is read at once.
const PIECE_BYTES: u64 = 2 * 1024 * 1024;
/// How many such reads are under way at once.
const READS_AHEAD: usize = 4;
/// The longest run of zeros that is handed on at once.
const ZERO_PIECE_BYTES: u64 = 1024 * 1024 * 1024;

/// The bytes of a stored copy in order, a few reads ahead. A range that cannot be read is [`Extent::Unread`], and what
/// follows it is read all the same.
pub(super) fn stored_bytes(
    reader: &Arc<dyn ImageReader>,
    scope: ReadScope,
) -> BoxStream<'_, Result<Vec<Extent>>> {
    spans(reader.as_ref(), scope)
        .flat_map(|span| {
            let piece = match span {
                Span::Data(_) => PIECE_BYTES,
                Span::Zero(..) => ZERO_PIECE_BYTES,
            };
            futures::stream::iter(span.range().pieces(piece).map(move |range| match span {
                Span::Data(_) => Span::Data(range),
                Span::Zero(_, word) => Span::Zero(range, word),
            }))
        })
        .map(move |span| async move {
            match span {
                Span::Data(range) => read(reader.as_ref(), range).await,
                Span::Zero(range, word) => Ok(vec![Extent::Zero { range, word }]),
            }
        })
        .buffered(READS_AHEAD)
        .boxed()
}

async fn read(reader: &dyn ImageReader, range: ByteRange) -> Result<Vec<Extent>> {
    let extents = match reader.read(range).await {
        Ok(extents) => extents,
        Err(error) if matches!(error.meaning(), Error::Unreadable { .. }) => {
            let fault = ReadFault::new(crate::visible::escape(&error.to_string()), 1);
            return Ok(vec![Extent::Unread { range, fault }]);
        }
        Err(error) => return Err(error),
    };
    let mut next = range.start();
    for extent in &extents {
        let got = extent.range();
        if got.start() != next || got.end() > range.end() {
            return Err(Error::misuse(format!(
                "{reader}: answered {got} where byte {next} of {range} was due"
            )));
        }
        next = got.end();
    }
    if next == range.end() {
        Ok(extents)
    } else {
        Err(Error::misuse(format!(
            "{reader}: answered short, {next} of {range}"
        )))
    }
}

/// What need not be read. Where the reader cannot tell, or what it tells does not hold together, the rest is data.
fn spans(reader: &dyn ImageReader, scope: ReadScope) -> BoxStream<'_, Span> {
    let whole = ByteRange::at(0, reader.length());
    let told = match scope {
        ReadScope::Everything => futures::stream::empty().boxed(),
        ReadScope::Allocated => reader.spans(whole),
    };
    futures::stream::unfold((Some(told), 0), move |(told, at)| async move {
        if at >= whole.end() {
            return None;
        }
        let mut told = told?;
        let span = match told.next().await {
            Some(Ok(span)) => span,
            Some(Err(_)) | None => Span::Data(ByteRange::at(at, whole.end() - at)),
        };
        let range = span.range();
        if range.start() != at || range.is_empty() || range.end() > whole.end() {
            return Some((
                Span::Data(ByteRange::at(at, whole.end() - at)),
                (None, whole.end()),
            ));
        }
        Some((span, (Some(told), range.end())))
    })
    .boxed()
}

/// Whether any byte of these, which begin at `at`, lies in the range and is not zero; the first such byte's offset.
pub(super) fn first_byte_set(at: u64, bytes: &[u8], within: ByteRange) -> Option<u64> {
    let overlap = ByteRange::at(at, bytes.len() as u64).intersect(within)?;
    let start = usize::try_from(overlap.start() - at).ok()?;
    let end = usize::try_from(overlap.end() - at).ok()?;
    let part = bytes.get(start..end)?;
    // Blocks first: comparing them is many times faster than looking for a byte.
    let block = part
        .chunks(4096)
        .position(|block| block.iter().any(|byte| *byte != 0))?;
    let byte = part.get(block * 4096..)?.iter().position(|byte| *byte != 0)?;
    Some(overlap.start() + (block * 4096 + byte) as u64)
}
