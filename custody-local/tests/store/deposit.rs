use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use bytes::Bytes;
use custody_core::Error;
use custody_core::extent::{ByteRange, Extent, ReadFault, ZeroWord};
use custody_core::port::{
    DepositOptions, EvidenceReaderExt as _, EvidenceSink as _, LegalHold, ObjectState, ProtectionKind,
};
use futures::FutureExt as _;

use crate::open;
use crate::support::{Scratch, acquisition, begin, data, make_folders, names, object, pattern, store, wait};

#[test]
fn a_deposit_leaves_a_read_only_file_with_exactly_its_bytes() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let (name, bytes) = (object("disk.raw"), pattern(100_000, 1));
    let receipt = store(&sink, &name, &bytes).unwrap().value;
    let path = scratch.join(name.as_str());
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let file = std::fs::metadata(&path).unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o444);
    assert_eq!(receipt.length.bytes(), 100_000);
    assert_eq!(receipt.version["inode"], file.ino().to_string());
    let protection = receipt.protection.unwrap();
    assert_eq!(protection.kind, ProtectionKind::ReadOnlyMode);
    assert_eq!(protection.observed["mode"], "0444");
    assert_eq!(names(path.parent().unwrap()), ["disk.raw"]);
}

#[test]
fn zeros_and_unread_ranges_are_holes_that_read_as_zeros() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let (name, bytes) = (object("disk.raw"), pattern(4096, 1));
    let mut deposit = begin(&sink, &name, 64 << 20).unwrap();
    let zeros = Extent::Zero {
        range: ByteRange::at(4096, 32 << 20),
        word: ZeroWord::FileSystemHole,
    };
    let rest = ByteRange::new(4096 + (32 << 20), 64 << 20).unwrap();
    let unread = Extent::Unread {
        range: rest,
        fault: ReadFault::new("EIO", 3),
    };
    for extent in [data(0, &bytes), zeros, unread] {
        wait(deposit.write(extent)).unwrap();
    }
    wait(deposit.commit()).unwrap();
    let path = scratch.join(name.as_str());
    let stored = std::fs::read(&path).unwrap();
    assert_eq!(stored.len(), 64 << 20);
    assert_eq!(stored[..4096], bytes);
    assert!(stored[4096..].iter().all(|byte| *byte == 0));
    assert!(
        std::fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20,
        "the holes take room"
    );
}

#[test]
fn what_a_stopped_deposit_left_is_discarded_and_never_shines_through() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let name = object("disk.raw");
    let folder = scratch.join(name.folder().unwrap().as_str());
    make_folders(&folder);
    std::fs::write(folder.join(".partial-disk.raw"), pattern(9000, 7)).unwrap();
    let mut deposit = begin(&sink, &name, 8192).unwrap();
    let zeros = Extent::Zero {
        range: ByteRange::at(0, 8192),
        word: ZeroWord::FileSystemHole,
    };
    wait(deposit.write(zeros)).unwrap();
    wait(deposit.commit()).unwrap();
    assert_eq!(std::fs::read(folder.join("disk.raw")).unwrap(), vec![0; 8192]);
    assert_eq!(names(&folder), ["disk.raw"]);
}

#[test]
fn a_deposit_stopped_just_before_its_name_is_discarded_though_it_is_read_only() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let name = object("disk.raw");
    let folder = scratch.join(name.folder().unwrap().as_str());
    make_folders(&folder);
    let left = folder.join(".partial-disk.raw");
    std::fs::write(&left, pattern(10, 7)).unwrap();
    std::fs::set_permissions(&left, std::fs::Permissions::from_mode(0o444)).unwrap();
    store(&sink, &name, &pattern(10, 1)).unwrap();
    assert_eq!(wait(sink.fetch(&name, 10)).unwrap(), pattern(10, 1));
    assert_eq!(names(&folder), ["disk.raw"]);
}

#[test]
fn a_live_deposit_keeps_others_of_its_name_out() {
    let scratch = Scratch::new();
    let (sink, other) = (open(scratch.path()), open(scratch.path()));
    let (name, bytes) = (object("disk.raw"), pattern(1000, 1));
    let mut deposit = begin(&sink, &name, 1000).unwrap();
    let refused = begin(&other, &name, 1000).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Precondition { .. }), "{refused}");
    wait(deposit.write(data(0, &bytes))).unwrap();
    wait(deposit.commit()).unwrap();
    assert_eq!(std::fs::read(scratch.join(name.as_str())).unwrap(), bytes);
}

