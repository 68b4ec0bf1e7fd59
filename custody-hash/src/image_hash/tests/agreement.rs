//! The engine, the serial front and the `sha2` crate give the same values.

use std::num::NonZeroU64;

use digest::Update as _;
use proptest::prelude::*;

use crate::{
    ChunkRun, ChunkedSha256, Engine, ImageDigests, ImageLayout, ImageOptions, Piece, WholeDigests,
    samples::{chunks_of, data, engine, flatten, hex, image_of, root_of, sha2_of},
    zeros::zero_chunk_digest,
};

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let length = prop_oneof![3 => 0..2_000usize, 1 => 60_000..150_000usize];
    let piece = (0..5, length, any::<u64>()).prop_map(|(kind, length, seed)| match (kind, length as u64) {
        (0, length_bytes) => Piece::Unread { length_bytes },
        (1 | 2, length_bytes) => Piece::Zero { length_bytes },
        _ => data(length, seed),
    });
    proptest::collection::vec(piece, 0..16)
}

fn by_engine(
    engine: &Engine,
    layout: ImageLayout,
    pieces: &[Piece],
    chunk_bytes: NonZeroU64,
) -> (Vec<ChunkRun>, ImageDigests) {
    let options = ImageOptions::default()
        .with_in_flight_bytes(200_000)
        .with_side_digest("sha256", Box::new(sha2::Sha256::default()))
        .with_chunk_bytes(chunk_bytes);
    let mut image = engine.start(layout, options).unwrap();
    let mut runs = Vec::new();
    for piece in pieces {
        runs.extend(image.push_blocking(piece.clone()).unwrap());
    }
    let (rest, digests) = image.finish_blocking().unwrap();
    runs.extend(rest);
    (runs, digests)
}

fn serially(layout: ImageLayout, pieces: &[Piece], chunk_bytes: NonZeroU64) -> (Vec<ChunkRun>, ImageDigests) {
    let mut hasher = ChunkedSha256::of(layout, chunk_bytes, zero_chunk_digest(chunk_bytes.get()));
    for piece in pieces {
        match piece {
            Piece::Data(bytes) if bytes.len() % 2 == 0 => hasher.update(bytes),
            piece => hasher.push(piece).unwrap(),
        }
    }
    hasher.finish().unwrap()
}

/// How many chunks are full and made of zero pieces only.
fn holes_in(pieces: &[Piece], chunk_bytes: NonZeroU64) -> usize {
    let known_zero: Vec<bool> = pieces
        .iter()
        .flat_map(|piece| {
            let zero = matches!(piece, Piece::Zero { .. });
            std::iter::repeat_n(zero, usize::try_from(piece.length_bytes()).unwrap())
        })
        .collect();
    let chunks = known_zero.chunks_exact(usize::try_from(chunk_bytes.get()).unwrap());
    chunks.filter(|chunk| chunk.iter().all(|zero| *zero)).count()
}

fn holes_told(runs: &[ChunkRun]) -> usize {
    let told = runs.iter().map(|run| match run {
        ChunkRun::Data(_) => 0,
        ChunkRun::Zero { chunks } => usize::try_from(*chunks).unwrap(),
    });
    told.sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_image_split_anywhere_has_one_set_of_digests(
        pieces in pieces(),
        chunk_bytes in prop_oneof![1_000..5_000u64, 30_000..90_000u64],
        boundary in any::<prop::sample::Index>(),
        declared in any::<bool>(),
    ) {
        let chunk_bytes = NonZeroU64::new(chunk_bytes).unwrap();
        let image = image_of(&pieces);
        let boundary = boundary.index(image.len() + 1);
        let layout = if declared { ImageLayout::new(image.len() as u64) } else { ImageLayout::of_unknown_length() };
        let layout = layout.with_disk_data_bytes(boundary as u64);
        let chunks = chunks_of(&image, chunk_bytes);

        let (runs, mut digests) = by_engine(&engine(2), layout, &pieces, chunk_bytes);
        prop_assert_eq!(&digests.side.pop().unwrap().value, &sha2_of(&image));
        let expected = ImageDigests {
            stored_file_bytes: image.len() as u64,
            stored_file: Some(sha2_of(&image)),
            disk_data: Some(sha2_of(&image[..boundary])),
            chunks: chunks.len() as u64,
            root: root_of(&chunks),
            side: Vec::new(),
        };
        prop_assert_eq!(&digests, &expected);
        prop_assert_eq!(&flatten(&runs, chunk_bytes), &chunks);
        prop_assert_eq!(holes_told(&runs), holes_in(&pieces, chunk_bytes));

        let (runs, digests) = serially(layout, &pieces, chunk_bytes);
        prop_assert_eq!(&digests, &expected);
        prop_assert_eq!(&flatten(&runs, chunk_bytes), &chunks);
        prop_assert_eq!(holes_told(&runs), holes_in(&pieces, chunk_bytes));
    }
}

