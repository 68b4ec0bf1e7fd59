use std::ffi::OsStr;
use std::path::PathBuf;
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
    /// Runs a program to its end under GNU time, its output thrown away.
    ///
    /// # Panics
    /// When it cannot be run or does not succeed.
    pub fn of<I: AsRef<OsStr>>(program: &OsStr, arguments: impl IntoIterator<Item = I>) -> Self {
        let report = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let start = Instant::now();
        let status = Command::new("/usr/bin/time")
            .args(["--format=%M", "--output"])
            .arg(report.path())
            .arg(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("GNU time is installed");
        let wall = start.elapsed();
        assert!(status.success(), "{} ended with {status}", program.display());
        let text = std::fs::read_to_string(report.path()).unwrap_or_default();
        let kib: u64 = text.trim().parse().expect("GNU time prints a number");
        Self {
            wall,
            peak_bytes: kib * 1024,
        }
    }
}

/// Builds the release binary and gives its path.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn custody() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "custody-cli"])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the binary could not be built");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")),
        PathBuf::from,
    );
    target.join("release/custody")
}

/// Runs a line of shell as a [`Run`].
///
/// # Panics
/// As [`Run::of`].
#[must_use]
pub fn shell(line: &str) -> Run {
    Run::of(OsStr::new("sh"), ["-euc", line])
}
