//! The conformance suites of the ports that this crate implements for stores, state and host.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use custody_core::layout;
use custody_core::port::{EvidenceReader as _, LogName, ProtectionKind};
use custody_local::{
    DirectoryReader, DirectoryStore, StateFolder, StateOptions, StoreOptions, TemporaryState,
};
use support::{Scratch, make_folders, pattern, wait};

fn store(path: &Path) -> Arc<DirectoryStore> {
    Arc::new(DirectoryStore::create_or_open(path, StoreOptions::default()).unwrap())
}

/// A store whose cases cannot be looked into: a link is where their folder should be.
fn blind(scratch: &Scratch) -> Arc<DirectoryStore> {
    let blind = store(&scratch.join("blind"));
    symlink("/", scratch.join("blind/cases")).unwrap();
    blind
}

mod sink {
    use std::process::{Command, Stdio};

    use custody_testkit::conformance::evidence_sink::SinkHarness;

    use super::*;

    fn make() -> SinkHarness {
        let scratch = Scratch::new();
        let root = scratch.join("store");
        let (again, foreign, links) = (root.clone(), root.clone(), root.clone());
        let outside = scratch.join("outside");
        let blind = blind(&scratch);
        let store = super::store(&root);
        let harness = SinkHarness::new(store.clone(), store)
            .reopened_by(move || {
                let store = super::store(&again);
                (store.clone(), store)
            })
            .with_foreign(move |name| {
                make_folders(&foreign.join(name.folder().unwrap().as_str()));
                fs::write(foreign.join(name.as_str()), "by hand").unwrap();
            })
            .with_blind_sink(blind)
            .with_link_outside(move |name| {
                let link = links.join(name.as_str());
                make_folders(link.parent().unwrap());
                make_folders(&outside);
                symlink(&outside, link).unwrap();
                let outside = outside.clone();
                Box::new(move || fs::read_dir(&outside).unwrap().next().is_some())
            })
            .losing_nothing()
            .protected_by(ProtectionKind::ReadOnlyMode);
        let Some(small) = SmallFileSystem::mount(&scratch.join("small")) else {
            return harness.keeping(scratch);
        };
        let full = super::store(&scratch.join("small"));
        harness
            .with_full_store(full.clone(), full, 2 << 20)
            .keeping(small)
            .keeping(scratch)
    }

    /// A file system in memory, of one MiB. Only root can mount one; the clause that needs it is ignored.
    struct SmallFileSystem(PathBuf);

    impl SmallFileSystem {
        fn mount(path: &Path) -> Option<Self> {
            make_folders(path);
            let options = ["-t", "tmpfs", "-o", "size=1m,mode=700", "none"];
            let mounted = Command::new("mount")
                .args(options)
                .arg(path)
                .stderr(Stdio::null())
                .status();
            mounted
                .is_ok_and(|status| status.success())
                .then(|| Self(path.to_owned()))
        }
    }

    impl Drop for SmallFileSystem {
        fn drop(&mut self) {
            let status = Command::new("umount").arg("--lazy").arg(&self.0).status();
            assert!(status.unwrap().success(), "{} stays mounted", self.0.display());
        }
    }

    custody_testkit::evidence_sink_conformance!(
        make,
        ignore {
            es_09_no_room_is_no_space_and_leaves_nothing: "needs root"
        }
    );
}

mod reader {
    use super::*;
    use custody_testkit::conformance::evidence_reader::ReaderHarness;

    fn fingerprint(folder: &Path, into: &mut String) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for entry in entries {
            let file = fs::symlink_metadata(&entry).unwrap();
            into.push_str(&format!(
                "{entry:?} {:o} {} {} {}.{} {}.{}\n",
                file.mode(),
                file.ino(),
                file.len(),
                file.mtime(),
                file.mtime_nsec(),
                file.ctime(),
                file.ctime_nsec()
            ));
            if file.is_dir() {
                fingerprint(&entry, into);
            }
        }
    }

    fn make() -> ReaderHarness {
        let scratch = Scratch::new();
        let root = scratch.join("store");
        let store = super::store(&root);
        let (nameless, seen) = (root.clone(), root);
        ReaderHarness::filled(store.clone(), store)
            .with_nameless(move || {
                fs::write(nameless.join("cases/a/.hidden"), "").unwrap();
                symlink("item", nameless.join("cases/a/link")).unwrap();
            })
            .with_blind_reader(Arc::new(blind_reader()))
            .fingerprinted_by(move || {
                let mut text = String::new();
                fingerprint(&seen, &mut text);
                text
            })
            .keeping(scratch)
    }

    /// The folder of a process that has ended: opened while it lived, unreadable now.
    fn blind_reader() -> DirectoryReader {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let reader = DirectoryReader::open(Path::new(&format!("/proc/{}/task", child.id()))).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        reader
    }

    custody_testkit::evidence_reader_conformance!(make);
}

mod image {
    use super::*;
    use custody_testkit::conformance::image_reader::ImageHarness;

    fn make() -> ImageHarness {
        let scratch = Scratch::new();
        let mut bytes = vec![0; 700_001];
        bytes[..5000].copy_from_slice(&pattern(5000, 1));
        bytes[400_000..450_000].copy_from_slice(&pattern(50_000, 2));
        let path = scratch.join("object");
        let file = fs::File::create(&path).unwrap();
        file.set_len(700_001).unwrap();
        for place in [0..5000, 400_000..450_000] {
            std::os::unix::fs::FileExt::write_all_at(&file, &bytes[place.clone()], place.start as u64)
                .unwrap();
        }
        let reader = DirectoryReader::open(scratch.path()).unwrap();
        let image = wait(reader.open(&"object".parse().unwrap())).unwrap();
        ImageHarness::new(image, bytes)
            .replaced_by(move || {
                fs::write(path.with_extension("new"), vec![1; 700_001]).unwrap();
                fs::rename(path.with_extension("new"), &path).unwrap();
            })
            .keeping(scratch)
    }

