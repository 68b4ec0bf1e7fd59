use std::sync::atomic::AtomicBool;

use custody_core::extent::{ByteRange, Extent, ReadFault};
use custody_core::{Error, Result};
use proptest::prelude::*;
use rustix::io::Errno;

use super::failing_medium::{FailingMedium, SECTOR};
use super::health::Health;
use super::medium::Medium as _;
use super::options::OnReadError;
use super::reading::read_range;
use super::recovery::RecoveryPolicy;

const FILL: RecoveryPolicy = RecoveryPolicy {
    retries: 2,
    on_read_error: OnReadError::Fill,
};

fn read(medium: &FailingMedium, range: ByteRange) -> Result<Vec<Extent>> {
    read_range(medium, range, FILL, &Health::default(), &AtomicBool::new(false))
}

fn whole(medium: &FailingMedium) -> ByteRange {
    ByteRange::at(0, medium.length())
}

/// What is unread; all else was checked to be the medium's bytes, and the whole to cover the range exactly.
fn unread(medium: &FailingMedium, range: ByteRange, extents: &[Extent]) -> Vec<(u64, u64, ReadFault)> {
    let mut next = range.start();
    let mut unread = Vec::new();
    for extent in extents {
        assert_eq!(extent.range().start(), next);
        next = extent.range().end();
        match extent {
            Extent::Data { at, bytes } => {
                let from = usize::try_from(*at).unwrap();
                assert!(
                    bytes[..] == medium.bytes[from..from + bytes.len()],
                    "other bytes at {at}"
                );
            }
            Extent::Unread { range, fault } => unread.push((range.start(), range.end(), fault.clone())),
            Extent::Zero { range, .. } => panic!("{range} given as zeros"),
        }
    }
    assert_eq!(next, range.end());
    unread
}

#[test]
fn one_bad_sector_is_lost_and_every_neighbour_is_kept() {
    let medium = FailingMedium::of_sectors(8192).with_bad([4100]);
    let extents = read(&medium, whole(&medium)).unwrap();
    let lost = unread(&medium, whole(&medium), &extents);
    let fault = ReadFault::new("EIO", 3);
    assert_eq!(lost, [(4100 * SECTOR, 4101 * SECTOR, fault)]);
    assert_eq!(medium.sectors_tried.lock().unwrap()[&4100], 3);
    assert!(medium.reads() < 60, "{} reads", medium.reads());
}

#[test]
fn a_bad_run_is_one_extent_and_costs_its_tries_and_little_more() {
    let medium = FailingMedium::of_sectors(8192).with_bad(3000..4000);
    let extents = read(&medium, whole(&medium)).unwrap();
    let lost = unread(&medium, whole(&medium), &extents);
    assert_eq!(lost, [(3000 * SECTOR, 4000 * SECTOR, ReadFault::new("EIO", 3))]);
    assert!(medium.reads() < 3 * 1000 + 150, "{} reads", medium.reads());
}

#[test]
fn a_sector_that_heals_on_a_retry_is_data() {
    let medium = FailingMedium::of_sectors(64);
    // The buffered read and the halves above the sector use up failures, too: then one of its own tries.
    medium.weak.lock().unwrap().insert(33, 3);
    let extents = read(&medium, whole(&medium)).unwrap();
    assert!(unread(&medium, whole(&medium), &extents).is_empty());
}

#[test]
fn the_error_and_the_tries_are_those_of_the_sector() {
    let mut medium = FailingMedium::of_sectors(16).with_bad([3]);
    medium.error = Some(Errno::NODATA);
    let policy = RecoveryPolicy { retries: 0, ..FILL };
    let extents = read_range(
        &medium,
        whole(&medium),
        policy,
        &Health::default(),
        &AtomicBool::new(false),
    );
    let lost = unread(&medium, whole(&medium), &extents.unwrap());
    assert_eq!(lost, [(3 * SECTOR, 4 * SECTOR, ReadFault::new("ENODATA", 1))]);
}

