use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run of a program took.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Run {
    /// From start to end.
    pub wall: Duration,
    /// The largest resident set of it or its children, in bytes.
    pub peak_bytes: u64,
}

impl Run {
    /// Runs a program to its end under GNU time, its standard output thrown away.
    ///
    /// # Panics
    /// When it cannot be run or does not succeed; then with what it said on standard error.
    pub fn of<I: AsRef<OsStr>>(program: &OsStr, arguments: impl IntoIterator<Item = I>) -> Self {
        Self::with_environment(program, arguments, &[])
    }

    /// As [`of`](Self::of), with these variables besides the inherited ones.
    ///
    /// # Panics
    /// As [`of`](Self::of).
    pub fn with_environment<I: AsRef<OsStr>>(
        program: &OsStr,
        arguments: impl IntoIterator<Item = I>,
        variables: &[(&str, OsString)],
    ) -> Self {
        let report = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let start = Instant::now();
        let child = Command::new("/usr/bin/time")
            .args(["--format=%M", "--output"])
            .arg(report.path())
            .arg(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("GNU time is installed");
        let output = child.wait_with_output().expect("a child can be waited for");
        let wall = start.elapsed();
        assert!(
            output.status.success(),
            "{} ended with {}:\n{}",
            program.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let text = std::fs::read_to_string(report.path()).unwrap_or_default();
        let kib: u64 = text.trim().parse().expect("GNU time prints a number");
        Self {
            wall,
            peak_bytes: kib * 1024,
        }
    }

    /// What is done here, in this process: its time alone.
    pub fn timed(act: impl FnOnce()) -> Self {
        let start = Instant::now();
        act();
        Self::lasting(start.elapsed())
    }

    /// What took so long; of its memory nothing is known.
    #[must_use]
    pub const fn lasting(wall: Duration) -> Self {
        Self { wall, peak_bytes: 0 }
    }

    /// `custody capture local` of one image.
    ///
    /// # Panics
    /// As [`Run::of`].
    pub fn capture(custody: &Path, image: &Path, store: &Path, state: &Path) -> Self {
        let words = ["--case", "bench", "--examiner", "bench", "--authority", "bench"];
        let paths = [("--image", image), ("--store", store), ("--state", state)];
        let arguments = ["capture", "local"]
            .into_iter()
            .chain(words)
            .map(OsStr::new)
            .chain(
                paths
                    .into_iter()
                    .flat_map(|(flag, path)| [OsStr::new(flag), path.as_os_str()]),
            );
        Self::of(custody.as_os_str(), arguments)
    }

    /// A line of shell.
    ///
    /// # Panics
    /// As [`Run::of`].
    #[must_use]
    pub fn shell(line: &str) -> Self {
        Self::of(OsStr::new("sh"), ["-euc", line])
    }
}

/// Builds the release binary and gives its path.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn custody() -> PathBuf {
    built("custody", &["--package", "custody-cli"])
}

/// Builds the simulator of Azure and gives its path.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn custody_azure_sim() -> PathBuf {
    built(
        "custody-azure-sim",
        &["--package", "custody-testkit", "--features", "azure-sim"],
    )
}

fn built(program: &str, from: &[&str]) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--bin", program])
        .args(from)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{program} could not be built");
    build_folder().join("release").join(program)
}

/// A new folder on disk, under the build folder: custody keeps no state in memory.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn folder_on_disk() -> tempfile::TempDir {
    tempfile::tempdir_in(build_folder()).expect("a folder on disk")
}

fn build_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")),
        PathBuf::from,
    )
}
