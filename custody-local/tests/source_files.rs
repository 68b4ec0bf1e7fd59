//! Image files as sources: every size, name and kind of thing a path can lead to.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use custody_core::digest::DiskData;
use custody_core::extent::{ByteRange, Span, ZeroWord};
use custody_core::ids::{AcquisitionId, DiskId, EvidenceItemId};
use custody_core::port::{
    DiskDescription, DiskSnapshot, GrantOptions, ImageReader, ImageReaderExt as _, Machine, PlannedSnapshot,
    SnapshotKind, SnapshotPlan, Snapshotter as _, SourceAccess as _,
};
use custody_core::{Error, Result};
use custody_local::source::{LocalSources, SourceOptions};
use futures::TryStreamExt as _;
use futures::executor::block_on;
use std::sync::Arc;

const MIB: u64 = 1024 * 1024;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn pattern(bytes: u64) -> Vec<u8> {
    (0..bytes).map(|at| (at % 253) as u8).collect()
}

fn write(folder: &Path, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn sources(path: &Path) -> LocalSources {
    LocalSources::named([path], SourceOptions::default()).unwrap()
}

fn machine(sources: &LocalSources) -> Machine {
    block_on(sources.describe(sources.machine())).unwrap()
}

fn described(path: &Path) -> DiskDescription {
    machine(&sources(path)).disks.remove(0)
}

fn take(sources: &LocalSources, disk: &DiskId) -> Result<DiskSnapshot> {
    let plan = SnapshotPlan::new(
        "20261121T203015Z-0123abcd".parse::<AcquisitionId>().unwrap(),
        sources.machine().clone(),
        vec![PlannedSnapshot::new(
            EvidenceItemId::new(1),
            disk.clone(),
            "disk-1".parse().unwrap(),
        )],
    );
    let mut outcomes = block_on(sources.take(&plan));
    assert_eq!(outcomes.len(), 1);
    let outcome = outcomes.remove(0);
    assert_eq!(&outcome.disk, disk);
    outcome.result.map(|acted| acted.value)
}

fn open(sources: &LocalSources, snapshot: &DiskSnapshot) -> Result<Arc<dyn ImageReader>> {
    block_on(async {
        let grant = sources.grant(snapshot, GrantOptions::default()).await?.value;
        sources.open(snapshot, &grant).await.map(|opened| opened.image)
    })
}

fn taken(path: &Path) -> (LocalSources, DiskSnapshot) {
    let sources = sources(path);
    let disk = machine(&sources).disks.remove(0).disk;
    let snapshot = take(&sources, &disk).unwrap();
    (sources, snapshot)
}

fn all_bytes(reader: &Arc<dyn ImageReader>) -> Vec<u8> {
    block_on(reader.read_bytes(ByteRange::at(0, reader.length())))
        .unwrap()
        .to_vec()
}

fn spans(reader: &Arc<dyn ImageReader>, within: ByteRange) -> Vec<Span> {
    let spans: Vec<Span> = block_on(reader.spans(within).try_collect()).unwrap();
    let mut next = within.start();
    for span in &spans {
        assert_eq!(span.range().start(), next);
        assert!(!span.range().is_empty());
        next = span.range().end();
    }
    assert_eq!(next, within.end().min(reader.length()).max(within.start()));
    spans
}

fn touch_later(file: &File) {
    file.set_modified(SystemTime::now() + Duration::from_secs(5))
        .unwrap();
}

#[test]
fn files_of_every_size_are_read_to_the_last_byte() {
    let folder = folder();
    for bytes in [0, 1, 511, 512, 513, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1] {
        let content = pattern(bytes);
        let path = write(folder.path(), format!("{bytes}.raw"), &content);
        let disk = described(&path);
        assert_eq!((disk.length, disk.format.as_str()), (Some(bytes.into()), "raw"));
        assert_eq!(disk.data, DiskData::WholeFile);
        let (sources, snapshot) = taken(&path);
        assert_eq!(snapshot.kind, SnapshotKind::InPlace);
        assert_eq!(snapshot.length, Some(bytes.into()));
        let reader = open(&sources, &snapshot).unwrap();
        assert!(all_bytes(&reader) == content, "{bytes} bytes differ");
        spans(&reader, ByteRange::at(0, bytes));
    }
}

#[test]
fn a_range_outside_the_image_is_misuse_and_an_empty_one_gives_nothing() {
    let folder = folder();
    let (sources, snapshot) = taken(&write(folder.path(), "a.raw", &pattern(1000)));
    let reader = open(&sources, &snapshot).unwrap();
    let past = block_on(reader.read(ByteRange::at(999, 2)));
    assert!(matches!(past, Err(Error::Misuse { .. })));
    assert!(block_on(reader.read(ByteRange::at(1000, 0))).unwrap().is_empty());
    assert!(spans(&reader, ByteRange::at(1000, 10)).is_empty());
}

#[test]
fn the_holes_of_a_huge_sparse_file_are_told_without_reading_them() {
    let folder = folder();
    let path = folder.path().join("huge.raw");
    let file = File::create(&path).unwrap();
    let huge = 100 << 30;
    file.set_len(huge).unwrap();
    file.write_all_at(&pattern(8192), 50 << 30).unwrap();
    drop(file);
    let (sources, snapshot) = taken(&path);
    let reader = open(&sources, &snapshot).unwrap();
    let told = spans(&reader, ByteRange::at(0, huge));
    let data: u64 = told
        .iter()
        .filter(|span| matches!(span, Span::Data(_)))
        .map(|span| span.range().length())
        .sum();
    assert!(data >= 8192, "{told:?}");
    for span in &told {
        if let Span::Zero(range, word) = span {
            assert!(
                *word == ZeroWord::FileSystemHole && range.length() >= 65536,
                "{range}"
            );
        }
    }
    let at = ByteRange::at((50 << 30) - 10, 8212);
    let bytes = block_on(reader.read_bytes(at)).unwrap();
    assert_eq!(bytes[..10], [0; 10]);
    assert!(bytes[10..8202] == pattern(8192));
    // Only part of it asked for, beginning and ending inside holes.
    spans(
        &reader,
        ByteRange::new((50 << 30) - 1_000_001, (50 << 30) + 77_777_777).unwrap(),
    );
}

#[test]
fn what_is_no_image_is_refused_by_name_and_never_waited_for() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, word) in [
        (folder.path(), "directory"),
        (fifo.as_path(), "FIFO"),
        (socket.as_path(), "socket"),
        (Path::new("/dev/null"), "character device"),
    ] {
        let error = LocalSources::named([path], SourceOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(word) && text.contains(path.to_str().unwrap()),
            "{text}"
        );
    }
    let missing = folder.path().join("missing");
    let error = LocalSources::named([&missing], SourceOptions::default()).unwrap_err();
    assert!(
        matches!(error, Error::NotFound { .. }) && error.to_string().contains("missing"),
        "{error}"
    );
}