    /// All clauses but IR-06: an ordinary file offers no bad sectors. A read error is `Unreadable`.
    macro_rules! clauses {
        ($($clause:ident)*) => {
            $(#[test]
            fn $clause() {
                custody_testkit::conformance::assert_conforms(
                    make,
                    custody_testkit::conformance::image_reader::$clause,
                );
            })*
        };
    }
    clauses! {
        ir_01_the_length_is_constant
        ir_02_spans_cover_exactly_the_range_asked_for
        ir_03_what_is_told_as_zero_reads_as_zeros
        ir_04_a_read_answers_exactly_the_range
        ir_04_a_read_outside_the_image_is_misuse
        ir_05_a_replaced_object_gives_no_bytes
        ir_07_concurrent_reads_give_the_same_bytes
    }
}

mod anchor {
    use super::*;
    use custody_testkit::conformance::log_anchor::AnchorHarness;

    /// Stopped in the middle of the last line of the call.
    fn make() -> AnchorHarness {
        let scratch = Scratch::new();
        let (root, again) = (scratch.path().to_owned(), scratch.path().to_owned());
        let store = store(&root);
        AnchorHarness::new(store.clone(), store)
            .reopened_by(move || super::store(&again))
            .interrupted_by(move |log, lines| interrupt(&root, log, lines))
            .keeping(scratch)
    }

    fn interrupt(root: &Path, log: &LogName, lines: &[Bytes]) {
        let path = root.join(layout::log(log).as_str());
        let offset = fs::metadata(&path).unwrap().len();
        let payload: Vec<u8> = lines
            .iter()
            .flat_map(|line| [line, &b"\n"[..]].concat())
            .collect();
        let note = format!(".pending-{}", path.file_name().unwrap().to_string_lossy());
        fs::write(path.with_file_name(note), format!("{offset} {}\n", payload.len())).unwrap();
        let mut log = fs::File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut log, &payload[..payload.len() - 3]).unwrap();
    }

    custody_testkit::log_anchor_conformance!(make);
}

mod journal {
    use super::*;
    use custody_testkit::conformance::log_store::LogStoreHarness;

    fn open(path: &Path) -> StateFolder {
        StateFolder::open(
            path,
            StateOptions::default().with_temporary(TemporaryState::Allow),
        )
        .unwrap()
    }

    fn folder(root: &Path, log: &LogName) -> PathBuf {
        match log {
            LogName::Register => root.join("register"),
            LogName::Acquisition { acquisition, .. } => root.join("acquisitions").join(acquisition.as_str()),
        }
    }

    fn make() -> LogStoreHarness {
        let scratch = Scratch::new();
        let (again, torn, aside) = (
            scratch.path().to_owned(),
            scratch.path().to_owned(),
            scratch.path().to_owned(),
        );
        LogStoreHarness::new(Arc::new(open(scratch.path()).journal()))
            .reopened_by(move || Arc::new(open(&again).journal()))
            .torn_by(move |log, tail| {
                make_folders(&folder(&torn, log));
                let path = folder(&torn, log).join("log.jsonl");
                let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
                std::io::Write::write_all(&mut file, tail).unwrap();
            })
            .aside_read_by(move |log| {
                let folder = folder(&aside, log);
                let names = support::names(&folder)
                    .into_iter()
                    .filter(|name| name.starts_with("torn-"));
                names.map(|name| fs::read(folder.join(name)).unwrap()).collect()
            })
            .keeping(scratch)
    }

    custody_testkit::log_store_conformance!(make);
}

mod signer {
    use super::*;
    use custody_local::SystemEntropy;
    use custody_testkit::conformance::seal_signer::SignerHarness;

    /// The seed of an Ed25519 key is the last 32 bytes of its PKCS#8 form.
    fn make() -> SignerHarness {
        let scratch = Scratch::new();
        let state = StateFolder::open(
            scratch.path(),
            StateOptions::default().with_temporary(TemporaryState::Allow),
        );
        let (signer, _) = state
            .unwrap()
            .signer_or_new("host", &SystemEntropy::new())
            .unwrap();
        let pem = fs::read_to_string(scratch.join("keys/host.pem")).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64(&body);
        SignerHarness::new(Arc::new(signer))
            .with_private(&der[der.len() - 32..])
            .keeping(scratch)
    }

    fn base64(text: &str) -> Vec<u8> {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
        for letter in text.bytes().filter(|letter| *letter != b'=') {
            let value = alphabet.iter().position(|known| *known == letter).unwrap();
            bits = (bits << 6) | u32::try_from(value).unwrap();
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push(((bits >> held) & 0xff).try_into().unwrap());
            }
        }
        bytes
    }

    custody_testkit::seal_signer_conformance!(make);
}

mod clock {
    use super::*;
    use custody_local::SystemClock;
    use custody_testkit::conformance::clock::ClockHarness;

    custody_testkit::clock_conformance!(|| ClockHarness::new(Arc::new(SystemClock::new().unwrap())));
}

mod entropy {
    use super::*;
    use custody_local::SystemEntropy;
    use custody_testkit::conformance::entropy::EntropyHarness;

    custody_testkit::entropy_conformance!(|| EntropyHarness::new(Arc::new(SystemEntropy::new())));
}
