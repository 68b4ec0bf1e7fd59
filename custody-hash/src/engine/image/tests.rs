use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use super::*;
use crate::{ChunkedSha256, MappedImage, Progress, samples::engine};

const MIB: u64 = 1 << 20;

/// Bytes that are the same everywhere.
struct Sevens;

impl ImageAt for Sevens {
    fn read_exact_at(&self, buffer: &mut [u8], _: u64) -> io::Result<()> {
        buffer.fill(7);
        Ok(())
    }
}

fn only(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

/// Hashes sevens where there is data, each hole as one piece and all of it on this thread.
fn alone(layout: ImageLayout, data: &[Range<u64>]) -> ImageDigests {
    let mut hash = ChunkedSha256::with_layout(layout).unwrap();
    let mut at = 0;
    for range in data {
        let length_bytes = range.start - at;
        hash.push(&Piece::Zero { length_bytes }).unwrap();
        let sevens = vec![7; usize::try_from(range.end - range.start).unwrap()];
        hash.push(&Piece::Data(sevens.into())).unwrap();
        at = range.end;
    }
    let length_bytes = layout.stored_file_bytes().unwrap() - at;
    hash.push(&Piece::Zero { length_bytes }).unwrap();
    hash.finish().unwrap().1
}

#[test]
fn a_hole_in_slices_has_the_digests_of_one_in_one_piece() {
    let length_bytes = 300 * MIB + 77;
    let layouts = [
        ImageLayout::new(length_bytes),
        ImageLayout::new(length_bytes).with_disk_data_bytes(290 * MIB + 5),
        ImageLayout::new(length_bytes).with_disk_data_bytes(100),
    ];
    for data in [
        vec![],
        vec![0..5000, 7 * MIB..8 * MIB + 3],
        only(299 * MIB + 1..299 * MIB + 2),
    ] {
        for layout in layouts {
            let image = MappedImage::new(Sevens, data.clone());
            let mut chunks = 0;
            let digests = engine(2)
                .hash_image(&image, layout, ImageOptions::default(), |run| {
                    chunks += run.chunks();
                    Ok(())
                })
                .unwrap();
            assert_eq!(digests, alone(layout, &data), "{layout:?} {data:?}");
            assert_eq!(chunks, digests.chunks);
        }
    }
}

#[test]
fn a_long_hole_is_told_in_parts_and_can_be_stopped_in_the_middle() {
    let image = MappedImage::new(Sevens, only(0..4 * MIB));
    let progress = Progress::new();
    let options = ImageOptions::default().with_progress(progress.clone());
    let mut holes = 0;
    let stopped = engine(2).hash_image(&image, ImageLayout::new(1 << 33), options, |run| match run {
        ChunkRun::Zero { chunks } => {
            holes += chunks;
            Err(io::Error::other("enough"))
        }
        ChunkRun::Data(_) => Ok(()),
    });
    assert!(matches!(stopped, Err(Error::Deposit { .. })));
    assert!((1..=2 * HOLE_SLICE_BYTES / (4 * MIB)).contains(&holes), "{holes}");
    assert!(progress.hashed_bytes() <= 3 * HOLE_SLICE_BYTES);
}

#[test]
fn a_hole_that_is_hashed_by_nobody_is_one_piece_however_long() {
    let image = MappedImage::new(Sevens, only(0..4 * MIB));
    let options = ImageOptions::default().with_whole_digests(crate::WholeDigests::Omit);
    let digests = engine(2).hash_image(&image, ImageLayout::new(1 << 55), options, |_| Ok(()));
    assert_eq!(digests.unwrap().chunks, 1 << 33);
}

#[test]
fn a_map_that_leads_nowhere_is_an_error_and_not_a_loop() {
    struct Misled(Range<u64>, AtomicU64);
    impl ImageAt for Misled {
        fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
            Sevens.read_exact_at(buffer, at_bytes)
        }
        fn next_data(&self, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
            assert!(self.1.fetch_add(1, Ordering::Relaxed) < 100, "it is a loop");
            Ok(Some(if at_bytes < 10 { 0..10 } else { self.0.clone() }))
        }
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a map may be as wrong as that")]
    let wrong = [10..10, 3..10, 20..20, 0..9, 60..20];
    for range in wrong {
        let image = Misled(range.clone(), AtomicU64::new(0));
        let refused =
            engine(1).hash_image(&image, ImageLayout::new(100), ImageOptions::default(), |_| Ok(()));
        assert!(
            matches!(refused, Err(Error::Read { at_bytes: 10, .. })),
            "{range:?}: {refused:?}"
        );
    }
}