#[test]
fn a_name_taken_during_the_deposit_is_refused_and_keeps_what_it_has() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let (name, bytes) = (object("disk.raw"), pattern(1000, 1));
    let mut deposit = begin(&sink, &name, 1000).unwrap();
    wait(deposit.write(data(0, &bytes))).unwrap();
    std::fs::write(scratch.join(name.as_str()), "somebody else's").unwrap();
    let refused = wait(deposit.commit()).unwrap_err();
    assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
    let path = scratch.join(name.as_str());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");
    assert_eq!(names(path.parent().unwrap()), ["disk.raw"]);
}

#[test]
fn a_link_at_the_unfinished_name_is_not_followed() {
    let scratch = Scratch::new();
    let sink = open(&scratch.join("store"));
    let name = object("disk.raw");
    let folder = scratch.join("store").join(name.folder().unwrap().as_str());
    make_folders(&folder);
    std::fs::write(scratch.join("victim"), "untouched").unwrap();
    symlink(scratch.join("victim"), folder.join(".partial-disk.raw")).unwrap();
    let refused = store(&sink, &name, &pattern(10, 1)).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    assert_eq!(
        std::fs::read_to_string(scratch.join("victim")).unwrap(),
        "untouched"
    );
}

#[test]
fn after_a_dropped_write_only_abort_is_left() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let (name, bytes) = (object("disk.raw"), pattern(1 << 20, 1));
    let mut deposit = begin(&sink, &name, 64 << 20).unwrap();
    let dropped = (0..64).find(|i| deposit.write(data(i << 20, &bytes)).now_or_never().is_none());
    let next = (dropped.expect("no write was still under way when it was dropped") + 1) << 20;
    let refused = wait(deposit.write(data(next, &bytes))).unwrap_err();
    assert!(matches!(refused, Error::Misuse { .. }), "{refused}");
    wait(deposit.abort()).unwrap();
    assert_eq!(
        wait(sink.state(&name, &acquisition())).unwrap(),
        ObjectState::Absent
    );
    assert!(names(&scratch.join(name.folder().unwrap().as_str())).is_empty());
}

#[test]
fn dropping_a_deposit_removes_its_unfinished_file_at_once() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let name = object("disk.raw");
    let folder = scratch.join(name.folder().unwrap().as_str());
    let deposit = begin(&sink, &name, 1000).unwrap();
    assert_eq!(names(&folder), [".partial-disk.raw"]);
    drop(deposit);
    assert!(names(&folder).is_empty());
}

#[test]
fn a_name_of_the_greatest_length_is_stored() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let name = object(&"n".repeat(150)).folder().unwrap();
    let longest = name.join(&"n".repeat(200).parse().unwrap());
    store(&sink, &longest, &pattern(10, 1)).unwrap();
    assert_eq!(wait(sink.fetch(&longest, 100)).unwrap(), pattern(10, 1));
}

#[test]
fn a_legal_hold_is_unsupported_and_nothing_is_begun() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let mut options = DepositOptions::new(acquisition(), 10);
    options.hold = LegalHold::Place;
    let refused = wait(sink.deposit(&object("disk.raw"), options))
        .map(drop)
        .unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
    assert!(names(scratch.path()).is_empty());
}

#[test]
fn only_a_read_only_file_in_the_acquisitions_own_folder_is_its_own() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let state = |name| wait(sink.state(&name, &acquisition())).unwrap();
    let bytes = Bytes::from_static(b"ten bytes!");
    store(&sink, &object("own"), &bytes).unwrap();
    assert!(matches!(state(object("own")), ObjectState::Stored(receipt) if receipt.length.bytes() == 10));
    let elsewhere = "cases/2026-0817/20260101T000000Z-00000000/disk.raw"
        .parse()
        .unwrap();
    store(&sink, &elsewhere, &bytes).unwrap();
    assert_eq!(state(elsewhere), ObjectState::Foreign);
    std::fs::write(scratch.join(object("copied in").as_str()), "by hand").unwrap();
    assert_eq!(state(object("copied in")), ObjectState::Foreign);
    symlink("own", scratch.join(object("link").as_str())).unwrap();
    assert_eq!(state(object("link")), ObjectState::Foreign);
    assert_eq!(state(object("own").folder().unwrap()), ObjectState::Foreign);
    assert_eq!(state(object("nothing")), ObjectState::Absent);
}

#[test]
fn the_protection_of_the_store_is_what_its_files_get() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let claimed = wait(sink.protection()).unwrap();
    assert!(names(scratch.path()).is_empty(), "looking left something behind");
    let receipt = store(&sink, &object("disk.raw"), &pattern(10, 1)).unwrap().value;
    // File systems without unnamed files let the store claim nothing beforehand.
    assert!(claimed.kind == ProtectionKind::None || Some(claimed) == receipt.protection);
}
