//! The adapter keeps the clauses of `custody-core`'s `ImageHasher` port.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;

use bytes::Bytes;
use custody_core::{
    Error,
    digest::{ImageDigests, Sha256Digest},
    extent::{ByteRange, Extent, ReadFault, ZeroWord},
    port::{ChunkRun, HashOptions, ImageHasher, WholeImage},
};
use custody_hash::{Engine, EngineOptions, port::EngineHasher};
use futures::executor::block_on;

const CHUNK: u64 = custody_core::digest::CHUNK_BYTES;

fn hasher() -> EngineHasher {
    let options = EngineOptions::default().with_threads(NonZeroUsize::new(2).unwrap());
    EngineHasher::new(Engine::new(options).unwrap())
}

fn data(at: u64, bytes: &'static [u8]) -> Extent {
    Extent::Data {
        at,
        bytes: Bytes::from_static(bytes),
    }
}

fn zero(start: u64, length: u64) -> Extent {
    Extent::Zero {
        range: ByteRange::at(start, length),
        word: ZeroWord::FileSystemHole,
    }
}

fn unread(start: u64, length: u64) -> Extent {
    Extent::Unread {
        range: ByteRange::at(start, length),
        fault: ReadFault::new("EIO", 3),
    }
}

fn hash(
    length: u64,
    options: HashOptions,
    extents: Vec<Extent>,
) -> Result<(Vec<ChunkRun>, ImageDigests), Error> {
    let mut image = hasher().start(length, options)?;
    block_on(async {
        let mut runs = Vec::new();
        for extent in extents {
            runs.extend(image.push(extent).await?);
        }
        let (rest, digests) = image.finish().await?;
        runs.extend(rest);
        Ok((runs, digests))
    })
}

#[test]
fn the_layer_names_its_threads_and_backend() {
    assert_eq!(
        hasher().to_string(),
        format!("custody-hash(2 threads, {})", custody_hash::backend_name())
    );
}

#[test]
fn ih01_unread_ranges_are_hashed_as_zeros_and_are_no_hole() {
    let length = 2 * CHUNK;
    let hole = hash(length, HashOptions::default(), vec![zero(0, length)]).unwrap();
    let fault = hash(
        length,
        HashOptions::default(),
        vec![zero(0, 100), unread(100, length - 100)],
    )
    .unwrap();
    assert_eq!(hole.1, fault.1);
    assert_eq!(hole.0, [ChunkRun::Zero { chunks: 2 }]);
    assert!(fault.0.iter().all(|run| matches!(run, ChunkRun::Data(_))));
}

#[test]
fn ih03_ih04_digests_are_named_by_what_they_are_of() {
    let options = HashOptions::default()
        .with_data_length(Some(3))
        .with_side(vec!["md5".to_owned(), "sha1".to_owned()]);
    let (runs, digests) = hash(6, options, vec![data(0, b"abcd"), data(4, b"ef")]).unwrap();
    let chunk = Sha256Digest::of(b"abcdef");
    let expected = ImageDigests::new(6, 1, Sha256Digest::of_parts(&[&[0], chunk.as_bytes()]))
        .with_stored_file(chunk)
        .with_disk_data(Sha256Digest::of(b"abc"))
        .with_side("md5", "e80b5017098950fc58aad83c8c14978e")
        .with_side("sha1", "1f8ac10f23c5b5bc1167bda84b833e5c057a77d2");
    assert_eq!(digests, expected);
    assert_eq!(runs, [ChunkRun::Data(vec![chunk])]);
}

#[test]
fn whole_digests_can_be_left_out() {
    let options = HashOptions::default().with_whole(WholeImage::Omit);
    let (_, digests) = hash(CHUNK, options, vec![zero(0, CHUNK)]).unwrap();
    assert_eq!(
        (digests.stored_file, digests.disk_data, digests.chunks),
        (None, None, 1)
    );
}

#[test]
fn ih06_extents_out_of_order_or_of_another_length_are_misuse() {
    let streams: [(&str, Vec<Extent>); 5] = [
        ("a gap", vec![data(0, b"ab"), data(3, b"c")]),
        ("an overlap", vec![data(0, b"ab"), data(1, b"bc")]),
        ("too few bytes", vec![data(0, b"ab")]),
        ("too many bytes", vec![data(0, b"abcd")]),
        ("too many zeros", vec![data(0, b"abc"), zero(3, u64::MAX)]),
    ];
    for (flaw, extents) in streams {
        let outcome = hash(3, HashOptions::default(), extents);
        assert!(
            matches!(outcome, Err(Error::Misuse { .. })),
            "{flaw}: {outcome:?}"
        );
    }
    let beyond = hash(3, HashOptions::default().with_data_length(Some(4)), Vec::new());
    assert!(matches!(beyond, Err(Error::Misuse { .. })));
}

#[test]
fn ih09_an_unknown_side_digest_is_unsupported_at_the_start() {
    let options = HashOptions::default().with_side(vec!["crc32".to_owned()]);
    let refusal = hasher().start(0, options).unwrap_err();
    assert!(matches!(refusal, Error::Unsupported { .. }), "{refusal}");
}
