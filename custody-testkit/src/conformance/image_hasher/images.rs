use std::sync::LazyLock;

use bytes::Bytes;
use custody_core::digest::{CHUNK_BYTES, Sha256Digest};
use custody_core::extent::{ByteRange, Extent, ReadFault, ZeroWord};

use super::CHUNK;
use crate::fake::pattern;

/// The digests of an image, by their definition over all of its bytes at once.
pub(super) struct Expected {
    pub(super) stored_file: Sha256Digest,
    pub(super) chunks: Vec<Sha256Digest>,
    pub(super) root: Sha256Digest,
}

impl Expected {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let chunks: Vec<Sha256Digest> = bytes.chunks(CHUNK).map(Sha256Digest::of).collect();
        Self {
            stored_file: Sha256Digest::of(bytes),
            root: crate::fake::merkle_root(&chunks),
            chunks,
        }
    }
}

/// Lengths around the boundaries of blocks and chunks; the last has three chunks.
const LENGTHS: [usize; 14] = [
    0,
    1,
    55,
    56,
    63,
    64,
    65,
    511,
    512,
    513,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK + 17,
];

/// An image of data alone, with what is due of it. Made once: the clauses share them.
pub(super) struct Image {
    pub(super) bytes: Bytes,
    pub(super) expected: Expected,
}

impl Image {
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        static ALL: LazyLock<Vec<Image>> = LazyLock::new(|| {
            let image = |length| {
                let bytes = Bytes::from(pattern(length, 1));
                let expected = Expected::of(&bytes);
                Image { bytes, expected }
            };
            LENGTHS.into_iter().map(image).collect()
        });
        ALL.iter()
    }
}

/// From inside of the first chunk over two whole ones into the fourth.
const HOLE: ByteRange = ByteRange::at(CHUNK_BYTES - 512, 2 * CHUNK_BYTES + 1024);
/// In the fifth chunk.
const BAD: ByteRange = ByteRange::at(4 * CHUNK_BYTES + 512, 1024);

/// An image with everything that is not read in it. It has five chunks.
pub(super) struct WithHoles {
    pub(super) bytes: Bytes,
    pub(super) expected: Expected,
}

impl WithHoles {
    pub(super) fn image() -> &'static Self {
        static IMAGE: LazyLock<WithHoles> = LazyLock::new(|| {
            let mut bytes = pattern(4 * CHUNK + 5000, 2);
            for range in [HOLE, BAD] {
                bytes[index(range.start())..index(range.end())].fill(0);
            }
            let expected = Expected::of(&bytes);
            WithHoles {
                bytes: bytes.into(),
                expected,
            }
        });
        &IMAGE
    }

    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The image as it is read.
    pub(super) fn extents(&self) -> Vec<Extent> {
        let data = |start: u64, end: u64| Extent::Data {
            at: start,
            bytes: self.bytes.slice(index(start)..index(end)),
        };
        vec![
            data(0, HOLE.start()),
            Extent::Zero {
                range: HOLE,
                word: ZeroWord::FileSystemHole,
            },
            data(HOLE.end(), BAD.start()),
            Extent::Unread {
                range: BAD,
                fault: ReadFault::new("EIO", 3),
            },
            data(BAD.end(), self.length()),
        ]
    }
}

fn index(at: u64) -> usize {
    usize::try_from(at).expect("an image in memory is shorter than memory")
}
