use std::fs::File;

use custody_core::custody_log::How;
use custody_core::digest::Sha256Digest;
use custody_hash::{Engine, ImageLayout, ImageOptions};

/// The running executable, also when its file was replaced or deleted meanwhile.
/// Source: proc_pid_exe(5), Linux man-pages 6.9, read 2026-11-21.
const EXECUTABLE: &str = "/proc/self/exe";
const UNKNOWN: &str = "unknown";

/// This program.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The commit it was built from, `-dirty` behind it when tracked files differed; `None` where nobody knows.
    pub(crate) commit: Option<&'static str>,
    /// SHA-256 of the running executable; `None` where it cannot be read.
    pub(crate) executable: Option<Sha256Digest>,
}

impl Tool {
    /// Reads and digests the running executable.
    pub(crate) fn observe(engine: &Engine) -> Self {
        let commit = env!("CUSTODY_COMMIT");
        Self {
            name: "custody",
            version: env!("CARGO_PKG_VERSION"),
            commit: (commit != UNKNOWN).then_some(commit),
            executable: digest_of_executable(engine),
        }
    }

    /// As the custody log names it.
    pub(crate) fn how(&self) -> How {
        let mut how = How::new(self.name, self.version);
        how.commit = self.commit.map(str::to_owned);
        how.executable = self.executable;
        how
    }
}

fn digest_of_executable(engine: &Engine) -> Option<Sha256Digest> {
    let file = File::open(EXECUTABLE).ok()?;
    let digests = engine
        .hash_reader(
            file,
            ImageLayout::of_unknown_length(),
            ImageOptions::default(),
            |_| Ok(()),
        )
        .ok()?;
    digests.stored_file.map(Sha256Digest::from_bytes)
}
