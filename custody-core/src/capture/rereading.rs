//! Bytes that a sink lost on their way are read a second time, and must be those of the first reading.

use std::collections::VecDeque;

use bytes::Buf as _;
use sha2::{Digest as _, Sha256};

use super::copy::SourceStream;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent};
use crate::port::{Deposit, Taken};

/// A piece of what was written, as far as it must be known to be written again.
#[derive(Debug)]
enum Piece {
    /// Bytes, by their digest.
    Read { range: ByteRange, sha256: Sha256Digest },
    /// What was not read the first time is not read the second time either.
    NotRead(Extent),
}

impl Piece {
    fn range(&self) -> ByteRange {
        match self {
            Self::Read { range, .. } => *range,
            Self::NotRead(extent) => extent.range(),
        }
    }
}

/// What a sink took and may want again: in order, and no bytes, so that it is small however much that is.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    pieces: VecDeque<Piece>,
    reread: u64,
}

impl Unsettled {
    /// How many bytes were read a second time.
    pub(super) const fn reread(&self) -> u64 {
        self.reread
    }

    fn note(&mut self, extent: &Extent) {
        self.pieces.push_back(match extent {
            Extent::Data { bytes, .. } => Piece::Read {
                range: extent.range(),
                sha256: Sha256Digest::of(bytes),
            },
            Extent::Zero { .. } | Extent::Unread { .. } => Piece::NotRead(extent.clone()),
        });
    }

    fn settle(&mut self, before: u64) {
        let settled = self.pieces.partition_point(|piece| piece.range().end() <= before);
        self.pieces.drain(..settled);
    }

    /// The piece that a byte lies in.
    fn at(&self, byte: u64) -> Option<&Piece> {
        let next = self.pieces.partition_point(|piece| piece.range().end() <= byte);
        self.pieces
            .get(next)
            .filter(|piece| piece.range().start() <= byte)
    }
}

impl SourceStream<'_, '_> {
    /// Writes the next extent, and before that what the sink wants again.
    pub(super) async fn give(
        &self,
        deposit: &mut dyn Deposit,
        unsettled: &mut Unsettled,
        extent: Extent,
    ) -> Result<()> {
        let end = extent.range().end();
        let given = extent.clone();
        let mut taken = deposit.write(extent).await?;
        if taken.settled < end {
            unsettled.note(&given);
        }
        drop(given);
        loop {
            unsettled.settle(taken.settled);
            if taken.due == end {
                return Ok(());
            }
            if self.ports.stop.is_stopped() {
                return Err(Error::Stopped {
                    object: self.name.clone(),
                });
            }
            let Some(piece) = unsettled.at(taken.due).filter(|_| taken.due < end) else {
                return Err(Error::misuse(format!(
                    "{}: the sink wants byte {} again, which it told to be settled or was never given",
                    self.name, taken.due
                )));
            };
            let extents = match piece {
                Piece::NotRead(extent) => vec![extent.clone()],
                Piece::Read { range, sha256 } => {
                    let (range, sha256) = (*range, *sha256);
                    unsettled.reread = unsettled.reread.saturating_add(range.length());
                    self.read_again(range, sha256).await?
                }
            };
            taken = write_from(deposit, extents, taken).await?;
        }
    }

    /// The bytes of a range, once it is sure that they are those of the first reading.
    async fn read_again(&self, range: ByteRange, first: Sha256Digest) -> Result<Vec<Extent>> {
        let extents = self.source.read(range).await?;
        let mut hash = Sha256::new();
        let mut next = range.start();
        for extent in &extents {
            let got = extent.range();
            match extent {
                Extent::Data { bytes, .. } if got.start() == next => hash.update(bytes),
                Extent::Unread { fault, .. } => {
                    return Err(Error::Unreadable {
                        object: self.source.to_string(),
                        range: got,
                        source: Some(fault.error.clone().into()),
                    });
                }
                Extent::Data { .. } | Extent::Zero { .. } => {
                    return Err(Error::misuse(format!(
                        "{}: answered {got} where byte {next} was due",
                        self.source
                    )));
                }
            }
            next = got.end();
        }
        let second = Sha256Digest::from_bytes(hash.finalize().into());
        if next != range.end() || second != first {
            return Err(Error::Integrity {
                object: self.source.to_string(),
                place: format!("bytes {range}, read a second time because the store lost them on their way"),
                expected: format!("what was read first, SHA-256 {first}"),
                actual: format!("SHA-256 {second}"),
            });
        }
        Ok(extents)
    }
}

/// Writes what lies behind the byte that is due, until the sink loses something again.
async fn write_from(deposit: &mut dyn Deposit, extents: Vec<Extent>, mut taken: Taken) -> Result<Taken> {
    for extent in extents {
        let Some(extent) = behind(extent, taken.due) else {
            continue;
        };
        let end = extent.range().end();
        taken = deposit.write(extent).await?;
        if taken.due != end {
            break;
        }
    }
    Ok(taken)
}

/// The part of an extent from a byte on.
fn behind(extent: Extent, from: u64) -> Option<Extent> {
    let range = extent.range();
    if range.end() <= from {
        return None;
    }
    let start = range.start().max(from);
    let rest = ByteRange::at(start, range.end() - start);
    Some(match extent {
        Extent::Data { at, mut bytes } => {
            bytes.advance(usize::try_from(start - at).unwrap_or(bytes.len()));
            Extent::Data { at: start, bytes }
        }
        Extent::Zero { word, .. } => Extent::Zero { range: rest, word },
        Extent::Unread { fault, .. } => Extent::Unread { range: rest, fault },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::ZeroWord;

    fn data(at: u64, length: usize) -> Extent {
        Extent::Data {
            at,
            bytes: vec![7; length].into(),
        }
    }

    #[test]
    fn what_is_settled_is_forgotten_and_what_is_not_is_found_by_any_of_its_bytes() {
        let mut unsettled = Unsettled::default();
        let hole = Extent::Zero {
            range: ByteRange::at(100, 50),
            word: ZeroWord::ServicePageList,
        };
        for extent in [data(0, 100), hole, data(150, 50)] {
            unsettled.note(&extent);
        }
        let start = |unsettled: &Unsettled, byte| unsettled.at(byte).map(|piece| piece.range().start());
        assert_eq!(start(&unsettled, 0), Some(0));
        assert_eq!(start(&unsettled, 149), Some(100));
        assert_eq!(start(&unsettled, 199), Some(150));
        assert_eq!(start(&unsettled, 200), None);
        unsettled.settle(120);
        assert_eq!(start(&unsettled, 99), None);
        assert_eq!(start(&unsettled, 119), Some(100));
        unsettled.settle(200);
        assert_eq!(start(&unsettled, 199), None);
    }

    #[test]
    fn of_an_extent_only_what_lies_behind_the_byte_is_written_again() {
        assert_eq!(behind(data(10, 10), 20), None);
        assert_eq!(behind(data(10, 10), 5), Some(data(10, 10)));
        assert_eq!(behind(data(10, 10), 13), Some(data(13, 7)));
        let hole = |start, length| Extent::Zero {
            range: ByteRange::at(start, length),
            word: ZeroWord::FileSystemHole,
        };
        assert_eq!(behind(hole(10, 10), 13), Some(hole(13, 7)));
    }
}
