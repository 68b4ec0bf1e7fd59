use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::{
    MappedImage,
    samples::{chunks_of, engine, flatten, noise, root_of},
};

fn tree(image: &impl ImageAt, length: usize, chunk_bytes: u64) -> (Vec<ChunkRun>, ImageDigests) {
    let chunk_bytes = NonZeroU64::new(chunk_bytes).unwrap();
    let mut runs = Vec::new();
    let digests = engine(2)
        .hash_tree_of(image, length as u64, chunk_bytes, |run| {
            runs.push(run);
            Ok(())
        })
        .unwrap();
    (runs, digests)
}

fn check(image: &impl ImageAt, bytes: &[u8], chunk_bytes: u64) {
    let (runs, digests) = tree(image, bytes.len(), chunk_bytes);
    let chunk_bytes = NonZeroU64::new(chunk_bytes).unwrap();
    let chunks = chunks_of(bytes, chunk_bytes);
    assert_eq!(flatten(&runs, chunk_bytes), chunks);
    assert_eq!(
        (digests.chunks, digests.root),
        (chunks.len() as u64, root_of(&chunks))
    );
}

#[test]
fn every_length_around_slices_and_chunks_agrees_with_sha2() {
    let sample = noise(700_000, 1);
    for chunk_bytes in [64, 1_000, 64 << 10, 140_001, 4 << 20] {
        for length in [
            0, 1, 63, 64, 65, 65_535, 65_536, 65_537, 140_000, 140_001, 140_002, 700_000,
        ] {
            if length / chunk_bytes < 2_000 {
                let bytes = &sample[..usize::try_from(length).unwrap()];
                check(&bytes, bytes, chunk_bytes);
            }
        }
    }
}

#[test]
fn zeros_that_are_read_are_looked_at_and_hashed_by_table() {
    const SLICE: usize = 64 << 10;
    let mut bytes = vec![0; 5 * (4 << 20) + 77];
    bytes[(4 << 20) + 3 * SLICE + 5] = 1; // after three slices of zeros
    bytes[2 * (4 << 20)] = 1; // at a start
    bytes[4 * (4 << 20) - 1] = 1; // at an end
    check(&bytes, &bytes, 4 << 20);
    let (runs, _) = tree(&bytes, bytes.len(), 4 << 20);
    assert!(
        runs.iter().all(|run| matches!(run, ChunkRun::Data(_))),
        "nobody said that they are zeros"
    );
}

#[test]
fn a_hole_of_sixteen_tebibytes_is_not_read() {
    struct Never;
    impl ImageAt for Never {
        fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
            Err(io::Error::other("read"))
        }
    }
    let image = MappedImage::new(Never, Vec::new());
    let mut runs = Vec::new();
    let digests = engine(2)
        .hash_tree(&image, 16 << 40, |run| {
            runs.push(run);
            Ok(())
        })
        .unwrap();
    assert_eq!(runs, [ChunkRun::Zero { chunks: 4 << 20 }]);
    assert_eq!(digests.chunks, 4 << 20);
}

#[test]
fn a_fault_is_named_by_its_place_and_ends_all_threads() {
    struct Broken;
    impl ImageAt for Broken {
        fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
            buffer.fill(1);
            if at_bytes == 50 << 20 {
                Err(io::Error::other("bad sector"))
            } else {
                Ok(())
            }
        }
    }
    let failure = engine(2).hash_tree(&Broken, 1 << 40, |_| Ok(())).unwrap_err();
    assert!(
        matches!(failure, Error::Read { at_bytes, .. } if at_bytes == 50 << 20),
        "{failure}"
    );
    let short = engine(2)
        .hash_tree(&vec![1; 5_000_000], 5_000_001, |_| Ok(()))
        .unwrap_err();
    assert!(matches!(short, Error::Read { .. }), "{short}");
}

#[test]
fn an_error_of_the_receiver_stops_the_pass() {
    struct Counting(AtomicU64);
    impl ImageAt for Counting {
        fn read_exact_at(&self, buffer: &mut [u8], _: u64) -> io::Result<()> {
            self.0.fetch_add(buffer.len() as u64, Ordering::Relaxed);
            buffer.fill(1);
            Ok(())
        }
    }
    let image = Counting(AtomicU64::new(0));
    let stop = |_| Err(io::Error::other("enough"));
    let failure = engine(2).hash_tree(&image, 1 << 50, stop).unwrap_err();
    assert!(matches!(failure, Error::Deposit { .. }));
    assert!(image.0.load(Ordering::Relaxed) < 2 << 30);
}

#[test]
fn a_panic_of_the_image_is_an_error() {
    struct Panics;
    impl ImageAt for Panics {
        fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
            panic!("told to")
        }
    }
    let failure = engine(2).hash_tree(&Panics, 1 << 30, |_| Ok(())).unwrap_err();
    assert!(matches!(failure, Error::LanePanicked { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_map_of_any_image_agrees_with_sha2(
        length in 0..600_000_usize,
        chunk_bytes in 500..150_000_u64,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        seed in any::<u64>(),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
        cuts.sort_unstable();
        let mut bytes = noise(length, seed);
        let (mut data, mut holes, mut at) = (Vec::new(), Vec::new(), 0);
        for pair in cuts.chunks(2) {
            holes.push(at..pair[0]);
            at = *pair.last().unwrap();
            data.push(pair[0] as u64..at as u64);
        }
        holes.push(at..length);
        // What lies in the holes of the image itself must not matter.
        let stale = bytes.clone();
        for hole in holes {
            bytes[hole].fill(0);
        }
        check(&MappedImage::new(&stale, data), &bytes, chunk_bytes);
    }
}
