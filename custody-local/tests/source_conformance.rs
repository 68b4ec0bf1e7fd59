//! Local sources meet every clause of the ports they implement.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use custody_core::ids::EvidenceItemId;
use custody_core::port::{
    DiskSnapshot, GrantOptions, PlannedSnapshot, SnapshotPlan, Snapshotter as _, SourceAccess as _,
};
use custody_local::source::{LocalSources, SourceOptions};
use custody_testkit::conformance::image_reader::ImageHarness;
use custody_testkit::conformance::snapshotter::SnapshotterHarness;
use custody_testkit::conformance::source_access::AccessHarness;
use custody_testkit::fake::FakeClock;
use futures::executor::block_on;
use tempfile::TempDir;

/// Data, a hole of 1 MiB, data, and a length that is no multiple of a sector.
fn content() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..70_000_u32)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect();
    bytes.resize(70_000 + 1024 * 1024, 0);
    bytes.extend((0..10_007_u32).map(|at| u8::try_from(at % 241).unwrap()));
    bytes
}

/// The file with its zeros as a hole, where the file system makes one.
fn write(path: &Path, bytes: &[u8]) {
    let file = fs::File::create(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (piece, at) in bytes.chunks(4096).zip((0_u64..).step_by(4096)) {
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(piece, at).unwrap();
        }
    }
}

/// Writes in place. The time is set by hand: a kernel before 6.13 may stamp two writes alike.
fn overwrite(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(b"other bytes", 3).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(5))
        .unwrap();
}

/// A source: what to name, what of it to write to, and what it holds.
struct Source {
    folder: TempDir,
    named: PathBuf,
    written: PathBuf,
    bytes: Vec<u8>,
}

fn file() -> Source {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk \u{202e}.raw");
    write(&path, &content());
    Source {
        named: path.clone(),
        written: path,
        folder,
        bytes: content(),
    }
}

fn split_set() -> Source {
    let folder = tempfile::tempdir().unwrap();
    let bytes = content();
    for (number, part) in bytes.chunks(500_001).enumerate() {
        write(&folder.path().join(format!("disk.{:03}", number + 1)), part);
    }
    Source {
        named: folder.path().join("disk.001"),
        written: folder.path().join("disk.002"),
        folder,
        bytes,
    }
}

fn taken(sources: &LocalSources) -> DiskSnapshot {
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
    let outcome = block_on(sources.take(&plan)).pop().unwrap();
    outcome.result.unwrap().value
}

fn image(source: Source) -> ImageHarness {
    let sources = LocalSources::named([&source.named], SourceOptions::default()).unwrap();
    let snapshot = taken(&sources);
    let reader = block_on(async {
        let grant = sources
            .grant(&snapshot, GrantOptions::default())
            .await
            .unwrap()
            .value;
        sources.open(&snapshot, &grant).await.unwrap().image
    });
    let written = source.written;
    ImageHarness::new(reader, source.bytes)
        .replaced_by(move || overwrite(&written))
        .keeping(source.folder)
}

fn access(source: Source) -> AccessHarness {
    let sources = LocalSources::named([&source.named], SourceOptions::default()).unwrap();
    let snapshot = taken(&sources);
    let (written, gone) = (source.written.clone(), source.written);
    let clock = Arc::new(FakeClock::new());
    AccessHarness::new(Arc::new(sources), snapshot, source.bytes, clock)
        .written_by(move || overwrite(&written))
        .vanishing_by(move || fs::remove_file(&gone).unwrap())
        .keeping(source.folder)
}

fn snapshotter() -> SnapshotterHarness {
    let (one, two) = (file(), split_set());
    let sources = LocalSources::named([&one.named, &two.named], SourceOptions::default()).unwrap();
    let machine = sources.machine().clone();
    let sources = Arc::new(sources);
    let folders = [one.folder.path().to_owned(), two.folder.path().to_owned()];
    let fingerprint = move || {
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let mut files: Vec<String> = entries
            .map(|entry| {
                let path = entry.unwrap().path();
                format!("{} {:?}", path.display(), fs::metadata(&path).unwrap())
            })
            .collect();
        files.sort();
        files.join("\n")
    };
    SnapshotterHarness::new(Arc::clone(&sources) as _, sources, machine)
        .fingerprinted_by(fingerprint)
        .keeping((one.folder, two.folder))
}

mod an_image_file {
    mod as_image {
        custody_testkit::image_reader_conformance!(
            || super::super::image(super::super::file()),
            ignore {
                ir_06_a_bad_sector_is_never_given_as_data: "needs failing media: see source_devices"
            }
        );
    }
    mod as_source {
        custody_testkit::source_access_conformance!(|| super::super::access(super::super::file()));
    }
}

mod a_split_set {
    mod as_image {
        custody_testkit::image_reader_conformance!(
            || super::super::image(super::super::split_set()),
            ignore {
                ir_06_a_bad_sector_is_never_given_as_data: "needs failing media: see source_devices"
            }
        );
    }
    mod as_source {
        custody_testkit::source_access_conformance!(|| super::super::access(super::super::split_set()));
    }
}

mod this_host {
    custody_testkit::snapshotter_conformance!(
        super::snapshotter,
        ignore {
            sn_04_a_taken_name_is_refused_and_left_alone: "a source that is read in place takes no name",
            sn_09_what_goes_together_goes_on_one_warrant: "nothing is made, so nothing goes together"
        }
    );
}
