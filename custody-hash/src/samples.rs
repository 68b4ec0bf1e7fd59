//! What the unit tests hash, and what they judge the results by.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    sync::Arc,
};

use bytes::Bytes;
use digest::{FixedOutput, FixedOutputReset, Output, OutputSizeUser, Reset, Update, typenum::U16};
use sha2::Digest as _;

use crate::{ChunkRun, Engine, EngineOptions, Piece, merkle::MerkleFrontier, zeros::zero_chunk_digest};

/// Bytes without a pattern, the same for the same seed.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let words = std::iter::repeat_with(|| {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    });
    words.flatten().take(length).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Messages and their SHA-256. Source: FIPS 180-2, appendix B, for the last three; the digest of nothing is in the
/// NIST's validation vectors, `SHA256ShortMsg.rsp`.
pub(crate) fn nist_vectors() -> [(Vec<u8>, &'static str); 4] {
    [
        (
            Vec::new(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            b"abc".to_vec(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_vec(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            vec![b'a'; 1_000_000],
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
    ]
}

pub(crate) fn engine(threads: usize) -> Engine {
    Engine::new(EngineOptions::default().with_threads(NonZeroUsize::new(threads).unwrap())).unwrap()
}

pub(crate) fn data(length: usize, seed: u64) -> Piece {
    Piece::Data(Bytes::from(noise(length, seed)))
}

/// The bytes that pieces stand for.
pub(crate) fn image_of(pieces: &[Piece]) -> Vec<u8> {
    let mut image = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Data(bytes) => image.extend_from_slice(bytes),
            Piece::Zero { length_bytes } | Piece::Unread { length_bytes } => {
                image.resize(image.len() + usize::try_from(*length_bytes).unwrap(), 0);
            }
        }
    }
    image
}

pub(crate) fn sha2_of(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// Chunk digests the slow and obvious way.
pub(crate) fn chunks_of(image: &[u8], chunk_bytes: NonZeroU64) -> Vec<[u8; 32]> {
    image
        .chunks(usize::try_from(chunk_bytes.get()).unwrap())
        .map(sha2_of)
        .collect()
}

pub(crate) fn root_of(chunks: &[[u8; 32]]) -> [u8; 32] {
    let mut tree = MerkleFrontier::new();
    chunks.iter().for_each(|chunk| tree.push(*chunk).unwrap());
    tree.root()
}

/// One digest per chunk, for any size of chunk.
pub(crate) fn flatten(runs: &[ChunkRun], chunk_bytes: NonZeroU64) -> Vec<[u8; 32]> {
    let mut digests = Vec::new();
    for run in runs {
        match run {
            ChunkRun::Data(more) => digests.extend_from_slice(more),
            ChunkRun::Zero { chunks } => {
                let zero = zero_chunk_digest(chunk_bytes.get());
                digests.extend((0..*chunks).map(|_| zero));
            }
        }
    }
    digests
}

/// MD5 that calls a hook before each update and before its end.
#[derive(Clone)]
pub(crate) struct Hooked {
    md5: md5::Md5,
    hook: Arc<dyn Fn(Event) + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Update,
    End,
}

impl Hooked {
    pub(crate) fn new(hook: impl Fn(Event) + Send + Sync + 'static) -> Box<Self> {
        Box::new(Self {
            md5: md5::Md5::default(),
            hook: Arc::new(hook),
        })
    }
}

impl Update for Hooked {
    fn update(&mut self, data: &[u8]) {
        (self.hook)(Event::Update);
        Update::update(&mut self.md5, data);
    }
}

impl OutputSizeUser for Hooked {
    type OutputSize = U16;
}

impl FixedOutput for Hooked {
    fn finalize_into(self, out: &mut Output<Self>) {
        (self.hook)(Event::End);
        FixedOutput::finalize_into(self.md5, out);
    }
}

impl FixedOutputReset for Hooked {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        (self.hook)(Event::End);
        FixedOutputReset::finalize_into_reset(&mut self.md5, out);
    }
}

impl Reset for Hooked {
    fn reset(&mut self) {
        Reset::reset(&mut self.md5);
    }
}
