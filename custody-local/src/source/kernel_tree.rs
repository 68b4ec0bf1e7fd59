use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use custody_core::visible;

/// The most that is read of one attribute; the longest that means anything to us is far shorter.
const MAX_ATTRIBUTE_BYTES: u64 = 4096;

/// Where the kernel tells of devices and mounts: `/sys` and `/proc`. Tests put folders in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KernelTree {
    pub(super) sys: PathBuf,
    pub(super) proc: PathBuf,
}

impl KernelTree {
    /// This host's.
    pub(super) fn host() -> Self {
        Self {
            sys: "/sys".into(),
            proc: "/proc".into(),
        }
    }

    /// What names this run of the kernel.
    pub(super) fn boot_id(&self) -> Option<String> {
        attribute(&self.proc.join("sys/kernel/random/boot_id"))
    }
}

/// The text of an attribute: trimmed, escaped; `None` where there is none, or nothing in it.
pub(super) fn attribute(path: &Path) -> Option<String> {
    let bytes = attribute_bytes(path)?;
    let text = visible::escape_bytes(bytes.trim_ascii());
    (!text.is_empty()).then_some(text)
}

/// The bytes of an attribute, at most [`MAX_ATTRIBUTE_BYTES`].
pub(super) fn attribute_bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_ATTRIBUTE_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}
