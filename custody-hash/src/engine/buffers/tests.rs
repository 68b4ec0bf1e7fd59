use std::{io, ops::Range, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    ImageAt, ImageLayout, ImageOptions, MappedImage,
    samples::{Hooked, engine, noise, sha2_of},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Bytes that are the same everywhere and take no memory.
struct Everywhere;

impl ImageAt for Everywhere {
    fn read_exact_at(&self, buffer: &mut [u8], _: u64) -> io::Result<()> {
        buffer.fill(0xa5);
        Ok(())
    }
}

/// Extents of that length, each followed by a hole of 4 KiB, so that no two of them are read together.
fn extents(count: u64, length_bytes: u64) -> Vec<Range<u64>> {
    let start = |number: u64| number * (length_bytes + 4 * KIB);
    (0..count)
        .map(|number| start(number)..start(number) + length_bytes)
        .collect()
}

/// The most buffers that a pass over so many extents has beside a digest that is slower than reading.
fn peak_of(count: u64, extent_bytes: u64, in_flight_bytes: u64) -> u64 {
    let data = extents(count, extent_bytes);
    let length_bytes = data.last().unwrap().end;
    let image = MappedImage::new(Everywhere, data);
    let slow = Hooked::new(|_| std::thread::sleep(Duration::from_micros(300)));
    let options = ImageOptions::default()
        .with_in_flight_bytes(in_flight_bytes)
        .with_side_digest("slow", slow);
    peak::take();
    engine(2)
        .hash_image(&image, ImageLayout::new(length_bytes), options, |_| Ok(()))
        .unwrap();
    peak::take()
}

#[test]
fn buffers_of_any_extents_stay_within_the_bytes_in_flight_and_one_more() {
    let in_flight_bytes = 3 * MIB;
    for extent_bytes in [
        4 * KIB,
        63 * KIB,
        64 * KIB,
        65 * KIB,
        100 * KIB,
        512 * KIB,
        MIB - KIB,
        MIB,
        5 * MIB / 2,
    ] {
        let count = (12 * MIB / extent_bytes).clamp(8, 200);
        let peak = peak_of(count, extent_bytes, in_flight_bytes);
        assert!(
            peak <= in_flight_bytes + MIB,
            "{peak} bytes of buffers for extents of {extent_bytes}"
        );
        if (64 * KIB..MIB).contains(&extent_bytes) {
            // Else nothing would be shown by the bound.
            assert!(peak > in_flight_bytes - MIB, "{peak} of {extent_bytes}");
        }
    }
}

#[test]
fn extents_of_all_lengths_are_hashed_to_the_same_digest_as_the_bytes() {
    let lengths = [
        1,
        4096,
        65_535,
        65_536,
        65_537,
        700_000,
        1 << 20,
        3_000_000,
        64 << 10,
    ];
    let mut bytes = noise(40_000_000, 5);
    let (mut data, mut at) = (Vec::new(), 0);
    for length in lengths.iter().cycle().take(36) {
        if at + length + 5000 > bytes.len() {
            break;
        }
        bytes[at..at + 5000].fill(0);
        data.push((at + 5000) as u64..(at + 5000 + length) as u64);
        at += 5000 + length;
    }
    bytes[at..].fill(0);
    let image = MappedImage::new(&bytes, data);
    let layout = ImageLayout::new(bytes.len() as u64);
    let digests = engine(2).hash_image(&image, layout, ImageOptions::default(), |_| Ok(()));
    assert_eq!(digests.unwrap().stored_file, Some(sha2_of(&bytes)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Reads of any lengths, given back in order as far as the bytes in flight ask for it.
    #[test]
    fn no_order_of_reads_makes_more_buffers(
        lengths in proptest::collection::vec(prop_oneof![Just(BUFFER_BYTES), 65_536..=BUFFER_BYTES], 1..120),
        limit_mib in 1..6_u64,
    ) {
        let limit_bytes = limit_mib * MIB;
        let mut buffers = Buffers::new(limit_bytes);
        let (mut lent, mut lent_bytes) = (std::collections::VecDeque::new(), 0);
        for length in lengths {
            let buffer = buffers.take(length);
            prop_assert!(buffers.bytes() + buffer.len() as u64 <= limit_bytes + MIB);
            let piece = buffers.lend(buffer, length);
            while lent_bytes > 0 && lent_bytes + piece.length_bytes() > limit_bytes {
                let oldest: Piece = lent.pop_front().unwrap();
                lent_bytes -= oldest.length_bytes();
            }
            lent_bytes += piece.length_bytes();
            lent.push_back(piece);
        }
    }
}
