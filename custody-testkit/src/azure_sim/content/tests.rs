#![expect(clippy::single_range_in_vec_init, reason = "one range is meant")]

use proptest::prelude::*;

use super::*;

#[test]
fn a_write_to_a_disk_leaves_its_snapshot_as_it_was() {
    let mut disk = Content::of_pattern(1 << 20, 7, vec![0..4096]);
    let snapshot = disk.clone();
    let before = snapshot.read(0..8192).unwrap();
    disk.write(512, Bytes::from_static(&[0xAA; 512]));
    disk.clear(0..512);
    assert_eq!(snapshot.read(0..8192).unwrap(), before);
    assert_eq!(disk.read(512..1024).unwrap(), [0xAA; 512][..]);
    assert_eq!(disk.allocated(), vec![512..4096]);
}

#[test]
fn a_partly_copied_whole_reads_as_zeros_behind_what_is_done() {
    let whole = Arc::new(Content::of_pattern(8192, 1, vec![0..8192]));
    let partial = Content::Partial {
        whole: Arc::clone(&whole),
        done: 4096,
    };
    assert_eq!(partial.read(0..4096).unwrap(), whole.read(0..4096).unwrap());
    assert_eq!(partial.read(4096..8192).unwrap(), [0; 4096][..]);
    assert_eq!(partial.allocated(), vec![0..4096]);
}

#[test]
fn four_tebibytes_of_nothing_cost_nothing() {
    let mut content = Content::Zeros(4 << 40);
    content.write((4 << 40) - 512, Bytes::from_static(&[1; 512]));
    assert_eq!(content.length(), 4 << 40);
    assert_eq!(content.allocated(), vec![(4 << 40) - 512..4 << 40]);
}

proptest! {
    #[test]
    fn layered_writes_read_like_a_plain_array(
        acts in prop::collection::vec((0_u16..64, 1_u16..16, any::<Option<u8>>()), 0..24)
    ) {
        let base = Content::of_pattern(64 * 512, 3, vec![1024..9000]);
        let mut plain = base.read(0..64 * 512).unwrap().to_vec();
        let mut content = base;
        for (start, count, value) in acts {
            let from = u64::from(start) * 512;
            let to = (from + u64::from(count) * 512).min(64 * 512);
            match value {
                Some(byte) => content.write(from, vec![byte; index(to - from)].into()),
                None => content.clear(from..to),
            }
            plain[index(from)..index(to)].fill(value.unwrap_or(0));
        }
        prop_assert_eq!(&content.read(0..64 * 512).unwrap()[..], &plain[..]);
        let allocated = content.allocated();
        for (at, byte) in plain.iter().enumerate() {
            let listed = allocated.iter().any(|range| range.contains(&(at as u64)));
            prop_assert!(listed || *byte == 0);
        }
    }
}
