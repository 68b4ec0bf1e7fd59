//! Block devices, and media that fail, with the kernel's own means: loop devices, and files that
//! `qemu-storage-daemon` exports through FUSE with errors in places.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::ids::EvidenceItemId;
use custody_core::port::{
    DiskSnapshot, GrantOptions, ImageReader, ImageReaderExt as _, Machine, PlannedSnapshot, SnapshotPlan,
    Snapshotter as _, SourceAccess as _,
};
use custody_core::{Error, Result};
use custody_local::source::{LocalSources, MountedDevices, OnReadError, SourceOptions};
use futures::TryStreamExt as _;
use futures::executor::block_on;

const MIB: usize = 1024 * 1024;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| u8::try_from((at / 512 + at) % 253).unwrap())
        .collect()
}

/// A loop device; detached when dropped.
struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    fn attach(file: &Path, options: &[&str]) -> Self {
        let mut arguments = vec!["--find", "--show"];
        arguments.extend(options);
        arguments.push(file.to_str().unwrap());
        Self {
            path: run("losetup", &arguments).into(),
        }
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let detached = Command::new("losetup").arg("--detach").arg(&self.path).status();
        assert!(detached.is_ok() || std::thread::panicking());
    }
}

/// A mount; undone when dropped.
struct Mount {
    point: PathBuf,
}

impl Mount {
    fn read_only(device: &Path, point: &Path) -> Self {
        fs::create_dir(point).unwrap();
        run(
            "mount",
            &["-o", "ro", device.to_str().unwrap(), point.to_str().unwrap()],
        );
        Self {
            point: point.to_owned(),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.point).status();
        assert!(unmounted.is_ok() || std::thread::panicking());
    }
}

/// A file whose reads fail in places; ended when dropped.
struct FailingFile {
    daemon: Child,
    path: PathBuf,
}

