use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_custody");
const PATIENCE: Duration = Duration::from_secs(60);
/// Verbs that take a state folder.
const WITH_STATE: [&str; 8] = [
    "capture", "verify", "resume", "abandon", "list", "log", "key", "keys",
];

/// A folder of its own with images, a store and a state folder in it; gone when dropped.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a run of the program came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::Builder::new().prefix("custody-cli-").tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// An image of so many bytes without a pattern.
    pub(crate) fn image(&self, name: impl AsRef<Path>, bytes: usize) -> PathBuf {
        let path = self.path(name);
        let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ bytes as u64;
        let words = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let content: Vec<u8> = words.flatten().take(bytes).collect();
        fs::write(&path, content).unwrap();
        path
    }

    /// An image with data at these offsets and holes between.
    pub(crate) fn sparse_image(&self, name: impl AsRef<Path>, bytes: u64, data_at: &[u64]) -> PathBuf {
        let path = self.path(name);
        let file = File::create(&path).unwrap();
        file.set_len(bytes).unwrap();
        for offset in data_at {
            file.write_all_at(b"data", *offset).unwrap();
        }
        path
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let words: Vec<OsString> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("XDG_STATE_HOME", self.folder.path().join("state-home"))
            .stdin(Stdio::null())
            .args(&words);
        // What /tmp lies on is not what these tests are about.
        if words
            .iter()
            .any(|word| WITH_STATE.iter().any(|verb| word == verb))
        {
            command.arg("--allow-temporary-state");
        }
        command
    }

    pub(crate) fn custody<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Run {
        Run::of(&self.command(words).output().unwrap())
    }

    /// The words of a capture of these images into the store.
    pub(crate) fn capture_words<P: AsRef<OsStr>>(
        &self,
        images: impl IntoIterator<Item = P>,
    ) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["capture", "local", "--image"].map(OsString::from).into();
        words.extend(images.into_iter().map(|image| image.as_ref().to_owned()));
        let options = [
            "--case",
            "C-1",
            "--examiner",
            "M. Example",
            "--authority",
            "Warrant 1",
            "--store",
            "store",
        ];
        words.extend(options.map(OsString::from));
        words
    }

    pub(crate) fn capture<P: AsRef<OsStr>>(&self, images: impl IntoIterator<Item = P>) -> Run {
        self.custody(self.capture_words(images))
    }

    pub(crate) fn verify(&self) -> Run {
        self.custody(["verify", "store"])
    }

    /// Starts the program and waits until its journal has a line of this kind.
    pub(crate) fn start_until(&self, words: Vec<OsString>, kind: &str) -> Child {
        let mut command = self.command(words);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !self.journals().iter().any(|journal| journal.contains(kind)) {
            assert!(begun.elapsed() < PATIENCE, "no {kind} line was written");
            std::thread::sleep(Duration::from_millis(2));
        }
        child
    }

    /// The journals of this host, whole.
    pub(crate) fn journals(&self) -> Vec<String> {
        let acquisitions = self.path("state-home/custody/acquisitions");
        let Ok(folders) = fs::read_dir(acquisitions) else {
            return Vec::new();
        };
        let logs = folders.map(|folder| folder.unwrap().path().join("log.jsonl"));
        let whole = |text: String| text.rsplit_once('\n').map(|(lines, _)| lines.to_owned());
        // A line that is still being written was not durable when its writer was killed.
        logs.filter_map(|log| fs::read_to_string(log).ok().and_then(whole))
            .collect()
    }

    /// The one acquisition's folder in the store.
    pub(crate) fn acquisition(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.store().join("cases/C-1")).unwrap();
        let only = folders.next().unwrap().unwrap().path();
        assert!(folders.next().is_none(), "one acquisition was expected");
        only
    }

    /// The manifest of the one acquisition.
    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.acquisition().join("manifest.json")).unwrap()).unwrap()
    }

    /// Demands that the store holds no file that was begun and not finished.
    pub(crate) fn expect_nothing_unfinished(&self) {
        let mut folders = vec![self.store()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().as_encoded_bytes();
                assert!(!name.starts_with(b"."), "{} was left behind", path.display());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
    }

    pub(crate) fn acquisition_id(&self) -> String {
        self.acquisition()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Flips the lowest bit of a byte of a stored file, whatever its mode.
    pub(crate) fn flip(&self, file: &Path, offset: u64) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
    }
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Demands an exit code; shows everything when it is another.
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out:\n{}\nerr:\n{}", self.out, self.err);
        self
    }

    /// The one document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err))
    }
}

/// What a child wrote and how it ended, after its end.
pub(crate) fn finish(child: Child) -> Run {
    Run::of(&child.wait_with_output().unwrap())
}

/// Runs the program with something on its standard input.
pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    finish(child)
}