#[test]
fn many_images_at_once_keep_their_results_apart() {
    let engine = engine(2);
    let chunk_bytes = NonZeroU64::new(50_000).unwrap();
    let images: Vec<Vec<Piece>> = (0..12)
        .map(|image| {
            (0..image)
                .map(|piece| data(40_000 + 10_000 * piece, (image * 100 + piece) as u64))
                .collect()
        })
        .collect();
    let mut hashes: Vec<_> = images
        .iter()
        .map(|pieces| {
            let layout = ImageLayout::new(pieces.iter().map(Piece::length_bytes).sum());
            let options = ImageOptions::default()
                .with_in_flight_bytes(100_000)
                .with_chunk_bytes(chunk_bytes);
            (engine.start(layout, options).unwrap(), Vec::new())
        })
        .collect();
    for round in 0..12 {
        for (pieces, (image, runs)) in images.iter().zip(&mut hashes) {
            if let Some(piece) = pieces.get(round) {
                runs.extend(image.push_blocking(piece.clone()).unwrap());
            }
        }
    }
    for (pieces, (hash, mut runs)) in images.iter().zip(hashes) {
        let (rest, digests) = hash.finish_blocking().unwrap();
        runs.extend(rest);
        let image = image_of(pieces);
        assert_eq!(digests.stored_file, Some(sha2_of(&image)));
        assert_eq!(flatten(&runs, chunk_bytes), chunks_of(&image, chunk_bytes));
    }
}

#[test]
fn side_digests_come_back_by_name_in_the_order_asked_for() {
    let options = ImageOptions::default()
        .with_side_digest("sha1", Box::new(sha1::Sha1::default()))
        .with_side_digest("md5", Box::new(md5::Md5::default()));
    let mut image = engine(2).start(ImageLayout::new(3), options).unwrap();
    image.push_blocking(Piece::Data("abc".into())).unwrap();
    let (_, digests) = image.finish_blocking().unwrap();
    let sides: Vec<_> = digests
        .side
        .iter()
        .map(|side| (side.name.as_str(), hex(&side.value)))
        .collect();
    assert_eq!(
        sides[0],
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d".to_owned())
    );
    assert_eq!(sides[1], ("md5", "900150983cd24fb0d6963f7d28e17f72".to_owned()));
}

#[test]
fn without_whole_digests_a_hole_of_a_tebibyte_is_hashed_at_once() {
    let options = ImageOptions::default().with_whole_digests(WholeDigests::Omit);
    let layout = ImageLayout::new((1 << 40) + 3);
    let mut image = engine(1).start(layout, options).unwrap();
    let started = std::time::Instant::now();
    image
        .push_blocking(Piece::Zero {
            length_bytes: 1 << 40,
        })
        .unwrap();
    image.push_blocking(Piece::Data("abc".into())).unwrap();
    let (_, digests) = image.finish_blocking().unwrap();
    assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
    assert_eq!((digests.chunks, digests.stored_file), ((1 << 18) + 1, None));
}