impl FailingFile {
    /// Exports `image`; a read that touches one of these sectors fails with EIO.
    fn export(folder: &Path, image: &Path, sectors: &[u64]) -> Self {
        let path = folder.join("exported.raw");
        fs::write(&path, b"").unwrap();
        let mut errors = String::new();
        for (number, sector) in sectors.iter().enumerate() {
            errors.push_str(&format!(
                ",inject-error.{number}.event=read_aio,inject-error.{number}.errno=5,\
                 inject-error.{number}.sector={sector},inject-error.{number}.once=off"
            ));
        }
        let daemon = Command::new("qemu-storage-daemon")
            .arg("--blockdev")
            .arg(format!("driver=file,node-name=f,filename={}", image.display()))
            .arg("--blockdev")
            .arg(format!("driver=blkdebug,node-name=d,image=f{errors}"))
            .arg("--blockdev")
            .arg("driver=raw,node-name=r,file=d")
            .arg("--export")
            .arg(format!(
                "type=fuse,id=e,node-name=r,mountpoint={},writable=off,allow-other=off",
                path.display()
            ))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let failing = Self { daemon, path };
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::metadata(&failing.path).unwrap().len() == 0 {
            assert!(Instant::now() < deadline, "the export did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        failing
    }
}

impl Drop for FailingFile {
    fn drop(&mut self) {
        let ended = self.daemon.kill().and_then(|()| self.daemon.wait());
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .stderr(Stdio::null())
            .status();
        assert!((ended.is_ok() && unmounted.is_ok()) || std::thread::panicking());
    }
}

fn machine(sources: &LocalSources) -> Result<Machine> {
    block_on(sources.describe(sources.machine()))
}

fn take(sources: &LocalSources) -> Result<DiskSnapshot> {
    let disk = sources.disks().next().unwrap().clone();
    let plan = SnapshotPlan::new(
        "20261121T203015Z-0123abcd".parse().unwrap(),
        sources.machine().clone(),
        vec![PlannedSnapshot::new(
            EvidenceItemId::new(1),
            disk,
            "disk-1".parse().unwrap(),
        )],
    );
    block_on(sources.take(&plan))
        .remove(0)
        .result
        .map(|acted| acted.value)
}

/// Takes a device that was released a moment ago: a program that another test is starting has a copy
/// of every open file until it begins.
fn take_once_free(sources: &LocalSources) -> Result<DiskSnapshot> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match take(sources) {
            Err(Error::Refused { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

fn open(sources: &LocalSources, snapshot: &DiskSnapshot) -> Result<Arc<dyn ImageReader>> {
    block_on(async {
        let grant = sources.grant(snapshot, GrantOptions::default()).await?.value;
        sources.open(snapshot, &grant).await.map(|opened| opened.image)
    })
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_loop_device_is_read_described_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.raw");
    let content = pattern(8 * MIB);
    fs::write(&image, &content).unwrap();
    let device = LoopDevice::attach(&image, &["--read-only"]);
    let sources = LocalSources::named([&device.path], SourceOptions::default()).unwrap();
    let machine = machine(&sources).unwrap();
    let disk = &machine.disks[0];
    assert_eq!(disk.length, Some((8 * MIB as u64).into()));
    assert_eq!(disk.sector_bytes, 512);
    assert_eq!(disk.attributes["read-only"], "yes");
    assert_eq!(disk.attributes["extent-of-disk"], "whole disk");
    assert_eq!(disk.attributes["bus"], "virtual");
    assert_eq!(disk.attributes["backing-file"], image.to_str().unwrap());
    assert!(machine.not_acquired.iter().any(|not| not.what.contains("HPA")));

    let snapshot = take(&sources).unwrap();
    let before = block_on(sources.state(&snapshot)).unwrap();
    assert_eq!(before.pinned["length"], (8 * MIB).to_string());
    let reader = open(&sources, &snapshot).unwrap();
    let whole = ByteRange::at(0, reader.length());
    assert!(block_on(reader.read_bytes(whole)).unwrap()[..] == content);
    let spans: Vec<Span> = block_on(reader.spans(whole).try_collect()).unwrap();
    assert_eq!(spans, [Span::Data(whole)]);
    // A second reader shares the claim, and anyone else is kept out.
    let again = open(&sources, &snapshot).unwrap();
    let other = LocalSources::named([&device.path], SourceOptions::default()).unwrap();
    let refused = take(&other).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    drop((reader, again));
    take_once_free(&other).unwrap();
    let after = block_on(sources.state(&snapshot)).unwrap();
    assert!(
        before.changes_until(&after).is_empty(),
        "{:?}",
        before.changes_until(&after)
    );
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_write_to_a_device_shows_in_its_counters() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.raw");
    fs::write(&image, vec![0; MIB]).unwrap();
    let device = LoopDevice::attach(&image, &[]);
    let sources = LocalSources::named([&device.path], SourceOptions::default()).unwrap();
    machine(&sources).unwrap();
    let snapshot = take(&sources).unwrap();
    let before = block_on(sources.state(&snapshot)).unwrap();
    let file = fs::File::options().write(true).open(&device.path).unwrap();
    file.write_all_at(&[7; 4096], 0).unwrap();
    file.sync_all().unwrap();
    let changes = before.changes_until(&block_on(sources.state(&snapshot)).unwrap());
    assert!(
        changes.iter().any(|(name, _, _)| name == "sectors-written"),
        "{changes:?}"
    );
}

#[test]
#[ignore = "needs root, loop devices and mkfs.ext4"]
fn a_mounted_device_is_refused_by_its_mount_point_unless_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.raw");
    fs::write(&image, vec![0; 8 * MIB]).unwrap();
    run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]);
    let device = LoopDevice::attach(&image, &["--read-only"]);
    let point = folder.path().join("mounted here");
    let mount = Mount::read_only(&device.path, &point);
    let sources = LocalSources::named([&device.path], SourceOptions::default()).unwrap();
    let refused = machine(&sources).unwrap_err().to_string();
    assert!(
        refused.contains(point.to_str().unwrap()) && refused.contains("--allow-mounted"),
        "{refused}"
    );
    assert!(take(&sources).is_err());

    let options = SourceOptions::default().with_mounted(MountedDevices::Allow);
    let allowed = LocalSources::named([&device.path], options).unwrap();
    let disk = machine(&allowed).unwrap().disks.remove(0);
    assert!(
        disk.attributes["in-use"].contains("mounted here"),
        "{:?}",
        disk.attributes
    );
    let snapshot = take(&allowed).unwrap();
    let reader = open(&allowed, &snapshot).unwrap();
    let whole = ByteRange::at(0, reader.length());
    assert!(block_on(reader.read_bytes(whole)).unwrap()[..] == fs::read(&image).unwrap());
    drop((reader, mount));
    machine(&sources).unwrap();
}

#[test]
#[ignore = "needs root, loop devices and addpart"]
fn a_partition_says_that_it_is_one_and_what_of_its_disk_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.raw");
    let content = pattern(8 * MIB);
    fs::write(&image, &content).unwrap();
    let device = LoopDevice::attach(&image, &["--read-only", "--partscan"]);
    // A kernel need not know partition tables for that. The partition goes when the device does.
    run("addpart", &[device.path.to_str().unwrap(), "1", "2048", "4096"]);
    let partition = PathBuf::from(format!("{}p1", device.path.display()));
    let sources = LocalSources::named([&partition], SourceOptions::default()).unwrap();
    let machine = machine(&sources).unwrap();
    assert_eq!(machine.disks[0].attributes["extent-of-disk"], "partition 1");
    assert_eq!(machine.disks[0].attributes["partition-start-sector"], "2048");
    assert!(
        machine
            .not_acquired
            .iter()
            .any(|not| not.reason.contains("partition 1"))
    );
    let snapshot = take(&sources).unwrap();
    let reader = open(&sources, &snapshot).unwrap();
    let bytes = block_on(reader.read_bytes(ByteRange::at(0, reader.length()))).unwrap();
    assert!(bytes[..] == content[2048 * 512..6144 * 512]);
    assert!(
        block_on(sources.state(&snapshot))
            .unwrap()
            .noted
            .contains_key("disk-writes")
    );
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_device_that_loses_its_medium_while_it_is_read_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.raw");
    fs::write(&image, pattern(8 * MIB)).unwrap();
    let device = LoopDevice::attach(&image, &["--read-only"]);
    let sources = LocalSources::named([&device.path], SourceOptions::default()).unwrap();
    let snapshot = take(&sources).unwrap();
    let reader = open(&sources, &snapshot).unwrap();
    // The kernel cuts the device to the length that its file has now: as a medium that is taken out.
    fs::File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .set_len(0)
        .unwrap();
    run("losetup", &["--set-capacity", device.path.to_str().unwrap()]);
    let error = block_on(reader.read(ByteRange::at(4 * MIB as u64, MIB as u64))).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

fn failing(sectors: &[u64]) -> (tempfile::TempDir, Vec<u8>, FailingFile) {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.raw");
    let content = pattern(8 * MIB);
    fs::write(&image, &content).unwrap();
    let failing = FailingFile::export(folder.path(), &image, sectors);
    (folder, content, failing)
}

/// What is unread; everything else is the content.
fn lost(extents: &[Extent], content: &[u8]) -> Vec<(u64, u64, u32)> {
    let mut next = 0;
    let mut lost = Vec::new();
    for extent in extents {
        assert_eq!(extent.range().start(), next);
        next = extent.range().end();
        match extent {
            Extent::Data { at, bytes } => {
                let at = usize::try_from(*at).unwrap();
                assert!(bytes[..] == content[at..at + bytes.len()]);
            }
            Extent::Unread { range, fault } => {
                assert_eq!(fault.error, "EIO");
                lost.push((range.start() / 512, range.end() / 512, fault.tries));
            }
            Extent::Zero { .. } => panic!("{extent:?}"),
        }
    }
    assert_eq!(next, content.len() as u64);
    lost
}

#[test]
#[ignore = "needs qemu-storage-daemon and fuse"]
fn bad_sectors_of_a_file_are_located_and_the_rest_is_read() {
    let (_folder, content, failing) = failing(&[100, 5000, 5001, 5002]);
    let sources = LocalSources::named([&failing.path], SourceOptions::default()).unwrap();
    let snapshot = take(&sources).unwrap();
    let reader = open(&sources, &snapshot).unwrap();
    let extents = block_on(reader.read(ByteRange::at(0, reader.length()))).unwrap();
    assert_eq!(lost(&extents, &content), [(100, 101, 3), (5000, 5003, 3)]);

    let strict = SourceOptions::default().with_on_read_error(OnReadError::Stop);
    let sources = LocalSources::named([&failing.path], strict).unwrap();
    let reader = open(&sources, &take(&sources).unwrap()).unwrap();
    let error = block_on(reader.read(ByteRange::at(0, reader.length()))).unwrap_err();
    assert!(
        matches!(&error, Error::Unreadable { range, .. } if range.start() == 100 * 512),
        "{error}"
    );
}

#[test]
#[ignore = "needs root, loop devices, qemu-storage-daemon and fuse"]
fn bad_sectors_of_a_device_are_located_to_the_sector() {
    let (_folder, content, failing) = failing(&[64, 9000]);
    let device = LoopDevice::attach(&failing.path, &["--read-only", "--direct-io=on"]);
    let sources = LocalSources::named([&device.path], SourceOptions::default().with_retries(1)).unwrap();
    machine(&sources).unwrap();
    let snapshot = take(&sources).unwrap();
    let reader = open(&sources, &snapshot).unwrap();
    let extents = block_on(reader.read(ByteRange::at(0, reader.length()))).unwrap();
    assert_eq!(lost(&extents, &content), [(64, 65, 2), (9000, 9001, 2)]);
}

#[test]
#[ignore = "needs qemu-storage-daemon and fuse"]
fn an_image_whose_first_sector_is_bad_is_still_described() {
    let (_folder, _content, failing) = failing(&[0]);
    let sources = LocalSources::named([&failing.path], SourceOptions::default()).unwrap();
    let disk = machine(&sources).unwrap().disks.remove(0);
    assert_eq!(disk.format, "unknown");
    assert!(
        disk.attributes["anomaly"].contains("could not be read"),
        "{:?}",
        disk.attributes
    );
}

#[test]
#[ignore = "needs qemu-storage-daemon and fuse"]
fn a_file_whose_server_dies_ends_with_an_error_and_not_with_bad_sectors() {
    let (_folder, _content, mut failing) = failing(&[100]);
    let sources = LocalSources::named([&failing.path], SourceOptions::default()).unwrap();
    let reader = open(&sources, &take(&sources).unwrap()).unwrap();
    failing.daemon.kill().unwrap();
    failing.daemon.wait().unwrap();
    let error = block_on(reader.read(ByteRange::at(0, reader.length()))).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}