#[test]
fn a_source_named_twice_is_refused() {
    let folder = folder();
    let path = write(folder.path(), "a.raw", b"a");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = LocalSources::named([&path, &link], SourceOptions::default()).unwrap_err();
    assert!(error.to_string().contains("named twice"), "{error}");
}

#[test]
fn a_symbolic_link_is_followed_once_and_what_was_named_is_recorded() {
    let folder = folder();
    let path = write(folder.path(), "real.raw", b"real");
    let link = folder.path().join("link.raw");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let sources = sources(&link);
    let disk = machine(&sources).disks.remove(0);
    assert_eq!(disk.name, "real.raw");
    assert!(disk.disk.as_str().ends_with("/real.raw"));
    assert!(disk.attributes["named-as"].ends_with("/link.raw"));
    // Now a link lies where the file was: it is not followed a second time.
    let other = write(folder.path(), "other.raw", b"evil");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&other, &path).unwrap();
    let error = take(&sources, &disk.disk).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
}

#[test]
fn every_name_comes_back_from_the_disk_id_in_another_process() {
    let folder = folder();
    let long = [b'x'; 255];
    let names: [&[u8]; 7] = [
        b"with space",
        b"new\nline",
        b"\x1b[31mred\x07",
        "rtl\u{202e}gnp.war".as_bytes(),
        b"not\xff\xfeutf-8",
        b"back\\slash \\u{41}",
        &long,
    ];
    for name in names {
        let path = write(folder.path(), OsStr::from_bytes(name), name);
        let disk = described(&path);
        assert!(
            !disk.name.chars().any(custody_core::visible::must_escape),
            "{}",
            disk.name
        );
        let again = LocalSources::from_disk_ids([&disk.disk], SourceOptions::default()).unwrap();
        let snapshot = take(&again, &disk.disk).unwrap();
        assert_eq!(all_bytes(&open(&again, &snapshot).unwrap()), name);
    }
}

