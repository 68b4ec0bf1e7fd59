//! Small pieces put together, so that a thread is not woken for a sector.

use bytes::{Bytes, BytesMut};

use crate::Piece;

/// Pieces below this go through the gather; larger ones are shared, not copied.
pub(crate) const SMALL_BYTES: u64 = 64 << 10;

/// What is gathered before it goes on.
const FULL_BYTES: u64 = 256 << 10;

/// Small pieces that were accepted and not handed to the lanes yet: data, or zeros, never both.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    data: BytesMut,
    zero_bytes: u64,
}

impl Gather {
    /// Takes the piece, by copying it or by counting its zeros, or gives it back: it is large, of another kind than
    /// what is there, or more than there is room for.
    pub(crate) fn offer(&mut self, piece: Piece) -> Option<Piece> {
        let length_bytes = piece.length_bytes();
        if length_bytes >= SMALL_BYTES || self.length_bytes() + length_bytes > FULL_BYTES {
            return Some(piece);
        }
        match piece {
            Piece::Data(bytes) if self.zero_bytes == 0 => self.copy(&bytes),
            Piece::Zero { length_bytes } if self.data.is_empty() => self.zero_bytes += length_bytes,
            other => return Some(other),
        }
        None
    }

    pub(crate) fn length_bytes(&self) -> u64 {
        self.data.len() as u64 + self.zero_bytes
    }

    /// All that is there, as one piece.
    pub(crate) fn take(&mut self) -> Piece {
        match std::mem::take(&mut self.zero_bytes) {
            0 => Piece::Data(Bytes::from(self.data.split())),
            length_bytes => Piece::Zero { length_bytes },
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        if self.data.is_empty() && self.data.capacity() < bytes.len() {
            self.data
                .reserve(usize::try_from(FULL_BYTES).unwrap_or(bytes.len()));
        }
        self.data.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(bytes: &'static [u8]) -> Piece {
        Piece::Data(Bytes::from_static(bytes))
    }

    fn zeros(length_bytes: u64) -> Piece {
        Piece::Zero { length_bytes }
    }

    #[test]
    fn neighbours_of_a_kind_become_one_piece() {
        let mut gather = Gather::default();
        assert_eq!(gather.offer(data(b"ab")), None);
        assert_eq!(gather.offer(data(b"c")), None);
        assert_eq!(gather.offer(zeros(1)), Some(zeros(1)));
        assert_eq!(gather.take(), data(b"abc"));

        assert_eq!(gather.offer(zeros(3)), None);
        assert_eq!(gather.offer(zeros(4)), None);
        assert_eq!(gather.offer(data(b"x")), Some(data(b"x")));
        assert_eq!(gather.take(), zeros(7));
        assert_eq!(gather.length_bytes(), 0);
    }

    #[test]
    fn it_is_full_at_a_quarter_of_a_mebibyte() {
        let (mut gather, piece) = (Gather::default(), Piece::Data(Bytes::from(vec![1; 60_000])));
        let taken = (0..9)
            .take_while(|_| gather.offer(piece.clone()).is_none())
            .count();
        assert_eq!((taken, gather.length_bytes()), (4, 240_000));
    }

    #[test]
    fn large_pieces_and_what_could_not_be_read_pass_it_by() {
        let mut gather = Gather::default();
        assert_eq!(gather.offer(zeros(SMALL_BYTES)), Some(zeros(SMALL_BYTES)));
        let unread = Piece::Unread { length_bytes: 1 };
        assert_eq!(gather.offer(unread.clone()), Some(unread));
    }
}
