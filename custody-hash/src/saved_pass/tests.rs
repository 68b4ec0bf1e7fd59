use digest::Update as _;
use proptest::prelude::*;

use super::*;
use crate::{
    ChunkedSha256, ImageDigests, ImageOptions, Piece, WholeDigests,
    samples::{data, engine, flatten, noise},
};

/// Pieces of more than two chunks, holes among them.
fn pieces() -> Vec<Piece> {
    let hole = |length_bytes| Piece::Zero { length_bytes };
    vec![
        hole(5 << 20),
        data(1_000_001, 1),
        hole(77),
        data(3 << 20, 2),
        Piece::Unread { length_bytes: 70_000 },
        hole(9 << 20),
        data(100, 3),
    ]
}

fn layout(disk_data_bytes: u64) -> ImageLayout {
    let length_bytes = pieces().iter().map(Piece::length_bytes).sum();
    ImageLayout::new(length_bytes).with_disk_data_bytes(disk_data_bytes)
}

fn in_one_go(disk_data_bytes: u64) -> (Vec<[u8; 32]>, ImageDigests) {
    let mut pass = ChunkedSha256::with_layout(layout(disk_data_bytes)).unwrap();
    pieces().iter().for_each(|piece| pass.push(piece).unwrap());
    let (runs, digests) = pass.finish().unwrap();
    (flatten(&runs, DEFAULT_CHUNK_BYTES), digests)
}

#[test]
fn an_image_goes_on_in_another_engine_after_every_piece() {
    for disk_data_bytes in [0, 1_000, 5 << 20, 9 << 20] {
        let expected = in_one_go(disk_data_bytes);
        for stop in 0..=pieces().len() {
            let mut runs = Vec::new();
            let mut image = engine(2)
                .start(layout(disk_data_bytes), ImageOptions::default())
                .unwrap();
            for piece in &pieces()[..stop] {
                runs.extend(image.push_blocking(piece.clone()).unwrap());
            }
            let (more, saved) = image.save_blocking().unwrap();
            runs.extend(more);
            drop(image);

            let saved = SavedPass::from_bytes(&saved.to_bytes()).unwrap();
            assert_eq!(saved.layout(), layout(disk_data_bytes));
            let mut image = engine(1).resume(&saved, ImageOptions::default()).unwrap();
            assert_eq!(image.progress().hashed_bytes(), saved.position_bytes());
            for piece in &pieces()[stop..] {
                runs.extend(image.push_blocking(piece.clone()).unwrap());
            }
            let (rest, digests) = image.finish_blocking().unwrap();
            runs.extend(rest);
            assert_eq!(
                (flatten(&runs, DEFAULT_CHUNK_BYTES), digests),
                expected,
                "stopped after {stop}"
            );
        }
    }
}

#[test]
fn a_saved_image_may_go_on_itself() {
    let mut image = engine(2)
        .start(ImageLayout::new(6), ImageOptions::default())
        .unwrap();
    image.push_blocking(Piece::Data("abc".into())).unwrap();
    let (_, saved) = image.save_blocking().unwrap();
    assert_eq!(saved.position_bytes(), 3);
    image.push_blocking(Piece::Data("def".into())).unwrap();
    let (_, digests) = image.finish_blocking().unwrap();
    assert_eq!(digests.stored_file, Some(crate::digest(b"abcdef")));
}

#[test]
fn what_cannot_be_saved_is_said() {
    let sides = ImageOptions::default().with_side_digest("md5", Box::new(md5::Md5::default()));
    let chunks = ImageOptions::default().with_whole_digests(WholeDigests::Omit);
    for options in [sides, chunks] {
        let mut image = engine(1).start(ImageLayout::new(6), options).unwrap();
        assert!(matches!(image.save_blocking(), Err(Error::CannotSave { .. })));
    }
    let saved = ChunkedSha256::default().save();
    let sides = ImageOptions::default().with_side_digest("md5", Box::new(md5::Md5::default()));
    assert!(matches!(
        engine(1).resume(&saved, sides),
        Err(Error::CannotSave { .. })
    ));
}

#[test]
fn any_damage_is_found() {
    let mut pass = ChunkedSha256::with_layout(layout(1_000)).unwrap();
    pieces()
        .iter()
        .take(3)
        .for_each(|piece| pass.push(piece).unwrap());
    let bytes = pass.save().to_bytes();
    for length in 0..bytes.len() {
        assert!(SavedPass::from_bytes(&bytes[..length]).is_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(
            matches!(SavedPass::from_bytes(&damaged), Err(Error::SavedState { .. })),
            "{at}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_serial_front_goes_on_after_any_byte(
        length in 0..300_usize,
        stop in any::<prop::sample::Index>(),
        boundary in any::<prop::sample::Index>(),
    ) {
        let image = noise(length, 4);
        let (stop, boundary) = (stop.index(length + 1), boundary.index(length + 1));
        let layout = ImageLayout::new(length as u64).with_disk_data_bytes(boundary as u64);
        let mut first = ChunkedSha256::with_layout(layout).unwrap();
        first.update(&image[..stop]);
        let saved = SavedPass::from_bytes(&first.save().to_bytes()).unwrap();
        let mut second = ChunkedSha256::resume(&saved);
        second.update(&image[stop..]);
        let (_, digests) = second.finish().unwrap();
        prop_assert_eq!(digests.stored_file, Some(crate::digest(&image)));
        prop_assert_eq!(digests.disk_data, Some(crate::digest(&image[..boundary])));
        prop_assert_eq!(digests.chunks, u64::from(length > 0));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut with_checksum = MAGIC.to_vec();
        with_checksum.extend(bytes);
        let checksum = crate::digest(&with_checksum);
        with_checksum.extend(checksum);
        prop_assert!(SavedPass::from_bytes(&with_checksum).is_err());
    }
}