#[test]
fn a_disk_id_that_is_no_path_is_malformed() {
    for text in ["relative/path", "/bad\\escape", "azure:disk"] {
        let disk: DiskId = text.parse().unwrap();
        let error = LocalSources::from_disk_ids([&disk], SourceOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_source_that_is_gone_does_not_keep_the_others_from_being_used() {
    let folder = folder();
    let (gone, there) = (
        write(folder.path(), "gone.raw", b"gone"),
        write(folder.path(), "there.raw", b"there"),
    );
    let first = LocalSources::named([&gone, &there], SourceOptions::default()).unwrap();
    let disks: Vec<DiskId> = first.disks().cloned().collect();
    fs::remove_file(&gone).unwrap();
    let again = LocalSources::from_disk_ids(&disks, SourceOptions::default()).unwrap();
    let error = take(&again, &disks[0]).unwrap_err();
    assert!(
        matches!(error, Error::NotFound { .. }) && error.to_string().contains("gone.raw"),
        "{error}"
    );
    take(&again, &disks[1]).unwrap();
}

#[test]
fn a_file_that_grows_shrinks_or_is_written_differs_in_its_state_and_fails_the_next_read() {
    type Change = fn(&File);
    let changes: [(&str, Change); 3] = [
        ("grows", |file| file.set_len(3 * MIB).unwrap()),
        ("shrinks", |file| file.set_len(MIB).unwrap()),
        ("written", |file| {
            file.write_all_at(b"changed", 5).unwrap();
            touch_later(file);
        }),
    ];
    let folder = folder();
    for (name, change) in changes {
        let path = write(folder.path(), name, &pattern(2 * MIB));
        let (sources, snapshot) = taken(&path);
        let reader = open(&sources, &snapshot).unwrap();
        let before = block_on(sources.state(&snapshot)).unwrap();
        assert!(
            before
                .changes_until(&block_on(sources.state(&snapshot)).unwrap())
                .is_empty()
        );
        block_on(reader.read(ByteRange::at(0, MIB))).unwrap();
        change(&File::options().write(true).open(&path).unwrap());
        let after = block_on(sources.state(&snapshot)).unwrap();
        assert!(!before.changes_until(&after).is_empty(), "{name}");
        let error = block_on(reader.read(ByteRange::at(MIB, MIB))).unwrap_err();
        assert!(matches!(error, Error::Integrity { .. }), "{name}: {error}");
        let told: Result<Vec<Span>> = block_on(reader.spans(ByteRange::at(0, 2 * MIB)).try_collect());
        assert!(matches!(told, Err(Error::Integrity { .. })), "{name}");
        let error = open(&sources, &snapshot).unwrap_err();
        assert!(matches!(error, Error::Precondition { .. }), "{name}: {error}");
    }
}

#[test]
fn a_file_that_was_replaced_or_removed_is_told_and_never_read_in_its_place() {
    let folder = folder();
    let path = write(folder.path(), "a.raw", &pattern(4096));
    let (sources, snapshot) = taken(&path);
    let reader = open(&sources, &snapshot).unwrap();
    let before = block_on(sources.state(&snapshot)).unwrap();
    let other = write(folder.path(), "b.raw", &[9; 4096]);
    fs::rename(&other, &path).unwrap();
    assert_eq!(
        all_bytes(&reader),
        pattern(4096),
        "the reader holds what it opened"
    );
    let after = block_on(sources.state(&snapshot)).unwrap();
    assert!(
        before
            .changes_until(&after)
            .iter()
            .any(|(name, _, _)| name == "inode")
    );
    assert!(matches!(
        open(&sources, &snapshot),
        Err(Error::Precondition { .. })
    ));
    assert!(matches!(
        take(&sources, &snapshot.disk),
        Err(Error::Precondition { .. })
    ));
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        block_on(sources.state(&snapshot)),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(open(&sources, &snapshot), Err(Error::NotFound { .. })));
}

#[test]
fn taking_again_adopts_and_changes_nothing() {
    let folder = folder();
    let path = write(folder.path(), "a.raw", &pattern(4096));
    let (sources, snapshot) = taken(&path);
    let before = block_on(sources.state(&snapshot)).unwrap();
    assert_eq!(take(&sources, &snapshot.disk).unwrap(), snapshot);
    let resumed = LocalSources::from_disk_ids([&snapshot.disk], SourceOptions::default()).unwrap();
    assert_eq!(take(&resumed, &snapshot.disk).unwrap(), snapshot);
    assert_eq!(block_on(resumed.state(&snapshot)).unwrap(), before);
    let acquisition = "20261121T203015Z-0123abcd".parse().unwrap();
    assert!(block_on(sources.list(&acquisition)).unwrap().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn reading_leaves_the_access_time_as_it_was() {
    let folder = folder();
    let path = write(folder.path(), "a.raw", &pattern(MIB));
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let times = fs::FileTimes::new().set_accessed(old);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_times(times)
        .unwrap();
    let (sources, snapshot) = taken(&path);
    assert_eq!(machine(&sources).disks[0].attributes["atime"], "preserved");
    all_bytes(&open(&sources, &snapshot).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().atime(), 1_000_000);
    let state = block_on(sources.state(&snapshot)).unwrap();
    assert_eq!(state.noted["accessed"], "1000000.000000000");
}

#[test]
fn a_split_set_is_one_image() {
    let folder = folder();
    let whole = pattern(2_500_001);
    for (number, part) in whole.chunks(1_000_000).enumerate() {
        write(folder.path(), format!("disk.raw.{number:03}"), part);
    }
    let first = folder.path().join("disk.raw.000");
    let disk = described(&first);
    assert_eq!(
        (disk.name.as_str(), disk.length),
        ("disk.raw", Some(2_500_001.into()))
    );
    assert_eq!(disk.attributes["parts"], "3");
    assert!(!disk.attributes.contains_key("parts-anomaly"));
    let (sources, snapshot) = taken(&first);
    let reader = open(&sources, &snapshot).unwrap();
    assert!(all_bytes(&reader) == whole);
    let across = ByteRange::new(999_000, 2_000_001).unwrap();
    assert!(block_on(reader.read_bytes(across)).unwrap()[..] == whole[999_000..2_000_001]);
    spans(&reader, ByteRange::at(0, 2_500_001));

    let before = block_on(sources.state(&snapshot)).unwrap();
    assert!(before.pinned.contains_key("part-00003.inode"));
    let part = folder.path().join("disk.raw.001");
    touch_later(&File::options().write(true).open(&part).unwrap());
    let after = block_on(sources.state(&snapshot)).unwrap();
    let changes = before.changes_until(&after);
    assert!(changes.iter().all(|(name, _, _)| name.starts_with("part-00002.")) && !changes.is_empty());

    let error = block_on(reader.read(ByteRange::at(0, 10))).unwrap_err();
    assert!(
        matches!(error, Error::Integrity { .. }),
        "read of another part: {error}"
    );

    for gone in ["disk.raw.002", "disk.raw.001"] {
        fs::remove_file(folder.path().join(gone)).unwrap();
        let error = block_on(sources.state(&snapshot)).unwrap_err();
        assert!(
            matches!(error, Error::NotFound { .. }) && error.to_string().contains(gone),
            "{error}"
        );
    }
}

#[test]
fn a_part_that_is_shorter_than_the_others_is_an_anomaly() {
    let folder = folder();
    write(folder.path(), "d.001", &[1; 1000]);
    write(folder.path(), "d.002", &[2; 999]);
    write(folder.path(), "d.003", &[3; 1000]);
    let disk = described(&folder.path().join("d.001"));
    assert_eq!(
        disk.attributes["parts-anomaly"],
        "part 2 of 3 has 999 bytes, the first has 1000"
    );
}

#[test]
fn a_container_is_taken_whole_and_the_record_says_why_its_disk_was_not_digested() {
    let folder = folder();
    let mut content = b"QFI\xfb".to_vec();
    content.resize(70_000, 0);
    let path = write(folder.path(), "d.qcow2", &content);
    let disk = described(&path);
    assert_eq!(disk.format, "qcow2");
    let DiskData::NotComputed { reason } = disk.data else {
        panic!("disk data of a container");
    };
    assert_eq!(
        reason,
        "qcow2 container; convert with qemu-img to compare disk data"
    );
    let (sources, snapshot) = taken(&path);
    assert!(all_bytes(&open(&sources, &snapshot).unwrap()) == content);
}

#[test]
fn the_machine_is_this_host_and_says_what_is_not_taken() {
    let folder = folder();
    let sources = LocalSources::named(
        [write(folder.path(), "a.raw", b"a")],
        SourceOptions::default().with_write_blocker(Some("Tableau T8".parse().unwrap())),
    )
    .unwrap();
    let machine = machine(&sources);
    assert!(machine.machine.as_str().starts_with("local:"));
    assert!(machine.not_acquired.iter().any(|not| not.what == "memory"));
    assert!(machine.not_acquired.iter().all(|not| !not.reason.is_empty()));
    assert_eq!(
        machine.disks[0].attributes["write-blocker"],
        "Tableau T8 (as stated, not checked by custody)"
    );
    let other = "local:somewhere-else.invalid".parse().unwrap();
    assert!(matches!(
        block_on(sources.describe(&other)),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn a_disk_that_was_not_named_is_not_found() {
    let folder = folder();
    let (sources, snapshot) = taken(&write(folder.path(), "a.raw", b"a"));
    let other: DiskId = "/no/such/disk".parse().unwrap();
    assert!(matches!(take(&sources, &other), Err(Error::NotFound { .. })));
    let strange = DiskSnapshot::new(snapshot.name, other, SnapshotKind::InPlace, 1);
    assert!(matches!(
        block_on(sources.state(&strange)),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn many_readers_at_once_read_the_same_bytes() {
    let folder = folder();
    let content = pattern(3 * MIB + 5);
    let (sources, snapshot) = taken(&write(folder.path(), "a.raw", &content));
    let reader = open(&sources, &snapshot).unwrap();
    let pieces: Vec<ByteRange> = ByteRange::at(0, reader.length()).pieces(300_007).collect();
    let reads = pieces.iter().map(|piece| reader.read_bytes(*piece));
    let read = block_on(futures::future::try_join_all(reads)).unwrap();
    assert!(read.concat() == content);
}