#[test]
fn stop_names_the_first_sector_that_fails() {
    let medium = FailingMedium::of_sectors(64).with_bad([20, 40]);
    let policy = RecoveryPolicy {
        on_read_error: OnReadError::Stop,
        ..FILL
    };
    let answer = read_range(
        &medium,
        whole(&medium),
        policy,
        &Health::default(),
        &AtomicBool::new(false),
    );
    match answer.unwrap_err() {
        Error::Unreadable { range, source, .. } => {
            assert_eq!(range, ByteRange::at(20 * SECTOR, SECTOR));
            assert!(source.unwrap().to_string().contains("os error 5"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_range_that_begins_and_ends_inside_bad_sectors_is_covered_exactly() {
    let medium = FailingMedium::of_sectors(16).with_bad([2, 9]);
    let range = ByteRange::new(2 * SECTOR + 100, 9 * SECTOR + 7).unwrap();
    let extents = read(&medium, range).unwrap();
    let lost = unread(&medium, range, &extents);
    assert_eq!(lost[0].0, range.start());
    assert_eq!(lost[1], (9 * SECTOR, range.end(), ReadFault::new("EIO", 3)));
}

#[test]
fn a_last_sector_that_is_not_whole_can_be_bad_and_can_be_read() {
    let medium = FailingMedium::of_bytes(9 * SECTOR + 5).with_bad([1]);
    let lost = unread(&medium, whole(&medium), &read(&medium, whole(&medium)).unwrap());
    assert_eq!(lost.len(), 1);
    let medium = FailingMedium::of_bytes(9 * SECTOR + 5).with_bad([9]);
    let lost = unread(&medium, whole(&medium), &read(&medium, whole(&medium)).unwrap());
    assert_eq!((lost[0].0, lost[0].1), (9 * SECTOR, 9 * SECTOR + 5));
}

#[test]
fn without_direct_reads_the_page_of_a_bad_sector_is_lost() {
    let mut medium = FailingMedium::of_sectors(64).with_bad([17]);
    medium.buffered_only = true;
    let lost = unread(&medium, whole(&medium), &read(&medium, whole(&medium)).unwrap());
    assert_eq!((lost[0].0, lost[0].1), (16 * SECTOR, 24 * SECTOR));
}

#[test]
fn short_reads_are_put_together() {
    let mut medium = FailingMedium::of_sectors(64).with_bad([30]);
    medium.at_most = Some(1536);
    let lost = unread(&medium, whole(&medium), &read(&medium, whole(&medium)).unwrap());
    assert_eq!((lost[0].0, lost[0].1), (30 * SECTOR, 31 * SECTOR));
}

#[test]
fn a_device_that_vanishes_ends_the_read_with_an_error() {
    for (after, error) in [(0, Errno::NODEV), (1, Errno::NXIO), (7, Errno::NOMEDIUM)] {
        let mut medium = FailingMedium::of_sectors(8192).with_bad([5000]);
        medium.dies = Some((after, error));
        let failure = read(&medium, whole(&medium)).unwrap_err();
        assert!(matches!(failure, Error::NotFound { .. }), "{failure}");
        assert!(failure.to_string().contains("vanished"), "{failure}");
    }
}

#[test]
fn a_device_that_answers_nothing_any_more_is_not_a_million_bad_sectors() {
    let mut medium = FailingMedium::of_sectors(8192).with_bad([5000]);
    medium.dies = Some((6, Errno::IO));
    let failure = read(&medium, whole(&medium)).unwrap_err();
    assert!(matches!(failure, Error::Provider { .. }), "{failure}");
    assert!(medium.reads() < 500, "{} reads", medium.reads());

    let mut never_alive = FailingMedium::of_sectors(8192);
    never_alive.dies = Some((0, Errno::IO));
    let failure = read(&never_alive, whole(&never_alive)).unwrap_err();
    assert!(
        failure.causes()[0].contains("failed as a whole"),
        "{:?}",
        failure.causes()
    );
}

#[test]
fn a_disk_with_a_bad_beginning_is_not_given_up() {
    let medium = FailingMedium::of_sectors(8192).with_bad(0..3000);
    let lost = unread(&medium, whole(&medium), &read(&medium, whole(&medium)).unwrap());
    assert_eq!((lost[0].0, lost[0].1), (0, 3000 * SECTOR));
}

#[test]
fn a_medium_that_ends_early_is_an_integrity_failure() {
    for after in [0, 4] {
        let mut medium = FailingMedium::of_sectors(64).with_bad([30]);
        medium.shrinks = Some(after);
        let failure = read(&medium, whole(&medium)).unwrap_err();
        assert!(matches!(failure, Error::Integrity { .. }), "{failure}");
    }
}

#[test]
fn a_failure_of_the_host_is_not_a_bad_sector() {
    let mut medium = FailingMedium::of_sectors(64);
    medium.dies = Some((0, Errno::NOMEM));
    let failure = read(&medium, whole(&medium)).unwrap_err();
    assert!(matches!(failure, Error::Provider { .. }), "{failure}");
}

#[test]
fn a_cancelled_recovery_tries_no_more() {
    let medium = FailingMedium::of_sectors(64).with_bad(0..64);
    let answer = read_range(
        &medium,
        whole(&medium),
        FILL,
        &Health::default(),
        &AtomicBool::new(true),
    );
    assert!(matches!(answer, Err(Error::Stopped { .. })));
    assert_eq!(medium.reads(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_bad_sectors_are_lost_wherever_they_lie(
        bad in prop::collection::btree_set(0_u64..96, 0..40),
        bytes in 95 * SECTOR..=96 * SECTOR,
        cut in (0_u64..96 * SECTOR, 0_u64..96 * SECTOR),
        at_most in prop_oneof![Just(None), (1_usize..20).prop_map(|n| Some(n * 512))],
    ) {
        let mut medium = FailingMedium::of_bytes(bytes).with_bad(bad.iter().copied());
        medium.at_most = at_most;
        let (a, b) = (cut.0.min(bytes), cut.1.min(bytes));
        let range = ByteRange::new(a.min(b), a.max(b)).unwrap();
        let extents = read(&medium, range).unwrap();
        let mut lost = std::collections::BTreeSet::new();
        for (start, end, _) in unread(&medium, range, &extents) {
            lost.extend(start / SECTOR..end.div_ceil(SECTOR));
        }
        let expected: std::collections::BTreeSet<u64> = bad
            .into_iter()
            .filter(|s| ByteRange::at(s * SECTOR, SECTOR).intersect(range).is_some())
            .collect();
        prop_assert_eq!(lost, expected);
    }
}
